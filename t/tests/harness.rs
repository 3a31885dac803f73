//! The harness itself: what it promises to the tests that are written with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nginx_tests::http::{self, Connection, Request};
use nginx_tests::procfs::is_alive;
use nginx_tests::{Builder, Load, Nginx, RawOrigin, Swift, http2, nginx_t, wait_until, waiting};

/// An nginx that responds to every request with this text.
fn answering(text: &str) -> Builder {
    Nginx::builder()
        .without_module()
        .server(&format!("location / {{ return 200 {text}; }}"))
}

/// What a panic said.
fn message_of(panicking: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(panicking)).expect_err("a panic");
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic
            .downcast::<&str>()
            .map(|m| (*m).to_owned())
            .unwrap_or_default(),
    }
}

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
    assert_eq!(
        nginx.wait_for_access_log(2),
        ["GET|/a%20b?c=d|200|200|-", "GET|/a%20b?c=d|200|200|-"]
    );
}

#[test]
fn a_dropped_nginx_leaves_no_process_and_no_folder() {
    let nginx = answering("a").workers(2).start();
    let mut pids = nginx.workers();
    assert_eq!(pids.len(), 2);
    pids.push(nginx.master());
    let dir = nginx.dir().to_owned();
    assert!(pids.iter().all(|pid| is_alive(*pid)) && dir.exists());

    drop(nginx);
    assert!(!pids.iter().any(|pid| is_alive(*pid)) && !dir.exists());
}

#[test]
fn a_start_that_fails_tells_why_and_leaves_nothing() {
    let refusal = Nginx::builder()
        .without_module()
        .server("no_such;")
        .try_start();
    let refusal = refusal.expect_err("a refusal");
    assert!(
        refusal.contains("unknown directive \"no_such\""),
        "{refusal}"
    );

    let folder = refusal
        .split("in ")
        .last()
        .and_then(|t| t.split("/nginx.conf").next());
    assert!(!PathBuf::from(folder.expect("a path")).exists());
}

/// Started by the next test, to be killed with all it has started.
#[test]
#[ignore = "kills its own process"]
fn victim() {
    let nginx = answering("a").workers(2).start();
    let swift = std::env::var_os("VICTIM_WITH_SWIFT").map(|_| Swift::start());
    let mut pids = nginx.workers();
    pids.push(nginx.master());
    pids.extend(swift.iter().map(Swift::pid));
    println!("\npids {pids:?} in {}", nginx.dir().display());
    if let Some(swift) = &swift {
        println!("in {}", swift.dir().display());
    }
    std::process::abort();
}

/// Runs [`victim`], and returns the processes it had.
fn run_victim(with_swift: bool) -> Vec<i32> {
    let mut command = Command::new(std::env::current_exe().expect("a test is a program"));
    command.args([
        "--ignored",
        "--exact",
        "victim",
        "--nocapture",
        "--test-threads",
        "1",
    ]);
    if with_swift {
        command.env("VICTIM_WITH_SWIFT", "1");
    }
    let output = command.output().expect("the victim runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success(), "{printed}");

    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("pids ["))
        .expect("pids");
    let (pids, _) = line.split_once(']').expect("the end of the list");
    for folder in printed.lines().filter_map(|line| line.split_once("in /")) {
        let folder = format!("/{}", folder.1);
        std::fs::remove_dir_all(folder).expect("the victim's folders were kept");
    }
    pids.split(", ")
        .map(|pid| pid.parse().expect("a number"))
        .collect()
}

#[test]
fn nginx_does_not_outlive_a_test_that_is_killed() {
    let pids = run_victim(false);
    assert_eq!(pids.len(), 3);
    wait_until("nginx is gone", || !pids.iter().any(|pid| is_alive(*pid)));
}

#[test]
fn swift_does_not_outlive_a_test_that_is_killed() {
    let pids = run_victim(true);
    assert_eq!(pids.len(), 4);
    wait_until("Swift is gone", || !pids.iter().any(|pid| is_alive(*pid)));
}

#[test]
fn a_severe_log_line_fails_the_test_unless_it_is_allowed() {
    // A socket that is not there is logged with level crit.
    let builder = || {
        Nginx::builder()
            .without_module()
            .server("location / { proxy_pass http://unix:{dir}/none.sock:; }")
    };

    let nginx = builder().start();
    http::get(nginx.port(), "/").expect_status(502);
    nginx.wait_for_log("[crit]", Duration::from_secs(10));
    let dir = nginx.dir().to_owned();
    let message = message_of(|| drop(nginx));
    assert!(
        message.contains("[crit]") && message.contains("none.sock"),
        "{message}"
    );
    std::fs::remove_dir_all(dir).expect("the folder of a failed test was kept");

    let nginx = builder().allow_log("none.sock failed").start();
    http::get(nginx.port(), "/").expect_status(502);
    nginx.wait_for_log("[crit]", Duration::from_secs(10));
    drop(nginx);
}

