//! Keys that break signers, through the forms in which nginx hands a path on.
//!
//! The object store verifies each signature and each object holds its own name, so that a key mistaken
//! for another is noticed. Whatever nginx makes of a path, what it then asks for is signed rightly:
//! the object store may say that there is no such object, but never that the signature is wrong.

use nginx_tests::account::{KEY_DIRECTIVES, object_store_of};
use nginx_tests::http;
use nginx_tests::{Builder, Nginx, ODD_KEYS, Swift, encode_key};

/// Keys in requests that nginx rejects: without another segment before it, `..` leaves the root.
const ABOVE_THE_ROOT: [&str; 1] = [".."];
/// Keys with segments that nginx resolves where it decodes a path.
const DOTTED: [&str; 5] = ["./a", "a/./b", "a/../b", "..", "a/.."];
/// Keys with slashes that `merge_slashes` makes one.
const DOUBLE_SLASHED: [&str; 2] = ["a//b", "double//"];

fn signing(origin: u16, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", format!("127.0.0.1:{origin}"))
        .server(&format!("{KEY_DIRECTIVES} aws_sign on;\n{server}"))
}

/// Bucket and endpoint, in the host and in the path.
const STYLES: [&str; 2] = [
    "aws_s3_bucket bucket; aws_endpoint s3.example.test;",
    "aws_s3_bucket bucket; aws_endpoint s3.example.test; aws_addressing_style path;",
];

/// The key as a client writes it: in canonical form, with every byte but slashes encoded, with
/// lower-case digits, and with nothing encoded that can be sent as it is.
fn spellings(key: &str) -> [String; 4] {
    let encode = |is_kept: fn(u8) -> bool| -> Vec<u8> {
        key.bytes()
            .flat_map(|byte| match is_kept(byte) {
                true => vec![byte],
                false => format!("%{byte:02X}").into_bytes(),
            })
            .collect()
    };
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let canonical = encode_key(key);
    let all = text(encode(|byte| byte == b'/'));
    let lower = all.to_lowercase();
    let raw = text(encode(|byte| {
        !byte.is_ascii_control() && !b" %?#".contains(&byte)
    }));
    [canonical, all, lower, raw]
}

/// Asks for every key in every spelling, and returns the keys that were not served by every one.
/// A wrong signature, or another object than the one that `means` names, fails the test.
#[track_caller]
fn keys_not_served(
    port: u16,
    prefix: &str,
    means: impl Fn(&'static str) -> Option<String>,
) -> Vec<&'static str> {
    let is_served = |key: &'static str| {
        let statuses = spellings(key).map(|spelling| {
            let target = format!("{prefix}{spelling}");
            let response = http::get(port, &target);
            match response.status {
                200 => assert_eq!(Some(response.text()), means(key), "{target}"),
                status => assert!(
                    // 501: what is left of the path asks for a listing, which this object store has not.
                    matches!(status, 400 | 404 | 501) && !response.text().contains("Signature"),
                    "{target}: {status} {}",
                    response.text()
                ),
            }
            response.status
        });
        let first = statuses[0];
        assert_eq!(statuses, [first; 4], "spellings of {key:?} differ");
        first == 200
    };
    ODD_KEYS.into_iter().filter(|key| !is_served(key)).collect()
}

fn itself(key: &str) -> Option<String> {
    Some(key.to_owned())
}

#[test]
fn a_bare_host_serves_every_key() {
    for style in STYLES {
        let origin = object_store_of(&ODD_KEYS);
        let server = format!("{style} location / {{ proxy_pass http://{{origin}}; }}");
        let nginx = signing(origin.port(), &server).start();
        let not_served = keys_not_served(nginx.port(), "/", itself);
        assert_eq!(not_served, ABOVE_THE_ROOT, "{style}");
    }
}

// Where the client names the bucket, nothing is above the root.
#[test]
fn a_bare_host_and_a_bucket_in_the_clients_path_serve_every_key() {
    let origin = object_store_of(&ODD_KEYS);
    let nginx = signing(origin.port(), "location / { proxy_pass http://{origin}; }").start();
    assert_eq!(keys_not_served(nginx.port(), "/bucket/", itself), [""; 0]);
}

