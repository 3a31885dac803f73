//! Every way in which authentication can be wrong: one line each, with the status, the code, and what the
//! error says.

use aws_signing::query::Canonicalizer;
use aws_signing::{
    CredentialScope, EMPTY_PAYLOAD_SHA256, Header, Request, Signer, SigningKey, Timestamp,
    UNSIGNED_PAYLOAD,
};
use aws_verifying::{
    BodyRule, Incoming, KeyCache, Rejection, Settings, User, Users, Verdict, verify,
};

const NOW: i64 = 1_369_353_600;
const DATE: &str = "20130524T000000Z";
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const HOST: &str = "examplebucket.s3.amazonaws.com";

/// A request that a test changes before it is verified.
#[derive(Clone, Debug)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    host: String,
    is_tls: bool,
    /// Whether the path is signed as it is sent, with reserved characters.
    signs_raw_path: bool,
}

impl Sent {
    /// GET of an object, not signed yet.
    fn get() -> Self {
        Self {
            method: "GET".to_owned(),
            path: "/test.txt".to_owned(),
            query: String::new(),
            headers: vec![
                ("Host".to_owned(), HOST.to_owned()),
                ("x-amz-date".to_owned(), DATE.to_owned()),
                (
                    "x-amz-content-sha256".to_owned(),
                    EMPTY_PAYLOAD_SHA256.to_owned(),
                ),
            ],
            host: HOST.to_owned(),
            is_tls: true,
            signs_raw_path: false,
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.with(name, value)
    }

    fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    fn value(&self, name: &str) -> String {
        let header = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Signs all headers but those that are named here, by a key of this scope.
    fn signed_in(self, scope: &str, date: &str, unsigned: &[&str]) -> Self {
        let scope = CredentialScope::parse(scope).expect("a scope");
        let (_, authorization) = self.signature(&scope, date, unsigned);
        self.with("Authorization", &authorization)
    }

    fn signed(self) -> Self {
        self.signed_in("20130524/us-east-1/s3/aws4_request", DATE, &[])
    }

    fn signature(
        &self,
        scope: &CredentialScope,
        date: &str,
        unsigned: &[&str],
    ) -> (String, String) {
        let (mut path, mut query) = (Vec::new(), Vec::new());
        match self.signs_raw_path {
            true => path.extend_from_slice(self.path.as_bytes()),
            false => aws_signing::path::s3(self.path.as_bytes(), &mut path),
        }
        Canonicalizer::new().write(self.query.as_bytes(), |_| true, &mut query);
        let is_signed = |name: &str| {
            !unsigned
                .iter()
                .any(|other| other.eq_ignore_ascii_case(name))
        };
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| is_signed(name))
            .map(|(name, value)| Header {
                name: name.as_bytes(),
                value: value.as_bytes(),
            })
            .collect();
        let payload = match self.value("x-amz-content-sha256") {
            empty if empty.is_empty() => UNSIGNED_PAYLOAD.to_owned(),
            value => value,
        };
        let mut request = Request {
            method: self.method.as_bytes(),
            path: &path,
            query: &query,
            headers: &mut headers,
            payload: payload.as_bytes(),
        };
        let unix = NOW + if date == DATE { 0 } else { unix_of(date) - NOW };
        let key = SigningKey::derive(SECRET.as_bytes(), scope);
        let mut signer = Signer::new();
        let signature = signer
            .sign(&mut request, &key, scope, &Timestamp::from_unix(unix))
            .expect("signed");
        let mut authorization = Vec::new();
        signature.write_authorization(KEY.as_bytes(), &mut authorization);
        let hex = String::from_utf8(signature.hex().to_vec()).expect("digits");
        (hex, String::from_utf8(authorization).expect("text"))
    }

    fn verify_with(&self, settings: &Settings<'_>, now: i64) -> Result<Verdict, Rejection> {
        self.verify_by(&users(), settings, &mut KeyCache::default(), now)
    }

    fn verify_by(
        &self,
        users: &Users,
        settings: &Settings<'_>,
        keys: &mut KeyCache,
        now: i64,
    ) -> Result<Verdict, Rejection> {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| Header {
                name: name.as_bytes(),
                value: value.as_bytes(),
            })
            .collect();
        let incoming = Incoming {
            method: self.method.as_bytes(),
            path: self.path.as_bytes(),
            query: self.query.as_bytes(),
            headers: &headers,
            host: self.host.as_bytes(),
            is_tls: self.is_tls,
        };
        verify(&incoming, users, settings, keys, now)
    }

