//! Framed bodies that were read before the signed location saw them: the framing can be checked,
//! and signed again, but can no longer be removed.

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::framed::{FRAMINGS, Framed, Framing, Upload};
use nginx_tests::http::Response;
use nginx_tests::payload::{bytes, expect_hash};
use nginx_tests::{Nginx, RawOrigin, RawRequest, Reply, wait_until};

/// How a request comes into the signed location of a mode: the name of the way, what leads there,
/// and the response of `{application}`.
type Way = (&'static str, &'static str, fn(&RawRequest) -> Reply);

const WAYS: [Way; 3] = [
    (
        "a mirror",
        "location /{mode}/ { mirror /mirror/{mode}; proxy_pass http://{application}; }
         location = /mirror/{mode} {
             internal; aws_sign; aws_payload {mode}; proxy_pass http://{origin}/key;
         }",
        |_| Reply::new(200, ""),
    ),
    (
        "an error page",
        "location /{mode}/ {
             error_page 404 = @{mode}; proxy_intercept_errors on;
             proxy_pass http://{application};
         }
         location @{mode} { aws_sign; aws_payload {mode}; proxy_pass http://{origin}; }",
        |_| Reply::new(404, ""),
    ),
    (
        "an X-Accel-Redirect",
        "location /{mode}/ { proxy_pass http://{application}; }
         location @{mode} { aws_sign; aws_payload {mode}; proxy_pass http://{origin}; }",
        |request| {
            let target = request.target();
            let mode = target.split('/').nth(1).unwrap_or_default();
            Reply::with_headers(200, &[("X-Accel-Redirect", &format!("@{mode}"))], "")
        },
    ),
];

/// The modes that take framing off.
const OTHER_MODES: [&str; 4] = ["decode", "signed", "unsigned", "streaming"];

/// In memory, in a file, and in one that takes several turns to look at.
const LENGTHS: [usize; 3] = [100, 30_000, 1_500_000];

fn nginx(server: &str, origin: &RawOrigin, application: &RawOrigin) -> Nginx {
    Nginx::builder()
        .http2()
        .var("origin", origin.address())
        .var("application", application.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign_methods PUT; proxy_http_version 1.1;
             client_body_buffer_size 1k; client_max_body_size 0;
             {server}"
        ))
        .start()
}

/// Calls `check` for each way, with locations `/<mode>/`.
fn each_way(check: impl Fn(&str, &Nginx, &RawOrigin)) {
    for (name, location, response) in WAYS {
        let origin = RawOrigin::with_body("stored");
        let application = RawOrigin::start(response);
        let modes = OTHER_MODES.into_iter().chain(["auto"]);
        let server: String = modes.map(|mode| location.replace("{mode}", mode)).collect();
        check(name, &nginx(&server, &origin, &application), &origin);
    }
}

#[test]
fn auto_signs_the_chunks_again() {
    each_way(|name, nginx, origin| {
        let mut count = 0;
        for framing in FRAMINGS {
            for length in LENGTHS {
                let framed = Framed::new(framing, bytes(length)).chunk_size(50_000);
                let upload = framed.put("/auto/key");
                upload.request().send(nginx.port()).expect_status(200);
                count += 1;
                upload.expect_kept(&origin.wait_for_requests(count)[count - 1]);

                let upload = framed.put("/auto/key");
                let request = upload.in_http_chunks(20_000);
                request.send(nginx.port()).expect_status(200);
                count += 1;
                upload.expect_kept(&origin.wait_for_requests(count)[count - 1]);
            }
        }
        assert_eq!(origin.requests().len(), count, "{name}");
    });
}

/// A mirror's client has its response from elsewhere.
#[track_caller]
fn expect_refused(name: &str, nginx: &Nginx, status: u16, text: &str, upload: &Upload) {
    let before = nginx.error_log().matches("aws_auth:").count();
    let response = upload.request().send(nginx.port());
    let expected = if name == "a mirror" { 200 } else { status };
    assert_eq!(response.status, expected, "{name}");
    wait_until("it is logged", || {
        nginx.error_log().matches("aws_auth:").count() > before
    });
    let lines = nginx.own_lines();
    assert_eq!(lines.len(), before + 1, "{name}: {lines:#?}");
    assert!(lines[before].contains(text), "{name}: {}", lines[before]);
}

#[test]
fn auto_rejects_what_is_malformed() {
    each_way(|name, nginx, origin| {
        for length in LENGTHS {
            let put = |framing| Framed::new(framing, bytes(length)).put("/auto/key");
            let cut = put(Framing::Signed).body(|body| body[..body.len() - 2].to_vec());
            expect_refused(
                name,
                nginx,
                400,
                "ends within the aws-chunked encoding",
                &cut,
            );
            let upload = put(Framing::UnsignedTrailer);
            let upload = upload.replace("\r\n0\r\n", "\r\nz\r\n");
            expect_refused(name, nginx, 400, "does not begin with its size", &upload);
            let upload = put(Framing::UnsignedTrailer).header("x-amz-decoded-content-length", "");
            expect_refused(name, nginx, 411, "without X-Amz-Decoded-Content", &upload);
        }
        assert_eq!(origin.connections(), 0, "{name}");
    });
}

