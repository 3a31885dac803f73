//! The configurations that are compared by a PUT.

use std::fmt;

use super::body::Body;
use crate::configuration::{self, SignedHeaders};
use crate::options::Options;

/// How a body goes through nginx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    /// What is signed of it.
    pub(crate) payload: Payload,
    /// Whether nginx has all of it before it sends any (`proxy_request_buffering`).
    pub(crate) buffered: bool,
}

/// What is signed of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// proxy_pass, with the headers of a signed request as constants.
    Plain,
    /// `aws_payload unsigned`.
    Unsigned,
    /// `aws_payload signed`: its hash.
    Signed,
    /// `aws_payload streaming`: it is put into signed chunks.
    Streaming,
    /// `aws_payload auto`, and a client that signs chunks: they are signed again.
    Resigned,
    /// `aws_payload decode`, and the same client: its framing is taken off.
    Decoded,
}

impl Variant {
    /// All that there are, in this order: each buffering, its plain one first.
    pub(crate) const ALL: [Self; 9] = {
        const fn new(buffered: bool, payload: Payload) -> Variant {
            Variant { payload, buffered }
        }
        [
            new(true, Payload::Plain),
            new(true, Payload::Unsigned),
            new(true, Payload::Signed),
            new(true, Payload::Streaming),
            new(false, Payload::Plain),
            new(false, Payload::Unsigned),
            new(false, Payload::Streaming),
            new(false, Payload::Resigned),
            new(false, Payload::Decoded),
        ]
    };

    /// The plain one with the same buffering.
    pub(crate) fn plain(self) -> Self {
        Self {
            payload: Payload::Plain,
            ..self
        }
    }

    /// What a client sends: `length` bytes, as they are or in chunks that it has signed.
    pub(crate) fn body(self, length: u64) -> Body {
        match self.payload {
            Payload::Resigned | Payload::Decoded => Body::framed(length),
            _ => Body::plain(length),
        }
    }

    /// Whether `declared` is what the request to the upstream declares about its payload.
    pub(crate) fn sends(self, declared: &str) -> bool {
        match self.payload {
            Payload::Plain | Payload::Unsigned => declared == "UNSIGNED-PAYLOAD",
            Payload::Signed => is_hash(declared),
            // A small body may be there as a whole even where nothing waits for it.
            Payload::Decoded => declared == "UNSIGNED-PAYLOAD" || is_hash(declared),
            Payload::Streaming | Payload::Resigned => {
                declared == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
            }
        }
    }

    /// The directive that loads what the variant needs.
    pub(crate) fn load_module(self, options: &Options) -> String {
        match self.payload {
            Payload::Plain => String::new(),
            _ => format!("load_module {};\n", options.module.display()),
        }
    }

    /// The directives in addition to `proxy_pass`.
    pub(crate) fn location(self, constants: Option<&SignedHeaders>) -> String {
        let buffering = if self.buffered { "on" } else { "off" };
        let signs = |mode: &str| {
            let sign = configuration::sign();
            format!("{sign}aws_sign_methods PUT;\naws_payload {mode};\n")
        };
        let payload = match self.payload {
            Payload::Plain => constants.map_or_else(String::new, SignedHeaders::as_directives),
            Payload::Unsigned => signs("unsigned"),
            Payload::Signed => signs("signed"),
            Payload::Streaming => signs("streaming"),
            Payload::Resigned => signs("auto"),
            Payload::Decoded => signs("decode"),
        };
        format!("client_max_body_size 0;\nproxy_request_buffering {buffering};\n{payload}")
    }
}

/// Whether this is the hash of a body that is not empty.
fn is_hash(declared: &str) -> bool {
    declared.len() == 64 && declared != aws_signing::EMPTY_PAYLOAD_SHA256
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = match self.payload {
            Payload::Plain => "plain",
            Payload::Unsigned => "unsigned",
            Payload::Signed => "signed",
            Payload::Streaming => "streaming",
            Payload::Resigned => "signed again",
            Payload::Decoded => "decoded",
        };
        let buffering = if self.buffered {
            "buffered"
        } else {
            "unbuffered"
        };
        f.pad(&format!("{payload}, {buffering}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_plain_one_beside_it() {
        for variant in Variant::ALL {
            let plain = variant.plain();
            assert!(Variant::ALL.contains(&plain), "{plain}");
            assert!(plain.sends("UNSIGNED-PAYLOAD"));
            let buffers = variant
                .location(None)
                .contains("proxy_request_buffering on");
            assert_eq!((variant.buffered, plain.buffered), (buffers, buffers));
        }
    }

    #[test]
    fn the_hash_of_nothing_is_no_signed_body() {
        let [_, _, signed, ..] = Variant::ALL;
        assert!(signed.sends(&"a".repeat(64)));
        assert!(!signed.sends(aws_signing::EMPTY_PAYLOAD_SHA256));
        assert!(!signed.sends("UNSIGNED-PAYLOAD"));
    }
}
