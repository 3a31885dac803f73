//! A stand-in for the services that hand out tokens, which verifies who asks; and what takes its
//! tokens.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::metadata_server::{Behaviour, MetadataServer, iso8601, now};
use crate::nginx::Builder;
use crate::raw_origin::{RawOrigin, RawRequest};
use crate::reply::Reply;
use crate::signer::Signer;
use crate::signing;

const ACCESS_KEY: &str = "AKIDTOKENS";
const SECRET_KEY: &str = "tokens/SECRET+KEY";

/// A token that the service has handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    /// As it stood in the answer.
    pub text: String,
    /// What it proves, as `Authorization` has it.
    authorizations: Vec<String>,
    /// From when on it is refused, in Unix seconds.
    pub expires_at: u64,
}

/// One server for three services, which a test turns into whatever it needs:
///
/// - ECR in eu-west-1, and its public sister in us-east-1, at `POST /`;
/// - CodeArtifact in eu-west-1, at `POST /v1/authorization-token`.
///
/// Who asks must sign with the keys of [`environment`](Self::environment). Each time it is asked it
/// makes up a new token.
pub struct TokenService {
    origin: RawOrigin,
    shared: Arc<Shared>,
}

type SecretOf = dyn Fn(&str) -> Option<String> + Send + Sync;

struct Shared {
    /// The secret key of who signs with an access key.
    secret_of: Box<SecretOf>,
    state: Mutex<State>,
}

struct State {
    behaviour: Behaviour,
    lifetime: Duration,
    asked: Vec<Instant>,
    issued: Vec<IssuedToken>,
    faults: Vec<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenService {
    /// Starts a server whose tokens live for twelve hours.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_for(|access_key| (access_key == ACCESS_KEY).then(|| SECRET_KEY.to_owned()))
    }

    /// The same for who signs with what `metadata` hands out, rather than with the keys of
    /// [`environment`](Self::environment).
    #[track_caller]
    pub fn start_for_instance(metadata: &MetadataServer) -> Self {
        Self::start_for(metadata.secrets())
    }

    fn start_for(secret_of: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            secret_of: Box::new(secret_of),
            state: Mutex::new(State {
                behaviour: Behaviour::Good,
                lifetime: Duration::from_secs(12 * 3600),
                asked: Vec::new(),
                issued: Vec::new(),
                faults: Vec::new(),
            }),
        });
        let origin = RawOrigin::start({
            let shared = Arc::clone(&shared);
            move |request| shared.answer(request)
        });
        Self { origin, shared }
    }

    /// Gives nginx the keys that this service knows, the region, and the service's address as
    /// `{tokens}`.
    pub fn environment(&self, builder: Builder) -> Builder {
        builder
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_REGION", "eu-west-1")
            .var("tokens", self.address())
    }

    /// `127.0.0.1` and the port.
    pub fn address(&self) -> SocketAddr {
        self.origin.address()
    }

    /// What it does from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.state().behaviour = behaviour;
    }

    /// How long the tokens live that it hands out from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.shared.state().lifetime = lifetime;
    }

    /// How often it was asked with a good signature, whatever the answer was.
    pub fn fetches(&self) -> usize {
        self.shared.state().asked.len()
    }

    /// When it was asked so.
    pub fn fetch_times(&self) -> Vec<Instant> {
        self.shared.state().asked.clone()
    }

    /// Waits until it has been asked `count` times.
    #[track_caller]
    pub fn wait_for_fetches(&self, count: usize) {
        crate::wait_until("tokens have been asked for", || self.fetches() >= count);
    }

    /// What it has handed out, in order.
    pub fn issued(&self) -> Vec<IssuedToken> {
        self.shared.state().issued.clone()
    }

    /// What was wrong with requests that it has refused.
    pub fn faults(&self) -> Vec<String> {
        self.shared.state().faults.clone()
    }

    /// All requests, as they arrived.
    pub fn requests(&self) -> Vec<RawRequest> {
        self.origin.requests()
    }

    /// A server that answers `hello` to who shows a token of this service, as long as that lives;
    /// 401 to others.
    #[track_caller]
    pub fn gate(&self) -> RawOrigin {
        let takes = self.judge();
        RawOrigin::start(move |request| match takes(request) {
            true => Reply::new(200, "hello"),
            false => Reply::new(401, "who are you?"),
        })
    }

    /// Says whether a request shows a token of this service that lives.
    pub fn judge(&self) -> impl Fn(&RawRequest) -> bool + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move |request| {
            let shown = request.header_all("Authorization");
            let state = shared.state();
            let alive = state.issued.iter().filter(|it| it.expires_at > now());
            let mut good = alive.flat_map(|it| &it.authorizations);
            matches!(&shown[..], [shown] if good.any(|good| good == shown))
        }
    }
}

