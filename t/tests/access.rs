//! Authentication in front of a signed location works as it does without the module: who may not
//! come in costs no signature and no connection, and signing itself lets nobody in.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{self, Request, Response};
use nginx_tests::{DeadPort, Nginx, RawOrigin};

/// `user:password`
const GOOD: &str = "Basic dXNlcjpwYXNzd29yZA==";
const BAD: &str = "Basic dXNlcjp3cm9uZw==";

fn nginx(origin: &RawOrigin, server: &str) -> Nginx {
    Nginx::builder()
        .var("origin", origin.address())
        .var(
            "basic",
            "auth_basic files; auth_basic_user_file {dir}/users;",
        )
        .file("users", "user:{PLAIN}password\n")
        .server(&format!("{SECRET_KEY_DIRECTIVES}{server}"))
        .debug()
        .start()
}

fn with(authorization: &str) -> Request {
    Request::get("/key").header("Authorization", authorization)
}

/// Nobody has signed anything, or asked the origin anything.
#[track_caller]
fn expect_no_work(nginx: &Nginx, origin: &RawOrigin) {
    assert_eq!(origin.connections(), 0);
    let log = nginx.debug_log();
    assert!(log.contains("access phase"), "it is a debug log");
    assert!(!log.contains("aws_auth:"), "the module has been at work");
}

/// The origin gets our signature, and not what the client authenticated itself with.
#[track_caller]
fn expect_served(response: &Response, origin: &RawOrigin) {
    assert_eq!((response.status, response.text().as_str()), (200, "served"));
    expect_signed(&origin.only_request());
}

#[test]
fn auth_basic() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { {basic} aws_sign on; proxy_pass http://{origin}; }",
    );

    for request in [
        Request::get("/key"),
        with(BAD),
        with("AWS4-HMAC-SHA256 Credential=x"),
    ] {
        let response = request.send(nginx.port()).expect_status(401);
        assert_eq!(
            response.header("WWW-Authenticate"),
            Some("Basic realm=\"files\"")
        );
    }
    expect_no_work(&nginx, &origin);
    expect_served(&with(GOOD).send(nginx.port()), &origin);
}

#[test]
fn auth_request() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { auth_request /auth; aws_sign on; proxy_pass http://{origin}; }
         location = /auth { internal; if ($http_x_user = friend) { return 204; }
                            if ($http_x_user = foe) { return 403; } return 401; }",
    );
    http::get(nginx.port(), "/key").expect_status(401);
    let ask = |user| {
        Request::get("/key")
            .header("X-User", user)
            .send(nginx.port())
    };
    ask("foe").expect_status(403);
    expect_no_work(&nginx, &origin);
    expect_served(&ask("friend"), &origin);
}

/// A#42: a signer whose access handler says OK opens `satisfy any` to everybody.
#[test]
fn satisfy_any_is_not_opened_by_signing() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { satisfy any; deny all; {basic} aws_sign on; proxy_pass http://{origin}; }",
    );
    for request in [Request::get("/key"), with(BAD)] {
        let response = request.send(nginx.port()).expect_status(401);
        assert!(response.header("WWW-Authenticate").is_some());
    }
    expect_no_work(&nginx, &origin);
    expect_served(&with(GOOD).send(nginx.port()), &origin);
}

#[test]
fn satisfy_any_is_satisfied_by_an_address() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { satisfy any; allow 127.0.0.1; deny all; {basic} aws_sign on;
                      proxy_pass http://{origin}; }",
    );
    expect_served(&http::get(nginx.port(), "/key"), &origin);
}

#[test]
fn satisfy_any_with_auth_request() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { satisfy any; deny all; auth_request /auth; aws_sign on;
                      proxy_pass http://{origin}; }
         location = /auth { internal; if ($http_x_user = friend) { return 204; } return 403; }",
    );
    http::get(nginx.port(), "/key").expect_status(403);
    expect_no_work(&nginx, &origin);
    let friend = Request::get("/key").header("X-User", "friend");
    expect_served(&friend.send(nginx.port()), &origin);
}

#[test]
fn satisfy_all_wants_both() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { deny all; {basic} aws_sign on; proxy_pass http://{origin}; }
         location /open/ { allow all; {basic} aws_sign on; proxy_pass http://{origin}; }",
    );
    with(GOOD).send(nginx.port()).expect_status(403);
    http::get(nginx.port(), "/open/key").expect_status(401);
    expect_no_work(&nginx, &origin);
}

