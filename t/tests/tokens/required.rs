//! `aws_token_required`: nothing is sent without the tokens that it names.

use std::time::{Duration, Instant};

use nginx_tests::http::{Connection, Request};
use nginx_tests::{Behaviour, Builder, Nginx, RawOrigin, Reply, TokenService};
use nginx_tests::{alone, http, http2, wait_until, waiting};

const ECR: &str = "aws_token registry ecr endpoint=http://{tokens};";
const AUTHORIZED: &str = "proxy_set_header Authorization \"Basic $aws_token_registry\";
    proxy_pass http://{origin};";

fn with_tokens(service: &TokenService, gate: &RawOrigin, server: &str) -> Builder {
    let builder = Nginx::builder().var("origin", gate.address());
    let server = server.replace("{authorized}", AUTHORIZED);
    service.environment(builder).http(ECR).server(&server)
}

const REQUIRED: &str = "location / { aws_token_required on; {authorized} }";

#[test]
fn requests_wait_for_the_first_token_in_every_worker() {
    let service = TokenService::start();
    service.behave(Behaviour::Slow(Duration::from_millis(600)));
    let gate = service.gate();
    let nginx = with_tokens(&service, &gate, REQUIRED).workers(4).start();
    assert_eq!(waiting::statuses(12, nginx.port(), "/v2/"), [200; 12]);
    assert_eq!(service.fetches(), 1);
}

#[test]
fn requests_of_http2_and_subrequests_wait_too() {
    let service = TokenService::start();
    service.behave(Behaviour::Slow(Duration::from_millis(300)));
    let gate = service.gate();
    let server = format!("{} {REQUIRED}", waiting::PAGE);
    let nginx = with_tokens(&service, &gate, &server)
        .file("www/page", "-")
        .http2()
        .start();
    let response = http2::get(nginx.h2_port(), "/page", &[]);
    assert_eq!((response.status, &*response.text()), (200, "hello-hello"));
}

#[test]
fn without_a_token_the_answer_is_503() {
    let _alone = alone();
    let service = TokenService::start();
    service.behave(Behaviour::Hang);
    let gate = service.gate();
    let server = format!("aws_credentials_timeout 300ms; {REQUIRED}");
    let nginx = with_tokens(&service, &gate, &server).start();
    waiting::expect_in_vain(nginx.port(), "/v2/");
    nginx.wait_for_log(
        "the request is rejected: token \"registry\" is required, but it has not been fetched yet",
        Duration::from_secs(1),
    );
    assert_eq!(gate.connections(), 0);
}

#[test]
fn a_waiting_request_may_be_given_up_by_its_client() {
    let service = TokenService::start();
    service.behave(Behaviour::Slow(Duration::from_millis(1000)));
    let gate = service.gate();
    let nginx = with_tokens(&service, &gate, REQUIRED).start();
    waiting::give_up(nginx.port(), "/left");
    nginx.wait_for_access_log(1);
    assert_eq!(service.issued().len(), 0, "it was not noticed at once");
    http::get(nginx.port(), "/v2/").expect_status(200);
    assert_eq!(gate.requests().len(), 1);
}

// The one that expires is used to its end, and then no request waits for what fails.
#[test]
fn an_expired_token_is_none() {
    let _alone = alone();
    let service = TokenService::start();
    service.set_lifetime(Duration::from_secs(3));
    let gate = service.gate();
    let nginx = with_tokens(&service, &gate, REQUIRED).start();
    http::get(nginx.port(), "/v2/").expect_status(200);
    service.behave(Behaviour::Close);
    let line = nginx.wait_for_log(
        "token \"registry\" cannot be fetched",
        Duration::from_secs(4),
    );
    assert!(
        line.contains("the current one stays in use until"),
        "{line}"
    );
    http::get(nginx.port(), "/v2/").expect_status(200);
    nginx.wait_for_log("and $aws_token_registry is empty", Duration::from_secs(5));
    let start = Instant::now();
    http::get(nginx.port(), "/v2/").expect_status(503);
    assert!(start.elapsed() < Duration::from_secs(1));
    nginx.wait_for_log("is required, but it has expired", Duration::ZERO);
    assert!(gate.requests().iter().all(|request| {
        let shown = request.header("Authorization").unwrap_or_default();
        shown.len() > 100
    }));
}

