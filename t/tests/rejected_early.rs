//! Requests that are rejected before their body was read: whatever the client does with its body,
//! the next request on the connection is never misread.

use std::io::Read;

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::http::{Connection, Request, Response};
use nginx_tests::{Nginx, RawOrigin};

/// One location for each way to be rejected without a look at the body.
fn nginx(origin: &RawOrigin) -> Nginx {
    Nginx::builder()
        .var("origin", origin.address())
        .file("405.txt", "read-only")
        .http("limit_req_zone $server_port zone=slow:64k rate=1r/m;")
        .server(&format!(
            "root {{dir}}; client_max_body_size 0;
             location /incomplete/ {{ aws_sign_methods PUT; proxy_pass http://{{origin}}; }}
             aws_sign on;
             location / {{
                 {SECRET_KEY_DIRECTIVES} proxy_pass http://{{origin}};
             }}
             location /writes/ {{
                 {SECRET_KEY_DIRECTIVES} aws_sign_methods GET PUT; proxy_pass http://{{origin}};
             }}
             location /unbuffered/ {{
                 {SECRET_KEY_DIRECTIVES} aws_sign_methods GET PUT; proxy_request_buffering off; proxy_http_version 1.1;
                 proxy_pass http://{{origin}};
             }}
             location /seal/ {{
                 {SECRET_KEY_DIRECTIVES} aws_sign_methods GET PUT; proxy_method DELETE;
                 proxy_request_buffering off; proxy_http_version 1.1;
                 proxy_pass http://{{origin}};
             }}
             location /denied/ {{
                 deny all; {SECRET_KEY_DIRECTIVES} aws_sign_methods GET PUT;
                 proxy_pass http://{{origin}};
             }}
             location /limited/ {{
                 limit_req zone=slow; {SECRET_KEY_DIRECTIVES} aws_sign_methods GET PUT;
                 proxy_pass http://{{origin}};
             }}
             location /page/ {{
                 error_page 405 /405.txt; {SECRET_KEY_DIRECTIVES} proxy_pass http://{{origin}};
             }}
             location = /405.txt {{ aws_sign off; }}"
        ))
        .start()
}

/// A PUT that waits for 100 Continue.
fn put(target: &str, body: &str) -> Vec<u8> {
    format!("PUT {target} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n{body}\r\n\r\n")
        .into_bytes()
}

const LENGTHS: [&str; 4] = [
    "Content-Length: 1",
    "Content-Length: 70",
    "Content-Length: 5000000",
    "Transfer-Encoding: chunked",
];

/// Sends the head of a request, and reads the final response.
fn send_head(connection: &mut Connection, head: &[u8]) -> Response {
    connection.write(head).expect("nginx reads");
    connection.read(false).expect("a response")
}

/// Nothing comes any more, although the client goes on with another request.
#[track_caller]
fn expect_end(connection: &mut Connection, what: &str) {
    // The other side may have closed by then.
    let _ = connection.write(&Request::get("/next").to_bytes());
    let mut rest = Vec::new();
    let _ = connection.socket().read_to_end(&mut rest);
    assert_eq!(String::from_utf8_lossy(&rest), "", "{what}");
}

#[track_caller]
fn expect_rejected(nginx: &Nginx, head: &[u8], status: u16) {
    let what = String::from_utf8_lossy(head).into_owned();
    let mut connection = Connection::open(nginx.port());
    let response = send_head(&mut connection, head);
    assert_eq!(response.status, status, "{what}");
    assert_eq!(response.header("Connection"), Some("close"), "{what}");
    expect_end(&mut connection, &what);
}

#[test]
fn a_client_that_expects_100_continue_is_told_that_the_connection_ends() {
    let origin = RawOrigin::with_body("hello");
    let nginx = nginx(&origin);
    for length in LENGTHS {
        expect_rejected(&nginx, &put("/key", length), 405);
        let acl = format!("x-amz-acl: public-read\r\n{length}");
        expect_rejected(&nginx, &put("/writes/key", &acl), 403);
        expect_rejected(&nginx, &put("/incomplete/key", length), 503);
    }
    assert_eq!(origin.connections(), 0);
}

/// What nginx itself rejects in such a location is a common response, too.
#[test]
fn what_nginx_rejects_in_a_signed_location_ends_the_connection_too() {
    let origin = RawOrigin::with_body("hello");
    let nginx = nginx(&origin);
    for length in LENGTHS {
        expect_rejected(&nginx, &put("/denied/key", length), 403);
    }
    let whole = Request::new("PUT", "/limited/key").body("x");
    whole.send(nginx.port()).expect_status(200);
    expect_rejected(&nginx, &put("/limited/key", LENGTHS[0]), 503);
}

#[test]
fn an_error_page_leaves_the_connection_as_clear() {
    let origin = RawOrigin::with_body("hello");
    let nginx = nginx(&origin);
    let mut connection = Connection::open(nginx.port());
    // nginx sends 100 Continue for the page, so that the body comes.
    let response = send_head(&mut connection, &put("/page/key", LENGTHS[0]));
    assert_eq!(
        (response.status, response.text().as_str()),
        (405, "read-only")
    );
    connection.write(b"x").expect("nginx reads");
    let next = connection.send(&Request::get("/next"));
    assert_eq!((next.status, next.text().as_str()), (200, "hello"));
    assert_eq!(origin.only_request().target(), "/next");
}

#[test]
fn the_part_of_a_body_that_has_come_is_thrown_away() {
    let origin = RawOrigin::with_body("hello");
    let nginx = nginx(&origin);
    let mut head = put("/key", "Content-Length: 10");
    head.extend_from_slice(b"half");
    expect_rejected(&nginx, &head, 405);
    let mut head = put("/key", "Transfer-Encoding: chunked");
    head.extend_from_slice(b"4\r\nhalf\r\n");
    expect_rejected(&nginx, &head, 405);
    let mut head = put("/unbuffered/key", "Transfer-Encoding: chunked");
    head.extend_from_slice(b"4\r\nhalf\r\n");
    expect_rejected(&nginx, &head, 411);
    assert_eq!(origin.connections(), 0);
}

/// A body that is there as a whole, or that the client sends in any case, costs no connection.
#[test]
fn a_connection_whose_body_comes_is_kept() {
    let origin = RawOrigin::with_body("hello");
    let nginx = nginx(&origin);
    let mut connection = Connection::open(nginx.port());

    let mut whole = put("/key", "Content-Length: 4");
    whole.extend_from_slice(b"body");
    assert_eq!(send_head(&mut connection, &whole).status, 405);

    let head = b"PUT /key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n";
    let response = send_head(&mut connection, head);
    assert_eq!(
        (response.status, response.header("Allow")),
        (405, Some("GET, HEAD"))
    );
    connection.write(b"body").expect("nginx reads");

    let next = connection.send(&Request::get("/next"));
    assert_eq!((next.status, next.text().as_str()), (200, "hello"));
    assert_eq!(origin.only_request().target(), "/next");
}

/// nginx has sent 100 Continue by then, and reads an unbuffered body only after this response.
#[test]
fn a_request_that_cannot_be_sealed_ends_the_connection_of_its_unread_body() {
    let origin = RawOrigin::with_body("hello");
    let nginx = nginx(&origin);
    for length in LENGTHS.iter().filter(|length| !length.ends_with("chunked")) {
        let mut connection = Connection::open(nginx.port());
        let response = send_head(&mut connection, &put("/seal/key", length));
        assert_eq!(response.status, 502, "{length}");
        expect_end(&mut connection, length);
    }
    assert_eq!(origin.connections(), 0);
}