/// `satisfy any` ends the access phase before the module has seen the method.
#[test]
fn the_method_is_checked_behind_satisfy_any_too() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { satisfy any; allow all; {basic} aws_sign on; proxy_pass http://{origin}; }",
    );
    let response = Request::new("DELETE", "/key").send(nginx.port());
    let response = response.expect_status(405);
    assert_eq!(response.header("Allow"), Some("GET, HEAD"));
    assert_eq!(origin.connections(), 0);
}

#[test]
fn limit_except() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { limit_except GET { {basic} } aws_sign on; aws_sign_methods GET HEAD DELETE;
                      proxy_pass http://{origin}; }",
    );
    let delete = || Request::new("DELETE", "/key");
    delete().send(nginx.port()).expect_status(401);
    assert_eq!(origin.connections(), 0);
    let response = delete().header("Authorization", GOOD).send(nginx.port());
    expect_served(&response, &origin);
    http::get(nginx.port(), "/key").expect_status(200);
    assert_eq!(origin.requests()[1].method(), "GET");
    expect_signed(&origin.requests()[1]);
}

#[test]
fn other_methods_are_405_with_allow() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { aws_sign on; proxy_pass http://{origin}; }
         location /more/ { aws_sign on; aws_sign_methods DELETE GET; proxy_pass http://{origin}; }
         location /unsigned/ { proxy_pass http://{origin}; }",
    );
    for method in [
        "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "FETCH",
    ] {
        let response = Request::new(method, "/key")
            .send(nginx.port())
            .expect_status(405);
        assert_eq!(response.header("Allow"), Some("GET, HEAD"), "{method}");
    }
    let response = http::head(nginx.port(), "/more/key").expect_status(405);
    assert_eq!(response.header("Allow"), Some("GET, DELETE"));
    assert_eq!(origin.connections(), 0);

    Request::new("DELETE", "/more/key")
        .send(nginx.port())
        .expect_status(200);
    expect_signed(&origin.only_request());
    // Elsewhere methods are none of our business.
    let response = Request::new("PUT", "/unsigned/key")
        .body("x")
        .send(nginx.port());
    assert_eq!(response.expect_status(200).header("Allow"), None);
}

/// Inherited signing has no effect if the content handler is not that of proxy_pass.
#[test]
fn other_handlers_are_left_alone() {
    let (origin, dead) = (RawOrigin::with_body("served"), DeadPort::new());
    let nginx = nginx(
        &origin,
        &format!(
            "aws_sign on;
             location /fastcgi/ {{ fastcgi_pass 127.0.0.1:{0}; }}
             location /uwsgi/ {{ uwsgi_pass 127.0.0.1:{0}; }}
             location /scgi/ {{ scgi_pass 127.0.0.1:{0}; }}
             location /return/ {{ return 200 returned; }}
             location /file/ {{ root {{dir}}; }}
             location /if/ {{ if ($arg_a) {{ return 204; }} proxy_pass http://{{origin}}; }}",
            dead.port()
        ),
    );
    for (target, status) in [
        ("/fastcgi/", 502),
        ("/uwsgi/", 502),
        ("/scgi/", 502),
        ("/return/", 200),
        ("/file/none", 404),
        ("/if/?a=1", 204),
    ] {
        let put = Request::new("POST", target)
            .header("X-Amz-Acl", "private")
            .body("x");
        let response = put.send(nginx.port()).expect_status(status);
        assert_eq!(response.header("Allow"), None, "{target}");
        http::get(nginx.port(), target).expect_status(status);
    }
    assert!(!nginx.debug_log().contains("aws_auth:"));
    assert_eq!(origin.connections(), 0);
}

/// Of who may not come in, nothing is read and nothing is sent.
#[test]
fn a_body_waits_for_authentication() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location /auth/ {
             {basic} aws_sign on; aws_sign_methods PUT; aws_payload signed;
             proxy_request_buffering off; proxy_pass http://{origin};
         }",
    );
    let request = Request::new("PUT", "/auth/key").body(vec![b'x'; 100_000]);
    request.clone().send(nginx.port()).expect_status(401);
    assert_eq!(origin.connections(), 0);

    let request = request.header("Authorization", GOOD);
    request.send(nginx.port()).expect_status(200);
    expect_signed(&origin.only_request());
}
