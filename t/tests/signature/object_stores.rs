//! Object stores that verify signatures accept the module's in each style: odd keys, methods,
//! sub-resources, bodies, tokens; the bucket in the host and in the path. Their verifiers share no
//! code with the module.

use nginx_tests::account::{ENDPOINT, KEY_DIRECTIVES, object_store};
use nginx_tests::http::{self, Request};
use nginx_tests::{Nginx, ODD_KEYS, Style, Swift, encode_key};

/// nginx resolves it before anybody asks the object store.
const ABOVE_THE_ROOT: &str = "..";

/// `test:tester` of [`Swift`].
const SWIFT_KEYS: &str =
    "aws_access_key test:tester; aws_secret_key testing; aws_region us-east-1;";

/// Those beside the one of all other tests.
const STYLES: [Style; 3] = [Style::Query, Style::HeadersV2, Style::QueryV2];

const ADDRESSING: [&str; 2] = ["virtual", "path"];

/// A server for each style and way of addressing a bucket, in front of the object store on `store`, below
/// `domain`.
fn nginx(store: u16, domain: &str, keys: &str, server: &str) -> Nginx {
    let mut builder = Nginx::builder();
    let mut servers = String::new();
    for style in STYLES {
        for addressing in ADDRESSING {
            let name = format!("{style:?}-{addressing}");
            servers.push_str(&format!(
                "server {{
                     listen 127.0.0.1:{{{name}}};
                     {keys} {} aws_sign on; aws_s3_bucket bucket; aws_endpoint {domain};
                     aws_addressing_style {addressing}; aws_signed_headers Range;
                     merge_slashes off; client_max_body_size 0; client_body_buffer_size 16k;
                     {server}
                     location / {{
                         aws_sign_methods GET HEAD PUT POST DELETE;
                         aws_sign_operations all;
                         proxy_pass http://127.0.0.1:{store};
                     }}
                 }}\n",
                style.directives()
            ));
            builder = builder.extra_port(&name);
        }
    }
    builder.http(&servers).start()
}

fn ports(nginx: &Nginx) -> Vec<(Style, String, u16)> {
    let mut ports = Vec::new();
    for style in STYLES {
        for addressing in ADDRESSING {
            let name = format!("{style:?}-{addressing}");
            let port = nginx.port_of(&name);
            ports.push((style, name, port));
        }
    }
    ports
}

/// An object holds its own name.
#[track_caller]
fn expect_odd_keys(name: &str, port: u16) {
    for key in ODD_KEYS {
        if key == ABOVE_THE_ROOT {
            continue;
        }
        let target = format!("/{}", encode_key(key));
        let response = http::get(port, &target);
        let found = (response.status, response.text());
        assert_eq!(found, (200, key.to_owned()), "{name}: {target}");
    }
    http::head(port, "/%28round%29").expect_status(200);
}

/// PUT, and what comes of it; DELETE.
#[track_caller]
fn expect_writes(name: &str, port: u16) {
    for body in [String::new(), "short".to_owned(), "long".repeat(20_000)] {
        let put = Request::new("PUT", "/written%20key")
            .header("Content-Type", "text/plain; charset=utf-8")
            .header("X-Amz-Meta-Colour", "  blue  ")
            .body(&body);
        let response = put.send(port);
        assert_eq!(response.status, 200, "{name}: {}", response.text());
        let response = http::get(port, "/written%20key").expect_status(200);
        assert!(response.text() == body, "{name}");
        assert_eq!(response.header("X-Amz-Meta-Colour"), Some("blue"), "{name}");
    }
    let delete = Request::new("DELETE", "/written%20key").send(port);
    assert_eq!(delete.status, 204, "{name}: {}", delete.text());
    http::get(port, "/written%20key").expect_status(404);
}

#[test]
fn s3s() {
    let origin = object_store();
    for key in ODD_KEYS {
        origin.put("bucket", key, key);
    }
    let nginx = nginx(origin.port(), ENDPOINT, KEY_DIRECTIVES, "");
    for (_, name, port) in ports(&nginx) {
        expect_odd_keys(&name, port);
        expect_writes(&name, port);
        let range = Request::get("/a%2Bb")
            .header("Range", "bytes=1-1")
            .send(port);
        assert_eq!(range.expect_status(206).text(), "+", "{name}");
        // Without a signature that is right it would be 403; this object store has none of them.
        for target in [
            "/a%2Bb?acl",
            "/a%2Bb?tagging=",
            "/?location&x=1",
            "/?uploads",
            "/?versioning",
        ] {
            let response = http::get(port, target);
            assert_eq!(response.status, 501, "{name} {target}: {}", response.text());
        }
    }
}

