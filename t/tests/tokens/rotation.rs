//! Tokens that rotate while nginx works: under load, across reloads, in shared memory.

use std::time::Duration;

use nginx_tests::http::{Request, Response};
use nginx_tests::{Behaviour, Builder, Load, Nginx, RawOrigin, TokenService};
use nginx_tests::{alone, http, wait_until};

const ECR: &str = "aws_token registry ecr endpoint=http://{tokens};";

fn with_tokens(service: &TokenService, gate: &RawOrigin, http: &str) -> Builder {
    let builder = Nginx::builder()
        .var("origin", gate.address())
        .http(http)
        .server(
            "location / { aws_token_required on; proxy_pass http://{origin};
                 proxy_set_header Authorization \"Basic $aws_token_registry\"; }",
        );
    service.environment(builder)
}

fn is_good(response: &Response) -> bool {
    response.status == 200 && response.body == b"hello"
}

// Tokens that live for 4 s are fetched each 2 s or so: from four workers one asks.
#[test]
fn tokens_rotate_under_load_with_one_fetch_each() {
    let _alone = alone();
    const LIFETIME: Duration = Duration::from_secs(4);
    let service = TokenService::start();
    service.set_lifetime(LIFETIME);
    let gate = service.gate();
    let nginx = with_tokens(&service, &gate, ECR).workers(4).start();

    let load = Load::start(4, nginx.port(), &Request::get("/v2/"), is_good);
    service.wait_for_fetches(4);
    load.wait_for(100);
    let report = load.stop();
    assert_eq!(report.failures, [""; 0], "{:?}", service.refused());
    assert!(report.good > 100, "{}", report.good);

    let times = service.fetch_times();
    assert!((2..=7).contains(&times.len()), "{times:?}");
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] > Duration::from_millis(400), "{times:?}");
    }
    let shown = |request: &nginx_tests::RawRequest| request.header("Authorization");
    let mut used: Vec<_> = gate.requests().iter().filter_map(shown).collect();
    used.dedup();
    used.sort();
    used.dedup();
    assert!(used.len() >= 2, "{}", used.len());
}

// The next workers find what the last ones had, and do not ask again.
#[test]
fn reloads_keep_tokens() {
    let service = TokenService::start();
    let gate = service.gate();
    let mut nginx = with_tokens(&service, &gate, ECR).workers(2).start();
    let load = Load::start(3, nginx.port(), &Request::get("/v2/"), is_good);
    for zone in [
        "",
        "",
        "aws_auth_zone larger:2m;",
        "aws_auth_zone other:128k;",
    ] {
        load.wait_for(20);
        nginx.edit(|builder| builder.http(&format!("{zone} {ECR}")));
        nginx.reload();
    }
    load.wait_for(50);
    let report = load.stop();
    assert_eq!(report.failures, [""; 0]);
    assert_eq!(service.fetches(), 1);
}

// What it is called and how it is renewed changes nothing that was fetched; another form does.
#[test]
fn a_token_that_is_defined_otherwise_is_another_one() {
    let service = TokenService::start();
    let gate = service.gate();
    let mut nginx = with_tokens(&service, &gate, ECR).start();
    http::get(nginx.port(), "/").expect_status(200);
    let mut reload = |http: &str| {
        nginx.edit(|builder| builder.http(http));
        nginx.reload();
        http::get(nginx.port(), "/").expect_status(200);
        service.fetches()
    };
    let renewed = "aws_token registry ecr endpoint=http://{tokens} interval=1h;";
    assert_eq!(reload(renewed), 1);
    let packages = "aws_token registry codeartifact domain=my-domain format=basic
        endpoint=http://{tokens};";
    assert_eq!(reload(packages), 2);
    // Its slot is still there.
    assert_eq!(reload(ECR), 2);
}

#[test]
fn an_interval_that_becomes_shorter_counts_at_once() {
    let service = TokenService::start();
    let gate = service.gate();
    let mut nginx = with_tokens(&service, &gate, ECR).start();
    http::get(nginx.port(), "/").expect_status(200);
    let shorter = "aws_token registry ecr endpoint=http://{tokens} interval=1s;";
    nginx.edit(|builder| builder.http(shorter));
    nginx.reload();
    service.wait_for_fetches(3);
}

#[test]
fn a_token_at_hand_stays_in_use_while_its_service_fails() {
    let service = TokenService::start();
    service.set_lifetime(Duration::from_secs(8));
    let gate = service.gate();
    let nginx = with_tokens(&service, &gate, ECR).start();
    http::get(nginx.port(), "/").expect_status(200);
    service.behave(Behaviour::Answer(500, Vec::new()));
    nginx.wait_for_log(
        "token \"registry\" cannot be fetched, the current one stays in use until",
        Duration::from_secs(8),
    );
    http::get(nginx.port(), "/").expect_status(200);
    service.behave(Behaviour::Good);
    nginx.wait_for_log(
        "token \"registry\" is fetched again",
        Duration::from_secs(8),
    );
    wait_until("the new one is used", || {
        let issued = service.issued();
        let newest = &issued.last().expect("the first one").text;
        http::get(nginx.port(), "/").expect_status(200);
        let last = gate
            .requests()
            .pop()
            .and_then(|it| it.header("Authorization"));
        issued.len() > 1 && last == Some(format!("Basic {newest}"))
    });
}

// A text does not say how long it is valid: the last one is used until there is another.
#[test]
fn a_printed_token_stays_in_use_while_its_program_fails() {
    let service = TokenService::start();
    let gate = RawOrigin::with_body("hello");
    let program =
        "aws_token registry process \"command=/bin/sh {dir}/print\" interval=1s retry=1s;";
    let nginx = with_tokens(&service, &gate, program)
        .file("print", "echo first")
        .start();
    http::get(nginx.port(), "/").expect_status(200);
    nginx.write("print", "exit 3");
    let line = nginx.wait_for_log("cannot be fetched", Duration::from_secs(5));
    assert!(
        line.contains("the current one stays in use: /bin/sh: exited with status 3"),
        "{line}"
    );
    http::get(nginx.port(), "/").expect_status(200);
    nginx.write("print", "echo second");
    nginx.wait_for_log(
        "token \"registry\" is fetched again",
        Duration::from_secs(5),
    );
    http::get(nginx.port(), "/").expect_status(200);
    let shown: Vec<_> = gate
        .requests()
        .iter()
        .filter_map(|request| request.header("Authorization"))
        .collect();
    assert_eq!(shown, ["Basic first", "Basic first", "Basic second"]);
}

#[test]
fn workers_may_be_killed() {
    let service = TokenService::start();
    service.set_lifetime(Duration::from_secs(2));
    let gate = service.gate();
    let mut nginx = with_tokens(&service, &gate, ECR).workers(3).start();
    http::get(nginx.port(), "/").expect_status(200);
    // They are killed until a token has been renewed meanwhile.
    for killed in 0.. {
        if killed >= 10 && service.issued().len() > 1 {
            break;
        }
        for _ in 0..20 {
            http::get(nginx.port(), "/").expect_status(200);
        }
        let worker = nginx.workers()[0];
        nginx.kill_worker(worker);
        http::get(nginx.port(), "/").expect_status(200);
    }
}
