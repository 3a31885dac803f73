//! Why a request is rejected: the status, the code, and the elements of AWS's error response.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

/// Why a request is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status.
    pub status: u16,
    /// The code of the error.
    pub code: &'static str,
    /// The message.
    pub message: String,
    /// What else the error tells.
    pub elements: Vec<Element>,
    /// What the log tells beside that; it names no secret.
    pub detail: Option<String>,
}

/// A part of an error: a name and a value, which holds nothing but what the client has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The name in XML.
    pub name: &'static str,
    /// The value, unescaped.
    pub value: String,
}

impl Rejection {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            elements: Vec::new(),
            detail: None,
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        self.elements.push(Element { name, value });
        self
    }

    pub(crate) fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn access_denied(message: &str) -> Self {
        Self::new(403, "AccessDenied", message)
    }

    pub(crate) fn invalid_argument(message: &str, name: &str, value: &[u8]) -> Self {
        Self::new(400, "InvalidArgument", message)
            .with("ArgumentName", name)
            .with("ArgumentValue", String::from_utf8_lossy(value))
    }

    pub(crate) fn invalid_request(message: &str) -> Self {
        Self::new(400, "InvalidRequest", message)
    }

    pub(crate) fn repeated(name: &str) -> Self {
        Self::invalid_request(&format!("The header {name} must not be repeated."))
    }

    pub(crate) fn not_implemented(message: &str) -> Self {
        Self::new(501, "NotImplemented", message)
    }
}
