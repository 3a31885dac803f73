//! `aws_hide_auth_errors`: what an object store says of our signature, key or token is for the operator. A
//! client learns the code; everything else that an object store says reaches it as it was said.

use nginx_tests::auth_error::{
    DECLARATION, JSON_MISMATCH, answering, expect_hidden, expect_no_secret, mismatch, signing, xml,
};
use nginx_tests::http;
use nginx_tests::{DeadPort, Nginx, RawOrigin, Reply, Swift};

fn plain(origin: &RawOrigin) -> Nginx {
    signing(
        origin.address(),
        "location / { proxy_pass http://{origin}; }
         location /off/ { aws_hide_auth_errors off; proxy_pass http://{origin}; }
         location /unsigned/ { aws_sign off; proxy_pass http://{origin}; }",
    )
    .start()
}

#[test]
fn a_mismatch_is_the_operators_to_know() {
    let origin = answering(Reply::with_headers(
        403,
        &[
            ("Content-Type", "application/xml"),
            ("x-amz-request-id", "4CFC"),
            ("x-amz-id-2", "Qcw="),
            ("ETag", "\"store\""),
            ("Last-Modified", "Sun, 22 Nov 2026 08:30:00 GMT"),
            ("Accept-Ranges", "bytes"),
        ],
        mismatch(),
    ));
    let nginx = plain(&origin);

    let response = http::get(nginx.port(), "/key");
    expect_hidden(&response, 403, "SignatureDoesNotMatch");
    let text = response.text();
    let (start, end) = (
        "<Error><Code>SignatureDoesNotMatch</Code><Message>",
        "</Message></Error>",
    );
    assert!(text.starts_with(&format!("{DECLARATION}{start}")) && text.ends_with(end));
    assert_eq!(
        response.header("Content-Length"),
        Some(&*text.len().to_string())
    );
    assert_eq!(response.header("Content-Type"), Some("application/xml"));
    assert_eq!(response.header("x-amz-request-id"), Some("4CFC"));
    assert_eq!(response.header("x-amz-id-2"), Some("Qcw="));
    for name in ["ETag", "Last-Modified", "Accept-Ranges"] {
        assert_eq!(response.header(name), None, "{name}");
    }

    let lines = nginx.own_lines();
    let [line] = &lines[..] else {
        panic!("{lines:#?}")
    };
    assert!(
        line.contains("[error]")
            && line.contains(
                "the upstream rejected the signed request with 403 \
                           SignatureDoesNotMatch: "
            ),
        "{line}"
    );
    expect_no_secret(line);
}

#[test]
fn errors_of_every_kind() {
    for (status, body, code, said) in [
        (400, xml("ExpiredToken", "<Token-0>TOKEN</Token-0>"), "ExpiredToken", "has expired"),
        (400, xml("InvalidToken", "<Token-0>TOKEN</Token-0>"), "InvalidToken", "does not know"),
        (
            403,
            xml("InvalidAccessKeyId", "<AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId>"),
            "InvalidAccessKeyId",
            "does not know",
        ),
        (
            400,
            xml("AuthorizationHeaderMalformed", "<Message>AKIDEXAMPLE</Message><Region>eu-west-1</Region>"),
            "AuthorizationHeaderMalformed",
            "it expects \"aws_region eu-west-1\"",
        ),
        (
            403,
            xml("RequestTimeTooSkewed", "<RequestTime>x-amz-date</RequestTime>"),
            "RequestTimeTooSkewed",
            "clock",
        ),
        (
            400,
            xml(
                "InvalidArgument",
                "<Message>Only one auth mechanism allowed</Message><ArgumentName>Authorization</ArgumentName>\
                 <ArgumentValue>AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE</ArgumentValue>",
            ),
            "InvalidArgument",
            "also signs the request",
        ),
        (307, mismatch(), "SignatureDoesNotMatch", "debug log"),
        (
            403,
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    \
             <Code>InvalidClientTokenId</Code>\n    <Message>AKIDEXAMPLE</Message>\n  </Error>\n</ErrorResponse>\n"
                .to_owned(),
            "InvalidClientTokenId",
            "does not know",
        ),
        (403, JSON_MISMATCH.to_owned(), "InvalidSignatureException", "debug log"),
        (
            400,
            r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"TOKEN"}"#.to_owned(),
            "ExpiredTokenException",
            "has expired",
        ),
    ] {
        let origin = answering(Reply::new(status, &body));
        let nginx = plain(&origin);
        expect_hidden(&http::get(nginx.port(), "/key"), status, code);
        let hidden = nginx.own_lines();
        assert!(
            hidden.len() == 1 && hidden[0].contains(said) && hidden[0].contains(code),
            "{hidden:#?}"
        );
        expect_no_secret(&nginx.error_log());

        // Off, it passes; the operator is told all the same.
        let response = http::get(nginx.port(), "/off/key").expect_status(status);
        assert_eq!(response.text(), body);
        assert_eq!(nginx.own_lines().len(), 2);
        // What is not signed is not ours.
        let response = http::get(nginx.port(), "/unsigned/key").expect_status(status);
        assert_eq!(response.text(), body);
        assert_eq!(nginx.own_lines().len(), 2);
    }
}

/// A header tells at once, and what it belongs to is not looked at: not even if it is compressed.
#[test]
fn errors_that_a_header_names() {
    let origin = answering(Reply::with_headers(
        403,
        &[
            ("Content-Type", "application/json"),
            ("Content-Encoding", "gzip"),
            ("x-amzn-RequestId", "491c"),
            (
                "x-amzn-ErrorType",
                "InvalidSignatureException:http://internal/",
            ),
            ("x-amzn-ErrorMessage", "AWS4-HMAC"),
        ],
        "\x1f AKIDEXAMPLE",
    ));
    let nginx = signing(
        origin.address(),
        "location / { proxy_pass http://{origin}; }
         location /hidden-header/ { proxy_hide_header x-amzn-ErrorType; proxy_pass http://{origin}; }
         location /off/ { aws_hide_auth_errors off; proxy_pass http://{origin}; }",
    )
    .start();
    for target in ["/key", "/hidden-header/key"] {
        let response = http::get(nginx.port(), target);
        expect_hidden(&response, 403, "InvalidSignatureException");
        assert!(
            response
                .text()
                .starts_with("{\"__type\":\"InvalidSignatureException\",")
        );
        assert_eq!(response.header("Content-Type"), Some("application/json"));
        assert_eq!(response.header("x-amzn-RequestId"), Some("491c"));
        assert_eq!(response.header("Content-Encoding"), None);

        let head = http::head(nginx.port(), target).expect_status(403);
        assert_eq!(
            head.header("Content-Length"),
            response.header("Content-Length")
        );
        expect_no_secret(&format!("{:?}", head.headers));
    }
    assert_eq!(nginx.own_lines().len(), 4);
    assert_eq!(
        http::get(nginx.port(), "/off/key").text(),
        "\x1f AKIDEXAMPLE"
    );
    assert_eq!(nginx.own_lines().len(), 5);

    // Of a response without a body, there is one now.
    let origin = answering(Reply::with_headers(
        403,
        &[("x-amz-error-code", "ExpiredToken")],
        "",
    ));
    let nginx = plain(&origin);
    expect_hidden(&http::get(nginx.port(), "/key"), 403, "ExpiredToken");
}

/// In a debug log the operator finds what to compare, without the token.
#[test]
fn a_debug_log_has_both_canonical_requests() {
    for body in [mismatch(), JSON_MISMATCH.to_owned()] {
        let origin = answering(Reply::new(403, body));
        let nginx = signing(
            origin.address(),
            "location / { proxy_pass http://{origin}; }",
        )
        .debug()
        .start();
        http::get(nginx.port(), "/key").expect_status(403);
        let own = nginx_tests::own_lines(&nginx.debug_log());
        let shown = |text: &str| own.iter().any(|line| line.contains(text));
        assert!(shown("aws_auth: canonical request: /key"), "{own:#?}");
        assert!(shown("the upstream's canonical request: host:"), "{own:#?}");
        assert!(
            shown("the upstream's canonical request: x-amz-security-token:***"),
            "{own:#?}"
        );
        assert!(!shown("TOKEN"), "{own:#?}");
        assert_eq!(nginx.own_lines().len(), 1);
    }
}

#[test]
fn the_directive() {
    let dead = DeadPort::new();
    let conf = |server: &str| signing(format!("127.0.0.1:{}", dead.port()), server);
    conf("aws_hide_auth_errors yes; location / { proxy_pass http://{origin}; }")
        .check()
        .expect_refused(
            "\"aws_hide_auth_errors\" has the invalid value \"yes\": write \"on\" or \"off\"",
        );
    conf("aws_hide_auth_errors on; aws_hide_auth_errors on;")
        .check()
        .expect_refused("\"aws_hide_auth_errors\" is duplicate");

    let origin = answering(Reply::new(403, mismatch()));
    let nginx = signing(
        origin.address(),
        "aws_hide_auth_errors off;
         location / { proxy_pass http://{origin}; }
         location /on/ { aws_hide_auth_errors on; proxy_pass http://{origin}; }
         location /if/ {
             if ($arg_on) { aws_hide_auth_errors on; }
             proxy_pass http://{origin};
         }",
    )
    .start();
    for (target, hidden) in [
        ("/key", false),
        ("/on/key", true),
        ("/if/key", false),
        ("/if/key?on=1", true),
    ] {
        let response = http::get(nginx.port(), target).expect_status(403);
        assert_eq!(response.text() == mismatch(), !hidden, "{target}");
    }
}

/// The errors of a real object store about a wrong secret, and about an unknown user.
#[test]
fn swift_rejects_and_nobody_learns_why() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    swift.put("bucket", "key", "served");
    let nginx = Nginx::builder()
        .var("store", format!("127.0.0.1:{}", swift.port()))
        .server(
            "aws_region us-east-1; aws_s3_bucket bucket; aws_endpoint {store}; aws_addressing_style path;
             aws_sign on;
             aws_access_key test:tester; aws_secret_key wrong;
             location / { proxy_pass http://{store}; }
             location /user/ { aws_access_key test:nobody; aws_secret_key x; proxy_pass http://{store}/; }
             location /region/ { aws_region eu-west-1; proxy_pass http://{store}/; }
             location /off/ { aws_hide_auth_errors off; proxy_pass http://{store}/; }",
        )
        .start();
    for (target, status, code) in [
        ("/key", 403, "SignatureDoesNotMatch"),
        ("/user/key", 403, "SignatureDoesNotMatch"),
        ("/region/key", 400, "AuthorizationHeaderMalformed"),
    ] {
        let response = http::get(nginx.port(), target);
        expect_hidden(&response, status, code);
        assert!(!response.text().contains("test:"), "{}", response.text());
    }
    let told = nginx.own_lines();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(
        told[2].contains("it expects \"aws_region us-east-1\""),
        "{told:#?}"
    );
    let open = http::get(nginx.port(), "/off/key")
        .expect_status(403)
        .text();
    assert!(
        open.contains("SignatureDoesNotMatch") && !open.contains("See the error log"),
        "{open}"
    );
}
