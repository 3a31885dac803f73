//! The signing vectors, reversed: each signed request verifies, and no change of a byte does, except to
//! another spelling of the same request.

use std::cell::RefCell;

use aws_signing::{Header, Timestamp};
use aws_verifying::{BodyRule, Incoming, KeyCache, Settings, User, Users, Verdict, verify};
use serde_json::Value;

/// Kept beside the crate that signs.
const VECTORS: &str = include_str!("../../signing/tests/vectors/s3-vectors.jsonl");

thread_local! {
    static KEYS: RefCell<KeyCache> = RefCell::default();
}

/// A request as bytes.
#[derive(Clone)]
struct Signed {
    name: String,
    method: Vec<u8>,
    path: Vec<u8>,
    query: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    user: User,
    region: String,
    service: String,
    now: i64,
    /// The hash of the body, or what is signed instead of it.
    payload: String,
}

fn text<'v>(vector: &'v Value, field: &str) -> &'v str {
    vector[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} of {vector}"))
}

/// All vectors of Signature Version 4, as they are sent.
fn signed() -> Vec<Signed> {
    let vectors = VECTORS
        .lines()
        .map(|line| serde_json::from_str(line).expect("a vector"));
    let vectors = vectors.filter(|vector: &Value| {
        // Signers can be told to treat paths in other ways than their service does.
        let is_s3 = text(vector, "service").starts_with("s3");
        let is_usual = |flag: &str| vector[flag].as_bool() == Some(!is_s3);
        let is_v4 = !text(vector, "style").starts_with("v2");
        is_v4 && is_usual("double_encode") && is_usual("normalize_path")
    });
    vectors.map(|vector| read(&vector)).collect()
}

fn read(vector: &Value) -> Signed {
    let headers = vector["headers"].as_array().expect("headers").iter();
    let mut headers: Vec<_> = headers
        .map(|pair| {
            let part = |nth: usize| pair[nth].as_str().expect("a text").as_bytes().to_vec();
            (part(0), part(1))
        })
        .collect();
    let mut query = text(vector, "query_on_wire").as_bytes().to_vec();
    match text(vector, "style") {
        "header" => {
            let value = text(vector, "authorization").as_bytes().to_vec();
            headers.push((b"Authorization".to_vec(), value));
        }
        _ => query = text(vector, "signed_query").as_bytes().to_vec(),
    }
    let timestamp = text(vector, "timestamp").as_bytes();
    let timestamp = Timestamp::from_amz_date(timestamp).expect("a timestamp");
    Signed {
        name: text(vector, "name").to_owned(),
        method: text(vector, "method").as_bytes().to_vec(),
        path: text(vector, "path_on_wire").as_bytes().to_vec(),
        query,
        headers,
        user: User {
            name: "someone".to_owned(),
            access_key_id: text(vector, "access_key").to_owned(),
            secret_access_key: text(vector, "secret_key").to_owned().into(),
            session_token: vector["session_token"]
                .as_str()
                .map(|token| token.to_owned().into()),
            is_enabled: true,
            not_before: None,
            expires: None,
        },
        region: text(vector, "region").to_owned(),
        service: text(vector, "service").to_owned(),
        now: timestamp.unix(),
        payload: text(vector, "payload").to_owned(),
    }
}

impl Signed {
    fn verify(&self) -> Result<Verdict, String> {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| Header { name, value })
            .collect();
        let hosts = self
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(b"host"));
        let hosts: Vec<_> = hosts.collect();
        // nginx rejects requests with several.
        let [(_, host)] = hosts[..] else {
            return Err("not one host".to_owned());
        };
        let incoming = Incoming {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            host: host.trim_ascii(),
            is_tls: true,
        };
        let users = Users::new(vec![self.user.clone()]).expect("one user");
        let settings = Settings {
            region: Some(&self.region),
            service: &self.service,
            skew: 900,
            accepts_unsigned_payload: false,
            is_optional: true,
        };
        let verdict =
            KEYS.with_borrow_mut(|keys| verify(&incoming, &users, &settings, keys, self.now));
        let verdict = verdict.and_then(|verdict| match verdict {
            Verdict::Pending(pending) => pending.finish(&self.body_hash()).map(Verdict::Verified),
            decided => Ok(decided),
        });
        verdict.map_err(|rejection| format!("{rejection:?}"))
    }

    fn body_hash(&self) -> [u8; 32] {
        let digits = |at: usize| u8::from_str_radix(&self.payload[2 * at..2 * at + 2], 16);
        std::array::from_fn(|at| digits(at).expect("a hash"))
    }
}

#[test]
fn each_vector_verifies() {
    let mut failed = Vec::new();
    let mut verified = 0;
    for signed in signed() {
        match signed.verify() {
            Ok(Verdict::Verified(_)) => verified += 1,
            Ok(other) => failed.push(format!("{}: {other:?}", signed.name)),
            Err(error) => failed.push(format!("{}: {error}", signed.name)),
        }
    }
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(verified > 200, "{verified}");
}

