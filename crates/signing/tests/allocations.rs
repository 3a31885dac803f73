//! Once its buffers have grown, a signature asks for no memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use aws_signing::query::Canonicalizer;
use aws_signing::{CredentialScope, Header, Request, Signer, SigningKey, Timestamp, path};

/// The system's allocator, which counts what each thread asks for.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came; counting touches no memory
// but a thread-local integer that is neither allocated nor dropped.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from `System`, and the caller keeps to the contract.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the block came from `System`, and the caller keeps to the contract.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Work {
    signer: Signer,
    canonicalizer: Canonicalizer,
    key: SigningKey,
    scope: CredentialScope,
    timestamp: Timestamp,
    path: Vec<u8>,
    query: Vec<u8>,
    authorization: Vec<u8>,
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
            timestamp,
            path: Vec::new(),
            query: Vec::new(),
            authorization: Vec::new(),
        }
    }

    /// How many allocations one signature of an unsorted, oddly spelled request takes.
    fn allocations(&mut self) -> usize {
        let before = COUNT.get();
        self.path.clear();
        path::s3("/a b/%c3%a9/\u{e9}//../+".as_bytes(), &mut self.path);
        assert!(!path::has_encoded_dot_segment(b"/caf%c3%a9/%20"));
        self.query.clear();
        let query = b"z=1&y=%41&X-Amz-Date=1&x=a+b&w&&v=/";
        self.canonicalizer.write(
            query,
            |parameter| !parameter.decoded_name_starts_with_ignore_case(b"x-amz-"),
            &mut self.query,
        );
        let header = |name: &'static str, value: &'static str| Header {
            name: name.as_bytes(),
            value: value.as_bytes(),
        };
        let mut headers = [
            header("X-Amz-Meta-B", "  2  3 "),
            header("x-amz-meta-b", "1"),
            header("X-Amz-Date", "20260101T000000Z"),
            header("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"),
            header("Range", "bytes=0-9"),
            header("If-Match", "\"x\""),
            header("Date", "Thu, 01 Jan 2026 00:00:00 GMT"),
            header("Host", "bucket.s3.eu-central-1.amazonaws.com"),
        ];
        let mut request = Request {
            method: b"GET",
            path: &self.path,
            query: &self.query,
            headers: &mut headers,
            payload: b"UNSIGNED-PAYLOAD",
        };
        let signed = self
            .signer
            .sign(&mut request, &self.key, &self.scope, &self.timestamp);
        self.authorization.clear();
        signed
            .unwrap()
            .write_authorization(b"AKIDEXAMPLE", &mut self.authorization);
        COUNT.get() - before
    }
}

#[test]
fn a_second_signature_allocates_nothing() {
    let mut work = Work::new();
    assert_ne!(work.allocations(), 0, "the first one grows the buffers");
    assert_eq!(work.allocations(), 0);
}
