//! Presigned URLs, as a client follows them.

use crate::http::{self, Request, Response};

/// A URL out of a `Location` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresignedUrl {
    host: String,
    target: String,
}

impl PresignedUrl {
    /// The URL that a 307 leads to.
    #[track_caller]
    pub fn of(response: &Response) -> Self {
        assert_eq!(response.status, 307, "{}", response.text());
        Self::new(response.header("Location").expect("a location"))
    }

    /// The URL in the response of nginx on `port`.
    #[track_caller]
    pub fn at(port: u16, target: &str) -> Self {
        Self::of(&http::get(port, target))
    }

    /// The URL `url`, which has a path.
    #[track_caller]
    pub fn new(url: &str) -> Self {
        let rest = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("https://"))
            .unwrap_or_else(|| panic!("no URL: {url}"));
        let (host, target) = rest.split_at(rest.find('/').expect("a path"));
        Self {
            host: host.to_owned(),
            target: target.to_owned(),
        }
    }

    /// What a client sends as Host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The value of a parameter, encoded; `None` where there is none of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| {
            let (found, value) = pair.split_once('=')?;
            (found == name).then_some(value)
        })
    }

    /// The request of a client that follows the URL.
    pub fn request(&self, method: &str) -> Request {
        Request::new(method, &self.target).header("Host", &self.host)
    }

    /// Follows the URL to the server on `port`.
    #[track_caller]
    pub fn get(&self, port: u16) -> Response {
        self.request("GET").send(port)
    }

    /// The URL with another target.
    pub fn altered(&self, from: &str, to: &str) -> Self {
        assert!(self.target.contains(from), "{self:?}");
        Self {
            target: self.target.replace(from, to),
            ..self.clone()
        }
    }
}
