//! What clients send, in few words: `t/clients/wire.txt` has it for each client and scheme.

use std::collections::BTreeSet;
use std::path::Path;

use aws_origin::{Head, RecordedRequest};

/// Fails the test unless the shapes of these requests are those that `wire.txt` has under
/// `# title`: else the client has changed, and with it what the tests that use it cover.
#[track_caller]
pub fn expect_shapes(title: &str, requests: &[RecordedRequest]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/wire.txt");
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let known: Vec<&str> = known
        .lines()
        .skip_while(|line| line.strip_prefix("# ") != Some(title))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .collect();
    let sent = shapes(requests.iter().map(|request| &request.head));
    assert!(
        sent == known,
        "{} should say:\n# {title}\n{}\n",
        path.display(),
        sent.join("\n")
    );
}

/// The shapes of requests: each once, in order, without what differs from run to run.
///
/// A shape is the method, the target with `/bucket/key` for the path and without the values of
/// its parameters, what X-Amz-Content-SHA256 declares, the framing of the body, and the headers
/// that matter to a proxy that signs.
fn shapes<'a>(heads: impl IntoIterator<Item = &'a Head>) -> Vec<String> {
    let shapes: BTreeSet<String> = heads.into_iter().map(shape).collect();
    shapes.into_iter().collect()
}

fn shape(head: &Head) -> String {
    let target = head.target();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let path = match path.trim_start_matches('/').split_once('/') {
        None if path == "/" => "/",
        None => "/bucket",
        Some((_, "")) => "/bucket/",
        Some(_) => "/bucket/key",
    };
    let mut names: Vec<&str> = query
        .split('&')
        .filter_map(|parameter| parameter.split('=').next())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    let mark = if names.is_empty() { "" } else { "?" };

    let declared = match head.header("x-amz-content-sha256") {
        Some(hash) if hash.len() == 64 => "hash".to_owned(),
        Some(literal) => literal,
        None => "nothing".to_owned(),
    };
    let framing = match (
        as_sent(head, "Transfer-Encoding"),
        as_sent(head, "Content-Length").as_deref(),
    ) {
        (Some(coding), _) => coding,
        (None, Some("0")) => "length 0".to_owned(),
        (None, Some(_)) => "length".to_owned(),
        (None, None) => "no body".to_owned(),
    };
    format!(
        "{} {path}{mark}{} | {declared} | {framing} | {}",
        head.method(),
        names.join("&"),
        telling_headers(head).join(", ")
    )
    .trim_end()
    .to_owned()
}

/// A header of the connection, as the client sent it: the nginx that ends TLS puts it into another.
fn as_sent(head: &Head, name: &str) -> Option<String> {
    match head.header("Client-Scheme") {
        Some(_) => head.header(&format!("Client-{name}")),
        None => head.header(name),
    }
}

/// The headers whose presence matters, some with their value.
fn telling_headers(head: &Head) -> Vec<String> {
    const NOT: [&str; 3] = ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
    let telling = |name: &str| {
        name.starts_with("x-amz-") && !NOT.contains(&name)
            || matches!(name, "content-encoding" | "content-md5")
            || name.starts_with("if-")
    };
    let mut headers: Vec<String> = head
        .headers()
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| telling(name))
        .map(|(name, value)| match &*name {
            "content-encoding" | "x-amz-trailer" | "x-amz-metadata-directive" => {
                format!("{name}: {value}")
            }
            _ if name.starts_with("x-amz-meta-") => "x-amz-meta-*".to_owned(),
            _ => name,
        })
        .chain(as_sent(head, "Expect").map(|_| "expect".to_owned()))
        .collect();
    headers.sort();
    headers.dedup();
    headers
}
