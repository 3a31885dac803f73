//! `s3-origin`: serves a folder as S3 and verifies every signature.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fmt, fs, io};

use aws_origin::{Origin, OriginConfig, RecordedRequest, StartError, Storage, Watch};

const USAGE: &str = "\
Usage: s3-origin --root DIR [options]

Serves DIR/<bucket>/<key> as S3 and answers only requests that are signed rightly.

  --root DIR               the folder of buckets
  --listen ADDRESS:PORT    where to listen (127.0.0.1:9000)
  --access-key-file FILE   the access key (else: AWS_ACCESS_KEY_ID)
  --secret-key-file FILE   the secret key (else: AWS_SECRET_ACCESS_KEY)
  --region REGION          refuse signatures for another region
  --domain DOMAIN          serve <bucket>.DOMAIN in virtual-hosted style
  -h, --help               print this text
";

fn main() -> ExitCode {
    let outcome = Options::parse(env::args().skip(1)).and_then(|options| match options {
        Some(options) => run(options),
        None => {
            let _ = write!(io::stdout(), "{USAGE}");
            Ok(())
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("s3-origin: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Why the program ends unsuccessfully.
#[derive(Debug)]
enum Error {
    Usage(String),
    KeyMissing {
        option: &'static str,
        variable: &'static str,
    },
    KeyFile(PathBuf, io::Error),
    Start(StartError),
    Signals(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => write!(f, "{what} (see --help)"),
            Self::KeyMissing { option, variable } => {
                write!(
                    f,
                    "no key: give {option} FILE, or set {variable} in the environment"
                )
            }
            Self::KeyFile(path, e) => write!(f, "cannot read {}: {e}", path.display()),
            Self::Start(e) => e.fmt(f),
            Self::Signals(e) => write!(f, "cannot wait for signals: {e}"),
        }
    }
}

#[derive(Debug, Default)]
struct Options {
    root: Option<PathBuf>,
    listen: Option<SocketAddr>,
    access_key_file: Option<PathBuf>,
    secret_key_file: Option<PathBuf>,
    region: Option<String>,
    domain: Option<String>,
}

impl Options {
    /// Parses the command line; `None` if help is requested.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, Error> {
        let mut options = Self::default();
        while let Some(option) = arguments.next() {
            if option == "-h" || option == "--help" {
                return Ok(None);
            }
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| Error::Usage(format!("{option} needs a value")))
            };
            match option.as_str() {
                "--root" => options.root = Some(value()?.into()),
                "--listen" => {
                    let text = value()?;
                    let address = text.parse().map_err(|_| {
                        Error::Usage(format!("{text} is not an address and a port"))
                    })?;
                    options.listen = Some(address);
                }
                "--access-key-file" => options.access_key_file = Some(value()?.into()),
                "--secret-key-file" => options.secret_key_file = Some(value()?.into()),
                "--region" => options.region = Some(value()?),
                "--domain" => options.domain = Some(value()?),
                _ => return Err(Error::Usage(format!("unknown argument {option}"))),
            }
        }
        Ok(Some(options))
    }
}

fn run(options: Options) -> Result<(), Error> {
    let root = options
        .root
        .ok_or_else(|| Error::Usage("--root is missing".to_owned()))?;
    let config = OriginConfig {
        storage: Storage::Folder(root.clone()),
        access_key: key(
            options.access_key_file,
            "--access-key-file",
            "AWS_ACCESS_KEY_ID",
        )?,
        secret_key: key(
            options.secret_key_file,
            "--secret-key-file",
            "AWS_SECRET_ACCESS_KEY",
        )?,
        region: options.region,
        domain: options.domain,
        address: options
            .listen
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 9000))),
        watch: Watch::Report(Box::new(report)),
    };

    // Before the origin reports that it is ready, so that no signal finds it unprepared.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(Error::Signals)?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};

        let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;

        let origin = Origin::start(config).map_err(Error::Start)?;
        println!(
            "s3-origin: serving {} on http://{}",
            root.display(),
            origin.address()
        );

        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}

/// Reads a key from its file, if there is one, or from the environment.
fn key(
    file: Option<PathBuf>,
    option: &'static str,
    variable: &'static str,
) -> Result<String, Error> {
    let key = match &file {
        Some(path) => read_key(path)?,
        None => env::var(variable).unwrap_or_default(),
    };
    if key.is_empty() {
        Err(Error::KeyMissing { option, variable })
    } else {
        Ok(key)
    }
}

fn read_key(path: &Path) -> Result<String, Error> {
    let text = fs::read_to_string(path).map_err(|e| Error::KeyFile(path.to_owned(), e))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Prints a line such as `12:34:56 GET /bucket/key 200`.
fn report(request: &RecordedRequest) {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    // The reader can be gone, which is no reason to stop serving.
    let _ = writeln!(
        io::stdout(),
        "{:02}:{:02}:{:02} {} {} {}",
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        request.method(),
        request.target().escape_default(),
        request.status.unwrap_or_default()
    );
}
