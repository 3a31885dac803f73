//! Counters: what counts where, and that nothing is lost.

use nginx_tests::http::{self, Connection, Request};
use nginx_tests::{RawOrigin, Reply};

use super::{row, status, with_status};

const SIGNED: &str = "location / { aws_sign on; proxy_pass http://{origin}; }";

#[test]
fn requests_are_counted_by_method_and_payload() {
    let origin = RawOrigin::with_body("hello");
    let nginx = with_status(
        "aws_sign_methods GET HEAD PUT DELETE;
         location / { aws_sign on; proxy_pass http://{origin}; }
         location /unsigned/ { aws_sign on; aws_payload unsigned; proxy_pass http://{origin}; }
         location /streaming/ { aws_sign on; aws_payload streaming; proxy_pass http://{origin}; }
         location /off/ { set $off 0; aws_sign $off; proxy_pass http://{origin}; }
         location /plain/ { proxy_pass http://{origin}; }",
    )
    .var("origin", origin.address())
    .start();
    for _ in 0..3 {
        http::get(nginx.port(), "/bucket/key").expect_status(200);
    }
    http::head(nginx.port(), "/bucket/key").expect_status(200);
    for target in ["/bucket/key", "/unsigned/key", "/streaming/key"] {
        Request::new("PUT", target)
            .body("12345")
            .send(nginx.port())
            .expect_status(200);
    }
    Request::new("DELETE", "/bucket/key")
        .send(nginx.port())
        .expect_status(200);
    http::get(nginx.port(), "/off/key").expect_status(200);
    http::get(nginx.port(), "/plain/key").expect_status(200);

    let server = row(&status(&nginx), "server", "files.example.com");
    assert_eq!(server["signed"]["read"]["empty"], 4, "{server:#}");
    assert_eq!(server["signed"]["write"]["hash"], 1, "{server:#}");
    assert_eq!(server["signed"]["write"]["unsigned"], 1, "{server:#}");
    assert_eq!(server["signed"]["write"]["chunks"], 1, "{server:#}");
    assert_eq!(server["signed"]["delete"]["empty"], 1, "{server:#}");
    assert_eq!(server["unsigned"], 1, "{server:#}");
    assert_eq!(
        server["hashed_bytes"], 10,
        "one hash and one in chunks: {server:#}"
    );
    // The first request of a process is one of those whose time is measured.
    assert!(server["sealing"]["count"].as_u64() > Some(0), "{server:#}");
    assert!(
        server["sealing"]["seconds"].as_f64() > Some(0.0),
        "{server:#}"
    );
}

#[test]
fn rejections_are_counted_by_reason() {
    let origin = RawOrigin::with_body("hello");
    let nginx = with_status(
        "location / { aws_sign on; aws_sign_methods GET PUT; proxy_pass http://{origin}; }
         location /unbuffered/ { aws_sign on; aws_sign_methods PUT; proxy_request_buffering off;
                                 proxy_http_version 1.1; proxy_pass http://{origin}; }",
    )
    .var("origin", origin.address())
    .start();
    let send = |request: Request, status: u16| {
        request.send(nginx.port()).expect_status(status);
    };
    send(Request::new("DELETE", "/bucket/key"), 405);
    send(Request::get("/bucket?acl"), 403);
    send(
        Request::new("PUT", "/bucket/key")
            .header("x-amz-acl", "public-read")
            .body("x"),
        403,
    );
    let chunked = Request::new("PUT", "/bucket/key")
        .header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        .header("x-amz-trailer", "x-amz-checksum-crc32")
        .header("x-amz-decoded-content-length", "5");
    send(chunked.body("nonsense"), 400);
    send(
        Request::new("PUT", "/unbuffered/key").chunks(["12345"]),
        411,
    );

    let server = row(&status(&nginx), "server", "files.example.com");
    let rejected = &server["rejected"];
    for reason in ["method", "operation", "header", "framing", "length"] {
        assert_eq!(rejected[reason], 1, "{reason} in {server:#}");
    }
    assert!(origin.requests().is_empty());
}

/// What is stopped when it is about to be sent.
#[test]
fn requests_that_are_not_sent_are_counted_too() {
    let origin = RawOrigin::with_body("hello");
    let nginx = with_status(
        "location /token/ { aws_token_required t; aws_credentials_timeout 0;
                            proxy_pass http://{origin}; }
         location /guarded/ { set $where media; fastcgi_pass $where; }",
    )
    .http(
        "aws_token t process \"command=/bin/false\";
         upstream media { server {origin}; aws_sign;
             aws_access_key AKIDEXAMPLE1234; aws_secret_key SECRET; aws_region us-east-1; }",
    )
    .var("origin", origin.address())
    .start();
    http::get(nginx.port(), "/token/key").expect_status(503);
    http::get(nginx.port(), "/guarded/key").expect_status(502);
    let server = row(&status(&nginx), "server", "files.example.com");
    assert_eq!(server["rejected"]["token"], 1, "{server:#}");
    assert_eq!(server["rejected"]["unsealable"], 1, "{server:#}");
    assert!(origin.requests().is_empty());
}

#[test]
fn each_block_has_a_row() {
    let origin = RawOrigin::with_body("hello");
    let nginx = with_status(
        "location /a/ { proxy_pass http://media; }
         location /b/ { aws_sign on; proxy_pass http://{origin}; }
         location /c/ { set $where media; proxy_pass http://$where; }",
    )
    .http(
        "upstream media { server {origin}; aws_sign;
             aws_access_key AKIDEXAMPLE1234; aws_secret_key SECRET; aws_region us-east-1; }",
    )
    .var("origin", origin.address())
    .start();
    for target in ["/a/key", "/a/key", "/b/key", "/c/key"] {
        http::get(nginx.port(), target).expect_status(200);
    }
    let document = status(&nginx);
    assert_eq!(
        row(&document, "server", "files.example.com")["signed"]["read"]["empty"],
        4
    );
    assert_eq!(
        row(&document, "upstream", "media")["signed"]["read"]["empty"],
        3
    );
}

/// What the upstream says of our signature, with the clock's difference, and what to do.
#[test]
fn errors_of_upstreams_are_counted_and_explained() {
    let late = "HTTP/1.1 403 Forbidden\r\nDate: Fri, 01 Jan 2100 00:00:00 GMT\r\n\
                Content-Type: application/xml\r\nConnection: close\r\n\r\n\
                <Error><Code>RequestTimeTooSkewed</Code><Message>late</Message></Error>";
    let unknown = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n\
                   <Error><Code>InvalidAccessKeyId</Code><Message>no</Message></Error>";
    let origin = RawOrigin::start(move |request| match request.target().as_str() {
        "/bucket/late" => Reply::raw(late),
        "/bucket/unknown" => Reply::raw(unknown),
        _ => Reply::new(404, ""),
    });
    let nginx = with_status(SIGNED).var("origin", origin.address()).start();
    for target in ["/bucket/late", "/bucket/unknown", "/bucket/unknown"] {
        http::get(nginx.port(), target).expect_status(403);
    }
    http::get(nginx.port(), "/bucket/other").expect_status(404);
    let document = status(&nginx);
    let server = row(&document, "server", "files.example.com");
    assert_eq!(
        server["upstream_errors"]["RequestTimeTooSkewed"], 1,
        "{server:#}"
    );
    assert_eq!(
        server["upstream_errors"]["InvalidAccessKeyId"], 2,
        "{server:#}"
    );
    assert!(
        server["clock_skew_seconds"].as_f64() > Some(1e9),
        "{server:#}"
    );
    let explained = document["explained"].as_array().expect("a list");
    let texts: Vec<_> = explained
        .iter()
        .filter_map(|one| one["text"].as_str())
        .collect();
    assert_eq!(texts.len(), 3, "{document:#}");
    assert!(
        texts[0].contains("InvalidAccessKeyId") && texts[2].contains("clock"),
        "{texts:?}"
    );
}

#[test]
fn presigned_urls_are_counted() {
    let nginx = with_status("location /link { return 200 $link; }")
        .http("aws_presigned_url $link http://s3.example.com$uri;")
        .start();
    http::get(nginx.port(), "/link").expect_status(200);
    let server = row(&status(&nginx), "server", "files.example.com");
    assert_eq!(server["presigned_urls"], 1, "{server:#}");
}

/// Old and new workers overlap, and one is killed each time: what was counted stays.
#[test]
fn nothing_is_lost_over_reloads_kills_and_other_numbers_of_workers() {
    let origin = RawOrigin::start(|_| Reply::new(200, "hello"));
    let mut nginx = with_status(SIGNED)
        .var("origin", origin.address())
        .workers(2)
        .start();
    let mut sent = 0;
    for round in 0..6 {
        for _ in 0..5 {
            http::get(nginx.port(), "/bucket/key").expect_status(200);
            sent += 1;
        }
        if round % 2 == 0 {
            nginx.kill_worker(nginx.workers()[0]);
        }
        nginx.edit(|builder| builder.workers(1 + round % 3));
        nginx.reload();
    }
    let document = status(&nginx);
    let server = row(&document, "server", "files.example.com");
    assert_eq!(server["signed"]["read"]["empty"], sent, "{server:#}");
    assert_eq!(document["generation"], 7);
}

#[test]
fn a_single_process_counts_too() {
    let origin = RawOrigin::with_body("hello");
    let nginx = with_status(SIGNED)
        .var("origin", origin.address())
        .master_off()
        .allow_log("worker_connections are not enough")
        .start();
    // Such an nginx has no connections left after it has read its configuration, but those that it has.
    let mut spare: Vec<_> = (0..4).map(|_| Connection::open(nginx.port())).collect();
    let get = |spare: &mut Vec<Connection>, target: &str| {
        let mut connection = spare.pop().expect("a connection");
        let response = connection.send(&Request::get(target));
        assert_eq!(response.status, 200, "{}", response.text());
        spare.insert(0, connection);
        response.text()
    };
    for _ in 0..4 {
        get(&mut spare, "/bucket/key");
    }
    nginx.reload_single_process();
    drop(spare.pop());
    get(&mut spare, "/bucket/key");
    let text = get(&mut spare, "/status?format=json");
    let document = serde_json::from_str(&text).expect("a JSON document");
    let server = row(&document, "server", "files.example.com");
    assert_eq!(server["signed"]["read"]["empty"], 5, "{server:#}");
}

#[test]
fn nothing_is_counted_without_a_status() {
    let origin = RawOrigin::with_body("hello");
    let mut nginx = nginx_tests::Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "server_name files.example.com; {} {SIGNED}",
            super::KEYS
        ))
        .start();
    http::get(nginx.port(), "/bucket/key").expect_status(200);
    nginx.edit(|builder| {
        builder.server(&format!(
            "server_name files.example.com; {} {} {SIGNED}",
            super::KEYS,
            super::STATUS
        ))
    });
    nginx.reload();
    http::get(nginx.port(), "/bucket/key").expect_status(200);
    let server = row(&status(&nginx), "server", "files.example.com");
    assert_eq!(server["signed"]["read"]["empty"], 1, "{server:#}");
}
