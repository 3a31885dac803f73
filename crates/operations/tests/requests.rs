//! Which operations requests need that the service model does not describe.

use aws_operations::{Class, Headers, Levels, OperationSet, Parameters, Request};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const METHODS: [&str; 8] = [
    "GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "get",
];

fn levels() -> [Levels; 3] {
    [Levels::SERVICE, Levels::BUCKET, Levels::OBJECT]
}

fn parameters(query: &str) -> Parameters<'_> {
    let mut parameters = Parameters::default();
    for text in query.split('&').filter(|text| !text.is_empty()) {
        match text.split_once('=') {
            Some((name, value)) => parameters.note(name.as_bytes(), Some(value.as_bytes())),
            None => parameters.note(text.as_bytes(), None),
        }
    }
    parameters
}

/// `levels` are those of `/bucket/key`, in the path.
fn operations_of(method: &str, path: &str, query: &str, copy_source: bool) -> OperationSet {
    Request {
        method: method.as_bytes(),
        levels: Levels::of_path(path.as_bytes(), false),
        parameters: parameters(query),
        headers: Headers {
            copy_source,
            ..Headers::default()
        },
    }
    .operations()
}

#[test]
fn requests_need_operations() {
    const UNKNOWN: &str = "an unknown operation";
    for (method, path, query, expected) in [
        ("GET", "/b/k", "", "GetObject"),
        ("HEAD", "/b/k", "", "HeadObject"),
        ("HEAD", "/b", "", "HeadBucket"),
        ("HEAD", "/", "", "ListBuckets"),
        ("GET", "/", "", "ListBuckets"),
        ("GET", "/b", "list-type=2", "ListObjectsV2"),
        ("GET", "/b", "list-type=1", "ListObjects, ListObjectsV2"),
        ("GET", "/b", "prefix=a&delimiter=/", "ListObjects"),
        // Reads forward what is no sub-resource.
        ("GET", "/b/k", "1700000000", "GetObject"),
        ("GET", "/b/k", "v=3&utm_source", "GetObject"),
        ("GET", "/b/k", "list-type=2", "GetObject"),
        (
            "GET",
            "/b/k",
            "x-id=GetObject&versionId=1&partNumber=2",
            "GetObject",
        ),
        // A known sub-resource is one everywhere.
        ("GET", "/b/k", "policy", UNKNOWN),
        ("GET", "/b", "torrent", UNKNOWN),
        ("GET", "/b/k", "delete", UNKNOWN),
        ("GET", "/", "acl", UNKNOWN),
        ("POST", "/b/k", "acl", UNKNOWN),
        ("HEAD", "/b/k", "acl", "GetObjectAcl"),
        ("HEAD", "/b", "policy", "GetBucketPolicy"),
        // Several: each that a server might choose.
        (
            "GET",
            "/b/k",
            "acl&tagging",
            "GetObjectAcl, GetObjectTagging",
        ),
        (
            "PUT",
            "/b/k",
            "tagging&acl",
            "PutObjectAcl, PutObjectTagging",
        ),
        ("GET", "/b", "list-type=2&acl", "GetBucketAcl"),
        // Uncertain ones: both readings.
        ("GET", "/b/k", "ACL", "GetObject, GetObjectAcl"),
        ("GET", "/b/k", "acl=x", "GetObject, GetObjectAcl"),
        ("GET", "/b/k", "acl=", "GetObjectAcl"),
        ("GET", "/b/k", "acl&ACL", "GetObject, GetObjectAcl"),
        ("DELETE", "/b/k", "uploadId=x", "AbortMultipartUpload"),
        (
            "DELETE",
            "/b/k",
            "uploadId=",
            "AbortMultipartUpload, DeleteObject",
        ),
        (
            "DELETE",
            "/b/k",
            "uploadId",
            "AbortMultipartUpload, DeleteObject",
        ),
        (
            "DELETE",
            "/b/k",
            "uploadid=x",
            "AbortMultipartUpload, DeleteObject",
        ),
        (
            "DELETE",
            "/b/k",
            "uploadId=&uploadId=x",
            "AbortMultipartUpload, DeleteObject",
        ),
        ("DELETE", "/b/k", "versionId=x", "DeleteObject"),
        ("PUT", "/b/k", "partNumber=1&uploadId=x", "UploadPart"),
        ("PUT", "/b/k", "uploadId=x", UNKNOWN),
        ("PUT", "/b/k", "partNumber=1", "PutObject"),
        (
            "PUT",
            "/b/k",
            "partNumber&uploadId=x",
            "UploadPart, an unknown operation",
        ),
        ("PUT", "/b", "analytics", UNKNOWN),
        // Writes take a parameter without a value for a sub-resource.
        ("PUT", "/b/k", "x-id=PutObject", "PutObject"),
        ("PUT", "/b/k", "v=3", "PutObject"),
        ("PUT", "/b/k", "v", "PutObject, an unknown operation"),
        ("PUT", "/b/k", "v=", "PutObject, an unknown operation"),
        ("PUT", "/b/k", "=", "PutObject, an unknown operation"),
        (
            "DELETE",
            "/b/k",
            "newthing",
            "DeleteObject, an unknown operation",
        ),
        // other object stores' sub-resources, in any form.
        (
            "PUT",
            "/b/k",
            "append&position=0",
            "PutObject, an unknown operation",
        ),
        (
            "PUT",
            "/b/k",
            "append=1&position=0",
            "PutObject, an unknown operation",
        ),
        (
            "GET",
            "/b",
            "bucketInfo",
            "ListObjects, an unknown operation",
        ),
        (
            "GET",
            "/b",
            "BUCKETINFO=",
            "ListObjects, an unknown operation",
        ),
        (
            "GET",
            "/b/page.html",
            "callback=show&referer=mail",
            "GetObject",
        ),
        // Copies.
        ("PUT", "/b/k", "copy", "CopyObject, an unknown operation"),
        // What S3 does not know.
        ("POST", "/b/k", "", "PutObject"),
        ("PATCH", "/b/k", "", "PutObject"),
        ("POST", "/b/k", "partNumber=1", "PutObject"),
        ("PATCH", "/b/k", "acl", UNKNOWN),
        ("PATCH", "/b/k", "v", "PutObject, an unknown operation"),
        ("PATCH", "/b", "", UNKNOWN),
        ("POST", "/", "Action=CreateRole", UNKNOWN),
        ("POST", "/b", "", "PostObject"),
        ("MKCOL", "/b", "", UNKNOWN),
        ("get", "/b/k", "", UNKNOWN),
        ("PUT", "/", "", UNKNOWN),
        ("OPTIONS", "/b/k", "acl", "OptionsObject"),
    ] {
        let found = operations_of(method, path, query, query == "copy");
        assert_eq!(found.to_string(), expected, "{method} {path}?{query}");
    }
}

