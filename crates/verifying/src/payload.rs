//! What a request says of its body, and what the body has to be then.

use aws_signing::UNSIGNED_PAYLOAD;
use aws_signing::chunked::Framing;

use crate::claims::{Claims, Place};
use crate::rejection::Rejection;
use crate::request::{Incoming, Settings};

/// The header, and in a query the parameter, that says it.
const NAME: &str = "x-amz-content-sha256";
const PARAMETER: &[u8] = b"X-Amz-Content-Sha256";

/// What a body has to be, for the request to be the one that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRule {
    /// One with this SHA-256 hash.
    Hash([u8; 32]),
    /// Any: the client has not signed it.
    Any,
    /// Chunks; those that are signed follow the signature of the request.
    Chunks(Framing),
}

/// The payload line of the canonical request, with what it means for the body.
pub(crate) enum Declared {
    Known {
        line: Vec<u8>,
        rule: BodyRule,
    },
    /// The client says nothing: the hash of the body is the payload line.
    Body,
}

pub(crate) fn declared(
    incoming: &Incoming<'_>,
    claims: &Claims,
    settings: &Settings<'_>,
) -> Result<Declared, Rejection> {
    let header = incoming
        .header(NAME)
        .map_err(|_| Rejection::repeated(NAME))?;
    let value = match claims.place {
        Place::Header => header.map(<[u8]>::to_vec),
        Place::Query => {
            let is_signed = claims.signed_headers.iter().any(|name| name == NAME);
            let header = header.filter(|_| is_signed).map(<[u8]>::to_vec);
            match (parameter(incoming)?, header) {
                (Some(one), Some(other)) if one != other => {
                    return Err(invalid(&other));
                }
                (None, None) if settings.is_s3() => Some(UNSIGNED_PAYLOAD.as_bytes().to_vec()),
                (one, other) => one.or(other),
            }
        }
    };
    let Some(line) = value else {
        return match settings.is_s3() {
            true => Err(Rejection::invalid_request(
                "Missing required header for this request: x-amz-content-sha256",
            )),
            false => Ok(Declared::Body),
        };
    };
    let rule = rule(&line, claims, settings)?;
    let is_unsigned = match rule {
        BodyRule::Any => true,
        BodyRule::Chunks(framing) => !framing.signs_chunks(),
        BodyRule::Hash(_) => false,
    };
    // The body of a presigned request is usually not signed: anyone who has the URL can send it.
    let is_exposed = is_unsigned && !incoming.is_tls && claims.place == Place::Header;
    if is_exposed && !settings.accepts_unsigned_payload {
        return Err(Rejection::invalid_request(
            "An unsigned payload is accepted over TLS only: sign the payload, or use https.",
        ));
    }
    Ok(Declared::Known { line, rule })
}

fn rule(line: &[u8], claims: &Claims, settings: &Settings<'_>) -> Result<BodyRule, Rejection> {
    if line == UNSIGNED_PAYLOAD.as_bytes() {
        return Ok(BodyRule::Any);
    }
    if line.starts_with(b"STREAMING-AWS4-ECDSA") || line.ends_with(b"-EVENTS") {
        return Err(Rejection::not_implemented(
            "Payloads of this kind are not supported: sign with AWS4-HMAC-SHA256, and no event stream.",
        ));
    }
    if let Some(framing) = Framing::from_payload(line)
        && claims.place == Place::Header
        && settings.is_s3()
    {
        return Ok(BodyRule::Chunks(framing));
    }
    parse_hash(line)
        .map(BodyRule::Hash)
        .ok_or_else(|| invalid(line))
}

fn invalid(value: &[u8]) -> Rejection {
    Rejection::invalid_argument(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
         STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a valid sha256 \
         value.",
        NAME,
        &value[..value.len().min(128)],
    )
}

fn parameter(incoming: &Incoming<'_>) -> Result<Option<Vec<u8>>, Rejection> {
    let mut found = None;
    for parameter in aws_signing::query::parameters(incoming.query) {
        if !parameter.decoded_name_eq_ignore_case(PARAMETER) {
            continue;
        }
        let value: Vec<u8> = parameter.decoded_value().collect();
        // Another spelling would be read by some servers and not by others.
        if parameter.name != PARAMETER && parameter.name != b"X-Amz-Content-SHA256"
            || found.replace(value).is_some()
        {
            return Err(Rejection::new(
                400,
                "AuthorizationQueryParametersError",
                "The parameter X-Amz-Content-Sha256 must be written exactly so, and once.",
            ));
        }
    }
    Ok(found)
}

/// The hash of 64 hexadecimal digits in lower case.
fn parse_hash(text: &[u8]) -> Option<[u8; 32]> {
    let digits = <&[u8; 64]>::try_from(text).ok()?;
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}
