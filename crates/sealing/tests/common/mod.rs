//! Heads as nginx serializes them, and what a strict server makes of the sealed ones.

// Each test file uses its part of it.
#![allow(dead_code)]

use aws_operations::OperationSet;
use aws_sealing::owner::{ClientHeader, Configured, Evaluated, Sources, has_variables};
use aws_sealing::{
    Addressing, Body, Destination, Form, Identity, Key, MethodSet, PassHeaders, Payload, Place,
    Policy, SealError, Sealer, SignedHeaders, TargetSource, Unsigned,
};
use aws_signing::query::Canonicalizer;
use aws_signing::{CredentialScope, Header, Request, Signer, SigningKey, Timestamp};

pub(crate) const ACCESS_KEY: &[u8] = b"AKIDEXAMPLE";
/// 2013-05-24T00:00:00Z
pub(crate) const NOW: i64 = 1_369_353_600;

/// The client's headers that nginx drops by default.
const DROPPED: [&str; 8] = [
    "Host",
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "TE",
    "Keep-Alive",
    "Expect",
    "Upgrade",
];

pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// A request as nginx is about to send it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    /// What `proxy_pass` makes of the request.
    pub(crate) form: Form,
    /// As `$uri` shows it.
    pub(crate) uri: Vec<u8>,
    /// As `$args` shows them.
    pub(crate) args: Vec<u8>,
    /// As `$request_uri` shows it.
    pub(crate) request_uri: Vec<u8>,
    /// What `proxy_set_header` sets. A value with a line break is one that a variable has brought in.
    pub(crate) own: Vec<Pair>,
    /// The client's headers; nginx drops those whose names it writes itself.
    pub(crate) client: Vec<Pair>,
    pub(crate) methods: Vec<&'static str>,
    pub(crate) operations: OperationSet,
    pub(crate) addressing: Option<Addressing>,
    pub(crate) pass_headers: PassHeaders,
    pub(crate) signed_headers: SignedHeaders,
    pub(crate) response_overrides: bool,
    pub(crate) bucket: Option<(&'static str, &'static str, Addressing)>,
    pub(crate) service: &'static str,
    pub(crate) place: Place,
    pub(crate) token: Option<&'static str>,
    pub(crate) body: Body,
}

pub(crate) fn pair(name: &str, value: &str) -> Pair {
    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
}

impl Case {
    /// `GET target` to S3, sent as it came from the client, with the Host that nginx sends.
    pub(crate) fn get(target: impl AsRef<[u8]>) -> Self {
        Self {
            method: b"GET".to_vec(),
            target: target.as_ref().to_vec(),
            form: Form::Bare,
            uri: b"/".to_vec(),
            args: Vec::new(),
            request_uri: target.as_ref().to_vec(),
            own: vec![pair("Host", "store.example"), pair("Connection", "close")],
            client: Vec::new(),
            methods: vec!["GET", "HEAD"],
            operations: OperationSet::ALL,
            addressing: None,
            pass_headers: PassHeaders::default(),
            signed_headers: SignedHeaders::default(),
            response_overrides: false,
            bucket: None,
            service: "s3",
            place: Place::Headers,
            token: None,
            body: Body::Empty,
        }
    }

    pub(crate) fn own(mut self, name: &str, value: &str) -> Self {
        self.own.push(pair(name, value));
        self
    }

    pub(crate) fn client(mut self, name: &str, value: &str) -> Self {
        self.client.push(pair(name, value));
        self
    }

    /// The client's headers that nginx sends on.
    pub(crate) fn forwarded(&self) -> impl Iterator<Item = &Pair> {
        self.client.iter().filter(|(name, _)| {
            let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
            !self.own.iter().any(|(other, _)| is(other))
                && !DROPPED.map(str::as_bytes).into_iter().any(is)
        })
    }

    /// The values of `proxy_set_header` as they are configured.
    fn directives(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.own.iter().map(|(name, value)| {
            let breaks = value.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
            (&name[..], if breaks { &b"$uri"[..] } else { value })
        })
    }

