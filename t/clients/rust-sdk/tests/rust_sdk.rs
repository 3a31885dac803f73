//! The AWS SDK for Rust: what it streams over http it sends in signed chunks with signed trailers,
//! and it says who it is in a header `x-amz-user-agent` that it signs.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use nginx_tests::sdk::{Entrance, PART_SIZE, Stand, Way, expect_shapes};

/// What the SDK sends beside the default list, and what is dropped.
const PASS_HEADERS: &str = "x-amz-copy-source*";

fn client(entrance: &Entrance) -> Client {
    let keys = (entrance.access_key.as_str(), entrance.secret_key.as_str());
    let config = aws_sdk_s3::Config::builder()
        .region(Region::new("us-east-1"))
        .endpoint_url(&entrance.url)
        .force_path_style(true)
        .credentials_provider(Credentials::new(keys.0, keys.1, None, None, "tests"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

fn scenario(stand: &Stand, entrance: &Entrance) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let s3 = client(entrance);
        objects(&s3, stand, entrance).await;
        parts(&s3, stand, entrance).await;
        odd_keys(&s3, stand, entrance).await;
    });

    let files = stand.files();
    for name in ["small", "empty", "large"] {
        stand.expect_object(entrance, name, &files.content(name));
    }
    stand.expect_object(entrance, "parts", &files.content("large"));
    for (index, key) in files.keys().iter().enumerate() {
        stand.expect_object(entrance, &format!("copies/{index}"), key.as_bytes());
    }
    let head = stand.head(entrance, "small").expect_status(200);
    assert_eq!(head.header("X-Amz-Meta-Colour"), Some("blue"));
    stand.expect_nothing(entrance, "aborted");
}

async fn objects(s3: &Client, stand: &Stand, entrance: &Entrance) {
    let bucket = &entrance.bucket;
    for name in ["small", "empty", "large"] {
        let path = stand.files().file(name);
        let body = ByteStream::from_path(path).await.expect("a file");
        s3.put_object()
            .bucket(bucket)
            .key(name)
            .metadata("colour", "blue")
            .body(body)
            .send()
            .await
            .unwrap_or_else(|e| panic!("PUT of {name}: {e:?}"));

        let got = s3.get_object().bucket(bucket).key(name).send().await;
        let got = got.unwrap_or_else(|e| panic!("GET of {name}: {e:?}"));
        let body = got.body.collect().await.expect("a body").into_bytes();
        assert!(body == stand.files().content(name), "{name}");
    }
    let range = s3.get_object().bucket(bucket).key("small");
    let range = range.range("bytes=3-6").send().await.expect("a range");
    let range = range.body.collect().await.expect("a body").into_bytes();
    assert_eq!(&range[..], b"defg");

    let second = s3.put_object().bucket(bucket).key("small");
    let second = second
        .if_none_match("*")
        .body(ByteStream::from_static(b"second"));
    let refused = second.send().await.expect_err("there is one already");
    assert_eq!(refused.code(), Some("PreconditionFailed"), "{refused:?}");
}

async fn parts(s3: &Client, stand: &Stand, entrance: &Entrance) {
    let bucket = &entrance.bucket;
    let large = stand.files().file("large");
    let create = || s3.create_multipart_upload().bucket(bucket);

    let upload = create().key("parts").send().await.expect("an upload");
    let mut completed = CompletedMultipartUpload::builder();
    for (number, length) in [(1, PART_SIZE as u64), (2, 1)] {
        let part = ByteStream::read_from().path(&large);
        let part = part.offset(u64::from(number == 2) * PART_SIZE as u64);
        let part = part.length(Length::Exact(length)).build().await;
        let part = part.expect("a part of a file");
        let sent = s3.upload_part().bucket(bucket).key("parts");
        let sent = sent.set_upload_id(upload.upload_id.clone());
        let sent = sent.part_number(number).body(part).send().await;
        let sent = sent.unwrap_or_else(|e| panic!("part {number}: {e:?}"));
        let part = CompletedPart::builder().part_number(number);
        completed = completed.parts(part.set_e_tag(sent.e_tag).build());
    }
    let complete = s3.complete_multipart_upload().bucket(bucket).key("parts");
    let complete = complete.set_upload_id(upload.upload_id);
    let complete = complete.multipart_upload(completed.build()).send().await;
    complete.expect("the parts are taken");

    let upload = create().key("aborted").send().await.expect("an upload");
    let abort = s3.abort_multipart_upload().bucket(bucket).key("aborted");
    let abort = abort.set_upload_id(upload.upload_id).send().await;
    abort.expect("an upload can be aborted");
}

