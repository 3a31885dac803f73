//! A host that does what a script says, and shortcuts for definitions and environments.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aws_credentials::host::{
    Command, ExitStatus, File, FileError, FileIdentity, HttpError, Output, Request, Response,
    RunError,
};
use aws_credentials::{
    Credentials, Declared, Definition, DefinitionError, Environment, FetchError, Fetcher, Files,
    Host, Material, ParseContext, Token,
};
use zeroize::Zeroizing;

/// 2026-01-02T03:04:05Z
pub(crate) const NOW: i64 = 1_767_323_045;
/// An hour later.
pub(crate) const LATER: &str = "2026-01-02T04:04:05Z";
pub(crate) const IMDS: &str = "http://169.254.169.254";

/// The response to one request.
type Answer = Result<(u16, String), HttpError>;

/// What stands at a path.
type Entry = Result<(Vec<u8>, FileIdentity), FileError>;

/// A request as it was sent.
pub(crate) struct Sent {
    pub(crate) headers: BTreeMap<&'static str, String>,
    pub(crate) body: String,
}

#[derive(Default)]
pub(crate) struct Script {
    /// Unix time in milliseconds.
    pub(crate) clock: Cell<i64>,
    pub(crate) files: RefCell<BTreeMap<PathBuf, Entry>>,
    /// A file that somebody writes just after it was looked for and not found.
    pub(crate) late: RefCell<Option<(&'static str, &'static str)>>,
    expected: RefCell<VecDeque<(String, Answer)>>,
    pub(crate) sent: RefCell<Vec<Sent>>,
    runs: RefCell<VecDeque<Result<(ExitStatus, String), RunError>>>,
    pub(crate) commands: RefCell<Vec<Command>>,
    writes: Cell<u64>,
}

impl Script {
    pub(crate) fn new() -> Self {
        let script = Self::default();
        script.clock.set(NOW * 1000);
        script
    }

    /// Expects a request, e.g. `GET http://a/b`, and responds to it.
    pub(crate) fn expect(
        self,
        request: impl Into<String>,
        status: u16,
        body: impl Into<String>,
    ) -> Self {
        self.and_expect(request, Ok((status, body.into())));
        self
    }

    pub(crate) fn expect_error(self, request: impl Into<String>, error: HttpError) -> Self {
        self.and_expect(request, Err(error));
        self
    }

    pub(crate) fn and_expect(&self, request: impl Into<String>, answer: Answer) {
        let expected = (request.into(), answer);
        self.expected.borrow_mut().push_back(expected);
    }

    pub(crate) fn expect_run(self, result: Result<(ExitStatus, &str), RunError>) -> Self {
        let result = result.map(|(status, output)| (status, output.to_owned()));
        self.runs.borrow_mut().push_back(result);
        self
    }

    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    /// Writes a file as another one: with a new inode and time.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let writes = self.writes.get() + 1;
        self.writes.set(writes);
        let identity = FileIdentity {
            device: 1,
            inode: writes,
            modified: (NOW + writes as i64, 0),
            size: content.as_ref().len() as u64,
            mode: 0o100_640,
        };
        let file = Ok((content.as_ref().to_vec(), identity));
        self.files.borrow_mut().insert(path.into(), file);
    }

    pub(crate) fn remove(&self, path: &str) {
        self.files.borrow_mut().remove(Path::new(path));
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.set(self.clock.get() + by.as_millis() as i64);
    }

    /// Fails where something that was expected did not happen.
    pub(crate) fn finish(&self) {
        let requests = self.expected.borrow();
        let requests: Vec<_> = requests.iter().map(|(request, _)| request).collect();
        assert!(requests.is_empty(), "not sent: {requests:?}");
        assert_eq!(self.runs.borrow().len(), 0, "programs not run");
    }
}

