//! rclone: payloads that are not signed, also over http, Content-MD5, copies on the server.

use super::{go, go_directly};
use nginx_tests::sdk::{Entrance, Program, Stand, Way};

/// What rclone sends beside the default list: it creates the bucket it writes to, and says what
/// is to become of metadata where it copies.
const PASS_HEADERS: &str = "x-amz-copy-source* x-amz-metadata-directive x-amz-storage-class
    x-amz-bucket-object-lock-enabled";

fn rclone<'a>(entrance: &'a Entrance) -> Program<'a> {
    Program::of_clients("rclone", entrance)
        .env("RCLONE_CONFIG", "/dev/null")
        .env("RCLONE_CA_CERT", &entrance.authority)
        .env("RCLONE_S3_PROVIDER", "Other")
        .env("RCLONE_S3_ENV_AUTH", "true")
        .env("RCLONE_S3_REGION", "us-east-1")
        .env("RCLONE_S3_ENDPOINT", &entrance.url)
}

fn scenario(stand: &Stand, entrance: &Entrance) {
    let rclone = rclone(entrance);
    let at = |path: &str| format!(":s3:{}/{path}", entrance.bucket);
    let folder = stand.files().path().display().to_string();
    let large = stand.files().file("large").display().to_string();

    // Into the bucket itself: a folder of s3s responds with 500 if rclone requests an object.
    rclone.run(["copy", &folder, &at("")]);
    // Reads every object back and compares it.
    rclone.run(["check", "--download", &folder, &at("")]);
    let in_parts = ["--s3-upload-cutoff=5M", "--s3-chunk-size=5M"];
    rclone.run(["copyto", in_parts[0], in_parts[1], &large, &at("parts")]);

    // Copies that the object store makes, of a key that needs encoding in the header.
    rclone.run(["copyto", &at("small"), &at("odd/a b (\u{e9})'")]);
    rclone.run(["moveto", &at("odd/a b (\u{e9})'"), &at("moved")]);
    let range = rclone.run(["cat", "--offset=3", "--count=4", &at("moved")]);
    assert_eq!(range, "defg");
    rclone.run(["deletefile", &at("empty")]);
    let listed = rclone.run(["lsf", "-R", "--files-only", &at("")]);
    let mut listed: Vec<&str> = listed.lines().collect();
    listed.sort_unstable();
    let expected = ["keys.json", "large", "moved", "parts", "small"];
    assert_eq!(listed, expected);

    for (key, name) in [
        ("large", "large"),
        ("parts", "large"),
        ("small", "small"),
        ("moved", "small"),
    ] {
        stand.expect_object(entrance, key, &stand.files().content(name));
    }
    // The time of the file, which rclone keeps in an object's metadata.
    let head = stand.head(entrance, "moved").expect_status(200);
    assert!(head.header("X-Amz-Meta-Mtime").is_some(), "{head:?}");
    for key in ["empty", "odd/a b (\u{e9})'"] {
        stand.expect_nothing(entrance, key);
    }
}

#[test]
fn rclone_directly_to_s3s() {
    go_directly("rclone", &Stand::s3s(PASS_HEADERS), scenario);
}

#[test]
fn rclone_directly_to_swift() {
    go(&Stand::swift(PASS_HEADERS), &Way::DIRECT, scenario);
}

#[test]
fn rclone_through_nginx_to_s3s() {
    go(&Stand::s3s(PASS_HEADERS), &Way::SIGNED, scenario);
}

#[test]
fn rclone_through_nginx_to_swift() {
    go(&Stand::swift(PASS_HEADERS), &Way::SIGNED, scenario);
}
