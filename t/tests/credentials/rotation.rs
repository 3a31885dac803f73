//! Credentials that rotate while nginx works: under load, across reloads, when workers are killed.

use std::time::{Duration, Instant};

use nginx_tests::http::{Connection, Request, Response};
use nginx_tests::{Behaviour, Builder, Load, MetadataServer, Nginx, RawOrigin, Reply};
use nginx_tests::{alone, http, wait_until};

const PROVIDER: &str = "aws_auth_zone credentials:256k;
    aws_credentials_provider instance imds endpoint=http://{metadata};";

/// An nginx whose location `/` signs with provider `instance`, for `store`.
fn with_imds(metadata: &MetadataServer, store: &RawOrigin) -> Builder {
    Nginx::builder()
        .var("metadata", metadata.address())
        .var("origin", store.address())
        .http(PROVIDER)
        .server(
            "aws_region us-east-1; aws_credentials instance;
             location / { aws_sign on; proxy_pass http://{origin}; }",
        )
}

fn is_good(response: &Response) -> bool {
    response.status == 200 && response.body == b"hello"
}

/// For how long the tests under load go on after they have seen what they wait for: `AWS_AUTH_SOAK`, in seconds.
fn soak() -> Duration {
    let wanted = std::env::var("AWS_AUTH_SOAK").ok();
    let seconds = wanted.map_or(0, |text| text.parse().expect("a number of seconds"));
    Duration::from_secs(seconds)
}

// Credentials that live for 4 s are fetched each 2 s or so: from four workers one asks.
#[test]
fn credentials_rotate_under_load_with_one_fetch_each() {
    let _alone = alone();
    const LIFETIME: Duration = Duration::from_secs(4);
    let metadata = MetadataServer::start();
    metadata.set_lifetime(LIFETIME);
    let store = metadata.store();
    let nginx = with_imds(&metadata, &store).workers(4).start();

    let load = Load::start(4, nginx.port(), &Request::get("/b/k"), is_good);
    let start = Instant::now();
    metadata.wait_for_fetches(4);
    while start.elapsed() < soak() {
        load.wait_for(100);
    }
    load.wait_for(100);
    let time = start.elapsed();
    let report = load.stop();
    assert_eq!(report.failures, [""; 0], "{:?}", metadata.refused());
    assert!(report.good > 100, "{}", report.good);

    // A life is renewed in its middle; the server and nginx count whole seconds.
    let times = metadata.fetch_times();
    let least = (time.as_secs() / LIFETIME.as_secs()) as usize;
    assert!(times.len() > least, "{times:?}");
    for pair in times.windows(2) {
        let pause = pair[1] - pair[0];
        assert!(pause > Duration::from_millis(400), "{times:?}");
    }
    let used: Vec<_> = metadata
        .issued()
        .iter()
        .filter(|issued| {
            let signed = format!("Credential={}/", issued.access_key);
            let mut requests = store.requests().into_iter();
            requests.any(|request| {
                request
                    .header("Authorization")
                    .is_some_and(|it| it.contains(&signed))
            })
        })
        .map(|issued| issued.access_key.clone())
        .collect();
    assert!(used.len() >= least, "{used:?}");
}

// The next workers find what the last ones had, and do not ask again.
#[test]
fn reloads_under_load_neither_lose_a_request_nor_fetch() {
    let metadata = MetadataServer::start();
    let store = metadata.store();
    let mut nginx = with_imds(&metadata, &store).workers(2).start();
    let load = Load::start(4, nginx.port(), &Request::get("/b/k"), is_good);
    let start = Instant::now();
    for reloads in 0.. {
        if reloads >= 10 && start.elapsed() >= soak() {
            break;
        }
        load.wait_for(50);
        nginx.reload();
    }
    let report = load.stop();
    assert_eq!(report.failures, [""; 0]);
    assert!(report.good > 100, "{}", report.good);
    assert_eq!(metadata.fetches(), 1);
    wait_until("the old workers have gone", || {
        nginx.leaving_workers().is_empty()
    });
}

// The next worker begins before the last one is told to finish.
#[test]
fn a_fetch_under_way_is_waited_for_by_the_next_worker() {
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Slow(Duration::from_millis(80)));
    let store = metadata.store();
    let mut nginx = with_imds(&metadata, &store).start();
    metadata.wait_for_fetches(1);
    nginx.reload();
    http::get(nginx.port(), "/b/k").expect_status(200);
    assert_eq!(metadata.fetches(), 1);
}

