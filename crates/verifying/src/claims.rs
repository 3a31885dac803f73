//! What a request says of itself: who signed it, when, for what, and how. Nothing of it is proved yet.

use std::ops::ControlFlow;

use aws_signing::query::{Parameter, parameters};
use aws_signing::token::is_token;
use aws_signing::{ALGORITHM, CredentialScope, Timestamp, trim_blanks};

use crate::date::parse_http_date;
use crate::rejection::Rejection;
use crate::request::Incoming;

/// How long a presigned URL may be valid, in seconds.
const LONGEST: u32 = 604_800;

/// The parameters of a presigned URL of Signature Version 4, in the order in which AWS names them.
const PARAMETERS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
];

/// The parameter that is not signed.
pub(crate) const SIGNATURE: &str = PARAMETERS[2];

const MISSING_PARAMETERS: &str = "Query-string authentication version 4 requires the X-Amz-Algorithm, \
     X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";

const CREDENTIAL_FORM: &str = "expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";

/// Where a signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the Authorization header.
    Header,
    /// In the query: a presigned URL.
    Query,
}

/// What a request says of itself.
#[derive(Debug)]
pub struct Claims {
    /// Where the signature is.
    pub place: Place,
    /// The access key ID.
    pub access_key_id: String,
    /// What the key was derived for.
    pub scope: CredentialScope,
    /// The names of the signed headers: in lower case, sorted, each once, Host among them.
    pub signed_headers: Vec<String>,
    /// The signature in hexadecimal digits.
    pub signature: [u8; 64],
    /// When it was signed.
    pub timestamp: Timestamp,
    /// For how many seconds it is valid, in a query.
    pub expires: Option<u32>,
    /// The session token.
    pub token: Option<Vec<u8>>,
}

/// How a request authenticates.
#[derive(Debug)]
pub(crate) enum Authentication {
    /// Not at all.
    None,
    /// By Signature Version 4.
    V4(Box<Claims>),
    /// By Signature Version 2.
    V2,
}

impl Claims {
    /// What a request says.
    pub(crate) fn read(incoming: &Incoming<'_>) -> Result<Authentication, Rejection> {
        let authorization = incoming.header("authorization");
        let authorization = authorization.map_err(|_| Rejection::repeated("Authorization"))?;
        let query = Presigned::read(incoming.query)?;
        match (authorization, query.mechanism()?) {
            (Some(value), Some(_)) => Err(Rejection::invalid_argument(
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, \
                 Signature query string parameter or the Authorization header should be specified",
                "Authorization",
                // The value may hold a signature that is valid elsewhere.
                value.split(|byte| *byte == b' ').next().unwrap_or_default(),
            )),
            (None, None) => Ok(Authentication::None),
            (None, Some(Mechanism::V2)) => Ok(Authentication::V2),
            (None, Some(Mechanism::V4)) => query.claims().map(Box::new).map(Authentication::V4),
            (Some(value), None) => of_header(incoming, value),
        }
    }
}

enum Mechanism {
    V2,
    V4,
}

/// The parameters of a query that authenticate, decoded.
#[derive(Default)]
struct Presigned {
    values: [Option<Vec<u8>>; PARAMETERS.len()],
    /// Which of the parameters of Version 2 there are.
    v2: bool,
}

impl Presigned {
    fn read(query: &[u8]) -> Result<Self, Rejection> {
        let mut found = Self::default();
        for parameter in parameters(query) {
            let is = |name: &&str| parameter.decoded_name_eq_ignore_case(name.as_bytes());
            if let Some(nth) = PARAMETERS.iter().position(is) {
                let name = PARAMETERS[nth];
                // Another spelling would be read by some servers and not by others.
                if parameter.name != name.as_bytes() {
                    return Err(query_error(format!(
                        "The parameter {name} must be written exactly so."
                    )));
                }
                let value: Vec<u8> = parameter.decoded_value().collect();
                if found.values[nth].replace(value).is_some() {
                    return Err(query_error(format!(
                        "The parameter {name} must not be repeated."
                    )));
                }
            }
            found.v2 |= is_v2(&parameter);
        }
        Ok(found)
    }

