//! The peers verify: what is signed rightly is served, and whatever is wrong is rejected.
//!
//! Without these tests an object store that verifies nothing would let every other test pass.

use std::time::{Duration, SystemTime};

use nginx_tests::http::{self, Request, Response};
use nginx_tests::{ODD_KEYS, Origin, OriginConfig, Signer, Storage, Swift, encode_key};

const ACCESS_KEY: &str = "AKIDEXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const HOUR: Duration = Duration::from_secs(3600);

/// An object store and the signer of its user; bucket `bucket` holds `key` and `other`.
struct Peer {
    port: u16,
    signer: Signer,
    wrong_secret: Signer,
    /// Its response to unsigned requests.
    unsigned_status: u16,
}

impl Peer {
    fn send(&self, signer: &Signer, request: Request) -> Response {
        signer.sign(request).send(self.port)
    }

    /// What any verifier must tell apart.
    fn check(&self) {
        let get = || Request::get("/bucket/key").header("x-amz-meta-a", "b");
        let response = self.send(&self.signer, get()).expect_status(200);
        assert_eq!(response.text(), "hello");

        let head = Request::new("HEAD", "/bucket/key");
        self.send(&self.signer, head).expect_status(200);

        http::get(self.port, "/bucket/key").expect_status(self.unsigned_status);
        http::head(self.port, "/bucket/key").expect_status(self.unsigned_status);
        self.send(&self.wrong_secret, get()).expect_status(403);

        let unknown = Signer::new("AKIDUNKNOWN", SECRET_KEY);
        self.send(&unknown, get()).expect_status(403);

        let signed = self.signer.sign(get());
        for (change, altered) in [
            ("path", replace(&signed, "/bucket/key", "/bucket/other")),
            (
                "query",
                replace(&signed, "/bucket/key ", "/bucket/key?response-expires=0 "),
            ),
            (
                "header",
                replace(&signed, "x-amz-meta-a: b", "x-amz-meta-a: c"),
            ),
            (
                "Host",
                replace(&signed, "Host: localhost", "Host: localhos"),
            ),
            ("method", replace(&signed, "GET ", "HEAD ")),
        ] {
            let response = self.send_bytes(&altered);
            assert_eq!(
                response.status,
                403,
                "altered {change}: {}",
                response.text()
            );
        }
        assert_eq!(
            self.send_bytes(&signed.to_bytes()).status,
            200,
            "the unaltered one"
        );

        for skew in [SystemTime::now() - HOUR, SystemTime::now() + HOUR] {
            self.send(&self.signer.clone().at(skew), get())
                .expect_status(403);
        }
        let unsigned_header = self
            .signer
            .sign(Request::get("/bucket/key"))
            .header("x-amz-meta-a", "b");
        unsigned_header.send(self.port).expect_status(403);
    }

    fn send_bytes(&self, bytes: &[u8]) -> Response {
        let mut connection = http::Connection::open(self.port);
        connection.write(bytes).expect("the peer reads");
        connection
            .read(bytes.starts_with(b"HEAD"))
            .expect("a response")
    }
}

/// The request on the wire with one text replaced; fails where it is not there once.
#[track_caller]
fn replace(request: &Request, from: &str, to: &str) -> Vec<u8> {
    let wire = String::from_utf8(request.clone().to_bytes()).expect("a request of ASCII");
    assert_eq!(wire.matches(from).count(), 1, "{from:?} in {wire}");
    wire.replace(from, to).into_bytes()
}

fn peer_of(origin: &Origin) -> Peer {
    Peer {
        port: origin.port(),
        signer: Signer::new(ACCESS_KEY, SECRET_KEY),
        wrong_secret: Signer::new(ACCESS_KEY, "wrong"),
        unsigned_status: 403,
    }
}

fn origin_with(config: OriginConfig) -> Origin {
    let origin = Origin::start(config).expect("the origin starts");
    origin.put("bucket", "key", "hello");
    origin.put("bucket", "other", "other");
    origin
}

#[test]
fn the_origin_in_memory_verifies() {
    let origin = origin_with(OriginConfig::new(ACCESS_KEY, SECRET_KEY));
    peer_of(&origin).check();

    let statuses: Vec<_> = origin.requests().iter().map(|r| r.status).collect();
    assert_eq!(&statuses[..3], &[Some(200), Some(200), Some(403)]);
    assert_eq!(origin.requests()[0].line(), "GET /bucket/key HTTP/1.1");
}

