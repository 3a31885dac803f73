//! Signs every vector and compares each stage. The formats are described in `README.md` beside.
//!
//! `AWS_AUTH_VECTORS=<dir>` checks the files of these names in another directory as well.

mod chunked;
mod formats;
mod presigned;
mod v2;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aws_signing::path::Rules;
use aws_signing::query::Canonicalizer;
use aws_signing::{CredentialScope, Header, Request, Signer, SigningKey, Timestamp};
use formats::{Failure, Line, Message, lines, unfold};
use sha2::{Digest, Sha256};
use time::{Date, Month, Time, UtcDateTime};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[test]
fn built_in_vectors() {
    let checked = check_directory(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"));
    for (file, least) in [
        ("s3-vectors.jsonl", 265),
        ("chunked-vectors.jsonl", 39),
        ("signing-key-vectors.jsonl", 34),
        ("sigv4-suite/v4", 38),
        ("sigv4-suite/v4-botocore-copy.jsonl", 34),
    ] {
        let count = checked.get(file).copied().unwrap_or(0);
        assert!(
            count >= least,
            "{file}: {count} vectors checked, there were {least}"
        );
    }
}

#[test]
fn vectors_of_another_directory() {
    // If there is none, ours are found as another one would be.
    let directory = std::env::var_os("AWS_AUTH_VECTORS");
    let mut directory = PathBuf::from(directory.unwrap_or("crates/signing/tests/vectors".into()));
    // Cargo runs a test in its package's directory, its user thinks of the workspace's.
    if !directory.is_dir() {
        directory = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(directory);
    }
    let checked = check_directory(&directory);
    assert!(
        checked.values().sum::<usize>() > 0,
        "{}: no vectors of a known name and format",
        directory.display()
    );
}

/// Checks the files there are, fails with the name of each vector that differs, and returns how
/// many of each file were checked.
fn check_directory(directory: &Path) -> BTreeMap<&'static str, usize> {
    let mut checked = BTreeMap::new();
    let mut failures = Vec::new();
    let mut check = |file: &'static str, vectors: Vec<(String, Result<(), Failure>)>| {
        println!(
            "{}: {} vectors checked",
            directory.join(file).display(),
            vectors.len()
        );
        checked.insert(file, vectors.len());
        for (name, result) in vectors {
            if let Err(failure) = result {
                failures.push(format!("{file}: {name}: {failure}"));
            }
        }
    };

    if let Some(lines) = lines(&directory.join("s3-vectors.jsonl")) {
        check(
            "s3-vectors.jsonl",
            lines
                .iter()
                .map(|line| (line.name("name"), check_request(line)))
                .collect(),
        );
    }
    if let Some(lines) = lines(&directory.join("chunked-vectors.jsonl")) {
        check(
            "chunked-vectors.jsonl",
            lines
                .iter()
                .map(|line| (line.name("name"), chunked::check(line)))
                .collect(),
        );
    }
    if let Some(lines) = lines(&directory.join("signing-key-vectors.jsonl")) {
        check(
            "signing-key-vectors.jsonl",
            lines
                .iter()
                .map(|line| (line.name("scope"), check_key(line)))
                .collect(),
        );
    }
    if let Ok(entries) = fs::read_dir(directory.join("sigv4-suite/v4")) {
        let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        cases.retain(|case| case.is_dir());
        cases.sort();
        let name = |case: &Path| case.file_name().unwrap().to_string_lossy().into_owned();
        check(
            "sigv4-suite/v4",
            cases
                .iter()
                .map(|case| (name(case), check_suite_case(case)))
                .collect(),
        );
    }
    if let Some(lines) = lines(&directory.join("sigv4-suite/v4-botocore-copy.jsonl")) {
        check(
            "sigv4-suite/v4-botocore-copy.jsonl",
            lines
                .iter()
                .map(|line| (line.name("case"), check_old_case(line)))
                .collect(),
        );
    }

    assert!(
        failures.is_empty(),
        "{} vectors failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
    checked
}

