//! The head of a request, byte for byte.

/// Request line and headers as sent, up to and including the empty line.
///
/// The readers of its parts replace bytes that are not UTF-8; [`Head::bytes`] does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head(Vec<u8>);

impl Head {
    /// Takes the bytes of a head, which are not checked.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The request line without its line end.
    pub fn line(&self) -> String {
        let end = self
            .0
            .iter()
            .position(|&byte| byte == b'\r')
            .unwrap_or(self.0.len());
        String::from_utf8_lossy(&self.0[..end]).into_owned()
    }

    /// The method.
    pub fn method(&self) -> String {
        self.line().split(' ').next().unwrap_or_default().to_owned()
    }

    /// The target: everything between the method and the version, spaces included.
    pub fn target(&self) -> String {
        let line = self.line();
        let target = line.split_once(' ').map_or("", |(_, rest)| rest);
        target
            .rsplit_once(' ')
            .map_or(target, |(target, _)| target)
            .to_owned()
    }

    /// Names and values, in order.
    pub fn headers(&self) -> Vec<(String, String)> {
        String::from_utf8_lossy(&self.0)
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect()
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers()
            .into_iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    }

    /// All values of a header, in order.
    pub fn header_all(&self, name: &str) -> Vec<String> {
        let named = |(n, v): (String, String)| n.eq_ignore_ascii_case(name).then_some(v);
        self.headers().into_iter().filter_map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn parts_are_read_as_they_stand() {
        let head =
            Head::new(b"GET /a b%20c HTTP/1.0\r\nHost: h\r\nX-A: 1\r\nx-a:  2 \r\n\r\n".to_vec());
        assert_eq!(head.line(), "GET /a b%20c HTTP/1.0");
        assert_eq!(head.method(), "GET");
        assert_eq!(head.target(), "/a b%20c");
        assert_eq!(head.header("host").as_deref(), Some("h"));
        assert_eq!(head.header_all("X-a"), ["1", "2"]);
        assert_eq!(head.header("none"), None);
    }
}