#[test]
fn a_reload_brings_new_workers_with_the_new_configuration() {
    let mut nginx = answering("before").workers(2).start();
    let old = nginx.workers();
    assert_eq!(http::get(nginx.port(), "/").text(), "before");

    nginx.edit(|builder| builder.server("location / { return 200 after; }"));
    nginx.reload();
    assert_eq!(http::get(nginx.port(), "/").text(), "after");
    let new = nginx.workers();
    assert!(
        new.len() == 2 && new.iter().all(|pid| !old.contains(pid)),
        "{old:?} {new:?}"
    );
}

#[test]
fn a_rejected_reload_keeps_the_workers() {
    let mut nginx = answering("before").start();
    let old = nginx.workers();

    nginx.edit(|builder| builder.server("no_such;"));
    let refusal = nginx.try_reload().expect_err("a refusal");
    assert!(
        refusal.contains("unknown directive \"no_such\""),
        "{refusal}"
    );
    assert_eq!(nginx.workers(), old);
    assert_eq!(http::get(nginx.port(), "/").text(), "before");
}

#[test]
fn load_goes_on_through_reloads() {
    let mut nginx = answering("good").start();
    let load = Load::start(2, nginx.port(), &Request::get("/"), |r| r.text() == "good");
    for _ in 0..3 {
        load.wait_for(20);
        nginx.reload();
    }
    load.wait_for(20);

    let report = load.stop();
    assert!(report.failures.is_empty(), "{report:?}");
    assert!(report.good >= 80, "{report:?}");
}

#[test]
fn load_reports_what_is_not_good() {
    let nginx = answering("bad").start();
    let load = Load::start(1, nginx.port(), &Request::get("/"), |r| r.text() == "good");
    load.wait_for(1);
    let report = load.stop();
    assert_eq!((report.good, report.failures[0].as_str()), (0, "200 bad"));
}

#[test]
fn a_killed_worker_is_replaced() {
    let mut nginx = answering("a").workers(2).start();
    let worker = nginx.workers()[0];
    nginx.kill_worker(worker);
    assert_eq!(nginx.workers().len(), 2);
    assert!(!is_alive(worker));
    nginx.wait_for_log("exited on signal 9", Duration::from_secs(10));
    assert_eq!(http::get(nginx.port(), "/").text(), "a");
}

#[test]
fn quit_answers_what_is_open_first() {
    let (origin, worker) = waiting::until_the_worker_leaves("late");
    let mut nginx = Nginx::builder()
        .without_module()
        .var("origin", origin.address())
        .server("location / { proxy_pass http://{origin}; }")
        .start();
    let port = nginx.port();

    let client = std::thread::spawn(move || http::get(port, "/"));
    origin.wait_for_requests(1);
    worker.send(nginx.workers()[0]).expect("the origin waits");
    nginx.quit();
    assert_eq!(client.join().expect("a response").text(), "late");
    assert!(Connection::try_open(port).is_err());
}

#[test]
fn a_single_process_serves() {
    let nginx = answering("alone").master_off().start();
    assert_eq!(http::get(nginx.port(), "/").text(), "alone");
    assert_eq!(nginx.workers(), [0; 0]);
    assert!(is_alive(nginx.master()));
}

#[test]
fn debug_lines_have_a_log_of_their_own() {
    let nginx = answering("a").debug().start();
    http::get(nginx.port(), "/where").expect_status(200);
    assert!(nginx.debug_log().contains("http uri: \"/where\""));
    assert!(!nginx.error_log().contains("[debug]"));
}

#[test]
fn configurations_are_taken_or_rejected() {
    let server = |snippet: &str| Nginx::builder().without_module().server(snippet).check();
    server("return 204;").expect_ok();
    server("no_such;").expect_refused("unknown directive \"no_such\"");
    nginx_t("{paths} events { }").expect_refused("\"log_format\" directive is not allowed here");

    let twice = Nginx::builder()
        .without_module()
        .http("server { listen 127.0.0.1:{port}; server_name a; }")
        .server("server_name a;")
        .check()
        .expect_ok();
    let warnings = twice.warnings();
    assert!(
        warnings.len() == 1 && warnings[0].contains("conflicting server name"),
        "{twice:?}"
    );

    let taken = message_of(|| drop(server("return 204;").expect_refused("x")));
    assert!(taken.starts_with("taken"), "{taken}");
    let other = message_of(|| drop(server("no_such;").expect_refused("some other line")));
    assert!(other.contains("is missing in"), "{other}");
    let refused = message_of(|| drop(server("no_such;").expect_ok()));
    assert!(refused.starts_with("refused"), "{refused}");
}

#[test]
fn a_whole_file_is_served_with_its_extra_port() {
    let nginx = Nginx::builder()
        .without_module()
        .extra_port("other")
        .file("html/a.txt", "port {other}")
        .conf(
            "{preamble} events { } http { {paths}
             server { listen 127.0.0.1:{port}; root {dir}/html; }
             server { listen 127.0.0.1:{other}; return 204; } }",
        )
        .start();
    http::get(nginx.port_of("other"), "/").expect_status(204);
    let body = http::get(nginx.port(), "/a.txt").expect_status(200).text();
    assert_eq!(body, format!("port {}", nginx.port_of("other")));
}
