//! A client that frames its bodies (`aws-chunked`), as SDKs do: with signed chunks, with a signed
//! trailer too, or unsigned with a trailer.
//!
//! It signs with a key of its own, which nginx does not know. What it makes can be made wrong
//! afterwards, and sent in every way in which HTTP sends bodies.

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_signing::chunked::{ChunkSigner, Encoder, Layout, Trailers};
use aws_signing::{CredentialScope, SigningKey, Timestamp};

use crate::http::{Request, Response};
use crate::signer::Signer;
use crate::{Head, HeldOrigin, RawRequest, account, checksum, http2, signing};

pub use aws_signing::chunked::Framing;

/// All three framings.
pub const FRAMINGS: [Framing; 3] = [
    Framing::Signed,
    Framing::SignedTrailer,
    Framing::UnsignedTrailer,
];

/// A body that is to be framed.
#[derive(Clone, Debug)]
pub struct Framed {
    framing: Framing,
    body: Vec<u8>,
    chunk_size: NonZeroU32,
    trailers: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    user: (String, String),
}

impl Framed {
    /// Chunks of 64 KiB, `Content-Encoding: aws-chunked`, and where the framing has trailers a
    /// CRC32 of the body, announced as the Rust SDK announces it.
    pub fn new(framing: Framing, body: impl AsRef<[u8]>) -> Self {
        let framed = Self {
            framing,
            body: body.as_ref().to_vec(),
            chunk_size: Layout::DEFAULT_CHUNK_SIZE,
            trailers: Vec::new(),
            headers: vec![("Content-Encoding".to_owned(), "aws-chunked".to_owned())],
            user: ("AKIDCLIENT".to_owned(), "the client's secret".to_owned()),
        };
        match framing {
            Framing::Signed => framed,
            Framing::SignedTrailer | Framing::UnsignedTrailer => framed.checksum("crc32"),
        }
    }

    /// Signs with another key. That of an object store makes a request to send to the object store directly.
    pub fn user(mut self, access_key: &str, secret_key: &str) -> Self {
        self.user = (access_key.to_owned(), secret_key.to_owned());
        self
    }

    /// Cuts the body into chunks of so many bytes.
    #[track_caller]
    pub fn chunk_size(mut self, bytes: u32) -> Self {
        self.chunk_size = NonZeroU32::new(bytes).expect("chunks are not empty");
        self
    }

    /// Has this checksum, one of [`checksum::ALL`], in the trailer.
    pub fn checksum(self, algorithm: &str) -> Self {
        let value = checksum::base64(algorithm, &self.body);
        self.trailers(&[(&format!("x-amz-checksum-{algorithm}"), &value)])
            .header("x-amz-sdk-checksum-algorithm", &algorithm.to_uppercase())
    }

    /// Has these trailers, all of them announced, and no others.
    pub fn trailers(mut self, trailers: &[(&str, &str)]) -> Self {
        self.trailers = trailers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        let names: Vec<_> = trailers.iter().map(|(name, _)| *name).collect();
        self.header("x-amz-trailer", &names.join(","))
    }

    /// Sets a header in the place of the one there is; an empty value takes it away.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        set(&mut self.headers, name, value);
        self
    }

    /// The signed and framed request `PUT target`.
    #[track_caller]
    pub fn put(&self, target: &str) -> Upload {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock after 1970")
            .as_secs();
        let mut request = Request::new("PUT", target)
            .header("x-amz-decoded-content-length", self.body.len().to_string());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let (access_key, secret_key) = &self.user;
        let headers = Signer::new(access_key, secret_key)
            .at(UNIX_EPOCH + Duration::from_secs(now))
            .payload_hash(self.framing.payload())
            .sign(request)
            .header_pairs();
        let body = self.encode(&Timestamp::from_unix(now.cast_signed()), &headers);
        Upload {
            framing: self.framing,
            target: target.to_owned(),
            headers,
            body,
        }
    }

    #[track_caller]
    fn encode(&self, now: &Timestamp, headers: &[(String, String)]) -> Vec<u8> {
        let mut trailers = Trailers::new();
        for (name, value) in &self.trailers {
            let pushed = trailers.push(name.as_bytes(), value.as_bytes());
            pushed.unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        let mut framed = Vec::new();
        if !self.framing.signs_chunks() {
            for chunk in self.body.chunks(self.chunk_size.get() as usize) {
                framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                framed.extend_from_slice(chunk);
                framed.extend_from_slice(b"\r\n");
            }
            framed.extend_from_slice(b"0\r\n");
            trailers.write(&mut framed);
            framed.extend_from_slice(b"\r\n");
            return framed;
        }

        let seed = headers
            .iter()
            .find_map(|(_, value)| value.split_once("Signature=")?.1.as_bytes().try_into().ok())
            .expect("the head is signed");
        let scope = CredentialScope::new(now.date(), "us-east-1", "s3").expect("a region");
        let key = SigningKey::derive(self.user.1.as_bytes(), &scope);
        let length = (self.framing == Framing::SignedTrailer).then(|| trailers.length());
        let layout = Layout::new(self.body.len() as u64, self.chunk_size, length)
            .expect("a length that memory can hold");
        let signer = ChunkSigner::new(&key, &scope, now, &seed).expect("a little memory");
        let mut encoder = Encoder::new(layout, signer);
        for chunk in self.body.chunks(self.chunk_size.get() as usize) {
            let taken = encoder.update(chunk).expect("as much as was announced");
            assert_eq!(taken, chunk.len());
            framed.extend_from_slice(&encoder.chunk_header().expect("a whole chunk"));
            framed.extend_from_slice(chunk);
        }
        let finished = encoder.finish(&trailers, &mut framed);
        finished.expect("as many trailers as were announced");
        framed
    }
}