#[test]
fn swift() {
    let swift = Swift::start_in("us-east-1", Some(ENDPOINT));
    swift.create_bucket("bucket");
    for key in ODD_KEYS {
        swift.put("bucket", key, key);
    }
    let nginx = nginx(
        swift.port(),
        ENDPOINT,
        SWIFT_KEYS,
        &format!(
            "location /wrong/ {{
                 aws_access_key test:tester; aws_secret_key wrong;
                 proxy_pass http://127.0.0.1:{}/;
             }}",
            swift.port()
        ),
    );
    for (_, name, port) in ports(&nginx) {
        expect_odd_keys(&name, port);
        expect_writes(&name, port);
        for target in [
            "/a%2Bb?acl",
            "/a%2Bb?acl=",
            "/?acl&x=1",
            "/?location",
            "/?uploads",
            "/?versioning",
            "/?list-type=2&prefix=a%2F&delimiter=/&max-keys=3",
            "/?versions&prefix=caf%C3%A9",
        ] {
            let response = http::get(port, target);
            assert_eq!(response.status, 200, "{name} {target}: {}", response.text());
        }
        let started = Request::new("POST", "/parts?uploads").body("").send(port);
        let text = started.expect_status(200).text();
        let id = text
            .split("<UploadId>")
            .nth(1)
            .and_then(|rest| rest.split('<').next());
        let part = format!("/parts?uploadId={}&partNumber=1", id.expect("an id"));
        let part = Request::new("PUT", part).body("part").send(port);
        assert_eq!(part.status, 200, "{name}: {}", part.text());

        http::get(port, "/wrong/a%2Bb").expect_status(403);
    }
}

/// What a client may set of the object store's response is a part of what is signed.
#[test]
fn swift_takes_response_overrides() {
    let swift = Swift::start_in("us-east-1", Some(ENDPOINT));
    swift.create_bucket("bucket");
    swift.put("bucket", "key", "hello");
    let nginx = nginx(
        swift.port(),
        ENDPOINT,
        SWIFT_KEYS,
        &format!(
            "location /override/ {{
                 aws_response_overrides on; proxy_pass http://127.0.0.1:{}/;
             }}",
            swift.port()
        ),
    );
    for (_, name, port) in ports(&nginx) {
        let query = "response-content-type=text%2Fx-test%2B1&response-content-disposition=a%20b";
        let response = http::get(port, format!("/override/key?{query}"));
        assert_eq!(response.status, 200, "{name}: {}", response.text());
        assert_eq!(
            response.header("Content-Type"),
            Some("text/x-test+1"),
            "{name}"
        );
        assert_eq!(
            response.header("Content-Disposition"),
            Some("a b"),
            "{name}"
        );
        let response = http::get(port, format!("/key?{query}")).expect_status(200);
        assert_ne!(
            response.header("Content-Type"),
            Some("text/x-test+1"),
            "{name}"
        );
    }
}

/// A hash that is signed in the query is checked by the object store, and anything may stand in the token
/// that is signed.
#[test]
fn swift_takes_hashes_and_tokens() {
    let swift = Swift::start_in("us-east-1", Some(ENDPOINT));
    swift.create_bucket("bucket");
    let token = "FwoGZXIv//token+with==";
    let keys = format!("{SWIFT_KEYS} aws_session_token {token};");
    let nginx = nginx(
        swift.port(),
        ENDPOINT,
        &keys,
        &format!(
            "location /hashed/ {{
                 aws_signature_version 4; aws_payload signed; aws_sign_methods GET PUT;
                 proxy_pass http://127.0.0.1:{0}/;
             }}
             location /replaced/ {{
                 aws_signature_version 4; aws_payload signed; aws_sign_methods GET PUT;
                 proxy_set_body replaced; proxy_pass http://127.0.0.1:{0}/;
             }}",
            swift.port()
        ),
    );
    for (style, name, port) in ports(&nginx) {
        for body in [String::new(), "short".to_owned(), "long".repeat(20_000)] {
            let put = Request::new("PUT", "/hashed/key").body(&body).send(port);
            assert_eq!(put.status, 200, "{name}: {}", put.text());
            let got = http::get(port, "/hashed/key").expect_status(200);
            assert!(got.text() == body, "{name}");
        }
        let put = Request::new("PUT", "/replaced/key").body("x").send(port);
        assert_eq!(put.status, 200, "{name}: {}", put.text());
        assert_eq!(http::get(port, "/hashed/key").text(), "replaced", "{name}");
        // Swift leaves the token out of what it makes of a query of Version 2.
        let status = if style == Style::QueryV2 { 403 } else { 200 };
        http::get(port, "/key").expect_status(status);
    }
}
