//! A safe deputy: any client that reaches a signed location borrows the operator's rights, so what a client
//! says in the language of signatures does not reach the object store unless it was allowed to.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{self, Request};
use nginx_tests::signing;
use nginx_tests::{Nginx, RawOrigin, RawRequest};

/// An nginx with one signed location.
fn nginx(origin: &RawOrigin, location: &str) -> Nginx {
    Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} location / {{ aws_sign on; {location} proxy_pass http://{{origin}}; }}"
        ))
        .start()
}

/// What reaches the object store of `request`; it is signed, and so is every `x-amz-*` header in it.
#[track_caller]
fn sent(location: &str, request: Request) -> RawRequest {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, location);
    request.send(nginx.port()).expect_status(200);
    let request = origin.only_request();
    expect_signed(&request);
    request
}

/// The names of the `x-amz-*` headers in a request that are not the signature's own.
fn amz_headers(request: &RawRequest) -> Vec<String> {
    const OURS: [&str; 3] = ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];
    let names = request
        .headers()
        .into_iter()
        .map(|(name, _)| name.to_ascii_lowercase());
    names
        .filter(|name| name.starts_with("x-amz-") && !OURS.contains(&name.as_str()))
        .collect()
}

/// `expect_signed` finds each of them once, and made by us. E#15963: a second Authorization.
#[test]
fn the_clients_signature_is_replaced() {
    let mut request = Request::get("/key");
    for (name, value) in [
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=EVIL/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00",
        ),
        ("X-Amz-Date", "20200101T000000Z"),
        ("X-Amz-Security-Token", "evil"),
        ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"),
    ] {
        request = request.header(name, value);
        if name != "Authorization" {
            // nginx itself rejects a second Authorization.
            request = request.header(&name.to_uppercase(), value);
        }
    }
    let request = sent("", request);
    let text = String::from_utf8_lossy(request.bytes()).to_lowercase();
    assert!(
        !text.contains("evil") && !text.contains("20200101"),
        "{text}"
    );
    assert_eq!(request.header("X-Amz-Security-Token"), None);
    assert_eq!(amz_headers(&request), [""; 0]);
}

/// Not even on the operator's word: these four are the signature.
#[test]
fn proxy_set_header_cannot_replace_the_signature() {
    let request = sent(
        "proxy_set_header Authorization Basic; proxy_set_header X-Amz-Date 20200101T000000Z;
         proxy_set_header X-Amz-Content-Sha256 UNSIGNED-PAYLOAD;
         proxy_set_header X-Amz-Security-Token evil;",
        Request::get("/key"),
    );
    assert_eq!(request.header("X-Amz-Security-Token"), None);
}

#[test]
fn a_session_token_is_sent_and_signed() {
    let request = sent(
        "aws_access_key AKIDEXAMPLE; aws_secret_key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
         aws_session_token IQoJb3JpZ2luX2VjEXAMPLE//token==;",
        Request::get("/key").header("X-Amz-Security-Token", "evil"),
    );
    assert_eq!(
        request.header_all("X-Amz-Security-Token"),
        ["IQoJb3JpZ2luX2VjEXAMPLE//token=="]
    );
    assert!(signing::signed_headers(&request).contains(&"x-amz-security-token".to_owned()));
}

/// A presigned URL of the client's beside our signature would be two signatures, or with V2's
/// parameters another's rights.
#[test]
fn the_clients_query_signature_is_dropped() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "");
    for parameter in [
        "X-Amz-Signature=00",
        "x-amz-signature=00",
        "X-AMZ-CREDENTIAL=evil",
        "X-Amz-Security-Token=evil",
        "X-Amz-Date",
        "x%2Damz-expires=600",
        "%58-Amz-Algorithm=AWS4-HMAC-SHA256",
        "%78%2d%61%6D%7a%2dSignedHeaders=host",
        "X-Amz-Anything=1",
        "AWSAccessKeyId=EVIL",
        "Signature=00",
        "Expires=1",
        "signature=00",
        "%41WSAccessKeyId=EVIL",
        "response-content-type=text/html",
        "Response-Content-Disposition=attachment",
        "response%2Dcache-control=public",
    ] {
        for target in [
            format!("/key?{parameter}"),
            format!("/key?{parameter}&versionId=1"),
            format!("/key?a=1&{parameter}&b=2&{parameter}"),
        ] {
            http::get(nginx.port(), &target).expect_status(200);
            let request = origin.requests().pop().expect("a request");
            expect_signed(&request);
            let expected = match target.matches('&').count() {
                0 => "/key",
                1 => "/key?versionId=1",
                _ => "/key?a=1&b=2",
            };
            assert_eq!(request.target(), expected, "{target}");
        }
    }
}

