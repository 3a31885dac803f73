//! A stand-in for the services that issue tokens, which verifies signatures; and a server that
//! accepts its tokens.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::issuer::{Issuer, iso8601, now};
use crate::metadata_server::MetadataServer;
use crate::nginx::Builder;
use crate::raw_origin::{RawOrigin, RawRequest};
use crate::reply::Reply;
use crate::signer::Signer;
use crate::signing;

const ACCESS_KEY: &str = "AKIDTOKENS";
const SECRET_KEY: &str = "tokens/SECRET+KEY";

/// A token that the service has issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    /// As it stood in the response.
    pub text: String,
    /// What it proves, as `Authorization` has it.
    authorizations: Vec<String>,
    /// From when on it is rejected, in Unix seconds.
    pub expires_at: u64,
}

/// One server for three services, which a test turns into whatever it needs:
///
/// - ECR in eu-west-1, and its public sister in us-east-1, at `POST /`;
/// - CodeArtifact in eu-west-1, at `POST /v1/authorization-token`.
///
/// Who asks must sign with the keys of [`environment`](Self::environment);
/// [`refused`](Issuer::refused) says what was wrong with requests. Each time it is asked it makes up
/// a new token: it is an [`Issuer`] of them.
pub struct TokenService {
    origin: RawOrigin,
    issuer: Arc<Issuer<IssuedToken>>,
}

impl Deref for TokenService {
    type Target = Issuer<IssuedToken>;

    fn deref(&self) -> &Self::Target {
        &self.issuer
    }
}

impl TokenService {
    /// Starts a server whose tokens live for twelve hours.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_for(|access_key| (access_key == ACCESS_KEY).then(|| SECRET_KEY.to_owned()))
    }

    /// The same for who signs with what `metadata` issues, rather than with the keys of
    /// [`environment`](Self::environment).
    #[track_caller]
    pub fn start_for_instance(metadata: &MetadataServer) -> Self {
        Self::start_for(metadata.secrets())
    }

    /// `secret_of` finds the secret key of who signs with an access key.
    fn start_for(secret_of: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let issuer = Arc::new(Issuer::new(Duration::from_secs(12 * 3600)));
        let origin = RawOrigin::start({
            let issuer = Arc::clone(&issuer);
            move |request| match service_for(request, &secret_of) {
                Ok(service) => issuer.hand_out(
                    |number, expires_at| IssuedToken::new(service, number, expires_at),
                    |issued| document(service, issued),
                ),
                Err((status, fault)) => {
                    issuer.note_refusal(&fault);
                    Reply::new(status, REFUSAL)
                }
            }
        });
        Self { origin, issuer }
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

    /// All requests, as they arrived.
    pub fn requests(&self) -> Vec<RawRequest> {
        self.origin.requests()
    }

    /// A server that responds with `hello` to requests with a valid token of this service, and with
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
        let issuer = Arc::clone(&self.issuer);
        move |request| {
            let shown = request.header_all("Authorization");
            let issued = issuer.issued();
            let alive = issued.iter().filter(|it| it.expires_at > now());
            let mut good = alive.flat_map(|it| &it.authorizations);
            matches!(&shown[..], [shown] if good.any(|good| good == shown))
        }
    }
}

const REFUSAL: &str =
    "{\"__type\": \"com.amazonaws#InvalidSignatureException\", \"message\": \"no\"}";

/// The service that is asked, or what is wrong with the request and the status that says so.
fn service_for(
    request: &RawRequest,
    secret_of: impl Fn(&str) -> Option<String>,
) -> Result<&'static str, (u16, String)> {
    let target = request.target();
    let action = request.header("X-Amz-Target").unwrap_or_default();
    let (region, service) = match (target.split('?').next(), action.as_str()) {
        (Some("/"), "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken") => {
            ("eu-west-1", "ecr")
        }
        (Some("/"), "SpencerFrontendService.GetAuthorizationToken") => ("us-east-1", "ecr-public"),
        (Some("/v1/authorization-token"), "") => ("eu-west-1", "codeartifact"),
        _ => return Err((404, format!("no service at {target}"))),
    };
    let access_key = signing::access_key(&request.head);
    let secret_key = secret_of(&access_key)
        .ok_or_else(|| (400, format!("nobody knows the access key {access_key:?}")))?;
    let signer = Signer::new(&access_key, &secret_key)
        .region(region)
        .service(service);
    signing::verify_call(request, &signer).map_err(|fault| (400, fault))?;
    if service != "codeartifact" && request.body != b"{}" {
        return Err((400, "not an empty document".to_owned()));
    }
    Ok(service)
}

impl IssuedToken {
    fn new(service: &str, number: usize, expires_at: u64) -> Self {
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
        Self {
            text,
            authorizations,
            expires_at,
        }
    }
}

fn document(service: &str, issued: &IssuedToken) -> String {
    let (text, at) = (&issued.text, issued.expires_at);
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
    }
}
