//! What is logged of a cause, with the advice of `src/`, word for word. The module itself is a library
//! that nginx loads, and cannot be linked into a test.

#[path = "../../../src/request/advice_on_errors.rs"]
mod advice_on_errors;
mod common;

use std::fmt::Display;

use advice_on_errors::{FORM_ADVICE, WithAdvice};
use aws_operations::{Class, OperationSet};
use aws_sealing::body::Expected;
use aws_sealing::head::HeadError;
use aws_sealing::presigned_url::PresignedUrlError;
use aws_sealing::{PassHeaders, SealError};
use aws_signing::Header;
use aws_signing::chunked::Framing;
use common::Case;

fn shown<E>(error: &E) -> String
where
    for<'e> WithAdvice<'e, E>: Display,
{
    WithAdvice(error).to_string()
}

#[test]
fn advice_on_what_cannot_be_signed() {
    let header_line = HeadError::HeaderLine { number: 3 };
    let injected = HeadError::InjectedLine { number: 3 };
    for (error, text) in [
        (
            SealError::Http2Upstream,
            "HTTP/2 to the upstream cannot be signed: use \"proxy_http_version 1.1\"",
        ),
        (
            SealError::Head(header_line),
            "header line 3 is malformed (a decoded variable in proxy_set_header?)",
        ),
        (
            SealError::Head(injected),
            "header line 3 is neither configured nor sent by the client (a line break in a variable of \
             \"proxy_set_header\"?)",
        ),
        (
            SealError::Head(HeadError::Incomplete),
            "a header of \"proxy_set_header\" is missing (a line break in a variable of another \
             \"proxy_set_header\"?)",
        ),
        (
            SealError::Head(HeadError::BytesAfterHead),
            "unannounced bytes follow the request head (a decoded variable in proxy_set_header?)",
        ),
        (
            SealError::Head(HeadError::DuplicateHost),
            "two Host headers would be sent",
        ),
        (
            SealError::ControlByteInTarget(10),
            "control byte 0x0a in the request target (a decoded $uri in proxy_pass?)",
        ),
        (
            SealError::TargetForm,
            "the request target does not start with \"/\"",
        ),
        (
            SealError::MethodNotSigned("PUT".into()),
            "method \"PUT\" is sent upstream but not listed in \"aws_sign_methods\"",
        ),
        (
            SealError::UnexpectedBody,
            "the request head announces a body that is not sent (\"proxy_set_header \
             Content-Length\"?)",
        ),
        (
            SealError::BodyLength,
            "the length in the request head is not that of the body (\"proxy_set_header\" of \
             Content-Length or Transfer-Encoding?)",
        ),
        (
            SealError::QueryUnknown,
            "a \"?\" from the client's path would begin a query: end \"proxy_pass\" with \
             \"$is_args$args\", or use $1 or $uri",
        ),
        (
            SealError::ArgumentsFromPath,
            "a \"?\" from the client's path has become arguments: redirect to a named location, or use \
             \"rewrite\" with $1",
        ),
        (
            SealError::ParameterAdded,
            "an \"&\" in a variable adds a query parameter: write parameters out in \"proxy_pass\", or \
             use $args",
        ),
        (
            SealError::MissingHost,
            "no Host header is sent: set \"aws_s3_bucket\" or \"proxy_set_header Host\"",
        ),
        (
            SealError::HeaderNotPassed("x-amz-acl".into()),
            "client header \"x-amz-acl\" is not listed in \"aws_pass_headers\"",
        ),
    ] {
        assert_eq!(shown(&error), text);
    }
}

#[test]
fn advice_on_operations() {
    let admin = " in \"aws_sign_operations\" to allow it";
    let form = format!(
        "operation PostObject is not allowed here: list \"PostObject\" or its class \"admin\" in \
         \"aws_sign_operations\"; {FORM_ADVICE}"
    );
    let reads = OperationSet::of_class(Class::Read);
    for (method, target, host, allowed, text) in [
        (
            "GET",
            "/b/k?acl",
            "store.example",
            reads,
            "operation GetObjectAcl is not allowed here: list \"GetObjectAcl\" or its class \"acl\" in \
             \"aws_sign_operations\"",
        ),
        (
            "GET",
            "/b/k?acl&uploadId=1",
            "store.example",
            OperationSet::EMPTY,
            "one of the operations GetObjectAcl, ListParts is not allowed here: list it or its class in \
             \"aws_sign_operations\"",
        ),
        (
            "PUT",
            "/b/k?strange",
            "store.example",
            OperationSet::default_for(false),
            &format!(
                "PUT with the query parameter \"strange\" is not a known S3 operation: list \"admin\"{admin}"
            ),
        ),
        (
            "GET",
            "/minio/admin/v3/info",
            "store.example",
            OperationSet::default_for(false),
            &format!(
                "the path belongs to the administration interface of an object store: list \"admin\"{admin}"
            ),
        ),
        ("POST", "/b", "store.example", reads, &form),
        (
            "GET",
            "/k",
            "store.example",
            reads,
            "operation ListObjects is not allowed here: list \"ListObjects\" or its class \"list\" in \
             \"aws_sign_operations\"; the path is read as /bucket/key, because Host is not known to name \
             a bucket: if it does, set \"aws_s3_bucket\", \"aws_endpoint\" or \"aws_addressing_style \
             virtual\"",
        ),
    ] {
        let mut case = Case::get(target);
        case.method = method.into();
        case.methods = vec![method];
        case.operations = allowed;
        case.own = vec![common::pair("Host", host)];
        if text == form {
            case = case.own("Content-Type", "multipart/form-data; boundary=b");
        }
        let error = case.seal().expect_err(text);
        assert_eq!(shown(&error), text, "{method} {target}");
    }
}

#[test]
fn advice_on_bodies_and_urls() {
    let expected = |trailers| {
        let header = |name, value| Header { name, value };
        let headers = [
            header(b"x-amz-decoded-content-length", b"5"),
            header(b"x-amz-trailer", trailers),
        ];
        let pass = PassHeaders::default();
        Expected::new(Framing::UnsignedTrailer, headers, &pass).expect_err("not accepted")
    };
    assert_eq!(
        shown(&expected(b"x-amz-acl")),
        "client trailer \"x-amz-acl\" is not listed in \"aws_pass_headers\""
    );
    assert_eq!(
        shown(&expected(b"x-amz-meta-a,x-amz-meta-a")),
        "the client announced trailer \"x-amz-meta-a\" twice"
    );
    assert_eq!(
        shown(&PresignedUrlError::Byte(b' ')),
        "its URL has the byte 0x20, which must be percent-encoded: write a decoded path such as \
         $uri as \"path=$uri\""
    );
    assert_eq!(
        shown(&PresignedUrlError::Scheme),
        "its URL does not begin with \"https://\" or \"http://\""
    );
}
