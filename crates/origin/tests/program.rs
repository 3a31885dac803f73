//! The program `s3-origin`: what `make demo` runs.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use rustix::process::{Pid, Signal, kill_process};

const ACCESS_KEY: &str = "AKIDEXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A folder with the object `bucket/key` and both key files, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("bucket")).expect("a folder");
        std::fs::write(path.join("bucket/key"), "hello").expect("an object");
        std::fs::write(path.join("access"), format!("{ACCESS_KEY}\n")).expect("a key file");
        std::fs::write(path.join("secret"), format!("{SECRET_KEY}\n")).expect("a key file");
        Self(path)
    }

    /// The program with a root and a free port, and without the caller's keys.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_s3-origin"));
        command
            .arg("--root")
            .arg(&self.0)
            .args(["--listen", "127.0.0.1:0"]);
        command
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY");
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program running; killed where the test fails before it has ended.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Program {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let ready = lines.next().expect("a line").expect("text");
        let (_, port) = ready.rsplit_once(':').expect("an address");
        let port = port
            .parse()
            .unwrap_or_else(|_| panic!("no port in {ready:?}"));
        Self { child, lines, port }
    }

    /// Sends a request for the object and returns the status line and the body.
    fn get(&self, signed: bool) -> (String, String) {
        let mut request = format!(
            "GET /bucket/key HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n",
            self.port
        );
        if signed {
            for (name, value) in signature(self.port) {
                request.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        request.push_str("Connection: close\r\n\r\n");

        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (
            head.lines().next().unwrap_or_default().to_owned(),
            body.to_owned(),
        )
    }

    fn next_line(&mut self) -> String {
        self.lines.next().expect("a line").expect("text")
    }

    fn end(mut self, signal: Signal) -> ExitStatus {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process");
        kill_process(pid, signal).expect("it can be signalled");
        self.child.wait().expect("it ends")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signature(port: u16) -> Vec<(String, String)> {
    let identity = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "tests").into();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("s3")
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .expect("all parameters are given")
        .into();

    let uri = format!("http://127.0.0.1:{port}/bucket/key");
    let body = SignableBody::Bytes(b"");
    let signable = SignableRequest::new("GET", uri, std::iter::empty(), body).expect("a request");
    let (instructions, _) = sign(signable, &params).expect("a signature").into_parts();
    let (headers, _) = instructions.into_parts();
    headers
        .iter()
        .map(|h| (h.name().to_owned(), h.value().to_owned()))
        .collect()
}

#[test]
fn it_serves_signed_requests_reports_each_and_ends_at_a_signal() {
    let folder = Folder::new("serves");
    let mut command = folder.command();
    command
        .arg("--access-key-file")
        .arg(folder.0.join("access"));
    command
        .arg("--secret-key-file")
        .arg(folder.0.join("secret"));
    let mut program = Program::start(command);

    let (status, _) = program.get(false);
    assert_eq!(status, "HTTP/1.1 403 Forbidden");
    assert!(program.next_line().ends_with(" GET /bucket/key 403"));
    let (status, body) = program.get(true);
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 200 OK", "hello")
    );
    assert!(program.next_line().ends_with(" GET /bucket/key 200"));

    assert_eq!(program.end(Signal::TERM).code(), Some(0));
}

#[test]
fn it_takes_keys_from_the_environment_and_enforces_its_region() {
    let folder = Folder::new("environment");
    let with_keys = || {
        let mut command = folder.command();
        command
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        command
    };

    let program = Program::start(with_keys());
    assert_eq!(program.get(true).0, "HTTP/1.1 200 OK");
    assert_eq!(program.end(Signal::INT).code(), Some(0));

    let mut elsewhere = with_keys();
    elsewhere.args(["--region", "eu-west-1"]);
    assert_eq!(
        Program::start(elsewhere).get(true).0,
        "HTTP/1.1 403 Forbidden"
    );
}

#[test]
fn it_says_in_one_line_what_is_wrong() {
    let folder = Folder::new("wrong");
    let refusal = |arguments: &[&str]| {
        let output = folder
            .command()
            .args(arguments)
            .output()
            .expect("the program runs");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };

    assert_eq!(
        refusal(&[]),
        "s3-origin: no key: give --access-key-file FILE, or set AWS_ACCESS_KEY_ID in the \
         environment\n"
    );
    assert_eq!(
        refusal(&["--access-key-file", "/none"]),
        "s3-origin: cannot read /none: No such file or directory (os error 2)\n"
    );
    assert_eq!(
        refusal(&["--no"]),
        "s3-origin: unknown argument --no (see --help)\n"
    );
    assert_eq!(
        refusal(&["--domain"]),
        "s3-origin: --domain needs a value (see --help)\n"
    );
    assert_eq!(
        refusal(&["--listen", "9000"]),
        "s3-origin: 9000 is not an address and a port (see --help)\n"
    );

    let keys = [
        "--access-key-file",
        "access",
        "--secret-key-file",
        "secret",
        "--root",
        "none",
    ];
    let output = folder
        .command()
        .args(keys)
        .current_dir(&folder.0)
        .output()
        .expect("it runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "s3-origin: cannot serve folder none: No such file or directory (os error 2)\n"
    );
}