async fn odd_keys(s3: &Client, stand: &Stand, entrance: &Entrance) {
    let bucket = &entrance.bucket;
    let keys = stand.files().keys();
    for (index, key) in keys.iter().enumerate() {
        let put = s3.put_object().bucket(bucket).key(format!("odd/{key}"));
        let put = put.body(ByteStream::from_static(key.as_bytes()));
        put.send()
            .await
            .unwrap_or_else(|e| panic!("PUT of {key:?}: {e:?}"));

        // The caller encodes what is copied.
        let source = nginx_tests::encode_key(format!("{bucket}/odd/{key}"));
        let copy = s3.copy_object().bucket(bucket).copy_source(source);
        let copy = copy.key(format!("copies/{index}")).send().await;
        copy.unwrap_or_else(|e| panic!("copy of {key:?}: {e:?}"));
    }

    let list = || s3.list_objects_v2().bucket(bucket).prefix("odd/").send();
    let listed = list().await.expect("a list");
    let listed: Vec<&str> = listed.contents().iter().filter_map(|o| o.key()).collect();
    assert_eq!(listed.len(), keys.len(), "{listed:?}");

    let objects = listed.iter().map(|key| {
        let object = ObjectIdentifier::builder().key(*key).build();
        object.expect("a key is all it needs")
    });
    let delete = Delete::builder().set_objects(Some(objects.collect()));
    let delete = delete.build().expect("objects are all it needs");
    let deleted = s3.delete_objects().bucket(bucket).delete(delete);
    let deleted = deleted.send().await.expect("the list is deleted");
    assert_eq!(deleted.deleted().len(), keys.len(), "{deleted:?}");
    assert!(list().await.expect("a list").contents().is_empty());
}

#[test]
fn rust_sdk_directly_to_s3s() {
    let stand = Stand::s3s(PASS_HEADERS);
    let entrance = stand.entrance(Way::Direct);
    scenario(&stand, &entrance);
    expect_shapes("rust-sdk http", &stand.requests_to(&entrance));
}

#[test]
fn rust_sdk_directly_to_swift() {
    let stand = Stand::swift(PASS_HEADERS);
    scenario(&stand, &stand.entrance(Way::Direct));
}

#[test]
fn rust_sdk_through_nginx_to_s3s() {
    let stand = Stand::s3s(PASS_HEADERS);
    for way in Way::SIGNED_HTTP {
        scenario(&stand, &stand.entrance(way));
        let framing = ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"];
        assert_eq!(stand.declared(way), framing, "{way:?}");
    }
}

#[test]
fn rust_sdk_through_nginx_to_swift() {
    let stand = Stand::swift(PASS_HEADERS);
    for way in Way::SIGNED_HTTP {
        scenario(&stand, &stand.entrance(way));
    }
}

#[test]
fn rust_sdk_decoded_to_s3s() {
    let stand = Stand::s3s(PASS_HEADERS);
    scenario(&stand, &stand.entrance(Way::HttpDecoded));
    assert_eq!(stand.declared(Way::HttpDecoded), ["UNSIGNED-PAYLOAD"]);
}

#[test]
fn rust_sdk_decoded_to_swift() {
    let stand = Stand::swift(PASS_HEADERS);
    scenario(&stand, &stand.entrance(Way::HttpDecoded));
}
