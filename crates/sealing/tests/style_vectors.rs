//! The requests in the vectors of `aws-signing`, sealed in each style. The format is described beside
//! them.
//!
//! A sealed head is not the vector's request to the letter: to S3 its target is canonical, and its
//! date is in x-amz-date. Where that changes what is signed, the vector's own text is changed in
//! the same way, by hand.

mod vectors;

use aws_sealing::owner::{Configured, Sources};
use aws_sealing::{
    Addressing, Body, Destination, Form, Identity, Key, MethodSet, PassHeaders, Payload, Place,
    Policy, Sealer, SignedHeaders, TargetSource, Unsigned,
};
use aws_signing::{CredentialScope, SigningKey, v2};
use vectors::{Vector, canonical_query};

/// What no proxy may send on for its client.
const DROPPED: [&str; 2] = ["s3-presign-js-hoisted-hash", "s3-presign-lowercase-param"];

impl Vector {
    /// What nginx would send: lines that name no body, and none of the signature's.
    fn head(&self) -> (Vec<u8>, std::ops::Range<usize>) {
        let (path, query) = (self.text("path_on_wire"), self.text("query_on_wire"));
        let separator = if query.is_empty() { "" } else { "?" };
        let target = format!("{path}{separator}{query}");
        let start = self.text("method").len() + 1;
        let mut head = format!("{} {target} HTTP/1.1\r\n", self.text("method"));
        for (name, value) in self.headers() {
            if !name.eq_ignore_ascii_case("content-length") {
                head += &format!("{name}: {value}\r\n");
            }
        }
        (
            format!("{head}\r\n").into_bytes(),
            start..start + target.len(),
        )
    }

    /// The head that is sent, and what of it is signed.
    fn seal(
        &self,
        place: Place,
        v2_key: Option<&v2::SecretKey>,
    ) -> Result<(String, String), String> {
        let mut methods = MethodSet::EMPTY;
        assert!(methods.insert(self.text("method").as_bytes()));
        let mut signed_headers = SignedHeaders::default();
        let listed = self.0["signed_headers"].as_array();
        for name in listed.into_iter().flatten() {
            signed_headers.insert(name.as_str().unwrap().as_bytes())?;
        }
        let policy = Policy {
            methods,
            operations: aws_operations::OperationSet::ALL,
            addressing: None,
            pass_headers: PassHeaders::default(),
            signed_headers,
            response_overrides: true,
            place,
        };
        let now = self.now();
        let (region, service) = (self.text("region"), self.text("service"));
        let scope = CredentialScope::new(now.date(), region, service).unwrap();
        let key = SigningKey::derive(self.text("secret_key").as_bytes(), &scope);
        let identity = Identity {
            access_key: self.text("access_key").as_bytes(),
            session_token: self.token().map(str::as_bytes),
            expires_at: None,
            key: match v2_key {
                Some(key) => Key::V2(key),
                None => Key::V4 {
                    scope: &scope,
                    key: &key,
                },
            },
        };
        let host = self
            .headers()
            .find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = host.unwrap().1;
        // A bucket of another domain than the host's is named by the configuration.
        let destination = match self.bucket() {
            Some(bucket) => match host.strip_prefix(bucket) {
                Some(rest) if rest.starts_with('.') => Destination::AsSentBelow {
                    endpoint: &rest.as_bytes()[1..],
                },
                _ => Destination::Bucket {
                    bucket: bucket.as_bytes(),
                    endpoint: b"store.example",
                    addressing: Addressing::Virtual,
                },
            },
            None => Destination::AsSent,
        };

        let (head, target) = self.head();
        let names = self
            .headers()
            .map(|(name, _)| (name.as_bytes(), &b"$v"[..]));
        let configured = Configured::new(names);
        let unsigned = Unsigned {
            head: &head,
            target: target.clone(),
            source: TargetSource {
                form: &Form::Bare,
                uri: b"/",
                args: b"",
                request_uri: &head[target.clone()],
            },
            payload: Payload {
                line: self.text("payload").as_bytes(),
                body: Body::Empty,
                unframed: None,
            },
            sources: Sources {
                configured: &configured,
                client: &|_| {},
                forwards_client: true,
                cacheable: false,
                evaluated: None,
            },
        };
        let mut sealer = Sealer::new();
        let sealed = sealer.seal(&unsigned, &policy, &destination, &identity, &now);
        let sealed = sealed.map_err(|error| error.to_string())?.to_vec();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ok((text(&sealed), text(sealer.signed_text().1)))
    }

    /// The string to sign with the target in S3's canonical form.
    fn canonical_string_to_sign(&self) -> String {
        let wire = self.text("path_on_wire");
        let mut path = Vec::new();
        aws_signing::path::s3(wire.as_bytes(), &mut path);
        let path = String::from_utf8(path).unwrap();
        let (lines, resource) = self.text("string_to_sign").rsplit_once('\n').unwrap();
        format!("{lines}\n{}", resource.replacen(wire, &path, 1))
    }
}

