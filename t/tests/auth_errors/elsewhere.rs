//! `aws_hide_auth_errors` beside what else decides about a response: error pages, caches, subrequests.

use nginx_tests::auth_error::{answering, expect_hidden, expect_no_secret, mismatch, signing, xml};
use nginx_tests::http::{self, Connection, Request};
use nginx_tests::{RawOrigin, Reply};

#[test]
fn error_pages_come_first() {
    let origin = answering(Reply::with_headers(
        403,
        &[("x-amzn-ErrorType", "InvalidSignatureException")],
        mismatch(),
    ));
    let body = answering(Reply::new(403, mismatch()));
    let nginx = signing(
        origin.address(),
        "proxy_intercept_errors on;
         location / { error_page 403 = /page; proxy_pass http://{origin}; }
         location /login { error_page 403 http://login.test/; proxy_pass http://{origin}; }
         location /other { error_page 403 @other; proxy_pass http://{origin}; }
         location /as-ok { error_page 403 =200 @other; proxy_pass http://{origin}; }
         location /as-empty { error_page 403 =204 @other; proxy_pass http://{origin}; }
         location /unmatched { error_page 500 /page; proxy_pass http://{body}; }
         location @other { proxy_intercept_errors off; proxy_pass http://{body}; }
         location /page { aws_sign off; return 403 'the page'; }",
    )
    .var("body", body.address())
    .start();
    let get = |target: &str| http::get(nginx.port(), target);
    assert_eq!(get("/key").expect_status(403).text(), "the page");
    let login = get("/login").expect_status(302);
    assert_eq!(login.header("Location"), Some("http://login.test/"));
    assert!(login.text().contains("302 Found"), "{}", login.text());
    expect_hidden(&get("/unmatched"), 403, "SignatureDoesNotMatch");
    // What the page is made of may be rejected itself; its status is the operator's.
    expect_hidden(&get("/other"), 403, "SignatureDoesNotMatch");
    expect_hidden(&get("/as-ok"), 200, "SignatureDoesNotMatch");
    // Nothing follows a head that has no body but the next answer.
    let mut connection = Connection::open(nginx.port());
    connection
        .send(&Request::get("/as-empty"))
        .expect_status(204);
    let next = connection.send(&Request::get("/key")).expect_status(403);
    assert_eq!(next.text(), "the page");
}

#[test]
fn a_cached_error_is_hidden_each_time_and_told_once() {
    let origin = RawOrigin::start(|request| match request.target().as_str() {
        "/long" => Reply::new(403, mismatch().replace("/key", &"/key".repeat(50_000))),
        "/missing" => Reply::new(403, xml("AccessDenied", &"<A>b</A>".repeat(10_000))),
        "/late" => Reply::new(403, format!("<Error>{}", "<A>b</A>".repeat(10_000))),
        _ => Reply::new(403, mismatch()),
    });
    let nginx = signing(
        origin.address(),
        "proxy_cache objects; proxy_cache_valid any 1h;
         add_header X-Cache $upstream_cache_status always;
         location / { proxy_pass http://{origin}; }
         location /head/ { proxy_cache_key head$uri; proxy_pass http://{origin}/; }
         location /off/ { aws_hide_auth_errors off; proxy_pass http://{origin}/; }",
    )
    .http("proxy_cache_path {dir}/cache keys_zone=objects:1m;")
    .start();
    for target in ["/key", "/long"] {
        for cache in ["MISS", "HIT", "HIT"] {
            let response = http::get(nginx.port(), target);
            expect_hidden(&response, 403, "SignatureDoesNotMatch");
            assert_eq!(response.header("X-Cache"), Some(cache));
        }
    }
    assert_eq!(nginx.own_lines().len(), 2);
    assert_eq!(
        http::head(nginx.port(), "/head/key")
            .expect_status(403)
            .text(),
        ""
    );
    expect_hidden(
        &http::get(nginx.port(), "/head/key"),
        403,
        "SignatureDoesNotMatch",
    );
    assert_eq!(nginx.own_lines().len(), 2, "nobody sees the body of a HEAD");

    for target in [
        "/missing",
        "/late",
        "/off/long",
        "/off/missing",
        "/off/late",
    ] {
        let fresh = http::get(nginx.port(), target).expect_status(403);
        assert!(fresh.body.len() > 70_000);
        for _ in 0..2 {
            let cached = http::get(nginx.port(), target).expect_status(403);
            assert_eq!(cached.header("X-Cache"), Some("HIT"));
            assert!(
                cached.body == fresh.body,
                "{target}: {} bytes",
                cached.body.len()
            );
        }
    }
}

#[test]
fn subrequests() {
    let origin = RawOrigin::start(|request| match request.target().as_str() {
        "/page" => Reply::with_headers(
            200,
            &[("Content-Type", "text/html")],
            "[<!--# include virtual=\"/signed/key\" -->|<!--# include virtual=\"/signed/missing\" -->]",
        ),
        "/missing" => Reply::new(404, xml("NoSuchKey", "")),
        "/moved" => Reply::with_headers(403, &[("X-Accel-Redirect", "/signed/key")], "moved"),
        _ => Reply::new(403, mismatch()),
    });
    let nginx = signing(
        origin.address(),
        "location /page { aws_sign off; ssi on; proxy_pass http://{origin}; }
         location /moved { proxy_pass http://{origin}; }
         location /signed/ { proxy_pass http://{origin}/; }
         location /before { add_before_body /signed/key; aws_sign off; default_type text/html; return 200 page; }
         location /guarded { auth_request /signed/key; aws_sign off; proxy_pass http://{origin}; }",
    )
    .start();
    let page = http::get(nginx.port(), "/page").expect_status(200).text();
    expect_no_secret(&page);
    let (hidden, passed) = page.split_once('|').expect("two includes");
    assert!(
        hidden.starts_with('[') && hidden.contains("See the error log of this server."),
        "{page}"
    );
    assert_eq!(passed, format!("{}]", xml("NoSuchKey", "")));
    assert_eq!(nginx.own_lines().len(), 1);

    expect_hidden(
        &http::get(nginx.port(), "/moved"),
        403,
        "SignatureDoesNotMatch",
    );
    let guarded = http::get(nginx.port(), "/guarded")
        .expect_status(403)
        .text();
    expect_no_secret(&guarded);
    assert!(guarded.contains("403 Forbidden"), "{guarded}");
    let before = http::get(nginx.port(), "/before").expect_status(200).text();
    expect_no_secret(&before);
}