/// Each byte of what is signed is changed in several ways.
#[test]
fn no_changed_byte_verifies() {
    let mut tried = 0_u32;
    for signed in signed() {
        if !matches!(signed.verify(), Ok(Verdict::Verified(_))) {
            continue;
        }
        let accepted =
            |changed: &Signed| !matches!(changed.verify(), Err(_) | Ok(Verdict::Pending(_)));
        let mut check = |changed: &Signed, what: &str| {
            tried += 1;
            assert!(!accepted(changed), "{}: {what}", signed.name);
        };
        for at in 1..signed.path.len() {
            let mut changed = signed.clone();
            changed.path[at] = other(changed.path[at]);
            // Services other than S3 do not tell `//` from `/./`, nor what `..` takes back.
            let is_same = match signed.service.starts_with("s3") {
                true => is_same(&changed.path, &signed.path, false),
                false => [&changed, &signed]
                    .map(normalized)
                    .windows(2)
                    .all(|two| two[0] == two[1]),
            };
            if !is_same {
                check(&changed, &format!("byte {at} of the path"));
            }
        }
        for at in 0..signed.query.len() {
            let mut changed = signed.clone();
            changed.query[at] = other(changed.query[at]);
            if !is_same_query(&changed.query, &signed.query) {
                check(&changed, &format!("byte {at} of the query"));
            }
        }
        let mut changed = signed.clone();
        changed.method.push(b'X');
        check(&changed, "the method");
        let names = signed_names(&signed);
        for (nth, (name, value)) in signed.headers.iter().enumerate() {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            if name != "authorization" && !names.contains(&name) && name != "x-amz-content-sha256" {
                continue;
            }
            for at in 0..value.len() {
                let mut changed = signed.clone();
                changed.headers[nth].1[at] = other(value[at]);
                if fold(&changed.headers[nth].1) != fold(value) {
                    check(&changed, &format!("byte {at} of {name}"));
                }
            }
            let mut changed = signed.clone();
            changed.headers.remove(nth);
            check_removed(&changed, &signed, &name);
        }
        let mut changed = signed.clone();
        changed
            .headers
            .push((b"x-amz-acl".to_vec(), b"public-read".to_vec()));
        check(&changed, "a header more");
        if let Ok(first @ '0'..='8') = signed.payload[..1].parse::<char>()
            && !signed
                .headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(b"x-amz-content-sha256"))
        {
            let mut changed = signed.clone();
            changed
                .payload
                .replace_range(..1, &char::from(first as u8 + 1).to_string());
            check(&changed, "another body");
        }
        let mut changed = signed.clone();
        changed.user.secret_access_key.push('x');
        check(&changed, "another secret");
        for (seconds, what) in [(901, "too late"), (-901, "too early")] {
            let mut changed = signed.clone();
            changed.now += seconds;
            let is_url = !changed
                .headers
                .iter()
                .any(|(name, _)| name == b"Authorization");
            if is_url {
                changed.now += seconds.signum() * 604_800;
            }
            check(&changed, what);
        }
    }
    assert!(tried > 50_000, "{tried}");
}

fn normalized(signed: &Signed) -> Vec<u8> {
    let mut path = Vec::new();
    aws_signing::path::double_encoded(&signed.path, &mut path);
    path
}

/// Without its Authorization header a request is nobody's; without another signed one it is rejected.
fn check_removed(changed: &Signed, signed: &Signed, name: &str) {
    let verdict = changed.verify();
    let is_right = match name {
        "authorization" => matches!(verdict, Ok(Verdict::Anonymous)),
        _ => verdict.is_err(),
    };
    assert!(is_right, "{}: without {name}: {verdict:?}", signed.name);
}

fn signed_names(signed: &Signed) -> Vec<String> {
    let all = [
        signed
            .headers
            .iter()
            .find(|(name, _)| name == b"Authorization")
            .map(|(_, value)| value.clone())
            .unwrap_or_default(),
        signed.query.clone(),
    ]
    .concat();
    let text = String::from_utf8_lossy(&all)
        .replace("%3B", ";")
        .replace("%3b", ";");
    let list = text.split("SignedHeaders=").nth(1).unwrap_or_default();
    let list = list.split([',', '&']).next().unwrap_or_default();
    list.split(';').map(str::to_owned).collect()
}

fn other(byte: u8) -> u8 {
    match byte {
        b'z' => b'a',
        b'a' => b'b',
        _ => byte ^ 1,
    }
}

fn fold(value: &[u8]) -> Vec<Vec<u8>> {
    let words = value.split(|byte| matches!(byte, b' ' | b'\t'));
    words
        .filter(|word| !word.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

fn decode(text: &[u8], plus: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
        match (text[at], digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (b'+', ..) if plus => {
                out.push(b' ');
                at += 1;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Whether both texts mean the same bytes.
fn is_same(one: &[u8], other: &[u8], plus: bool) -> bool {
    decode(one, plus) == decode(other, plus)
}

fn is_same_query(one: &[u8], other: &[u8]) -> bool {
    let parameters = |query: &[u8]| {
        let pieces = query
            .split(|byte| *byte == b'&')
            .filter(|piece| !piece.is_empty());
        let mut pieces: Vec<_> = pieces
            .map(|piece| {
                let equals = piece.iter().position(|byte| *byte == b'=');
                let (name, value) = piece.split_at(equals.unwrap_or(piece.len()));
                let value = value.strip_prefix(b"=").unwrap_or(value);
                (decode(name, true), decode(value, true))
            })
            .collect();
        pieces.sort();
        pieces
    };
    parameters(one) == parameters(other)
}

#[test]
fn a_verified_request_says_what_its_body_has_to_be() {
    let rules: Vec<_> = signed()
        .iter()
        .filter_map(|signed| match signed.verify() {
            Ok(Verdict::Verified(verified)) => Some(verified.body),
            _ => None,
        })
        .collect();
    assert!(rules.iter().any(|rule| matches!(rule, BodyRule::Hash(_))));
    assert!(rules.contains(&BodyRule::Any));
}