#[test]
fn a_worker_that_is_killed_while_it_fetches_is_replaced() {
    let _alone = alone();
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Hang);
    let store = metadata.store();
    let mut nginx = with_imds(&metadata, &store).start();
    metadata.wait_for_fetches(1);
    let worker = nginx.workers()[0];

    metadata.behave(Behaviour::Good);
    let start = Instant::now();
    nginx.kill_worker(worker);
    http::get(nginx.port(), "/b/k").expect_status(200);
    // Long before the deadline of the fetch or of its lease.
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(metadata.fetches(), 2);
}

// Each of them is signed with what there was when it was sent.
#[test]
fn credentials_rotate_while_uploads_are_in_flight() {
    const UPLOADS: usize = 100;
    let metadata = MetadataServer::start();
    metadata.set_lifetime(Duration::from_secs(4));
    let store = metadata.store();
    let nginx = with_imds(&metadata, &store)
        .server(
            "aws_region us-east-1; aws_credentials instance; aws_sign_methods PUT;
             location / { aws_sign on; proxy_pass http://{origin}; }",
        )
        .workers(2)
        .start();
    let mut clients: Vec<_> = (0..UPLOADS)
        .map(|nth| {
            let body = vec![b'x'; 20_000];
            let bytes = Request::new("PUT", format!("/b/{nth}"))
                .body(&body)
                .to_bytes();
            let (first, rest) = bytes.split_at(bytes.len() / 2);
            let mut client = Connection::open(nginx.port());
            client.write(first).expect("nginx reads");
            (client, rest.to_vec())
        })
        .collect();
    // They end before, between and after two rotations.
    let mut statuses = Vec::new();
    for (nth, (client, rest)) in clients.iter_mut().enumerate() {
        metadata.wait_for_fetches(1 + 3 * nth / UPLOADS);
        client.write(rest).expect("nginx reads");
        statuses.push(client.read(false).expect("a response").status);
    }
    assert_eq!(statuses, [200; UPLOADS], "{:?}", metadata.refused());
    assert!(metadata.issued().len() > 2);
}

// Whatever a worker was about, with or without the zone's lock.
#[test]
fn workers_may_be_killed_again_and_again() {
    let metadata = MetadataServer::start();
    metadata.set_lifetime(Duration::from_secs(2));
    let store = metadata.store();
    let mut nginx = with_imds(&metadata, &store).workers(3).start();
    http::get(nginx.port(), "/b/k").expect_status(200);
    let load = Load::start(3, nginx.port(), &Request::get("/b/k"), is_good);
    for _ in 0..20 {
        load.wait_for(20);
        let worker = nginx.workers()[0];
        nginx.kill_worker(worker);
    }
    load.wait_for(50);
    // Those that a killed worker had at hand are lost.
    let failures = load.stop().failures;
    assert!(
        failures
            .iter()
            .all(|failure| !failure.starts_with(['4', '5'])),
        "{failures:?}"
    );
    http::get(nginx.port(), "/b/k").expect_status(200);
}

#[test]
fn what_a_changed_provider_had_fetched_is_not_used() {
    let (one, other) = (MetadataServer::start(), MetadataServer::start());
    let store = other.store();
    let before = one.store();
    let mut nginx = with_imds(&one, &before).start();
    http::get(nginx.port(), "/b/k").expect_status(200);

    // The same name, but other words.
    nginx.edit(|builder| {
        builder
            .var("metadata", other.address())
            .var("origin", store.address())
    });
    nginx.reload();
    http::get(nginx.port(), "/b/k").expect_status(200);
    assert_eq!((one.fetches(), other.fetches()), (1, 1));
}

#[test]
fn providers_may_come_and_go() {
    let metadata = MetadataServer::start();
    let store = metadata.store();
    let second = "aws_credentials_provider second imds endpoint=http://{metadata} role=web;";
    let mut nginx = with_imds(&metadata, &store).start();
    http::get(nginx.port(), "/b/k").expect_status(200);
    nginx.edit(|builder| builder.http(&format!("{PROVIDER} {second}")));
    nginx.reload();
    metadata.wait_for_fetches(2);
    nginx.edit(|builder| builder.http(PROVIDER));
    for _ in 0..4 {
        nginx.reload();
        http::get(nginx.port(), "/b/k").expect_status(200);
    }
    assert_eq!(metadata.fetches(), 2);
}

// A new zone takes over what the old one held: nobody waits, nobody asks.
#[test]
fn a_zone_may_be_resized_and_renamed() {
    let metadata = MetadataServer::start();
    let store = metadata.store();
    let builder = |zone: &str| {
        Nginx::builder()
            .var("metadata", metadata.address())
            .var("origin", store.address())
            .var("zone", zone)
            .http(
                "aws_auth_zone {zone};
                 aws_credentials_provider instance imds endpoint=http://{metadata};",
            )
            .server(
                "aws_region us-east-1; aws_credentials instance; aws_credentials_timeout 0;
                 location / { aws_sign on; proxy_pass http://{origin}; }",
            )
    };
    let mut nginx = builder("one:64k").start();
    wait_until("there are credentials", || {
        http::get(nginx.port(), "/b/k").status == 200
    });
    for zone in ["one:128k", "other:128k", "other:32k"] {
        metadata.behave(Behaviour::Hang);
        nginx.edit(|builder| builder.var("zone", zone));
        nginx.reload();
        http::get(nginx.port(), "/b/k").expect_status(200);
    }
    assert_eq!(metadata.fetches(), 1);
}

#[test]
fn a_zone_that_is_too_small_is_rejected() {
    let providers: String = (0..20)
        .map(|n| format!("aws_credentials_provider p{n} imds endpoint=http://127.0.0.1:9;"))
        .collect();
    let conf = |size: &str| {
        Nginx::builder()
            .http(&format!("aws_auth_zone small:{size}; {providers}"))
            .server("location / { return 200; }")
    };
    conf("32k")
        .check()
        .expect_refused("\"aws_auth_zone\" \"small\" is too small: it has room for");
    conf("256k").check().expect_ok();
    conf("16k")
        .check()
        .expect_refused("\"aws_auth_zone\" has the invalid value \"small:16k\"");
}

// A worker that has something else to finish gives its fetch up, for the next one to ask.
#[test]
fn a_worker_that_finishes_gives_its_fetch_up() {
    let _alone = alone();
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Hang);
    let store = metadata.store();
    let slow = RawOrigin::start(|_| Reply::hang());
    let mut nginx = with_imds(&metadata, &store)
        .var("slow", slow.address())
        .server("location / { proxy_pass http://{slow}; }")
        .start();
    let mut client = Connection::open(nginx.port());
    let request = Request::get("/").to_bytes();
    client.write(&request).expect("nginx reads");
    slow.wait_for_requests(1);
    metadata.wait_for_fetches(1);

    let start = Instant::now();
    nginx.reload();
    metadata.wait_for_fetches(2);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(nginx.leaving_workers().len(), 1);
}

// Nothing of nginx waits for a metadata server that does not respond.
#[test]
fn a_graceful_end_is_not_delayed_by_a_fetch() {
    let _alone = alone();
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Hang);
    let store = metadata.store();
    let mut nginx = with_imds(&metadata, &store).workers(2).start();
    metadata.wait_for_fetches(1);

    let start = Instant::now();
    nginx.reload();
    wait_until("the old workers have gone", || {
        nginx.leaving_workers().is_empty()
    });
    metadata.wait_for_fetches(2);
    nginx.quit();
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

/// An object store that takes a token for expired before its time is up has new credentials fetched: once,
/// however many requests it rejects, and whoever has sent them.
#[test]
fn credentials_that_the_store_rejects_are_renewed_once() {
    let metadata = MetadataServer::start();
    let first = metadata.store();
    let nginx = with_imds(&metadata, &first).workers(2).start();
    assert!(is_good(&http::get(nginx.port(), "/b/k")));
    let revoked = metadata.issued()[0].access_key.clone();

    let store = RawOrigin::start(move |request| {
        let authorization = request.header("Authorization").unwrap_or_default();
        if authorization.contains(&revoked) {
            Reply::with_headers(
                400,
                &[("Content-Type", "application/xml")],
                "<Error><Code>ExpiredToken</Code><Message>expired</Message></Error>",
            )
        } else {
            Reply::new(200, "hello")
        }
    });
    let mut nginx = nginx;
    nginx.edit(|builder| builder.var("origin", store.address()));
    nginx.reload();

    // Not at once: there was a fetch lately.
    http::get(nginx.port(), "/b/k").expect_status(400);
    let load = Load::start(2, nginx.port(), &Request::get("/b/k"), |response| {
        matches!(response.status, 200 | 400)
    });
    metadata.wait_for_fetches(2);
    wait_until("requests are signed with the new credentials", || {
        is_good(&http::get(nginx.port(), "/b/k"))
    });
    let report = load.stop();
    assert_eq!(report.failures, [""; 0]);
    assert_eq!(metadata.fetches(), 2);
}