#[test]
fn only_the_named_ones_are_required() {
    let service = TokenService::start();
    let gate = service.gate();
    let server = "aws_credentials_timeout 0;
        location /on { aws_token_required on; {authorized} }
        location /one { aws_token_required registry; {authorized} }
        location /both { aws_token_required registry broken; {authorized} }
        location /if { if ($arg_strict) { aws_token_required broken; } {authorized} }
        location /off/ { aws_token_required on;
            location /off/here { aws_token_required off; {authorized} }
            location /off/there { {authorized} }
            location /off/file { root {dir}; } }";
    let nginx = with_tokens(&service, &gate, server)
        .http(&format!(
            "{ECR} aws_token broken process command=/bin/false;"
        ))
        .file("off/file", "hello")
        .start();
    wait_until("there is a token", || {
        http::get(nginx.port(), "/one").status == 200
    });
    for (target, status) in [
        ("/on", 503),
        ("/both", 503),
        ("/off/here", 200),
        ("/off/there", 503),
        // Nothing is sent for a file.
        ("/off/file", 200),
        ("/if", 200),
        ("/if?strict=1", 503),
    ] {
        assert_eq!(http::get(nginx.port(), target).status, status, "{target}");
    }
}

#[test]
fn an_error_page_is_served_without_a_token() {
    let service = TokenService::start();
    service.behave(Behaviour::Close);
    let gate = service.gate();
    let server = format!(
        "aws_token_required on; aws_credentials_timeout 0; error_page 503 /sorry;
         location = /sorry {{ root {{dir}}; }} {REQUIRED}"
    );
    let nginx = with_tokens(&service, &gate, &server)
        .file("sorry", "come back later")
        .start();
    let response = http::get(nginx.port(), "/v2/").expect_status(503);
    assert_eq!(response.text(), "come back later");
}

// What is cached needs no token; what is not does not leave without one, and nobody caches the
// complaint of the other side.
#[test]
fn a_cached_object_needs_no_token() {
    let _alone = alone();
    let service = TokenService::start();
    let gate = service.gate();
    let server = "location / { aws_token_required on; {authorized} proxy_cache c;
        proxy_cache_valid any 1h; proxy_cache_use_stale error; }";
    let cache = format!("{ECR} proxy_cache_path {{dir}}/cache keys_zone=c:1m;");
    let mut nginx = with_tokens(&service, &gate, server).http(&cache).start();
    wait_until("there is a token", || {
        http::get(nginx.port(), "/object").status == 200
    });

    // Another token of the same name.
    service.behave(Behaviour::Hang);
    nginx.edit(|builder| {
        builder.http(&cache.replace("registry ecr", "registry ecr format=basic region=eu-west-2"))
    });
    nginx.reload();
    let sent = gate.requests().len();
    http::get(nginx.port(), "/object").expect_status(200);
    let start = Instant::now();
    http::get(nginx.port(), "/other").expect_status(502);
    assert!(start.elapsed() < Duration::from_secs(1));
    nginx.wait_for_log(
        "the request is not sent: token \"registry\" is required, but it has not been fetched yet",
        Duration::from_secs(1),
    );
    assert_eq!(gate.requests().len(), sent);
}

// What is rejected while there is no token is no response of the other side.
#[test]
fn a_refusal_is_not_cached() {
    let service = TokenService::start();
    service.behave(Behaviour::Slow(Duration::from_millis(300)));
    let gate = service.gate();
    let server = "location / { aws_token_required on; {authorized} proxy_cache c;
        proxy_cache_valid any 1h; }";
    let nginx = with_tokens(&service, &gate, server)
        .http(&format!(
            "{ECR} proxy_cache_path {{dir}}/cache keys_zone=c:1m;"
        ))
        .start();
    http::get(nginx.port(), "/object").expect_status(502);
    nginx.wait_for_log("token \"registry\": ecr in", Duration::from_secs(2));
    http::get(nginx.port(), "/object").expect_status(200);
}