/// A key or a value of such a name is none.
#[test]
fn what_only_looks_like_a_signature_stays() {
    let request = sent(
        "",
        Request::get("/X-Amz-Date/Signature?prefix=X-Amz-Date&x-amz=1&amz-x-amz-=2"),
    );
    assert_eq!(
        request.target(),
        "/X-Amz-Date/Signature?amz-x-amz-=2&prefix=X-Amz-Date&x-amz=1"
    );
}

/// Script injection through a content type the client chooses.
#[test]
fn response_overrides_pass_where_they_are_on() {
    let target = "/key?response-content-type=text%2Fhtml&response-expires=0";
    assert_eq!(sent("", Request::get(target)).target(), "/key");
    assert_eq!(
        sent("aws_response_overrides off;", Request::get(target)).target(),
        "/key"
    );
    assert_eq!(
        sent("aws_response_overrides on;", Request::get(target)).target(),
        target
    );
}

/// Services other than S3 may use V2's names and `response-*` for themselves, but X-Amz-* is the
/// signature's there, too.
#[test]
fn other_services_keep_their_own_parameters() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "aws_service execute-api;");
    let target = "/stage?Expires=1&X-Amz-Date=2&response-a=3&x%2Damz-date=4&Signature=5";
    http::get(nginx.port(), target).expect_status(200);
    let request = origin.only_request();
    assert_eq!(
        request.target(),
        "/stage?Expires=1&response-a=3&Signature=5"
    );
}

const PASSED: [&str; 9] = [
    "x-amz-meta-colour",
    "X-Amz-Checksum-SHA256",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-checksum-mode",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-customer-key-MD5",
    "x-amz-trailer",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
];

const DROPPED: [&str; 13] = [
    "x-amz-copy-source",
    "X-Amz-Copy-Source-Range",
    "x-amz-acl",
    "x-amz-grant-full-control",
    "x-amz-tagging",
    "x-amz-storage-class",
    "x-amz-object-lock-mode",
    "x-amz-bypass-governance-retention",
    "x-amz-request-payer",
    "x-amz-target",
    "x-amz-website-redirect-location",
    "X-AMZ-ANYTHING",
    "x-amz-meta",
];

/// P#45, demarche-numerique/ds_proxy#164.
#[test]
fn headers_pass_by_the_default_list() {
    for method in ["GET", "HEAD"] {
        let mut request = Request::new(method, "/key").header("X-Other", "1");
        for name in PASSED.iter().chain(&DROPPED) {
            request = request.header(name, "value");
        }
        let request = sent("", request);
        let passed = PASSED.map(str::to_ascii_lowercase);
        assert_eq!(amz_headers(&request), passed, "{method}");
        assert_eq!(request.header("X-Other").as_deref(), Some("1"));
        let signed = signing::signed_headers(&request);
        assert!(!signed.contains(&"x-other".to_owned()), "{signed:?}");
    }
}

/// With a method that writes, a dropped header would silently change what the client asked for.
#[test]
fn a_header_that_may_not_pass_rejects_a_method_that_writes() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "aws_sign_methods GET DELETE;");
    for (seen, name) in DROPPED.iter().enumerate() {
        let request = Request::new("DELETE", "/key").header(name, "value");
        request.send(nginx.port()).expect_status(403);
        let lines = nginx.own_request_lines();
        assert_eq!(lines.len(), seen + 1, "{lines:#?}");
        let expected = format!(
            "client header \"{name}\" is not allowed: to forward it, list it in \"aws_pass_headers\""
        );
        assert!(lines[seen].contains(&expected), "{}", lines[seen]);
    }
    assert_eq!(origin.connections(), 0);

    let mut request = Request::new("DELETE", "/key");
    for name in PASSED {
        request = request.header(name, "value");
    }
    // Ours are replaced, whatever the method.
    let request = request.header("X-Amz-Date", "20200101T000000Z");
    request.send(nginx.port()).expect_status(200);
    let request = origin.only_request();
    expect_signed(&request);
    assert_eq!(amz_headers(&request), PASSED.map(str::to_ascii_lowercase));
}

