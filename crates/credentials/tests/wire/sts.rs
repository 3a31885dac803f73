//! STS, which verifies signatures with the official signer.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{self, SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4;
use time::{Date, Month, Time, UtcDateTime};

use crate::local::fetch;
use crate::service::{Received, Reply, Service};

const ACCESS_KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn answer(action: &str) -> Reply {
    Reply::Answer(
        200,
        format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
             <Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>\
             <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
             <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>\
             </{action}Result></{action}Response>"
        ),
    )
}

/// What the official signer makes of the request at the time that it names.
fn official_authorization(received: &Received) -> String {
    let identity = Credentials::new(ACCESS_KEY, SECRET, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("sts")
        .time(UNIX_EPOCH + Duration::from_secs(moment(&received.headers["x-amz-date"])))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let url = format!("http://{}/", received.headers["host"]);
    let headers = [("content-type", received.headers["content-type"].as_str())];
    let body = SignableBody::Bytes(received.body.as_bytes());
    let request = SignableRequest::new("POST", url, headers.into_iter(), body).unwrap();
    let (instructions, _) = http_request::sign(request, &params).unwrap().into_parts();
    let mut headers = instructions.headers();
    let (_, value) = headers.find(|(name, _)| *name == "authorization").unwrap();
    value.to_owned()
}

/// `20260102T030405Z` as Unix time in seconds.
fn moment(text: &str) -> u64 {
    let number = |at, length| text[at..at + length].parse::<u16>().unwrap();
    let two = |at| number(at, 2) as u8;
    let month = Month::try_from(two(4)).unwrap();
    let date = Date::from_calendar_date(number(0, 4).into(), month, two(6)).unwrap();
    let time = Time::from_hms(two(9), two(11), two(13)).unwrap();
    UtcDateTime::new(date, time).unix_timestamp() as u64
}

#[test]
fn a_role_is_taken_with_a_signature_that_the_official_signer_makes() {
    let service = Service::start(|received| {
        let authorization = official_authorization(received);
        if received.headers.get("authorization") == Some(&authorization) {
            return answer("AssumeRole");
        }
        Reply::Answer(
            403,
            "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>"
                .to_owned(),
        )
    });
    let endpoint = format!("endpoint={}", service.url());
    let words = [
        "assume_role",
        "source=env",
        "role_arn=arn:aws:iam::123456789012:role/web",
        "region=eu-west-1",
        "external_id=a+b/c=d",
        &endpoint,
    ];
    let keys = |secret| {
        [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ]
    };
    let credentials = fetch(&words, &keys(SECRET)).unwrap();
    assert_eq!(credentials.access_key_id, "ASIAEXAMPLE");

    let error = fetch(&words, &keys("another")).unwrap_err().to_string();
    assert!(
        error.ends_with("AssumeRole: status 403, SignatureDoesNotMatch"),
        "{error}"
    );
}

#[test]
fn a_profile_takes_a_role_with_a_token() {
    let service = Service::start(|received| {
        let good = received.line == "POST /"
            && received
                .body
                .starts_with("Action=AssumeRoleWithWebIdentity&")
            && received.body.ends_with("&WebIdentityToken=eyJ0.eyJz.c2ln")
            && !received.headers.contains_key("authorization");
        match good {
            true => answer("AssumeRoleWithWebIdentity"),
            false => Reply::Answer(400, String::new()),
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("token"), "eyJ0.eyJz.c2ln\n").unwrap();
    let text = format!(
        "[web]\nrole_arn = arn:aws:iam::1:role/web\nweb_identity_token_file = {}\n",
        path("token")
    );
    fs::write(path("credentials"), text).unwrap();
    let endpoint = format!("endpoint={}", service.url());
    let file = format!("path={}", path("credentials"));
    let credentials = fetch(&["file", &file, "profile=web", &endpoint], &[]).unwrap();
    assert_eq!(credentials.session_token.unwrap().expose(), "token");
}
