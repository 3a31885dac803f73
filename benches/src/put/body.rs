//! Bodies that can be sent fast: a piece that is repeated.

/// How much a client puts into a chunk, in bytes: as much as SDKs do.
const CHUNK: u64 = 64 << 10;

/// The most data in a piece, in bytes: too much for the caches that a CPU has for itself, as data
/// from a network is, and a whole number of chunks.
const PIECE: u64 = 8 << 20;

/// A body.
pub(crate) struct Body {
    length: u64,
    headers: Vec<String>,
    piece: String,
    times: u64,
    end: String,
}

impl Body {
    /// `length` bytes; a whole number of pieces where it is longer than one.
    pub(crate) fn plain(length: u64) -> Self {
        let (data, times) = pieces(length);
        Self {
            length,
            headers: Vec::new(),
            piece: letters(data),
            times,
            end: String::new(),
        }
    }

    /// The same in chunks, with signatures that no upstream would accept.
    pub(crate) fn framed(length: u64) -> Self {
        let (data, times) = pieces(length);
        let signature = "0f".repeat(32);
        let piece = letters(data)
            .as_bytes()
            .chunks(CHUNK as usize)
            .map(|chunk| {
                let data = String::from_utf8_lossy(chunk);
                format!(
                    "{:x};chunk-signature={signature}\r\n{data}\r\n",
                    chunk.len()
                )
            })
            .collect();
        Self {
            length,
            headers: vec![
                "Content-Encoding: aws-chunked".to_owned(),
                "X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD".to_owned(),
                format!("X-Amz-Decoded-Content-Length: {length}"),
            ],
            piece,
            times,
            end: format!("0;chunk-signature={signature}\r\n\r\n"),
        }
    }

    /// The bytes of data in it.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The bytes that a client sends, with the framing.
    pub(crate) fn sent_length(&self) -> u64 {
        self.piece.len() as u64 * self.times + self.end.len() as u64
    }

    /// The headers that belong to it, besides its length.
    pub(crate) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// What is sent so many times, and what follows once.
    pub(crate) fn parts(&self) -> (&str, u64, &str) {
        (&self.piece, self.times, &self.end)
    }
}

/// How much data is in the piece, and how often that is sent.
fn pieces(length: u64) -> (u64, u64) {
    let data = length.min(PIECE);
    assert!(length.is_multiple_of(data), "{length} bytes make no pieces");
    (data, length / data)
}

/// Letters, each place unlike its neighbours.
fn letters(length: u64) -> String {
    (b'a'..=b'z')
        .cycle()
        .map(char::from)
        .take(length as usize)
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_signing::chunked::{Event, Framing, Layout, Parser};

    use super::*;

    #[test]
    fn a_plain_body_is_its_data() {
        let body = Body::plain(3 * PIECE);
        assert_eq!(body.sent_length(), 3 * PIECE);
        let (piece, times, end) = body.parts();
        assert_eq!((piece.len() as u64, times, end), (PIECE, 3, ""));
    }

    #[test]
    fn framing_is_as_long_as_a_clients_and_whole() {
        for length in [4096, CHUNK, PIECE, 2 * PIECE] {
            let body = Body::framed(length);
            let layout = Layout::new(length, Layout::DEFAULT_CHUNK_SIZE, None).unwrap();
            assert_eq!(body.sent_length(), layout.encoded_length());

            let (piece, times, end) = body.parts();
            let text = piece.repeat(times as usize) + end;
            let mut parser = Parser::new(Framing::Signed, length);
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                let (used, event) = parser.next(rest).unwrap();
                assert_ne!(event, Event::Incomplete);
                rest = &rest[used..];
            }
            assert_eq!(parser.finish(), Ok(()));
        }
    }
}
