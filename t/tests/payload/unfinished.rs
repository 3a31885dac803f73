//! Bodies that broke off, were discarded, or were sent to another upstream before the signed location
//! was reached: nothing of them is signed, whoever read them.

use std::net::Shutdown;

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{self, Connection, Request, Response};
use nginx_tests::payload::{bytes, expect_hash};
use nginx_tests::{Builder, HeldOrigin, Nginx, RawOrigin, Reply, http2};

/// `{application}` is an upstream that receives requests and does not respond.
type Stand = crate::stand::Stand<HeldOrigin>;

impl Stand {
    fn new(server: &str) -> Self {
        Self::build(server, |builder| builder)
    }

    fn build(server: &str, more: impl FnOnce(Builder) -> Builder) -> Self {
        let builder = Nginx::builder()
            .http2()
            .http("client_header_buffer_size 1k; client_body_buffer_size 1k; client_max_body_size 4k;")
            .server(&format!(
                "{SECRET_KEY_DIRECTIVES} aws_sign_methods GET PUT; proxy_http_version 1.1;
             {server}"
            ));
        let application = HeldOrigin::start();
        let address = application.address();
        Self::start(more(builder), application, address)
    }

    /// Sends these bytes, and reads the response; `None` where nginx closes without one.
    fn send(&self, wire: &[u8]) -> Option<Response> {
        let mut client = Connection::open(self.nginx.port());
        client.write(wire).expect("nginx reads");
        client.read(false).ok()
    }

    /// Uploads over HTTP/2, with an announced length and without, get this status. Some versions of
    /// curl miss a response that comes before they have sent all; the access log has it.
    #[track_caller]
    fn expect_http2(&self, method: &str, body: &[u8], status: u16) {
        let port = self.nginx.h2_port();
        for upload in [http2::try_upload, http2::try_upload_unannounced] {
            let before = self.nginx.access_log().lines().count();
            let _ = upload(method, port, "/key", &[], body);
            let line = self.nginx.wait_for_access_log(before + 1).remove(before);
            assert!(line.contains(&format!("|{status}|")), "{line}");
        }
    }

    /// Nothing has reached the object store, and it is reached by a request that may be signed.
    #[track_caller]
    fn expect_untouched(self, target: &str) {
        assert_eq!(self.origin.connections(), 0);
        let response = http::get(self.nginx.port(), target).expect_status(200);
        assert_eq!(response.text(), "stored");
        let stored = self.origin.only_request();
        expect_signed(&stored);
        assert_eq!(stored.method(), "GET");
    }
}

/// A chunked PUT that breaks off with `end`. What was fine until then comes in reads of its own, since
/// nginx saves nothing of a read that it rejects: the head and what follows it fill the buffer of the
/// head, and where `data` is longer, the buffer of the body as well.
fn broken_chunks(data: usize, end: &str) -> Vec<u8> {
    let in_head = if data < BUFFER { data } else { 0 };
    let chunk = [format!("{data:x}\r\n").as_bytes(), &bytes(data)].concat();
    let (first, rest) = chunk.split_at(chunk.len() - data + in_head);
    let first = [first, if rest.is_empty() { b"\r\n" } else { b"" }].concat();
    let rest = [rest, if rest.is_empty() { b"" } else { b"\r\n" }].concat();

    let head = "PUT /key HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\nX-Padding: ";
    let padding = "x".repeat(BUFFER - head.len() - b"\r\n\r\n".len() - first.len());
    [
        head.as_bytes(),
        padding.as_bytes(),
        b"\r\n\r\n",
        &first,
        &rest,
        end.as_bytes(),
        // Before version 1.19.9, nginx looks at what it has read when that is enough for a trailer.
        &vec![b'x'; if end.ends_with('\n') { 600 } else { 0 }],
    ]
    .concat()
}

/// The size of nginx's buffers.
const BUFFER: usize = 1024;

/// In memory and in a file.
const BEFORE: [usize; 2] = [5, BUFFER];

/// A chunk that is too large for `client_max_body_size`, and no chunk.
const WRONG: [&str; 2] = ["1000\r\n", "no chunk\r\n"];

/// The first location, and the one that signs, in all ways to read a body.
fn ways() -> impl Iterator<Item = String> {
    let switches = ["on", "off"];
    let signed = switches.map(|signed| format!("aws_sign {signed};"));
    signed.into_iter().flat_map(move |sign| {
        switches.into_iter().flat_map(move |first| {
            let sign = sign.clone();
            switches.into_iter().flat_map(move |second| {
                let sign = sign.clone();
                ["1k", "64k"].map(move |buffer| {
                    format!(
                        "client_body_buffer_size {buffer};
                         location / {{
                             {sign} proxy_request_buffering {first};
                             error_page 400 408 413 502 = @signed;
                             proxy_pass http://{{application}};
                         }}
                         location = /get {{ error_page 404 = @signed; root {{dir}}; }}
                         location @signed {{
                             client_max_body_size 0; aws_sign on; proxy_request_buffering {second};
                             proxy_pass http://{{origin}};
                         }}"
                    )
                })
            })
        })
    })
}