    /// Any parameter that names a key or a signature makes it a presigned request, which has to be
    /// complete then: one without a signature must not pass as one without authentication.
    fn mechanism(&self) -> Result<Option<Mechanism>, Rejection> {
        let v4 = self.values.iter().any(Option::is_some);
        match (v4, self.v2) {
            (true, true) => Err(Rejection::invalid_argument(
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, \
                 Signature query string parameter or the Authorization header should be specified",
                "Signature",
                b"",
            )),
            (true, false) => Ok(Some(Mechanism::V4)),
            (false, true) => Ok(Some(Mechanism::V2)),
            (false, false) => Ok(None),
        }
    }

    fn claims(self) -> Result<Claims, Rejection> {
        let [
            algorithm,
            credential,
            signature,
            date,
            signed_headers,
            expires,
            token,
        ] = self.values;
        let required =
            |value: Option<Vec<u8>>| value.ok_or_else(|| query_error(MISSING_PARAMETERS));
        let algorithm = required(algorithm)?;
        let credential = required(credential)?;
        let signature = required(signature)?;
        let date = required(date)?;
        let signed_headers = required(signed_headers)?;
        let expires = required(expires)?;
        check_algorithm(&algorithm, Place::Query)?;
        let timestamp = Timestamp::from_amz_date(&date).ok_or_else(|| {
            query_error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
        })?;
        let expires = parse_expires(&expires)?;
        let (access_key_id, scope) = parse_credential(&credential, Place::Query)?;
        Ok(Claims {
            place: Place::Query,
            access_key_id,
            scope,
            signed_headers: parse_signed_headers(&signed_headers)
                .ok_or_else(|| query_error("Error parsing the X-Amz-SignedHeaders parameter."))?,
            signature: parse_signature(&signature)
                .ok_or_else(|| query_error("Error parsing the X-Amz-Signature parameter."))?,
            timestamp,
            expires: Some(expires),
            token,
        })
    }
}

fn is_v2(parameter: &Parameter<'_>) -> bool {
    [&b"AWSAccessKeyId"[..], b"Signature"]
        .iter()
        .any(|name| parameter.decoded_name_eq_ignore_case(name))
}

fn of_header(incoming: &Incoming<'_>, value: &[u8]) -> Result<Authentication, Rejection> {
    if value.starts_with(b"AWS ") {
        return Ok(Authentication::V2);
    }
    let (algorithm, rest) = match value.iter().position(|byte| *byte == b' ') {
        Some(blank) => (&value[..blank], trim_blanks(&value[blank..])),
        None => (value, &b""[..]),
    };
    check_algorithm(algorithm, Place::Header)?;

    let [mut credential, mut signed_headers, mut signature] = [None; 3];
    let parts = rest.split(|byte| *byte == b',').map(trim_blanks);
    let read = parts.clone().try_for_each(|part| {
        let place = match name_of(part) {
            Some((b"Credential", value)) => (&mut credential, value),
            Some((b"SignedHeaders", value)) => (&mut signed_headers, value),
            Some((b"Signature", value)) => (&mut signature, value),
            _ => return ControlFlow::Break(part),
        };
        match place.0.replace(place.1) {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(part),
        }
    });
    if let ControlFlow::Break(part) = read {
        let (name, _) = name_of(part).unwrap_or((part, b""));
        let name = String::from_utf8_lossy(&name[..name.len().min(32)]).into_owned();
        return Err(header_error(format!(
            "the authorization component \"{name}\" is repeated or malformed."
        )));
    }
    let missing = |name: &str| {
        header_error(format!(
            "the authorization header requires three components: Credential, \
             SignedHeaders, and Signature. {name} is missing."
        ))
    };
    let credential = credential.ok_or_else(|| missing("Credential"))?;
    let signed_headers = signed_headers.ok_or_else(|| missing("SignedHeaders"))?;
    let signature = signature.ok_or_else(|| missing("Signature"))?;
    let (access_key_id, scope) = parse_credential(credential, Place::Header)?;
    let token = incoming.header("x-amz-security-token");
    let token = token.map_err(|_| Rejection::repeated("x-amz-security-token"))?;
    Ok(Authentication::V4(Box::new(Claims {
        place: Place::Header,
        access_key_id,
        scope,
        signed_headers: parse_signed_headers(signed_headers).ok_or_else(|| {
            header_error(
                "SignedHeaders is malformed: names must be in lower case, sorted, and unique.",
            )
        })?,
        signature: parse_signature(signature).ok_or_else(|| {
            header_error("Signature must be 64 hexadecimal digits in lower case.")
        })?,
        timestamp: header_time(incoming)?,
        expires: None,
        token: token.map(<[u8]>::to_vec),
    })))
}

