//! Which responses of an upstream are authentication errors, and what clients get instead.

use aws_sealing::auth_error::{
    self, AuthError, Cause, Finding, Form, LIMIT, canonical_request, examine, wanted_region,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// As S3 prints it, for a request that it has not understood as we meant it.
const MISMATCH: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SignatureDoesNotMatch</Code>\
    <Message>The request signature we calculated does not match the signature you provided. Check your key \
    and signing method.</Message><AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256\n\
    20261122T083000Z\n20261122/us-east-1/s3/aws4_request\n0f</StringToSign><SignatureProvided>aa</SignatureProvided>\
    <StringToSignBytes>41 57</StringToSignBytes><CanonicalRequest>GET\n/key\na=1&amp;b=2\nhost:bucket.s3.amazonaws.com\n\
    x-amz-security-token:TOKEN\n\nhost;x-amz-security-token\nUNSIGNED-PAYLOAD</CanonicalRequest>\
    <RequestId>4CFC</RequestId><HostId>Qcw=</HostId></Error>";

/// As API Gateway and other services print it.
const JSON_MISMATCH: &str = r#"{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'GET\n/stage\n\nhost:x.execute-api.us-east-1.amazonaws.com\nx-amz-security-token:TOKEN\n\nhost\ne3b0'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n2026'\n"}"#;

#[track_caller]
fn auth_error(body: &str) -> AuthError {
    match examine(body.as_bytes()) {
        Finding::AuthError(error) => error,
        other => panic!("{other:?}: {body}"),
    }
}

fn s3(code: &str, rest: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>{rest}</Error>")
}

#[test]
fn codes_that_are_hidden() {
    for (code, cause) in [
        ("SignatureDoesNotMatch", Cause::Signature),
        ("InvalidSignatureException", Cause::Signature),
        ("AuthorizationHeaderMalformed", Cause::Scope),
        ("AuthorizationQueryParametersError", Cause::Form),
        ("IncompleteSignature", Cause::Form),
        ("IncompleteSignatureException", Cause::Form),
        ("ExpiredToken", Cause::Expired),
        ("ExpiredTokenException", Cause::Expired),
        ("TokenRefreshRequired", Cause::Expired),
        ("InvalidToken", Cause::Unknown),
        ("InvalidTokenId", Cause::Unknown),
        ("InvalidAccessKeyId", Cause::Unknown),
        ("InvalidClientTokenId", Cause::Unknown),
        ("UnrecognizedClientException", Cause::Unknown),
        ("InvalidSecurity", Cause::Unknown),
        ("AuthFailure", Cause::Unknown),
        ("RequestTimeTooSkewed", Cause::Clock),
        ("RequestExpired", Cause::Clock),
        ("RequestInTheFuture", Cause::Clock),
    ] {
        for (body, form) in [
            (s3(code, "<Token-0>TOKEN</Token-0>"), Form::Error),
            (
                format!(
                    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    \
                     <Type>Sender</Type>\n    <Code>{code}</Code>"
                ),
                Form::ErrorResponse,
            ),
            (
                format!("<Response><Errors><Error><Code>{code}</Code>"),
                Form::Response,
            ),
            (
                format!("{{\"__type\":\"com.amazon.coral.service#{code}\",\"message\":\"TOKEN\"}}"),
                Form::Json,
            ),
            (
                format!("{{\n \"message\" : null, \"__type\" : \"{code}\"}}"),
                Form::Json,
            ),
            (
                format!(
                    "{{\"Error\":{{\"Type\":\"Sender\",\"Code\":\"{code}\",\"Message\":\"\"}}}}"
                ),
                Form::Json,
            ),
        ] {
            let error = auth_error(&body);
            assert_eq!((error.code.cause, error.form), (cause, form), "{body}");
            assert_eq!(error.code.to_string(), code);
        }
        let error =
            auth_error::of_header(b"X-Amzn-ErrorType", format!("{code}:http://x/").as_bytes());
        assert_eq!(error.expect(code).to_string(), code);
    }
}

/// What clients need, what they have caused, and what only looks like one of the module.
#[test]
fn answers_that_pass() {
    for code in [
        "AccessDenied",
        "AccessDeniedException",
        "NoSuchKey",
        "NoSuchBucket",
        "PermanentRedirect",
        "TemporaryRedirect",
        "PreconditionFailed",
        "InvalidRange",
        "InvalidArgument",
        "BadDigest",
        "XAmzContentSHA256Mismatch",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "signaturedoesnotmatch",
        "SignatureDoesNotMatch2",
        "Exception",
        "",
    ] {
        for body in [
            s3(code, ""),
            format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>"),
            format!("{{\"__type\":\"{code}\"}}"),
            format!("{{\"Error\":{{\"Code\":\"{code}\"}}}}"),
        ] {
            assert_eq!(examine(body.as_bytes()), Finding::Other, "{body}");
        }
        assert_eq!(
            auth_error::of_header(b"x-amzn-errortype", code.as_bytes()),
            None
        );
    }
    for body in [
        "<html><head><title>403 Forbidden</title>",
        "<!DOCTYPE html><Error><Code>ExpiredToken</Code>",
        "<Errors><Error><Code>ExpiredToken</Code>",
        "<List><Error><Code>ExpiredToken</Code>",
        "<Error/><Code>ExpiredToken</Code>",
        "<Error><Details><Code>ExpiredToken</Code></Details></Error>",
        "<Error><Code>Expired<b/>Token</Code></Error>",
        "<Error></Error><Error><Code>ExpiredToken</Code>",
        "<Response><Error><Code>ExpiredToken</Code></Error></Response>",
        "text <Error><Code>ExpiredToken</Code>",
        "<?xml version=\"1.0\"?>text<Error><Code>ExpiredToken</Code>",
        "<3><Code>ExpiredToken</Code>",
        "ExpiredToken",
        "The request failed",
        "\"ExpiredToken\"",
        "[]",
        // An application's own.
        "{\"code\":\"InvalidToken\",\"message\":\"Log in again.\"}",
        "{\"error\":{\"__type\":\"InvalidToken\"}}",
        "{\"data\":[\"__type\",\"InvalidToken\"]}",
        "{\"detail\":\"Authorization=AWS4-HMAC-SHA256\"}",
        "\x1f\u{8b}\x08",
    ] {
        assert_eq!(examine(body.as_bytes()), Finding::Other, "{body}");
    }
}

#[test]
fn documents_of_every_shape() {
    for body in [
        "<Error><Code>ExpiredToken</Code>",
        "\u{feff}<Error><Code>ExpiredToken</Code>",
        " \r\n\t<?xml version='1.0' encoding='UTF-8'?> <!-- <Error> --> <Error>\n <Code> ExpiredToken\n</Code>",
        "<Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\" a='>'><Code>ExpiredToken</Code>",
        "<s3:Error xmlns:s3=\"x\"><s3:Code>ExpiredToken</s3:Code>",
        "<Error><Message>not yours</Message><RequestId/><A><B><Code>NoSuchKey</Code></B></A><Code>ExpiredToken</Code>",
        "<Error><![CDATA[<Code>NoSuchKey</Code>]]><?a <Code>?><Code b=\"c\" >ExpiredToken</Code >",
        "<ErrorResponse><RequestId>1</RequestId><Error><Code>ExpiredToken</Code>",
    ] {
        assert_eq!(auth_error(body).code.cause, Cause::Expired, "{body}");
    }
}

#[test]
fn messages_that_repeat_what_we_signed() {
    let nested = format!("{{\"errors\":[{JSON_MISMATCH}]}}");
    let half = &JSON_MISMATCH[..200];
    for body in [JSON_MISMATCH, &nested, half] {
        assert_eq!(
            auth_error(body).code.to_string(),
            "InvalidSignatureException"
        );
    }
    let incomplete = r#"{"Message":"Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/x"}"#;
    assert_eq!(auth_error(incomplete).code.cause, Cause::Form);

    let text = JSON_MISMATCH.split('"').nth(3).expect("the message");
    assert_eq!(auth_error(text).form, Form::Text);
    assert_eq!(examine(&text.as_bytes()[..40]), Finding::Undecided);
}

#[test]
fn an_argument_that_is_the_authorization_header() {
    let value = "<ArgumentValue>AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE</ArgumentValue>";
    for (name, hidden) in [
        ("Authorization", true),
        ("authorization", true),
        ("x-amz-security-token", true),
        ("max-keys", false),
        ("", false),
    ] {
        let body = s3(
            "InvalidArgument",
            &format!("<Message>no</Message><ArgumentName>{name}</ArgumentName>{value}"),
        );
        let finding = examine(body.as_bytes());
        assert_eq!(
            matches!(finding, Finding::AuthError(_)),
            hidden,
            "{finding:?}"
        );
        // Until the name is there, nothing is decided.
        let end = body.find("</ArgumentName>").expect("a name");
        assert_eq!(examine(&body.as_bytes()[..end]), Finding::Undecided);
    }
    assert_eq!(
        auth_error::of_header(b"x-amzn-errortype", b"InvalidArgument"),
        None
    );
}

#[test]
fn the_region_that_the_store_wants() {
    let body = |region: &str| {
        s3(
            "AuthorizationHeaderMalformed",
            &format!("<Message>no</Message><Region>{region}</Region>"),
        )
    };
    assert_eq!(
        wanted_region(body("eu-west-1").as_bytes()),
        Some("eu-west-1")
    );
    // It goes into a log.
    for region in ["", "a b", "\u{1b}[31m", &"a".repeat(65)] {
        assert_eq!(wanted_region(body(region).as_bytes()), None, "{region}");
    }
    let cut = body("eu-west-1");
    let end = cut.find("west").expect("a region");
    assert_eq!(wanted_region(&cut.as_bytes()[..end]), None);
    assert_eq!(wanted_region(JSON_MISMATCH.as_bytes()), None);
}

#[test]
fn headers_that_name_the_error() {
    for name in ["x-amzn-ErrorType", "X-Amz-Error-Code", "x-minio-error-code"] {
        let code = auth_error::of_header(name.as_bytes(), b" aws#ExpiredTokenException:http://x");
        assert_eq!(code.expect(name).to_string(), "ExpiredTokenException");
    }
    assert_eq!(
        auth_error::of_header(b"x-amz-request-id", b"ExpiredToken"),
        None
    );
    assert!(auth_error::is_message_header(b"X-Amzn-ErrorMessage"));
    assert!(!auth_error::is_message_header(b"X-Amz-Request-Id"));
}

#[test]
fn the_canonical_request_of_the_store() {
    let lines: Vec<_> = canonical_request(MISMATCH.as_bytes())
        .expect("it is there")
        .collect();
    assert_eq!(lines[..2], [&b"GET"[..], b"/key"]);
    assert_eq!(lines[4], b"x-amz-security-token:TOKEN");
    assert_eq!(lines.len(), 8);

    let lines: Vec<_> = canonical_request(JSON_MISMATCH.as_bytes())
        .expect("it is there")
        .collect();
    assert!(lines.contains(&&b"x-amz-security-token:TOKEN"[..]));
    assert!(canonical_request(s3("ExpiredToken", "").as_bytes()).is_none());
}

/// What a client is told is an error of the same form and code, and nothing else of the upstream's.
#[test]
fn what_is_told_instead() {
    for body in [
        MISMATCH.to_owned(),
        JSON_MISMATCH.to_owned(),
        s3("InvalidToken", "<Token-0>TOKEN</Token-0>"),
        "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>TOKEN</Message>".to_owned(),
        "<Response><Errors><Error><Code>AuthFailure</Code><Message>TOKEN</Message>".to_owned(),
        JSON_MISMATCH
            .split('"')
            .nth(3)
            .expect("the message")
            .to_owned(),
    ] {
        let error = auth_error(&body);
        let told = error.body().concat();
        assert!(told.contains(&error.code.to_string()), "{told}");
        for hidden in ["TOKEN", "AKID", "AWS4-HMAC", "/key", "we calculated"] {
            assert!(!told.contains(hidden), "{told}");
        }
        if error.form == Form::Json {
            let value: serde_json::Value = serde_json::from_str(&told).expect("JSON");
            assert_eq!(value["__type"], error.code.to_string());
        }
        if error.form != Form::Text {
            // It would be hidden again, by another nginx in front: to the same text.
            assert_eq!(auth_error(&told).body().concat(), told);
        }
    }

    let code =
        auth_error::of_header(b"x-amzn-errortype", b"ExpiredTokenException").expect("a code");
    for (content_type, form) in [
        (&b"application/xml"[..], Form::Error),
        (b"text/xml; charset=utf-8", Form::Error),
        (b"application/json", Form::Json),
        (b"", Form::Json),
    ] {
        assert_eq!(AuthError::of_code(code, content_type).form, form);
    }
}

#[test]
fn a_code_behind_the_limit_is_not_looked_for() {
    let body = |filling: usize| {
        format!(
            "<Error><!--{}--><Code>ExpiredToken</Code>",
            "x".repeat(filling)
        )
    };
    assert!(matches!(
        examine(body(LIMIT - 100).as_bytes()),
        Finding::AuthError(_)
    ));
    assert_eq!(examine(body(LIMIT).as_bytes()), Finding::Undecided);
}

/// Pieces of bodies, in any order.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => select(vec![
            "<", ">", "/", "</", "/>", "<?xml ?>", "<!--", "-->", "<![CDATA[", "]]>", "<!", "?>", "\"", "'", "=",
            "<Error>", "</Error>", "<ErrorResponse>", "<Response>", "<Errors>", "<Code>", "</Code>", "<a:Code>",
            "ExpiredToken", "NoSuchKey", "InvalidArgument", "<ArgumentName>", "<Region>", "Authorization", " ", "\n",
            "{", "}", "[", "]", ":", ",", "\\", "\"__type\"", "\"message\"", "\"Error\"", "\"Code\"", "\"ExpiredToken\"",
            "The request signature we calculated does not match the signature you", "\u{feff}", "a", "é",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Whatever it is: no panic, and what its beginning has decided, the rest does not change. (A
    /// finding on less is a finding on all: what was released, or hidden, was so rightly.)
    #[test]
    fn a_verdict_is_final(body in body()) {
        let whole = examine(&body);
        let _ = canonical_request(&body).map(Iterator::count);
        let _ = wanted_region(&body);
        let mut decided = None;
        for end in 0..=body.len() {
            let finding = match examine(&body[..end]) {
                Finding::Undecided => {
                    prop_assert!(decided.is_none(), "undecided again at {end}");
                    continue;
                }
                Finding::AuthError(error) => Some((error.code, error.form)),
                Finding::Other => None,
            };
            prop_assert!(decided.is_none() || decided == Some(finding), "other at {end}");
            decided = Some(finding);
        }
        let whole = match whole {
            Finding::Undecided => None,
            Finding::AuthError(error) => Some(Some((error.code, error.form))),
            Finding::Other => Some(None),
        };
        prop_assert_eq!(decided, whole);
    }

    /// An error document is found out whatever precedes its code, and whole or not.
    #[test]
    fn a_code_is_found(
        blanks in "[ \t\r\n]{0,3}",
        declaration in prop::bool::ANY,
        attribute in "( xmlns=\"[a-z:/<>']{0,8}\")?",
        before in vec(select(vec!["<A>b</A>", "<A/>", "<A><Code>x</Code></A>", "<!--<Code>-->", "text", "<A b='</A>'>c</A>"]), 0..4),
        rest in "[ -~]{0,20}",
    ) {
        let declaration = if declaration { "<?xml version=\"1.0\"?>" } else { "" };
        let before = before.concat();
        let body = format!("{blanks}{declaration}<Error{attribute}>{before}<Code>InvalidToken</Code>{rest}");
        prop_assert!(matches!(
            examine(body.as_bytes()),
            Finding::AuthError(AuthError { form: Form::Error, code }) if code.cause == Cause::Unknown
        ), "{}", body);
    }
}