    fn verify(&self) -> Result<Verdict, Rejection> {
        self.verify_with(&SETTINGS, NOW)
    }
}

/// Only of the day of the tests.
fn unix_of(date: &str) -> i64 {
    let number = |from: usize| date[from..from + 2].parse::<i64>().expect("a number");
    NOW + (number(6) - 24) * 86_400 + number(9) * 3600 + number(11) * 60 + number(13)
}

const SETTINGS: Settings<'static> = Settings {
    region: Some("us-east-1"),
    service: "s3",
    skew: 900,
    accepts_unsigned_payload: false,
    is_optional: false,
};

fn user(name: &str, key: &str) -> User {
    User {
        name: name.to_owned(),
        access_key_id: key.to_owned(),
        secret_access_key: SECRET.to_owned().into(),
        session_token: None,
        is_enabled: true,
        not_before: None,
        expires: None,
    }
}

fn users() -> Users {
    let disabled = User {
        is_enabled: false,
        ..user("disabled", "AKIADISABLED")
    };
    let past = User {
        expires: Some(NOW),
        ..user("past", "AKIAPAST")
    };
    let future = User {
        not_before: Some(NOW + 1),
        ..user("future", "AKIAFUTURE")
    };
    let temporary = User {
        session_token: Some("TOKEN".to_owned().into()),
        ..user("temporary", "ASIATEMPORARY")
    };
    let slashes = user("slashes", "team/a/key");
    Users::new(vec![
        user("alice", KEY),
        disabled,
        past,
        future,
        temporary,
        slashes,
    ])
    .expect("users")
}

/// A request with an Authorization header that is changed after it was signed.
fn header(change: impl FnOnce(String) -> String) -> Sent {
    let sent = Sent::get().signed();
    let value = change(sent.value("Authorization"));
    sent.set("Authorization", &value)
}

/// A presigned request, with changes of its parameters before it is signed (`None` removes one) and
/// after that.
fn presigned(before: &[(&str, Option<&str>)], after: impl FnOnce(String) -> String) -> Sent {
    let mut parameters = vec![
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        (
            "X-Amz-Credential",
            "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request",
        ),
        ("X-Amz-Date", DATE),
        ("X-Amz-Expires", "86400"),
        ("X-Amz-SignedHeaders", "host"),
    ];
    for (name, value) in before {
        parameters.retain(|(other, _)| other != name);
        if let Some(value) = value {
            parameters.push((*name, value));
        }
    }
    let query: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut sent = Sent::get()
        .without("x-amz-date")
        .without("x-amz-content-sha256");
    sent.query = query.join("&");
    let scope = CredentialScope::parse("20130524/us-east-1/s3/aws4_request").expect("a scope");
    let date = parameters
        .iter()
        .find(|(name, _)| *name == "X-Amz-Date")
        .map_or(DATE, |(_, date)| date);
    let date = if date.len() == 16 && date.starts_with("201305") {
        date
    } else {
        DATE
    };
    let (signature, _) = sent.signature(&scope, date, &[]);
    sent.query = after(format!("{}&X-Amz-Signature={signature}", sent.query));
    sent
}

fn is_verified(verdict: &Result<Verdict, Rejection>) -> bool {
    matches!(verdict, Ok(Verdict::Verified(_)))
}

#[track_caller]
fn rejected(sent: &Sent, status: u16, code: &str, part: &str) {
    rejected_with(sent, &SETTINGS, NOW, status, code, part);
}