#[test]
fn request_uri_serves_every_key() {
    for style in STYLES {
        let origin = object_store_of(&ODD_KEYS);
        let server = format!("{style} location / {{ proxy_pass http://{{origin}}$request_uri; }}");
        let nginx = signing(origin.port(), &server).start();
        let not_served = keys_not_served(nginx.port(), "/", itself);
        assert_eq!(not_served, ABOVE_THE_ROOT, "{style}");
    }
}

// With a URI part, nginx sends the path that it has decoded and normalized.
#[test]
fn a_uri_part_serves_every_key_that_nginx_does_not_normalise() {
    for style in STYLES {
        let origin = object_store_of(&ODD_KEYS);
        let server = format!(
            "{style} merge_slashes off;
             location / {{ return 404; }}
             location /files/ {{ proxy_pass http://{{origin}}/; }}"
        );
        let nginx = signing(origin.port(), &server).start();
        let not_served = keys_not_served(nginx.port(), "/files/", itself);
        assert_eq!(not_served, DOTTED, "{style}");
    }
}

// P#67 N#88 N#576: what nginx merges is another object, and signed as that.
#[test]
fn a_uri_part_with_merge_slashes_asks_for_what_nginx_makes_of_the_key() {
    let origin = object_store_of(&ODD_KEYS);
    origin.put("bucket", "a/b", "a/b");
    origin.put("bucket", "leading", "leading");
    origin.put("bucket", "double/", "double/");
    let server = "aws_s3_bucket bucket; aws_endpoint s3.example.test;
         location / { return 404; }
         location /files/ { proxy_pass http://{origin}/; }";
    let nginx = signing(origin.port(), server).start();

    let normalised = |key: &str| {
        Some(match key {
            "a//b" | "a/./b" => "a/b".to_owned(),
            "/leading" => "leading".to_owned(),
            "double//" => "double/".to_owned(),
            key => key.to_owned(),
        })
    };
    let not_served = keys_not_served(nginx.port(), "/files/", normalised);
    assert_eq!(not_served, ["./a", "a/../b", "..", "a/.."]);
    for key in DOUBLE_SLASHED {
        http::get(nginx.port(), format!("/files/{key}")).expect_status(200);
    }
}

// The regex is matched against the decoded path; the rewritten one is sent encoded by nginx.
#[test]
fn a_rewrite_serves_every_key_that_nginx_does_not_normalise() {
    let origin = object_store_of(&ODD_KEYS);
    let server = "aws_s3_bucket bucket; aws_endpoint s3.example.test; merge_slashes off;
         location / { return 404; }
         location /files/ { rewrite ^/files(/.*)$ $1 break; proxy_pass http://{origin}; }";
    let nginx = signing(origin.port(), server).start();
    assert_eq!(keys_not_served(nginx.port(), "/files/", itself), DOTTED);
}

#[test]
fn a_bare_host_serves_every_key_of_swift() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    for key in ODD_KEYS {
        swift.put("bucket", key, key);
    }
    let server = "aws_access_key test:tester; aws_secret_key testing; aws_region us-east-1;
         location / { aws_sign on; proxy_pass http://{origin}; }";
    let nginx = Nginx::builder()
        .var("origin", format!("127.0.0.1:{}", swift.port()))
        .server(server)
        .start();
    for key in ODD_KEYS {
        let [.., raw] = spellings(key);
        let response = http::get(nginx.port(), format!("/bucket/{raw}"));
        assert_eq!((response.status, &*response.text()), (200, key));
    }
}

#[test]
fn head_finds_every_key_too() {
    let origin = object_store_of(&ODD_KEYS);
    let nginx = signing(origin.port(), "location / { proxy_pass http://{origin}; }").start();
    for key in ODD_KEYS {
        let target = format!("/bucket/{}", encode_key(key));
        let response = http::head(nginx.port(), &target).expect_status(200);
        let length = key.len().to_string();
        assert_eq!(response.header("Content-Length"), Some(&*length), "{key:?}");
    }
}
