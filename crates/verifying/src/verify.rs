//! The verdict.

use aws_signing::{Signature, Signer, SigningKey, Timestamp, encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::canonical::{SignedRequest, check_lines};
use crate::claims::{Authentication, Claims, Place, header_error};
use crate::key_cache::KeyCache;
use crate::payload::{BodyRule, Declared, declared};
use crate::rejection::Rejection;
use crate::request::{Incoming, Settings};
use crate::user::{User, Users};

/// How far ahead the date of a presigned URL may be, in seconds.
const PRESIGNED_AHEAD: i64 = 15 * 60;

/// The most of a text of the client's that an error repeats.
const MOST_REPEATED: usize = 16 * 1024;

/// What there is to say of a request.
#[derive(Debug)]
pub enum Verdict {
    /// It carries no authentication, and that is allowed.
    Anonymous,
    /// It is signed by a user.
    Verified(Verified),
    /// It is, if the body's hash makes its signature right: everything else is.
    Pending(Pending),
}

/// A request that is signed by a user.
#[derive(Debug)]
pub struct Verified {
    /// The user's name.
    pub user: String,
    /// The access key ID.
    pub access_key_id: String,
    /// The region and the service that the request is signed for.
    pub region: String,
    /// See `region`.
    pub service: String,
    /// Where the signature is.
    pub place: Place,
    /// What the body has to be.
    pub body: BodyRule,
    /// When the request was signed.
    pub timestamp: Timestamp,
    /// The signature, which those of chunks follow.
    pub signature: [u8; 64],
    /// The key that made it.
    pub key: SigningKey,
    /// The scope of the key.
    pub scope: aws_signing::CredentialScope,
}

/// A request whose signature covers its body.
pub struct Pending {
    claims: Claims,
    request: SignedRequest,
    user: String,
    key: SigningKey,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Verifies the signature of a request at `now`, Unix time in seconds.
///
/// The checks are in the order in which S3 makes them: the form, the key, the time, the headers, the
/// signature. A request is [`Verdict::Anonymous`] only if it carries nothing that authenticates.
pub fn verify(
    incoming: &Incoming<'_>,
    users: &Users,
    settings: &Settings<'_>,
    keys: &mut KeyCache,
    now: i64,
) -> Result<Verdict, Rejection> {
    check_lines(incoming)?;
    let claims = match Claims::read(incoming)? {
        Authentication::V4(claims) => *claims,
        Authentication::V2 => {
            return Err(Rejection::invalid_request(
                "The authorization mechanism you have provided is not supported. Please use \
                 AWS4-HMAC-SHA256.",
            ));
        }
        Authentication::None if settings.is_optional => return Ok(Verdict::Anonymous),
        Authentication::None => return Err(Rejection::access_denied("Access Denied")),
    };
    check_scope(&claims, settings)?;
    let user = find_user(&claims, users, now)?;
    check_token(&claims, user)?;
    check_time(&claims, settings, now)?;
    check_signed_headers(incoming, &claims)?;
    let payload = declared(incoming, &claims, settings)?;

    let request = SignedRequest::new(incoming, &claims, settings).map_err(|name| {
        mismatch(&claims, None).because(format!(
            "the signed header \"{name}\" did not arrive: nginx drops headers whose names hold \"_\" \
             (underscores_in_headers) or \".\" (ignore_invalid_headers)"
        ))
    })?;
    let secret_hash = Sha256::digest(user.secret_access_key.as_bytes()).into();
    let cached = keys.find(&secret_hash, &claims.scope);
    let is_cached = cached.is_some();
    let key = cached
        .cloned()
        .unwrap_or_else(|| SigningKey::derive(user.secret_access_key.as_bytes(), &claims.scope));
    let (line, rule) = match payload {
        Declared::Known { line, rule } => (line, rule),
        Declared::Body => {
            return Ok(Verdict::Pending(Pending {
                claims,
                request,
                user: user.name.clone(),
                key,
            }));
        }
    };
    check_signature(&claims, &request, &line, &key)?;
    if !is_cached {
        keys.keep(secret_hash, &claims.scope, key.clone());
    }
    Ok(Verdict::Verified(verified(
        claims,
        user.name.clone(),
        rule,
        key,
    )))
}

impl Pending {
    /// Decides with the SHA-256 hash of the body.
    pub fn finish(self, body: &[u8; 32]) -> Result<Verified, Rejection> {
        let line = encode::hex32(body);
        check_signature(&self.claims, &self.request, &line, &self.key)?;
        Ok(verified(
            self.claims,
            self.user,
            BodyRule::Hash(*body),
            self.key,
        ))
    }
}

fn verified(claims: Claims, user: String, body: BodyRule, key: SigningKey) -> Verified {
    Verified {
        user,
        region: claims.scope.region().to_owned(),
        service: claims.scope.service().to_owned(),
        access_key_id: claims.access_key_id,
        place: claims.place,
        body,
        timestamp: claims.timestamp,
        signature: claims.signature,
        key,
        scope: claims.scope,
    }
}

fn check_scope(claims: &Claims, settings: &Settings<'_>) -> Result<(), Rejection> {
    let error = |reason: String| match claims.place {
        Place::Header => header_error(reason),
        Place::Query => Rejection::new(
            400,
            "AuthorizationQueryParametersError",
            format!("Error parsing the X-Amz-Credential parameter; {reason}"),
        ),
    };
    let (date, scope) = (claims.timestamp.date(), &claims.scope);
    if scope.date() != date {
        return Err(error(format!(
            "Invalid credential date \"{}\". This date is not the same as X-Amz-Date: \"{date}\".",
            scope.date()
        )));
    }
    if let Some(region) = settings.region
        && scope.region() != region
    {
        let reason = format!(
            "the region '{}' is wrong; expecting '{region}'",
            scope.region()
        );
        return Err(error(reason).with("Region", region));
    }
    if scope.service() != settings.service {
        return Err(error(format!(
            "incorrect service \"{}\". This endpoint belongs to \"{}\".",
            scope.service(),
            settings.service
        )));
    }
    Ok(())
}

fn find_user<'u>(claims: &Claims, users: &'u Users, now: i64) -> Result<&'u User, Rejection> {
    let unknown = || {
        Rejection::new(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        )
        .with("AWSAccessKeyId", claims.access_key_id.as_str())
    };
    let user = users.find(&claims.access_key_id).ok_or_else(unknown)?;
    match user.is_valid(now) {
        true => Ok(user),
        // The client is not told that there is such a key; the log is.
        false => Err(unknown().because(format!(
            "the key of user {} is disabled or expired",
            user.name
        ))),
    }
}