    /// How many of the variables have a value.
    fn evaluated(&self) -> Option<Evaluated> {
        Configured::is_ambiguous(self.directives(), false).then(|| {
            let variables = self.directives().filter(|(_, text)| has_variables(text));
            let (hosts, others): (Vec<_>, Vec<_>) =
                variables.partition(|(name, _)| name.eq_ignore_ascii_case(b"host"));
            Evaluated {
                hosts: hosts.len(),
                others: others.len(),
            }
        })
    }

    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = [&self.method[..], b" ", &self.target, b" HTTP/1.0\r\n"].concat();
        for (name, value) in self
            .own
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .chain(self.forwarded())
        {
            head.extend_from_slice(&[name, &b": "[..], value, b"\r\n"].concat());
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    pub(crate) fn seal(&self) -> Result<Vec<u8>, SealError> {
        let start = self.method.len() + 1;
        self.seal_head(&self.head(), start..start + self.target.len())
    }

    /// Seals other bytes under the policy of this case.
    pub(crate) fn seal_head(
        &self,
        head: &[u8],
        target: std::ops::Range<usize>,
    ) -> Result<Vec<u8>, SealError> {
        let mut methods = MethodSet::EMPTY;
        for method in &self.methods {
            assert!(methods.insert(method.as_bytes()), "{method}");
        }
        let policy = Policy {
            methods,
            operations: self.operations,
            addressing: self.addressing,
            pass_headers: self.pass_headers.clone(),
            signed_headers: self.signed_headers.clone(),
            response_overrides: self.response_overrides,
            place: self.place,
        };
        let destination = match self.bucket {
            None => Destination::AsSent,
            Some((bucket, endpoint, addressing)) => Destination::Bucket {
                bucket: bucket.as_bytes(),
                endpoint: endpoint.as_bytes(),
                addressing,
            },
        };
        let (scope, key) = key(self.service);
        let configured = Configured::new(self.directives());
        let unsigned = Unsigned {
            head,
            target,
            source: TargetSource {
                form: &self.form,
                uri: &self.uri,
                args: &self.args,
                request_uri: &self.request_uri,
            },
            payload: Payload {
                body: self.body,
                ..Payload::EMPTY
            },
            sources: Sources {
                configured: &configured,
                client: &|each| {
                    self.client
                        .iter()
                        .for_each(|(name, value)| each(client_header(name, value)));
                },
                forwards_client: true,
                cacheable: false,
                evaluated: self.evaluated(),
            },
        };
        let identity = Identity {
            access_key: ACCESS_KEY,
            session_token: self.token.map(str::as_bytes),
            expires_at: None,
            key: Key::V4 {
                scope: &scope,
                key: &key,
            },
        };
        let now = Timestamp::from_unix(NOW);
        let mut sealer = Sealer::new();
        let sealed = sealer.seal(&unsigned, &policy, &destination, &identity, &now);
        sealed.map(<[u8]>::to_vec)
    }

    /// The sealed head as a server reads it.
    #[track_caller]
    pub(crate) fn sealed(&self) -> Sealed {
        let sealed = self.seal();
        let sealed = sealed.unwrap_or_else(|error| panic!("{error}: {self:?}"));
        Sealed::parse(&sealed).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }
}

/// A header as nginx holds it.
pub(crate) fn client_header<'a>(name: &'a [u8], value: &'a [u8]) -> ClientHeader<'a> {
    let lower = name.iter().map(u8::to_ascii_lowercase);
    ClientHeader {
        name,
        value,
        hash: lower.fold(0, |hash, byte| {
            usize::wrapping_add(usize::wrapping_mul(hash, 31), byte.into())
        }),
    }
}

fn key(service: &str) -> (CredentialScope, SigningKey) {
    let scope = CredentialScope::new("20130524", "us-east-1", service).expect("a scope");
    let key = SigningKey::derive(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &scope);
    (scope, key)
}

/// What a strict server reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Vec<Pair>,
}