#[test]
fn the_origin_of_a_folder_verifies() {
    let folder = nginx_tests::Scratch::new("objects");
    folder.write("bucket/key", "hello");
    folder.write("bucket/other", "other");
    let origin = Origin::start(OriginConfig {
        storage: Storage::Folder(folder.path().to_owned()),
        ..OriginConfig::new(ACCESS_KEY, SECRET_KEY)
    });
    peer_of(&origin.expect("the origin starts")).check();
}

#[test]
fn the_origin_enforces_its_region() {
    let origin = origin_with(OriginConfig {
        region: Some("eu-west-1".to_owned()),
        ..OriginConfig::new(ACCESS_KEY, SECRET_KEY)
    });
    let peer = peer_of(&origin);
    peer.send(&peer.signer, Request::get("/bucket/key"))
        .expect_status(403);
    let signer = peer.signer.clone().region("eu-west-1");
    peer.send(&signer, Request::get("/bucket/key"))
        .expect_status(200);
}

#[test]
fn the_origin_serves_virtual_hosts() {
    let origin = origin_with(OriginConfig {
        domain: Some("s3.example.test".to_owned()),
        ..OriginConfig::new(ACCESS_KEY, SECRET_KEY)
    });
    let peer = peer_of(&origin);
    for (host, target) in [
        ("bucket.s3.example.test", "/key"),
        ("bucket.s3.example.test:8080", "/key"),
        ("s3.example.test", "/bucket/key"),
        ("localhost", "/bucket/key"),
    ] {
        let request = Request::get(target).header("Host", host);
        assert_eq!(
            peer.send(&peer.signer, request).expect_status(200).text(),
            "hello"
        );
    }
}

#[test]
fn swift_verifies() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    swift.put("bucket", "key", "hello");
    swift.put("bucket", "other", "other");

    let peer = Peer {
        port: swift.port(),
        signer: swift.signer(),
        wrong_secret: Signer::new(Swift::ACCESS_KEY, "wrong"),
        // Without a signature it is no request of the S3 API, and Swift's own has no such path.
        unsigned_status: 400,
    };
    peer.check();

    let elsewhere = swift.signer().region("eu-west-1");
    let response = peer
        .send(&elsewhere, Request::get("/bucket/key"))
        .expect_status(400);
    assert!(
        response.text().contains("AuthorizationHeaderMalformed"),
        "{}",
        response.text()
    );

    let put = || Request::new("PUT", "/bucket/new").body("body");
    let other_body = swift.signer().payload_hash(&"0".repeat(64));
    let response = peer.send(&other_body, put()).expect_status(400);
    assert!(
        response.text().contains("XAmzContentSHA256Mismatch"),
        "{}",
        response.text()
    );
    peer.send(&peer.signer, put()).expect_status(200);
}

#[test]
fn swift_serves_virtual_hosts_in_its_region() {
    let swift = Swift::start_in("eu-west-1", Some("s3.example.test"));
    swift.create_bucket("bucket");
    swift.put("bucket", "key", "hello");

    let request = || Request::get("/key").header("Host", "bucket.s3.example.test");
    assert_eq!(swift.send(request()).expect_status(200).text(), "hello");
    let elsewhere = swift.signer().region("us-east-1");
    elsewhere
        .sign(request())
        .send(swift.port())
        .expect_status(400);
}

/// The odd keys that an object store does not give back, asked directly for their canonical paths.
fn keys_not_served(get: impl Fn(&str) -> Response) -> Vec<&'static str> {
    let is_served = |key: &str| {
        let response = get(key);
        response.status == 200 && response.text() == key
    };
    ODD_KEYS.into_iter().filter(|key| !is_served(key)).collect()
}

#[test]
fn the_origin_in_memory_holds_every_odd_key() {
    let origin = origin_with(OriginConfig::new(ACCESS_KEY, SECRET_KEY));
    for key in ODD_KEYS {
        origin.put("bucket", key, key);
    }
    let peer = peer_of(&origin);
    let target = |key: &str| format!("/bucket/{}", encode_key(key));
    let get = |key: &str| peer.send(&peer.signer, Request::get(target(key)));
    assert_eq!(keys_not_served(get), [""; 0]);
}

#[test]
fn swift_holds_every_odd_key() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    for key in ODD_KEYS {
        swift.put("bucket", key, key);
    }
    let get = |key: &str| swift.send(Request::get(format!("/bucket/{}", encode_key(key))));
    assert_eq!(keys_not_served(get), [""; 0]);
}

