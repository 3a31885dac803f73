//! An object store that reads slowly: the worker holds no more of a body than it would without us.

use std::time::Duration;

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::http::Connection;
use nginx_tests::procfs::memory;
use nginx_tests::{HeldConnection, HeldOrigin, Nginx, Reply, alone};

/// Several times what the sockets' buffers on the way can hold.
const LENGTH: usize = 64 << 20;

/// What is sent, and read, at once.
const BLOCK: usize = 256 << 10;

/// What the worker may grow by.
const GROWTH: usize = 8 << 20;

fn nginx(store: &HeldOrigin, server: &str) -> Nginx {
    Nginx::builder()
        .var("store", store.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_sign_methods GET PUT;
             client_max_body_size 0; proxy_http_version 1.1;
             {server}"
        ))
        .start()
}

/// Reads what is left of a body, with pauses.
fn read_slowly(store: &mut HeldConnection, mut left: usize) {
    while left > 0 {
        let next = left.min(BLOCK);
        store.read(next);
        left -= next;
        // This is the subject, and no wait for something else.
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a body that the object store reads slowly, and returns what the worker has grown by.
fn growth(store: &HeldOrigin, nginx: &Nginx) -> usize {
    let put = |length: usize, read: fn(&mut HeldConnection, usize)| {
        let mut client = Connection::open(nginx.port());
        std::thread::scope(|scope| {
            let client = &mut client;
            scope.spawn(move || {
                let head = "PUT /key HTTP/1.1\r\nHost: localhost\r\n";
                let head = format!("{head}Content-Length: {length}\r\n\r\n");
                client.write(head.as_bytes()).expect("nginx reads");
                let block = vec![b'x'; BLOCK];
                for _ in 0..length / BLOCK {
                    client.write(&block).expect("nginx reads");
                }
            });
            let mut connection = store.accept();
            let head = connection.read_head();
            let length = head.header("Content-Length").expect("a length");
            read(&mut connection, length.parse().expect("a number"));
            connection.answer(&Reply::new(200, "").and_close());
        });
        client.read(false).expect("a response").expect_status(200);
    };
    // What the worker keeps from its first request on.
    put(2 * BLOCK, |store, length| drop(store.read(length)));
    let worker = nginx.workers()[0];
    let before = memory(worker, "VmHWM");
    put(LENGTH, read_slowly);
    memory(worker, "VmHWM") - before
}

#[track_caller]
fn expect_little_growth(server: &str) {
    let store = HeldOrigin::start();
    let nginx = nginx(&store, server);
    let growth = growth(&store, &nginx);
    assert!(
        growth < GROWTH,
        "{server}: the worker has grown by {growth} bytes"
    );
}

#[test]
fn streaming() {
    let _alone = alone();
    expect_little_growth(
        "location / {
             aws_payload streaming; proxy_request_buffering off; proxy_pass http://{store};
         }",
    );
}

#[test]
fn unsigned() {
    let _alone = alone();
    expect_little_growth(
        "location / {
             aws_payload unsigned; proxy_request_buffering off; proxy_pass http://{store};
         }",
    );
}

/// From a temporary file.
#[test]
fn streaming_from_a_file() {
    let _alone = alone();
    expect_little_growth("location / { aws_payload streaming; proxy_pass http://{store}; }");
}

#[test]
fn signed_from_a_file() {
    let _alone = alone();
    expect_little_growth("location / { aws_payload signed; proxy_pass http://{store}; }");
}

#[test]
fn signed_where_nginx_does_not_buffer() {
    let _alone = alone();
    expect_little_growth(
        "location / {
             aws_payload signed; proxy_request_buffering off; proxy_pass http://{store};
         }",
    );
}
