//! A safe deputy where clients may write: what they say in the language of signatures changes what
//! is done with the operator's rights, so it is passed on where the operator says so, and otherwise
//! the request is rejected: to drop it would change what the client asked for.

use nginx_tests::account::{self, KEY_DIRECTIVES, SECRET_KEY_DIRECTIVES, expect_signed, signing};
use nginx_tests::framed::{FRAMINGS, Framed, Framing};
use nginx_tests::http::{self, Connection, Request};
use nginx_tests::payload::{bytes, expect_hash};
use nginx_tests::{
    Nginx, ODD_KEYS, Origin, OriginConfig, RawOrigin, Scratch, Storage, Swift, encode_key,
};

/// A header of each class that changes what is done or with whose rights.
const REFUSED: [&str; 18] = [
    "x-amz-acl",
    "X-Amz-Grant-Full-Control",
    "x-amz-tagging",
    "x-amz-tagging-directive",
    "x-amz-storage-class",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
    "x-amz-bypass-governance-retention",
    "x-amz-request-payer",
    "x-amz-website-redirect-location",
    "x-amz-copy-source",
    "X-AMZ-COPY-SOURCE-RANGE",
    "x-amz-metadata-directive",
    "x-amz-target",
    "x-amz-object-attributes",
    "x-amz-object-ownership",
    "x-amz-anything",
];

const WRITES: [&str; 4] = ["PUT", "POST", "DELETE", "PATCH"];

/// An nginx with one signed location that takes writes.
fn nginx(origin: &RawOrigin, location: &str) -> Nginx {
    Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} ignore_invalid_headers off; location / {{
                 aws_sign on; aws_sign_methods GET HEAD PUT POST DELETE PATCH;
                 aws_sign_operations all;
                 {location} proxy_pass http://{{origin}};
             }}"
        ))
        .start()
}

#[test]
fn nothing_is_written_by_default() {
    let origin = RawOrigin::with_body("");
    let server = "aws_sign on; location / { proxy_pass http://{origin}; }
        location /streamed/ { proxy_request_buffering off; proxy_pass http://{origin}; }";
    let nginx = signing(origin.address(), server).start();
    for method in [
        "PUT",
        "POST",
        "DELETE",
        "PATCH",
        "OPTIONS",
        "MKCOL",
        "COPY",
        "MOVE",
        "PROPFIND",
        "PROPPATCH",
        "LOCK",
        "UNLOCK",
        "ANYTHING",
    ] {
        for target in ["/key", "/streamed/key"] {
            for request in [
                Request::new(method, target),
                Request::new(method, target).body("body"),
                Request::new(method, target).chunks(["body"]),
            ] {
                let response = request.send(nginx.port()).expect_status(405);
                assert_eq!(response.header("Allow"), Some("GET, HEAD"), "{method}");
            }
        }
    }
    for framing in FRAMINGS {
        let upload = Framed::new(framing, bytes(100_000)).put("/key");
        upload.request().send(nginx.port()).expect_status(405);
    }
    assert_eq!(origin.connections(), 0);
    assert_eq!(nginx.own_request_lines(), [""; 0], "a method is no failure");
}

#[test]
fn each_class_of_header_rejects_a_write() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "");
    let mut refused = 0;
    let mut expect = |request: Request, name: &str| {
        request.send(nginx.port()).expect_status(403);
        refused += 1;
        let lines = nginx.own_request_lines();
        assert_eq!(lines.len(), refused, "{lines:#?}");
        let text = format!(
            "client header \"{name}\" is not allowed: to forward it, list it in \"aws_pass_headers\""
        );
        assert!(lines[refused - 1].contains(&text), "{}", lines[refused - 1]);
    };
    for name in REFUSED {
        for method in WRITES {
            expect(Request::new(method, "/key").header(name, "value"), name);
        }
        expect(
            Request::new("PUT", "/key").header(name, "").body("body"),
            name,
        );
        expect(
            Request::new("PUT", "/key")
                .header(name, "value")
                .chunks(["body"]),
            name,
        );
        let upload = Framed::new(Framing::UnsignedTrailer, "body").put("/key");
        expect(upload.request().header(name, "value"), name);
    }
    assert_eq!(origin.connections(), 0);
}

/// In the same location: to read is not to write.
#[test]
fn a_read_goes_on_without_them() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "");
    for method in ["GET", "HEAD"] {
        let request = REFUSED
            .into_iter()
            .fold(Request::new(method, "/key"), |r, name| {
                r.header(name, "value")
            });
        request.send(nginx.port()).expect_status(200);
        let sent = origin.requests().pop().expect("a request");
        expect_signed(&sent);
        for name in REFUSED {
            assert_eq!(sent.header(name), None, "{method}");
        }
    }
}