fn check_token(claims: &Claims, user: &User) -> Result<(), Rejection> {
    let is_right = match (&claims.token, &user.session_token) {
        (None, None) => true,
        (Some(token), Some(expected)) => token.ct_eq(expected.as_bytes()).into(),
        _ => false,
    };
    match is_right {
        true => Ok(()),
        false => Err(Rejection::new(
            400,
            "InvalidToken",
            "The provided token is malformed or otherwise invalid.",
        )),
    }
}

fn check_time(claims: &Claims, settings: &Settings<'_>, now: i64) -> Result<(), Rejection> {
    let signed = claims.timestamp.unix();
    let server_time = || Timestamp::from_unix(now).iso8601();
    let Some(expires) = claims.expires else {
        if (signed - now).abs() <= settings.skew {
            return Ok(());
        }
        return Err(Rejection::new(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )
        .with("RequestTime", claims.timestamp.amz_date())
        .with("ServerTime", server_time())
        .with(
            "MaxAllowedSkewMilliseconds",
            (settings.skew * 1000).to_string(),
        ));
    };
    if signed - now > PRESIGNED_AHEAD {
        return Err(Rejection::access_denied("Request is not valid yet")
            .with("X-Amz-Date", claims.timestamp.amz_date())
            .with("ServerTime", server_time()));
    }
    let end = signed + i64::from(expires);
    if now >= end {
        return Err(Rejection::access_denied("Request has expired")
            .with("X-Amz-Expires", expires.to_string())
            .with("Expires", Timestamp::from_unix(end).iso8601())
            .with("ServerTime", server_time()));
    }
    Ok(())
}

