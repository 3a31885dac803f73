//! The checksums that S3 takes of an object, computed without the module's code: the CRCs bit by bit
//! from their definitions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::payload;

/// Names as they end `x-amz-checksum-`, all that S3 takes with framed bodies.
pub const ALL: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];

/// The checksum of `data` as a header or trailer has it: base64, of CRCs in big-endian order.
#[track_caller]
pub fn base64(algorithm: &str, data: &[u8]) -> String {
    STANDARD.encode(match algorithm {
        "crc32" => crc(data, 0xedb8_8320, 4),
        "crc32c" => crc(data, 0x82f6_3b78, 4),
        "crc64nvme" => crc(data, 0x9a6c_9329_ac4b_c9b5, 8),
        "sha1" => Sha1::digest(data).to_vec(),
        "sha256" => from_hex(&payload::sha256(data)),
        other => panic!("no such checksum: {other}"),
    })
}

/// A reflected CRC with inverted start and end.
fn crc(data: &[u8], polynomial: u64, bytes: usize) -> Vec<u8> {
    let table: [u64; 256] = std::array::from_fn(|byte| {
        (0..8).fold(byte as u64, |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { polynomial } else { 0 }
        })
    });
    let all_ones = u64::MAX >> (64 - 8 * bytes);
    let crc = data.iter().fold(all_ones, |crc, byte| {
        (crc >> 8) ^ table[usize::from(crc as u8 ^ byte)]
    });
    (crc ^ all_ones).to_be_bytes()[8 - bytes..].to_vec()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits");
    (0..text.len()).step_by(2).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogues of CRCs; `printf 123456789 | sha1sum`.
    #[test]
    fn known_data_has_known_checksums() {
        let expected = [
            "y/Q5Jg==",
            "4waSgw==",
            "rosUhgp5mIg=",
            "98O8HYCOBHMq32eZZczDTKeuNEE=",
            "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        ];
        assert_eq!(ALL.map(|name| base64(name, b"123456789")), expected);
    }
}
