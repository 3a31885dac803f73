//! The checksums that S3 knows, as sent in trailers.
//!
//! `x-amz-checksum-<algorithm>` is the base64 encoding of the digest; a CRC is in big-endian order.
//! See [Checking object integrity][1].
//!
//! [1]: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc::{CRC_64_NVME, Crc, Table};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The common prefix of all names.
const PREFIX: &[u8] = b"x-amz-checksum-";

/// The longest digest, in bytes.
const MAX_DIGEST: usize = 32;

/// Sixteen bytes at a time.
static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

/// A checksum that is being computed.
#[derive(Clone)]
pub struct Checksum(Algorithm);

#[derive(Clone)]
enum Algorithm {
    Crc32(crc32fast::Hasher),
    Crc32c(u32),
    Crc64Nvme(u64),
    Sha1(Sha1),
    Sha256(Sha256),
}

/// Why a value is not the checksum of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumError {
    /// It is not base64, with padding, of the length of the digest.
    Form,
    /// It is the checksum of different data.
    Mismatch,
}

impl Checksum {
    /// The checksum in a trailer of this name, in any case. `None` for other trailers and for
    /// unknown algorithms.
    pub fn for_trailer(name: &[u8]) -> Option<Self> {
        let (prefix, algorithm) = name.split_at_checked(PREFIX.len())?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let is = |other: &str| algorithm.eq_ignore_ascii_case(other.as_bytes());
        let algorithm = if is("crc32") {
            Algorithm::Crc32(crc32fast::Hasher::new())
        } else if is("crc32c") {
            Algorithm::Crc32c(0)
        } else if is("crc64nvme") {
            Algorithm::Crc64Nvme(0)
        } else if is("sha1") {
            Algorithm::Sha1(Sha1::new())
        } else if is("sha256") {
            Algorithm::Sha256(Sha256::new())
        } else {
            return None;
        };
        Some(Self(algorithm))
    }

    /// Adds data.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            Algorithm::Crc32(hasher) => hasher.update(data),
            Algorithm::Crc32c(crc) => *crc = crc32c::crc32c_append(*crc, data),
            Algorithm::Crc64Nvme(crc) => *crc = crc64_append(*crc, data),
            Algorithm::Sha1(hasher) => hasher.update(data),
            Algorithm::Sha256(hasher) => hasher.update(data),
        }
    }

    /// Whether a trailer's value is the checksum of the data.
    pub fn verify(&self, value: &[u8]) -> Result<(), ChecksumError> {
        let (digest, length) = self.digest();
        // The decoder needs memory for its estimate, which is up to three bytes more.
        let mut decoded = [0; MAX_DIGEST + 3];
        match STANDARD.decode_slice(value, &mut decoded) {
            Ok(count) if count != length => Err(ChecksumError::Form),
            Ok(_) if decoded[..length] == digest[..length] => Ok(()),
            Ok(_) => Err(ChecksumError::Mismatch),
            Err(_) => Err(ChecksumError::Form),
        }
    }

    /// The digest so far, and its length in bytes.
    fn digest(&self) -> ([u8; MAX_DIGEST], usize) {
        let mut out = [0; MAX_DIGEST];
        let mut write = |digest: &[u8]| {
            out[..digest.len()].copy_from_slice(digest);
            digest.len()
        };
        let length = match &self.0 {
            Algorithm::Crc32(hasher) => write(&hasher.clone().finalize().to_be_bytes()),
            Algorithm::Crc32c(crc) => write(&crc.to_be_bytes()),
            Algorithm::Crc64Nvme(crc) => write(&crc.to_be_bytes()),
            Algorithm::Sha1(hasher) => write(&hasher.clone().finalize()),
            Algorithm::Sha256(hasher) => write(&hasher.clone().finalize()),
        };
        (out, length)
    }
}