#[test]
fn a_part_of_a_body_in_chunks() {
    for way in ways() {
        let stand = Stand::new(&way);
        for (before, end) in BEFORE
            .into_iter()
            .flat_map(|before| WRONG.map(|end| (before, end)))
        {
            let response = stand.send(&broken_chunks(before, end)).expect("a response");
            // The first location may need the length.
            let rejected = [400, 411, 502].contains(&response.status);
            assert!(rejected, "{response:?}\n{way}");
        }
        stand.expect_untouched("/get");
    }
}

/// A client that stops in the middle, and one that leaves: nginx ends these requests itself.
#[test]
fn a_client_that_stops_sending() {
    let announced = Request::new("PUT", "/key").body(bytes(3000)).to_bytes();
    for way in ways().step_by(7) {
        let stand = Stand::new(&format!("client_body_timeout 1s; {way}"));
        let chunks = BEFORE.map(|before| broken_chunks(before, "10"));
        let begun = [&chunks[0], &chunks[1], &announced[..2000]];
        std::thread::scope(|scope| {
            for wire in begun {
                scope.spawn(|| stand.send(wire));
            }
        });
        for wire in begun {
            let mut client = Connection::open(stand.nginx.port());
            client.write(wire).expect("nginx reads");
            client
                .socket()
                .shutdown(Shutdown::Write)
                .expect("it is open");
            let _ = client.read(false);
        }
        stand.nginx.wait_for_access_log(6);
        stand.expect_untouched("/get");
    }
}

/// `client_max_body_size` discards a body of which the length is announced: in one packet with its
/// head, in several, or over HTTP/2. The object would be emptied.
#[test]
fn a_body_that_was_too_large() {
    let put = |length| Request::new("PUT", "/key").body(bytes(length)).to_bytes();
    let (small, large) = (put(5000), put(500_000));
    // The head and the body in one buffer: the body is discarded at once.
    let one_packet = "client_header_buffer_size 8k;";
    for way in ways() {
        for settings in ["", one_packet] {
            let stand = Stand::new(&format!("{settings} {way}"));
            for wire in [&small[..], &small[..2000], &large[..], &large[..20_000]] {
                let response = stand.send(wire).expect("a response");
                assert!([400, 502].contains(&response.status), "{response:?}\n{way}");
            }
            stand.nginx.wait_for_access_log(4);
            let port = stand.nginx.h2_port();
            for body in [bytes(5000), bytes(500_000)] {
                // Some versions of curl miss the response.
                let _ = http2::try_upload("PUT", port, "/key", &[], &body);
                let _ = http2::try_upload_unannounced("PUT", port, "/key", &[], &body);
            }
            stand.nginx.wait_for_access_log(8);
            stand.expect_untouched("/get");
        }
    }
}

