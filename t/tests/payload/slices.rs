//! A large body that somebody else has read is hashed slice by slice: meanwhile, the only worker
//! serves other requests.

use std::io::Write;
use std::process::{Command, Stdio};

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{Connection, Request};
use nginx_tests::{Head, HeldConnection, HeldOrigin, Nginx, Reply};

/// Many slices, which take longer than a small request does.
const LENGTH: usize = 48 << 20;

/// What is sent and read at once.
const BLOCK: usize = 1 << 20;

/// The mirrored request is signed while its parent, whose body it shares, is sent to an application
/// that does not read on.
fn nginx(store: &HeldOrigin, application: &HeldOrigin, parent: &str) -> Nginx {
    Nginx::builder()
        .var("store", store.address())
        .var("application", application.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} client_max_body_size 0;
             aws_sign_methods PUT;
             location / {{ mirror /mirror; {parent} proxy_pass http://{{application}}; }}
             location = /mirror {{
                 internal; aws_sign; aws_payload signed;
                 proxy_pass http://{{store}}/key;
             }}
             location = /small {{ return 200 small; }}"
        ))
        .start()
}

/// The SHA-256 of that many zero bytes, by another program.
fn hash_of_zeros() -> String {
    let mut program = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sha256sum, of the coreutils, runs");
    let mut stdin = program.stdin.take().expect("it is piped");
    let block = vec![0; BLOCK];
    for _ in 0..LENGTH / BLOCK {
        stdin.write_all(&block).expect("it reads");
    }
    drop(stdin);
    let output = program.wait_with_output().expect("it ends");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed[..64].to_owned()
}

fn send_large(client: &mut Connection) {
    let head = format!("PUT /key HTTP/1.1\r\nHost: localhost\r\nContent-Length: {LENGTH}\r\n\r\n");
    client.write(head.as_bytes()).expect("nginx reads");
    let block = vec![0; BLOCK];
    for _ in 0..LENGTH / BLOCK {
        client.write(&block).expect("nginx reads");
    }
}

#[track_caller]
fn read_large(connection: &mut HeldConnection) {
    for _ in 0..LENGTH / BLOCK {
        let block = connection.read(BLOCK);
        assert!(block.iter().all(|byte| *byte == 0));
    }
    connection.answer(&Reply::new(200, "").and_close());
}

/// How a large request went.
struct Outcome {
    /// Whether a small request got its response while the large body was hashed.
    answered_meanwhile: bool,
    /// What reached the object store.
    head: Head,
}

fn try_once(parent: &str) -> Outcome {
    let (store, application) = (HeldOrigin::start(), HeldOrigin::start());
    let nginx = nginx(&store, &application, parent);
    let mut small = Connection::open(nginx.port());
    let small_request = Request::get("/small");
    small.send(&small_request).expect_status(200);
    let mut client = Connection::open(nginx.port());
    send_large(&mut client);

    // The whole body has been read when it is sent on, and the mirrored request begins.
    let mut parent = application.accept();
    parent.read_head();
    small.send(&small_request).expect_status(200);
    let early = store.try_accept();
    let answered_meanwhile = early.is_none();

    let mut stored = early.unwrap_or_else(|| store.accept());
    let head = stored.read_head();
    std::thread::scope(|scope| {
        scope.spawn(|| read_large(&mut parent));
        read_large(&mut stored);
    });
    client.read(false).expect("a response").expect_status(200);
    Outcome {
        answered_meanwhile,
        head,
    }
}

/// On a busy machine this thread may come too late to see it. A worker that does not let others in
/// never shows it.
#[track_caller]
fn expect_slices(parent: &str) {
    let hash = hash_of_zeros();
    let seen = (0..5).any(|_| {
        let outcome = try_once(parent);
        expect_signed(&outcome.head);
        let declared = outcome.head.header("X-Amz-Content-Sha256");
        assert_eq!(declared.as_deref(), Some(&*hash));
        outcome.answered_meanwhile
    });
    assert!(seen, "the worker answers nobody while it hashes");
}

#[test]
fn a_large_body_is_hashed_in_slices() {
    expect_slices("");
}

/// The location that had it read did not need its hash.
#[test]
fn a_large_body_of_another_signed_location_is_hashed_in_slices() {
    expect_slices("aws_sign; aws_payload unsigned;");
}

/// A client that leaves while its body is hashed takes the work with it.
#[test]
fn a_client_that_leaves_meanwhile() {
    let (store, application) = (HeldOrigin::start(), HeldOrigin::start());
    let nginx = nginx(&store, &application, "");
    let mut client = Connection::open(nginx.port());
    send_large(&mut client);
    let mut parent = application.accept();
    parent.read_head();
    drop(client);
    let workers = nginx.workers();
    let lines = nginx.wait_for_access_log(1);
    assert!(lines[0].starts_with("PUT|/key|499"), "{lines:?}");
    // Turns of the event loop, in which nothing of it is left to do.
    for _ in 0..10 {
        Request::get("/small").send(nginx.port()).expect_status(200);
    }
    assert_eq!(nginx.workers(), workers);
}