/// A form writes what its own fields say, wherever it is sent.
#[test]
fn a_form_is_an_operation_of_its_own() {
    for (method, path, query, expected) in [
        ("POST", "/b", "", "PostObject"),
        ("POST", "/b/k", "", "PostObject, PutObject"),
        ("POST", "/b", "v=1", "PostObject"),
        ("POST", "/b", "delete", "DeleteObjects"),
        ("PUT", "/b/k", "", "PutObject"),
    ] {
        let request = Request {
            method: method.as_bytes(),
            levels: Levels::of_path(path.as_bytes(), false),
            parameters: parameters(query),
            headers: Headers {
                form: true,
                ..Headers::default()
            },
        };
        let found = request.operations();
        assert_eq!(found.to_string(), expected, "{method} {path}?{query}");
    }
}

#[test]
fn long_names_mean_nothing() {
    let long = "a".repeat(100_000);
    let found = operations_of("PUT", "/b/k", &format!("{long}=1"), false);
    assert_eq!(found.to_string(), "PutObject");
    let found = operations_of("PUT", "/b/k", &long, false);
    assert_eq!(found.to_string(), "PutObject, an unknown operation");
}

fn parameter() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        6 => select(vec![
            "acl", "ACL", "%61cl", "policy", "tagging", "uploads", "uploadId", "UploadID", "partNumber",
            "delete", "versions", "list-type", "prefix", "id", "annotation", "annotationName", "analytics",
            "select", "restore", "retention", "session", "x-id", "versionId", "append", "stat", "encryption",
            "location", "torrent", "attributes", "renameObject", "", "%", "%2", "+acl", "acl%00",
        ]).prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
    ];
    let value = select(vec!["", "=", "=1", "=2", "=x", "=%20"]);
    (name, value).prop_map(|(name, value)| name.replace(['&', '='], "") + value)
}

fn weight(operations: OperationSet) -> u8 {
    let weights = operations.iter().map(|one| one.class().weight());
    weights.max().expect("each request needs an operation")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever the bytes, a request needs an operation, and nothing panics.
    #[test]
    fn each_request_needs_an_operation(
        method in select(METHODS.to_vec()),
        path in "/?([a-z./%]|%5C){0,12}",
        in_host in any::<bool>(),
        names in vec((vec(any::<u8>(), 0..80), prop::option::of(vec(any::<u8>(), 0..4))), 0..6),
        copy_source in any::<bool>(),
        request_route in any::<bool>(),
        form in any::<bool>(),
    ) {
        let mut parameters = Parameters::default();
        for (name, value) in &names {
            parameters.note(name, value.as_deref());
        }
        let request = Request {
            method: method.as_bytes(),
            levels: Levels::of_path(path.as_bytes(), in_host),
            parameters,
            headers: Headers { copy_source, request_route, form },
        };
        prop_assert!(!request.operations().is_empty());
        prop_assert!(request.is_allowed(OperationSet::ALL));
        prop_assert!(!request.is_allowed(OperationSet::EMPTY));
        let _ = aws_operations::is_administration(path.as_bytes(), in_host);
    }

    /// A parameter more makes a request ask for as much harm as before, or for more, as long as S3
    /// knows the request without it.
    #[test]
    fn a_parameter_never_weakens_a_request(
        method in select(METHODS.to_vec()),
        level in select(levels().to_vec()),
        query in vec(parameter(), 0..4),
        added in parameter(),
        at in 0..4_usize,
    ) {
        let needed = |query: &[String]| {
            let query = query.join("&");
            Request {
                method: method.as_bytes(),
                levels: level,
                parameters: parameters(&query),
                headers: Headers::default(),
            }
            .operations()
        };
        let before = needed(&query);
        let known = before
            .iter()
            .all(|one| one != aws_operations::Operation::UNKNOWN && one.name() != "PostObject")
            // S3 knows no POST of an object without a sub-resource, which is judged as a PUT.
            && (method != "POST" || !before.iter().any(|one| one.name() == "PutObject"));
        let mut longer = query.clone();
        longer.insert(at.min(query.len()), added);
        let after = needed(&longer);
        if known {
            prop_assert!(weight(after) >= weight(before), "{before} -> {after}: {longer:?}");
        }
        // What no default allows is not allowed by a parameter more, whatever else is there.
        let settings = [Class::Acl, Class::Admin].map(OperationSet::of_class);
        let is_setting = |needed: OperationSet| {
            settings.iter().any(|class| !needed.without(needed.without(*class)).is_empty())
        };
        if known && is_setting(before) {
            prop_assert!(is_setting(after), "{before} -> {after}: {longer:?}");
        }
    }
}
