//! nginx's own life with the module in it: reloads, killed workers, graceful ends, single process.

use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use nginx_tests::account::{ACCESS_KEY, SECRET_KEY};
use nginx_tests::account::{SECRET_KEY_DIRECTIVES, object_store_with, signing_key_directives};
use nginx_tests::http::{self, Connection, Request, Response};
use nginx_tests::procfs::memory;
use nginx_tests::{Builder, Load, Nginx, RawOrigin, Reply, alone, wait_until, waiting};

const LOCATIONS: &str = "aws_s3_bucket bucket; aws_endpoint s3.example.test;
    location / { aws_sign; proxy_pass http://{origin}; }
    location /stripped/ { aws_sign on; proxy_bind $arg_from; proxy_pass http://{origin}/; }";

fn signing(origin: impl ToString) -> Builder {
    Nginx::builder()
        .var("origin", origin)
        .server(&format!("{SECRET_KEY_DIRECTIVES}{LOCATIONS}"))
}

fn is_the_object(response: &Response) -> bool {
    response.status == 200 && response.body == b"hello"
}

// S#9331 S#12090: what a configuration holds lives as long as requests that use it.
#[test]
fn reloads_under_load_lose_no_request() {
    let origin = object_store_with(&[("two words", "hello")]);
    let mut nginx = signing(origin.address()).workers(2).start();
    let request = Request::get("/two%20words");
    let load = Load::start(4, nginx.port(), &request, is_the_object);
    for keys in [
        SECRET_KEY_DIRECTIVES.to_owned(),
        signing_key_directives(ACCESS_KEY, SECRET_KEY, "us-east-1"),
        format!("{SECRET_KEY_DIRECTIVES} aws_session_token token;"),
        SECRET_KEY_DIRECTIVES.to_owned(),
    ] {
        load.wait_for(50);
        nginx.edit(|builder| builder.server(&format!("{keys}{LOCATIONS}")));
        nginx.reload();
    }
    load.wait_for(50);

    let report = load.stop();
    assert_eq!(report.failures, [""; 0]);
    assert!(report.good >= 250, "{}", report.good);
    wait_until("the old workers have gone", || {
        nginx.leaving_workers().is_empty()
    });
}

// A request that an old worker has signed gets its response from it, after the reload.
#[test]
fn a_request_in_flight_outlives_a_reload() {
    let (reloaded, wait_for_reload) = mpsc::channel::<()>();
    let wait_for_reload = Mutex::new(wait_for_reload);
    let origin = RawOrigin::start(move |request| match request.target().as_str() {
        "/slow" => {
            // Fails where the test has ended meanwhile.
            let _ = wait_for_reload.lock().map(|channel| channel.recv());
            Reply::new(200, "slow")
        }
        _ => Reply::new(200, "fast"),
    });
    let mut nginx = signing(origin.address()).start();
    let mut slow = Connection::open(nginx.port());
    slow.write(&Request::get("/slow").to_bytes())
        .expect("nginx reads");
    origin.wait_for_requests(1);

    nginx.reload();
    assert_eq!(nginx.leaving_workers().len(), 1);
    assert_eq!(
        http::get(nginx.port(), "/fast").expect_status(200).text(),
        "fast"
    );
    reloaded.send(()).expect("the origin waits");
    let response = slow.read(false).expect("a response");
    assert_eq!((response.status, &*response.text()), (200, "slow"));
    wait_until("the old worker has gone", || {
        nginx.leaving_workers().is_empty()
    });
}

#[test]
fn a_reload_that_is_rejected_changes_nothing() {
    let origin = object_store_with(&[("two words", "hello")]);
    let mut nginx = signing(origin.address()).start();
    nginx.edit(|builder| builder.server("aws_signing_key short; location / { aws_sign; }"));
    let refusal = nginx.try_reload().expect_err("a refusal");
    assert!(refusal.contains("\"aws_signing_key\""), "{refusal}");
    assert!(is_the_object(&http::get(nginx.port(), "/two%20words")));
}

// The master reads each configuration, and gives all of it back with the next.
#[test]
fn many_reloads_leave_the_master_as_it_was() {
    const RELOADS: usize = 20;
    // In the first ones the heap finds its shape.
    const FIRST_RELOADS: usize = 4;
    const LOCATIONS: usize = 500;
    let locations: String = (0..LOCATIONS)
        .map(|nth| format!("location /{nth}/ {{ aws_sign; proxy_pass http://127.0.0.1:9; }}\n"))
        .collect();
    let mut nginx = Nginx::builder()
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_s3_bucket bucket;
             {locations} location = / {{ return 204; }}"
        ))
        .start();
    for _ in 0..FIRST_RELOADS {
        nginx.reload();
    }
    let mut sizes = Vec::new();
    for _ in 0..RELOADS {
        nginx.reload();
        sizes.push(memory(nginx.master(), "RssAnon") >> 10);
    }

    // For some tens of reloads the heap finds its shape, with and without us: 10 KiB each are
    // nobody's leak, and less than any of ours would be: 20 bytes for each location.
    let growth = sizes[RELOADS - 1].saturating_sub(sizes[0]);
    assert!(growth < 10 * RELOADS, "KiB after each reload: {sizes:?}");
}

#[test]
fn a_killed_worker_takes_only_its_own_requests_along() {
    let origin = object_store_with(&[("two words", "hello")]);
    let mut nginx = signing(origin.address()).workers(2).start();
    const CLIENTS: usize = 4;
    let request = Request::get("/two%20words");
    let load = Load::start(CLIENTS, nginx.port(), &request, is_the_object);
    const KILLS: usize = 3;
    for _ in 0..KILLS {
        load.wait_for(50);
        let worker = nginx.workers()[0];
        nginx.kill_worker(worker);
    }
    load.wait_for(100);

    let report = load.stop();
    // Each client has one request at a time.
    assert!(
        report.failures.len() <= KILLS * CLIENTS,
        "{:?}",
        report.failures
    );
    assert!(report.good >= 250, "{}", report.good);
    // Those that were cut off got nothing, rather than something wrong.
    let answered: Vec<_> = report
        .failures
        .iter()
        .filter(|failure| failure.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    assert!(answered.is_empty(), "{answered:?}");
    assert!(is_the_object(&http::get(nginx.port(), "/two%20words")));
}

#[test]
fn a_single_process_signs_too() {
    let origin = object_store_with(&[("two words", "hello")]);
    let nginx = signing(origin.address()).master_off().start();
    for target in ["/two%20words", "/stripped/two%20words"] {
        assert!(is_the_object(&http::get(nginx.port(), target)));
    }
}

#[test]
fn nginx_quits_gracefully() {
    let _alone = alone();
    let (origin, worker) = waiting::until_the_worker_leaves("slow");
    let mut nginx = signing(origin.address()).start();
    let mut client = Connection::open(nginx.port());
    client
        .write(&Request::get("/key").to_bytes())
        .expect("nginx reads");
    origin.wait_for_requests(1);

    worker.send(nginx.workers()[0]).expect("the origin waits");
    let start = Instant::now();
    nginx.quit();
    // The response came first, and nothing else kept the worker.
    let response = client.read(false).expect("a response");
    assert_eq!((response.status, &*response.text()), (200, "slow"));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(
        !nginx.error_log().contains("open socket"),
        "{}",
        nginx.error_log()
    );
}