/// All modes but auto take framing off, and a body that is there already cannot be changed.
#[test]
fn framing_that_cannot_be_taken_off_is_not_implemented() {
    each_way(|name, nginx, origin| {
        for mode in OTHER_MODES {
            for (framing, length) in FRAMINGS.into_iter().zip(LENGTHS) {
                let upload = Framed::new(framing, bytes(length)).put(&format!("/{mode}/key"));
                expect_refused(name, nginx, 501, &too_late(mode), &upload);
            }
        }
        assert_eq!(origin.connections(), 0, "{name}");
    });
}

fn too_late(mode: &str) -> String {
    format!(
        "the client's aws-chunked body was read before this location could decode it \
         (\"aws_payload {mode}\"): use \"aws_payload auto\" here"
    )
}

/// Locations `/<first>/<second>/`: the one with the first mode asks an application that fails, and
/// then comes the one with the second.
fn two_locations(origin: &RawOrigin, application: &RawOrigin) -> Nginx {
    let mut server = "aws_sign on; proxy_intercept_errors on;".to_owned();
    for first in OTHER_MODES.into_iter().chain(["auto"]) {
        for second in OTHER_MODES.into_iter().chain(["auto"]) {
            server.push_str(&format!(
                "location /{first}/{second}/ {{
                     aws_payload {first}; error_page 404 = @{first}-{second};
                     proxy_pass http://{{application}};
                 }}
                 location @{first}-{second} {{
                     aws_payload {second}; proxy_pass http://{{origin}};
                 }}"
            ));
        }
    }
    nginx(&server, origin, application)
}

/// What was kept by the first location, the second cannot take off.
#[test]
fn framing_that_another_mode_has_kept() {
    let origin = RawOrigin::with_body("stored");
    let application = RawOrigin::start(|_| Reply::new(404, ""));
    let nginx = two_locations(&origin, &application);
    for second in OTHER_MODES {
        for (framing, length) in FRAMINGS.into_iter().zip(LENGTHS) {
            let upload = Framed::new(framing, bytes(length)).put(&format!("/auto/{second}/key"));
            expect_refused(second, &nginx, 501, &too_late(second), &upload);
        }
    }
    assert_eq!(origin.connections(), 0);
}

/// What the first location has taken off and checked, is a plain body to the second.
#[test]
fn framing_that_another_mode_has_taken_off() {
    let origin = RawOrigin::with_body("stored");
    let application = RawOrigin::start(|_| Reply::new(404, ""));
    let nginx = two_locations(&origin, &application);
    for first in OTHER_MODES {
        for second in ["auto", "signed", "decode"] {
            for (framing, length) in FRAMINGS.into_iter().zip(LENGTHS) {
                let body = bytes(length);
                let upload = Framed::new(framing, &body).put(&format!("/{first}/{second}/key"));
                upload.request().send(nginx.port()).expect_status(200);
                let sent = origin.requests().pop().expect("a request");
                expect_hash(&sent);
                assert!(sent.body == body, "{first} {second}");
                assert_eq!(sent.header("Content-Encoding"), None);
                assert_eq!(sent.header("x-amz-decoded-content-length"), None);
            }
        }
    }
}

/// An upstream that receives the body without its aws-chunked encoding receives the length of the
/// data, even if nothing is signed.
#[test]
fn a_body_without_its_framing_has_its_own_length_elsewhere() {
    let origin = RawOrigin::start(|_| Reply::new(404, ""));
    let application = RawOrigin::with_body("served");
    let nginx = nginx(
        "location / {
             aws_sign; aws_payload decode; error_page 404 = @plain; proxy_intercept_errors on;
             proxy_pass http://{origin};
         }
         location @plain { proxy_pass http://{application}; }",
        &origin,
        &application,
    );
    for length in LENGTHS {
        let body = bytes(length);
        let upload = Framed::new(Framing::UnsignedTrailer, &body).put("/key");
        let expect_plain = |response: Response| {
            response.expect_status(200);
            let request = application.requests().pop().expect("a request");
            assert_eq!(request.header("Content-Length"), Some(length.to_string()));
            assert!(request.body == body, "{length}");
        };
        expect_plain(upload.request().send(nginx.port()));
        expect_plain(upload.in_http_chunks(7000).send(nginx.port()));
        for announced in [true, false] {
            expect_plain(upload.send_http2(nginx.h2_port(), announced));
        }
    }
}
