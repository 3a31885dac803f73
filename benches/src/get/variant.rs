//! The configurations that are compared by a GET.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_signing::{CredentialScope, Timestamp, derive_key_bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::configuration::{self, ACCESS_KEY, BUCKET, REGION, SECRET_KEY, SignedHeaders};
use crate::options::Options;

const ENDPOINT: &str = "s3.eu-central-1.amazonaws.com";

const QUERY: &str = "aws_signature_in query;\n";
const V2: &str = "aws_signature_version 2;\n";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// proxy_pass alone.
    Plain,
    /// The headers of a signed request as constants.
    Constant,
    /// Signed by our module.
    Signed,
    /// The same, in the query.
    Query,
    /// The same, with Version 2.
    V2,
    /// With Version 2, in the query.
    QueryV2,
    /// Signed by another module that takes the C module's directives.
    Peer,
}

impl Variant {
    /// All that there are, in this order.
    pub(crate) fn all(peer: bool) -> Vec<Self> {
        let mut all = vec![Self::Plain, Self::Constant, Self::Signed];
        all.extend([Self::Query, Self::V2, Self::QueryV2]);
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
            Self::Signed | Self::Query | Self::V2 | Self::QueryV2 => Some(&options.module),
            Self::Peer => options.peer.as_ref(),
        };
        module.map_or_else(String::new, |path| {
            format!("load_module {};\n", path.display())
        })
    }

    /// The directives in addition to `proxy_pass`.
    pub(crate) fn location(self, constants: Option<&SignedHeaders>) -> String {
        match (self, constants) {
            (Self::Constant, Some(headers)) => headers.as_directives(),
            (Self::Plain | Self::Constant, _) => String::new(),
            (Self::Signed, _) => configuration::sign(),
            (Self::Query, _) => configuration::sign() + QUERY,
            (Self::V2, _) => configuration::sign() + V2,
            (Self::QueryV2, _) => configuration::sign() + QUERY + V2,
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
            Self::Query => "query",
            Self::V2 => "v2",
            Self::QueryV2 => "v2 query",
            Self::Peer => "peer",
        })
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_unix(since.map_or(0, |since| since.as_secs().cast_signed()))
}

/// The C module's directives, with a key that is valid for the day of `now`. Host is for the
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

#[cfg(test)]
mod tests {
    use super::*;

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
