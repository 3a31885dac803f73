//! A stand-in for the services that hand out temporary credentials, and a store that takes them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_signing::Timestamp;

use crate::raw_origin::{RawOrigin, RawRequest};
use crate::reply::Reply;
use crate::signer::Signer;
use crate::signing;

/// The role that the instance has.
const ROLE: &str = "web";

/// What the server does when it is asked for credentials.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Hands out new credentials.
    Good,
    /// The same after this time.
    Slow(Duration),
    /// Says nothing, and keeps the connection.
    Hang,
    /// Closes the connection.
    Close,
    /// Answers with this status and body.
    Answer(u16, Vec<u8>),
    /// Writes these bytes and closes the connection.
    Raw(Vec<u8>),
}

/// Credentials that the server has handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The access key, which tells one issue from another.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
    /// The session token.
    pub token: String,
    /// From when on a store refuses them, in Unix seconds.
    pub expires_at: u64,
}

/// One server for three services, which a test turns into whatever it needs:
///
/// - the instance metadata service, version 2, at `/`;
/// - a container's credentials endpoint, at `/container`;
/// - STS, for `POST /`.
///
/// Each time it is asked it makes up new credentials.
pub struct MetadataServer {
    origin: RawOrigin,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
}

struct State {
    behaviour: Behaviour,
    lifetime: Duration,
    asked: Vec<Instant>,
    issued: Vec<Issued>,
    refused: Vec<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetadataServer {
    /// Starts a server whose credentials live for an hour.
    #[track_caller]
    pub fn start() -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                behaviour: Behaviour::Good,
                lifetime: Duration::from_secs(3600),
                asked: Vec::new(),
                issued: Vec::new(),
                refused: Vec::new(),
            }),
        });
        let origin = RawOrigin::start({
            let shared = Arc::clone(&shared);
            move |request| shared.answer(request)
        });
        Self { origin, shared }
    }

    /// `127.0.0.1` and the port.
    pub fn address(&self) -> SocketAddr {
        self.origin.address()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.origin.port()
    }

    /// What it does from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.state().behaviour = behaviour;
    }

    /// How long the credentials live that it hands out from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.shared.state().lifetime = lifetime;
    }

    /// How often it was asked for credentials, whatever the answer was.
    pub fn fetches(&self) -> usize {
        self.shared.state().asked.len()
    }

    /// When it was asked for credentials.
    pub fn fetch_times(&self) -> Vec<Instant> {
        self.shared.state().asked.clone()
    }

    /// What it has handed out, in order.
    pub fn issued(&self) -> Vec<Issued> {
        self.shared.state().issued.clone()
    }

    /// All requests, as they arrived.
    pub fn requests(&self) -> Vec<RawRequest> {
        self.origin.requests()
    }

    /// Waits until it has been asked `count` times.
    #[track_caller]
    pub fn wait_for_fetches(&self, count: usize) {
        crate::wait_until("credentials have been asked for", || {
            self.fetches() >= count
        });
    }

    /// Finds the secret key that it has handed out with an access key.
    pub(crate) fn secrets(&self) -> impl Fn(&str) -> Option<String> + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move |access_key| {
            let state = shared.state();
            let issued = state.issued.iter().find(|it| it.access_key == access_key)?;
            Some(issued.secret_key.clone())
        }
    }

    /// A store that takes requests which are signed with credentials of this server, as long as
    /// those live, and answers them with `hello`. Others get 403, or 400 and `ExpiredToken`.
    #[track_caller]
    pub fn store(&self) -> RawOrigin {
        self.store_in("us-east-1")
    }

    /// The same for signatures for `region`.
    #[track_caller]
    pub fn store_in(&self, region: &'static str) -> RawOrigin {
        let shared = Arc::clone(&self.shared);
        RawOrigin::start(move |request| match shared.judge(request, region) {
            Ok(()) => Reply::new(200, "hello"),
            Err((status, code)) => {
                shared.state().refused.push(code.to_owned());
                Reply::with_headers(
                    status,
                    &[("Content-Type", "application/xml")],
                    format!("<Error><Code>{code}</Code><Token>secret echo</Token></Error>"),
                )
            }
        })
    }

    /// The error codes with which the stores have refused requests.
    pub fn refused(&self) -> Vec<String> {
        self.shared.state().refused.clone()
    }
}

