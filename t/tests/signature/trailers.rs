//! What comes before and after a response may repeat a signature that stood in the query, too: early
//! hints and trailers, which newer versions of nginx forward.

use std::io::Read;

use nginx_tests::account::signing;
use nginx_tests::http::{Connection, Request};
use nginx_tests::{RawOrigin, RawRequest, Reply, Style, nginx_version, parameter};

/// Everything that nginx sends for a request, byte for byte.
fn wire(port: u16, target: &str) -> String {
    let mut connection = Connection::open(port);
    let request = Request::get(target)
        .header("TE", "trailers")
        .header("Connection", "TE, close");
    connection.write(&request.to_bytes()).expect("nginx reads");
    let mut wire = Vec::new();
    let read = connection.socket().read_to_end(&mut wire);
    read.expect("a response");
    String::from_utf8_lossy(&wire).into_owned()
}

#[track_caller]
fn expect_clean(wire: &str, request: &RawRequest) {
    let signature = parameter(request, "X-Amz-Signature").expect("a signature");
    assert!(!wire.contains(&signature), "{wire}");
}

#[test]
fn no_trailer_repeats_the_signature() {
    if nginx_version() < (1, 27, 2) {
        eprintln!("nginx forwards no trailers of proxy_pass before 1.27.2");
        return;
    }
    let origin = RawOrigin::start(|request| {
        let target = request.target();
        let status = if target.starts_with("/missing") {
            "404 Gone"
        } else {
            "200 OK"
        };
        Reply::raw(format!(
            "HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Self, X-Other\r\n\r\n\
             5\r\nhello\r\n0\r\nX-Self: https://elsewhere.example{target}\r\nX-Other: kept\r\n\r\n"
        ))
    });
    let nginx = signing(
        origin.address(),
        &format!(
            "aws_sign on; {} proxy_http_version 1.1; proxy_pass_trailers on;
             access_log {{dir}}/all.log trailers;
             location / {{ proxy_pass http://{{origin}}; }}
             location /unbuffered/ {{ proxy_buffering off; proxy_pass http://{{origin}}/; }}",
            Style::Query.directives()
        ),
    )
    .http("log_format trailers $upstream_trailer_x_self;")
    .start();
    for target in [
        "/key",
        "/missing/key",
        "/unbuffered/key",
        "/unbuffered/missing/key",
    ] {
        let wire = wire(nginx.port(), target);
        expect_clean(&wire, &origin.requests().pop().expect("a request"));
        assert!(wire.contains("X-Other: kept\r\n"), "{wire}");
        let path = target.trim_start_matches("/unbuffered");
        let left = format!("X-Self: https://elsewhere.example{path}\r\n");
        assert!(wire.contains(&left), "{wire}");
    }
    let log = nginx.read("all.log");
    assert!(log.contains("https://elsewhere.example/key"), "{log}");
    assert!(!log.contains("Signature"), "{log}");
}

#[test]
fn no_early_hint_repeats_the_signature() {
    if nginx_version() < (1, 29, 0) {
        eprintln!("nginx forwards no early hints before 1.29.0");
        return;
    }
    let origin = RawOrigin::start(|request| {
        let target = request.target();
        Reply::raw(format!(
            "HTTP/1.1 103 Early Hints\r\nLink: <{target}>; rel=preload\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        ))
    });
    let hints = |style: Style| {
        let nginx = signing(
            origin.address(),
            &format!(
                "aws_sign on; {} proxy_http_version 1.1; early_hints 1;
                 location / {{ proxy_pass http://{{origin}}; }}",
                style.directives()
            ),
        )
        .start();
        wire(nginx.port(), "/key")
    };
    let wire = hints(Style::Query);
    expect_clean(&wire, &origin.requests().pop().expect("a request"));
    assert!(wire.ends_with("hello"), "{wire}");
    // Hints that repeat no signature are nginx's business.
    let wire = hints(Style::Headers);
    assert!(wire.contains("103 Early Hints"), "{wire}");
}