#[track_caller]
fn rejected_with(
    sent: &Sent,
    settings: &Settings<'_>,
    now: i64,
    status: u16,
    code: &str,
    part: &str,
) {
    let rejection = sent.verify_with(settings, now).expect_err("a rejection");
    let text = format!("{rejection:?}");
    assert_eq!((rejection.status, rejection.code), (status, code), "{text}");
    assert!(text.contains(part), "{part} in {text}");
    assert!(!text.contains(SECRET), "{text}");
}

#[test]
fn good_requests() {
    assert!(is_verified(&Sent::get().signed().verify()));
    assert!(is_verified(&presigned(&[], |query| query).verify()));
    let no_blanks = header(|value| value.replace(", ", ","));
    assert!(is_verified(&no_blanks.verify()));
    let other_order = header(|value| {
        let (algorithm, rest) = value.split_once(' ').expect("a blank");
        let parts: Vec<_> = rest.split(", ").collect();
        format!("{algorithm} {}, {}, {}", parts[2], parts[0], parts[1])
    });
    assert!(is_verified(&other_order.verify()));
    let by_date = Sent::get()
        .without("x-amz-date")
        .with("Date", "Fri, 24 May 2013 00:00:00 GMT")
        .signed();
    assert!(is_verified(&by_date.verify()));
    let x_amz_date_wins = Sent::get()
        .with("Date", "Fri, 24 May 1999 00:00:00 GMT")
        .signed();
    assert!(is_verified(&x_amz_date_wins.verify()));
    let unsigned = Sent::get()
        .set("x-amz-content-sha256", UNSIGNED_PAYLOAD)
        .signed();
    assert!(matches!(unsigned.verify(), Ok(Verdict::Verified(good)) if good.body == BodyRule::Any));
    let amzn = Sent::get().signed().with("x-amzn-trace-id", "Root=1");
    assert!(is_verified(&amzn.verify()), "x-amzn- is not x-amz-");
}

#[test]
fn spellings_of_the_host_and_the_path() {
    let with_port = Sent::get().set("Host", &format!("{HOST}:443")).signed();
    let sent_without = Sent {
        host: HOST.to_owned(),
        ..with_port.clone().set("Host", HOST)
    };
    assert!(
        is_verified(&sent_without.verify()),
        "signed with the port, sent without"
    );
    let without_port = Sent::get().signed();
    let host = format!("{HOST}:443");
    let sent_with = Sent {
        host: host.clone(),
        ..without_port.clone().set("Host", &host)
    };
    assert!(
        is_verified(&sent_with.verify()),
        "signed without the port, sent with it"
    );
    let host = format!("{HOST}:8443");
    let other_port = Sent {
        host: host.clone(),
        ..without_port.set("Host", &host)
    };
    rejected(&other_port, 403, "SignatureDoesNotMatch", "8443");

    for (signed, sent) in [
        ("/a%20b", "/%61%20b"),
        ("/a(1)", "/a%281%29"),
        ("/~", "/%7e"),
        ("//a//", "//a//"),
    ] {
        let request = Sent {
            path: signed.to_owned(),
            ..Sent::get()
        }
        .signed();
        let request = Sent {
            path: sent.to_owned(),
            ..request
        };
        assert!(is_verified(&request.verify()), "{signed} sent as {sent}");
    }
    for (signed, sent) in [
        ("/a+b", "/a%20b"),
        ("/a/b", "/a//b"),
        ("/a/../b", "/b"),
        ("/a", "/A"),
    ] {
        let request = Sent {
            path: signed.to_owned(),
            ..Sent::get()
        }
        .signed();
        let request = Sent {
            path: sent.to_owned(),
            ..request
        };
        rejected(&request, 403, "SignatureDoesNotMatch", sent);
    }
}

