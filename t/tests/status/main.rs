//! The status: what it shows, in each format, and that nothing is lost.

mod counters;
mod formats;
mod providers;

use nginx_tests::http::{self, Request};
use nginx_tests::{Builder, Nginx};
use serde_json::Value;

const KEYS: &str = "aws_access_key AKIDEXAMPLE1234;
    aws_secret_key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    aws_region us-east-1;";

const STATUS: &str = "location = /status { aws_auth_status; }";

/// An nginx with a status location and these others.
fn with_status(locations: &str) -> Builder {
    Nginx::builder().server(&format!(
        "server_name files.example.com; {KEYS} {STATUS} {locations}"
    ))
}

/// The JSON document.
fn status(nginx: &Nginx) -> Value {
    let response = http::get(nginx.port(), "/status?format=json").expect_status(200);
    serde_json::from_str(&response.text()).expect("a JSON document")
}

/// The row of a block; null if there is none.
fn row(document: &Value, block: &str, name: &str) -> Value {
    let rows = document["series"].as_array().expect("a list");
    let is_it = |row: &&Value| row["block"] == block && row["name"] == name;
    rows.iter().find(is_it).cloned().unwrap_or_default()
}

/// The page in the format that `accept` asks for.
fn page(nginx: &Nginx, accept: &str) -> http::Response {
    Request::get("/status")
        .header("Accept", accept)
        .send(nginx.port())
}