impl Files for Script {
    fn read(&self, path: &Path, limit: usize) -> Result<File, FileError> {
        let found = self.files.borrow().get(path).cloned();
        let Some(entry) = found else {
            if let Some((path, content)) = self.late.take() {
                self.write(path, content);
            }
            return Err(FileError::NotFound);
        };
        let (content, identity) = entry?;
        if content.len() > limit {
            return Err(FileError::TooLarge(limit));
        }
        let content = Zeroizing::new(content);
        Ok(File { content, identity })
    }

    fn identify(&self, path: &Path) -> Result<FileIdentity, FileError> {
        let files = self.files.borrow();
        let (_, identity) = files
            .get(path)
            .ok_or(FileError::NotFound)?
            .as_ref()
            .map_err(Clone::clone)?;
        Ok(*identity)
    }
}

impl Host for Script {
    fn now(&self) -> i64 {
        self.clock.get()
    }

    fn random(&self) -> u64 {
        u64::MAX / 2
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }

    async fn http(&self, request: Request) -> Result<Response, HttpError> {
        let line = format!(
            "{} {}{}",
            request.method.as_str(),
            request.url.endpoint,
            request.url.target
        );
        let (expected, answer) = self
            .expected
            .borrow_mut()
            .pop_front()
            .unwrap_or_else(|| panic!("nobody expects {line}"));
        assert_eq!(line, expected);
        assert!(request.timeout >= request.connect_timeout, "{line}");
        assert!(
            !request.timeout.is_zero() && request.limit <= 1024 * 1024,
            "{line}"
        );
        let headers = request.headers.iter();
        self.sent.borrow_mut().push(Sent {
            headers: headers
                .map(|(name, value)| (*name, value.to_string()))
                .collect(),
            body: String::from_utf8(request.body.to_vec()).unwrap(),
        });
        let (status, body) = answer?;
        if body.len() > request.limit {
            return Err(HttpError::TooLarge(request.limit));
        }
        Ok(Response {
            status,
            headers: Vec::new(),
            body: Zeroizing::new(body.into_bytes()),
        })
    }

    async fn run(&self, command: Command) -> Result<Output, RunError> {
        let limit = command.limit;
        self.commands.borrow_mut().push(command);
        let result = self.runs.borrow_mut().pop_front();
        let (status, output) = result.expect("nobody expects a program")?;
        if output.len() > limit {
            return Err(RunError::TooLarge(limit));
        }
        let stdout = Zeroizing::new(output.into_bytes());
        Ok(Output { status, stdout })
    }
}

/// Runs a future of a scripted host, which never waits.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a scripted host never waits"),
    }
}

pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::capture(|name| {
        let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
        Some((*value).to_owned())
    })
}

/// The words of a source of credentials. `declared` are providers that the configuration declared
/// before.
pub(crate) fn parse(
    source: &str,
    words: &[&str],
    environment: &Environment,
    declared: &[(&str, &Definition)],
) -> Result<Definition, DefinitionError> {
    let declared = declare(declared);
    Definition::parse(source, words, &context(environment, &declared))
}

/// The same for a source of tokens.
pub(crate) fn parse_token(
    source: &str,
    words: &[&str],
    environment: &Environment,
    declared: &[(&str, &Definition)],
) -> Result<Definition, DefinitionError> {
    let declared = declare(declared);
    Definition::parse_token(source, words, &context(environment, &declared))
}

fn declare(definitions: &[(&str, &Definition)]) -> Declared {
    let mut declared = Declared::default();
    for (name, definition) in definitions {
        definition.declare(name, &mut declared);
    }
    declared
}

fn context<'a>(environment: &'a Environment, declared: &'a Declared) -> ParseContext<'a> {
    ParseContext {
        environment,
        declared,
        parse_time: &parse_time,
    }
}

