//! A host that blocks: sockets, files and processes of the standard library.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::pin::pin;
use std::process::{self, Stdio};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_credentials::host::{
    Command, ExitStatus, File, FileError, FileIdentity, HttpError, Output, Request, Response,
    RunError,
};
use aws_credentials::{
    Credentials, Declared, Definition, Environment, FetchError, Files, Host, Material, ParseContext,
};
use zeroize::Zeroizing;

pub(crate) struct Local;

impl Files for Local {
    fn read(&self, path: &Path, limit: usize) -> Result<File, FileError> {
        let content = fs::read(path).map_err(file_error)?;
        if content.len() > limit {
            return Err(FileError::TooLarge(limit));
        }
        Ok(File {
            content: Zeroizing::new(content),
            identity: self.identify(path)?,
        })
    }

    fn identify(&self, path: &Path) -> Result<FileIdentity, FileError> {
        let metadata = fs::metadata(path).map_err(file_error)?;
        Ok(FileIdentity {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            size: metadata.size(),
            mode: metadata.mode(),
        })
    }
}

fn file_error(error: io::Error) -> FileError {
    match error.kind() {
        io::ErrorKind::NotFound => FileError::NotFound,
        _ => FileError::System(error.to_string()),
    }
}

impl Host for Local {
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.expect("a clock that is set").as_millis() as i64
    }

    fn random(&self) -> u64 {
        0
    }

    async fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }

    async fn http(&self, request: Request) -> Result<Response, HttpError> {
        let deadline = Instant::now() + request.timeout;
        let endpoint = &request.url.endpoint;
        let address = format!("{}:{}", endpoint.host, endpoint.port);
        let address = address.parse().expect("an address of loopback");
        let mut stream = TcpStream::connect_timeout(&address, request.connect_timeout)
            .map_err(|error| HttpError::Connect(error.to_string()))?;
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n",
            request.method.as_str(),
            request.url.target,
            endpoint.authority(),
            request.body.len()
        );
        for (name, value) in &request.headers {
            head += &format!("{name}: {}\r\n", **value);
        }
        let sent = stream
            .write_all(format!("{head}\r\n").as_bytes())
            .and_then(|()| stream.write_all(&request.body));
        sent.map_err(|error| HttpError::Protocol(error.to_string()))?;
        Incoming { stream, deadline }.response(request.limit)
    }

    async fn run(&self, command: Command) -> Result<Output, RunError> {
        let mut child = process::Command::new(&command.program)
            .args(command.arguments.iter().map(|word| word.as_str()))
            .env_clear()
            .envs(command.environment)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| RunError::Start(error.to_string()))?;
        let mut stdout = Zeroizing::default();
        let pipe = child.stdout.take().expect("a pipe");
        pipe.take(command.limit as u64 + 1)
            .read_to_end(&mut stdout)
            .map_err(|error| RunError::System(error.to_string()))?;
        if stdout.len() > command.limit {
            child.kill().and_then(|()| child.wait()).expect("a child");
            return Err(RunError::TooLarge(command.limit));
        }
        let status = child.wait().expect("a child");
        let status = match (status.code(), status.signal()) {
            (Some(code), _) => ExitStatus::Exited(code),
            (None, signal) => ExitStatus::Signaled(signal.expect("a signal")),
        };
        Ok(Output { status, stdout })
    }
}

/// A response that arrives.
struct Incoming {
    stream: TcpStream,
    deadline: Instant,
}

impl Incoming {
    fn response(mut self, limit: usize) -> Result<Response, HttpError> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if self.read(&mut bytes)? == 0 {
                return Err(HttpError::Truncated);
            }
        };
        let protocol = || HttpError::Protocol("head".to_owned());
        let head = String::from_utf8(bytes[..end].to_vec()).map_err(|_| protocol())?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status = status.and_then(|text| text.parse().ok());
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').ok_or_else(protocol)?;
            Ok((name.to_owned(), Zeroizing::new(value.trim().to_owned())))
        });
        let mut response = Response {
            status: status.ok_or_else(protocol)?,
            headers: headers.collect::<Result<_, _>>()?,
            body: Zeroizing::default(),
        };
        let length = response.header("content-length");
        let length: usize = length
            .and_then(|text| text.parse().ok())
            .ok_or_else(protocol)?;
        if length > limit {
            return Err(HttpError::TooLarge(limit));
        }
        let mut body = bytes.split_off(end + 4);
        while body.len() < length {
            if self.read(&mut body)? == 0 {
                return Err(HttpError::Truncated);
            }
        }
        response.body = Zeroizing::new(body);
        Ok(response)
    }

    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<usize, HttpError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(HttpError::Timeout);
        }
        let mut buffer = [0; 4096];
        let read = self
            .stream
            .set_read_timeout(Some(left))
            .and_then(|()| self.stream.read(&mut buffer));
        match read {
            Ok(count) => {
                bytes.extend_from_slice(&buffer[..count]);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(HttpError::Timeout),
            Err(error) => Err(HttpError::Protocol(error.to_string())),
        }
    }
}

pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::capture(|name| {
        let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
        Some((*value).to_owned())
    })
}

/// Reads the words of a source, of which none is a time.
pub(crate) fn define(words: &[&str], variables: &[(&str, &str)]) -> Definition {
    let context = ParseContext {
        environment: &environment(variables),
        declared: &Declared::default(),
        parse_time: &|_| None,
    };
    let definition = Definition::parse(words[0], &words[1..], &context);
    definition.unwrap_or_else(|error| panic!("{error}"))
}

/// Fetches once from the source that `words` describe.
pub(crate) fn fetch(words: &[&str], variables: &[(&str, &str)]) -> Result<Credentials, FetchError> {
    let mut fetcher = define(words, variables).fetcher();
    match block(fetcher.fetch(&Local))? {
        Material::Keys(credentials) => Ok(credentials),
        _ => panic!("not keys"),
    }
}

/// Runs a future of this host, which blocks instead of waiting.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("this host blocks"),
    }
}
