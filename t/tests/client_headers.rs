//! Headers that real clients, and what stands between them and nginx, send.

use nginx_tests::account::{self, SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::Request;
use nginx_tests::{Builder, Nginx, RawOrigin, Style, signing};

fn builder(origin: &RawOrigin, location: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} location / {{
             aws_sign on; aws_sign_methods GET HEAD PUT; {location} proxy_pass http://{{origin}};
         }}"
        ))
}

fn put() -> Request {
    Request::new("PUT", "/key").body("hello")
}

/// S3 rejects a request in which it finds Content-MD5 unsigned; so does the object store here.
#[test]
fn what_speaks_of_the_body_is_signed_in_each_style() {
    let origin = RawOrigin::with_body("");
    for style in Style::ALL {
        let nginx = builder(&origin, style.directives()).start();
        let request = put()
            .header("Content-MD5", "XUFAKrxLKna5cZ2REBfFkg==")
            .header("Content-Type", "text/plain");
        request.send(nginx.port()).expect_status(200);
        let sent = origin.requests().pop().expect("a request");
        style.expect_signed(&sent);
        assert_eq!(sent.header_all("Content-MD5"), ["XUFAKrxLKna5cZ2REBfFkg=="]);
    }
    let store = account::object_store();
    store.put("bucket", "other", "");
    for place in ["headers", "query"] {
        let nginx = Nginx::builder()
            .var("store", store.address())
            .server(&format!(
                "{SECRET_KEY_DIRECTIVES} aws_signature_in {place};
                 location / {{ aws_sign on; aws_sign_methods GET PUT; proxy_pass http://{{store}}; }}"
            ))
            .start();
        let request = Request::new("PUT", "/bucket/key")
            .body("hello")
            .header("Content-MD5", "XUFAKrxLKna5cZ2REBfFkg==")
            .header("Content-Type", "text/plain");
        let response = request.send(nginx.port());
        assert_eq!(response.status, 200, "{place}: {}", response.text());
    }
}

/// Behind CloudFront every request has such headers.
#[test]
fn what_a_cdn_adds_is_dropped() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(&origin, "").start();
    let request = put()
        .header("X-Amz-Cf-Id", "abc==")
        .header("X-Amzn-Trace-Id", "Root=1")
        .header("X-Amz-Meta-A", "1");
    request.send(nginx.port()).expect_status(200);
    let sent = origin.only_request();
    expect_signed(&sent);
    assert_eq!(sent.header("X-Amz-Cf-Id"), None);
    assert_eq!(sent.header_all("X-Amzn-Trace-Id"), ["Root=1"]);
    assert_eq!(sent.header_all("X-Amz-Meta-A"), ["1"]);
}

/// A dropped header changes what the client asked for: the operator can find out.
#[test]
fn what_is_dropped_from_a_read_is_logged_at_level_info() {
    let origin = RawOrigin::with_body("");
    for level in ["info", "notice"] {
        let nginx = builder(&origin, "").log_level(level).start();
        let request = Request::get("/key")
            .header("x-amz-object-attributes", "ETag")
            .header("x-amz-request-payer", "requester")
            .header("x-amz-expected-bucket-owner", "111122223333")
            .header("x-amz-user-agent", "aws-sdk-rust/1")
            .header("x-amz-cf-id", "abc");
        request.send(nginx.port()).expect_status(200);
        let sent = origin.requests().pop().expect("a request");
        expect_signed(&sent);
        assert_eq!(
            sent.header_all("x-amz-expected-bucket-owner"),
            ["111122223333"]
        );
        let lines = nginx.own_request_lines();
        if level == "notice" {
            assert_eq!(lines, [""; 0]);
            continue;
        }
        let names = ["x-amz-object-attributes", "x-amz-request-payer"];
        assert_eq!(lines.len(), names.len(), "{lines:#?}");
        for (line, name) in lines.iter().zip(names) {
            let text = format!("client header \"{name}\" is not forwarded: to forward it, list it");
            assert!(line.contains("[info]") && line.contains(&text), "{line}");
        }
    }
}

/// A client that repeats what it must not send does not fill the log.
#[test]
fn rejected_headers_are_logged_at_level_info() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(&origin, "").log_level("notice").start();
    for _ in 0..20 {
        let request = put().header("x-amz-acl", "public-read");
        request.send(nginx.port()).expect_status(403);
    }
    assert_eq!(nginx.own_request_lines(), [""; 0]);
    assert_eq!(origin.connections(), 0);
}

