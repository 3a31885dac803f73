//! The directives about the signature itself.

use aws_sealing::{Place, Version};
use aws_signing::presign::Expires;

use super::{DirectiveError, invalid, reject_misplaced_quote, set};
use crate::conf::{Directives, SignatureIn, SignatureVersion};
use crate::ffi::conf::Conf;

pub(crate) fn signature_version(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let version = match conf.arg(0) {
        b"4" => Version::V4,
        b"2" => Version::V2,
        text => {
            return Err(invalid(
                &String::from_utf8_lossy(text),
                "write \"4\" or \"2\"",
            ));
        }
    };
    let position = conf.position();
    if version == Version::V2 {
        conf.tell(format_args!(
            "AWS regions that were opened after January 2014 reject \"aws_signature_version 2\": \
             use it only for object stores that require it{position}"
        ));
    }
    let directive = SignatureVersion { version, position };
    set(&mut block.signature_version, directive)
}

pub(crate) fn signature_in(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let expires = conf.args().nth(1);
    let place = match (conf.arg(0), expires) {
        (b"headers", None) => Place::Headers,
        (b"headers", Some(_)) => {
            return Err(DirectiveError::Because(
                "accepts \"expires=\" only with \"query\": signatures in headers have no lifetime"
                    .to_owned(),
            ));
        }
        (b"query", text) => Place::Query {
            expires: match text {
                None => Expires::DEFAULT,
                Some(text) => parse_expires(conf, text)?,
            },
        },
        (text, _) => {
            return Err(invalid(
                &String::from_utf8_lossy(text),
                "write \"headers\" or \"query\"",
            ));
        }
    };
    let position = conf.position();
    set(&mut block.signature_in, SignatureIn { place, position })
}

/// `expires=15m`: whole seconds, with nginx's units.
fn parse_expires(conf: &Conf, text: &[u8]) -> Result<Expires, DirectiveError> {
    reject_misplaced_quote(&String::from_utf8_lossy(text))?;
    let wrong = |reason: &str| invalid(&String::from_utf8_lossy(text), reason);
    let milliseconds = text
        .strip_prefix(b"expires=")
        .and_then(|time| conf.parse_time(time))
        .filter(|milliseconds| milliseconds % 1000 == 0)
        .ok_or_else(|| wrong("write expires=<time> in whole seconds, such as expires=15m"))?;
    Expires::from_secs(milliseconds / 1000).map_err(|error| wrong(&error.to_string()))
}