#[test]
fn what_is_listed_is_passed_and_signed() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "aws_pass_headers x-amz-*;");
    for method in WRITES {
        let request = REFUSED
            .into_iter()
            .fold(Request::new(method, "/key"), |r, name| {
                r.header(name, "value")
            });
        request.body("body").send(nginx.port()).expect_status(200);
        let sent = origin.requests().pop().expect("a request");
        // Which finds every x-amz-* header signed.
        expect_hash(&sent);
        for name in REFUSED {
            assert_eq!(sent.header_all(name), ["value"], "{method}");
        }
    }

    let nginx = self::nginx(&origin, "aws_pass_headers x-amz-storage-class;");
    let put = || Request::new("PUT", "/key").header("X-Amz-Storage-Class", "GLACIER");
    put().body("body").send(nginx.port()).expect_status(200);
    let sent = origin.requests().pop().expect("a request");
    expect_hash(&sent);
    assert_eq!(sent.header_all("x-amz-storage-class"), ["GLACIER"]);
    for other in ["x-amz-storage-classes", "x-amz-storage", "x-amz-meta-a"] {
        let request = put().header(other, "value").body("body");
        request.send(nginx.port()).expect_status(403);
    }
}

/// What the operator sets is sent and signed, and no client takes part in it.
#[test]
fn what_proxy_set_header_sets_is_kept() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(
        &origin,
        "proxy_set_header X-Amz-Acl private; proxy_set_header X-Amz-Storage-Class STANDARD_IA;",
    );
    for framed in [false, true] {
        let upload = Framed::new(Framing::SignedTrailer, bytes(100)).put("/key");
        let request = match framed {
            true => upload.request(),
            false => Request::new("PUT", "/key").body("body"),
        };
        request.clone().send(nginx.port()).expect_status(200);
        let sent = origin.requests().pop().expect("a request");
        expect_signed(&sent);
        assert_eq!(sent.header_all("x-amz-acl"), ["private"]);
        assert_eq!(sent.header_all("x-amz-storage-class"), ["STANDARD_IA"]);
        // The client asks for something else, or for the same.
        for value in ["public-read", "private"] {
            let request = request.clone().header("X-Amz-Acl", value);
            request.send(nginx.port()).expect_status(403);
        }
    }
    assert_eq!(origin.requests().len(), 2);
}

/// The way that docs/uploads.md shows to have a header dropped: listed, and emptied.
#[test]
fn a_listed_header_that_is_emptied_is_dropped() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(
        &origin,
        "aws_pass_headers x-amz-acl; proxy_set_header X-Amz-Acl \"\";",
    );
    let request = Request::new("PUT", "/key").header("X-Amz-Acl", "public-read");
    request.body("body").send(nginx.port()).expect_status(200);
    let sent = origin.only_request();
    expect_hash(&sent);
    assert_eq!(sent.header("x-amz-acl"), None);
}

/// A URL that somebody has presigned for a write is no authorization here, and does not mix with
/// ours.
#[test]
fn a_presigned_url_is_not_passed_on() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "");
    let presigned = "X-Amz-Algorithm=AWS4-HMAC-SHA256&x-amz-credential=EVIL&X-Amz-Date=20200101T000000Z\
        &X-Amz-Expires=600&X-Amz-SignedHeaders=host&%58-Amz-Signature=00&AWSAccessKeyId=EVIL\
        &Signature=00&Expires=1&X-Amz-Security-Token=evil";
    for method in WRITES {
        for (target, expected) in [
            (format!("/key?{presigned}"), "/key"),
            (
                format!("/key?uploadId=1&{presigned}&partNumber=2"),
                "/key?partNumber=2&uploadId=1",
            ),
        ] {
            let request = Request::new(method, target)
                .header("Authorization", "AWS4-HMAC-SHA256 Credential=EVIL")
                .header("X-Amz-Date", "20200101T000000Z")
                .header("X-Amz-Security-Token", "evil")
                .body("body");
            request.send(nginx.port()).expect_status(200);
            let sent = origin.requests().pop().expect("a request");
            expect_hash(&sent);
            assert_eq!(sent.target(), expected);
            let text = String::from_utf8_lossy(sent.bytes()).to_lowercase();
            assert!(
                !text.contains("evil") && !text.contains("20200101"),
                "{text}"
            );
        }
    }
}

