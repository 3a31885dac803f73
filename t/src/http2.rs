//! An HTTP/2 client without TLS (prior knowledge): the `curl` program.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::http::Response;

/// Sends `GET path` over HTTP/2; `path` starts with `/` and is sent as it is.
#[track_caller]
pub fn get(port: u16, path: &str, headers: &[(&str, &str)]) -> Response {
    request("GET", port, path, headers)
}

/// Sends a request without a body over HTTP/2.
#[track_caller]
pub fn request(method: &str, port: u16, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut curl = curl(headers);
    if method == "HEAD" {
        curl.arg("--head");
    } else {
        curl.args(["--request", method]);
    }
    run(curl, port, path, &[]).unwrap_or_else(|e| panic!("{e}"))
}

/// Sends a request with a body over HTTP/2, and says its length before.
#[track_caller]
pub fn upload(
    method: &str,
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    try_upload(method, port, path, headers, body).unwrap_or_else(|e| panic!("{e}"))
}

/// Sends a request with a body over HTTP/2, without saying its length.
#[track_caller]
pub fn upload_unannounced(
    method: &str,
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    try_upload_unannounced(method, port, path, headers, body).unwrap_or_else(|e| panic!("{e}"))
}

/// As [`upload`]; an error tells what `curl` says. If nginx responds and ends the stream before the
/// whole body has come, as it may when it rejects it, some versions of `curl` miss the response.
pub fn try_upload(
    method: &str,
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response, String> {
    let mut curl = curl(headers);
    // Not the form's type that curl would set.
    curl.args(["--request", method, "--header", "Content-Type:"]);
    curl.args(["--data-binary", "@-"]);
    run(curl, port, path, body)
}

/// As [`upload_unannounced`], with an error as that of [`try_upload`].
pub fn try_upload_unannounced(
    method: &str,
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response, String> {
    let mut curl = curl(headers);
    curl.args(["--request", method, "--upload-file", "-"]);
    run(curl, port, path, body)
}

fn curl(headers: &[(&str, &str)]) -> Command {
    let mut curl = Command::new("curl");
    curl.args([
        "-sS",
        "--http2-prior-knowledge",
        "--globoff",
        "--path-as-is",
        "--noproxy",
        "*",
    ])
    .args(["--max-time", "20", "--include"]);
    for (name, value) in headers {
        curl.arg("--header").arg(format!("{name}: {value}"));
    }
    curl
}

/// Runs `curl`, which reads `input`, and returns the response that it prints.
fn run(mut curl: Command, port: u16, path: &str, input: &[u8]) -> Result<Response, String> {
    assert!(
        path.starts_with('/'),
        "{path:?} does not start with a slash"
    );
    let mut process = curl
        .arg(format!("http://127.0.0.1:{port}{path}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot run curl, which the HTTP/2 tests need: {e}"));
    let mut stdin = process.stdin.take().expect("it is piped");
    let output = std::thread::scope(|scope| {
        // A response may come before all is read: then curl reads no further.
        scope.spawn(move || drop(stdin.write_all(input)));
        process.wait_with_output().expect("curl ends")
    });
    if !output.status.success() {
        let printed = [output.stderr, output.stdout].concat();
        return Err(format!("curl: {}", String::from_utf8_lossy(&printed)));
    }

    Ok(parse(&output.stdout))
}

fn parse(output: &[u8]) -> Response {
    let end = output
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| {
            panic!(
                "curl printed no head: {:?}",
                String::from_utf8_lossy(output)
            )
        });
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let mut lines = head.split("\r\n");

    let status_line = lines.next().unwrap_or_default();
    let status = status_line
        .strip_prefix("HTTP/2 ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("not an answer of HTTP/2: {status_line:?}"));

    Response {
        status,
        reason: String::new(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect(),
        body: output[end + 4..].to_vec(),
    }
}
