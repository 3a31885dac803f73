//! Formats, and what a client may ask.

use std::process::Command;

use nginx_tests::RawOrigin;
use nginx_tests::http::{self, Request};

use super::{page, status, with_status};

#[test]
fn the_argument_or_accept_selects_the_format() {
    let nginx = with_status("").start();
    for (accept, content_type, begins) in [
        (
            "text/html,*/*;q=0.8",
            "text/html; charset=utf-8",
            "<!doctype html>",
        ),
        ("application/json", "application/json", "{"),
        ("*/*", "application/json", "{"),
        (
            "text/plain;version=0.0.4",
            "text/plain; version=0.0.4; charset=utf-8",
            "# HELP",
        ),
        (
            "application/openmetrics-text;version=1.0.0",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "# HELP",
        ),
    ] {
        let response = page(&nginx, accept).expect_status(200);
        assert_eq!(
            response.header("Content-Type"),
            Some(content_type),
            "{accept}"
        );
        assert!(
            response.text().starts_with(begins),
            "{accept}: {}",
            response.text()
        );
        assert_eq!(response.header("Cache-Control"), Some("no-store"));
    }
    let response = http::get(nginx.port(), "/status?x=1&format=prometheus").expect_status(200);
    assert!(
        response
            .header("Content-Type")
            .is_some_and(|kind| kind.starts_with("text/plain"))
    );
    http::get(nginx.port(), "/status?format=xml").expect_status(400);
}

#[test]
fn only_get_and_head_are_allowed() {
    let nginx = with_status("").start();
    let response = http::head(nginx.port(), "/status").expect_status(200);
    assert_eq!(response.text(), "");
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let response = Request::new(method, "/status")
            .send(nginx.port())
            .expect_status(405);
        assert_eq!(response.header("Allow"), Some("GET, HEAD"));
    }
    let response = Request::get("/status")
        .body("ignored")
        .send(nginx.port())
        .expect_status(200);
    assert!(response.text().starts_with('{'));
}

#[test]
fn the_page_may_load_and_run_nothing() {
    let nginx = with_status("").start();
    let response = page(&nginx, "text/html").expect_status(200);
    let policy = response
        .header("Content-Security-Policy")
        .expect("a policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"));
    assert!(!response.text().contains("<script"));
}

/// The formats, by libraries that others wrote; and no secret in any.
#[test]
fn libraries_read_the_formats() {
    let origin = RawOrigin::with_body("hello");
    let nginx = with_status("location / { aws_sign on; proxy_pass http://{origin}; }")
        .var("origin", origin.address())
        .start();
    http::get(nginx.port(), "/bucket/key").expect_status(200);
    Request::new("PUT", "/bucket/key")
        .body("x")
        .send(nginx.port())
        .expect_status(405);
    for format in ["html", "json", "prometheus", "openmetrics"] {
        let text = http::get(nginx.port(), format!("/status?format={format}")).text();
        assert!(!text.contains("wJalrXUtnFEMI"), "{format}: {text}");
        nginx.write(format, text);
    }
    let root = format!("{}/..", env!("CARGO_MANIFEST_DIR"));
    let python =
        std::env::var("AWS_AUTH_CLIENTS").unwrap_or_else(|_| format!("{root}/build/clients-venv"));
    let output = Command::new(format!("{python}/bin/python"))
        .arg(format!("{root}/t/clients/status_formats.py"))
        .args([nginx.dir().as_os_str(), format!("{root}/docs").as_ref()])
        .output()
        .expect("Python, see make deps");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "html json prometheus openmetrics monitoring"
    );
}

#[test]
fn it_says_what_runs() {
    let nginx = with_status("").start();
    let document = status(&nginx);
    assert_eq!(document["schema_version"], 1);
    assert_eq!(document["module_version"], "3.0.0");
    assert!(
        document["nginx_version"]
            .as_str()
            .is_some_and(|version| version.starts_with("nginx/"))
    );
    assert_eq!(document["generation"], 1);
    assert_eq!(document["zone"]["name"], "aws_auth");
    assert_eq!(document["credentials"].as_array().map(Vec::len), Some(0));
}