#[test]
fn a_path_with_reserved_characters_is_signed_in_either_form() {
    for signs_raw_path in [false, true] {
        let sent = Sent {
            path: "/a(1)".to_owned(),
            signs_raw_path,
            ..Sent::get()
        };
        let sent = sent.signed();
        assert!(is_verified(&sent.verify()), "{sent:?}");
        // The error repeats the usual form, and the host as it was sent.
        let altered = sent.set("x-amz-date", "20130524T000001Z");
        rejected(
            &altered,
            403,
            "SignatureDoesNotMatch",
            &format!("/a%281%29\\n\\nhost:{HOST}\\n"),
        );
    }
}

#[test]
fn a_kept_key_is_that_of_one_secret_and_scope() {
    let mut keys = KeyCache::default();
    let sent = Sent::get().signed();
    assert!(is_verified(&sent.verify_by(
        &users(),
        &SETTINGS,
        &mut keys,
        NOW
    )));
    let other_secret = User {
        secret_access_key: "another".to_owned().into(),
        ..user("alice", KEY)
    };
    let others = Users::new(vec![other_secret]).expect("users");
    let rejection = sent.verify_by(&others, &SETTINGS, &mut keys, NOW);
    assert_eq!(
        rejection.expect_err("a rejection").code,
        "SignatureDoesNotMatch"
    );
    let settings = Settings {
        region: None,
        ..SETTINGS
    };
    let elsewhere = Sent::get().signed_in("20130524/eu-west-1/s3/aws4_request", DATE, &[]);
    assert!(is_verified(&elsewhere.verify_by(
        &users(),
        &settings,
        &mut keys,
        NOW
    )));
}

