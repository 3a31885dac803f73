//! `aws_presigned_url`: URLs that an object store accepts from anyone who has them.

use nginx_tests::account::{ENDPOINT, SECRET_KEY_DIRECTIVES, object_store};
use nginx_tests::http::{self, Request};
use nginx_tests::{Builder, Nginx, ODD_KEYS, PresignedUrl, Swift, encode_key, wait_until};

/// An nginx with URLs, and a server that has keys.
fn nginx(store: u16, urls: &str, server: &str) -> Builder {
    Nginx::builder()
        .var("store", format!("127.0.0.1:{store}"))
        .http(urls)
        .server(&format!("{SECRET_KEY_DIRECTIVES}\n{server}"))
}

#[test]
fn a_link_leads_to_the_object() {
    let store = object_store();
    store.put("bucket", "a key", "hello");
    let nginx = nginx(
        store.port(),
        "aws_presigned_url $link http://{store}/bucket path=$uri expires=10m;",
        "location / { return 307 $link; }",
    )
    .start();

    let url = PresignedUrl::at(nginx.port(), "/a%20key");
    assert_eq!(url.parameter("X-Amz-Expires"), Some("600"));
    assert_eq!(url.get(store.port()).expect_status(200).text(), "hello");
    // It is valid for one method and one object, and what it says is signed.
    url.request("PUT")
        .body("x")
        .send(store.port())
        .expect_status(403);
    for (from, to) in [
        ("a%20key", "another"),
        ("Expires=600", "Expires=601"),
        ("X-Amz-Signature", "versionId=1&X-Amz-Signature"),
    ] {
        url.altered(from, to).get(store.port()).expect_status(403);
    }
    let log = nginx.error_log() + &nginx.access_log();
    assert!(!log.contains("X-Amz-"), "{log}");
}

#[test]
fn links_lead_to_odd_keys() {
    let store = object_store();
    let swift = Swift::start();
    swift.create_bucket("bucket");
    for key in ODD_KEYS {
        store.put("bucket", key, key);
        swift.put("bucket", key, key);
    }
    let nginx = Nginx::builder()
        .var("store", format!("127.0.0.1:{}", store.port()))
        .var("swift", format!("127.0.0.1:{}", swift.port()))
        .http(
            "aws_presigned_url $stored http://{store}/bucket/ path=/$key;
             aws_presigned_url $in_host http://bucket.s3.example.test path=/$key;
             aws_presigned_url $encoded http://{store}/bucket/$arg_key;
             aws_presigned_url $swift http://{swift}/bucket path=/$key;
             map $uri $key { ~^/(?:store|host|swift)/(?<rest>.*)$ $rest; }",
        )
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} merge_slashes off;
             location /store/ {{ return 307 $stored; }}
             location /host/ {{ return 307 $in_host; }}
             location /encoded {{ return 307 $encoded; }}
             location /swift/ {{ aws_access_key {}; aws_secret_key {}; return 307 $swift; }}",
            Swift::ACCESS_KEY,
            Swift::SECRET_KEY,
        ))
        .start();

    let followed = |target: &str, port| {
        let response = http::get(nginx.port(), target);
        (response.status == 307).then(|| PresignedUrl::of(&response).get(port))
    };
    for key in ODD_KEYS {
        let encoded = encode_key(key);
        // nginx resolves these in its own URI.
        let is_dotted = key.split('/').any(|part| part == "." || part == "..");
        if !is_dotted {
            for (place, port) in [
                ("store", store.port()),
                ("host", store.port()),
                ("swift", swift.port()),
            ] {
                let response = followed(&format!("/{place}/{encoded}"), port).expect("a URL");
                assert_eq!(response.status, 200, "{place} {key}: {}", response.text());
                assert_eq!(response.body, key.as_bytes(), "{place} {key}");
            }
        }
        let response = followed(&format!("/encoded?key={encoded}"), store.port());
        let response = response.expect("a URL");
        assert_eq!(response.text(), *key, "{key}");
    }
}

#[test]
fn links_expire() {
    let store = object_store();
    store.put("bucket", "key", "hello");
    let nginx = nginx(
        store.port(),
        "aws_presigned_url $link http://{store}/bucket path=$uri expires=1s;",
        "location / { return 307 $link; }",
    )
    .start();
    let url = PresignedUrl::at(nginx.port(), "/key");
    wait_until("it has expired", || url.get(store.port()).status == 403);
}

#[test]
fn links_for_uploads() {
    let store = object_store();
    let nginx = nginx(
        store.port(),
        "aws_presigned_url $link http://{store}/bucket path=$uri method=PUT;",
        "location / { return 307 $link; }",
    )
    .start();
    store.put("bucket", "another", "object");
    let url = PresignedUrl::at(nginx.port(), "/new");
    assert_eq!(url.parameter("X-Amz-Expires"), Some("3600"));
    url.get(store.port()).expect_status(403);
    let upload = url.request("PUT").body("content");
    upload.send(store.port()).expect_status(200);
    assert_eq!(store.get("bucket", "new").as_deref(), Some(&b"content"[..]));
}

