//! Nothing leaves unsigned where memory is short: each allocation that a request makes is made to
//! fail once, one after the other, and whatever reaches the origin all the same is signed.

use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, signing_upstream};
use nginx_tests::http::{Connection, Request, Response};
use nginx_tests::{Builder, Nginx, RawOrigin, Reply, Scratch, Style};

/// More allocations than any of these requests makes.
const MOST: i32 = 400;

/// Each of its bytes becomes three in a query.
const TOKEN: &str = "aws_session_token ++++++++++++++++++++++++++++++++++++++++++++++++++++++++;";

/// The library that makes allocations fail, and the file that tells it which.
struct FailingMalloc {
    library: PathBuf,
    control: std::fs::File,
    scratch: Scratch,
}

impl FailingMalloc {
    #[track_caller]
    fn build() -> Self {
        let scratch = Scratch::new("malloc");
        let library = scratch.path().join("failing_malloc.so");
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/out_of_memory/failing_malloc.c");
        let output = Command::new("cc")
            .args([
                "-shared",
                "-fPIC",
                "-O2",
                "-Wall",
                "-Werror",
                "-fno-builtin",
                "-o",
            ])
            .args([&library, &source])
            .output()
            .unwrap_or_else(|e| panic!("cannot run cc: {e}: install a C compiler"));
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );

        scratch.write("control", [0; 8]);
        let control = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(scratch.path().join("control"))
            .expect("it has just been written");
        Self {
            library,
            control,
            scratch,
        }
    }

    /// Has the `nth` allocation from now fail.
    fn fail(&self, nth: i32) {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&nth.to_ne_bytes());
        self.control
            .write_all_at(&bytes, 0)
            .expect("the file can be written");
    }

    /// Has no allocation fail any more; whether one has failed.
    fn stop(&self) -> bool {
        let mut failed = [0; 4];
        self.control
            .read_exact_at(&mut failed, 4)
            .expect("the file can be read");
        self.fail(0);
        i32::from_ne_bytes(failed) > 0
    }
}

/// Each allocation of `request` fails once. Returns the error log's lines of the module.
#[track_caller]
fn fail_each_allocation(location: &str, request: &Request) -> Vec<String> {
    let origin = RawOrigin::with_body("served");
    fail_each_allocation_of(&origin, location, request, |answer| {
        assert!(answer.status == 200 || answer.status >= 500, "{answer:?}");
    })
}

/// The same, with another origin; `expect` sees each response.
#[track_caller]
fn fail_each_allocation_of(
    origin: &RawOrigin,
    location: &str,
    request: &Request,
    expect: impl Fn(&Response),
) -> Vec<String> {
    fail_each_allocation_styled(Style::Headers, origin, location, request, expect)
}

