//! The configurations that are compared.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_signing::{CredentialScope, Timestamp, derive_key_bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::options::Options;

const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-central-1";
const BUCKET: &str = "media-archive";
const ENDPOINT: &str = "s3.eu-central-1.amazonaws.com";

/// Where the origin answers with the headers that signing is about.
pub(crate) const ECHO: &str = "/echo";

/// The origin: answers at once.
pub(crate) const ORIGIN: &str = r#"{main}
http {
    {paths}
    access_log off;
    keepalive_requests 1000000000;
    server {
        listen 127.0.0.1:{port};
        location = /echo {
            return 200 "$http_host\n$http_x_amz_date\n$http_x_amz_content_sha256\n$http_authorization\n";
        }
        location / { return 200 "an object\n"; }
    }
}
"#;

/// The nginx under test. Connections are kept on both sides: opening them costs more than a
/// signature.
pub(crate) const PROXY: &str = "{module}{main}
http {
    {paths}
    access_log off;
    keepalive_requests 1000000000;
    upstream store {
        server 127.0.0.1:{origin};
        keepalive 64;
        keepalive_requests 1000000000;
    }
    server {
        listen 127.0.0.1:{port};
        location / {
            proxy_pass http://store;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
{location}        }
    }
}
";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// proxy_pass alone.
    Plain,
    /// The headers of a signed request as constants.
    Constant,
    /// Signed by our module.
    Signed,
    /// Signed by another module that takes the C module's directives.
    Peer,
}

impl Variant {
    /// All that there are, in this order.
    pub(crate) fn all(peer: bool) -> Vec<Self> {
        let mut all = vec![Self::Plain, Self::Constant, Self::Signed];
        if peer {
            all.push(Self::Peer);
        }
        all
    }

    /// The directive that loads what the variant needs, and nothing more: what a module costs by
    /// being there is part of its cost.
    pub(crate) fn load_module(self, options: &Options) -> String {
        let module = match self {
            Self::Plain | Self::Constant => None,
            Self::Signed => Some(&options.module),
            Self::Peer => options.peer.as_ref(),
        };
        module.map_or_else(String::new, |path| {
            format!("load_module {};\n", path.display())
        })
    }

    /// What stands beside `proxy_pass`.
    pub(crate) fn location(self, constants: Option<&SignedHeaders>) -> String {
        match (self, constants) {
            (Self::Constant, Some(headers)) => headers.as_directives(),
            (Self::Plain | Self::Constant, _) => String::new(),
            (Self::Signed, _) => format!(
                "aws_access_key {ACCESS_KEY};\naws_secret_key {SECRET_KEY};\n\
                 aws_region {REGION};\naws_s3_bucket {BUCKET};\naws_sign on;\n"
            ),
            (Self::Peer, _) => c_module(now()),
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "plain",
            Self::Constant => "constant",
            Self::Signed => "signed",
            Self::Peer => "peer",
        })
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_unix(since.map_or(0, |since| since.as_secs().cast_signed()))
}

/// The C module's directives, with a key that is good for the day of `now`. Host is for the
/// configuration to set there.
fn c_module(now: Timestamp) -> String {
    let scope = CredentialScope::new(now.date(), REGION, "s3")
        .expect("a calendar day, and constants that make a scope");
    let key = STANDARD.encode(derive_key_bytes(SECRET_KEY.as_bytes(), &scope));
    format!(
        "aws_access_key {ACCESS_KEY};\naws_key_scope {scope};\naws_signing_key {key};\n\
         aws_s3_bucket {BUCKET};\naws_endpoint {ENDPOINT};\naws_sign;\n\
         proxy_set_header Host {BUCKET}.{ENDPOINT};\n"
    )
}

/// The headers that a signed request has and a plain one has not, or not so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SignedHeaders {
    /// Host
    pub(crate) host: String,
    date: String,
    payload: String,
    authorization: String,
}

impl SignedHeaders {
    /// Reads what the origin answers at [`ECHO`]; none where that is not signed.
    pub(crate) fn parse(echo: &str) -> Option<Self> {
        let mut lines = echo.lines().map(str::to_owned);
        let headers = Self {
            host: lines.next()?,
            date: lines.next()?,
            payload: lines.next()?,
            authorization: lines.next()?,
        };
        let signed = headers.authorization.starts_with("AWS4-HMAC-SHA256 ")
            && headers.date.len() == "20130524T000000Z".len()
            && !headers.payload.is_empty();
        signed.then_some(headers)
    }

    fn as_directives(&self) -> String {
        let Self {
            host,
            date,
            payload,
            authorization,
        } = self;
        format!(
            "proxy_set_header Host {host};\nproxy_set_header x-amz-date {date};\n\
             proxy_set_header x-amz-content-sha256 {payload};\n\
             proxy_set_header Authorization \"{authorization}\";\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_those_of_a_signed_request() {
        let signed = "b.h\n20130524T000000Z\nUNSIGNED-PAYLOAD\nAWS4-HMAC-SHA256 Credential=a, b\n";
        let headers = SignedHeaders::parse(signed).unwrap();
        let directives = Variant::Constant.location(Some(&headers));
        assert!(directives.starts_with("proxy_set_header Host b.h;\n"));
        assert!(directives.contains("Authorization \"AWS4-HMAC-SHA256 Credential=a, b\";"));
        for unsigned in ["store\n\n\n\n", "", &signed.replace("AWS4", "AWS3")] {
            assert_eq!(SignedHeaders::parse(unsigned), None, "{unsigned}");
        }
    }

    #[test]
    fn the_peer_gets_a_key_of_the_day() {
        let directives = c_module(Timestamp::from_unix(1_369_353_600));
        assert!(directives.contains("aws_key_scope 20130524/eu-central-1/s3/aws4_request;"));
        let key = directives
            .split_once("aws_signing_key ")
            .and_then(|(_, rest)| rest.split_once(';'))
            .map(|(key, _)| STANDARD.decode(key).unwrap());
        assert_eq!(key.map(|key| key.len()), Some(32));
    }
}
