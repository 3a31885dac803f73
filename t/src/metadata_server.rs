//! A stand-in for the services that issue temporary credentials, and an object store that takes them.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::issuer::{Issuer, iso8601, now};
use crate::raw_origin::{RawOrigin, RawRequest};
use crate::reply::Reply;
use crate::signer::Signer;
use crate::signing;

/// The role that the instance has.
const ROLE: &str = "web";

/// Credentials that the server has issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The access key, which tells one issue from another.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
    /// The session token.
    pub token: String,
    /// From when on an object store rejects them, in Unix seconds.
    pub expires_at: u64,
}

/// One server for three services, which a test turns into whatever it needs:
///
/// - the instance metadata service, version 2, at `/`;
/// - a container's credentials endpoint, at `/container`;
/// - STS, for `POST /`.
///
/// Each time it is asked it makes up new credentials: it is an [`Issuer`] of them.
pub struct MetadataServer {
    origin: RawOrigin,
    issuer: Arc<Issuer<Issued>>,
}

impl Deref for MetadataServer {
    type Target = Issuer<Issued>;

    fn deref(&self) -> &Self::Target {
        &self.issuer
    }
}

impl MetadataServer {
    /// Starts a server whose credentials live for an hour.
    #[track_caller]
    pub fn start() -> Self {
        let issuer = Arc::new(Issuer::new(Duration::from_secs(3600)));
        let origin = RawOrigin::start({
            let issuer = Arc::clone(&issuer);
            move |request| answer(&issuer, request)
        });
        Self { origin, issuer }
    }

    /// `127.0.0.1` and the port.
    pub fn address(&self) -> SocketAddr {
        self.origin.address()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.origin.port()
    }

    /// All requests, as they arrived.
    pub fn requests(&self) -> Vec<RawRequest> {
        self.origin.requests()
    }

    /// Waits until all credentials that it has issued so far have expired.
    #[track_caller]
    pub fn wait_for_expiry(&self) {
        let last = self.issued().iter().map(|issued| issued.expires_at).max();
        let last = last.expect("it has handed some out");
        crate::wait_until("all credentials have expired", || now() >= last);
    }

    /// Finds the secret key that it has issued with an access key.
    pub(crate) fn secrets(&self) -> impl Fn(&str) -> Option<String> + Send + Sync + 'static {
        let issuer = Arc::clone(&self.issuer);
        move |access_key| find(&issuer, access_key).map(|issued| issued.secret_key)
    }

    /// An object store that takes requests which are signed with credentials of this server, as long as
    /// those live, and answers them with `hello`. Others get 403, or 400 and `ExpiredToken`:
    /// [`refused`](Issuer::refused) has these codes.
    #[track_caller]
    pub fn store(&self) -> RawOrigin {
        self.store_in("us-east-1")
    }

    /// The same for signatures for `region`.
    #[track_caller]
    pub fn store_in(&self, region: &'static str) -> RawOrigin {
        let issuer = Arc::clone(&self.issuer);
        RawOrigin::start(move |request| match judge(&issuer, request, region) {
            Ok(()) => Reply::new(200, "hello"),
            Err((status, code)) => {
                issuer.note_refusal(code);
                Reply::with_headers(
                    status,
                    &[("Content-Type", "application/xml")],
                    format!("<Error><Code>{code}</Code><Token>secret echo</Token></Error>"),
                )
            }
        })
    }
}

fn answer(issuer: &Issuer<Issued>, request: &RawRequest) -> Reply {
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
                Some(ROLE) => issuer.hand_out(Issued::new, imds_document),
                _ => Reply::new(404, ""),
            }
        }
        ("GET", "/container") => issuer.hand_out(Issued::new, imds_document),
        ("POST", "/") => {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let action = if body.contains("Action=AssumeRoleWithWebIdentity") {
                "AssumeRoleWithWebIdentity"
            } else {
                "AssumeRole"
            };
            issuer.hand_out(Issued::new, |issued| sts_document(action, issued))
        }
        _ => Reply::new(404, ""),
    }
}

impl Issued {
    fn new(number: usize, expires_at: u64) -> Self {
        Self {
            access_key: format!("ASIAISSUED{number:06}"),
            secret_key: format!("issued/SECRET+{number:06}"),
            token: format!("issued-token-SECRET-{number:06}"),
            expires_at,
        }
    }
}

fn find(issuer: &Issuer<Issued>, access_key: &str) -> Option<Issued> {
    let mut issued = issuer.issued().into_iter();
    issued.find(|issued| issued.access_key == access_key)
}

/// What an object store thinks of a request: status and code where it rejects it.
fn judge(
    issuer: &Issuer<Issued>,
    request: &RawRequest,
    region: &str,
) -> Result<(), (u16, &'static str)> {
    let access_key = signing::access_key(&request.head);
    let issued = find(issuer, &access_key).ok_or((403, "InvalidAccessKeyId"))?;
    if issued.expires_at <= now() {
        return Err((400, "ExpiredToken"));
    }
    if request.head.header("x-amz-security-token").as_ref() != Some(&issued.token) {
        return Err((403, "InvalidToken"));
    }
    let signer = Signer::new(&issued.access_key, &issued.secret_key).region(region);
    signing::verify(&request.head, &signer).map_err(|_| (403, "SignatureDoesNotMatch"))
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
