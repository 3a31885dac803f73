//! Requests that reach a signed location by way of nginx: `if`, `limit_except`, named locations,
//! `try_files`, `error_page`, X-Accel-Redirect; and what becomes of a POST on that way.

use std::io::{Read, Write};
use std::net::TcpListener;

use nginx_tests::account::{object_store_of, signing};
use nginx_tests::http::{self, Connection, Request, Response};
use nginx_tests::{Builder, Nginx, Origin, RawOrigin, Reply};

#[track_caller]
fn expect_object(response: Response, key: &str) {
    assert_eq!((response.status, &*response.text()), (200, key));
}

#[test]
fn conditions_in_a_signed_location() {
    let origin = object_store_of(&["two words", "dir/key"]);
    let nginx = signing(
        origin.address(),
        r#"location / {
             aws_sign on;
             proxy_pass http://{origin};
             if ($arg_set) { set $seen 1; }
             if ($arg_rewrite) { rewrite ^ /dir/key? break; }
             if ($arg_own) { proxy_pass http://{origin}; }
         }
         location /limited/ {
             aws_sign on;
             proxy_pass http://{origin}/;
             limit_except POST { allow 127.0.0.1; deny all; }
         }
         location /off/ {
             aws_sign on;
             proxy_pass http://{origin};
             if ($arg_off) { aws_sign off; proxy_pass http://{origin}; }
         }"#,
    )
    .start();
    for (target, key) in [
        ("/two%20words", "two words"),
        ("/two%20words?set=1", "two words"),
        ("/two%20words?own=1", "two words"),
        ("/two%20words?rewrite=1", "dir/key"),
        ("/limited/two%20words", "two words"),
    ] {
        expect_object(http::get(nginx.port(), target), key);
        http::head(nginx.port(), target).expect_status(200);
    }
    http::get(nginx.port(), "/off/key").expect_status(404);
    http::get(nginx.port(), "/off/key?off=1").expect_status(403);
}

#[test]
fn try_files_and_named_locations() {
    let origin = object_store_of(&["two words", "dir/key"]);
    let nginx = signing(
        origin.address(),
        "root {dir}/www;
         location / { try_files $uri @store; }
         location /fallback/ { try_files $uri /signed/dir/key; }
         location /signed/ { aws_sign; proxy_pass http://{origin}/; }
         location @store { aws_sign; proxy_pass http://{origin}; }",
    )
    .file("www/local", "local")
    .start();

    expect_object(http::get(nginx.port(), "/local"), "local");
    assert_eq!(origin.connections(), 0);
    expect_object(http::get(nginx.port(), "/two%20words"), "two words");
    expect_object(http::get(nginx.port(), "/dir/key?a=1"), "dir/key");
    expect_object(http::get(nginx.port(), "/fallback/x"), "dir/key");
    http::head(nginx.port(), "/two%20words").expect_status(200);
}

#[test]
fn error_pages_in_a_signed_location() {
    let origin = object_store_of(&["two words", "dir/key"]);
    let nginx = signing(
        origin.address(),
        "root {dir}/www;
         location / { error_page 404 = @store; }
         location /page { error_page 404 /signed/dir/key; }
         location /error { error_page 503 = /signed/dir/key; return 503; }
         location /store { error_page 404 = /signed/dir/key; proxy_intercept_errors on;
                           aws_sign; proxy_pass http://{origin}; }
         location /signed/ { aws_sign; proxy_pass http://{origin}/; }
         location @store { aws_sign; proxy_pass http://{origin}; }",
    )
    .start();

    expect_object(http::get(nginx.port(), "/two%20words"), "two words");
    let response = http::get(nginx.port(), "/page").expect_status(404);
    assert_eq!(response.text(), "dir/key");
    expect_object(http::get(nginx.port(), "/error"), "dir/key");
    // A signed response with 404 leads to another signed request.
    expect_object(http::get(nginx.port(), "/store"), "dir/key");
    http::head(nginx.port(), "/error").expect_status(200);
}

/// An application that answers each request by an X-Accel-Redirect, in front of an object store.
fn behind_an_application(target: &'static str, signed: &str) -> (Origin, RawOrigin, Builder) {
    let origin = object_store_of(&["two words", "dir/key"]);
    let application = RawOrigin::start(move |_| {
        Reply::with_headers(200, &[("X-Accel-Redirect", target)], "not for the client")
    });
    let builder = signing(
        origin.address(),
        &format!(
            "location / {{ proxy_pass http://{{application}}; }}
             location /unbuffered/ {{
                 proxy_request_buffering off;
                 proxy_pass http://{{application}};
             }}
             location /probe {{ return 200 probe; }}
             location /signed/ {{ internal; aws_sign; {signed} proxy_pass http://{{origin}}/; }}"
        ),
    )
    .var("application", application.address());
    (origin, application, builder)
}

#[test]
fn x_accel_redirect() {
    let (origin, _application, builder) =
        behind_an_application("/signed/two%20words?x-id=GetObject", "");
    let nginx = builder.start();
    for target in ["/", "/unbuffered/"] {
        expect_object(http::get(nginx.port(), target), "two words");
        http::head(nginx.port(), target).expect_status(200);
    }
    let request = origin.requests().pop().expect("a request");
    assert_eq!(request.line(), "HEAD /two%20words?x-id=GetObject HTTP/1.0");
    // Only nginx may go there.
    http::get(nginx.port(), "/signed/two%20words").expect_status(404);
}

/// Requests with a body: small, larger than a buffer, larger than the memory nginx keeps, chunked.
fn posts(target: &str) -> Vec<Request> {
    let post = || Request::new("POST", target);
    vec![
        post().body("a"),
        post().body("b".repeat(20_000)),
        post().body("c".repeat(300_000)),
        post().chunks(["d", "e"]),
        post().chunks(["f".repeat(20_000), "g".repeat(100_000)]),
        post().body(""),
    ]
}

/// What becomes a GET is sent without the body and without a word of it.
#[track_caller]
fn expect_get_without_body(origin: &Origin, count: usize) {
    let requests = origin.requests();
    assert_eq!(requests.len(), count);
    for request in requests {
        assert_eq!(request.method(), "GET");
        for name in ["Content-Length", "Transfer-Encoding"] {
            assert_eq!(request.header(name), None, "{name}");
        }
    }
}

/// Sends each of [`posts`] on a connection that then carries a GET: a body that stays on the
/// connection would be read as that request.
#[track_caller]
fn expect_posts_served(nginx: &Nginx, target: &str, key: &str) -> usize {
    let posts = posts(target);
    for post in &posts {
        let mut connection = Connection::open(nginx.port());
        expect_object(connection.send(post), key);
        if let Ok(response) = connection.try_send(&Request::get("/probe")) {
            assert_eq!(response.text(), "probe");
        }
    }
    posts.len()
}

#[test]
fn a_post_that_x_accel_redirect_turns_into_a_get() {
    for signed in [
        "",
        "proxy_request_buffering off;",
        "proxy_http_version 1.1;",
        "proxy_http_version 1.1; proxy_request_buffering off;",
    ] {
        let (origin, application, builder) = behind_an_application("/signed/dir/key", signed);
        let nginx = builder.start();
        let mut sent = 0;
        for target in ["/", "/unbuffered/"] {
            sent += expect_posts_served(&nginx, target, "dir/key");
        }
        assert_eq!(application.requests().len(), sent);
        expect_get_without_body(&origin, sent);
    }
}

// The body is not read by then, and need not be.
#[test]
fn a_post_that_an_error_page_turns_into_a_get() {
    for signed in ["", "proxy_http_version 1.1; proxy_request_buffering off;"] {
        let origin = object_store_of(&["two words", "dir/key"]);
        let nginx = signing(
            origin.address(),
            &format!(
                "location / {{ error_page 403 = /signed/dir/key; deny all; }}
                 location /named {{ error_page 405 = @store; return 405; }}
                 location /signed/ {{ aws_sign; {signed} proxy_pass http://{{origin}}/; }}
                 location @store {{ aws_sign; {signed} proxy_pass http://{{origin}}; }}
                 location /probe {{ return 200 probe; }}"
            ),
        )
        .start();
        let sent = expect_posts_served(&nginx, "/", "dir/key");
        expect_get_without_body(&origin, sent);

        // A named location keeps the method, so this is a POST still, and rejected.
        for post in posts("/named") {
            post.send(nginx.port()).expect_status(405);
        }
        assert_eq!(origin.requests().len(), sent);
    }
}

/// Answers the first request it gets by an X-Accel-Redirect, as soon as its head is there.
fn hasty_application(listener: TcpListener) {
    let (mut stream, _) = listener.accept().expect("nginx connects");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /signed/dir/key\r\n\r\n")
        .expect("nginx reads");
}

// Half of the body has not come in when the request becomes another.
#[test]
fn a_post_that_becomes_a_get_before_its_body_is_there() {
    for signed in ["", "proxy_http_version 1.1; proxy_request_buffering off;"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let origin = object_store_of(&["two words", "dir/key"]);
        let nginx = signing(
            origin.address(),
            &format!(
                "location / {{ proxy_request_buffering off; proxy_pass http://{{application}}; }}
                 location /signed/ {{ aws_sign; {signed} proxy_pass http://{{origin}}/; }}"
            ),
        )
        .var("application", listener.local_addr().expect("an address"))
        .start();
        let application = std::thread::spawn(move || hasty_application(listener));

        let mut connection = Connection::open(nginx.port());
        connection
            .write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n01234")
            .expect("nginx reads");
        let response = connection.read(false).expect("a response");
        application.join().expect("the application answers");
        expect_object(response, "dir/key");
        expect_get_without_body(&origin, 1);
    }
}
