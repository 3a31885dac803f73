//! Authentication errors of an upstream: how to recognize them by the beginning of their body or by
//! a header, and what a client gets instead.
//!
//! These errors are about the module's signature, not about the client's request, and most of them
//! repeat what was signed: the canonical request (`SignatureDoesNotMatch`), the token
//! (`ExpiredToken`, `InvalidToken`), the access key (`InvalidAccessKeyId`), the whole Authorization
//! header (`IncompleteSignature`). Errors that a client needs (`AccessDenied`, `NoSuchKey` ...) are
//! not among them, nor are those that it can have caused (`XAmzContentSHA256Mismatch`), nor
//! `MissingAuthenticationToken`, which API Gateway uses for paths that it does not know.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>,
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>

mod code;
mod json;
mod xml;

use memchr::memmem;

use crate::value;
use code::{ARGUMENT, SENTENCES};

pub use code::{Cause, Code};

/// How much of a body is examined, in bytes. The code is at its beginning.
pub const LIMIT: usize = 16 * 1024;

/// Services use this sentence at the beginning of a message that continues with the canonical
/// request.
const MISMATCH: &[u8] = b"The request signature we calculated does not match the signature you";

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a client gets in addition to the code.
const MESSAGE: &str =
    "The upstream rejected the request that this server signed. See the error log of this server.";

/// The result for the beginning of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// More of it is needed.
    Undecided,
    /// It is not an authentication error.
    Other,
    /// It is one.
    AuthError(AuthError),
}

/// An authentication error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthError {
    /// The upstream's code for it.
    pub code: Code,
    /// The format in which the upstream writes it.
    pub form: Form,
}

/// The format of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `<Error><Code>`: S3.
    Error,
    /// `<ErrorResponse><Error><Code>`: query services such as STS and IAM.
    ErrorResponse,
    /// `<Response><Errors><Error><Code>`: EC2.
    Response,
    /// A JSON object.
    Json,
    /// A plain sentence.
    Text,
}

/// Response headers that name the error: of AWS's services, of S3, of MinIO.
const CODE_HEADERS: [&[u8]; 3] = [
    b"x-amzn-errortype",
    b"x-amz-error-code",
    b"x-minio-error-code",
];

/// Response headers with the text of the error that [`CODE_HEADERS`] name.
const MESSAGE_HEADERS: [&[u8]; 3] = [
    b"x-amzn-errormessage",
    b"x-amz-error-message",
    b"x-minio-error-desc",
];

/// The authentication error that a response header names, if any.
pub fn of_header(name: &[u8], value: &[u8]) -> Option<Code> {
    is_one_of(name, &CODE_HEADERS)
        .then(|| Code::of_shape(value))
        .flatten()
}

/// Whether this response header contains the text of an error.
pub fn is_message_header(name: &[u8]) -> bool {
    is_one_of(name, &MESSAGE_HEADERS)
}

