//! What is sent: S3's canonical form on the wire, other services' own.

mod common;

use aws_sealing::Addressing;
use common::Case;

#[track_caller]
fn sent(case: Case) -> String {
    let service = case.service;
    let sealed = case.sealed();
    sealed.verify(service).expect("signed");
    String::from_utf8(sealed.target).expect("canonical targets are ASCII")
}

#[test]
fn s3_paths_are_encoded_once_and_never_normalised() {
    for (target, expected) in [
        ("/", "/"),
        ("/a b", "/a%20b"),
        ("/a+b", "/a%2Bb"),
        ("/a%2bb", "/a%2Bb"),
        ("/a%20b", "/a%20b"),
        ("/a%2520b", "/a%2520b"),
        ("/100%", "/100%25"),
        ("/%zz", "/%25zz"),
        ("/a//b", "/a//b"),
        ("//", "//"),
        ("/./a/../b", "/./a/../b"),
        ("/%2e%2e/b", "/../b"),
        ("/a%2Fb", "/a/b"),
        ("/~-._", "/~-._"),
        ("/%7e", "/~"),
        ("/(a)'!*", "/%28a%29%27%21%2A"),
        ("/a:b@c,d;e$", "/a%3Ab%40c%2Cd%3Be%24"),
        ("/caf\u{e9}", "/caf%C3%A9"),
        ("/%c3%a9", "/%C3%A9"),
        ("?list-type=2", "/?list-type=2"),
    ] {
        assert_eq!(sent(Case::get(target)), expected, "{target}");
    }
}

#[test]
fn s3_queries_are_sorted_and_encoded() {
    for (query, expected) in [
        ("", ""),
        ("b=2&a=1", "?a=1&b=2"),
        ("acl", "?acl="),
        ("a=2&a=1", "?a=1&a=2"),
        ("A=1&a=2", "?A=1&a=2"),
        ("prefix=a/b", "?prefix=a%2Fb"),
        ("prefix=a%2fb", "?prefix=a%2Fb"),
        ("a=b=c", "?a=b%3Dc"),
        ("&&a=1&", "?a=1"),
        ("a=(", "?a=%28"),
        ("X-Amz-Date=1", ""),
    ] {
        assert_eq!(
            sent(Case::get(format!("/k?{query}"))),
            format!("/k{expected}"),
            "{query}"
        );
    }
}

#[test]
fn the_bucket_stands_in_the_host_or_in_the_path() {
    let virtual_style = Case {
        bucket: Some(("my.bucket", "s3.example:9000", Addressing::Virtual)),
        ..Case::get("/key")
    };
    let sealed = virtual_style.sealed();
    assert_eq!(sealed.target, b"/key");
    assert_eq!(sealed.all("host"), ["my.bucket.s3.example:9000"]);

    for (target, expected) in [
        ("/key", "/bucket/key"),
        ("/", "/bucket/"),
        ("//a", "/bucket//a"),
        ("/../x", "/bucket/../x"),
    ] {
        let path_style = Case {
            bucket: Some(("bucket", "s3.example", Addressing::Path)),
            ..Case::get(target)
        };
        assert_eq!(path_style.sealed().all("host"), ["s3.example"]);
        assert_eq!(sent(path_style), expected);
    }
}

#[test]
fn other_services_get_their_paths_normalised_and_their_queries_in_order() {
    for (target, expected) in [
        ("/a//b/c", "/a/b/c"),
        ("/a/..b/c..", "/a/..b/c.."),
        ("/a b", "/a%20b"),
        ("/a%20b", "/a%20b"),
        ("/a:b@c", "/a:b@c"),
        ("/?b=2&a=1", "/?b=2&a=1"),
        ("/?b=\"&a", "/?b=%22&a"),
        ("/?X-Amz-Date=1&b=2", "/?b=2"),
        ("/?Expires=1", "/?Expires=1"),
    ] {
        let case = Case {
            service: "execute-api",
            ..Case::get(target)
        };
        assert_eq!(sent(case), expected, "{target}");
    }
}

#[test]
fn what_speaks_of_a_body_is_signed_for_all_services() {
    for service in ["s3", "es"] {
        let case = Case {
            service,
            ..Case::get("/")
        };
        let case = case
            .client("Content-Type", "application/json")
            .client("content-md5", "XUFAKrxLKna5cZ2REBfFkg==");
        let names = case.sealed().signed_headers();
        for name in ["content-type", "content-md5"] {
            assert!(names.contains(&name.to_owned()), "{service} {names:?}");
        }
    }
}
