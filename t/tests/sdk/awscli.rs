//! The AWS command line: what boto3 sends, as `aws s3` puts it to use.

use super::{go, go_directly};
use nginx_tests::sdk::{Entrance, Program, Stand, Way};

/// What `aws s3` sends beside the default list: copies.
const PASS_HEADERS: &str = "x-amz-copy-source*";

/// It starts slowly: few calls, of which each does much.
fn scenario(stand: &Stand, entrance: &Entrance) {
    // Two parts where it would take one: it has no option for that.
    let config = entrance.home().join(".aws/config");
    std::fs::create_dir_all(entrance.home().join(".aws")).expect("a folder can be created");
    std::fs::write(
        &config,
        "[default]\ns3 =\n  multipart_threshold = 5MB\n  multipart_chunksize = 5MB\n",
    )
    .expect("a file can be written");
    let aws = Program::of_clients("aws", entrance)
        .argument(format!("--endpoint-url={}", entrance.url))
        .argument("s3");
    let at = |path: &str| format!("s3://{}/{path}", entrance.bucket);
    let folder = stand.files().path().display().to_string();

    // Not with the others: botocore takes an object store's final answer to `Expect: 100-continue`, which
    // s3s gives to an empty body, for that to the connection's next upload, too.
    aws.run(["sync", &folder, &at("synced"), "--exclude=empty"]);
    let empty = stand.files().file("empty").display().to_string();
    aws.run(["cp", &empty, &at("empty")]);
    stand.expect_object(entrance, "empty", b"");
    aws.run(["cp", &at("synced/large"), &at("parts")]);
    aws.run(["mv", &at("synced/small"), &at("odd/a b (\u{e9})'")]);
    aws.run(["sync", &at(""), "fetched", "--exclude=synced/*"]);
    aws.run(["rm", "--recursive", &at("synced")]);
    let listed = aws.run(["ls", "--recursive", &at("")]);
    assert_eq!(listed.lines().count(), 3, "{listed}");

    for (key, name) in [("parts", "large"), ("odd/a b (\u{e9})'", "small")] {
        let content = stand.files().content(name);
        stand.expect_object(entrance, key, &content);
        let fetched = std::fs::read(entrance.home().join("fetched").join(key));
        assert!(fetched.is_ok_and(|fetched| fetched == content), "{key}");
    }
    for name in ["small", "large"] {
        stand.expect_nothing(entrance, &format!("synced/{name}"));
    }
}

#[test]
fn awscli_directly_to_s3s() {
    go_directly("awscli", &Stand::s3s(PASS_HEADERS), scenario);
}

#[test]
fn awscli_through_nginx_to_s3s() {
    go(
        &Stand::s3s(PASS_HEADERS),
        &[Way::Http, Way::HttpsUnbuffered],
        scenario,
    );
}

#[test]
fn awscli_through_nginx_to_swift() {
    go(&Stand::swift(PASS_HEADERS), &Way::SIGNED_HTTPS, scenario);
}
