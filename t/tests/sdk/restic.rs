//! restic, which is built on minio-go: over http it signs the chunks of a body, and does not say
//! `aws-chunked` in Content-Encoding.

use super::{go, go_directly};
use nginx_tests::sdk::{Entrance, Program, Stand, Way};

/// It sends no header beside the default list.
const PASS_HEADERS: &str = "";

/// restic names its objects by their SHA-256, so that it misses each byte that is not as it was.
fn scenario(stand: &Stand, entrance: &Entrance) {
    let restic = Program::installed("restic", entrance)
        .env("RESTIC_PASSWORD", "secret")
        .argument(format!(
            "--repo=s3:{}/{}/repository",
            entrance.url, entrance.bucket
        ))
        .argument(format!("--cacert={}", entrance.authority.display()))
        .argument("--no-cache");
    restic.run(["init"]);
    restic.run(["backup", &stand.files().path().display().to_string()]);
    restic.run(["restore", "latest", "--verify", "--target=restored"]);
    for name in ["small", "empty", "large"] {
        let path = stand.files().file(name);
        let path = path.strip_prefix("/").expect("an absolute path");
        let restored = std::fs::read(entrance.home().join("restored").join(path));
        let content = stand.files().content(name);
        assert!(restored.is_ok_and(|restored| restored == content), "{name}");
    }
}

#[test]
fn restic_directly_to_s3s() {
    go_directly("restic", &Stand::s3s(PASS_HEADERS), scenario);
}

#[test]
fn restic_directly_to_swift() {
    go(&Stand::swift(PASS_HEADERS), &[Way::Direct], scenario);
}

#[test]
fn restic_through_nginx_to_s3s() {
    let stand = Stand::s3s(PASS_HEADERS);
    go(&stand, &Way::SIGNED_HTTP, scenario);
    for way in Way::SIGNED_HTTP {
        let framing = ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD"];
        assert_eq!(stand.declared(way), framing, "{way:?}");
    }
}

#[test]
fn restic_through_nginx_to_swift() {
    go(&Stand::swift(PASS_HEADERS), &Way::SIGNED_HTTP, scenario);
}

#[test]
fn restic_decoded_to_s3s() {
    let stand = Stand::s3s(PASS_HEADERS);
    go(&stand, &[Way::HttpDecoded], scenario);
    assert_eq!(stand.declared(Way::HttpDecoded), ["UNSIGNED-PAYLOAD"]);
}

#[test]
fn restic_decoded_to_swift() {
    go(&Stand::swift(PASS_HEADERS), &[Way::HttpDecoded], scenario);
}