/// A framed request, to be sent as it is or changed first.
#[derive(Clone, Debug)]
pub struct Upload {
    framing: Framing,
    /// The request target.
    pub target: String,
    /// All headers but those that HTTP needs for the body.
    pub headers: Vec<(String, String)>,
    /// The body in its framing.
    pub body: Vec<u8>,
}

impl Upload {
    /// Sets a header in the place of the one there is; an empty value takes it away.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        set(&mut self.headers, name, value);
        self
    }

    /// Has another body, which `change` makes of the one there is.
    pub fn body(mut self, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Self {
        self.body = change(self.body);
        self
    }

    /// Has `to` in the place of the first `from` in the body; fails the test where there is none.
    #[track_caller]
    pub fn replace(mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Self {
        let (from, to) = (from.as_ref(), to.as_ref());
        let at = self
            .body
            .windows(from.len())
            .position(|window| window == from)
            .unwrap_or_else(|| panic!("no {:?} in the body", String::from_utf8_lossy(from)));
        self.body.splice(at..at + from.len(), to.iter().copied());
        self
    }

    /// The request with Content-Length.
    pub fn request(&self) -> Request {
        self.head().body(&self.body)
    }

    /// The request in HTTP's own chunks of so many bytes, which are not those of the framing.
    pub fn in_http_chunks(&self, bytes: usize) -> Request {
        self.head().chunks(self.body.chunks(bytes))
    }

    /// Sends the request over HTTP/2, with or without Content-Length.
    #[track_caller]
    pub fn send_http2(&self, port: u16, announced: bool) -> Response {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let upload = match announced {
            true => http2::upload,
            false => http2::upload_unannounced,
        };
        upload("PUT", port, &self.target, &headers, &self.body)
    }

    /// Sends the request while an object store reads what comes of it until the connection is
    /// closed, which has to happen. Returns the client's response, the head at the object store and
    /// what came after it.
    #[track_caller]
    pub fn send_in_vain(&self, port: u16, store: &HeldOrigin) -> (Response, Head, Vec<u8>) {
        std::thread::scope(|scope| {
            let client = scope.spawn(|| self.request().send(port));
            let mut connection = store.accept();
            let head = connection.read_head();
            let body = connection.read_to_end();
            let response = client.join().expect("the client has an answer");
            (response, head, body)
        })
    }

    /// Fails the test unless `sent` is this request, framing and all, signed by the account's user:
    /// its head, and each chunk where the framing has signatures. The signature of trailers is not
    /// checked here: Swift does that.
    #[track_caller]
    pub fn expect_kept(&self, sent: &RawRequest) {
        let framing = self.framing;
        account::expect_signed(sent);
        for name in [
            "x-amz-content-sha256",
            "x-amz-decoded-content-length",
            "x-amz-trailer",
            "x-amz-sdk-checksum-algorithm",
            "Content-Encoding",
        ] {
            let ours = self.headers.iter();
            let ours = ours
                .clone()
                .find(|(other, _)| other.eq_ignore_ascii_case(name));
            let ours = ours.map(|(_, value)| value.clone());
            assert_eq!(sent.header(name), ours, "{framing:?}: {name}");
        }
        assert!(
            without_signatures(&sent.body) == without_signatures(&self.body),
            "{framing:?}: more than signatures is changed"
        );
        if !framing.signs_chunks() {
            return;
        }
        let trailers = b"x-amz-checksum-";
        let end = sent
            .body
            .windows(trailers.len())
            .position(|w| w == trailers);
        let chunks = match end {
            Some(end) => [&sent.body[..end], b"\r\n"].concat(),
            None => sent.body.clone(),
        };
        let signer = Signer::new(account::ACCESS_KEY, account::SECRET_KEY);
        let decoded = signing::verify_chunks(&sent.head, &chunks, &signer);
        let decoded = decoded.unwrap_or_else(|fault| panic!("{framing:?}: {fault}"));
        let length = sent.header("x-amz-decoded-content-length");
        assert_eq!(length, Some(decoded.len().to_string()), "{framing:?}");
    }

    /// The request without a body.
    pub fn head(&self) -> Request {
        let request = Request::new("PUT", &self.target);
        self.headers.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        })
    }
}

/// The signatures in a framed body as dashes.
fn without_signatures(body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    for mark in [&b";chunk-signature="[..], b"x-amz-trailer-signature:"] {
        let places: Vec<_> = (0..body.len())
            .filter(|&at| body[at..].starts_with(mark))
            .collect();
        for at in places {
            body[at + mark.len()..][..64].fill(b'-');
        }
    }
    body
}

fn set(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    if !value.is_empty() {
        headers.push((name.to_owned(), value.to_owned()));
    }
}
