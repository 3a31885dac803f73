//! Whose line is it? What the operator set is kept, what the client said passes by the list.

mod common;

use aws_sealing::PassHeaders;
use aws_sealing::forwarding::first_not_listed;
use aws_sealing::vendor::Vendor;
use common::Case;

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
        first_not_listed(names, &pass, None).map(|name| String::from_utf8_lossy(name).into_owned())
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

fn put(target: &str) -> Case {
    Case {
        methods: vec!["GET", "PUT"],
        method: b"PUT".to_vec(),
        ..Case::get(target)
    }
}

/// A client that repeats the operator's last lines cannot have them treated as its own.
#[test]
fn the_operators_headers_cannot_be_taken_away() {
    let sealed = Case::get("/")
        .own("X-Amz-Request-Payer", "requester")
        .client("X-Amz-Request-Payer", "requester")
        .client("Host", "store.example")
        .client("Connection", "close")
        .sealed();
    sealed.verify("s3").expect("signed");
    assert_eq!(sealed.all("x-amz-request-payer"), ["requester"]);
}

/// Some servers read `_` as `-`.
#[test]
fn underscores_are_judged_as_hyphens() {
    for name in ["x_amz_acl", "X-Amz_Acl", "x_amz-acl"] {
        assert_eq!(
            put("/key").client(name, "public-read").seal(),
            Err(aws_sealing::SealError::HeaderNotPassed(name.into()))
        );
        let sealed = Case::get("/key").client(name, "public-read").sealed();
        assert_eq!(sealed.all(name), [""; 0], "{name}");
    }
    for name in ["x_amz_date", "x_amz_security_token", "X_Amz-Content_SHA256"] {
        assert_eq!(put("/key").client(name, "1").sealed().all(name), [""; 0]);
    }
    let sealed = put("/key").client("x-amz-meta-a_b", "1").sealed();
    assert_eq!(sealed.all("x-amz-meta-a_b"), ["1"]);
    sealed.verify("s3").expect("signed");
}

/// Nor is there a second Content-Length, or another value of what the operator sets.
#[test]
fn underscores_are_no_way_around_what_nginx_writes() {
    let sealed = put("/key")
        .own("X-User", "alice")
        .own("X-Amz-Meta-User", "alice")
        .client("x_user", "bob")
        .client("x_amz_meta-user", "bob")
        .client("Content_Length", "5")
        .client("transfer_encoding", "chunked")
        .client("X_Other", "1")
        .sealed();
    for name in [
        "x_user",
        "x_amz_meta-user",
        "content_length",
        "transfer_encoding",
    ] {
        assert_eq!(sealed.all(name), [""; 0], "{name}");
    }
    assert_eq!(sealed.all("x_other"), ["1"]);
    assert_eq!(sealed.all("x-user"), ["alice"]);
}

#[test]
fn what_a_cdn_adds_is_dropped() {
    let sealed = put("/key")
        .client("X-Amz-Cf-Id", "abc==")
        .client("x-amz-cf-anything", "1")
        .client("X-Amzn-Trace-Id", "Root=1")
        .sealed();
    assert_eq!(sealed.all("x-amz-cf-id"), [""; 0]);
    assert_eq!(sealed.all("x-amz-cf-anything"), [""; 0]);
    assert_eq!(sealed.all("x-amzn-trace-id"), ["Root=1"]);
}

#[test]
fn an_expected_owner_is_forwarded() {
    let sealed = Case::get("/key")
        .client("x-amz-expected-bucket-owner", "111122223333")
        .sealed();
    assert_eq!(sealed.all("x-amz-expected-bucket-owner"), ["111122223333"]);
    sealed.verify("s3").expect("signed");
}

#[test]
fn other_stores_have_control_headers_of_their_own() {
    let google = |case: Case| Case {
        bucket: Some(("bucket", "storage.googleapis.com", Default::default())),
        ..case
    };
    let refused = |name: &str| Err(aws_sealing::SealError::HeaderNotPassed(name.into()));
    for name in ["X-Goog-Acl", "x_goog_acl", "x-goog-copy-source"] {
        assert_eq!(google(put("/key").client(name, "a")).seal(), refused(name));
        let sealed = google(Case::get("/key").client(name, "a")).sealed();
        assert_eq!(sealed.all(name), [""; 0], "{name}");
        // To other object stores it says nothing.
        assert_eq!(put("/key").client(name, "a").sealed().all(name), ["a"]);
    }
    let sealed = google(
        put("/key")
            .client("x-goog-meta-a", "1")
            .client("x-goog-date", "1")
            .client("x-oss-acl", "a"),
    )
    .sealed();
    assert_eq!(sealed.all("x-goog-meta-a"), ["1"]);
    assert!(
        sealed
            .signed_headers()
            .contains(&"x-goog-meta-a".to_owned())
    );
    assert_eq!(sealed.all("x-goog-date"), [""; 0]);
    assert_eq!(sealed.all("x-oss-acl"), ["a"]);

    let mut case = google(put("/key").client("x-goog-acl", "a"));
    case.pass_headers.insert(b"X-Goog-Acl").expect("a name");
    assert_eq!(case.sealed().all("x-goog-acl"), ["a"]);
    // By the host that nginx sends.
    let mut case = put("/key").client("x-oss-acl", "a");
    case.own[0].1 = b"bucket.oss-cn-hangzhou.aliyuncs.com".to_vec();
    assert_eq!(case.seal(), refused("x-oss-acl"));

    let vendor = Vendor::of_host(b"storage.googleapis.com");
    let names = [&b"x-amz-meta-a"[..], b"x-goog-acl"];
    let pass = PassHeaders::default();
    assert_eq!(first_not_listed(names, &pass, vendor), Some(names[1]));
    assert_eq!(first_not_listed(names, &pass, None), None);
}

/// Object stores read other forms differently.
#[test]
fn control_headers_are_sent_in_canonical_form() {
    let sealed = put("/key")
        .own("X-Amz-Tagging", "a  b")
        .client("x-amz-meta-b", "2")
        .client("X-Amz-Meta-A", " \t a \t  b\t")
        .client("x-amz-meta-a", "c  d")
        .client("X-Other", "a  b")
        .client("X-Other", "c")
        .sealed();
    sealed.verify("s3").expect("signed");
    assert_eq!(sealed.all("x-amz-meta-a"), ["a b,c d"]);
    assert_eq!(sealed.all("x-amz-meta-b"), ["2"]);
    assert_eq!(sealed.all("x-amz-tagging"), ["a b"]);
    assert_eq!(sealed.all("x-other"), ["a  b", "c"]);
}

/// Thousands of lines of one name, and of as many, take no time to speak of.
#[test]
fn many_lines_are_joined() {
    let mut case = put("/key");
    for number in 0..4000 {
        case = case
            .client("x-amz-meta-a", "1")
            .client(&format!("x-amz-meta-{number}"), "2");
    }
    let sealed = case.sealed();
    sealed.verify("s3").expect("signed");
    assert_eq!(sealed.all("x-amz-meta-a"), [vec!["1"; 4000].join(",")]);
}

#[test]
fn a_proxys_connection_is_not_the_stores() {
    let case = Case::get("/").client("Proxy-Connection", "keep-alive");
    assert_eq!(case.sealed().all("proxy-connection"), [""; 0]);
}
