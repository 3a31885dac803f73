//! The response of an origin that follows a script.

/// What the origin does with a request.
#[derive(Clone, Debug)]
pub struct Reply {
    bytes: Vec<u8>,
    pub(crate) then: Then,
    with_length: bool,
}

/// What becomes of the connection after the response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Then {
    Continue,
    Close,
    Hang,
}

impl Reply {
    /// A response of this status with a body; `Content-Length` is added. To a HEAD request the
    /// same head is sent without the body.
    pub fn new(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self::with_headers(status, &[], body)
    }

    /// The same, with headers.
    pub fn with_headers(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut head = format!(
            "HTTP/1.1 {status} Reply\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");

        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        Self {
            bytes,
            then: Then::Continue,
            with_length: true,
        }
    }

    /// These bytes and nothing else, then the connection is closed.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self {
            bytes: bytes.as_ref().to_vec(),
            then: Then::Close,
            with_length: false,
        }
    }

    /// No response: the connection is closed.
    pub fn close() -> Self {
        Self::raw([])
    }

    /// No response: the connection stays open and silent until the origin or the peer ends it.
    pub fn hang() -> Self {
        Self {
            then: Then::Hang,
            ..Self::raw([])
        }
    }

    /// Closes the connection after the response.
    pub fn and_close(mut self) -> Self {
        self.then = Then::Close;
        self
    }

    /// The bytes of the response to a request of this method.
    pub(crate) fn bytes_for(&self, method: &str) -> &[u8] {
        let head_only = self.with_length && method == "HEAD";
        match self
            .bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
        {
            Some(end) if head_only => &self.bytes[..end + 4],
            _ => &self.bytes,
        }
    }
}