/// A request as it is in a vector.
struct Signed<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    rules: Rules,
    /// Those to sign, in the order sent.
    headers: Vec<(&'a str, &'a str)>,
    payload: &'a str,
    access_key: &'a str,
    secret: &'a str,
    region: &'a str,
    service: &'a str,
    /// `yyyymmddThhmmssZ`
    timestamp: &'a str,
}

/// What signing it has to give.
struct Expected<'a> {
    canonical_request: &'a str,
    string_to_sign: &'a str,
    signature: &'a str,
    authorization: &'a str,
}

fn check_signature(signed: &Signed<'_>, expected: &Expected<'_>) -> Result<(), Failure> {
    let (mut path, mut query) = (Vec::new(), Vec::new());
    aws_signing::path::canonical(signed.path.as_bytes(), signed.rules, &mut path);
    Canonicalizer::new().write(signed.query.as_bytes(), |_| true, &mut query);

    let timestamp = timestamp(signed.timestamp)?;
    equal("timestamp", timestamp.amz_date(), signed.timestamp)?;
    let scope = CredentialScope::new(timestamp.date(), signed.region, signed.service)?;
    let key = SigningKey::derive(signed.secret.as_bytes(), &scope);
    let mut request = Request {
        method: signed.method.as_bytes(),
        path: &path,
        query: &query,
        headers: &mut fields(&signed.headers),
        payload: signed.payload.as_bytes(),
    };

    let mut signer = Signer::new();
    let signature = signer.sign(&mut request, &key, &scope, &timestamp)?;
    let mut authorization = Vec::new();
    signature.write_authorization(signed.access_key.as_bytes(), &mut authorization);
    equal(
        "canonical request",
        text(signature.canonical_request()),
        expected.canonical_request,
    )?;
    equal(
        "string to sign",
        text(signature.string_to_sign()),
        expected.string_to_sign,
    )?;
    equal("signature", text(signature.hex()), expected.signature)?;
    equal(
        "authorization",
        text(&authorization),
        expected.authorization,
    )?;
    let list = expected
        .canonical_request
        .rsplit('\n')
        .nth(1)
        .unwrap_or_default();
    equal("signed headers", text(signature.signed_headers()), list)
}

/// One line of `s3-vectors.jsonl`.
fn check_request(line: &Line) -> Result<(), Failure> {
    let rules = || -> Result<Rules, Failure> {
        Ok(Rules {
            double_encode: line.flag("double_encode")?,
            normalize: line.flag("normalize_path")?,
        })
    };
    match line.text("style")? {
        "header" => check_head(line, rules()?, line.text("payload")?, "signature"),
        "query" => presigned::check(line, rules()?),
        "v2-header" => v2::check_header(line),
        "v2-query" => v2::check_query(line),
        other => Err(format!("unknown style {other}").into()),
    }
}

/// The signature of a line's head, which the line calls `signature`.
fn check_head(line: &Line, rules: Rules, payload: &str, signature: &str) -> Result<(), Failure> {
    check_signature(
        &Signed {
            method: line.text("method")?,
            path: line.text("path_on_wire")?,
            query: line.text("query_on_wire")?,
            rules,
            headers: line.signed_headers()?,
            payload,
            access_key: line.text("access_key")?,
            secret: line.text("secret_key")?,
            region: line.text("region")?,
            service: line.text("service")?,
            timestamp: line.text("timestamp")?,
        },
        &Expected {
            canonical_request: line.text("canonical_request")?,
            string_to_sign: line.text("string_to_sign")?,
            signature: line.text(signature)?,
            authorization: line.text("authorization")?,
        },
    )
}

fn fields<'a>(headers: &[(&'a str, &'a str)]) -> Vec<Header<'a>> {
    let field = |&(name, value): &(&'a str, &'a str)| Header {
        name: name.as_bytes(),
        value: value.as_bytes(),
    };
    headers.iter().map(field).collect()
}

