//! Whatever a client writes into its path, the request that is signed asks for an object below what the
//! configuration names: no `?` or `&` of a path begins a query or a parameter, and no `..` leaves the
//! path that `proxy_pass` names.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{self, Request, Response};
use nginx_tests::{Builder, Nginx, RawOrigin, Reply, http2};

const METHODS: &str = "aws_sign on; aws_sign_methods GET HEAD PUT DELETE;";

fn nginx(origin: &RawOrigin, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .server(&format!("{SECRET_KEY_DIRECTIVES} {METHODS}\n{server}"))
}

/// Every form of nginx-conf, of README, and the ones that people write beside them.
const FORMS: &str = r#"
    set $store {origin};
    set $whole http://{origin};
    location /bare/ { proxy_pass http://{origin}; }
    location /uri/ { proxy_pass http://{origin}/b/; }
    location /variable/ { proxy_pass http://$store; }
    location /whole/ { proxy_pass $whole; }
    location /scheme/ { proxy_pass $scheme://$store$request_uri; }
    location ~ ^/number/(.*)$ { proxy_pass http://{origin}/b/$1; }
    location ~ ^/noargs/(.*)$ { set $args ""; proxy_pass http://{origin}/b/$1; }
    location ~ ^/args/(.*)$ { proxy_pass http://{origin}/b/$1$is_args$args; }
    location ~ ^/mark/(.*)$ { proxy_pass http://{origin}/b/$1?$args; }
    location ~ ^/two/(\w*)/(.*)$ { proxy_pass http://$store/$1/$2; }
    location ~ ^/named/(?<channel>\w+)/(?<segment>.*)$ { proxy_pass http://{origin}/$channel/$segment; }
    location ~ ^/namedargs/(?<key>.*)$ { proxy_pass http://{origin}/b/$key$is_args$args; }
    location /puri/ { proxy_pass http://{origin}$uri; }
    location /puriargs/ { proxy_pass http://{origin}$uri$is_args$args; }
    location /request_uri/ { proxy_pass http://{origin}/x$request_uri; }
    location /mapped/ { proxy_pass http://{origin}$mapped; }
    location ~ ^/list/(.*)$ { proxy_pass http://{origin}/b?list-type=2&prefix=pub/$1; }
    location /listing/ { proxy_pass http://{origin}/b?list-type=2&prefix=pub/; }
    location ~ ^/setargs/(?<p>.*)$ {
        set $args "list-type=2&prefix=pub/$p"; rewrite ^ /b break; proxy_pass http://{origin};
    }
    location /break/ { rewrite ^/break/(.*)$ /b/$1 break; proxy_pass http://{origin}; }
    location /breakuri/ { rewrite ^ /b$uri break; proxy_pass http://{origin}; }
    location /breaknamed/ { rewrite ^/breaknamed/(?<k>.*)$ /b/$k break; proxy_pass http://{origin}; }
    location /only/ { rewrite ^/only/(.*)$ /b/$1? break; proxy_pass http://{origin}; }
    location /added/ { rewrite ^/added/(.*)$ /b/$1?partNumber=1 break; proxy_pass http://{origin}; }
    location /last/ { rewrite ^/last/(.*)$ /bare/$1 last; }
    location /tenant/ { rewrite ^/[a-z]+/(.*)$ /$1 break; proxy_pass http://{origin}; }
    location /condition/ { if ($arg_none = "") { proxy_pass http://{origin}; } }
    location /conditionuri/ { if ($uri ~ ^/conditionuri/(.*)) { proxy_pass http://{origin}/b/$1; } }
    location /named_location/ { try_files /none @store; }
    location @store { proxy_pass http://{origin}; }
    location /try/ { try_files /none /p$uri; }
    location /tryargs/ { try_files /none /p$uri?$args; }
    location /error/ { error_page 404 = /p$uri; return 404; }
    location /p/ { proxy_pass http://{origin}; }
    location /accel/ { aws_sign off; proxy_pass http://{accel}; }
    location /sent/ { internal; proxy_pass http://{origin}; }
    location /argument { proxy_pass http://{origin}/b/$arg_key; }
    location /header { proxy_pass http://{origin}/b/$http_x_key; }
"#;

const MAP: &str = r#"
    map $uri $mapped {
        ~^/mapped/query/(?<mapped_key>.*)$ /b?list-type=2&prefix=pub/$mapped_key;
        ~^/mapped/(?<mapped_rest>.*)$      /b/$mapped_rest;
    }
"#;

fn every_form(origin: &RawOrigin, accel: &RawOrigin) -> Nginx {
    nginx(origin, FORMS)
        .http(MAP)
        .var("accel", accel.address())
        .http2()
        .log_level("info")
        .start()
}

/// Redirects to the path after `/accel`, encoded as the client wrote it.
fn accelerator() -> RawOrigin {
    RawOrigin::start(|request| {
        let path = request.target().replacen("/accel/", "/sent/", 1);
        Reply::with_headers(200, &[("X-Accel-Redirect", &path)], "")
    })
}

#[test]
fn every_form_of_proxy_pass_sends_an_ordinary_request() {
    let (origin, accel) = (RawOrigin::with_body("served"), accelerator());
    let nginx = every_form(&origin, &accel);
    let targets = [
        ("/bare/a%20b?x=1", "/bare/a%20b?x=1"),
        ("/uri/a%20b?x=1", "/b/a%20b?x=1"),
        ("/uri/a%3Fb?x=1", "/b/a%3Fb?x=1"),
        ("/variable/a%3Fb?x=1", "/variable/a%3Fb?x=1"),
        ("/whole/a%3Fb?x=1", "/whole/a%3Fb?x=1"),
        ("/scheme/a%3Fb?x=1", "/scheme/a%3Fb?x=1"),
        ("/number/a%20b?x=1", "/b/a%20b"),
        ("/number/a&b", "/b/a%26b"),
        ("/noargs/a%20b?x=1", "/b/a%20b"),
        ("/args/a%20b?x=1&y=?", "/b/a%20b?x=1&y=%3F"),
        ("/mark/a?x=1", "/b/a?x=1"),
        ("/two/b/a%20b", "/b/a%20b"),
        ("/named/b/a%20b", "/b/a%20b"),
        ("/namedargs/a%20b?x", "/b/a%20b?x="),
        ("/puri/a%20b?x", "/puri/a%20b"),
        ("/puriargs/a%20b?x", "/puriargs/a%20b?x="),
        ("/request_uri/a%20b?x", "/x/request_uri/a%20b?x="),
        ("/mapped/a%20b", "/b/a%20b"),
        ("/mapped/query/a", "/b?list-type=2&prefix=pub%2Fa"),
        ("/list/a%20b", "/b?list-type=2&prefix=pub%2Fa%20b"),
        ("/listing/a", "/b?list-type=2&prefix=pub%2Fa"),
        ("/setargs/a", "/b?list-type=2&prefix=pub%2Fa"),
        ("/break/a%20b?x", "/b/a%20b?x="),
        ("/breakuri/a%20b?x", "/b/breakuri/a%20b?x="),
        ("/breaknamed/a%20b?x", "/b/a%20b?x="),
        ("/only/a%20b?x", "/b/a%20b"),
        ("/added/a%20b?x=1", "/b/a%20b?partNumber=1&x=1"),
        ("/last/a%20b?x", "/bare/a%20b?x="),
        ("/tenant/a%20b?x", "/a%20b?x="),
        ("/condition/a%20b?x", "/condition/a%20b?x="),
        ("/conditionuri/a%20b?x", "/b/a%20b"),
        ("/named_location/a%3Fb?x", "/named_location/a%3Fb?x="),
        ("/try/a%20b", "/p/try/a%20b"),
        ("/tryargs/a%20b?x&y", "/p/tryargs/a%20b?x=&y="),
        ("/error/a%20b", "/p/error/a%20b"),
        ("/accel/a%20b?versionId=3", "/sent/a%20b?versionId=3"),
        ("/argument?key=a%20b", "/b/a%20b"),
    ];
    for (target, sent) in targets {
        let response = http::get(nginx.port(), target);
        assert_eq!(response.status, 200, "{target}: {}", nginx.error_log());
        let request = origin.requests().pop().expect("a request");
        assert_eq!(request.target(), sent, "{target}");
        expect_signed(&request);
    }
    assert_eq!(origin.requests().len(), targets.len());
    let log = nginx.error_log();
    let rejections = [" is rejected", " is not sent", "is not allowed"];
    assert!(!rejections.iter().any(|line| log.contains(line)), "{log}");
}

/// The key that is signed, or the status of the request that is not.
enum Then {
    Key(&'static str),
    Rejected(u16),
}
use Then::{Key, Rejected};

#[test]
fn a_mark_in_a_path_begins_no_query_in_any_form() {
    let (origin, accel) = (RawOrigin::with_body("served"), accelerator());
    let nginx = every_form(&origin, &accel);
    let mut signed = 0;
    for (target, then) in [
        ("/bare/a%3Facl", Key("/bare/a%3Facl")),
        ("/uri/%3Facl", Key("/b/%3Facl")),
        ("/number/%3Fpolicy", Key("/b/%3Fpolicy")),
        ("/number/a%23b%3Facl", Key("/b/a%23b%3Facl")),
        ("/number/%253Facl", Key("/b/%3Facl")),
        ("/noargs/a%3fpolicy?x", Key("/b/a%3Fpolicy")),
        ("/args/a%3Facl", Key("/b/a%3Facl")),
        ("/args/a%3Facl?x=?", Key("/b/a%3Facl?x=%3F")),
        ("/mark/a%3Facl", Key("/b/a%3Facl")),
        ("/two/b/a%3Facl", Key("/b/a%3Facl")),
        ("/named/b/a%3Facl", Rejected(400)),
        ("/namedargs/a%3Facl", Key("/b/a%3Facl")),
        ("/namedargs/a%3Facl?x", Key("/b/a%3Facl?x=")),
        ("/puri/a%3Facl?x", Key("/puri/a%3Facl")),
        ("/puriargs/a%3Facl?x", Key("/puriargs/a%3Facl?x=")),
        ("/request_uri/a%3Facl?x", Key("/x/request_uri/a%3Facl?x=")),
        ("/mapped/a%3Facl", Rejected(400)),
        ("/list/a%3Facl", Key("/b?list-type=2&prefix=pub%2Fa%3Facl")),
        ("/break/a%3Facl?x", Key("/b/a%3Facl?x=")),
        ("/breakuri/a%3Facl", Key("/b/breakuri/a%3Facl")),
        ("/breaknamed/a%3Facl", Key("/b/a%3Facl")),
        ("/only/a%3Facl?x", Key("/b/a%3Facl")),
        ("/added/a%3Facl", Rejected(400)),
        ("/last/a%3Facl", Key("/bare/a%3Facl")),
        ("/condition/a%3Facl", Key("/condition/a%3Facl")),
        ("/conditionuri/a%3Facl", Key("/b/a%3Facl")),
        ("/named_location/a%3Facl", Key("/named_location/a%3Facl")),
        ("/try/a%3Facl", Rejected(400)),
        ("/tryargs/a%3Facl?x", Rejected(400)),
        ("/error/a%3Facl", Rejected(400)),
        // nginx forwards what the accelerator has written: `%3F` once more.
        ("/accel/a%3Facl", Key("/sent/a%3Facl")),
        ("/argument?key=a?acl", Key("/b/a%3Facl")),
        ("/argument?key=a%3Facl", Key("/b/a%3Facl")),
        // Parameters.
        ("/list/%26prefix=secret", Rejected(400)),
        ("/list/x&acl", Rejected(400)),
        ("/listing/x&prefix=secret", Rejected(400)),
        ("/setargs/x%26prefix=secret", Rejected(400)),
        ("/mapped/query/x&prefix=secret", Rejected(400)),
    ] {
        let clients: [(&str, &dyn Fn() -> Response); 3] = [
            ("GET", &|| http::get(nginx.port(), target)),
            ("HTTP/2", &|| http2::get(nginx.h2_port(), target, &[])),
            ("PUT", &|| {
                Request::new("PUT", target).body("x").send(nginx.port())
            }),
        ];
        for (client, send) in clients {
            // Whether a PUT may have a query is another question.
            if client == "PUT" && target.contains('?') {
                continue;
            }
            let response = send();
            match then {
                Key(key) => {
                    assert_eq!(
                        response.status,
                        200,
                        "{client} {target}: {}",
                        nginx.error_log()
                    );
                    let request = origin.requests().pop().expect("a request");
                    assert_eq!(request.target(), key, "{client} {target}");
                    expect_signed(&request);
                    signed += 1;
                }
                Rejected(status) => assert_eq!(response.status, status, "{client} {target}"),
            }
            assert_eq!(origin.requests().len(), signed, "{client} {target}");
        }
    }
    let log = nginx.error_log();
    assert!(!log.contains("[error]"), "{log}");
    for advice in [
        "\"$is_args$args\"",
        "named location",
        "write parameters out",
    ] {
        assert!(log.contains(advice), "{advice}: {log}");
    }
}

/// A header in a path: nobody knows it before nginx has made the target.
#[test]
fn a_mark_in_a_header_begins_no_query() {
    let (origin, accel) = (RawOrigin::with_body("served"), accelerator());
    let nginx = every_form(&origin, &accel);
    let with = |key| Request::get("/header").header("X-Key", key);
    with("a?acl#b c").send(nginx.port()).expect_status(200);
    let request = origin.only_request();
    assert_eq!(request.target(), "/b/a%3Facl%23b%20c");
    expect_signed(&request);
}

/// Slices and background updates start after the phase that responds with 400.
#[test]
fn a_parameter_that_a_header_adds_is_rejected_when_the_request_is_sealed() {
    let origin = RawOrigin::with_body("served");
    let server = "location / { proxy_pass http://{origin}/b?list-type=2&prefix=$http_x_prefix; }";
    let nginx = nginx(&origin, server).start();
    let with = |prefix| {
        Request::get("/")
            .header("X-Prefix", prefix)
            .send(nginx.port())
    };
    with("a&acl").expect_status(502);
    assert_eq!(origin.connections(), 0);
    nginx.wait_for_log("write parameters out", std::time::Duration::from_secs(5));
    with("a").expect_status(200);
    assert_eq!(origin.only_request().target(), "/b?list-type=2&prefix=a");
}

/// Locations for a service that resolves `..` before it looks who may do what.
const SERVICE: &str = r#"
    aws_service execute-api;
    location /api { proxy_pass http://{origin}/prod/; }
    location /bare/ { proxy_pass http://{origin}; }
    location /puri/ { proxy_pass http://{origin}$uri; }
    location ~ ^/public/(.*)$ { proxy_pass http://{origin}/prod/public/$1; }
    location ~ ^/named/(?<rest>.*)$ { proxy_pass http://{origin}/prod/public/$rest$is_args$args; }
    location /break { rewrite ^/break(.*)$ /prod/public/$1 break; proxy_pass http://{origin}; }
    location /try { try_files /none /bare/x/$uri; }
    location /header { proxy_pass http://{origin}/prod/public/$http_x_rest; }
"#;

#[test]
fn no_path_climbs_out_of_what_proxy_pass_names() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(&origin, SERVICE).http2().log_level("info").start();
    for target in [
        "/api../admin",
        "/api..%2fadmin",
        "/api%2e%2e/admin",
        "/api.%2E%2Fadmin",
        "/api..%5cadmin",
        "/api..\\admin",
        "/api%252e%252e/admin",
        "/api./admin",
        "/api..",
        "/api..%3fx",
        "/api..;x/admin",
        "/bare/x/../admin",
        "/bare/%2e%2e/bare/",
        "/bare/..%5c..%5cadmin",
        "/bare/./x",
        "/puri/%252e%252e/admin",
        "/puri/..%5cadmin",
        "/public/..%3f",
        "/public/..%3Fa/b",
        "/public/..%23",
        "/public/%252e%252e/admin",
        "/public/..%252fadmin",
        "/public/..%5cadmin",
        "/named/..%3f?x=1",
        "/named/%252e%252e/",
        "/break../admin",
        "/break..%3f",
    ] {
        for (client, response) in [
            ("HTTP/1.1", http::get(nginx.port(), target)),
            ("HTTP/2", http2::get(nginx.h2_port(), target, &[])),
        ] {
            // curl or nginx may have resolved the path to one that no location has.
            let expected: &[u16] = if client == "HTTP/2" {
                &[400, 404]
            } else {
                &[400]
            };
            assert!(
                expected.contains(&response.status),
                "{client} {target}: {}",
                response.status
            );
        }
    }
    for rest in ["../../admin", "..\\x", "%2e%2e/x", ".."] {
        let request = Request::get("/header").header("X-Rest", rest);
        let status = request.send(nginx.port()).status;
        assert!(matches!(status, 400 | 502), "{rest}: {status}");
    }
    assert_eq!(origin.connections(), 0, "{:#?}", origin.requests());

    for (target, sent) in [
        ("/api/a..b/...", "/prod/a..b/..."),
        ("/bare/..a/b..", "/bare/..a/b.."),
        ("/public/.hidden/x%2e", "/prod/public/.hidden/x."),
        ("/named/v1.2/?x=..", "/prod/public/v1.2/?x=.."),
        ("/break/a.b", "/prod/public/a.b"),
    ] {
        http::get(nginx.port(), target).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        assert_eq!(request.target(), sent, "{target}");
        let signature = request.header("Authorization").expect("a signature");
        assert!(
            signature.contains("/execute-api/aws4_request"),
            "{signature}"
        );
    }
}
