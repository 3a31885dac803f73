//! Files of signing keys.

use aws_credentials::{FetchError, Material, SigningKeys};

use crate::common::*;

const LINE: &str = "signing_keys path=/keys access_key=AKIDEXAMPLE";

/// What `generate_signing_key -k wJalrXUtnFEMI -r eu-west-1 -d 20260102 --days 2` prints.
const FILE: &str = "\
X1Qv7wqhQhM7DEZoaUQA+oaD2SI41tRZaEnvGQzr6d8=
20260102/eu-west-1/s3/aws4_request
zAKfVPq0KVSgjWJrwG155I/+kHWLOI6edN7sKHXqC34=
20260103/eu-west-1/s3/aws4_request
";

fn read(host: &Script) -> Result<SigningKeys, FetchError> {
    match ready(fetcher(LINE, &[]).fetch(host))? {
        Material::Derived(keys) => Ok(keys),
        _ => panic!("not signing keys"),
    }
}

#[test]
fn each_day_has_the_key_that_its_secret_derives() {
    let keys = read(&Script::new().file("/keys", FILE)).unwrap();
    assert_eq!(keys.access_key_id(), "AKIDEXAMPLE");
    for date in ["20260102", "20260103"] {
        let found = keys.of_day(date).unwrap();
        let derived = aws_signing::derive_key_bytes(b"wJalrXUtnFEMI", &found.scope);
        assert_eq!(*found.key, derived, "{date}");
    }
    assert!(keys.of_day("20260104").is_none());
    // 2026-01-04T00:00:00Z
    assert_eq!(Material::Derived(keys).expires_at(), Some(1_767_484_800));
}

#[test]
fn keys_of_days_that_are_over_are_none() {
    let host = Script::new().file("/keys", FILE);
    host.clock.set(1_767_484_799_999);
    assert!(read(&host).is_ok());
    host.clock.set(1_767_484_800_000);
    assert_eq!(
        read(&host).unwrap_err().to_string(),
        "/keys: its last key has expired"
    );
}

#[test]
fn a_new_file_is_noticed() {
    let host = Script::new().file("/keys", FILE);
    let mut fetcher = fetcher(LINE, &[]);
    assert!(ready(fetcher.fetch(&host)).is_ok());
    assert!(!fetcher.files_changed(&host));
    // As a rename into place: same content, another inode.
    host.write("/keys", FILE);
    assert!(fetcher.files_changed(&host));
    host.write("/keys", "half a fi");
    assert!(ready(fetcher.fetch(&host)).is_err());
    assert!(
        !fetcher.files_changed(&host),
        "what is wrong is not read again until it changes"
    );
    host.write("/keys", "#".repeat(2 * 1024 * 1024));
    assert!(fetcher.files_changed(&host));
    assert!(ready(fetcher.fetch(&host)).is_err());
    assert!(!fetcher.files_changed(&host), "nor is what is too large");
    host.write("/keys", FILE);
    assert!(fetcher.files_changed(&host));
    assert!(ready(fetcher.fetch(&host)).is_ok());
}

#[test]
fn a_file_that_comes_while_it_is_looked_for_is_not_missed() {
    let host = Script::new();
    host.late.replace(Some(("/keys", FILE)));
    let mut fetcher = fetcher(LINE, &[]);
    assert!(ready(fetcher.fetch(&host)).is_err());
    assert!(fetcher.files_changed(&host));
    assert!(ready(fetcher.fetch(&host)).is_ok());
}

#[test]
fn its_content_is_looked_at_when_the_configuration_is_read() {
    let definition = define(LINE, &[]).unwrap();
    let check = definition
        .check(&Script::new().file("/keys", FILE))
        .unwrap();
    assert_eq!(check.description, "signing_keys in /keys");
    assert!(check.files[0].secret && !check.files[0].is_missing());
    let check = definition.check(&Script::new()).unwrap();
    assert!(check.files[0].is_missing());
    let error = definition
        .check(&Script::new().file("/keys", "secret"))
        .unwrap_err();
    let why = "line 1 is not a signing key, 32 bytes in base64";
    assert_eq!(error.to_string(), format!("/keys: {why}"));
}

#[test]
fn what_cannot_work_is_refused_when_it_is_read() {
    for (line, error) in [
        (
            "signing_keys",
            "signing_keys requires \"path=\", e.g. path=/etc/nginx/aws/signing_keys",
        ),
        (
            "signing_keys path=/keys",
            "signing_keys requires \"access_key=\"",
        ),
        (
            "signing_keys path=keys access_key=A",
            "path=: it is not an absolute path",
        ),
        (
            "signing_keys path=/keys access_key=A,B",
            "access_key=: an access key must not contain blanks",
        ),
    ] {
        let text = define(line, &[]).unwrap_err().to_string();
        assert!(text.starts_with(error), "{text}");
    }
}