fn vectors(style: &str) -> Vec<Vector> {
    let mut vectors = vectors::of_style(style);
    vectors.retain(|vector| !DROPPED.contains(&vector.text("name")));
    vectors
}

fn in_query(vector: &Vector) -> Place {
    Place::Query {
        expires: vector.expires(),
    }
}

/// The query of a sealed head, its parameters in canonical form and order.
fn query(head: &str) -> String {
    let target = head.split(' ').nth(1).unwrap();
    canonical_query(target.split_once('?').map_or("", |(_, query)| query))
}

fn authorization(head: &str) -> Option<&str> {
    let mut lines = head.split("\r\n");
    lines.find_map(|line| line.strip_prefix("Authorization: "))
}

#[track_caller]
fn equal(vector: &Vector, what: &str, found: &str, expected: &str) {
    assert_eq!(found, expected, "{what} of {}", vector.text("name"));
}

#[test]
fn version_4_in_the_query() {
    let vectors = vectors("query");
    for vector in &vectors {
        let (head, signed) = vector.seal(in_query(vector), None).unwrap();
        equal(
            vector,
            "what is signed",
            &signed,
            vector.text("canonical_request"),
        );
        equal(
            vector,
            "query",
            &query(&head),
            &canonical_query(vector.text("signed_query")),
        );
        assert_eq!(authorization(&head), None, "{head}");
        for name in ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256"] {
            assert!(
                !head.to_lowercase().contains(&format!("\n{name}:")),
                "{head}"
            );
        }
    }
    assert!(vectors.len() >= 35, "{}", vectors.len());
}

#[test]
fn version_4_in_headers() {
    let vectors = vectors("header");
    let mut sealed = 0;
    for vector in &vectors {
        // Some have headers that no proxy sends on, or leave headers unsigned that we sign.
        let Ok((head, signed)) = vector.seal(Place::Headers, None) else {
            continue;
        };
        if signed.lines().rev().nth(1) != vector.text("canonical_request").lines().rev().nth(1) {
            continue;
        }
        equal(
            vector,
            "what is signed",
            &signed,
            vector.text("canonical_request"),
        );
        equal(
            vector,
            "authorization",
            authorization(&head).unwrap(),
            vector.text("authorization"),
        );
        sealed += 1;
    }
    assert!(sealed >= 145, "{sealed} of {}", vectors.len());
}

#[test]
fn version_2_in_headers() {
    let vectors = vectors("v2-header");
    for vector in &vectors {
        let key = v2::SecretKey::new(vector.text("secret_key").as_bytes());
        let (head, signed) = vector.seal(Place::Headers, Some(&key)).unwrap();

        // The date is in x-amz-date, among the other headers of that kind.
        let expected = vector.canonical_string_to_sign();
        let lines: Vec<&str> = expected.split('\n').collect();
        let (resource, amz) = lines[4..].split_last().unwrap();
        let date = format!("x-amz-date:{}", vector.now().http_date());
        // They are sent, and therefore signed, with single spaces.
        let single = |line: &str| {
            line.split(' ')
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let amz = amz.iter().filter(|line| !line.starts_with("x-amz-date:"));
        let mut amz: Vec<String> = amz.map(|line| single(line)).chain([date]).collect();
        amz.sort_unstable();
        let amz: Vec<&str> = amz.iter().map(String::as_str).collect();
        let expected = [&lines[..3], &[""], &amz, &[resource]].concat().join("\n");
        equal(vector, "what is signed", &signed, &expected);
        let access_key = vector.text("access_key");
        let found = authorization(&head).unwrap();
        assert!(found.starts_with(&format!("AWS {access_key}:")), "{head}");
        assert!(!head.contains("x-amz-content-sha256"), "{head}");
    }
    assert!(vectors.len() >= 28, "{}", vectors.len());
}

#[test]
fn version_2_in_the_query() {
    let vectors = vectors("v2-query");
    for vector in &vectors {
        let key = v2::SecretKey::new(vector.text("secret_key").as_bytes());
        let (head, signed) = vector.seal(in_query(vector), Some(&key)).unwrap();
        equal(
            vector,
            "what is signed",
            &signed,
            &vector.canonical_string_to_sign(),
        );
        equal(
            vector,
            "query",
            &query(&head),
            &canonical_query(vector.text("signed_query")),
        );
        assert_eq!(authorization(&head), None, "{head}");
        assert!(!head.to_lowercase().contains("\nx-amz-"), "{head}");
    }
    assert!(vectors.len() >= 10, "{}", vectors.len());
}
