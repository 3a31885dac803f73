//! The chain of signatures, which begins with the request's own.

use std::collections::TryReserveError;
use std::fmt;

use super::{SIGNATURE_LEN, Trailers};
use crate::{CredentialScope, EMPTY_PAYLOAD_SHA256, SigningKey, Timestamp, encode, sha256};

/// First lines of the strings to sign.
const CHUNK_ALGORITHM: &[u8] = b"AWS4-HMAC-SHA256-PAYLOAD";
const TRAILER_ALGORITHM: &[u8] = b"AWS4-HMAC-SHA256-TRAILER";

/// Signs one chunk after the other, and then the trailers.
///
/// It has a copy of the request's signing key, erased when it is dropped.
#[derive(Clone)]
pub struct ChunkSigner {
    key: SigningKey,
    seed: [u8; SIGNATURE_LEN],
    /// The string to sign of the next chunk, complete except for the hash of its data.
    text: Vec<u8>,
    /// Where the signature of the previous chunk is in `text`.
    previous_at: usize,
}

impl ChunkSigner {
    /// Begins a chain with `seed`, the signature of the request in hexadecimal digits. Key, scope,
    /// and timestamp are those of the request. It allocates a few hundred bytes; chunks allocate
    /// nothing.
    pub fn new(
        key: &SigningKey,
        scope: &CredentialScope,
        timestamp: &Timestamp,
        seed: &[u8; SIGNATURE_LEN],
    ) -> Result<Self, TryReserveError> {
        let date = timestamp.amz_date();
        let lines = [CHUNK_ALGORITHM, date.as_bytes(), scope.as_str().as_bytes()];
        let length = lines.iter().map(|line| line.len() + 1).sum::<usize>();
        let mut text = Vec::new();
        text.try_reserve_exact(length + 3 * (SIGNATURE_LEN + 1) + sha256::MAX_PADDING)?;
        for line in lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let previous_at = text.len();
        text.extend_from_slice(seed);
        text.push(b'\n');
        // The hash of a chunk's headers: there are none.
        text.extend_from_slice(EMPTY_PAYLOAD_SHA256.as_bytes());
        text.push(b'\n');
        text.extend_from_slice(EMPTY_PAYLOAD_SHA256.as_bytes());
        Ok(Self {
            key: key.clone(),
            seed: *seed,
            text,
            previous_at,
        })
    }

    /// Begins the chain again: the next chunk is the first.
    pub fn restart(&mut self) {
        self.text[self.previous_at..][..SIGNATURE_LEN].copy_from_slice(&self.seed);
    }

    /// The string to sign of the next chunk if SHA-256 of its data is `hash`, for a debug log.
    pub fn chunk_string_to_sign(&mut self, hash: &[u8; 32]) -> &[u8] {
        let hash_at = self.text.len() - SIGNATURE_LEN;
        self.text[hash_at..].copy_from_slice(&encode::hex32(hash));
        &self.text
    }

    /// Signs the next chunk; `hash` is SHA-256 of its data. The signature is in lower-case
    /// hexadecimal digits.
    pub fn sign_chunk(&mut self, hash: &[u8; 32]) -> [u8; SIGNATURE_LEN] {
        self.chunk_string_to_sign(hash);
        let signature = encode::hex32(&self.key.mac(&mut self.text));
        self.text[self.previous_at..][..SIGNATURE_LEN].copy_from_slice(&signature);
        signature
    }

    /// The string to sign of the trailers after the last signed chunk, for a debug log.
    pub fn trailer_string_to_sign(&self, trailers: &Trailers) -> Result<Vec<u8>, TryReserveError> {
        let mut canonical = Vec::new();
        canonical.try_reserve_exact(trailers.length() + sha256::MAX_PADDING)?;
        trailers.write_canonical(&mut canonical)?;
        let hash = encode::hex32(&sha256::digest(&mut canonical));

        // Timestamp, scope and previous signature are those of a chunk.
        let common = &self.text[CHUNK_ALGORITHM.len()..self.previous_at + SIGNATURE_LEN];
        let parts = [TRAILER_ALGORITHM, common, b"\n", &hash];
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let mut text = Vec::new();
        text.try_reserve_exact(length + sha256::MAX_PADDING)?;
        for part in parts {
            text.extend_from_slice(part);
        }
        Ok(text)
    }

    /// Signs the trailers, which end the chain: the last signed chunk is the empty one.
    pub fn sign_trailers(
        &self,
        trailers: &Trailers,
    ) -> Result<[u8; SIGNATURE_LEN], TryReserveError> {
        let mut text = self.trailer_string_to_sign(trailers)?;
        Ok(encode::hex32(&self.key.mac(&mut text)))
    }
}

impl fmt::Debug for ChunkSigner {
    /// The text is not shown: anyone who sees a signature in a log can replay it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkSigner").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// The example of the AWS documentation: 65536 and 1024 bytes, then the empty chunk.
    #[test]
    fn signs_the_documented_chain() {
        let timestamp = Timestamp::from_unix(1_369_353_600);
        let scope = CredentialScope::new(timestamp.date(), "us-east-1", "s3").unwrap();
        let key = SigningKey::derive(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &scope);
        let seed = b"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
        let mut signer = ChunkSigner::new(&key, &scope, &timestamp, seed).unwrap();
        let capacity = signer.text.capacity();
        for (length, signature) in [
            (
                65536,
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            ),
            (
                1024,
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            ),
            (
                0,
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            ),
        ] {
            let hash = Sha256::digest(vec![b'a'; length]).into();
            assert_eq!(signer.sign_chunk(&hash), signature.as_bytes(), "{length}");
        }
        assert_eq!(signer.text.capacity(), capacity, "nothing is allocated");
    }

    /// Showing a string in a debug log does not advance the chain.
    #[test]
    fn looking_at_a_string_to_sign_changes_nothing() {
        let timestamp = Timestamp::from_unix(0);
        let scope = CredentialScope::new(timestamp.date(), "auto", "s3").unwrap();
        let key = SigningKey::from_bytes(&[7; 32]);
        let mut signer = ChunkSigner::new(&key, &scope, &timestamp, &[b'0'; 64]).unwrap();
        let mut other = signer.clone();
        signer.chunk_string_to_sign(&[1; 32]);
        signer.trailer_string_to_sign(&Trailers::new()).unwrap();
        assert_eq!(signer.sign_chunk(&[2; 32]), other.sign_chunk(&[2; 32]));
        assert_ne!(signer.sign_chunk(&[2; 32]), signer.sign_chunk(&[2; 32]));
        assert_eq!(format!("{signer:?}"), "ChunkSigner { .. }");
    }
}
