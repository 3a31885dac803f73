//! What a framed upload costs in memory while it streams to an object store that is slower than its client:
//! a chunk, and not the body.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nginx_tests::account::signing;
use nginx_tests::http::{Connection, Request};
use nginx_tests::procfs::memory;
use nginx_tests::{HeldOrigin, Nginx, Reply, alone};

const MIB: usize = 1 << 20;

/// The body, in chunks of 1 MiB.
const BODY: usize = 64 * MIB;

/// What the worker may grow by: a chunk that is held, and what it grows through to become one.
const LIMIT: usize = 3 * MIB;

/// A body whose signatures are none, since nginx does not know the client's key.
fn framed(body: usize, signature: &str) -> Vec<u8> {
    let mut framed = Vec::with_capacity(body + body / 1000);
    let mut rest = body;
    while rest > 0 {
        let size = rest.min(MIB);
        framed.extend_from_slice(format!("{size:x}{signature}\r\n").as_bytes());
        framed.resize(framed.len() + size, b'x');
        framed.extend_from_slice(b"\r\n");
        rest -= size;
    }
    framed.extend_from_slice(format!("0{signature}\r\n\r\n").as_bytes());
    framed
}

fn request(mode: &str, payload: &str, body: usize) -> Vec<u8> {
    let signature = match payload {
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => String::new(),
        _ => format!(";chunk-signature={}", "f".repeat(64)),
    };
    Request::new("PUT", format!("/{mode}/key"))
        .header("x-amz-content-sha256", payload)
        .header("x-amz-decoded-content-length", body.to_string())
        .body(framed(body, &signature))
        .to_bytes()
}

fn nginx(store: &HeldOrigin) -> Nginx {
    let locations: String = ["auto", "decode", "streaming"]
        .map(|mode| {
            format!(
                "location /{mode}/ {{
                     aws_payload {mode}; proxy_request_buffering off; proxy_pass http://{{origin}}/;
                 }}"
            )
        })
        .concat();
    signing(
        store.address(),
        &format!(
            "aws_sign on; aws_sign_methods PUT; client_max_body_size 0; proxy_http_version 1.1;
             {locations}"
        ),
    )
    .start()
}

/// Waits until nothing more can be sent, or all is.
fn wait_for_standstill(sent: &AtomicUsize, all: usize) {
    let (mut last, mut unchanged) = (0, 0);
    while unchanged < 30 {
        std::thread::sleep(Duration::from_millis(10));
        let now = sent.load(Ordering::Relaxed);
        unchanged = if now == last && now > 0 {
            unchanged + 1
        } else {
            0
        };
        last = now;
        if now == all {
            return;
        }
    }
}

/// Sends `wire` to an object store that begins to read when the client cannot send any more; returns how
/// much that was.
fn upload(nginx: &Nginx, store: &HeldOrigin, wire: &[u8]) -> usize {
    let sent = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut client = Connection::open(nginx.port());
            for piece in wire.chunks(64 << 10) {
                client.write(piece).expect("it is read");
                sent.fetch_add(piece.len(), Ordering::Relaxed);
            }
            client.read(false).expect("a response").expect_status(200);
        });
        let mut connection = store.accept();
        let head = connection.read_head();
        wait_for_standstill(&sent, wire.len());
        let stood = sent.load(Ordering::Relaxed);

        let length = head.header("Content-Length").expect("a length");
        let mut left: usize = length.parse().expect("a number");
        while left > 0 {
            let piece = left.min(MIB);
            connection.read(piece);
            left -= piece;
        }
        connection.answer(&Reply::new(200, ""));
        client.join().expect("the client has its answer");
        stood
    })
}

#[test]
fn a_slow_store_costs_a_chunk() {
    let _alone = alone();
    let store = HeldOrigin::start();
    for (mode, payload) in [
        ("auto", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("auto", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("decode", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("streaming", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    ] {
        // The highest mark is the process's, so each has its own.
        let nginx = nginx(&store);
        upload(&nginx, &store, &request(mode, payload, 100));
        let before = memory(nginx.workers()[0], "VmRSS");

        let wire = request(mode, payload, BODY);
        let stood = upload(&nginx, &store, &wire);
        assert!(
            stood < BODY / 2,
            "{mode} {payload}: {stood} bytes are taken from the client"
        );
        let grown = memory(nginx.workers()[0], "VmHWM").saturating_sub(before);
        assert!(grown < LIMIT, "{mode} {payload}: grown by {grown} bytes");
    }
}