impl Shared {
    fn answer(&self, request: &RawRequest) -> Reply {
        let target = request.target();
        let action = request.header("X-Amz-Target").unwrap_or_default();
        let (region, service) = match (target.split('?').next(), action.as_str()) {
            (Some("/"), "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken") => {
                ("eu-west-1", "ecr")
            }
            (Some("/"), "SpencerFrontendService.GetAuthorizationToken") => {
                ("us-east-1", "ecr-public")
            }
            (Some("/v1/authorization-token"), "") => ("eu-west-1", "codeartifact"),
            _ => return self.refuse(404, &format!("no service at {target}")),
        };
        let access_key = signing::access_key(&request.head);
        let Some(secret_key) = (self.secret_of)(&access_key) else {
            return self.refuse(400, &format!("nobody knows the access key {access_key:?}"));
        };
        let signer = Signer::new(&access_key, &secret_key)
            .region(region)
            .service(service);
        if let Err(fault) = signing::verify_call(request, &signer) {
            return self.refuse(400, &fault);
        }
        if service != "codeartifact" && request.body != b"{}" {
            return self.refuse(400, "not an empty document");
        }
        self.hand_out(service)
    }

    fn refuse(&self, status: u16, fault: &str) -> Reply {
        self.state().faults.push(fault.to_owned());
        let body = "{\"__type\": \"com.amazonaws#InvalidSignatureException\", \"message\": \"no\"}";
        Reply::new(status, body)
    }

    fn hand_out(&self, service: &str) -> Reply {
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
        let issued = self.issue(service);
        let (text, at) = (&issued.text, issued.expires_at);
        Reply::new(
            200,
            match service {
                "ecr" => format!(
                    "{{\"authorizationData\": [{{\"authorizationToken\": \"{text}\",\
                     \"expiresAt\": {at}.123, \"proxyEndpoint\": \"https://registry\"}}]}}"
                ),
                "ecr-public" => format!(
                    "{{\"authorizationData\": {{\"authorizationToken\": \"{text}\",\
                     \"expiresAt\": {at}}}}}"
                ),
                _ => format!(
                    "{{\"authorizationToken\": \"{text}\", \"expiration\": \"{}\"}}",
                    iso8601(at)
                ),
            },
        )
    }

    fn issue(&self, service: &str) -> IssuedToken {
        let mut state = self.state();
        let number = state.issued.len() + 1;
        // As long as the real ones.
        let secret = format!("issued-token-SECRET-{number:06}-{}", "x".repeat(1500));
        let (text, authorizations) = if service == "codeartifact" {
            let basic = STANDARD.encode(format!("aws:{secret}"));
            let shown = vec![format!("Bearer {secret}"), format!("Basic {basic}")];
            (secret, shown)
        } else {
            let text = STANDARD.encode(format!("AWS:{secret}"));
            let mut shown = vec![format!("Basic {text}")];
            if service == "ecr-public" {
                shown.push(format!("Bearer {text}"));
            }
            (text, shown)
        };
        let issued = IssuedToken {
            text,
            authorizations,
            expires_at: now() + state.lifetime.as_secs(),
        };
        state.issued.push(issued.clone());
        issued
    }
}