#[test]
fn authorization_headers() {
    let malformed = "AuthorizationHeaderMalformed";
    let cases: [(Sent, u16, &str, &str); 24] = [
        (Sent::get(), 403, "AccessDenied", ""),
        (
            header(|_| String::new()),
            400,
            "InvalidArgument",
            "Unsupported Authorization Type",
        ),
        (
            header(|_| "Basic dXNlcjpwYXNz".into()),
            400,
            "InvalidArgument",
            "Unsupported",
        ),
        (
            header(|value| value.replace("SHA256 ", "SHA256")),
            400,
            "InvalidArgument",
            "",
        ),
        (
            header(|value| value.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA2")),
            400,
            "InvalidArgument",
            "",
        ),
        (
            header(|value| value.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256x")),
            400,
            "InvalidArgument",
            "",
        ),
        (
            header(|value| value.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")),
            501,
            "NotImplemented",
            "4A",
        ),
        (
            header(|_| format!("AWS {KEY}:abc=")),
            400,
            "InvalidRequest",
            "Please use AWS4-HMAC-SHA256",
        ),
        (
            header(|value| value.replace("Signature=", "Sig=")),
            400,
            malformed,
            "Sig",
        ),
        (
            header(|value| value.split(", Signature").next().unwrap_or_default().into()),
            400,
            malformed,
            "Signature is missing",
        ),
        (
            header(|value| format!("{value}, Signature=00")),
            400,
            malformed,
            "repeated",
        ),
        (header(|value| format!("{value},")), 400, malformed, ""),
        (
            header(|value| value.replace("Signature=", "Signature=0")),
            400,
            malformed,
            "64",
        ),
        (
            header(|value| value[..value.len() - 1].into()),
            400,
            malformed,
            "64",
        ),
        (
            header(|value| {
                let at = value.len() - 64;
                value[..at].to_owned() + &value[at..].to_uppercase()
            }),
            400,
            malformed,
            "lower case",
        ),
        (
            header(|value| value.replace("SignedHeaders=host", "SignedHeaders=Host")),
            400,
            malformed,
            "SignedHeaders",
        ),
        (
            header(|value| value.replace("SignedHeaders=host", "SignedHeaders=;host")),
            400,
            malformed,
            "SignedHeaders",
        ),
        (
            header(|value| value.replace("SignedHeaders=host", "SignedHeaders=host;host")),
            400,
            malformed,
            "SignedHeaders",
        ),
        (
            header(|value| value.replace("host;x-amz-content-sha256", "x-amz-content-sha256;host")),
            400,
            malformed,
            "SignedHeaders",
        ),
        (
            header(|value| value.replace(KEY, "")),
            400,
            malformed,
            "Credential",
        ),
        (
            header(|value| value.replace("/us-east-1", "")),
            400,
            malformed,
            "Credential",
        ),
        (
            header(|value| value.replace("aws4_request", "aws4_reques")),
            400,
            malformed,
            "Credential",
        ),
        (
            header(|value| value.replace(KEY, "AKIAUNKNOWN")),
            403,
            "InvalidAccessKeyId",
            "AKIAUNKNOWN",
        ),
        (
            header(|value| value.replace(KEY, &format!("x/{KEY}"))),
            403,
            "InvalidAccessKeyId",
            "x/AKIA",
        ),
    ];
    for (sent, status, code, part) in &cases {
        rejected(sent, *status, code, part);
    }
}

#[test]
fn scopes() {
    let signed = |scope: &str| Sent::get().signed_in(scope, DATE, &[]);
    let code = "AuthorizationHeaderMalformed";
    rejected(
        &signed("20130524/eu-west-1/s3/aws4_request"),
        400,
        code,
        "the region 'eu-west-1' is wrong; expecting 'us-east-1'",
    );
    rejected(
        &signed("20130524/eu-west-1/s3/aws4_request"),
        400,
        code,
        "Element { name: \"Region\", value: \"us-east-1\" }",
    );
    rejected(
        &signed("20130524/us-east-1/iam/aws4_request"),
        400,
        code,
        "incorrect service \\\"iam\\\"",
    );
    rejected(
        &signed("20130523/us-east-1/s3/aws4_request"),
        400,
        code,
        "Invalid credential date",
    );
    let any_region = Settings {
        region: None,
        ..SETTINGS
    };
    let verdict = signed("20130524/eu-west-1/s3/aws4_request").verify_with(&any_region, NOW);
    assert!(
        matches!(verdict, Ok(Verdict::Verified(good)) if good.region == "eu-west-1" && good.user == "alice")
    );
}

#[test]
fn users_that_may_not() {
    for key in ["AKIADISABLED", "AKIAPAST", "AKIAFUTURE"] {
        let sent = header(|value| value.replace(KEY, key));
        rejected(&sent, 403, "InvalidAccessKeyId", "does not exist");
    }
    // The secret is the same: only the token is missing, too much, or wrong.
    let temporary = |token: Option<&str>| {
        let sent = token
            .map_or_else(Sent::get, |token| {
                Sent::get().with("x-amz-security-token", token)
            })
            .signed();
        let value = sent.value("Authorization").replace(KEY, "ASIATEMPORARY");
        sent.set("Authorization", &value)
    };
    rejected(&temporary(None), 400, "InvalidToken", "");
    rejected(&temporary(Some("OTHER")), 400, "InvalidToken", "");
    assert!(is_verified(&temporary(Some("TOKEN")).verify()));
    rejected(
        &Sent::get().with("x-amz-security-token", "TOKEN").signed(),
        400,
        "InvalidToken",
        "",
    );
    let slashes = header(|value| value.replace(KEY, "team/a/key"));
    assert!(
        is_verified(&slashes.verify()),
        "the same secret, and a key with slashes"
    );
}

#[test]
fn times() {
    for (seconds, good) in [(900, true), (-900, true), (901, false), (-901, false)] {
        let sent = Sent::get().signed();
        let verdict = sent.verify_with(&SETTINGS, NOW + seconds);
        assert_eq!(is_verified(&verdict), good, "{seconds}");
    }
    let sent = Sent::get().signed();
    for part in ["20130524T000000Z", "2013-05-24T00:20:00Z", "900000"] {
        rejected_with(
            &sent,
            &SETTINGS,
            NOW + 1200,
            403,
            "RequestTimeTooSkewed",
            part,
        );
    }
    let code = "AccessDenied";
    rejected(
        &Sent::get().without("x-amz-date").signed(),
        403,
        code,
        "valid Date or x-amz-date",
    );
    rejected(
        &Sent::get().set("x-amz-date", "2013-05-24").signed(),
        403,
        code,
        "valid Date or x-amz-date",
    );
    rejected(
        &Sent::get().with("x-amz-date", DATE).signed(),
        400,
        "InvalidRequest",
        "x-amz-date",
    );
}

#[test]
fn presigned_requests() {
    let code = "AuthorizationQueryParametersError";
    let needs = "Query-string authentication version 4 requires";
    let keep = |query: String| query;
    for name in [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
    ] {
        rejected(&presigned(&[(name, None)], keep), 400, code, needs);
    }
    let unsigned = presigned(&[], |query| {
        query
            .split("&X-Amz-Signature")
            .next()
            .unwrap_or_default()
            .into()
    });
    rejected(&unsigned, 400, code, needs);
    let only_key = Sent {
        query: "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE".into(),
        ..Sent::get().without("x-amz-date")
    };
    rejected_with(
        &only_key,
        &Settings {
            is_optional: true,
            ..SETTINGS
        },
        NOW,
        400,
        code,
        needs,
    );

    let cases: [(Sent, u16, &str, &str); 22] = [
        (
            presigned(&[("X-Amz-Algorithm", Some("AWS4-HMAC-SHA1"))], keep),
            400,
            code,
            "X-Amz-Algorithm only supports",
        ),
        (
            presigned(&[("X-Amz-Algorithm", Some("AWS4-HMAC-SHA256%20"))], keep),
            400,
            code,
            "X-Amz-Algorithm",
        ),
        (
            presigned(&[("X-Amz-Algorithm", Some("AWS4-ECDSA-P256-SHA256"))], keep),
            501,
            "NotImplemented",
            "",
        ),
        (
            presigned(&[("X-Amz-Expires", Some("604801"))], keep),
            400,
            code,
            "604800",
        ),
        (
            presigned(&[("X-Amz-Expires", Some("99999999999"))], keep),
            400,
            code,
            "604800",
        ),
        (
            presigned(&[("X-Amz-Expires", Some("-1"))], keep),
            400,
            code,
            "non-negative",
        ),
        (
            presigned(&[("X-Amz-Expires", Some("+1"))], keep),
            400,
            code,
            "number",
        ),
        (
            presigned(&[("X-Amz-Expires", Some("1h"))], keep),
            400,
            code,
            "number",
        ),
        (
            presigned(&[("X-Amz-Expires", Some(""))], keep),
            400,
            code,
            "number",
        ),
        (
            presigned(&[("X-Amz-Expires", Some("0"))], keep),
            403,
            "AccessDenied",
            "Request has expired",
        ),
        (
            presigned(&[("X-Amz-Date", Some("2013-05-24"))], keep),
            400,
            code,
            "ISO8601",
        ),
        (
            presigned(&[("X-Amz-Date", Some("20130524T001501Z"))], keep),
            403,
            "AccessDenied",
            "Request is not valid yet",
        ),
        (
            presigned(&[("X-Amz-SignedHeaders", Some(""))], keep),
            400,
            code,
            "X-Amz-SignedHeaders",
        ),
        (
            presigned(&[("X-Amz-SignedHeaders", Some("host%3Bhost"))], keep),
            400,
            code,
            "X-Amz-SignedHeaders",
        ),
        (
            presigned(&[("X-Amz-Credential", Some("AKIAIOSFODNN7EXAMPLE"))], keep),
            400,
            code,
            "X-Amz-Credential",
        ),
        (
            presigned(&[("X-Amz-Security-Token", Some("TOKEN"))], keep),
            400,
            "InvalidToken",
            "",
        ),
        (
            presigned(&[], |query| {
                query.replace("X-Amz-Signature=", "X-Amz-Signature=0")
            }),
            400,
            code,
            "X-Amz-Signature",
        ),
        (
            presigned(&[], |query| {
                query.replace("X-Amz-Signature", "x-amz-signature")
            }),
            400,
            code,
            "written exactly so",
        ),
        (
            presigned(&[], |query| query.replace("X-Amz-Date", "X%2DAmz-Date")),
            400,
            code,
            "written exactly so",
        ),
        (
            presigned(&[], |query| format!("{query}&X-Amz-Expires=86400")),
            400,
            code,
            "must not be repeated",
        ),
        (
            presigned(&[], |query| format!("{query}&x=1")),
            403,
            "SignatureDoesNotMatch",
            "x=1",
        ),
        (
            presigned(&[], keep).with("x-amz-acl", "public-read"),
            403,
            "AccessDenied",
            "x-amz-acl",
        ),
    ];
    for (sent, status, code, part) in &cases {
        rejected(sent, *status, code, part);
    }
}

#[test]
fn presigned_requests_expire_exactly() {
    let sent = presigned(&[], |query| query);
    assert!(is_verified(&sent.verify_with(&SETTINGS, NOW + 86_399)));
    for part in ["86400", "2013-05-25T00:00:00Z"] {
        rejected_with(&sent, &SETTINGS, NOW + 86_400, 403, "AccessDenied", part);
    }
    let early = presigned(&[("X-Amz-Date", Some("20130524T001500Z"))], |query| query);
    assert!(is_verified(&early.verify()), "15 minutes ahead");
}

#[test]
fn one_mechanism_at_a_time() {
    let both = |sent: Sent| Sent {
        query: "X-Amz-Signature=0".into(),
        ..sent
    };
    rejected(
        &both(Sent::get().signed()),
        400,
        "InvalidArgument",
        "Only one auth mechanism allowed",
    );
    let v2 = Sent {
        query: format!("AWSAccessKeyId={KEY}&Signature=x&Expires=1"),
        ..Sent::get()
    };
    rejected(&v2, 400, "InvalidRequest", "Please use AWS4-HMAC-SHA256");
    rejected(
        &v2.clone().signed(),
        400,
        "InvalidArgument",
        "Only one auth mechanism allowed",
    );
    let mixed = Sent {
        query: format!("{}&X-Amz-Expires=1", v2.query),
        ..Sent::get()
    };
    rejected(
        &mixed,
        400,
        "InvalidArgument",
        "Only one auth mechanism allowed",
    );
}

#[test]
fn headers_that_have_to_be_signed() {
    let unsigned = |name: &str, value: &str| {
        Sent::get()
            .with(name, value)
            .signed_in("20130524/us-east-1/s3/aws4_request", DATE, &[name])
    };
    rejected(
        &unsigned("x-amz-acl", "private"),
        403,
        "AccessDenied",
        "\"HeadersNotSigned\", value: \"x-amz-acl\"",
    );
    rejected(
        &unsigned("X-Amz-Meta-A", "1"),
        403,
        "AccessDenied",
        "x-amz-meta-a",
    );
    rejected(
        &unsigned("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
        403,
        "AccessDenied",
        "content-md5",
    );
    assert!(is_verified(
        &unsigned("Content-Type", "text/plain").verify()
    ));
    let no_host = header(|value| value.replace("host;", ""));
    rejected(
        &no_host,
        403,
        "AccessDenied",
        "\"HeadersNotSigned\", value: \"host\"",
    );
    let missing = Sent::get()
        .with("x-amz-meta-a.b", "1")
        .signed()
        .without("x-amz-meta-a.b");
    rejected(&missing, 403, "SignatureDoesNotMatch", "x-amz-meta-a.b");
    let date = Sent::get().signed_in("20130524/us-east-1/s3/aws4_request", DATE, &["x-amz-date"]);
    rejected(&date, 403, "AccessDenied", "x-amz-date");
}

#[test]
fn payloads() {
    let with = |value: &str| Sent::get().set("x-amz-content-sha256", value).signed();
    rejected(
        &Sent::get().without("x-amz-content-sha256").signed(),
        400,
        "InvalidRequest",
        "x-amz-content-sha256",
    );
    for value in [
        "",
        "UNSIGNED",
        "unsigned-payload",
        &EMPTY_PAYLOAD_SHA256[1..],
        &EMPTY_PAYLOAD_SHA256.to_uppercase(),
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    ] {
        let sent = with(if value.is_empty() { "x" } else { value });
        rejected(&sent, 400, "InvalidArgument", "x-amz-content-sha256");
    }
    rejected(
        &with("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"),
        501,
        "NotImplemented",
        "",
    );
    rejected(
        &with("STREAMING-AWS4-HMAC-SHA256-EVENTS"),
        501,
        "NotImplemented",
        "",
    );
    for value in [
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    ] {
        assert!(
            matches!(with(value).verify(), Ok(Verdict::Verified(good)) if matches!(good.body, BodyRule::Chunks(_)))
        );
    }
    for value in [UNSIGNED_PAYLOAD, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        let plain = Sent {
            is_tls: false,
            ..with(value)
        };
        rejected(&plain, 400, "InvalidRequest", "over TLS only");
        let settings = Settings {
            accepts_unsigned_payload: true,
            ..SETTINGS
        };
        assert!(is_verified(&plain.verify_with(&settings, NOW)));
    }
    let in_url = presigned(
        &[(
            "X-Amz-Content-Sha256",
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        )],
        |query| query,
    );
    rejected(&in_url, 400, "InvalidArgument", "x-amz-content-sha256");
    let both = presigned(
        &[
            ("X-Amz-Content-Sha256", Some(UNSIGNED_PAYLOAD)),
            ("X-Amz-SignedHeaders", Some("host;x-amz-content-sha256")),
        ],
        |query| query,
    );
    let both = both.with("x-amz-content-sha256", EMPTY_PAYLOAD_SHA256);
    rejected(&both, 400, "InvalidArgument", EMPTY_PAYLOAD_SHA256);
    let spelled = presigned(
        &[("x-amz-content-sha256", Some(UNSIGNED_PAYLOAD))],
        |query| query,
    );
    rejected(
        &spelled,
        400,
        "AuthorizationQueryParametersError",
        "X-Amz-Content-Sha256",
    );
}

#[test]
fn repeated_headers() {
    for name in [
        "x-amz-content-sha256",
        "content-md5",
        "x-amz-decoded-content-length",
        "Date",
        "Authorization",
    ] {
        let sent = Sent::get().set(name, "1").with(name, "1");
        let sent = if name == "Authorization" {
            sent
        } else {
            sent.signed()
        };
        rejected(
            &sent,
            400,
            "InvalidRequest",
            &name.to_ascii_lowercase()[1..],
        );
    }
    let joined = Sent::get()
        .with("x-amz-meta-a", "1")
        .with("x-amz-meta-a", " 2  3 ")
        .signed();
    assert!(is_verified(&joined.verify()), "others are joined");
}

#[test]
fn targets_that_cannot_be_signed() {
    for (path, query) in [
        ("/a b", ""),
        ("/a#b", ""),
        ("/a", "b#c"),
        ("/a\n", ""),
        ("/", "a b"),
        ("/\u{7f}", ""),
    ] {
        let sent = Sent {
            path: path.to_owned(),
            query: query.to_owned(),
            ..Sent::get()
        };
        rejected(
            &sent.with("Authorization", "AWS4-HMAC-SHA256 x"),
            400,
            "InvalidURI",
            "",
        );
    }
    let no_host = Sent {
        host: String::new(),
        ..Sent::get().signed()
    };
    rejected(&no_host, 400, "InvalidURI", "");
    let optional = Settings {
        is_optional: true,
        ..SETTINGS
    };
    let sent = Sent {
        path: "/a b".to_owned(),
        ..Sent::get()
    };
    assert!(sent.verify_with(&optional, NOW).is_err());
    assert!(matches!(
        Sent::get().verify_with(&optional, NOW),
        Ok(Verdict::Anonymous)
    ));
}