/// Host, each `x-amz-*` header and Content-MD5 have to be signed: what is not can be changed or added by
/// anybody on the way.
fn check_signed_headers(incoming: &Incoming<'_>, claims: &Claims) -> Result<(), Rejection> {
    let is_signed = |name: &str| {
        let names = &claims.signed_headers;
        names
            .binary_search_by(|signed| signed.as_str().cmp(name))
            .is_ok()
    };
    let mut missing = Vec::new();
    if !is_signed("host") {
        missing.push("host".to_owned());
    }
    for line in incoming.headers {
        let name = String::from_utf8_lossy(line.name).to_ascii_lowercase();
        let has_to_be = name.starts_with("x-amz-") || name == "content-md5";
        // The payload line covers it as well as a signed header would.
        let is_covered = name == "x-amz-content-sha256" && claims.place == Place::Header;
        if has_to_be && !is_covered && !is_signed(&name) && !missing.contains(&name) {
            missing.push(name);
        }
    }
    const SINGLE: [&str; 5] = [
        "date",
        "content-md5",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-security-token",
    ];
    for name in SINGLE {
        incoming
            .header(name)
            .map_err(|_| Rejection::repeated(name))?;
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Rejection::access_denied(
            "There were headers present in the request which were not signed",
        )
        .with("HeadersNotSigned", missing.join(", "))),
    }
}

fn check_signature(
    claims: &Claims,
    request: &SignedRequest,
    payload: &[u8],
    key: &SigningKey,
) -> Result<(), Rejection> {
    let mut signer = Signer::new();
    let mut expected = None;
    for spelling in request.spellings() {
        let signature = request
            .sign(&mut signer, spelling, payload, key, claims)
            .map_err(|error| mismatch(claims, None).because(error.to_string()))?;
        if bool::from(signature.hex().ct_eq(&claims.signature)) {
            return Ok(());
        }
        expected.get_or_insert_with(|| Texts::of(&signature));
    }
    Err(mismatch(claims, expected))
}

/// The texts from which the signature of the most usual spelling was computed.
struct Texts {
    string_to_sign: Vec<u8>,
    canonical_request: Vec<u8>,
}

impl Texts {
    fn of(signature: &Signature<'_>) -> Self {
        Self {
            string_to_sign: signature.string_to_sign().to_vec(),
            canonical_request: signature.canonical_request().to_vec(),
        }
    }
}

/// The error repeats what the client could have computed itself, so that it can find its mistake.
fn mismatch(claims: &Claims, expected: Option<Texts>) -> Rejection {
    let rejection = Rejection::new(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your \
         key and signing method.",
    )
    .with("AWSAccessKeyId", claims.access_key_id.as_str());
    let Some(expected) = expected else {
        return rejection;
    };
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_REPEATED)]).into_owned()
    };
    rejection
        .with("StringToSign", text(&expected.string_to_sign))
        .with("SignatureProvided", text(&claims.signature))
        .with("StringToSignBytes", hex_bytes(&expected.string_to_sign))
        .with("CanonicalRequest", text(&expected.canonical_request))
        .with(
            "CanonicalRequestBytes",
            hex_bytes(&expected.canonical_request),
        )
}

/// `41 57 53`
fn hex_bytes(text: &[u8]) -> String {
    let bytes = text.iter().take(MOST_REPEATED / 3);
    let bytes: Vec<_> = bytes.map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}