#[test]
fn aws_pass_headers_replaces_the_list() {
    let all = || {
        let request = Request::get("/key")
            .header("X-Amz-Meta-A", "1")
            .header("X-Amz-Meta", "2");
        request
            .header("X-Amz-ACL", "private")
            .header("X-Amz-Grant-Read", "id=1")
    };
    for (directive, passed) in [
        ("aws_pass_headers x-amz-acl;", &["x-amz-acl"][..]),
        (
            "aws_pass_headers X-AMZ-ACL x-amz-grant-*;",
            &["x-amz-acl", "x-amz-grant-read"],
        ),
        (
            "aws_pass_headers x-amz-meta*;",
            &["x-amz-meta-a", "x-amz-meta"],
        ),
        (
            "aws_pass_headers x-amz-*;",
            &[
                "x-amz-meta-a",
                "x-amz-meta",
                "x-amz-acl",
                "x-amz-grant-read",
            ],
        ),
        ("aws_pass_headers off;", &[]),
    ] {
        assert_eq!(amz_headers(&sent(directive, all())), passed, "{directive}");
    }
}

/// What the operator sets is sent and signed, and the client cannot add to it or change it.
#[test]
fn what_proxy_set_header_sets_is_kept() {
    let location =
        "proxy_set_header X-Amz-Request-Payer requester; proxy_set_header X-Amz-Acl private;
                    proxy_set_header X-Amz-Meta-Who $remote_addr;";
    for client in [
        Request::get("/key"),
        Request::get("/key").header("X-Amz-Acl", "public-read"),
        Request::get("/key")
            .header("x-amz-acl", "public-read")
            .header("X-AMZ-Acl", "evil"),
        // To the letter what the operator sets.
        Request::get("/key")
            .header("X-Amz-Acl", "private")
            .header("X-Amz-Request-Payer", "requester"),
        Request::get("/key")
            .header("X-Amz-Meta-Who", "evil")
            .header("X-Other", "1"),
    ] {
        let request = sent(location, client);
        assert_eq!(request.header_all("X-Amz-Acl"), ["private"]);
        assert_eq!(request.header_all("X-Amz-Request-Payer"), ["requester"]);
        assert_eq!(request.header_all("X-Amz-Meta-Who"), ["127.0.0.1"]);
    }
}

/// A client that imitates what nginx wrote last must not have its own lines taken for nginx's.
#[test]
fn a_client_cannot_pass_for_the_operator() {
    for last in [("Connection", "close"), ("X-Amz-Meta-Last", "1")] {
        let request = Request::get("/key")
            .header("X-Amz-Acl", "public-read")
            .header(last.0, last.1)
            .header("X-Amz-Acl", "public-read")
            .header(last.0, last.1);
        let request = sent("", request);
        assert_eq!(request.header("X-Amz-Acl"), None, "{last:?}");
    }
    // Blanks around the value, which nginx trims on one side only.
    let request = Request::get("/key").header("X-Amz-Acl", "  public-read \t ");
    assert_eq!(sent("", request).header("X-Amz-Acl"), None);
    let request = Request::get("/key").header("X-Amz-Acl", "");
    assert_eq!(sent("", request).header("X-Amz-Acl"), None);
}

/// Nor by bytes that some take for spaces and others do not: one such line must not make all lines
/// before it pass for nginx's.
#[test]
fn no_byte_of_a_value_is_a_way_around() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "");
    let odd = (1..=u8::MAX).filter(|byte| !matches!(byte, b'\r' | b'\n'));
    for byte in odd {
        let value = |text: &str| [&[byte], text.as_bytes(), &[byte]].concat();
        let request = Request::get("/key")
            .header("X-Amz-Acl", "public-read")
            .header("X-Amz-Acl", value("public-read"))
            .header("X-Other", value("x"));
        request.send(nginx.port()).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        assert_eq!(request.header("X-Amz-Acl"), None, "0x{byte:02x}");
    }
}

/// Whatever nginx lets through as a header's name: `_` where it is told to, or other case.
#[test]
fn odd_names_are_no_way_around() {
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http("underscores_in_headers on; ignore_invalid_headers off;")
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} location / {{ aws_sign on; proxy_pass http://{{origin}}; }}"
        ))
        .start();
    let request = Request::get("/key")
        .header("x-AmZ-aCl", "a")
        .header("X_Amz_Acl", "b");
    request.send(nginx.port()).expect_status(200);
    let request = origin.only_request();
    expect_signed(&request);
    assert_eq!(request.header("x-amz-acl"), None);
    assert_eq!(
        request.header("X_Amz_Acl"),
        None,
        "some stores read `_` as `-`"
    );
}

#[test]
fn aws_signed_headers_are_signed_where_they_are_sent() {
    let location =
        "aws_signed_headers Range If-None-Match x-trace; proxy_set_header X-Trace \"a  b \";";
    let request = sent(location, Request::get("/key").header("Range", "bytes=0-1"));
    assert_eq!(
        signing::signed_headers(&request),
        [
            "host",
            "range",
            "x-amz-content-sha256",
            "x-amz-date",
            "x-trace"
        ]
    );
    assert_eq!(request.header("Range").as_deref(), Some("bytes=0-1"));
}
