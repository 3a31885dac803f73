//! OpenStack Swift with its S3 API: the strict peer.
//!
//! Its verifier shares no code with ours, with `aws-sigv4` or with s3s. It checks the region, the
//! clock and the payload's hash, and rejects `x-amz-*` headers that change an object and are not
//! signed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::http::{Request, Response};
use crate::scratch::Scratch;
use crate::signer::{Signer, encode_key};

/// A running Swift with one account; dropping it ends its process and removes its objects.
///
/// It needs two seconds to start and 80 MB. The tests that use it have `swift` in their name, so
/// that nextest runs few of them at a time.
#[derive(Debug)]
pub struct Swift {
    process: Child,
    port: u16,
    region: String,
    scratch: Scratch,
}

impl Swift {
    /// The access key of its user.
    pub const ACCESS_KEY: &str = "test:tester";
    /// The secret key of its user.
    pub const SECRET_KEY: &str = "testing";

    /// Starts Swift in region us-east-1, in path style.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_in("us-east-1", None)
    }

    /// Starts Swift in a region; subdomains of `domain` are buckets (virtual-hosted style).
    #[track_caller]
    pub fn start_in(region: &str, domain: Option<&str>) -> Self {
        let python = venv().join("bin/python");
        let serve = Path::new(env!("CARGO_MANIFEST_DIR")).join("swift/serve.py");
        let scratch = folder_with_attributes();
        let stderr = scratch.path().join("stderr.log");

        let mut process = Command::new(python)
            .arg(serve)
            .arg(scratch.path())
            .arg(region)
            .args(domain)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // It ends when this pipe does: also when this process is killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&stderr).expect("a file can be created"))
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start Swift: {e}: run `make deps` again"));

        let mut line = String::new();
        let stdout = process.stdout.take().expect("stdout is a pipe");
        let _ = BufReader::new(stdout).read_line(&mut line);
        let Ok(port) = line.trim().parse() else {
            let _ = process.kill();
            let _ = process.wait();
            let printed = std::fs::read_to_string(&stderr).unwrap_or_default();
            panic!("Swift does not start:\n{printed}");
        };
        Self {
            process,
            port,
            region: region.to_owned(),
            scratch,
        }
    }

    /// The port of its S3 API on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder with its objects and configuration.
    pub fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// The process.
    pub fn pid(&self) -> i32 {
        self.process.id().cast_signed()
    }

    /// Signs for its user and its region.
    pub fn signer(&self) -> Signer {
        Signer::new(Self::ACCESS_KEY, Self::SECRET_KEY).region(&self.region)
    }

    /// Creates a bucket.
    #[track_caller]
    pub fn create_bucket(&self, bucket: &str) {
        self.send(Request::new("PUT", format!("/{bucket}")).body(""))
            .expect_status(200);
    }

    /// Stores an object in a bucket that exists.
    #[track_caller]
    pub fn put(&self, bucket: &str, key: &str, body: impl AsRef<[u8]>) {
        let target = format!("/{bucket}/{}", encode_key(key));
        self.send(Request::new("PUT", target).body(body))
            .expect_status(200);
    }

    /// Sends a signed request, not through nginx.
    #[track_caller]
    pub fn send(&self, request: Request) -> Response {
        self.signer().sign(request).send(self.port)
    }
}

impl Drop for Swift {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The virtual environment of Swift: `AWS_AUTH_SWIFT`, or what `make deps` installs.
#[track_caller]
fn venv() -> PathBuf {
    let path = match std::env::var_os("AWS_AUTH_SWIFT") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/swift-venv"),
    };
    assert!(
        path.join("bin/python").exists(),
        "no Swift in {}: run `make deps`, or name its virtual environment in AWS_AUTH_SWIFT",
        path.display()
    );
    path
}

/// A temporary folder where files take extended attributes, in which Swift keeps what it knows of
/// an object: the system's own, or else one in `build/`.
#[track_caller]
fn folder_with_attributes() -> Scratch {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("../build");
    for parent in [std::env::temp_dir(), build.clone()] {
        let scratch = Scratch::inside(&parent, "swift");
        let flags = rustix::fs::XattrFlags::empty();
        if rustix::fs::setxattr(scratch.path(), "user.swift.test", b"x", flags).is_ok() {
            return scratch;
        }
    }
    panic!(
        "neither {} nor {} takes extended attributes, which Swift needs: set TMPDIR to a folder \
         on a file system that does (ext4, xfs, btrfs)",
        std::env::temp_dir().display(),
        build.display()
    );
}
