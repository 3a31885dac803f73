//! `aws_payload signed`: the hash is that of the body as it is sent, whichever way nginx keeps it and
//! however it comes in.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, object_store, signing};
use nginx_tests::http::{Connection, Request};
use nginx_tests::payload::{bytes, expect_hash};
use nginx_tests::{Builder, Nginx, RawOrigin, http2};

/// Names of locations, and how nginx keeps a body there.
const WAYS: [(&str, &str); 8] = [
    ("default", ""),
    ("memory", "client_body_buffer_size 1m;"),
    ("file", "client_body_buffer_size 1k;"),
    ("file-on", "client_body_in_file_only on;"),
    ("file-clean", "client_body_in_file_only clean;"),
    ("single", "client_body_in_single_buffer on;"),
    (
        "single-small",
        "client_body_in_single_buffer on; client_body_buffer_size 1k;",
    ),
    ("unbuffered", "proxy_request_buffering off;"),
];

/// Around the sizes of buffers: 1 KiB, with a quarter more, and nginx's 16 KiB.
const LENGTHS: [usize; 9] = [0, 1, 1000, 1024, 1280, 1281, 16_384, 20_481, 300_000];

fn builder(origin: &RawOrigin, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_payload signed;
             aws_sign_methods GET PUT POST PATCH DELETE;
             {server}"
        ))
}

/// A location for each of [`WAYS`].
fn all_ways(origin: &RawOrigin) -> Builder {
    let locations = WAYS.map(|(name, directives)| {
        format!("location /{name}/ {{ {directives} proxy_pass http://{{origin}}; }}\n")
    });
    // A connection carries more requests than the 100 that nginx before 1.19.10 allows.
    builder(
        origin,
        &format!("keepalive_requests 1000; {}", locations.concat()),
    )
}

/// The last request is whole and signed with its body.
#[track_caller]
fn expect_whole(origin: &RawOrigin, count: usize, what: &str, body: &[u8]) {
    let requests = origin.requests();
    assert_eq!(requests.len(), count, "{what}");
    let request = &requests[count - 1];
    assert!(request.body == body, "{what}: {} bytes", request.body.len());
    expect_hash(request);
    assert_eq!(request.header("Transfer-Encoding"), None, "{what}");
    let length = (!body.is_empty()).then(|| body.len().to_string());
    assert!(
        request.header("Content-Length") == length || body.is_empty(),
        "{what}: {request:?}"
    );
}

#[test]
fn bodies_of_every_size_in_memory_and_in_files() {
    let origin = RawOrigin::with_body("");
    let nginx = all_ways(&origin).start();
    let mut connection = Connection::open(nginx.port());
    let mut count = 0;
    for (name, _) in WAYS {
        for length in LENGTHS {
            let body = bytes(length);
            let put = || Request::new("PUT", format!("/{name}/{length}"));
            for (client, request) in [
                ("length", put().body(&body)),
                ("chunked", put().chunks(body.chunks(7000))),
            ] {
                count += 1;
                let what = format!("{name}, {client}, {length}");
                connection.send(&request).expect_status(200);
                expect_whole(&origin, count, &what, &body);
            }
        }
    }
}

/// The head alone, then the body in three parts: none of it has been read ahead with the head.
#[test]
fn bodies_that_come_in_parts() {
    let origin = RawOrigin::with_body("");
    let nginx = all_ways(&origin).start();
    let mut count = 0;
    for (name, _) in WAYS {
        for length in [1000, 1281, 20_481] {
            let body = bytes(length);
            let wire = Request::new("PUT", format!("/{name}/{length}"))
                .body(&body)
                .to_bytes();
            let (head, rest) = wire.split_at(wire.len() - length);
            let mut connection = Connection::open(nginx.port());
            connection.write(head).expect("nginx reads");
            for part in rest.chunks(length.div_ceil(3)) {
                // Nagle's algorithm is off: each is a segment of its own.
                connection.write(part).expect("nginx reads");
                std::thread::yield_now();
            }
            connection
                .read(false)
                .expect("a response")
                .expect_status(200);
            count += 1;
            expect_whole(&origin, count, &format!("{name}, {length}"), &body);
        }
    }
}

#[test]
fn bodies_over_http2() {
    let origin = RawOrigin::with_body("");
    let nginx = all_ways(&origin).http2().start();
    let mut count = 0;
    for (name, _) in WAYS {
        for length in [0, 1000, 300_000] {
            let body = bytes(length);
            let path = format!("/{name}/{length}");
            for upload in [http2::upload, http2::upload_unannounced] {
                upload("PUT", nginx.h2_port(), &path, &[], &body).expect_status(200);
                count += 1;
                expect_whole(&origin, count, &path, &body);
            }
        }
    }
}

#[test]
fn every_method_with_and_without_a_body() {
    let origin = RawOrigin::with_body("");
    let nginx = all_ways(&origin).start();
    let mut count = 0;
    for method in ["PUT", "POST", "PATCH", "DELETE", "GET"] {
        for (name, _) in WAYS {
            let request = || Request::new(method, format!("/{name}/key"));
            for (request, body) in [
                (request(), ""),
                (request().body(""), ""),
                (request().chunks([""]), ""),
                (request().body("body"), "body"),
                (request().chunks(["bo", "dy"]), "body"),
            ] {
                request.send(nginx.port()).expect_status(200);
                count += 1;
                expect_whole(&origin, count, &format!("{method} {name}"), body.as_bytes());
                assert_eq!(origin.requests()[count - 1].method(), method);
            }
        }
    }
}

/// S3 wants a length from every PUT: the client's length of an empty body is forwarded.
#[test]
fn an_empty_body_keeps_its_length() {
    let origin = RawOrigin::with_body("");
    let nginx = all_ways(&origin).start();
    for (name, _) in WAYS {
        let request = Request::new("PUT", format!("/{name}/key")).body("");
        request.send(nginx.port()).expect_status(200);
    }
    let requests = origin.requests();
    assert_eq!(requests.len(), WAYS.len());
    for request in requests {
        assert_eq!(request.header("Content-Length").as_deref(), Some("0"));
    }
}

/// The object store computes the hash itself, and keeps what has it.
#[test]
fn a_store_takes_them() {
    let origin = object_store();
    origin.put("bucket", "old", "old");
    let nginx = signing(
        origin.address(),
        "aws_sign on; aws_sign_methods GET PUT DELETE; aws_payload signed;
         client_body_buffer_size 1k;
         location / { proxy_pass http://{origin}; }
         location /unbuffered/ { proxy_request_buffering off; proxy_pass http://{origin}; }",
    )
    .http2()
    .start();
    for key in ["new", "unbuffered/new"] {
        for length in [0, 1000, 100_000] {
            let body = bytes(length);
            let path = format!("/{key}-{length}");
            let put = |target: String| Request::new("PUT", target);
            put(path.clone())
                .body(&body)
                .send(nginx.port())
                .expect_status(200);
            let chunked = put(format!("{path}-chunked")).chunks(body.chunks(30_000));
            chunked.send(nginx.port()).expect_status(200);
            let streamed = format!("{path}-h2");
            http2::upload_unannounced("PUT", nginx.h2_port(), &streamed, &[], &body)
                .expect_status(200);
            for stored in [path.clone(), format!("{path}-chunked"), streamed] {
                let object = origin.get("bucket", &stored[1..]).expect("it is stored");
                assert!(object == body, "{stored}");
            }
        }
    }
    let delete = Request::new("DELETE", "/old");
    delete.send(nginx.port()).expect_status(204);
    assert_eq!(origin.get("bucket", "old"), None);
}