impl Shared {
    fn answer(&self, request: &RawRequest) -> Reply {
        let target = request.target();
        match (request.method().as_str(), target.as_str()) {
            ("PUT", "/latest/api/token") => match request.head.header(TTL) {
                Some(_) => Reply::new(200, "metadata-token-SECRET"),
                None => Reply::new(400, ""),
            },
            ("GET", path) if path.starts_with("/latest/") => {
                if request.head.header(TOKEN).as_deref() != Some("metadata-token-SECRET") {
                    return Reply::new(401, "");
                }
                match path.strip_prefix("/latest/meta-data/iam/security-credentials/") {
                    Some("") => Reply::new(200, ROLE),
                    Some(ROLE) => self.hand_out(imds_document),
                    _ => Reply::new(404, ""),
                }
            }
            ("GET", "/container") => self.hand_out(imds_document),
            ("POST", "/") => {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                let action = if body.contains("Action=AssumeRoleWithWebIdentity") {
                    "AssumeRoleWithWebIdentity"
                } else {
                    "AssumeRole"
                };
                self.hand_out(move |issued| sts_document(action, issued))
            }
            _ => Reply::new(404, ""),
        }
    }

    fn hand_out(&self, document: impl Fn(&Issued) -> String) -> Reply {
        let behaviour = {
            let mut state = self.state();
            state.asked.push(Instant::now());
            state.behaviour.clone()
        };
        match behaviour {
            Behaviour::Good => {}
            Behaviour::Slow(time) => std::thread::sleep(time),
            Behaviour::Hang => return Reply::hang(),
            Behaviour::Close => return Reply::close(),
            Behaviour::Answer(status, body) => return Reply::new(status, body),
            Behaviour::Raw(bytes) => return Reply::raw(bytes),
        }
        Reply::new(200, document(&self.issue()))
    }

    fn issue(&self) -> Issued {
        let mut state = self.state();
        let number = state.issued.len() + 1;
        let issued = Issued {
            access_key: format!("ASIAISSUED{number:06}"),
            secret_key: format!("issued/SECRET+{number:06}"),
            token: format!("issued-token-SECRET-{number:06}"),
            expires_at: now() + state.lifetime.as_secs(),
        };
        state.issued.push(issued.clone());
        issued
    }

    fn judge(&self, request: &RawRequest, region: &str) -> Result<(), (u16, &'static str)> {
        let access_key = signing::access_key(&request.head);
        let state = self.state();
        let issued = state.issued.iter().find(|it| it.access_key == access_key);
        let Some(issued) = issued.cloned() else {
            return Err((403, "InvalidAccessKeyId"));
        };
        drop(state);
        if issued.expires_at <= now() {
            return Err((400, "ExpiredToken"));
        }
        if request.head.header("x-amz-security-token").as_ref() != Some(&issued.token) {
            return Err((403, "InvalidToken"));
        }
        let signer = Signer::new(&issued.access_key, &issued.secret_key).region(region);
        signing::verify(&request.head, &signer).map_err(|_| (403, "SignatureDoesNotMatch"))
    }
}

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aws-ec2-metadata-token";

fn imds_document(issued: &Issued) -> String {
    format!(
        "{{\"Code\": \"Success\", \"Type\": \"AWS-HMAC\", \"LastUpdated\": \"{}\",\
         \"AccessKeyId\": \"{}\", \"SecretAccessKey\": \"{}\", \"Token\": \"{}\",\
         \"Expiration\": \"{}\"}}",
        iso8601(now()),
        issued.access_key,
        issued.secret_key,
        issued.token,
        iso8601(issued.expires_at)
    )
}

fn sts_document(action: &str, issued: &Issued) -> String {
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
         <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/demo/s</Arn>\
         <AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser><Credentials>\
         <AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>\
         </{action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
         </{action}Response>",
        issued.access_key,
        issued.secret_key,
        issued.token,
        iso8601(issued.expires_at)
    )
}

pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
}

/// Such as `2026-01-02T03:04:05Z`.
pub(crate) fn iso8601(unix_time: u64) -> String {
    let time = Timestamp::from_unix(unix_time.cast_signed());
    let text = time.amz_date();
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        &text[..4],
        &text[4..6],
        &text[6..8],
        &text[9..11],
        &text[11..13],
        &text[13..15]
    )
}