/// Where only the seal sees them: one line a second is enough. (nginx itself logs that the upstream
/// has no live peer.)
#[test]
fn rejected_headers_of_subrequests_are_logged_once_a_second() {
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign_methods GET HEAD PUT;
             location / {{ aws_sign on; proxy_method PUT; slice 1m; proxy_pass http://{{origin}}; }}"
        ))
        .start();
    const REQUESTS: usize = 200;
    for _ in 0..REQUESTS {
        let request = Request::get("/key").header("x-amz-acl", "public-read");
        request.send(nginx.port()).expect_status(502);
    }
    let lines = nginx.own_request_lines();
    assert_eq!(lines.len(), REQUESTS);
    // They all hold the reason, whatever their level.
    for line in &lines {
        assert!(
            line.contains("client header \"x-amz-acl\" is not listed"),
            "{line}"
        );
    }
    let second = |line: &String| line.split(" [").next().unwrap_or_default().to_owned();
    let errors = lines.iter().filter(|line| line.contains("[error]"));
    let mut seconds: Vec<_> = errors.map(second).collect();
    let count = seconds.len();
    seconds.dedup();
    assert!(count >= 1 && count == seconds.len(), "{lines:#?}");
    assert_eq!(origin.connections(), 0);
}

/// Some servers read `_` as `-`.
#[test]
fn underscores_are_judged_as_hyphens() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(&origin, "proxy_set_header X-User alice;")
        .http("underscores_in_headers on;")
        .start();
    for name in ["x_amz_acl", "X-Amz_Acl", "x-amz_copy-source"] {
        put()
            .header(name, "a")
            .send(nginx.port())
            .expect_status(403);
        let request = Request::get("/key").header(name, "a");
        request.send(nginx.port()).expect_status(200);
        let sent = origin.requests().pop().expect("a request");
        expect_signed(&sent);
        assert_eq!(sent.header(name), None);
    }
    let request = put()
        .header("x-amz-meta-a_b", "1")
        .header("X_User", "mallory")
        .header("Content_Length", "1")
        .header("x_amz_security_token", "evil")
        .header("X_Other", "1");
    request.send(nginx.port()).expect_status(200);
    let sent = origin.requests().pop().expect("a request");
    expect_signed(&sent);
    assert_eq!(sent.header_all("x-amz-meta-a_b"), ["1"]);
    assert_eq!(sent.header_all("X_Other"), ["1"]);
    for name in ["X_User", "Content_Length", "x_amz_security_token"] {
        assert_eq!(sent.header(name), None, "{name}");
    }
}

/// The object store is known by the host that requests are signed for.
#[test]
fn control_headers_of_other_stores_are_judged() {
    let origin = RawOrigin::with_body("");
    let google = "aws_s3_bucket bucket; aws_endpoint storage.googleapis.com;";
    for (location, header, status) in [
        (google, "x-goog-acl", 403),
        (google, "x-goog-meta-a", 200),
        (google, "x-oss-object-acl", 200),
        (
            "proxy_set_header Host b.storage.googleapis.com;",
            "x-goog-acl",
            502,
        ),
        (
            "proxy_set_header Host b.oss-cn-hangzhou.aliyuncs.com;",
            "x-oss-acl",
            502,
        ),
        ("", "x-goog-acl", 200),
        (
            "aws_s3_bucket bucket; aws_endpoint storage.googleapis.com;
             aws_pass_headers x-goog-acl;",
            "x-goog-acl",
            200,
        ),
    ] {
        let nginx = builder(&origin, location).start();
        let before = origin.requests().len();
        put()
            .header(header, "a")
            .send(nginx.port())
            .expect_status(status);
        let sent = &origin.requests()[before..];
        assert_eq!(
            sent.len(),
            usize::from(status == 200),
            "{location} {header}"
        );
        for sent in sent {
            expect_signed(sent);
            assert_eq!(sent.header_all(header), ["a"]);
            let is_control = location.contains("goog") && header.starts_with("x-goog");
            assert_eq!(
                signing::signed_headers(sent).contains(&header.to_owned()),
                is_control
            );
        }
    }
}

/// Object stores read other forms differently.
#[test]
fn control_headers_are_sent_in_canonical_form() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(&origin, "proxy_set_header X-Amz-Tagging \"a  b\";").start();
    let request = put()
        .header("X-Amz-Meta-A", " \ta \t  b\t")
        .header("x-amz-meta-b", "2")
        .header("x-amz-meta-a", "c")
        .header("X-Other", "a  b");
    request.send(nginx.port()).expect_status(200);
    let sent = origin.only_request();
    expect_signed(&sent);
    assert_eq!(sent.header_all("x-amz-meta-a"), ["a b,c"]);
    assert_eq!(sent.header_all("x-amz-tagging"), ["a b"]);
    assert_eq!(sent.header_all("X-Other"), ["a  b"]);
    let text = String::from_utf8_lossy(sent.bytes()).into_owned();
    assert!(text.contains("\r\nX-Amz-Meta-A: a b,c\r\n"), "{text}");
}
