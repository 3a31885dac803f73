//! What `nginx -t` says of headers that `proxy_set_header` sets, and what these do: Upgrade, and headers
//! that change a cached response.

use std::io::{Read, Write};
use std::net::TcpListener;

use nginx_tests::account::{ACCESS_KEY, SECRET_KEY, SECRET_KEY_DIRECTIVES};
use nginx_tests::http::{Connection, Request, TIMEOUT};
use nginx_tests::server_conf::{self, KEYS};
use nginx_tests::{Nginx, RawOrigin, Signer, signing};

/// The warnings of `nginx -t` about a server that hold `part`.
fn warnings(server: &str, part: &str) -> Vec<String> {
    let server = format!("{KEYS}{server}");
    let result = server_conf::builder(&server)
        .http("proxy_cache_path {dir}/cache keys_zone=objects:1m;")
        .check()
        .expect_ok();
    let warnings = result.warnings();
    let found = warnings.into_iter().filter(|line| line.contains(part));
    found.map(|line| line.to_string()).collect()
}

const UPGRADE: &str =
    "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";

#[test]
fn an_upgrade_is_warned_of_but_for_websockets_of_api_gateway() {
    let about = |server: &str| warnings(server, "lets clients switch protocols");
    let location = "location / { aws_sign; proxy_pass http://127.0.0.1:1; }";
    let found = about(&format!("{UPGRADE} {location}"));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("\"proxy_set_header Upgrade\" in location \"/\"")
            && found[0].ends_with("/server.conf:4"),
        "{found:?}"
    );
    for (server, count) in [
        ("proxy_set_header upgrade websocket;", 1),
        ("proxy_set_header Upgrade \"\";", 0),
        ("proxy_set_header Connection \"\";", 0),
        (
            "aws_service execute-api; proxy_set_header Upgrade $http_upgrade;",
            0,
        ),
        ("aws_service es; proxy_set_header Upgrade $http_upgrade;", 1),
        (
            "aws_service $arg_s; proxy_set_header Upgrade $http_upgrade;",
            1,
        ),
        ("aws_sign off; proxy_set_header Upgrade $http_upgrade;", 1),
    ] {
        assert_eq!(
            about(&format!("{server} {location}")).len(),
            count,
            "{server}"
        );
    }
    // Where nothing is signed, it is nobody's business.
    let unsigned = "location / { proxy_pass http://127.0.0.1:1; }";
    assert_eq!(about(&format!("{UPGRADE} {unsigned}")).len(), 0);
}

/// Signing that is in an `upstream{}`, which a constant or a variable names.
#[test]
fn upstreams_that_sign_are_looked_at() {
    for target in ["http://store", "http://$arg_to", "$arg_to"] {
        let server = format!("location / {{ {UPGRADE} proxy_pass {target}; }}");
        let result = server_conf::builder(&server)
            .http(&format!(
                "upstream store {{ server 127.0.0.1; aws_sign; {KEYS} }}"
            ))
            .check()
            .expect_ok();
        let warnings = result.warnings();
        let about = warnings
            .iter()
            .filter(|line| line.contains("lets clients switch protocols"));
        assert_eq!(about.count(), 1, "{target}");
    }
}

/// One line where it is to be mended, and not one for each location that inherits it.
#[test]
fn an_inherited_header_is_warned_of_once() {
    let locations: String = (0..50)
        .map(|number| format!("location /{number} {{ proxy_pass http://127.0.0.1:1; }}\n"))
        .collect();
    let server = format!("aws_sign on; {UPGRADE}\n{locations}");
    assert_eq!(warnings(&server, "lets clients switch protocols").len(), 1);
}

#[test]
fn variables_that_change_a_cached_response_are_warned_of() {
    let about = |server: &str| {
        let location = "location / { aws_sign; proxy_pass http://127.0.0.1:1; }";
        warnings(
            &format!("{server} {location}"),
            "or clients share cached objects",
        )
    };
    let name = "X-Amz-Server-Side-Encryption-Customer-Key";
    let found = about(&format!(
        "proxy_cache objects; proxy_set_header {name} $http_x_key;"
    ));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains(&format!(
            "location \"/\" has \"proxy_cache\", and \"proxy_set_header {name}\" has variables"
        )),
        "{found:?}"
    );
    for server in [
        format!("proxy_set_header {name} $http_x_key;"),
        format!("proxy_cache objects; proxy_set_header {name} constant;"),
        "proxy_cache objects; proxy_set_header X-Amz-Meta-A $http_x_key;".to_owned(),
        "proxy_cache objects; proxy_set_header X-Forwarded-For $remote_addr;".to_owned(),
    ] {
        assert_eq!(about(&server).len(), 0, "{server}");
    }
}

/// What docs/signing.md shows for WebSocket APIs of API Gateway: the request that opens the connection is
/// signed, and after 101 bytes go both ways.
#[test]
fn a_websocket_is_opened_by_a_signed_request() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let origin = listener.local_addr().expect("an address");
    let nginx = Nginx::builder()
        .var("origin", origin)
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_service execute-api;
             location /chat {{
                 aws_sign on; proxy_http_version 1.1;
                 proxy_set_header Upgrade $http_upgrade;
                 proxy_set_header Connection upgrade;
                 proxy_pass http://{{origin}}/prod;
             }}"
        ))
        .start();
    let api = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        stream
            .write_all(
                b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nhi",
            )
            .expect("nginx reads");
        let mut frame = [0; 5];
        stream.read_exact(&mut frame).expect("a frame");
        (head, frame)
    });

    let mut client = Connection::open(nginx.port());
    let request = Request::get("/chat?x=1")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    client.write(&request.to_bytes()).expect("nginx reads");
    client.read(false).expect("a response").expect_status(101);
    client.write(b"frame").expect("nginx reads");

    let (head, frame) = api.join().expect("the API");
    assert_eq!(&frame, b"frame");
    let head = aws_origin::Head::new(head);
    assert_eq!(head.target(), "/prod?x=1");
    assert_eq!(head.header("Upgrade").as_deref(), Some("websocket"));
    let signer = Signer::new(ACCESS_KEY, SECRET_KEY).service("execute-api");
    signing::expect_signed(&head, &signer);
}

/// nginx before 1.31.0 forwards it.
#[test]
fn a_clients_proxy_connection_is_dropped() {
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on; location / {{ proxy_pass http://{{origin}}; }}"
        ))
        .start();
    let request = Request::get("/key")
        .header("Proxy-Connection", "keep-alive")
        .header("X-Other", "1");
    request.send(nginx.port()).expect_status(200);
    let request = origin.only_request();
    assert_eq!(request.header("Proxy-Connection"), None);
    assert_eq!(request.header("X-Other").as_deref(), Some("1"));
}
