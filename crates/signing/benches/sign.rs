//! What a signature costs: the whole of it, its SHA-256 blocks alone, and the same request signed
//! by the official crate `aws-sigv4`; then the same request signed in its query, and with Signature
//! Version 2. Ends with the ratios.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_signing::presign::{Expires, QueryAuth};
use aws_signing::query::Canonicalizer;
use aws_signing::{
    CredentialScope, EMPTY_PAYLOAD_SHA256, Header, Request, Signer, SigningKey, Timestamp,
    UNSIGNED_PAYLOAD, path, v2,
};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use criterion::Criterion;
use serde_json::Value;
use sha2::block_api::compress256;

const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-central-1";
const SECONDS: i64 = 1_767_225_600;

const BUCKET: &str = "media-archive";
const HOST: &str = "media-archive.s3.eu-central-1.amazonaws.com";
const PATH: &str = "/photos/2026/01/summer%20house/IMG_4711.jpg";
const RANGE: &str = "bytes=0-1048575";
const ETAG: &str = "\"9bb58f26192e4ba00f01e2e7b136bbd8\"";

/// A GET of an object, from the client's path to the value of Authorization or to the query.
struct Work {
    signer: Signer,
    canonicalizer: Canonicalizer,
    key: SigningKey,
    scope: CredentialScope,
    v2_signer: v2::Signer,
    v2_key: v2::SecretKey,
    timestamp: Timestamp,
    path: Vec<u8>,
    query: Vec<u8>,
    /// What is sent of the signature.
    out: Vec<u8>,
}