fn is_one_of(name: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Examines a body that begins with these bytes, of which at most [`LIMIT`] are used.
pub fn examine(body: &[u8]) -> Finding {
    let body = &body[..body.len().min(LIMIT)];
    if BYTE_ORDER_MARK.starts_with(body) {
        return Finding::Undecided;
    }
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let text = body.trim_ascii_start();
    match text.first() {
        None => Finding::Undecided,
        Some(b'<') => of_xml(text),
        Some(b'{' | b'[') => json::examine(text),
        Some(_) if text.starts_with(MISMATCH) => {
            auth_error(Code::of(b"SignatureDoesNotMatch"), Form::Text)
        }
        Some(_) if MISMATCH.starts_with(text) => Finding::Undecided,
        Some(_) => Finding::Other,
    }
}

/// The code of an XML error that begins with these bytes, of any format, escaped as it is.
pub(crate) fn code(body: &[u8]) -> Option<&[u8]> {
    let body = &body[..body.len().min(LIMIT)];
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    xml::find(body.trim_ascii_start(), b"Code")
        .ok()
        .map(|(_, code)| code)
}

fn auth_error(code: Option<Code>, form: Form) -> Finding {
    code.map_or(Finding::Other, |code| {
        Finding::AuthError(AuthError { code, form })
    })
}

fn of_xml(body: &[u8]) -> Finding {
    let (form, code) = match xml::find(body, b"Code") {
        Ok((form, text)) => (form, Code::of(text)),
        Err(stop) => return stop.finding(),
    };
    let Some(code) = code else {
        return Finding::Other;
    };
    if code.name == ARGUMENT
        && let Err(finding) = of_argument(body)
    {
        return finding;
    }
    let code = match SENTENCES.iter().any(|(name, ..)| *name == code.name) {
        false => code,
        true => match of_message(body, code) {
            Ok(cause) => Code { cause, ..code },
            Err(finding) => return finding,
        },
    };
    auth_error(Some(code), form)
}

/// The cause, if the message is one of those for which this code is an authentication error.
fn of_message(body: &[u8], code: Code) -> Result<Cause, Finding> {
    let (_, message) = xml::find(body, b"Message").map_err(xml::Stop::finding)?;
    SENTENCES
        .iter()
        .find(|(name, sentence, _)| *name == code.name && message.starts_with(sentence.as_bytes()))
        .map(|(.., cause)| *cause)
        .ok_or(Finding::Other)
}

/// Whether the argument that the error is about is the Authorization header, or the token.
fn of_argument(body: &[u8]) -> Result<(), Finding> {
    let (_, name) = xml::find(body, b"ArgumentName").map_err(xml::Stop::finding)?;
    is_one_of(name, &[b"authorization", b"x-amz-security-token"])
        .then_some(())
        .ok_or(Finding::Other)
}

impl xml::Stop {
    fn finding(self) -> Finding {
        match self {
            Self::Truncated => Finding::Undecided,
            Self::Absent => Finding::Other,
        }
    }
}

/// Whether a service's message repeats what the module has signed.
fn message_code(message: &[u8]) -> Option<Code> {
    if message.starts_with(MISMATCH) {
        return Code::of(b"InvalidSignatureException");
    }
    let header = [&b"AWS4-HMAC-SHA256 Credential="[..], b"Authorization=AWS4-"];
    header
        .iter()
        .any(|part| memmem::find(message, part).is_some())
        .then(|| Code::of(b"IncompleteSignatureException"))
        .flatten()
}

/// The region that the upstream expects in the signature, if this beginning of its body contains
/// it.
pub fn wanted_region(body: &[u8]) -> Option<&str> {
    let body = &body[..body.len().min(LIMIT)];
    let (_, region) = xml::find(body, b"Region").ok()?;
    value::region(region).ok()?;
    std::str::from_utf8(region).ok()
}

/// The names of headers that the upstream expects to be signed, if this beginning of its body
/// contains them.
pub fn unsigned_headers(body: &[u8]) -> Option<&str> {
    let body = &body[..body.len().min(LIMIT)];
    let (_, names) = xml::find(body, b"HeadersNotSigned").ok()?;
    let is_list = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_,; ".contains(byte);
    let is_short = !names.is_empty() && names.len() <= 256;
    std::str::from_utf8(names)
        .ok()
        .filter(|_| is_short && names.iter().all(is_list))
}

/// The lines of the canonical request that the upstream has calculated, if this beginning of its
/// body contains it. They include the token, and are escaped as in the body.
pub fn canonical_request(body: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let body = &body[..body.len().min(LIMIT)];
    let (mut text, separator) = match xml::find(body, b"CanonicalRequest") {
        Ok((_, text)) => (Some(text), &b"\n"[..]),
        Err(_) => {
            let start = memmem::find(body, b"The Canonical String for this request")?;
            (Some(&body[start..]), &b"\\n"[..])
        }
    };
    Some(std::iter::from_fn(move || {
        let rest = text?;
        let Some(end) = memmem::find(rest, separator) else {
            return text.take();
        };
        text = Some(&rest[end + separator.len()..]);
        Some(&rest[..end])
    }))
}

impl AuthError {
    /// An error that a header names, in a response of this content type.
    pub fn of_code(code: Code, content_type: &[u8]) -> Self {
        let is_xml = content_type
            .split(|byte| *byte == b';')
            .next()
            .is_some_and(|kind| kind.trim_ascii().ends_with(b"xml"));
        Self {
            code,
            form: if is_xml { Form::Error } else { Form::Json },
        }
    }

    /// The content type of [`body`](Self::body).
    pub fn content_type(&self) -> &'static str {
        match self.form {
            Form::Error | Form::ErrorResponse | Form::Response => "application/xml",
            Form::Json => "application/json",
            Form::Text => "text/plain",
        }
    }

    /// The body that a client gets, in parts: the code, and nothing else from the upstream.
    pub fn body(&self) -> [&'static str; 6] {
        let (start, middle, end) = match self.form {
            Form::Error => (
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>",
                "</Code><Message>",
                "</Message></Error>",
            ),
            Form::ErrorResponse => (
                "<ErrorResponse><Error><Type>Sender</Type><Code>",
                "</Code><Message>",
                "</Message></Error></ErrorResponse>",
            ),
            Form::Response => (
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>",
                "</Code><Message>",
                "</Message></Error></Errors></Response>",
            ),
            Form::Json => ("{\"__type\":\"", "\",\"message\":\"", "\"}"),
            Form::Text => ("", ": ", "\n"),
        };
        let Code { name, suffix, .. } = self.code;
        [start, name, suffix, middle, MESSAGE, end]
    }
}