/// Some times as nginx writes them, e.g. `1h30m`; a number alone is of seconds.
fn parse_time(text: &str) -> Option<Duration> {
    let mut secs = 0;
    let mut number = String::new();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        secs += unit * std::mem::take(&mut number).parse::<u64>().ok()?;
    }
    let rest = match &number[..] {
        "" => 0,
        number => number.parse().ok()?,
    };
    Some(Duration::from_secs(secs + rest))
}

/// Splits `source key=value ...`; values have no spaces.
fn words(line: &str) -> (&str, Vec<&str>) {
    let mut words = line.split(' ');
    (words.next().unwrap(), words.collect())
}

/// Reads `source key=value ...`; values have no spaces.
pub(crate) fn define(
    line: &str,
    variables: &[(&str, &str)],
) -> Result<Definition, DefinitionError> {
    let (source, words) = words(line);
    parse(source, &words, &environment(variables), &[])
}

pub(crate) fn fetcher(line: &str, variables: &[(&str, &str)]) -> Fetcher {
    let definition = define(line, variables);
    definition
        .unwrap_or_else(|error| panic!("{error}"))
        .fetcher()
}

pub(crate) fn fetch(host: &Script, fetcher: &mut Fetcher) -> Result<Credentials, FetchError> {
    match ready(fetcher.fetch(host))? {
        Material::Keys(credentials) => Ok(credentials),
        _ => panic!("not keys"),
    }
}

/// Reads `source key=value ...` of a token; values have no spaces.
pub(crate) fn define_token(
    line: &str,
    variables: &[(&str, &str)],
) -> Result<Definition, DefinitionError> {
    let (source, words) = words(line);
    parse_token(source, &words, &environment(variables), &[])
}

pub(crate) fn fetch_token(host: &Script, fetcher: &mut Fetcher) -> Result<Token, FetchError> {
    match ready(fetcher.fetch(host))? {
        Material::Token(token) => Ok(token),
        _ => panic!("not a token"),
    }
}

/// Fetches once and expects that all of the script happens.
pub(crate) fn fetch_once(
    host: &Script,
    line: &str,
    variables: &[(&str, &str)],
) -> Result<Credentials, FetchError> {
    let result = fetch(host, &mut fetcher(line, variables));
    host.finish();
    result
}

/// The parts of credentials in an order that is easy to compare.
pub(crate) fn parts(credentials: &Credentials) -> (&str, &str, Option<&str>, Option<i64>) {
    (
        &credentials.access_key_id,
        credentials.secret_access_key.expose(),
        credentials
            .session_token
            .as_ref()
            .map(|token| token.expose()),
        credentials.expires_at,
    )
}

/// The response of IMDS and of container agents.
pub(crate) fn json_credentials() -> String {
    format!(
        r#"{{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAEXAMPLE",
            "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG", "Token": "IQoJb3JpZ2lu/EXAMPLE==",
            "Expiration": "{LATER}", "LastUpdated": "2026-01-02T03:00:00Z"}}"#
    )
}

/// What [`json_credentials`] and [`sts_credentials`] come to.
pub(crate) const TEMPORARY: (&str, &str, Option<&str>, Option<i64>) = (
    "ASIAEXAMPLE",
    "wJalrXUtnFEMI/K7MDENG",
    Some("IQoJb3JpZ2lu/EXAMPLE=="),
    Some(NOW + 3600),
);

/// The response of STS.
pub(crate) fn sts_credentials(action: &str) -> String {
    format!(
        r#"<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>
          <Credentials>
            <AccessKeyId>ASIAEXAMPLE</AccessKeyId>
            <SecretAccessKey>wJalrXUtnFEMI/K7MDENG</SecretAccessKey>
            <SessionToken>IQoJb3JpZ2lu/EXAMPLE==</SessionToken>
            <Expiration>{LATER}</Expiration>
          </Credentials>
        </{action}Result></{action}Response>"#
    )
}

pub(crate) fn sts_error(code: &str, message: &str) -> String {
    format!(
        r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
          <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>
        </Error><RequestId>1</RequestId></ErrorResponse>"#
    )
}
