//! Bodies that a client has framed, through `aws_payload auto` to the object store that checks every chunk's
//! signature, the trailers' signature and the trailing checksum: OpenStack Swift.

use nginx_tests::framed::{FRAMINGS, Framed, Upload};
use nginx_tests::http::{Request, Response};
use nginx_tests::payload::bytes;
use nginx_tests::{Nginx, Swift};

const SMALL: u32 = 8 << 10;
const USUAL: u32 = 64 << 10;
/// No power of two, and more than nginx's buffers hold.
const LARGE: u32 = (1 << 20) + 12_345;

/// Lengths of bodies and chunks, each length with each way of having several chunks or one.
const SHAPES: [(usize, u32); 7] = [
    (0, USUAL),
    (1, LARGE),
    (65_536, USUAL),
    (65_536, SMALL),
    (300_001, SMALL),
    (300_001, USUAL),
    ((3 << 20) + 1, LARGE),
];

/// How HTTP carries a body.
#[derive(Clone, Copy, Debug)]
enum Transfer {
    Length,
    /// botocore over https says both that the body is `aws-chunked` and that it is in HTTP's chunks.
    Chunks,
    Http2,
    Http2Unannounced,
}

impl Transfer {
    #[track_caller]
    fn send(self, upload: &Upload, nginx: &Nginx) -> Response {
        match self {
            Self::Length => upload.request().send(nginx.port()),
            Self::Chunks => upload.in_http_chunks(50_000).send(nginx.port()),
            Self::Http2 => upload.send_http2(nginx.h2_port(), true),
            Self::Http2Unannounced => upload.send_http2(nginx.h2_port(), false),
        }
    }
}

/// Locations `/buffered/` and `/streamed/`.
fn nginx(swift: &Swift, server: &str) -> Nginx {
    Nginx::builder()
        .var("store", format!("127.0.0.1:{}", swift.port()))
        .server(&format!(
            "aws_access_key {}; aws_secret_key {}; aws_region us-east-1; aws_sign on;
             aws_s3_bucket bucket; aws_endpoint {{store}}; aws_addressing_style path;
             aws_sign_methods GET HEAD PUT;
             client_max_body_size 0; proxy_http_version 1.1; proxy_set_header Connection \"\";
             {server}
             location /buffered/ {{ proxy_pass http://{{store}}/; }}
             location /streamed/ {{
                 proxy_request_buffering off; proxy_pass http://{{store}}/;
             }}",
            Swift::ACCESS_KEY,
            Swift::SECRET_KEY
        ))
        // The object store itself speaks no TLS.
        .certificate()
        .extra_port("tls_port")
        .http(
            "server {
                 listen 127.0.0.1:{tls_port} ssl;
                 ssl_certificate tls/server.pem; ssl_certificate_key tls/server.key;
                 client_max_body_size 0;
                 location / {
                     proxy_request_buffering off; proxy_http_version 1.1;
                     proxy_set_header Host $http_host; proxy_pass http://{store};
                 }
             }",
        )
        .http2()
        .start()
}

#[track_caller]
fn expect_stored(swift: &Swift, key: &str, body: &[u8], encoding: Option<&str>) {
    let stored = swift
        .send(Request::get(format!("/bucket/{key}")))
        .expect_status(200);
    assert_eq!(stored.body.len(), body.len(), "{key}");
    assert!(stored.body == body, "{key}: other bytes");
    assert_eq!(stored.header("Content-Encoding"), encoding, "{key}");
}

/// The framing is none of the object's codings, wherever a client writes it.
const ENCODINGS: [(&str, Option<&str>); 3] = [
    ("aws-chunked", None),
    ("aws-chunked,gzip", Some("gzip")),
    ("gzip,aws-chunked", Some("gzip")),
];

/// The client of these tests is a real one: Swift takes what it sends, and nothing that is changed.
#[test]
fn swift_checks_the_client_itself() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    for framing in FRAMINGS {
        for (length, chunk_size) in SHAPES {
            let body = bytes(length);
            let key = format!("{framing:?}-{length}-{chunk_size}");
            let framed = Framed::new(framing, &body)
                .chunk_size(chunk_size)
                .user(Swift::ACCESS_KEY, Swift::SECRET_KEY);
            let upload = framed.put(&format!("/bucket/{key}"));
            upload.request().send(swift.port()).expect_status(200);
            expect_stored(&swift, &key, &body, None);
        }

        let framed = Framed::new(framing, "hello").user(Swift::ACCESS_KEY, Swift::SECRET_KEY);
        let upload = framed.put("/bucket/changed");
        let changed = upload.clone().replace("hello", "jello");
        changed.request().send(swift.port()).expect_status(
            // A signature that is wrong, or a checksum.
            if framing.signs_chunks() { 403 } else { 400 },
        );
        let other = framed.user(Swift::ACCESS_KEY, "another secret");
        let other = other.put("/bucket/changed");
        other.request().send(swift.port()).expect_status(403);
        swift
            .send(Request::get("/bucket/changed"))
            .expect_status(404);
    }
}

fn swift_stores_what_clients_frame(transfers: [Transfer; 2]) {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    let nginx = nginx(&swift, "");
    for (at, framing) in FRAMINGS.into_iter().enumerate() {
        for (shape, (length, chunk_size)) in SHAPES.into_iter().enumerate() {
            let body = bytes(length);
            let framed = Framed::new(framing, &body).chunk_size(chunk_size);
            for (turn, way) in ["buffered", "streamed"].into_iter().enumerate() {
                // Each of the two for every other shape.
                let transfer = transfers[(at + shape + turn) % 2];
                let key = format!("{framing:?}-{length}-{chunk_size}-{transfer:?}-{way}");
                let upload = framed.put(&format!("/{way}/{key}"));
                let response = transfer.send(&upload, &nginx);
                assert_eq!(response.status, 200, "{key}: {}", response.text());
                expect_stored(&swift, &key, &body, None);
            }
        }
    }
    assert!(
        !nginx.request_log().contains("aws_auth:"),
        "{}",
        nginx.request_log()
    );
}

#[test]
fn swift_stores_what_clients_frame_over_http_1() {
    swift_stores_what_clients_frame([Transfer::Length, Transfer::Chunks]);
}

#[test]
fn swift_stores_what_clients_frame_over_http_2() {
    swift_stores_what_clients_frame([Transfer::Http2, Transfer::Http2Unannounced]);
}

#[test]
fn swift_stores_codings_without_the_framing() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    let nginx = nginx(
        &swift,
        "location /tls/ {
             proxy_request_buffering off; proxy_set_header Host {store};
             proxy_pass https://127.0.0.1:{tls_port}/;
         }",
    );
    let body = bytes(200_000);
    for framing in FRAMINGS {
        for (encoding, stored) in ENCODINGS {
            let framed = Framed::new(framing, &body).header("Content-Encoding", encoding);
            for way in ["tls", "buffered"] {
                let key = format!("{framing:?}-{}-{way}", encoding.replace(',', "-"));
                let upload = framed.put(&format!("/{way}/{key}"));
                upload.request().send(nginx.port()).expect_status(200);
                expect_stored(&swift, &key, &body, stored);
            }
        }
    }
}
