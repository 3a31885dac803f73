//! The nginx under test, the upstream that it signs for, and the nginx that is the upstream for
//! small requests.

pub(crate) const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const BUCKET: &str = "media-archive";

/// The directives that make it sign requests for the upstream.
pub(crate) fn sign() -> String {
    format!(
        "aws_access_key {ACCESS_KEY};\naws_secret_key {SECRET_KEY};\n\
         aws_region {REGION};\naws_s3_bucket {BUCKET};\naws_sign on;\n"
    )
}

/// Where the origin responds with the headers that matter for signing, and the query.
pub(crate) const ECHO: &str = "/echo";

/// An nginx that responds at once.
pub(crate) const ORIGIN: &str = r#"{main}
http {
    {paths}
    access_log off;
    keepalive_requests 1000000000;
    server {
        listen 127.0.0.1:{port};
        location = /echo {
            return 200 "$http_host\n$http_x_amz_date\n$http_x_amz_content_sha256\n$http_authorization\n$args\n";
        }
        location / { return 200 "an object\n"; }
    }
}
"#;

/// The nginx under test. Connections are kept on both sides: opening them costs more than a
/// signature.
pub(crate) const PROXY: &str = "{module}{main}
http {
    {paths}
    access_log off;
    keepalive_requests 1000000000;
    upstream store {
        server 127.0.0.1:{origin};
        keepalive 64;
        keepalive_requests 1000000000;
    }
    server {
        listen 127.0.0.1:{port};
        location / {
            proxy_pass http://store;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
{location}        }
    }
}
";

/// The headers that a signed request has and a plain one has not, or not so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SignedHeaders {
    /// Host
    pub(crate) host: String,
    date: String,
    payload: String,
    authorization: String,
}

impl SignedHeaders {
    /// Reads the origin's response at [`ECHO`]; `None` if the request was not signed.
    pub(crate) fn parse(echo: &str) -> Option<Self> {
        let mut lines = echo.lines().map(str::to_owned);
        let headers = Self {
            host: lines.next()?,
            date: lines.next()?,
            payload: lines.next()?,
            authorization: lines.next()?,
        };
        let signed = headers.authorization.starts_with("AWS4-HMAC-SHA256 ")
            && headers.date.len() == "20130524T000000Z".len()
            && !headers.payload.is_empty();
        signed.then_some(headers)
    }

    /// Reads a request's head.
    pub(crate) fn of(head: &str) -> Option<Self> {
        let names = [
            "host",
            "x-amz-date",
            "x-amz-content-sha256",
            "authorization",
        ];
        let values = names.map(|name| header(head, name).unwrap_or_default());
        Self::parse(&values.join("\n"))
    }

    /// What is signed of the body: its hash, or a word instead.
    pub(crate) fn payload(&self) -> &str {
        &self.payload
    }

    /// The headers as constants.
    pub(crate) fn as_directives(&self) -> String {
        let Self {
            host,
            date,
            payload,
            authorization,
        } = self;
        format!(
            "proxy_set_header Host {host};\nproxy_set_header x-amz-date {date};\n\
             proxy_set_header x-amz-content-sha256 {payload};\n\
             proxy_set_header Authorization \"{authorization}\";\n"
        )
    }
}

/// The value of a header in a request's head.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_those_of_a_signed_request() {
        let signed = "b.h\n20130524T000000Z\nUNSIGNED-PAYLOAD\nAWS4-HMAC-SHA256 Credential=a, b\n";
        let headers = SignedHeaders::parse(signed).unwrap();
        let directives = headers.as_directives();
        assert!(directives.starts_with("proxy_set_header Host b.h;\n"));
        assert!(directives.contains("Authorization \"AWS4-HMAC-SHA256 Credential=a, b\";"));
        for unsigned in ["store\n\n\n\n", "", &signed.replace("AWS4", "AWS3")] {
            assert_eq!(SignedHeaders::parse(unsigned), None, "{unsigned}");
        }
    }

    #[test]
    fn headers_are_found_in_a_head() {
        let head = "PUT / HTTP/1.1\r\nHost: b.h\r\nX-Amz-Date: 20130524T000000Z\r\n\
                    Authorization: AWS4-HMAC-SHA256 a\r\nx-amz-content-sha256: e3b0\r\n\r\n";
        let headers = SignedHeaders::of(head).unwrap();
        assert_eq!((headers.host.as_str(), headers.payload()), ("b.h", "e3b0"));
        assert_eq!(
            SignedHeaders::of("PUT / HTTP/1.1\r\nHost: b.h\r\n\r\n"),
            None
        );
    }
}
