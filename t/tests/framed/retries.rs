//! A request that is sent again to another peer begins again, with its chain of chunk signatures:
//! the second peer, which checks them, gets the whole body.

use nginx_tests::framed::{FRAMINGS, Framed};
use nginx_tests::http::Request;
use nginx_tests::payload::bytes;
use nginx_tests::{DeadPort, HeldOrigin, Nginx, RawOrigin, Reply, Swift};

/// In front of two peers, `first` and Swift. The first is never taken out, and always asked first.
fn nginx(swift: &Swift, first: impl ToString) -> Nginx {
    let mut locations = String::new();
    for mode in ["auto", "streaming", "decode"] {
        for (name, buffering) in [("buffered", "on"), ("streamed", "off")] {
            locations.push_str(&format!(
                "location /{mode}/{name}/ {{
                     aws_payload {mode}; proxy_request_buffering {buffering};
                     proxy_pass http://stores/;
                 }}"
            ));
        }
    }
    Nginx::builder()
        .var("store", format!("127.0.0.1:{}", swift.port()))
        .var("first", first)
        .http("upstream stores { server {first} max_fails=0; server {store} backup; }")
        .server(&format!(
            "aws_access_key {}; aws_secret_key {}; aws_region us-east-1; aws_sign on;
             aws_s3_bucket bucket; aws_endpoint {{store}}; aws_addressing_style path;
             aws_sign_methods GET HEAD PUT; client_max_body_size 0; client_body_buffer_size 16k;
             proxy_http_version 1.1; {locations}",
            Swift::ACCESS_KEY,
            Swift::SECRET_KEY
        ))
        .start()
}

/// Puts a body of each framing in each mode; `fail` is what the first peer does meanwhile.
fn expect_stored(swift: &Swift, nginx: &Nginx, ways: &[&str], fail: impl Fn()) {
    let body = bytes(300_001);
    for mode in ["auto", "streaming", "decode"] {
        for way in ways {
            for framing in FRAMINGS {
                let key = format!("{mode}-{way}-{framing:?}");
                let framed = Framed::new(framing, &body).chunk_size(100_000);
                let upload = framed.put(&format!("/{mode}/{way}/{key}"));
                let response = std::thread::scope(|scope| {
                    let client = scope.spawn(|| upload.request().send(nginx.port()));
                    fail();
                    client.join().expect("the client has an answer")
                });
                assert_eq!(response.status, 200, "{key}: {}", response.text());
                let stored = swift.send(Request::get(format!("/bucket/{key}")));
                assert!(stored.expect_status(200).body == body, "{key}");
            }
        }
    }
    for line in nginx.wait_for_access_log(FRAMINGS.len() * 3 * ways.len()) {
        assert!(line.contains("|502, 200|"), "asked twice: {line}");
    }
}

#[test]
fn swift_stores_what_another_peer_rejected_to_take() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    let dead = DeadPort::new();
    let nginx = nginx(&swift, format!("127.0.0.1:{}", dead.port()));
    // Nothing of it has been sent: also what is not buffered can be sent again.
    expect_stored(&swift, &nginx, &["buffered", "streamed"], || {});
}

#[test]
fn swift_stores_what_another_peer_lost() {
    let swift = Swift::start();
    swift.create_bucket("bucket");

    // After the head and a part of the body, in the middle of a chunk.
    let held = HeldOrigin::start();
    let leaving = nginx(&swift, held.address());
    expect_stored(&swift, &leaving, &["buffered"], || {
        let mut connection = held.accept();
        connection.read_head();
        connection.read(150_000);
    });

    // After all of it.
    let silent = RawOrigin::start(|_| Reply::close());
    let nginx = nginx(&swift, silent.address());
    expect_stored(&swift, &nginx, &["buffered"], || {});
    let asked = silent.requests().len();
    assert_eq!(asked, 9, "each came there as a whole first");
}

/// What was not kept cannot be sent again, and is not sent in part.
#[test]
fn swift_has_nothing_of_what_was_not_kept() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    let silent = RawOrigin::start(|_| Reply::close());
    let nginx = nginx(&swift, silent.address());
    for framing in FRAMINGS {
        let upload = Framed::new(framing, bytes(300_001)).put("/auto/streamed/key");
        upload.request().send(nginx.port()).expect_status(502);
    }
    let stored = swift.send(Request::get("/bucket/key"));
    stored.expect_status(404);
}
