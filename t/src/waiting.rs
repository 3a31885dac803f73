//! Requests that wait for what nginx fetches first, and those that wait without success.

use std::sync::Mutex;
use std::sync::mpsc::{self, Sender};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use crate::http::{self, Connection, Request, TIMEOUT};
use crate::procfs;
use crate::raw_origin::RawOrigin;
use crate::reply::Reply;

/// A page that consists of two subrequests, `/a` and `/b`, around the file `www/page`; a part of
/// a server{}.
pub const PAGE: &str = "location = /page {
    add_before_body /a; add_after_body /b; root {dir}/www; default_type text/html;
}";

/// The statuses that so many clients see which ask at the same time.
#[track_caller]
pub fn statuses(clients: usize, port: u16, target: &'static str) -> Vec<u16> {
    let clients: Vec<JoinHandle<u16>> = (0..clients)
        .map(|_| spawn(move || http::get(port, target).status))
        .collect();
    let join = |client: JoinHandle<u16>| client.join().expect("a client does not panic");
    clients.into_iter().map(join).collect()
}

/// Fails the test unless a request waits for 300 ms, which is what the configuration allows, and
/// then gets 503.
#[track_caller]
pub fn expect_in_vain(port: u16, target: &str) {
    let start = Instant::now();
    let response = http::get(port, target).expect_status(503);
    assert_eq!(response.header("Retry-After"), Some("1"));
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(290), "{waited:?}");
    assert!(waited < Duration::from_secs(3), "{waited:?}");
}

/// An origin that responds with `body` when the worker that asks has been told to finish, so that
/// nginx quits with a request open. The test sends it the number of that worker.
#[track_caller]
pub fn until_the_worker_leaves(body: &'static str) -> (RawOrigin, Sender<i32>) {
    let (sender, worker) = mpsc::channel();
    let worker = Mutex::new(worker);
    let origin = RawOrigin::start(move |_| {
        let worker = worker.lock().expect("one request");
        let worker = worker.recv_timeout(TIMEOUT).expect("the test says which");
        crate::wait_until("the worker leaves", || {
            procfs::title(worker).is_some_and(|title| title.contains("shutting down"))
        });
        Reply::new(200, body)
    });
    (origin, sender)
}

/// A client that asks and goes before there is a response.
#[track_caller]
pub fn give_up(port: u16, target: &str) {
    let mut client = Connection::open(port);
    let request = Request::get(target).to_bytes();
    client.write(&request).expect("nginx reads");
    std::thread::sleep(Duration::from_millis(20));
}
