//! The load: wrk, and single requests that ask what a variant sends.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Connections of wrk: enough to keep the worker busy, few enough to stay in its caches.
const CONNECTIONS: u32 = 16;

/// The object's path: 40 bytes of name below a prefix.
const PATH: &str = "/videos/2026/summer-holiday-by-the-sea-part-0001.mp4";
const QUERY: &str = "?versionId=3HL4kqtJlcpXroDTDmJrmSpXd3dIbrHY&partNumber=2";

/// What a browser sends beside Host.
const HEADERS: [&str; 3] = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: */*",
    "Accept-Language: en-US,en;q=0.5",
];
const RANGE: &str = "Range: bytes=0-1048575";

/// A load of the same request on a few connections.
pub(crate) struct Load {
    seconds: u32,
    target: String,
    headers: Vec<String>,
    script: Option<Script>,
}

/// The responses to a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answers {
    /// Requests with response 200.
    pub(crate) count: u64,
    /// As many in a second.
    pub(crate) per_second: f64,
}

/// Why a load is none.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The file that wrk reads cannot be written.
    Script(io::Error),
    /// wrk cannot be run.
    NoWrk { error: String },
    /// wrk ended with an error.
    Wrk { printed: String },
    /// Some requests got no response, or not the object.
    Answers { printed: String },
    /// A single request went wrong.
    Request { error: String },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(error) => write!(f, "wrk's script cannot be written: {error}"),
            Self::NoWrk { error } => write!(f, "cannot run wrk: {error} (try `make deps`)"),
            Self::Wrk { printed } => write!(f, "wrk failed:\n{printed}"),
            Self::Answers { printed } => write!(f, "not all requests got their 200:\n{printed}"),
            Self::Request { error } => write!(f, "no answer from nginx: {error}"),
        }
    }
}

impl Load {
    /// GETs for so many seconds; `query` adds a query and a Range.
    pub(crate) fn get(seconds: u32, query: bool) -> Self {
        let mut headers = HEADERS.map(str::to_owned).to_vec();
        let mut target = PATH.to_owned();
        if query {
            headers.push(RANGE.to_owned());
            target.push_str(QUERY);
        }
        Self {
            seconds,
            target,
            headers,
            script: None,
        }
    }

    /// PUTs of `body`, with `more` headers, for so many seconds.
    pub(crate) fn put(seconds: u32, body: &str, more: &[String]) -> Result<Self, LoadError> {
        let script = Script::new(body).map_err(LoadError::Script)?;
        let headers = HEADERS.iter().map(|header| header.to_string());
        Ok(Self {
            seconds,
            target: PATH.to_owned(),
            headers: headers.chain(more.iter().cloned()).collect(),
            script: Some(script),
        })
    }

    /// What is asked for.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// Sends requests to `port` until the time is up, and returns how many got a response, each
    /// with
    /// 200. Those under way at the end, one a connection at most, are not counted.
    pub(crate) fn run(&self, port: u16) -> Result<Answers, LoadError> {
        let mut wrk = Command::new("wrk");
        wrk.arg("--threads=1")
            .arg(format!("--connections={CONNECTIONS}"))
            .arg(format!("--duration={}s", self.seconds));
        for header in &self.headers {
            wrk.arg(format!("--header={header}"));
        }
        if let Some(script) = &self.script {
            wrk.arg("--script").arg(&script.path);
        }
        let output = wrk
            .arg(format!("http://127.0.0.1:{port}{}", self.target))
            .output()
            .map_err(|error| LoadError::NoWrk {
                error: error.to_string(),
            })?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let printed = printed + &String::from_utf8_lossy(&output.stderr);
            return Err(LoadError::Wrk { printed });
        }
        answered(&printed).ok_or(LoadError::Answers { printed })
    }
}

/// A file that tells wrk which body to send. It is removed when this is dropped.
struct Script {
    path: PathBuf,
}

impl Script {
    fn new(body: &str) -> io::Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);

        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("aws-auth-bench-{}-{number}.lua", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Lua writes CR and LF in strings as Rust does. Without a function that makes requests, wrk
        // makes one, once.
        fs::write(
            &path,
            format!("wrk.method = \"PUT\"\nwrk.body = {body:?}\n"),
        )?;
        Ok(Self { path })
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// What wrk has printed; none where some requests failed.
fn answered(printed: &str) -> Option<Answers> {
    if printed.contains("Non-2xx") || printed.contains("Socket errors") {
        return None;
    }
    let (before, _) = printed.split_once(" requests in ")?;
    let count = before.split_whitespace().next_back()?.parse().ok()?;
    let (_, rate) = printed.split_once("Requests/sec:")?;
    let per_second = rate.split_whitespace().next()?.parse().ok()?;
    (count > 0).then_some(Answers { count, per_second })
}

/// The body of the response to a single GET.
pub(crate) fn get(port: u16, target: &str) -> Result<String, LoadError> {
    ask(port, "GET", target, &[], "")
}

/// The body of the response to a single request with `headers`, and a body of its own.
pub(crate) fn ask(
    port: u16,
    method: &str,
    target: &str,
    headers: &[String],
    body: &str,
) -> Result<String, LoadError> {
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    for header in headers {
        request.push_str(&format!("{header}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str(&format!("Connection: close\r\n\r\n{body}"));
    let answer = exchange(port, &request).map_err(|error| LoadError::Request {
        error: error.to_string(),
    })?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
        _ => Err(LoadError::Request { error: answer }),
    }
}

fn exchange(port: u16, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 16 connections\n\
                           Thread Stats   Avg      Stdev     Max   +/- Stdev\n    \
                           Latency     1.02ms  110.00us   3.31ms   92.91%\n  \
                           60034 requests in 1.10s, 9.10MB read\nRequests/sec:  54576.36\n";

    #[test]
    fn requests_are_counted() {
        let answers = Answers {
            count: 60_034,
            per_second: 54_576.36,
        };
        assert_eq!(answered(PRINTED), Some(answers));
    }

    #[test]
    fn failures_make_no_measurement() {
        for line in [
            "  Non-2xx or 3xx responses: 5\n",
            "  Socket errors: connect 0, read 3, write 0, timeout 0\n",
        ] {
            assert_eq!(answered(&format!("{PRINTED}{line}")), None);
        }
        assert_eq!(answered("  0 requests in 1.00s, 0B read\n"), None);
        assert_eq!(answered(""), None);
    }
}