/// Continues from a finished CRC, of nothing 0. The crate expects the initial register in the order
/// of the polynomial's definition: not inverted, not reflected.
fn crc64_append(crc: u64, data: &[u8]) -> u64 {
    let mut digest = CRC64.digest_with_initial((!crc).reverse_bits());
    digest.update(data);
    digest.finalize()
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Algorithm::Crc32(_) => "Checksum(crc32)",
            Algorithm::Crc32c(_) => "Checksum(crc32c)",
            Algorithm::Crc64Nvme(_) => "Checksum(crc64nvme)",
            Algorithm::Sha1(_) => "Checksum(sha1)",
            Algorithm::Sha256(_) => "Checksum(sha256)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, and the checksums of nothing and of "123456789", which catalogues of CRCs call the
    /// check value; those of the SHAs are `printf 123456789 | sha1sum`.
    const KNOWN: [(&str, &str, &str); 5] = [
        ("crc32", "AAAAAA==", "y/Q5Jg=="),
        ("crc32c", "AAAAAA==", "4waSgw=="),
        ("crc64nvme", "AAAAAAAAAAA=", "rosUhgp5mIg="),
        (
            "sha1",
            "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
            "98O8HYCOBHMq32eZZczDTKeuNEE=",
        ),
        (
            "sha256",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        ),
    ];

    fn checksum(algorithm: &str) -> Checksum {
        Checksum::for_trailer(format!("x-amz-checksum-{algorithm}").as_bytes()).unwrap()
    }

    #[test]
    fn known_data_has_known_checksums() {
        for (name, empty, known) in KNOWN {
            let mut sum = checksum(name);
            assert_eq!(sum.verify(empty.as_bytes()), Ok(()), "{name}");
            assert_eq!(sum.verify(known.as_bytes()), Err(ChecksumError::Mismatch));
            for piece in ["1", "", "2345", "6789"] {
                sum.update(piece.as_bytes());
            }
            assert_eq!(sum.verify(known.as_bytes()), Ok(()), "{name}");
            assert_eq!(sum.verify(empty.as_bytes()), Err(ChecksumError::Mismatch));
        }
    }

    /// Long enough for code that processes many bytes at once, and the end is not aligned.
    #[test]
    fn pieces_make_the_same_checksum() {
        let data: Vec<u8> = (0..70_001_u32)
            .map(|at| (at.wrapping_mul(at) >> 3) as u8)
            .collect();
        for (name, ..) in KNOWN {
            let mut whole = checksum(name);
            whole.update(&data);
            let whole = whole.digest();
            for size in [1, 7, 64, 1000, 65_536] {
                let mut pieces = checksum(name);
                data.chunks(size).for_each(|piece| pieces.update(piece));
                assert_eq!(pieces.digest(), whole, "{name} by {size}");
            }
        }
    }

    #[test]
    fn a_value_has_one_form() {
        let mut sum = checksum("crc32");
        sum.update(b"123456789");
        for value in [
            "",
            "y/Q5Jg",
            "y/Q5Jg=",
            "y/Q5Jg===",
            "y_Q5Jg==",
            "y/Q5Jh==",
            "y/Q5",
            "y/Q5JgAA",
            " y/Q5Jg==",
            "y/Q5Jg==\n",
            "cbf43926",
            "y/Q5Jg==y/Q5Jg==",
            "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        ] {
            assert_eq!(
                sum.verify(value.as_bytes()),
                Err(ChecksumError::Form),
                "{value}"
            );
        }
        let long = "A".repeat(4096);
        assert_eq!(sum.verify(long.as_bytes()), Err(ChecksumError::Form));
    }

    #[test]
    fn every_byte_of_a_digest_counts() {
        for (name, ..) in KNOWN {
            let sum = checksum(name);
            let (digest, length) = sum.digest();
            for at in 0..length {
                let mut other = digest;
                other[at] ^= 1;
                let other = STANDARD.encode(&other[..length]);
                let got = sum.verify(other.as_bytes());
                assert_eq!(got, Err(ChecksumError::Mismatch), "{name} {at}");
            }
        }
    }

    #[test]
    fn algorithms_are_known_by_name() {
        for (name, ..) in KNOWN {
            let upper = format!("X-Amz-Checksum-{}", name.to_uppercase());
            let known = Checksum::for_trailer(upper.as_bytes()).unwrap();
            assert_eq!(format!("{known:?}"), format!("Checksum({name})"));
        }
        for other in [
            "",
            "x-amz-checksum",
            "x-amz-checksum-",
            "x-amz-checksum-md5",
            "x-amz-checksum-crc",
            "x-amz-checksum-crc32cc",
            "x-amz-checksum-sha512",
            "x-amz-checksum-xxhash64",
            "x-amz-checksum-type",
            "x-amz-checksun-crc32",
            "crc32",
        ] {
            assert!(Checksum::for_trailer(other.as_bytes()).is_none(), "{other}");
        }
    }
}
