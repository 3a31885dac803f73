//! Whose line is it? What the operator set is kept, what the client said passes by the list.

mod common;

use aws_sealing::deputy::{first_client_line, first_refused};
use aws_sealing::{PassHeaders, head};
use aws_signing::Header;
use common::{Case, Pair, pair};

/// Where the client's lines begin in a head of these lines.
fn first(lines: &[Pair], client: &[Pair]) -> usize {
    let case = Case {
        own: lines.to_vec(),
        ..Case::get("/")
    };
    let head = case.head();
    let mut parsed = Vec::new();
    head::parse(&head, &(4..5), &mut parsed).expect("a head");
    let client: Vec<_> = client
        .iter()
        .map(|(name, value)| Header { name, value })
        .collect();
    first_client_line(&head, &parsed, &client)
}

#[test]
fn the_clients_lines_are_the_tail() {
    let (host, a, b) = (pair("Host", "h"), pair("A", "1"), pair("B", "2"));
    let all = [host.clone(), a.clone(), b.clone()];
    // nginx has written Host itself, and dropped the client's.
    let client = [pair("Host", "client"), a.clone(), b.clone()];
    assert_eq!(first(&all, &client), 1);
    // Dropped lines stand anywhere.
    let client = [
        a.clone(),
        pair("Connection", "close"),
        b.clone(),
        pair("Keep-Alive", "1"),
    ];
    assert_eq!(first(&all, &client), 1);
    assert_eq!(first(&all, &[]), 3);
    assert_eq!(first(&all, &[pair("X", "y")]), 3);
    // Another order is not the client's.
    assert_eq!(first(&all, &[b, a]), 2);
    assert_eq!(first(&[], &[host]), 0);
}

#[test]
fn values_are_compared_without_blanks() {
    for value in ["v", " v", "v ", "\tv\t", "  \t v \t "] {
        assert_eq!(
            first(&[pair("Host", "h"), pair("A", value)], &[pair("A", value)]),
            1,
            "{value:?}"
        );
    }
    // Other bytes are part of the value: of both, or of none.
    for value in ["\x0cv\x0c", "\x0bv", "v\u{a0}", "\u{85}"] {
        assert_eq!(
            first(&[pair("Host", "h"), pair("A", value)], &[pair("A", value)]),
            1,
            "{value:?}"
        );
    }
    assert_eq!(first(&[pair("A", "v")], &[pair("A", "v\x0c")]), 1);
}

/// Names as nginx passes them on: in the client's own case.
#[test]
fn other_case_is_another_line() {
    assert_eq!(first(&[pair("X-A", "1")], &[pair("x-a", "1")]), 1);
}

/// The operator's line that the client repeats to the letter is taken for the client's.
#[test]
fn in_doubt_it_is_the_clients() {
    let lines = [
        pair("Host", "h"),
        pair("X-Amz-Acl", "private"),
        pair("A", "1"),
    ];
    assert_eq!(
        first(&lines, &[pair("X-Amz-Acl", "private"), pair("A", "1")]),
        1
    );
    assert_eq!(
        first(&lines, &[pair("X-Amz-Acl", "public"), pair("A", "1")]),
        2
    );
}

#[test]
fn the_operators_headers_are_kept_and_signed() {
    let sealed = Case::get("/")
        .own("X-Amz-Acl", "private")
        .own("x-amz-request-payer", "requester")
        .client("X-AMZ-ACL", "public-read")
        .client("x-amz-tagging", "a=b")
        .client("X-Amz-Meta-Colour", "blue")
        .sealed();
    assert_eq!(sealed.all("x-amz-acl"), ["private"]);
    assert_eq!(sealed.all("x-amz-request-payer"), ["requester"]);
    assert_eq!(sealed.all("x-amz-tagging"), [""; 0]);
    assert_eq!(sealed.all("x-amz-meta-colour"), ["blue"]);
    sealed.verify("s3").expect("all of them are signed");
}

#[test]
fn the_signature_is_nobody_elses() {
    let mut case = Case::get("/?X-Amz-Signature=0&a=1&%58-amz-date=2");
    for name in [
        "Authorization",
        "X-Amz-Date",
        "X-AMZ-SECURITY-TOKEN",
        "x-amz-content-sha256",
    ] {
        case = case.own(name, "own").client(&name.to_lowercase(), "client");
    }
    let sealed = case.sealed();
    sealed.verify("s3").expect("signed by us");
    assert_eq!(sealed.target, b"/?a=1");
    assert_eq!(sealed.all("x-amz-security-token"), [""; 0]);

    let sealed = Case {
        token: Some("token"),
        ..case
    }
    .sealed();
    sealed.verify("s3").expect("signed by us");
    assert_eq!(sealed.all("x-amz-security-token"), ["token"]);
}

#[test]
fn the_first_header_that_may_not_pass_is_named() {
    let pass = PassHeaders::default();
    let refused = |names: &[&'static str]| {
        let names = names.iter().map(|name| name.as_bytes());
        first_refused(names, &pass).map(|name| String::from_utf8_lossy(name).into_owned())
    };
    assert_eq!(
        refused(&["Host", "x-amz-meta-a", "X-Amz-Date", "x-amz"]),
        None
    );
    // Only says which SDK it is: it is dropped, whatever the method.
    assert_eq!(refused(&["X-Amz-User-Agent"]), None);
    assert_eq!(
        refused(&["x-amz-meta-a", "X-Amz-Copy-Source", "x-amz-acl"]).as_deref(),
        Some("X-Amz-Copy-Source")
    );
}

#[test]
fn a_clients_name_is_dropped_from_every_request() {
    let mut case = Case {
        methods: vec!["PUT"],
        method: b"PUT".to_vec(),
        ..Case::get("/key")
    }
    .client("X-Amz-User-Agent", "aws-sdk-rust/1");
    let sealed = case.sealed();
    sealed.verify("s3").expect("signed");
    assert_eq!(sealed.all("x-amz-user-agent"), [""; 0]);

    case.pass_headers
        .insert(b"x-amz-user-agent")
        .expect("a name");
    assert_eq!(case.sealed().all("x-amz-user-agent"), ["aws-sdk-rust/1"]);
}

#[test]
fn lists_of_names() {
    let mut pass = PassHeaders::none();
    assert!(!pass.allows(b"x-amz-meta-a"));
    pass.insert(b"X-Amz-Meta-*").expect("a prefix");
    pass.insert(b"x-amz-content-sha256")
        .expect("as the payload's kind allows");
    assert!(pass.allows(b"X-AMZ-META-A") && pass.allows(b"x-amz-meta-"));
    assert!(!pass.allows(b"x-amz-meta") && !pass.allows(b"x-amz-acl"));
    for bad in [
        "",
        "*",
        "x-other",
        "x-amz-date",
        "x-amz a",
        "x-amz-*-b",
        "x-amz-**",
        "authorization",
    ] {
        assert!(pass.insert(bad.as_bytes()).is_err(), "{bad}");
    }
}