impl Work {
    fn new() -> Self {
        let timestamp = Timestamp::from_unix(SECONDS);
        let scope = CredentialScope::new(timestamp.date(), REGION, "s3").unwrap();
        Self {
            signer: Signer::new(),
            canonicalizer: Canonicalizer::new(),
            key: SigningKey::derive(SECRET.as_bytes(), &scope),
            scope,
            v2_signer: v2::Signer::new(),
            v2_key: v2::SecretKey::new(SECRET.as_bytes()),
            timestamp,
            path: Vec::new(),
            query: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Makes the target canonical.
    fn canonicalize(&mut self) {
        self.path.clear();
        path::s3(black_box(PATH).as_bytes(), &mut self.path);
        self.query.clear();
        self.canonicalizer
            .write(black_box(b""), |_| true, &mut self.query);
        self.out.clear();
    }

    /// Signs once; returns the lengths of canonical request and string to sign.
    fn sign(&mut self) -> (usize, usize) {
        self.canonicalize();
        let mut headers = [
            header("Host", black_box(HOST).as_bytes()),
            header("X-Amz-Date", self.timestamp.amz_date().as_bytes()),
            header(
                "X-Amz-Content-SHA256",
                black_box(EMPTY_PAYLOAD_SHA256).as_bytes(),
            ),
            header("Range", black_box(RANGE).as_bytes()),
            header("If-None-Match", black_box(ETAG).as_bytes()),
        ];
        let mut request = Request {
            method: black_box(b"GET"),
            path: &self.path,
            query: &self.query,
            headers: &mut headers,
            payload: EMPTY_PAYLOAD_SHA256.as_bytes(),
        };
        let signed = self
            .signer
            .sign(&mut request, &self.key, &self.scope, &self.timestamp);
        let signature = signed.unwrap();
        signature.write_authorization(ACCESS_KEY.as_bytes(), &mut self.out);
        (
            signature.canonical_request().len(),
            signature.string_to_sign().len(),
        )
    }

    /// Presigns once, with the headers that a proxy signs then; returns the same.
    fn presign(&mut self) -> (usize, usize) {
        self.canonicalize();
        let mut headers = [header("Host", black_box(HOST).as_bytes())];
        let mut request = Request {
            method: black_box(b"GET"),
            path: &self.path,
            query: &self.query,
            headers: &mut headers,
            payload: UNSIGNED_PAYLOAD.as_bytes(),
        };
        let auth = QueryAuth {
            access_key: black_box(ACCESS_KEY).as_bytes(),
            session_token: None,
            expires: Expires::MAX,
        };
        let presigned =
            self.signer
                .presign(&mut request, &auth, &self.key, &self.scope, &self.timestamp);
        let presigned = presigned.unwrap();
        presigned.write_query(&mut self.out);
        (
            presigned.canonical_request().len(),
            presigned.string_to_sign().len(),
        )
    }

    fn sign_v2(&mut self) {
        self.canonicalize();
        let mut headers = [
            header("Host", black_box(HOST).as_bytes()),
            header("Date", self.timestamp.http_date().as_bytes()),
            header("Range", black_box(RANGE).as_bytes()),
            header("If-None-Match", black_box(ETAG).as_bytes()),
        ];
        let mut request = v2::Request {
            method: black_box(b"GET"),
            bucket: Some(BUCKET.as_bytes()),
            path: &self.path,
            query: &self.query,
            headers: &mut headers,
        };
        let signed = self.v2_signer.sign(&mut request, &self.v2_key);
        let signature = signed.unwrap();
        signature.write_authorization(ACCESS_KEY.as_bytes(), &mut self.out);
    }

    fn presign_v2(&mut self) {
        self.canonicalize();
        let mut headers = [header("Host", black_box(HOST).as_bytes())];
        let mut request = v2::Request {
            method: black_box(b"GET"),
            bucket: Some(BUCKET.as_bytes()),
            path: &self.path,
            query: &self.query,
            headers: &mut headers,
        };
        let auth = v2::QueryAuth {
            access_key: black_box(ACCESS_KEY).as_bytes(),
            session_token: None,
            expires_at: SECONDS.unsigned_abs() + 900,
        };
        let signed = self.v2_signer.presign(&mut request, &auth, &self.v2_key);
        signed.unwrap().write_parameters(&mut self.out);
    }
}

fn header<'a>(name: &'static str, value: &'a [u8]) -> Header<'a> {
    Header {
        name: name.as_bytes(),
        value,
    }
}

/// The three messages that a signature hashes, in blocks: the canonical request, and the inner
/// and the outer message of the HMAC, each without the block of the key, which is kept hashed.
fn blocks((canonical_request, string_to_sign): (usize, usize)) -> [usize; 3] {
    // SHA-256 pads a message by nine bytes at least.
    let padded = |length: usize| (length + 9).div_ceil(64);
    [
        padded(canonical_request),
        padded(64 + string_to_sign) - 1,
        padded(64 + 32) - 1,
    ]
}

fn official() -> impl FnMut() -> String {
    let identity = Credentials::new(ACCESS_KEY, SECRET, None, None, "bench").into();
    move || {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("s3")
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(SECONDS as u64))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let request = SignableRequest::new(
            black_box("GET"),
            format!("https://{HOST}{PATH}"),
            [("range", RANGE), ("if-none-match", ETAG)].into_iter(),
            SignableBody::Precomputed(EMPTY_PAYLOAD_SHA256.to_owned()),
        )
        .unwrap();
        sign(request, &params).unwrap().signature().to_owned()
    }
}

fn main() {
    let mut work = Work::new();
    let mut official = official();
    let query_blocks: usize = blocks(work.presign()).iter().sum();
    let blocks = blocks(work.sign());
    let authorization = String::from_utf8(work.out.clone()).unwrap();
    assert!(
        authorization.ends_with(&official()),
        "both sign the same request"
    );

    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion");
    let mut criterion = Criterion::default()
        .without_plots()
        .output_directory(&directory)
        .configure_from_args();
    criterion.bench_function("signature", |bencher| bencher.iter(|| work.sign()));
    let messages = blocks.map(|count| vec![[0x5a_u8; 64]; count]);
    criterion.bench_function("sha256_blocks", |bencher| {
        bencher.iter(|| {
            let mut state = [0_u32; 8];
            for message in &messages {
                compress256(&mut state, black_box(message));
            }
            state
        });
    });
    criterion.bench_function("presigned", |bencher| bencher.iter(|| work.presign()));
    criterion.bench_function("v2_header", |bencher| bencher.iter(|| work.sign_v2()));
    criterion.bench_function("v2_query", |bencher| bencher.iter(|| work.presign_v2()));
    criterion.bench_function("aws_sigv4", |bencher| bencher.iter(&mut official));
    criterion.final_summary();

    // `cargo test --benches` runs each once and measures nothing.
    let time = |name: &str| -> Option<f64> {
        let estimates = fs::read(directory.join(name).join("new/estimates.json")).ok()?;
        serde_json::from_slice::<Value>(&estimates).ok()?["median"]["point_estimate"].as_f64()
    };
    if let (Some(signature), Some(hashing), Some(official)) =
        (time("signature"), time("sha256_blocks"), time("aws_sigv4"))
    {
        let count: usize = blocks.iter().sum();
        println!("one signature:              {signature:7.0} ns");
        println!("its {count} SHA-256 blocks alone: {hashing:7.0} ns");
        println!("the same by aws-sigv4:      {official:7.0} ns");
        println!("signature / SHA-256 blocks: {:7.2}", signature / hashing);
        println!("aws-sigv4 / signature:      {:7.2}", official / signature);
        for (name, what) in [
            ("presigned", format!("in the query, {query_blocks} blocks")),
            ("v2_header", "Version 2, in the header".to_owned()),
            ("v2_query", "Version 2, in the query".to_owned()),
        ] {
            if let Some(nanoseconds) = time(name) {
                let ratio = nanoseconds / signature;
                println!("{what:27} {nanoseconds:7.0} ns, {ratio:.2} of one signature");
            }
        }
    }
}
