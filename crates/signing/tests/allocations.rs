//! Once its buffers have grown, a signature asks for no memory.

mod counting;

use aws_signing::presign::{Expires, QueryAuth, SessionToken};
use aws_signing::query::Canonicalizer;
use aws_signing::{CredentialScope, Header, Request, Signer, SigningKey, Timestamp, path, v2};

const QUERY: &[u8] = b"z=1&y=%41&X-Amz-Date=1&x=a+b&w&&v=/&versionId=%2f&acl";

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
    out: Vec<u8>,
}

impl Work {
    fn new() -> Self {
        let timestamp = Timestamp::from_unix(1_767_225_600);
        let scope = CredentialScope::new(timestamp.date(), "eu-central-1", "s3").unwrap();
        Self {
            signer: Signer::new(),
            canonicalizer: Canonicalizer::new(),
            key: SigningKey::derive(b"secret", &scope),
            scope,
            v2_signer: v2::Signer::new(),
            v2_key: v2::SecretKey::new(b"secret"),
            timestamp,
            path: Vec::new(),
            query: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Makes the target of an unsorted, oddly spelled request canonical.
    fn canonicalize(&mut self) {
        self.path.clear();
        path::s3("/a b/%c3%a9/\u{e9}//../+".as_bytes(), &mut self.path);
        assert!(!path::has_dot_segment(b"/caf%c3%a9/%20"));
        self.query.clear();
        self.canonicalizer.write(
            QUERY,
            |parameter| !parameter.decoded_name_starts_with_ignore_case(b"x-amz-"),
            &mut self.query,
        );
        self.out.clear();
    }

    fn sign(&mut self) {
        self.canonicalize();
        let mut request = Request {
            method: b"GET",
            path: &self.path,
            query: &self.query,
            headers: &mut headers(),
            payload: b"UNSIGNED-PAYLOAD",
        };
        self.signer
            .sign(&mut request, &self.key, &self.scope, &self.timestamp)
            .unwrap()
            .write_authorization(b"AKIDEXAMPLE", &mut self.out);
    }

    fn presign(&mut self) {
        self.canonicalize();
        let mut request = Request {
            method: b"GET",
            path: &self.path,
            query: &self.query,
            headers: &mut headers(),
            payload: b"UNSIGNED-PAYLOAD",
        };
        let auth = QueryAuth {
            access_key: b"AKIDEXAMPLE",
            session_token: Some(SessionToken::Signed(b"to/ken==")),
            expires: Expires::MAX,
        };
        let presigned = self
            .signer
            .presign(&mut request, &auth, &self.key, &self.scope, &self.timestamp)
            .unwrap();
        presigned.write_query(&mut self.out);
        presigned.write_parameters(&mut self.out);
    }

    fn sign_v2(&mut self) {
        self.canonicalize();
        let mut request = v2::Request {
            method: b"GET",
            bucket: Some(b"bucket"),
            path: &self.path,
            query: &self.query,
            headers: &mut headers(),
        };
        self.v2_signer
            .sign(&mut request, &self.v2_key)
            .unwrap()
            .write_authorization(b"AKIDEXAMPLE", &mut self.out);
        let auth = v2::QueryAuth {
            access_key: b"AKIDEXAMPLE",
            session_token: Some(b"to/ken=="),
            expires_at: 1_767_229_200,
        };
        self.v2_signer
            .presign(&mut request, &auth, &self.v2_key)
            .unwrap()
            .write_parameters(&mut self.out);
    }
}

fn headers() -> [Header<'static>; 8] {
    let header = |name: &'static str, value: &'static str| Header {
        name: name.as_bytes(),
        value: value.as_bytes(),
    };
    [
        header("X-Amz-Meta-B", "  2  3 "),
        header("x-amz-meta-b", "1"),
        header("X-Amz-Date", "20260101T000000Z"),
        header("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"),
        header("Range", "bytes=0-9"),
        header("If-Match", "\"x\""),
        header("Date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        header("Host", "bucket.s3.eu-central-1.amazonaws.com"),
    ]
}

fn allocations(work: &mut Work, sign: fn(&mut Work)) -> usize {
    let before = counting::count();
    sign(work);
    counting::count() - before
}

#[test]
fn a_second_signature_allocates_nothing() {
    for sign in [Work::sign, Work::presign, Work::sign_v2] {
        let mut work = Work::new();
        assert_ne!(
            allocations(&mut work, sign),
            0,
            "the first grows the buffers"
        );
        assert_eq!(allocations(&mut work, sign), 0);
    }
}

/// What is reserved covers what a presigned request of that length takes, down to one that is
/// hardly more than what the signature adds.
#[test]
fn reserved_room_suffices() {
    let timestamp = Timestamp::from_unix(1_767_225_600);
    let scope = CredentialScope::new(timestamp.date(), "r", "s").unwrap();
    let key = SigningKey::derive(b"secret", &scope);
    let v2_key = v2::SecretKey::new(b"secret");
    for extra in [0, 1, 100, 5000] {
        let token = vec![b't'; extra];
        let auth = QueryAuth {
            access_key: b"k",
            session_token: Some(SessionToken::Signed(&token)),
            expires: Expires::MAX,
        };
        let v2_auth = v2::QueryAuth {
            access_key: b"k",
            session_token: Some(&token),
            expires_at: u64::MAX,
        };
        let host = Header {
            name: b"host",
            value: b"h",
        };
        let mut request = Request {
            method: b"G",
            path: b"/",
            query: b"",
            headers: &mut [host],
            payload: aws_signing::EMPTY_PAYLOAD_SHA256.as_bytes(),
        };
        let mut v2_request = v2::Request {
            method: b"G",
            bucket: Some(b"b"),
            path: b"/",
            query: b"",
            headers: &mut [host],
        };
        let (mut signer, mut v2_signer) = (Signer::new(), v2::Signer::new());
        // Method, path, header, name of the header once more; access key and encoded scope.
        let length = "G/hosthhost".len() + "k".len() + scope.as_str().len() + 3 * 2 + extra;
        signer.try_reserve(length).unwrap();
        v2_signer.try_reserve("Gb/hosth".len() + extra).unwrap();
        let before = counting::count();
        let signed = signer.presign(&mut request, &auth, &key, &scope, &timestamp);
        let v2_signed = v2_signer.presign(&mut v2_request, &v2_auth, &v2_key);
        assert_eq!(counting::count(), before);
        assert!(signed.is_ok() && v2_signed.is_ok());
    }
}
