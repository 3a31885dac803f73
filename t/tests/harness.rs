//! The harness itself: what it promises to the tests that are written with it.

use nginx_tests::{Nginx, RawOrigin, http, http2};

#[test]
fn a_request_reaches_the_origin_as_nginx_wrote_it() {
    let origin = RawOrigin::with_body("hello");
    let nginx = Nginx::builder()
        .without_module()
        .var("origin", origin.address())
        .server("location / { proxy_pass http://{origin}; }")
        .http2()
        .start();

    let response = http::get(nginx.port(), "/a%20b?c=d").expect_status(200);
    assert_eq!(response.text(), "hello");
    assert_eq!(origin.only_request().line(), "GET /a%20b?c=d HTTP/1.0");

    let response = http2::get(nginx.h2_port(), "/a%20b?c=d", &[("x-a", "b")]).expect_status(200);
    assert_eq!(response.text(), "hello");
    assert_eq!(origin.requests()[1].header("X-A").as_deref(), Some("b"));
    assert_eq!(origin.connections(), 2);
}
