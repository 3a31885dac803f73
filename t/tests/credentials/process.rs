//! Credentials that a program prints: how it is run, and what becomes of it.

use std::time::{Duration, Instant};

use nginx_tests::account::{ENDPOINT, object_store_with};
use nginx_tests::procfs::{self, is_alive};
use nginx_tests::{Builder, Nginx, Origin, alone, http, wait_until};

/// What the program of most tests prints.
const PRINT: &str = r#"echo '{"Version": 1, "AccessKeyId": "AKIDEXAMPLE",
    "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}'"#;

/// An nginx that gets its credentials from this shell script.
fn with_script(origin: &Origin, script: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .file("script", script)
        .http("aws_credentials_provider p process \"command=/bin/sh {dir}/script one 'and two'\";")
        .server(&format!(
            "aws_region us-east-1; aws_credentials p; aws_credentials_timeout 3s;
             aws_s3_bucket bucket; aws_endpoint {ENDPOINT};
             location / {{ aws_sign on; proxy_pass http://{{origin}}; }}"
        ))
}

/// The file that a script has written, once it has.
fn written(nginx: &Nginx, name: &str) -> String {
    wait_until("the script has written", || nginx.dir().join(name).exists());
    nginx.read(name)
}

/// The number of a process that a script has written, once it has.
fn written_pid(nginx: &Nginx, name: &str) -> i32 {
    written(nginx, name).trim().parse().expect("a number")
}

#[test]
fn a_program_prints_credentials() {
    let origin = object_store_with(&[("key", "hello")]);
    let nginx = with_script(&origin, PRINT).start();
    let response = http::get(nginx.port(), "/key").expect_status(200);
    assert_eq!(response.text(), "hello");
}

#[test]
fn a_program_sees_nothing_of_nginx() {
    let origin = object_store_with(&[("key", "hello")]);
    let script = format!(
        "cd \"$(dirname \"$0\")\"; {{ pwd -P; echo \"$1|$2|$3\"; env; ls -l /proc/$$/fd; \
         grep -E '^Sig(Blk|Ign)' /proc/self/status; }} > seen.new; mv seen.new seen; {PRINT}"
    );
    let nginx = with_script(&origin, &script)
        .env("AWS_SECRET_ACCESS_KEY", "SECRETOFTHEENVIRONMENT")
        .env("SOMETHING", "else")
        .start();
    http::get(nginx.port(), "/key").expect_status(200);

    let seen = written(&nginx, "seen");
    assert!(seen.contains("\none|and two|\n"), "{seen}");
    for hidden in [
        "SECRETOFTHEENVIRONMENT",
        "SOMETHING",
        "socket:",
        "anon_inode",
    ] {
        assert!(!seen.contains(hidden), "{hidden} in {seen}");
    }
    // Standard input, output and error, and what the shell opens for itself.
    let descriptors: Vec<_> = seen.lines().filter(|line| line.contains(" -> ")).collect();
    let of_nginx = |line: &&&str| line.contains(".log") || line.contains(".conf");
    assert_eq!(descriptors.iter().filter(of_nginx).count(), 0, "{seen}");
    assert!(descriptors.len() <= 6, "{seen}");
    assert!(seen.contains("SigBlk:\t0000000000000000"), "{seen}");
    // The C library keeps the real-time signals, from 32 on, for itself.
    let ignored = seen.lines().find_map(|line| line.strip_prefix("SigIgn:\t"));
    assert!(
        ignored.is_some_and(|mask| mask.ends_with("0000000")),
        "{seen}"
    );
}

/// The line about credentials that cannot be had.
fn complaint(nginx: &Nginx) -> String {
    let line = nginx.wait_for_log("cannot be fetched", Duration::from_secs(5));
    assert!(line.contains("credentials \"p\""), "{line}");
    line
}

#[test]
fn a_program_that_fails_is_named() {
    let origin = object_store_with(&[("key", "hello")]);
    for (script, words) in [
        ("echo SECRETOUTPUT; echo SECRETERROR >&2; exit 3", "3"),
        ("kill -9 $$", "9"),
        ("echo SECRETOUTPUT", "JSON"),
        ("exec head -c 1000000 /dev/zero", "65536 bytes"),
    ] {
        let nginx = with_script(&origin, script).start();
        let line = complaint(&nginx);
        assert!(line.contains("/bin/sh") && line.contains(words), "{line}");
        assert!(!nginx.error_log().contains("SECRET"), "{line}");
    }
}

#[test]
fn a_program_that_is_missing_is_named() {
    let origin = object_store_with(&[("key", "hello")]);
    for (program, words) in [
        ("/no/such/program", "No such file or directory"),
        ("no-such-program", "it is not in PATH"),
        ("/etc/passwd", "Permission denied"),
    ] {
        let nginx = with_script(&origin, "")
            .http(&format!(
                "aws_credentials_provider p process command={program};"
            ))
            .start();
        let line = complaint(&nginx);
        assert!(line.contains(program) && line.contains(words), "{line}");
    }
}

/// Leaves a process behind, writes down all processes, and goes on for long.
const LASTING: &str = "cd \"$(dirname \"$0\")\"; sleep 60 & echo $! > other; echo $$ > pid.new; \
                       mv pid.new pid; exec sleep 60";

#[test]
fn a_program_ends_with_its_worker() {
    let _alone = alone();
    let origin = object_store_with(&[("key", "hello")]);
    for signal_is_polite in [true, false] {
        let mut nginx = with_script(&origin, LASTING).start();
        let pid = written_pid(&nginx, "pid");
        let other = written_pid(&nginx, "other");
        assert!(is_alive(pid) && is_alive(other));
        let start = Instant::now();
        if signal_is_polite {
            nginx.quit();
        } else {
            let worker = nginx.workers()[0];
            nginx.kill_worker(worker);
        }
        wait_until("the program has gone", || {
            !is_alive(pid) && !is_alive(other)
        });
        assert!(start.elapsed() < Duration::from_secs(3));
    }
}

/// The parent of a process, and its title.
fn parent(pid: i32) -> (i32, String) {
    let parent = procfs::status(pid, "PPid").expect("a process");
    let parent = parent.parse().expect("a number");
    (parent, procfs::title(parent).expect("a process"))
}

/// What a program has put into a session of its own goes with it, and so does the supervisor, whose
/// title tells what it is.
#[test]
fn a_program_that_hangs_leaves_nothing() {
    let origin = object_store_with(&[("key", "hello")]);
    let script = "cd \"$(dirname \"$0\")\"; \
                  setsid sh -c 'echo $$ > other.new; mv other.new other; sleep 60 & sleep 60' & \
                  echo $$ > pid.new; mv pid.new pid; exec sleep 60";
    for signal_is_polite in [true, false] {
        let mut nginx = with_script(&origin, script).start();
        let pid = written_pid(&nginx, "pid");
        let other = written_pid(&nginx, "other");
        let (supervisor, title) = parent(pid);
        assert!(
            title.starts_with("nginx: aws_auth command supervisor"),
            "{title}"
        );
        assert!(is_alive(other) && is_alive(supervisor));
        if signal_is_polite {
            nginx.quit();
        } else {
            let worker = nginx.workers()[0];
            nginx.kill_worker(worker);
        }
        wait_until("all have gone", || {
            ![pid, other, supervisor].into_iter().any(is_alive)
        });
    }
}

/// A program that has done its work may have started a daemon.
#[test]
fn a_daemon_outlives_the_program_that_has_started_it() {
    let origin = object_store_with(&[("key", "hello")]);
    let script = format!(
        "cd \"$(dirname \"$0\")\"; \
         setsid sh -c 'echo $$ > other.new; mv other.new other; exec sleep 60' > /dev/null & \
         while [ ! -e other ]; do sleep 0.1; done; {PRINT}"
    );
    let nginx = with_script(&origin, &script).start();
    http::get(nginx.port(), "/key").expect_status(200);
    let other = written_pid(&nginx, "other");
    let supervisor = || parent(other).1.starts_with("nginx: aws_auth");
    wait_until("the supervisor has gone", || !supervisor());
    assert!(is_alive(other));
    let daemon = rustix::process::Pid::from_raw(other).expect("a process");
    rustix::process::kill_process(daemon, rustix::process::Signal::TERM).expect("it runs");
}

// What nginx sees of all this are children that end as they should.
#[test]
fn no_alert_tells_of_a_killed_program() {
    let origin = object_store_with(&[("key", "hello")]);
    let mut nginx = with_script(&origin, LASTING).start();
    let pid = written_pid(&nginx, "pid");
    nginx.edit(|builder| builder.http("aws_credentials_provider p process command=/bin/true;"));
    nginx.reload();
    wait_until("the program has gone", || !is_alive(pid));
    complaint(&nginx);
    // That there is no alert in the log is checked when nginx is dropped.
}