#[test]
fn the_origin_in_memory_takes_lists_and_removes_objects() {
    let origin = origin_with(OriginConfig::new(ACCESS_KEY, SECRET_KEY));
    let peer = peer_of(&origin);
    let send = |request| peer.send(&peer.signer, request);

    let put = Request::new("PUT", "/bucket/new")
        .header("Content-Type", "text/x")
        .body("content");
    send(put).expect_status(200);
    assert_eq!(
        origin.get("bucket", "new").as_deref(),
        Some(b"content".as_slice())
    );
    let got = send(Request::get("/bucket/new")).expect_status(200);
    assert_eq!(got.header("content-type"), Some("text/x"));

    let wrong_hash = peer.signer.clone().payload_hash(&"0".repeat(64));
    let response = peer.send(
        &wrong_hash,
        Request::new("PUT", "/bucket/bad").body("content"),
    );
    assert_eq!(response.status, 400, "{}", response.text());
    assert_eq!(origin.get("bucket", "bad"), None);

    let list = |query: &str| {
        let page = send(Request::get(format!("/bucket?list-type=2{query}"))).expect_status(200);
        let text = page.text();
        let keys = text
            .split("<Key>")
            .skip(1)
            .filter_map(|rest| rest.split('<').next());
        (
            keys.map(str::to_owned).collect::<Vec<_>>(),
            text.contains("<IsTruncated>true<"),
        )
    };
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    assert_eq!(list(""), (keys(&["key", "new", "other"]), false));
    assert_eq!(list("&max-keys=2"), (keys(&["key", "new"]), true));
    assert_eq!(list("&prefix=o"), (keys(&["other"]), false));
    assert_eq!(list("&start-after=key"), (keys(&["new", "other"]), false));

    send(Request::new("DELETE", "/bucket/new")).expect_status(204);
    send(Request::get("/bucket/new")).expect_status(404);
    send(Request::get("/nobucket/new")).expect_status(404);
}

#[test]
fn the_origin_in_memory_answers_ranges_and_conditions() {
    let origin = origin_with(OriginConfig::new(ACCESS_KEY, SECRET_KEY));
    let peer = peer_of(&origin);
    let send = |request| peer.send(&peer.signer, request);
    let get = |name, value: &str| send(Request::get("/bucket/key").header(name, value));

    let part = get("Range", "bytes=1-2").expect_status(206);
    assert_eq!(
        (part.text().as_str(), part.header("content-range")),
        ("el", Some("bytes 1-2/5"))
    );
    assert_eq!(get("Range", "bytes=-2").expect_status(206).text(), "lo");
    get("Range", "bytes=9-").expect_status(416);

    let whole = send(Request::get("/bucket/key")).expect_status(200);
    let e_tag = whole.header("etag").expect("an ETag").to_owned();
    // The MD5 of "hello".
    assert_eq!(e_tag, "\"5d41402abc4b2a76b9719d911017c592\"");
    get("If-None-Match", &e_tag).expect_status(304);
    get("If-None-Match", "\"other\"").expect_status(200);
    get("If-Match", "\"other\"").expect_status(412);
    get(
        "If-Modified-Since",
        whole.header("last-modified").expect("a date"),
    )
    .expect_status(304);
    get("If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT").expect_status(200);
}

#[test]
fn the_origin_records_what_it_cannot_parse_and_counts_connections() {
    let origin = origin_with(OriginConfig::new(ACCESS_KEY, SECRET_KEY));
    assert_eq!(origin.connections(), 0);
    let silent = http::Connection::open(origin.port());
    http::get(origin.port(), "/bucket/a b").expect_status(400);
    assert_eq!(origin.connections(), 2);
    assert_eq!(origin.only_request().line(), "GET /bucket/a b HTTP/1.1");
    nginx_tests::wait_until("the status is noted", || {
        origin.only_request().status == Some(400)
    });

    let not_utf8 = Request::get("/bucket/%FF");
    let response = peer_of(&origin).send(&peer_of(&origin).signer, not_utf8);
    assert!(
        response.status == 400 && response.text().contains("InvalidURI"),
        "{response:?}"
    );

    let port = origin.port();
    drop(origin);
    drop(silent);
    assert!(
        http::Connection::try_open(port).is_err(),
        "a dropped origin does not listen"
    );
}
