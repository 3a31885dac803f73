//! What sources need from the process that they run in: files, a clock, HTTP, programs.
//!
//! A host runs everything on one thread and never blocks it, except for small local files. Each
//! request has a deadline and a limit in bytes, which the host must enforce.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

pub use crate::file::{File, FileError, FileIdentity};
use crate::{ProfileCache, Url};

/// Local files, which are read at once since they are small.
pub trait Files {
    /// The content of a regular file, and its identity.
    ///
    /// Identity and content come from one open descriptor, so that a file that is renamed to the
    /// path between the two steps is not mixed up. Anything other than a regular file is rejected
    /// without waiting (a FIFO would block), and so is a file of more than `limit` bytes.
    fn read(&self, path: &Path, limit: usize) -> Result<File, FileError>;

    /// The identity of the file that is at `path` now; symbolic links are followed. The result can
    /// be slightly out of date, but not older than that of a [`read`](Self::read).
    fn identify(&self, path: &Path) -> Result<FileIdentity, FileError>;

    /// A cache for files that many providers read, and the time in milliseconds; `None` to read
    /// them again for each provider.
    fn profile_cache(&self) -> Option<(&ProfileCache, i64)> {
        None
    }
}

/// What a provider needs from the process that it runs in.
#[expect(
    async_fn_in_trait,
    reason = "everything runs on one thread: the futures need not be Send"
)]
pub trait Host: Files {
    /// The time of day, in milliseconds since 1970-01-01T00:00:00Z. It can jump in either
    /// direction.
    fn now(&self) -> i64;

    /// 64 unpredictable bits, to spread the requests of many machines in time. Not for keys.
    fn random(&self) -> u64;

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);

    /// Sends one request over a separate connection and returns its response with any status.
    ///
    /// Redirects are not followed, and proxies are not used. With HTTPS, the certificate and the
    /// host name are verified. The future can be dropped at any time, which closes the connection.
    async fn http(&self, request: Request) -> Result<Response, HttpError>;

    /// Runs a program, without a shell, and returns what it wrote to its standard output.
    ///
    /// The program gets only the given environment, `/dev/null` as standard input, no other
    /// descriptor of this process, and `/` as its directory. At the deadline, or when the future is
    /// dropped, it is killed with its whole process group.
    async fn run(&self, command: Command) -> Result<Output, RunError>;
}

/// Methods that providers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `PUT`
    Put,
    /// `POST`
    Post,
}

impl Method {
    /// As on the request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
        }
    }
}

/// One HTTP request.
///
/// Host is [`Endpoint::authority`](crate::Endpoint::authority) of the URL; the host adds it, and
/// Content-Length unless the method is GET.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Url,
    /// Further fields: names in lower case, values in visible ASCII and spaces. Any value can be a
    /// secret.
    pub headers: Vec<(&'static str, Zeroizing<String>)>,
    /// The body; can contain a secret.
    pub body: Zeroizing<Vec<u8>>,
    /// The time limit for resolving, connecting, and TLS together.
    pub connect_timeout: Duration,
    /// The time limit for the whole exchange.
    pub timeout: Duration,
    /// The maximum length of the body of the response, in bytes.
    pub limit: usize,
}

/// Shows the URL without its query, and neither headers nor body.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {})", self.method.as_str(), self.url)
    }
}

/// One HTTP response, complete: a body that ends early is [`HttpError::Truncated`].
pub struct Response {
    /// The status, 200 to 999; informational ones are skipped.
    pub status: u16,
    /// All fields; names in any case.
    pub headers: Vec<(String, Zeroizing<String>)>,
    /// The body, without transfer coding.
    pub body: Zeroizing<Vec<u8>>,
}

impl Response {
    /// The first field called `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        let field = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
        Some(&field.1)
    }
}

/// Why there is no response. The texts are the host's, one line, and contain no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The host name cannot be resolved, with the reason.
    #[error("cannot resolve its name: {0}")]
    Resolve(String),
    /// No connection, with the reason, e.g. "Connection refused (111)".
    #[error("cannot connect: {0}")]
    Connect(String),
    /// No TLS session, with the reason, e.g. "certificate verify failed (10: certificate has
    /// expired)".
    #[error("no TLS session: {0}")]
    Tls(String),
    /// Connecting took too long.
    #[error("connecting took too long")]
    ConnectTimeout,
    /// The exchange took too long.
    #[error("the response took too long")]
    Timeout,
    /// The connection ended before the response was complete.
    #[error("the connection was closed before the end of the response")]
    Truncated,
    /// The response's body is longer than the limit in the request, which is this number.
    #[error("the response has more than {0} bytes")]
    TooLarge(usize),
    /// The response is not HTTP, with the reason; or sending failed.
    #[error("not a valid HTTP response: {0}")]
    Protocol(String),
}

/// A program to run.
pub struct Command {
    /// The program. Without a slash it is looked up in `PATH` of `environment`.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub arguments: Vec<Zeroizing<String>>,
    /// Its whole environment.
    pub environment: Vec<(&'static str, String)>,
    /// The time limit until its standard output is closed and it has ended.
    pub timeout: Duration,
    /// The maximum length of its standard output, in bytes.
    pub limit: usize,
}

/// Shows the program, but not its arguments, which can be secrets.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.program.display())
    }
}

/// How a program ended, and its standard output.
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its output; can contain a secret.
    pub stdout: Zeroizing<Vec<u8>>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExitStatus {
    /// It exited with this status.
    #[error("exited with status {0}")]
    Exited(i32),
    /// This signal ended it.
    #[error("exited on signal {0}")]
    Signaled(i32),
}

/// Why a program did not run to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// It was not started, with the reason, e.g. "No such file or directory (2)".
    #[error("cannot be started: {0}")]
    Start(String),
    /// It took too long and was killed.
    #[error("took too long and was killed")]
    Timeout,
    /// It wrote more bytes than the limit, which is this number, and was killed.
    #[error("wrote more than {0} bytes and was killed")]
    TooLarge(usize),
    /// A system error occurred while it ran.
    #[error("cannot be run: {0}")]
    System(String),
}