/// A module that responds without reading the body discards it, whatever happens to the request
/// then. Services other than S3 are searched by a GET with a body.
#[test]
fn a_body_that_another_module_has_discarded() {
    let stand = Stand::new(
        "client_max_body_size 0;
         location / {
             set $memcached_key $uri; memcached_pass {dead}; error_page 502 = @signed;
         }
         location @signed { aws_sign on; proxy_pass http://{origin}; }",
    );
    let query = || Request::new("GET", "/key");
    for wire in [
        query().body("small").to_bytes(),
        query().chunks(["small"]).to_bytes(),
        query().body(bytes(100_000)).to_bytes(),
        query().chunks([bytes(100_000)]).to_bytes(),
    ] {
        let response = stand.send(&wire).expect("a response");
        assert_eq!(response.status, 400);
        // And while the rest is still on its way.
        let response = stand.send(&wire[..wire.len() - 1]).expect("a response");
        assert_eq!(response.status, 400);
    }
    stand.nginx.wait_for_access_log(8);
    stand.expect_http2("GET", b"small", 400);
    stand.expect_http2("GET", &bytes(100_000), 400);
    stand.nginx.wait_for_log(
        "its body cannot be signed: it was discarded before this location was reached",
        std::time::Duration::from_secs(5),
    );
    // What announces no body has none to lose.
    let empty = query().body("").to_bytes();
    assert_eq!(stand.send(&empty).expect("a response").status, 200);
    let stored = stand.origin.wait_for_requests(1).remove(0);
    assert_eq!(stored.method(), "GET");
    assert_eq!(stored.body, b"");
    let response = http::get(stand.nginx.port(), "/get").expect_status(200);
    assert_eq!(response.text(), "stored");
}

/// An upstream that has taken the whole body, which nginx has not kept, and fails then.
#[test]
fn a_body_that_another_upstream_has_taken() {
    let application = RawOrigin::start(|_| Reply::new(503, ""));
    for second in ["on", "off"] {
        let address = application.address();
        let stand = Stand::build(
            &format!(
                "client_max_body_size 0;
                 location / {{
                     proxy_request_buffering off; proxy_intercept_errors on;
                     error_page 503 = @signed; proxy_pass http://{{taking}};
                 }}
                 location @signed {{
                     aws_sign on; proxy_request_buffering {second}; proxy_pass http://{{origin}};
                 }}"
            ),
            |builder| builder.var("taking", address),
        );
        for body in [bytes(5000), bytes(300_000)] {
            for request in [
                Request::new("PUT", "/key").body(&body),
                Request::new("PUT", "/key").chunks([&body]),
            ] {
                request.send(stand.nginx.port()).expect_status(502);
            }
            stand.expect_http2("PUT", &body, 502);
        }
        stand.expect_untouched("/key");
    }
}

/// The mirror module reads what is left of a body, and hands it on.
#[test]
fn mirrors_of_what_is_left() {
    let stand = Stand::new(
        "location / {
             error_page 400 413 = @mirrored; proxy_pass http://{application};
         }
         location @mirrored { client_max_body_size 0; mirror /mirror; root {dir}; }
         location = /mirror { internal; aws_sign on; proxy_pass http://{origin}/mirror; }
         location = /get { aws_sign on; proxy_pass http://{origin}; }",
    );
    for end in WRONG {
        stand.send(&broken_chunks(5, end));
    }
    stand.send(&Request::new("PUT", "/key").body(bytes(5000)).to_bytes());
    stand.expect_untouched("/get");
}

/// Mirrored without the body, but not with `proxy_pass_request_body off`: a copy would be empty.
#[test]
fn mirrors_that_are_given_no_body() {
    let stand = Stand::new(
        "location / {
             mirror /mirror; mirror_request_body off; aws_sign on; proxy_pass http://{origin};
         }
         location = /mirror { internal; aws_sign on; proxy_pass http://{origin}/mirror; }",
    );
    for (count, request) in (1..).zip([
        Request::new("PUT", "/key").body(bytes(3000)),
        Request::new("PUT", "/key").chunks([bytes(3000)]),
    ]) {
        request.send(stand.nginx.port()).expect_status(200);
        stand.nginx.wait_for_log(
            "its body cannot be signed: it was discarded",
            std::time::Duration::from_secs(5),
        );
        let stored = stand.origin.wait_for_requests(count);
        assert!(stored.iter().all(|stored| stored.body.len() == 3000));
        assert_eq!(stored.len(), count);
    }
}

/// A location that needs the length hands the request on to one that does not, before a byte is read: over
/// HTTP/2 in older versions. Either way nothing waits for a body that nobody reads.
#[test]
fn a_body_of_unknown_length_is_buffered_elsewhere() {
    let stand = Stand::new(
        "client_max_body_size 0; aws_sign on;
         location / {
             proxy_request_buffering off; error_page 411 = @signed; proxy_pass http://{application};
         }
         location @signed { proxy_pass http://{origin}; }",
    );
    let body = bytes(3000);
    let port = stand.nginx.h2_port();
    let _ = http2::try_upload_unannounced("PUT", port, "/key", &[], &body);
    let line = stand.nginx.wait_for_access_log(1).remove(0);
    if line.contains("|400|") {
        assert_eq!(stand.origin.connections(), 0);
    } else {
        assert!(line.contains("|200|"), "{line}");
        assert!(expect_hash(&stand.origin.only_request()) == body);
    }
}

/// What the operator sends instead of the client's body is whole.
#[test]
fn a_body_that_is_not_the_clients() {
    for (settings, expected) in [
        (
            "proxy_set_body \"$request_uri is too large\";",
            "/key is too large",
        ),
        ("proxy_pass_request_body off;", ""),
    ] {
        let stand = Stand::new(&format!(
            "location / {{ error_page 413 = @signed; proxy_pass http://{{application}}; }}
             location @signed {{
                 client_max_body_size 0; aws_sign on; {settings} proxy_pass http://{{origin}};
             }}"
        ));
        let put = Request::new("PUT", "/key").body(bytes(5000));
        put.send(stand.nginx.port()).expect_status(200);
        assert_eq!(
            expect_hash(&stand.origin.only_request()),
            expected.as_bytes()
        );
    }
}

/// Subrequests that only read leave the client's body to the main request, and are signed without it.
#[test]
fn subrequests_of_a_get_with_a_body() {
    let stand = Stand::build(
        "location / {
             auth_request /auth; ssi on; ssi_types *; root {dir}/www;
         }
         location = /auth {
             internal; aws_sign on; proxy_set_header Content-Length \"\"; proxy_pass http://{origin}/auth;
         }
         location = /part { internal; aws_sign on; proxy_pass http://{origin}/part; }",
        |builder| builder.file("www/page", "<!--#include virtual=\"/part\" -->!"),
    );
    for request in [
        Request::get("/page").body("query"),
        Request::get("/page").chunks(["query"]),
    ] {
        let response = request.send(stand.nginx.port()).expect_status(200);
        assert_eq!(response.text(), "stored!");
    }
    for stored in stand.origin.requests() {
        expect_signed(&stored);
        assert_eq!(stored.body, b"");
    }
    assert_eq!(stand.origin.requests().len(), 4);
}
