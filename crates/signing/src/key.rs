//! The signing key, derived from a secret for one day, region, and service.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::CredentialScope;
use crate::sha256::{FirstBlock, HmacKey};

/// A derived key with its two HMAC states prepared, so that a signature hashes only its message.
///
/// It signs for its scope only: AWS rejects it from the next UTC day on. The states are erased when
/// the key is dropped.
#[derive(Clone)]
pub struct SigningKey {
    hmac: HmacKey,
}

impl SigningKey {
    /// Derives the key of `scope` from a secret access key.
    pub fn derive(secret: &[u8], scope: &CredentialScope) -> Self {
        Self::from_bytes(&Zeroizing::new(derive_key_bytes(secret, scope)))
    }

    /// Accepts a key that was derived elsewhere, for a scope that the caller knows.
    pub fn from_bytes(key: &[u8; 32]) -> Self {
        Self {
            hmac: HmacKey::new(key),
        }
    }

    /// HMAC-SHA256 of `message`, which is unchanged afterwards.
    pub(crate) fn mac(&self, message: &mut Vec<u8>) -> [u8; 32] {
        self.hmac.mac(message, &mut FirstBlock::default())
    }

    /// The same as [`Self::mac`], for one of many messages with the same beginning.
    pub(crate) fn mac_of_alike(&self, message: &mut Vec<u8>, first: &mut FirstBlock) -> [u8; 32] {
        self.hmac.mac(message, first)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

/// The 32 bytes of the signing key of `scope`, as [AWS derives them][1] from a secret access key.
///
/// Anyone who has them can sign every request within the scope; the caller must erase them.
///
/// [1]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#derive-signing-key
pub fn derive_key_bytes(secret: &[u8], scope: &CredentialScope) -> [u8; 32] {
    // Allocated with its final size: growing would leave a copy of the secret in freed memory.
    let mut start = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
    start.extend_from_slice(b"AWS4");
    start.extend_from_slice(secret);

    let date = Zeroizing::new(chain(&start, scope.date()));
    let region = Zeroizing::new(chain(&*date, scope.region()));
    let service = Zeroizing::new(chain(&*region, scope.service()));
    chain(&*service, "aws4_request")
}

/// One step of the derivation: the HMAC of a part of the scope with the previous key.
fn chain(key: &[u8], part: &str) -> [u8; 32] {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    hmac.update(part.as_bytes());
    hmac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> CredentialScope {
        CredentialScope::new("20120215", "us-east-1", "iam").unwrap()
    }

    /// The example of the AWS General Reference.
    #[test]
    fn derives_the_documented_key() {
        let secret = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let key = derive_key_bytes(secret, &scope());
        let mut hex = Vec::new();
        crate::encode::hex(&key, &mut hex);
        assert_eq!(
            hex,
            b"f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"
        );
    }

    #[test]
    fn a_derived_key_signs_as_its_bytes_do() {
        for secret in [&b""[..], b"short", &[0xff; 61], &[b'x'; 200]] {
            let bytes = derive_key_bytes(secret, &scope());
            let derived = SigningKey::derive(secret, &scope());
            let mac = |key: &SigningKey, message: &[u8]| key.mac(&mut message.to_vec());
            assert_eq!(
                mac(&derived, b"message"),
                mac(&SigningKey::from_bytes(&bytes), b"message")
            );
            assert_eq!(mac(&derived, b"message"), mac(&derived.clone(), b"message"));
            assert_ne!(mac(&derived, b"message"), mac(&derived, b"massage"));
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        assert_eq!(
            format!("{:?}", SigningKey::from_bytes(&[0xab; 32])),
            "SigningKey(redacted)"
        );
    }
}