// Slices begin where nobody waits for tokens any more.
#[test]
fn a_slice_is_not_sent_without_a_token() {
    let service = TokenService::start();
    service.set_lifetime(Duration::from_secs(2));
    let takes = service.judge();
    let store = RawOrigin::start(move |request| {
        if !takes(request) {
            return Reply::new(401, "");
        }
        let range = request.header("Range").unwrap_or_default();
        if range != "bytes=0-3" {
            return Reply::new(500, range);
        }
        // The token that was valid for this slice is not valid for the next one.
        wait_until("the token has expired", || !takes(request));
        Reply::with_headers(206, &[("Content-Range", "bytes 0-3/8")], "abcd")
    });
    let server = "location / { slice 4; aws_token_required on; {authorized}
        proxy_set_header Range $slice_range; proxy_http_version 1.1; }";
    let nginx = with_tokens(&service, &store, server)
        .allow_log("unexpected")
        .start();
    wait_until("there is a token", || service.issued().len() == 1);
    service.behave(Behaviour::Close);
    let mut client = Connection::open(nginx.port());
    client
        .write(&Request::get("/").to_bytes())
        .expect("nginx reads");
    let _cut_short = client.read(false);
    nginx.wait_for_log(
        "the request is not sent: token \"registry\" is required, but it has expired",
        Duration::from_secs(5),
    );
    assert_eq!(store.requests().len(), 1);
}

// Waiting for one is no reason to wait for the other one again.
#[test]
fn credentials_and_tokens_are_awaited_together() {
    let _alone = alone();
    let service = TokenService::start();
    let gate = service.gate();
    let server = "aws_credentials_timeout 500ms; aws_region us-east-1; aws_credentials hanging;
        location / { aws_sign on; aws_token_required on; {authorized} }";
    let hanging = RawOrigin::start(|_| Reply::hang());
    let nginx = with_tokens(&service, &gate, server)
        .var("hanging", hanging.address())
        .http(&format!(
            "aws_credentials_provider hanging imds endpoint=http://{{hanging}}; {ECR}"
        ))
        .start();
    let start = Instant::now();
    http::get(nginx.port(), "/").expect_status(503);
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(490), "{waited:?}");
    assert!(waited < Duration::from_millis(900), "{waited:?}");
    assert_eq!(gate.connections(), 0);
}

#[test]
fn other_upstreams_than_proxy_pass_are_held_back_too() {
    let service = TokenService::start();
    service.behave(Behaviour::Hang);
    let gate = service.gate();
    let server = "aws_credentials_timeout 0; aws_token_required on;
        location /fastcgi { fastcgi_pass {origin}; fastcgi_param TOKEN $aws_token_registry; }
        location /cached { fastcgi_pass {origin}; fastcgi_cache c; fastcgi_cache_key $uri; }
        location /variable { set $to {origin}; {authorized} proxy_pass http://$to; }
        location /named { error_page 404 = @named; return 404; }
        location @named { {authorized} }
        location /if { aws_token_required off; proxy_cache p; proxy_pass http://{origin};
            if ($arg_strict) { aws_token_required on; } }";
    let server = server.replace(
        "{authorized} proxy_pass http://$to;",
        "proxy_pass http://$to;",
    );
    let nginx = with_tokens(&service, &gate, &server)
        .http(&format!(
            "{ECR} fastcgi_cache_path {{dir}}/cache keys_zone=c:1m;
             proxy_cache_path {{dir}}/other keys_zone=p:1m;"
        ))
        .start();
    for (target, status) in [
        ("/fastcgi", 503),
        ("/cached", 502),
        ("/variable", 503),
        ("/named", 503),
        ("/if?strict=1", 502),
    ] {
        assert_eq!(http::get(nginx.port(), target).status, status, "{target}");
    }
    assert_eq!(gate.connections(), 0);
}