/// The same, in another style of signatures.
#[track_caller]
fn fail_each_allocation_styled(
    style: Style,
    origin: &RawOrigin,
    location: &str,
    request: &Request,
    expect: impl Fn(&Response),
) -> Vec<String> {
    let nginx = Nginx::builder().server(&format!(
        "{SECRET_KEY_DIRECTIVES} {TOKEN} {}
         location / {{ aws_sign on; {location} proxy_pass http://{{origin}}; }}",
        style.directives()
    ));
    fail_each_allocation_in(nginx, style, origin, request, expect)
}

/// The same, in any nginx whose location `/` signs.
#[track_caller]
fn fail_each_allocation_in(
    nginx: Builder,
    style: Style,
    origin: &RawOrigin,
    request: &Request,
    expect: impl Fn(&Response),
) -> Vec<String> {
    let malloc = FailingMalloc::build();
    let nginx = nginx
        .var("origin", origin.address())
        .env("LD_PRELOAD", &malloc.library.display().to_string())
        .env(
            "FAILING_MALLOC",
            &malloc.scratch.path().join("control").display().to_string(),
        )
        .allow_log("failed (12: Cannot allocate memory)")
        .start();
    let workers = nginx.workers();
    // To the end of the connection: the access log comes after the response, and its allocations are
    // this request's, too.
    let send = || {
        let mut connection = Connection::open(nginx.port());
        let answer = connection.try_send(request);
        let _ = connection.socket().read_to_end(&mut Vec::new());
        answer
    };

    // The worker's own buffers have their size after the first request.
    let status = send().expect("a response").status;

    let (mut checked, mut refused) = (origin.requests().len(), 0);
    let last = (1..MOST).find(|nth| {
        malloc.fail(*nth);
        let answer = send();
        let failed = malloc.stop();

        let requests = origin.requests();
        for request in &requests[checked..] {
            style.expect_signed(request);
        }
        let served = requests.len() > checked;
        checked = requests.len();
        refused += usize::from(!served);
        match answer {
            Ok(answer) => {
                assert!(served || answer.status >= 500, "{nth}: {answer:?}");
                expect(&answer);
            }
            // Where there is no memory for a response, nginx closes the connection.
            Err(_) => assert!(failed, "{nth}: no answer"),
        }
        !failed
    });

    let last = last.expect("a request that needs few allocations");
    assert!(
        last > 5 && refused > 3,
        "{refused} of {last} requests refused"
    );
    assert_eq!(nginx.workers(), workers, "the worker has survived");
    assert_eq!(send().expect("a response").status, status);
    nginx.own_lines()
}

#[test]
fn a_plain_request() {
    fail_each_allocation("", &Request::get("/key").header("Connection", "close"));
}

/// A long head does not fit into the blocks of nginx's pools, so that each copy of it is an
/// allocation of its own: seal's, too.
#[test]
fn a_long_head() {
    let request = Request::get(format!("/{}", "k".repeat(6000)))
        .header("X-Long", "x".repeat(6000))
        .header("Connection", "close");
    let lines = fail_each_allocation("", &request);
    assert!(
        lines
            .iter()
            .any(|line| line.contains("cannot be signed: not enough memory")),
        "{lines:#?}"
    );
}

/// Values that are filled in for each request.
#[test]
fn variables_and_passed_headers() {
    let mut request = Request::get(format!("/key?bucket=bucket&secret={}", "s".repeat(5000)))
        .header("Connection", "close");
    for n in 0..20 {
        request = request.header(&format!("X-Amz-Meta-{n}"), "value");
    }
    fail_each_allocation(
        "aws_s3_bucket $arg_bucket; aws_endpoint $arg_bucket.s3.example;
         proxy_set_header X-Secret $arg_secret$arg_secret; proxy_bind $server_addr;",
        &request,
    );
}

/// An authentication error of the object store, whose head is held back: told by its first buffer, and by a
/// later one. It is hidden, or not sent.
#[test]
fn a_refusal_of_the_store() {
    for filling in [0, 6000] {
        let body = format!(
            "<Error><!--{}--><Code>ExpiredToken</Code><Token-0>TOKEN</Token-0></Error>",
            "x".repeat(filling)
        );
        let origin = RawOrigin::start(move |_| Reply::new(400, &body));
        fail_each_allocation_of(
            &origin,
            "proxy_buffer_size 1k; proxy_buffers 2 2k; proxy_busy_buffers_size 2k;",
            &Request::get("/key").header("Connection", "close"),
            |answer| {
                let text = answer.text();
                assert!(!text.contains("TOKEN"), "{text}");
                assert!(
                    answer.status >= 500 || text.contains("<Code>ExpiredToken</Code><Message>")
                );
            },
        );
    }
}

/// An error that repeats the signature in the query: it is replaced, or not sent, and never cached.
#[test]
fn a_body_that_repeats_the_signature() {
    let origin = RawOrigin::start(|request| {
        let body = format!("{}{}", "x".repeat(9000), request.target());
        Reply::new(404, &body).and_close()
    });
    let nginx = Nginx::builder()
        .http("proxy_cache_path {dir}/cache keys_zone=cache:1m;")
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} {TOKEN} {}
             location / {{
                 aws_sign on; proxy_cache cache; proxy_cache_valid any 1h;
                 proxy_pass http://{{origin}};
             }}",
            Style::Query.directives()
        ));
    let request = Request::get("/key").header("Connection", "close");
    fail_each_allocation_in(nginx, Style::Query, &origin, &request, |answer| {
        let text = answer.text();
        assert!(
            !text.contains("Signature=") && !text.contains("%2B%2B"),
            "{text}"
        );
        assert!(answer.status == 404 || answer.status >= 500, "{answer:?}");
    });
}