/// A URL is valid for one method: a redirect has to name the one that the client will use.
#[test]
fn the_method_may_be_the_clients() {
    let store = object_store();
    store.put("bucket", "key", "hello");
    let nginx = nginx(
        store.port(),
        "aws_presigned_url $link http://{store}/bucket path=$uri method=$request_method;",
        r#"location / { if ($link = "") { return 403; } return 307 $link; }
           location /writes/ {
               aws_sign_methods GET PUT;
               if ($link = "") { return 403; } return 307 $link;
           }"#,
    )
    .start();
    let ask = |method, target| Request::new(method, target).send(nginx.port());

    PresignedUrl::of(&ask("GET", "/key"))
        .get(store.port())
        .expect_status(200);
    let head = PresignedUrl::of(&ask("HEAD", "/key"));
    head.request("HEAD").send(store.port()).expect_status(200);
    head.get(store.port()).expect_status(403);
    for method in ["PUT", "DELETE", "POST"] {
        ask(method, "/key").expect_status(403);
    }
    PresignedUrl::of(&ask("PUT", "/writes/key"));
    ask("HEAD", "/writes/key").expect_status(403);
    ask("DELETE", "/writes/key").expect_status(403);
    let log = nginx.error_log();
    let line = "the presigned URL in \"$link\" is empty: the variable in \"method=\" must be one \
                of GET, PUT";
    assert!(log.contains(line), "{log}");
}

#[test]
fn parameters_are_a_part_of_the_link() {
    let store = object_store();
    store.put("bucket", "key", "hello");
    let nginx = nginx(
        store.port(),
        "aws_presigned_url $save
             http://{store}/bucket?response-content-disposition=attachment%3B%20filename%3D%22$arg_name%22
             path=$uri;
         aws_presigned_url $as_asked http://{store}/bucket$request_uri;",
        "location / { return 307 $save; }
         location /key { return 307 $as_asked; }
         location = /key { if ($arg_name) { return 307 $save; } return 307 $as_asked; }",
    )
    .start();

    let saved = PresignedUrl::at(nginx.port(), "/key?name=f.txt");
    let response = saved.get(store.port()).expect_status(200);
    let disposition = response.header("Content-Disposition");
    assert_eq!(disposition, Some("attachment; filename=\"f.txt\""));

    let asked = PresignedUrl::at(
        nginx.port(),
        "/key?versionId=null&X-Amz-Expires=1&x-amz-acl=private",
    );
    assert_eq!(asked.parameter("versionId"), Some("null"));
    assert_eq!(asked.parameter("X-Amz-Expires"), Some("3600"));
    assert_eq!(asked.parameter("x-amz-acl"), None);
}

#[test]
fn a_url_that_is_none_makes_no_link() {
    let nginx = nginx(
        1,
        "aws_presigned_url $link $arg_url;",
        r#"location / { if ($link = "") { return 400; } return 307 $link; }"#,
    )
    .start();
    PresignedUrl::at(nginx.port(), "/?url=https://b.example.net/k");
    for url in [
        "",
        "/k",
        "ftp://b.example.net/",
        "https://",
        "https://u@b/k",
    ] {
        http::get(nginx.port(), format!("/?url={url}")).expect_status(400);
    }
    let log = nginx.error_log();
    let line = "is empty: its URL does not begin with \"https://\" or \"http://\"";
    assert!(log.contains(line), "{log}");
}

#[test]
fn what_cannot_be_a_link_is_rejected() {
    for (directive, message) in [
        (
            "url https://b.net",
            "the invalid value \"url\": write the name of a variable",
        ),
        (
            "$ https://b.net",
            "write the name of a variable, such as $link",
        ),
        ("$a-b https://b.net", "write the name of a variable"),
        (
            "$link /path",
            "the invalid value \"/path\": its URL does not begin with \"https://\"",
        ),
        ("$link https://", "its URL has no host such as"),
        (
            "'$link' 'https://b.net/a b'",
            "its URL has the byte 0x20, which must be percent-encoded: write a decoded path such \
             as $uri as \"path=$uri\"",
        ),
        (
            "$link https://b.net/$unknown",
            "unknown \"unknown\" variable",
        ),
        (
            "$link https://b.net path=$unknown",
            "unknown \"unknown\" variable",
        ),
        (
            "$link https://b.net expires=0",
            "must be at least one second",
        ),
        (
            "$link https://b.net expires=8d",
            "at most 7 days (604800 s), not 691200 s",
        ),
        ("$link https://b.net expires=1500ms", "write whole seconds"),
        (
            "$link https://b.net expires=soon",
            "write a time such as 15m or 1h",
        ),
        (
            "$link https://b.net method=get",
            "not a method: write a name such as GET or PUT",
        ),
        (
            "$link https://b.net GET",
            "the invalid value \"GET\": write path=, method= or expires=",
        ),
        (
            "$link https://b.net key=a",
            "write path=, method= or expires=",
        ),
        (
            "$link https://b.net path=\"$uri\"",
            "quotation marks belong around the whole word: write \"path=$uri\"",
        ),
        (
            "$link https://b.net expires=1h expires=1h",
            "it is duplicate",
        ),
        ("$uri https://b.net", "the duplicate \"uri\" variable"),
    ] {
        let conf = format!("aws_presigned_url {directive};");
        let result = Nginx::builder().http(&conf).check().expect_refused(message);
        // nginx itself does not say where a variable is unknown.
        let has_line = result.stderr.contains("nginx.conf:");
        assert!(has_line || message.starts_with("unknown"), "{result:?}");
    }
    let twice = "aws_presigned_url $a https://b.net; aws_presigned_url $a https://c.net;";
    Nginx::builder()
        .http(twice)
        .check()
        .expect_refused("the duplicate \"a\" variable");
}

/// Host is a part of the signature.
#[test]
fn the_host_is_what_clients_send() {
    let store = object_store();
    store.put("bucket", "key", "hello");
    let nginx = nginx(
        store.port(),
        &format!("aws_presigned_url $link HTTP://Bucket.{ENDPOINT}:80/key;"),
        "location / { return 307 $link; }",
    )
    .start();
    let url = PresignedUrl::at(nginx.port(), "/");
    assert_eq!(url.host(), format!("bucket.{ENDPOINT}"));
    assert_eq!(url.get(store.port()).expect_status(200).text(), "hello");
}