/// One line of `signing-key-vectors.jsonl`.
fn check_key(line: &Line) -> Result<(), Failure> {
    let scope = CredentialScope::new(
        line.text("date")?,
        line.text("region")?,
        line.text("service")?,
    )?;
    equal("scope", scope.as_str(), line.text("scope")?)?;
    let parsed = CredentialScope::parse(line.text("scope")?)?;
    equal("scope, read", &format!("{parsed:?}"), &format!("{scope:?}"))?;
    let key = aws_signing::derive_key_bytes(line.text("secret")?.as_bytes(), &scope);
    equal("key", &hex(&key), line.text("signing_key_hex")?)
}

/// One folder of `sigv4-suite/v4`.
fn check_suite_case(case: &Path) -> Result<(), Failure> {
    let read = |name: &str| {
        fs::read_to_string(case.join(name)).map_err(|error| format!("{name}: {error}"))
    };
    let context = Line::new(&read("context.json")?);
    let credentials = context.object("credentials")?;
    let canonical_request = read("header-canonical-request.txt")?;
    let message = unfold(&read("header-signed-request.txt")?);
    let message = Message::parse(&message)?;
    let timestamp = context.text("timestamp")?.replace(['-', ':'], "");
    let body = if context.flag("sign_body")? {
        message.body
    } else {
        ""
    };
    check_signature(
        &Signed {
            rules: Rules {
                double_encode: true,
                normalize: context.flag("normalize")?,
            },
            headers: message.listed_in(&canonical_request),
            payload: &hex(&Sha256::digest(body)),
            access_key: credentials.text("access_key_id")?,
            secret: credentials.text("secret_access_key")?,
            region: context.text("region")?,
            service: context.text("service")?,
            timestamp: &timestamp,
            method: message.method,
            path: message.path,
            query: message.query,
        },
        &Expected {
            canonical_request: &canonical_request,
            string_to_sign: &read("header-string-to-sign.txt")?,
            signature: &read("header-signature.txt")?,
            authorization: message.authorization()?,
        },
    )?;
    presigned::check_suite_case(case, &context)
        .map_err(|failure| format!("query: {failure}").into())
}

/// One line of `v4-botocore-copy.jsonl`. All its cases share one context.
fn check_old_case(line: &Line) -> Result<(), Failure> {
    let files = line.object("files")?;
    let canonical_request = files.text(".creq")?;
    let message = unfold(files.text(".sreq")?);
    let message = Message::parse(&message)?;
    let authorization = files.text(".authz")?;
    check_signature(
        &Signed {
            method: message.method,
            path: message.path,
            query: message.query,
            rules: Rules::SERVICE,
            headers: message.listed_in(canonical_request),
            payload: &hex(&Sha256::digest(message.body)),
            access_key: "AKIDEXAMPLE",
            secret: SECRET,
            region: "us-east-1",
            service: "service",
            timestamp: "20150830T123600Z",
        },
        &Expected {
            canonical_request,
            string_to_sign: files.text(".sts")?,
            signature: authorization
                .rsplit_once("Signature=")
                .ok_or("no Signature=")?
                .1,
            authorization,
        },
    )
}

/// Reads `yyyymmddThhmmssZ`.
fn timestamp(text: &str) -> Result<Timestamp, Failure> {
    let number = |range| -> Result<u16, Failure> {
        let digits: &str = text.get(range).ok_or("a timestamp is too short")?;
        Ok(digits.parse()?)
    };
    let month = Month::try_from(number(4..6)? as u8)?;
    let date = Date::from_calendar_date(number(0..4)?.into(), month, number(6..8)? as u8)?;
    let hour = number(9..11)? as u8;
    let time = Time::from_hms(hour, number(11..13)? as u8, number(13..15)? as u8)?;
    Ok(Timestamp::from_unix(
        UtcDateTime::new(date, time).unix_timestamp(),
    ))
}

fn equal(stage: &str, got: &str, expected: &str) -> Result<(), Failure> {
    if got == expected {
        return Ok(());
    }
    Err(format!("{stage} differs\n  expected {expected:?}\n  got      {got:?}").into())
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("(not UTF-8)")
}

fn hex(bytes: &[u8]) -> String {
    let mut digits = Vec::new();
    aws_signing::encode::hex(bytes, &mut digits);
    String::from_utf8(digits).unwrap()
}
