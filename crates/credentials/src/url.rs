//! URLs of metadata services and of STS: `http` or `https`, a host, an optional port, a path.
//!
//! `http::Uri` would accept more than can be requested and report errors less precisely: it
//! silently drops fragments, accepts user information and non-ASCII bytes, and does not let the
//! caller distinguish its errors, so that all parts would have to be checked again.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The protocol of an [`Endpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port if a URL has none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Where a connection is made to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The protocol.
    pub scheme: Scheme,
    /// A name in lower case or an address; one of IPv6 has no brackets here.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// The value of the Host field: brackets around an IPv6 address, and the port unless it is
    /// the protocol's own.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// Whether others can read and change what is sent there: plain HTTP to another machine.
    /// Link-local addresses belong to agents on the same machine.
    pub fn is_exposed(&self) -> bool {
        if self.scheme == Scheme::Https {
            return false;
        }
        match self.host.parse::<IpAddr>() {
            Ok(address) => match address.to_canonical() {
                IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
                IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
            },
            Err(_) => self.host != "localhost",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

/// An endpoint and the request target.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    /// Where a connection is made to.
    pub endpoint: Endpoint,
    /// The request target: begins with a slash, contains neither spaces nor control bytes.
    pub target: String,
}

impl Url {
    /// Parses an absolute URL. User information and fragments are rejected, and an empty path
    /// becomes `/`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let scheme = if scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else if scheme.eq_ignore_ascii_case("https") {
            Scheme::Https
        } else {
            return Err(UrlError::Scheme);
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = split_authority(authority)?;
        let port = match port {
            None | Some("") => scheme.default_port(),
            Some(digits) => parse_port(digits)?,
        };
        let target = match target.as_bytes().first() {
            None => "/".to_owned(),
            Some(b'?') => format!("/{target}"),
            Some(_) => target.to_owned(),
        };
        if !target.bytes().all(|byte| byte.is_ascii_graphic()) || target.contains('#') {
            return Err(UrlError::Target);
        }
        Ok(Self {
            endpoint: Endpoint { scheme, host, port },
            target,
        })
    }

    /// The same endpoint, with `path` below the path of this URL.
    pub fn join(&self, path: &str) -> Self {
        Self {
            endpoint: self.endpoint.clone(),
            target: format!("{}{path}", self.target.trim_end_matches('/')),
        }
    }
}

/// Without the query, which can contain a secret.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        write!(f, "{}{path}", self.endpoint)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

fn split_authority(authority: &str) -> Result<(String, Option<&str>), UrlError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or(UrlError::Host)?;
        let address: Ipv6Addr = address.parse().map_err(|_| UrlError::Host)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port),
            None if rest.is_empty() => None,
            None => return Err(UrlError::Host),
        };
        return Ok((address.to_string(), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(is_name) {
        return Err(UrlError::Host);
    }
    Ok((host.to_ascii_lowercase(), port))
}

fn parse_port(digits: &str) -> Result<u16, UrlError> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlError::Port);
    }
    match digits.parse() {
        Ok(0) | Err(_) => Err(UrlError::Port),
        Ok(port) => Ok(port),
    }
}

/// Why a text is not a URL that can be requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It does not begin with `http://` or `https://`.
    #[error("it does not begin with \"http://\" or \"https://\"")]
    Scheme,
    /// The host is neither a name nor an address.
    #[error("its host is neither a name nor an address")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("its port is not a number from 1 to 65535")]
    Port,
    /// The path or query contains bytes that must be percent-encoded, or there is a fragment.
    #[error("its path contains a character that must be percent-encoded")]
    Target,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        for (text, scheme, host, port, target) in [
            ("http://a", Scheme::Http, "a", 80, "/"),
            (
                "HTTPS://STS.Amazonaws.com/",
                Scheme::Https,
                "sts.amazonaws.com",
                443,
                "/",
            ),
            (
                "http://127.0.0.1:8080/v2/x?a=b",
                Scheme::Http,
                "127.0.0.1",
                8080,
                "/v2/x?a=b",
            ),
            (
                "http://[FD00:EC2::254]/latest",
                Scheme::Http,
                "fd00:ec2::254",
                80,
                "/latest",
            ),
            ("https://[::1]:1/", Scheme::Https, "::1", 1, "/"),
            ("http://a:?b", Scheme::Http, "a", 80, "/?b"),
        ] {
            let url = Url::parse(text).unwrap();
            let endpoint = Endpoint {
                scheme,
                host: host.to_owned(),
                port,
            };
            assert_eq!(
                (&url.endpoint, &url.target[..]),
                (&endpoint, target),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for (text, error) in [
            ("", UrlError::Scheme),
            ("a/b", UrlError::Scheme),
            ("ftp://a", UrlError::Scheme),
            ("http://", UrlError::Host),
            ("http:///a", UrlError::Host),
            ("http://user@a/", UrlError::Host),
            ("http://user:word@a/", UrlError::Port),
            ("http://a b/", UrlError::Host),
            ("http://[::1/", UrlError::Host),
            ("http://[::1]x/", UrlError::Host),
            ("http://[a]/", UrlError::Host),
            ("http://a:0/", UrlError::Port),
            ("http://a:65536/", UrlError::Port),
            ("http://a:+1/", UrlError::Port),
            ("http://a/b c", UrlError::Target),
            ("http://a/\r\nb", UrlError::Target),
            ("http://a/\u{e9}", UrlError::Target),
            ("http://a/b#c", UrlError::Target),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn the_authority_names_only_an_unusual_port() {
        for (text, authority) in [
            ("http://a:80/x", "a"),
            ("https://a:80/x", "a:80"),
            ("http://[::1]:80/x", "[::1]"),
            ("http://[::1]:81/x", "[::1]:81"),
        ] {
            assert_eq!(Url::parse(text).unwrap().endpoint.authority(), authority);
        }
    }

    #[test]
    fn a_query_is_not_shown() {
        let url = Url::parse("http://a:81/b?token=c").unwrap();
        assert_eq!(url.to_string(), "http://a:81/b");
        assert_eq!(format!("{url:?}"), "Url(http://a:81/b)");
    }

    #[test]
    fn paths_are_joined_with_one_slash() {
        for base in ["http://a", "http://a/"] {
            assert_eq!(Url::parse(base).unwrap().join("/b/").target, "/b/");
        }
        assert_eq!(Url::parse("http://a/b/").unwrap().join("/c").target, "/b/c");
    }
}