/// A trailer is as good as a header to an object store, whoever's trailer it is.
#[test]
fn a_trailer_does_not_smuggle_a_header() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(
        &origin,
        "proxy_http_version 1.1; proxy_request_buffering off;",
    );
    for name in REFUSED.map(str::to_lowercase) {
        for framing in [Framing::SignedTrailer, Framing::UnsignedTrailer] {
            let framed = Framed::new(framing, bytes(50_000)).trailers(&[(&name, "value")]);
            framed
                .put("/key")
                .request()
                .send(nginx.port())
                .expect_status(403);
            let log = nginx.own_request_lines().pop().expect("a line");
            assert!(
                log.contains(&format!("client trailer \"{name}\" is not listed")),
                "{log}"
            );

            // Another one announced, or none.
            for announced in ["x-amz-checksum-crc32", "x-amz-meta-a"] {
                let upload = framed.put("/key").header("x-amz-trailer", announced);
                upload.request().send(nginx.port()).expect_status(400);
            }
        }
    }
    for name in [
        "authorization",
        "x-amz-date",
        "x-amz-content-sha256",
        "host",
        "expires",
    ] {
        let framed = Framed::new(Framing::UnsignedTrailer, "").trailers(&[(name, "value")]);
        framed
            .put("/key")
            .request()
            .send(nginx.port())
            .expect_status(403);
    }
    assert_eq!(origin.requests().len(), 0);

    // HTTP's own trailers end in nginx.
    let request = Request::new("PUT", "/key").header("Connection", "close");
    let mut wire = request
        .header("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
        .chunks(["body"])
        .to_bytes();
    wire.truncate(wire.len() - b"\r\n".len());
    wire.extend_from_slice(b"X-Amz-Acl: public-read\r\n\r\n");
    let mut client = Connection::open(nginx.port());
    client.write(&wire).expect("it is read");
    client.read(false).expect("a response");
    for sent in origin.requests() {
        let all = [sent.bytes(), &sent.body].concat();
        assert!(!String::from_utf8_lossy(&all).contains("public-read"));
    }
}

/// A listed one passes as a trailer, too.
#[test]
fn a_listed_trailer_passes() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(
        &origin,
        "aws_pass_headers x-amz-acl x-amz-trailer x-amz-decoded-content-length
                          x-amz-sdk-checksum-algorithm;",
    );
    let framed =
        Framed::new(Framing::UnsignedTrailer, "body").header("x-amz-sdk-checksum-algorithm", "");
    let upload = framed.trailers(&[("x-amz-acl", "private")]).put("/key");
    upload.request().send(nginx.port()).expect_status(200);
    let sent = origin.only_request();
    expect_signed(&sent);
    assert!(sent.body == upload.body);
    assert_eq!(sent.header("x-amz-trailer").as_deref(), Some("x-amz-acl"));
}

/// Copies each object, which holds its own key, where `/copies/` takes `x-amz-copy-source`, and
/// reads the copy.
fn expect_copies(nginx: &Nginx, keys: &[&str]) {
    for (number, key) in keys.iter().enumerate() {
        let encoded = encode_key(key);
        let copy = |target: &str| {
            Request::new("PUT", format!("{target}{number}"))
                .header("x-amz-copy-source", format!("/bucket/{encoded}"))
                .header("x-amz-metadata-directive", "COPY")
        };
        copy("/denied-").send(nginx.port()).expect_status(403);
        let response = copy("/copies/").send(nginx.port());
        assert_eq!(response.status, 200, "{key:?}: {}", response.text());
        assert!(
            response.text().contains("CopyObjectResult"),
            "{}",
            response.text()
        );
        let copied = http::get(nginx.port(), format!("/copies/{number}"));
        assert_eq!(copied.expect_status(200).body, key.as_bytes(), "{key:?}");
    }
    http::get(nginx.port(), "/denied-0").expect_status(404);
}

const COPIES: &str = "aws_sign on; aws_sign_methods GET HEAD PUT;
    aws_s3_bucket bucket; aws_endpoint {store}; aws_addressing_style path;
    location / { proxy_pass http://{store}; }
    location /copies/ {
        aws_pass_headers x-amz-copy-source* x-amz-metadata-directive;
        proxy_pass http://{store}/copy-;
    }";

#[test]
fn copies_of_odd_keys() {
    let folder = Scratch::new("objects");
    let origin = Origin::start(OriginConfig {
        storage: Storage::Folder(folder.path().to_owned()),
        ..OriginConfig::new(account::ACCESS_KEY, account::SECRET_KEY)
    })
    .expect("the origin starts");
    std::fs::create_dir(folder.path().join("bucket")).expect("a bucket");
    let nginx = Nginx::builder()
        .var("store", origin.address())
        .server(&format!("{KEY_DIRECTIVES} {COPIES}"))
        .start();
    // Those that can be names of files.
    let is_name = |segment: &str| !matches!(segment, "" | "." | "..");
    let keys: Vec<_> = ODD_KEYS
        .into_iter()
        .filter(|key| key.split('/').all(is_name))
        .collect();
    assert!(keys.len() > 20, "{}", keys.len());
    for key in &keys {
        let put = Request::new("PUT", format!("/{}", encode_key(key))).body(key);
        put.send(nginx.port()).expect_status(200);
    }
    expect_copies(&nginx, &keys);
}

#[test]
fn swift_copies_odd_keys() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    let nginx = Nginx::builder()
        .var("store", format!("127.0.0.1:{}", swift.port()))
        .server(&format!(
            "aws_access_key {}; aws_secret_key {}; aws_region us-east-1; {COPIES}",
            Swift::ACCESS_KEY,
            Swift::SECRET_KEY
        ))
        .start();
    for key in ODD_KEYS {
        swift.put("bucket", key, key);
    }
    expect_copies(&nginx, &ODD_KEYS);
}
