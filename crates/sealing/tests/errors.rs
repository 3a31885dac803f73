//! Each reason for which nothing may be sent.

mod common;

use aws_sealing::head::HeadError;
use aws_sealing::{Addressing, SealError};
use common::Case;

/// What nginx 1.29.4 and later sends over HTTP/2: the connection preface, then frames.
#[test]
fn http2_upstream() {
    let mut head = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    head.extend_from_slice(b"\0\0\x12\x04\0\0\0\0\0\0\x01\0\0\0\0\0\x02\0\0\0\0");
    let end = head.len();
    // Wherever the target stands: in HPACK it is no plain text.
    for target in [0..0, 4..5, end - 4..end] {
        let error = Case::get("/")
            .seal_head(&head, target)
            .expect_err("no request of HTTP/1");
        assert_eq!(error, SealError::Http2Upstream);
    }
}

#[test]
fn heads_that_two_readers_could_read_differently() {
    let malformed = |number| SealError::Head(HeadError::HeaderLine { number });
    for (value, expected) in [
        ("a\nX-Amz-Acl: public-read", malformed(3)),
        ("a\rb", malformed(3)),
        ("a\0b", malformed(3)),
        ("a\r\n b", malformed(4)),
        ("a\r\nno colon", malformed(4)),
        ("a\r\nX-Amz-Acl : b", malformed(4)),
        (
            "a\r\n\r\nGET / HTTP/1.1",
            SealError::Head(HeadError::BytesAfterHead),
        ),
        ("a\r\nHost: evil", SealError::Head(HeadError::DuplicateHost)),
    ] {
        assert_eq!(
            Case::get("/").own("X-Path", value).seal(),
            Err(expected),
            "{value:?}"
        );
    }
    let case = Case::get("/");
    let head = case.head();
    let unterminated = SealError::Head(HeadError::Unterminated);
    assert_eq!(
        case.seal_head(&head[..head.len() - 2], 4..5),
        Err(unterminated)
    );
    let request_line = SealError::Head(HeadError::RequestLine);
    for target in [0..0, 4..4, 5..6, 4..9999] {
        assert_eq!(case.seal_head(&head, target), Err(request_line.clone()));
    }
}

/// A line break that a variable has carried into the head, whatever the variable.
#[test]
fn header_lines_that_a_variable_has_made() {
    let injected = |number| Err(SealError::Head(HeadError::InjectedLine { number }));
    let seal = |case: Case| case.seal().map(|_| ());
    for line in [
        "X-Amz-Acl: public-read",
        "X-Other: a",
        "X-Path: a",
        "x-path: a",
        "Connection: close",
        "X-Client: 1",
        "Content-Length: 0",
    ] {
        let case = Case::get("/")
            .own("X-Path", &format!("a\r\n{line}"))
            .client("X-Client", "1");
        let number = match line {
            // nginx itself could have written it.
            "Content-Length: 0" => {
                assert_eq!(seal(case), Ok(()), "{line}");
                continue;
            }
            _ => 4,
        };
        assert_eq!(seal(case), injected(number), "{line}");
    }
    // As if a later header with a variable had a value.
    let case = Case::get("/").own("X-Path", "a\r\nX-Amz-Acl: public-read");
    assert_eq!(seal(case.clone().own("X-Amz-Acl", "private")), injected(4));
    // The rest of the head is cut off, and would be sent as a body.
    let cut = Case::get("/").own("X-Path", "a\r\nContent-Length: 9\r\n\r\n");
    let head = cut.own("X-Last", "1");
    assert_eq!(seal(head), Err(SealError::Head(HeadError::BytesAfterHead)));
}

#[test]
fn a_head_that_ends_before_a_configured_header() {
    let case = Case::get("/").own("X-Last", "1");
    let head = Case::get("/").head();
    assert_eq!(
        case.seal_head(&head, 4..5),
        Err(SealError::Head(HeadError::Incomplete))
    );
    // Or before one of the client's.
    let case = Case::get("/").client("X-Last", "1");
    assert_eq!(
        case.seal_head(&head, 4..5),
        Err(SealError::Head(HeadError::InjectedLine { number: 2 }))
    );
}

#[test]
fn control_bytes_in_the_target() {
    for byte in (0..=0x1f).chain([0x7f]) {
        for target in [[b'/', byte].to_vec(), [b"/a?b=", &[byte][..]].concat()] {
            let error = Case::get(&target).seal().expect_err("a control byte");
            assert_eq!(error, SealError::ControlByteInTarget(byte));
            assert!(
                error.to_string().contains(&format!("0x{byte:02x}")),
                "{error}"
            );
        }
    }
    // Bytes above ASCII and spaces are encoded.
    assert_eq!(Case::get(b"/a b\x80\xff").sealed().target, b"/a%20b%80%FF");
}

#[test]
fn targets_that_are_no_path() {
    for target in ["", "*", "key", "http://other.example/", "?a"] {
        let result = Case::get(target).seal();
        match target {
            // What `proxy_pass http://host?a` sends.
            "?a" => assert!(result.is_ok(), "{result:?}"),
            _ => assert_eq!(result, Err(SealError::TargetForm), "{target}"),
        }
    }
}