/// The upstream signs, and a variable names it: looking ahead may fail, and then sealing, too.
#[test]
fn an_upstream_that_a_variable_names() {
    let framed = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    for payload in ["auto", "decode"] {
        let origin = RawOrigin::with_body("served");
        let more = format!("aws_sign_methods GET PUT; aws_payload {payload};");
        for request in [
            Request::get(format!("/{}", "k".repeat(6000))),
            Request::new("PUT", "/key")
                .header("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
                .header("X-Amz-Decoded-Content-Length", "5")
                .header("X-Amz-Trailer", "x-amz-checksum-crc32")
                .body(framed),
        ] {
            let nginx = Nginx::builder()
                .http(&format!(
                    "map $http_host $name {{ default stores; }} {}",
                    signing_upstream("stores", &more)
                ))
                .server("location / { proxy_pass http://$name; }");
            let request = request.header("Connection", "close");
            fail_each_allocation_in(nginx, Style::Headers, &origin, &request, |answer| {
                assert!(answer.status == 200 || answer.status >= 500, "{answer:?}");
            });
        }
    }
}

/// The plan of a location for an upstream is made when a request first needs it: each of these
/// names an upstream that none has named before.
#[test]
fn an_upstream_that_nobody_has_named_before() {
    let origin = RawOrigin::with_body("served");
    let upstreams = (0..1000).map(|nth| signing_upstream(&format!("stores{nth}"), ""));
    let nginx = Nginx::builder()
        .http(&upstreams.collect::<String>())
        .server("location / { proxy_pass http://stores$connection; }");
    let request = Request::get("/key").header("Connection", "close");
    let lines = fail_each_allocation_in(nginx, Style::Headers, &origin, &request, |answer| {
        assert!(answer.status == 200 || answer.status >= 500, "{answer:?}");
    });
    assert!(
        lines
            .iter()
            .any(|line| line.contains("cannot be signed: not enough memory")),
        "{lines:#?}"
    );
}

/// A body in memory, and one that a temporary file takes, framed by us while it is sent.
#[test]
fn an_upload() {
    for length in [1000, 40_000] {
        for payload in ["signed", "streaming"] {
            let request = Request::new("PUT", "/key")
                .header("Connection", "close")
                .body(vec![b'x'; length]);
            fail_each_allocation(
                &format!("aws_sign_methods PUT; aws_payload {payload};"),
                &request,
            );
        }
    }
}

/// Framing of a client: kept and signed again, or removed.
#[test]
fn a_framed_upload() {
    let signature = "0".repeat(64);
    let signed =
        format!("5;chunk-signature={signature}\r\nhello\r\n0;chunk-signature={signature}\r\n\r\n");
    let unsigned = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    for (payload, framing, body) in [
        ("auto", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &signed[..]),
        ("auto", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", unsigned),
        ("decode", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", unsigned),
    ] {
        let mut request = Request::new("PUT", "/key")
            .header("Connection", "close")
            .header("X-Amz-Content-Sha256", framing)
            .header("X-Amz-Decoded-Content-Length", "5")
            .header("Content-Encoding", "gzip,aws-chunked");
        if framing.ends_with("TRAILER") {
            request = request.header("X-Amz-Trailer", "x-amz-checksum-crc32");
        }
        fail_each_allocation(
            &format!("aws_sign_methods PUT; aws_payload {payload};"),
            &request.body(body),
        );
    }
}

/// The other styles of signatures: with what makes a query long, in front of an object store that repeats it.
#[test]
fn other_styles() {
    let origin = RawOrigin::start(|request| {
        let location = format!("https://store.example{}", request.target());
        Reply::with_headers(307, &[("Location", &location)], "moved")
    });
    for style in [Style::Query, Style::HeadersV2, Style::QueryV2] {
        let mut request = Request::new(
            "PUT",
            format!("/{}?a={}", "(".repeat(3000), "+".repeat(2000)),
        )
        .header("Connection", "close");
        for n in 0..20 {
            request = request.header(&format!("X-Amz-Meta-{n}"), "value");
        }
        let lines = fail_each_allocation_styled(
            style,
            &origin,
            "aws_sign_methods PUT; aws_s3_bucket bucket; aws_endpoint s3.example.test;
             proxy_buffer_size 64k; proxy_buffers 4 64k; proxy_busy_buffers_size 64k;",
            &request.body("body"),
            |answer| {
                assert!(answer.status == 307 || answer.status >= 500, "{answer:?}");
                let location = answer.header("Location").unwrap_or_default();
                let repeats = location.contains("Signature=") || location.contains("Token=");
                assert!(!repeats, "{location}");
            },
        );
        assert!(
            lines
                .iter()
                .any(|line| line.contains("cannot be signed: not enough memory")),
            "{lines:#?}"
        );
    }
}
