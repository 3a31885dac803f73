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

/// Local files, read in place: they are small.
pub trait Files {
    /// The content of a regular file, and which file that was.
    ///
    /// Identity and content come from one open descriptor, so that a file renamed into place
    /// between the two is not mistaken. What is not a regular file is rejected without waiting (a
    /// FIFO would block), and so is a file of more than `limit` bytes.
    fn read(&self, path: &Path, limit: usize) -> Result<File, FileError>;

    /// Which file is at `path` now; symbolic links are followed. The result may be some moments
    /// old, but not older than that of a [`read`](Self::read).
    fn identify(&self, path: &Path) -> Result<FileIdentity, FileError>;

    /// Where to keep what many providers read, and the time in milliseconds; `None` to read it
    /// again for each.
    fn profile_cache(&self) -> Option<(&ProfileCache, i64)> {
        None
    }
}

/// What a provider asks of the process it runs in.
#[expect(
    async_fn_in_trait,
    reason = "everything runs on one thread: the futures need not be Send"
)]
pub trait Host: Files {
    /// The time of day, in milliseconds since 1970-01-01T00:00:00Z. It may jump either way.
    fn now(&self) -> i64;

    /// 64 unpredictable bits, to spread many machines' requests in time. Not for keys.
    fn random(&self) -> u64;

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);

    /// Sends one request over a connection of its own and returns its one response, whatever its
    /// status is.
    ///
    /// Redirects are not followed, proxies not used. With https, the certificate and the host name
    /// are verified. The future may be dropped at any time, which closes the connection.
    async fn http(&self, request: Request) -> Result<Response, HttpError>;

    /// Runs a program, without a shell, and returns what it wrote to its standard output.
    ///
    /// It gets the environment that is given and no other, `/dev/null` as standard input, no
    /// descriptor of this process beside those, and `/` as its directory. At the deadline, or
    /// when the future is dropped, it is killed with all its process group.
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
    /// Where it goes.
    pub url: Url,
    /// Further fields: names in lower case, values that are visible ASCII and spaces. Any value may
    /// be a secret.
    pub headers: Vec<(&'static str, Zeroizing<String>)>,
    /// The body; may hold a secret.
    pub body: Zeroizing<Vec<u8>>,
    /// How long resolving, connecting and TLS may take together.
    pub connect_timeout: Duration,
    /// How long the whole exchange may take.
    pub timeout: Duration,
    /// How many bytes the body of the response may have.
    pub limit: usize,
}

/// Shows where it goes; neither query, headers nor body.
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

/// Why there is no response. Texts are the host's, one line, and hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The host's name is not known, and why.
    #[error("cannot resolve its name: {0}")]
    Resolve(String),
    /// No connection, and why, e.g. "Connection refused (111)".
    #[error("cannot connect: {0}")]
    Connect(String),
    /// No TLS session, and why, e.g. "certificate verify failed (10: certificate has expired)".
    #[error("no TLS session: {0}")]
    Tls(String),
    /// Connecting took too long.
    #[error("connecting took too long")]
    ConnectTimeout,
    /// The exchange took too long.
    #[error("the answer took too long")]
    Timeout,
    /// The connection ended before the response did.
    #[error("the connection ended before the answer did")]
    Truncated,
    /// The response's body has more bytes than the request allows; here is the limit.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// What came is not HTTP, and why; or sending failed.
    #[error("not a valid HTTP answer: {0}")]
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
    /// How long it may take until its standard output is closed and it has ended.
    pub timeout: Duration,
    /// How many bytes it may write to its standard output.
    pub limit: usize,
}

/// Shows the program; arguments may be secrets.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.program.display())
    }
}

/// How a program ended, and what it wrote to its standard output.
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote; may hold a secret.
    pub stdout: Zeroizing<Vec<u8>>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExitStatus {
    /// It returned this status.
    #[error("ended with status {0}")]
    Exited(i32),
    /// This signal ended it.
    #[error("was ended by signal {0}")]
    Signaled(i32),
}

/// Why a program did not run to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// It was not started, and why, e.g. "No such file or directory (2)".
    #[error("cannot be started: {0}")]
    Start(String),
    /// It took too long and was killed.
    #[error("took too long and was killed")]
    Timeout,
    /// It wrote more than the bytes that are allowed, which are given here, and was killed.
    #[error("wrote more than {0} bytes and was killed")]
    TooLarge(usize),
    /// The system failed while it ran, and how.
    #[error("cannot be run: {0}")]
    System(String),
}
