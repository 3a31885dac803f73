//! boto3: checksums in headers over http, in trailers of a chunked body over https.

use super::{go, go_directly};
use nginx_tests::sdk::{Entrance, PART_SIZE, Program, Stand, Way};

/// What boto3 sends beside the default list: copies.
const PASS_HEADERS: &str = "x-amz-copy-source*";

fn scenario(stand: &Stand, entrance: &Entrance) {
    Program::scenario("boto3_scenario.py", entrance, stand.files().path()).run([""; 0]);

    let large = stand.files().content("large");
    for name in ["small", "empty", "large"] {
        stand.expect_object(
            entrance,
            &format!("objects/{name}"),
            &stand.files().content(name),
        );
    }
    for algorithm in ["CRC32C", "CRC64NVME", "SHA1", "SHA256"] {
        let small = stand.files().content("small");
        stand.expect_object(entrance, &format!("checksums/{algorithm}"), &small);
    }
    for key in ["checksums/parts", "parts/large"] {
        stand.expect_object(entrance, key, &large);
    }
    stand.expect_object(entrance, "parts/copied", &large[..PART_SIZE]);
    for (index, key) in stand.files().keys().iter().enumerate() {
        stand.expect_object(entrance, &format!("copies/{index}"), key.as_bytes());
    }
    stand.expect_object(entrance, "copies/kept", b"kept");
    stand.expect_object(entrance, "conditions/first", b"first");

    let described = stand.head(entrance, "objects/described").expect_status(200);
    assert_eq!(described.header("Content-Type"), Some("text/x-described"));
    assert_eq!(described.header("X-Amz-Meta-Colour"), Some("blue"));

    stand.expect_nothing(entrance, "parts/aborted");
}

#[test]
fn boto3_directly_to_s3s() {
    go_directly("boto3", &Stand::s3s(PASS_HEADERS), scenario);
}

#[test]
fn boto3_directly_to_swift() {
    go(&Stand::swift(PASS_HEADERS), &Way::DIRECT, scenario);
}

#[test]
fn boto3_through_nginx_to_s3s() {
    let stand = Stand::s3s(PASS_HEADERS);
    go(&stand, &Way::SIGNED, scenario);
    for way in Way::SIGNED_HTTP {
        assert_eq!(stand.declared(way), [""; 0], "hashes alone");
    }
    for way in Way::SIGNED_HTTPS {
        let framing = ["STREAMING-UNSIGNED-PAYLOAD-TRAILER"];
        assert_eq!(stand.declared(way), framing, "{way:?}");
    }
}

#[test]
fn boto3_through_nginx_to_swift() {
    // The command line, which sends the same, goes the others.
    let ways = [Way::Http, Way::HttpsUnbuffered];
    go(&Stand::swift(PASS_HEADERS), &ways, scenario);
}

#[test]
fn boto3_decoded_to_s3s() {
    let stand = Stand::s3s(PASS_HEADERS);
    go(&stand, &[Way::HttpsDecoded], scenario);
    assert_eq!(stand.declared(Way::HttpsDecoded), ["UNSIGNED-PAYLOAD"]);
}

#[test]
fn boto3_decoded_to_swift() {
    go(&Stand::swift(PASS_HEADERS), &[Way::HttpsDecoded], scenario);
}

/// boto3 expects 100 Continue, and sends no body where it gets another response.
#[test]
fn boto3_rejected_by_nginx() {
    let stand = Stand::s3s(PASS_HEADERS);
    go(&stand, &Way::SIGNED, |stand, entrance| {
        let folder = stand.files().path();
        Program::scenario("boto3_rejected.py", entrance, folder).run([""; 0]);
        stand.expect_object(entrance, "kept", b"kept");
        stand.expect_nothing(entrance, "new");
    });
}