/// When a request with an Authorization header was signed: x-amz-date, else Date.
fn header_time(incoming: &Incoming<'_>) -> Result<Timestamp, Rejection> {
    let no_date = || {
        Rejection::access_denied("AWS authentication requires a valid Date or x-amz-date header")
    };
    let amz_date = incoming.header("x-amz-date");
    let date = incoming
        .header("date")
        .map_err(|_| Rejection::repeated("Date"))?;
    match amz_date.map_err(|_| Rejection::repeated("x-amz-date"))? {
        Some(text) => Timestamp::from_amz_date(text).ok_or_else(no_date),
        None => {
            let text = date.ok_or_else(no_date)?;
            Timestamp::from_amz_date(text)
                .or_else(|| parse_http_date(text))
                .ok_or_else(no_date)
        }
    }
}

fn name_of(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = part.iter().position(|byte| *byte == b'=')?;
    Some((&part[..equals], &part[equals + 1..]))
}

fn check_algorithm(algorithm: &[u8], place: Place) -> Result<(), Rejection> {
    if algorithm == ALGORITHM {
        return Ok(());
    }
    if algorithm.starts_with(b"AWS4-ECDSA-P256-SHA256") {
        return Err(Rejection::not_implemented(
            "Signature Version 4A (AWS4-ECDSA-P256-SHA256) is not supported: use AWS4-HMAC-SHA256.",
        ));
    }
    match place {
        Place::Query => Err(query_error(
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"",
        )),
        Place::Header => Err(Rejection::invalid_argument(
            "Unsupported Authorization Type",
            "Authorization",
            &algorithm[..algorithm.len().min(32)],
        )),
    }
}

/// The access key ID, which may hold slashes, and the scope.
fn parse_credential(text: &[u8], place: Place) -> Result<(String, CredentialScope), Rejection> {
    let malformed = || match place {
        Place::Header => header_error(format!("the Credential is mal-formed; {CREDENTIAL_FORM}")),
        Place::Query => query_error(format!(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; \
             {CREDENTIAL_FORM}"
        )),
    };
    let text = std::str::from_utf8(text).map_err(|_| malformed())?;
    let slashes = text.rmatch_indices('/').map(|(at, _)| at);
    let before_scope = slashes.clone().nth(3).ok_or_else(malformed)?;
    let (access_key_id, scope) = (&text[..before_scope], &text[before_scope + 1..]);
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b',';
    if access_key_id.is_empty() || !access_key_id.bytes().all(is_plain) {
        return Err(malformed());
    }
    let scope = CredentialScope::parse(scope).map_err(|_| malformed())?;
    Ok((access_key_id.to_owned(), scope))
}

/// Names in lower case, sorted and unique; one without Host signs nothing that matters.
fn parse_signed_headers(text: &[u8]) -> Option<Vec<String>> {
    let is_name = |name: &&[u8]| is_token(name) && !name.iter().any(u8::is_ascii_uppercase);
    let names: Vec<_> = text.split(|byte| *byte == b';').collect();
    let is_list = names.iter().all(is_name) && names.windows(2).all(|pair| pair[0] < pair[1]);
    is_list.then(|| {
        let names = names
            .into_iter()
            .map(|name| String::from_utf8_lossy(name).into_owned());
        names.collect()
    })
}

fn parse_signature(text: &[u8]) -> Option<[u8; 64]> {
    let digits = <[u8; 64]>::try_from(text).ok()?;
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digits.iter().all(is_digit).then_some(digits)
}

fn parse_expires(text: &[u8]) -> Result<u32, Rejection> {
    if text.starts_with(b"-") {
        return Err(query_error("X-Amz-Expires must be non-negative"));
    }
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err(query_error("X-Amz-Expires should be a number"));
    }
    let number = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    number.filter(|number| *number <= LONGEST).ok_or_else(|| {
        query_error("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
    })
}

fn query_error(message: impl Into<String>) -> Rejection {
    Rejection::new(400, "AuthorizationQueryParametersError", message)
}

pub(crate) fn header_error(message: impl AsRef<str>) -> Rejection {
    let message = format!(
        "The authorization header is malformed; {}",
        message.as_ref()
    );
    Rejection::new(400, "AuthorizationHeaderMalformed", message)
}
