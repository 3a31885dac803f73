//! s3cmd: every payload with its hash, on connections of its own HTTP code.

use super::{go, go_directly};
use nginx_tests::sdk::{Entrance, Program, Stand, Way};

/// What s3cmd sends beside the default list.
const PASS_HEADERS: &str = "x-amz-copy-source* x-amz-metadata-directive x-amz-storage-class";

fn s3cmd<'a>(entrance: &'a Entrance) -> Program<'a> {
    let is_https = entrance.url.starts_with("https:");
    Program::of_clients("s3cmd", entrance)
        .argument("--config=/dev/null")
        .argument(format!("--access_key={}", entrance.access_key))
        .argument(format!("--secret_key={}", entrance.secret_key))
        .argument(format!("--host={}", entrance.host()))
        // Without a placeholder for the bucket it is in the path.
        .argument(format!("--host-bucket={}", entrance.host()))
        .argument(format!("--ca-certs={}", entrance.authority.display()))
        .argument(if is_https { "--ssl" } else { "--no-ssl" })
        .argument("--no-progress")
}

fn scenario(stand: &Stand, entrance: &Entrance) {
    let s3cmd = s3cmd(entrance);
    let at = |path: &str| format!("s3://{}/{path}", entrance.bucket);
    let folder = format!("{}/", stand.files().path().display());
    let large = stand.files().file("large").display().to_string();

    s3cmd.run(["sync", &folder, &at("synced/")]);
    s3cmd.run(["put", "--multipart-chunk-size-mb=5", &large, &at("parts")]);
    s3cmd.run(["cp", &at("synced/small"), &at("odd/a b (\u{e9})'")]);
    s3cmd.run(["mv", &at("odd/a b (\u{e9})'"), &at("moved")]);
    let added = "--add-header=Cache-Control:max-age=60";
    s3cmd.run(["modify", added, &at("moved")]);
    assert_eq!(
        s3cmd.run(["get", &at("moved"), "-"]).as_bytes(),
        stand.files().content("small")
    );
    // Deleted by one request that holds the list.
    s3cmd.run(["del", "--recursive", "--force", &at("synced/")]);
    let listed = s3cmd.run(["ls", "--recursive", &at("")]);
    let keys: Vec<&str> = listed.split_whitespace().skip(3).step_by(4).collect();
    assert_eq!(keys, [at("moved"), at("parts")], "{listed}");

    for (key, name) in [("parts", "large"), ("moved", "small")] {
        stand.expect_object(entrance, key, &stand.files().content(name));
    }
    let head = stand.head(entrance, "moved").expect_status(200);
    assert!(head.header("X-Amz-Meta-S3cmd-Attrs").is_some(), "{head:?}");
    for key in ["synced/small", "synced/large", "odd/a b (\u{e9})'"] {
        stand.expect_nothing(entrance, key);
    }
}

#[test]
fn s3cmd_directly_to_s3s() {
    go_directly("s3cmd", &Stand::s3s(PASS_HEADERS), scenario);
}

#[test]
fn s3cmd_through_nginx_to_s3s() {
    go(&Stand::s3s(PASS_HEADERS), &Way::SIGNED, scenario);
}

#[test]
fn s3cmd_through_nginx_to_swift() {
    go(&Stand::swift(PASS_HEADERS), &Way::SIGNED_HTTP, scenario);
}
