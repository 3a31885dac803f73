//! The secret access key, prepared for signing.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// A secret access key, kept as its two HMAC-SHA1 states, so that a signature hashes only its
/// message.
///
/// It signs every Version 2 request as long as the key is valid. The states are erased when it is
/// dropped; the caller must erase the key itself.
#[derive(Clone)]
pub struct SecretKey {
    hmac: Hmac<Sha1>,
}

impl SecretKey {
    /// Prepares a secret access key.
    pub fn new(secret: &[u8]) -> Self {
        Self {
            hmac: Hmac::new_from_slice(secret).expect("HMAC takes keys of any length"),
        }
    }

    /// HMAC-SHA1 of `message`.
    pub(super) fn mac(&self, message: &[u8]) -> [u8; 20] {
        self.hmac
            .clone()
            .chain_update(message)
            .finalize()
            .into_bytes()
            .into()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    /// Cases 1, 2, 3 and 6 of RFC 2202, the last with a key longer than a block.
    #[test]
    fn signs_the_cases_of_rfc_2202() {
        for (key, message, digest) in [
            (
                &[0x0b; 20][..],
                &b"Hi There"[..],
                "b617318655057264e28bc0b6fb378c8ef146be00",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            ),
            (
                &[0xaa; 20],
                &[0xdd; 50],
                "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
            ),
            (
                &[0xaa; 80],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
        ] {
            let key = SecretKey::new(key);
            for _ in 0..2 {
                let mut hex = Vec::new();
                crate::encode::hex(&key.mac(message), &mut hex);
                assert_eq!(hex, digest.as_bytes());
            }
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        let key = SecretKey::new(b"secret");
        assert_eq!(format!("{key:?}"), "SecretKey(redacted)");
    }

    /// An HMAC consists of two states of its hash. Fails to compile if a feature is missing.
    #[test]
    fn states_are_erased_when_dropped() {
        fn erased<T: ZeroizeOnDrop>() {}
        erased::<Sha1>();
    }
}