#[test]
fn methods_that_are_not_listed() {
    for method in ["POST", "get", "GETS", "FETCH"] {
        let mut case = Case::get("/");
        case.method = method.into();
        assert_eq!(case.seal(), Err(SealError::MethodNotSigned(method.into())));
    }
    let mut case = Case::get("/");
    case.methods = vec!["DELETE"];
    assert_eq!(case.seal(), Err(SealError::MethodNotSigned("GET".into())));
}

#[test]
fn bodies() {
    for (name, value) in [
        ("Content-Length", "1"),
        ("content-length", "00"),
        ("Content-Length", " "),
        ("Transfer-Encoding", "chunked"),
        ("transfer-encoding", "identity"),
    ] {
        let case = Case::get("/").own(name, value);
        assert_eq!(
            case.seal(),
            Err(SealError::UnexpectedBody),
            "{name}: {value}"
        );
        // A body that is dropped takes its length with it.
        let dropped = Case {
            body: aws_sealing::Body::Dropped,
            ..case
        }
        .sealed();
        assert_eq!(dropped.all(name), [""; 0]);
    }
    let sealed = Case::get("/").own("Content-Length", "0").sealed();
    assert_eq!(sealed.all("Content-Length"), ["0"]);
}

#[test]
fn dot_segments_for_services_that_normalize() {
    for path in [
        "/a/../b",
        "/..",
        "/a/./b",
        "/a/.",
        "/a\\..\\b",
        "/a/..\\b",
        "/a/..%5cb",
        "/a/%2e%2e%5C%2e/b",
        "/a/..?b",
        "/a/%2e%2e/b",
        "/a/.%2E/b",
        "/a/..%2fb",
        "/%252e%252e",
        "/a/%2e%2e",
    ] {
        let mut case = Case::get(path);
        case.service = "execute-api";
        assert_eq!(case.seal(), Err(SealError::DotSegment), "{path}");
        case.service = "s3";
        assert!(case.seal().is_ok(), "{path}: part of a key");
    }
}

#[test]
fn no_host() {
    let mut case = Case::get("/");
    case.own = vec![common::pair("Connection", "close")];
    assert_eq!(case.seal(), Err(SealError::MissingHost));
    case.own = vec![common::pair("Host", " \t")];
    assert_eq!(case.seal(), Err(SealError::MissingHost));
    // A bucket has a host of its own.
    case.own.clear();
    case.bucket = Some(("bucket", "s3.example", Addressing::Virtual));
    assert_eq!(case.sealed().all("host"), ["bucket.s3.example"]);
    // It is S3's alone.
    case.service = "execute-api";
    assert_eq!(case.seal(), Err(SealError::MissingHost));
}

#[test]
fn headers_that_may_not_pass_with_a_method_that_writes() {
    let mut case = Case::get("/")
        .client("x-amz-acl", "public-read")
        .client("X-Other", "1");
    assert_eq!(case.sealed().all("x-amz-acl"), [""; 0]);
    case.method = b"DELETE".to_vec();
    case.methods = vec!["DELETE"];
    assert_eq!(
        case.seal(),
        Err(SealError::HeaderNotPassed("x-amz-acl".into()))
    );
    case.pass_headers.insert(b"x-amz-acl").expect("a name");
    assert_eq!(case.sealed().all("x-amz-acl"), ["public-read"]);
}

/// A rejection by crate signing is an error like any other.
#[test]
fn values_that_cannot_be_signed() {
    // A control byte that the head's parser lets through, in a header that is signed.
    for byte in ["\x01", "\x0b", "\x7f"] {
        let result = Case::get("/").own("X-Amz-Meta-A", byte).seal();
        if let Ok(sealed) = &result {
            let sealed = common::Sealed::parse(sealed).expect("well-formed");
            sealed.verify("s3").expect("signed");
        } else {
            assert!(matches!(result, Err(SealError::Sign(_))), "{result:?}");
        }
    }
}

/// Each text is one line that an operator can act upon.
#[test]
fn texts() {
    for error in [
        SealError::Http2Upstream,
        SealError::Head(HeadError::RequestLine),
        SealError::Head(HeadError::HeaderLine { number: 3 }),
        SealError::Head(HeadError::InjectedLine { number: 3 }),
        SealError::Head(HeadError::Incomplete),
        SealError::Head(HeadError::Unterminated),
        SealError::Head(HeadError::BytesAfterHead),
        SealError::Head(HeadError::DuplicateHost),
        SealError::ControlByteInTarget(10),
        SealError::TargetForm,
        SealError::MethodNotSigned("PUT".into()),
        SealError::UnexpectedBody,
        SealError::DotSegment,
        SealError::QueryUnknown,
        SealError::ArgumentsFromPath,
        SealError::ParameterAdded,
        SealError::MissingHost,
        SealError::HeaderNotPassed("x-amz-acl".into()),
        SealError::OutOfMemory,
        SealError::Sign(aws_signing::SignError::NoHost.into()),
    ] {
        let text = error.to_string();
        assert!(
            text.len() > 10 && text.len() < 120 && !text.contains('\n'),
            "{text}"
        );
    }
}