impl Sealed {
    /// Parses by RFC 9112, without any leniency.
    pub(crate) fn parse(head: &[u8]) -> Result<Self, String> {
        let body = head.strip_suffix(b"\r\n\r\n").ok_or("no end of the head")?;
        let mut lines = Vec::new();
        let mut rest = body;
        while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
            lines.push(&rest[..at]);
            rest = &rest[at + 2..];
        }
        lines.push(rest);
        for line in &lines {
            if line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) || line.is_empty() {
                return Err(format!("bad line {:?}", line.escape_ascii().to_string()));
            }
        }

        let words: Vec<&[u8]> = lines[0].split(|byte| *byte == b' ').collect();
        let [method, target, b"HTTP/1.0"] = words[..] else {
            return Err(format!(
                "request line {:?}",
                lines[0].escape_ascii().to_string()
            ));
        };
        let headers = lines[1..].iter().map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            let value = &line[colon + 1..];
            let start = value.iter().take_while(|b| is_blank(b)).count();
            let end = value[start..]
                .iter()
                .rev()
                .take_while(|b| is_blank(b))
                .count();
            Some((
                line[..colon].to_vec(),
                value[start..value.len() - end].to_vec(),
            ))
        });
        Ok(Self {
            method: method.to_vec(),
            target: target.to_vec(),
            headers: headers
                .collect::<Option<_>>()
                .ok_or("a line without colon")?,
        })
    }

    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let named = |pair: &&Pair| pair.0.eq_ignore_ascii_case(name.as_bytes());
        let text = |pair: &Pair| String::from_utf8_lossy(&pair.1).into_owned();
        self.headers.iter().filter(named).map(text).collect()
    }

    /// The names in SignedHeaders.
    pub(crate) fn signed_headers(&self) -> Vec<String> {
        let authorization = self.all("authorization").concat();
        let names = authorization
            .split("SignedHeaders=")
            .nth(1)
            .unwrap_or_default();
        let names = names.split(',').next().unwrap_or_default();
        names.split(';').map(str::to_owned).collect()
    }

    /// Path and query of the target.
    pub(crate) fn target_parts(&self) -> (&[u8], &[u8]) {
        match self.target.iter().position(|byte| *byte == b'?') {
            Some(at) => (&self.target[..at], &self.target[at + 1..]),
            None => (&self.target, b""),
        }
    }

    /// Recomputes the signature from what the server has read, by the rules of `service`.
    pub(crate) fn verify(&self, service: &str) -> Result<(), String> {
        for name in [
            "authorization",
            "host",
            "x-amz-date",
            "x-amz-content-sha256",
        ] {
            if self.all(name).len() != 1 {
                return Err(format!("{name}: {:?}", self.all(name)));
            }
        }
        let names = self.signed_headers();
        for (name, _) in &self.headers {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            let is_needed = matches!(&name[..], "host" | "content-md5" | "content-type")
                || name.starts_with("x-amz-");
            if is_needed && !names.contains(&name) {
                return Err(format!("{name} is not signed"));
            }
        }

        let (path, query) = self.target_parts();
        let (mut canonical_path, mut canonical_query) = (Vec::new(), Vec::new());
        match service {
            "s3" => aws_signing::path::s3(path, &mut canonical_path),
            _ => aws_signing::path::double_encoded(path, &mut canonical_path),
        }
        Canonicalizer::new().write(query, |_| true, &mut canonical_query);

        let mut headers: Vec<Header<'_>> = self
            .headers
            .iter()
            .filter(|(name, _)| names.contains(&String::from_utf8_lossy(name).to_ascii_lowercase()))
            .map(|(name, value)| Header { name, value })
            .collect();
        let (scope, key) = key(service);
        let mut signer = Signer::new();
        let signature = signer
            .sign(
                &mut Request {
                    method: &self.method,
                    path: &canonical_path,
                    query: &canonical_query,
                    headers: &mut headers,
                    payload: self.all("x-amz-content-sha256")[0].as_bytes(),
                },
                &key,
                &scope,
                &Timestamp::from_unix(NOW),
            )
            .map_err(|error| error.to_string())?;
        let mut expected = Vec::new();
        signature.write_authorization(ACCESS_KEY, &mut expected);
        match self.all("authorization")[0].as_bytes() == expected {
            true => Ok(()),
            false => Err("the signature does not match".to_owned()),
        }
    }
}
