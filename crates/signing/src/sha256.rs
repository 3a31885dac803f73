//! SHA-256 and HMAC-SHA256 of messages that are completely in memory.
//!
//! Hashers that accept a message piece by piece have a buffer, copy a key's state together with it,
//! and erase both after each use. This costs as much as two of the ten blocks of a signature. Here
//! a message is padded in place and compressed in one call, and a key is two bare states.

use sha2::block_api::compress256;
use zeroize::{Zeroize, Zeroizing};

const BLOCK: usize = 64;

/// The maximum padding of a message, for which its memory should have room.
pub(crate) const MAX_PADDING: usize = BLOCK + 8;

/// The state of SHA-256 between blocks.
type State = [u32; 8];

/// The state before the first block (FIPS 180-4, 5.3.3).
const INITIAL: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// SHA-256 of `message`, which is unchanged afterwards.
pub(crate) fn digest(message: &mut Vec<u8>) -> [u8; 32] {
    padded(message, 0, |blocks| compressed(INITIAL, blocks))
}

/// A key of HMAC-SHA256 (RFC 2104), hashed: the states after the inner and after the outer block.
#[derive(Clone)]
pub(crate) struct HmacKey {
    inner: State,
    outer: State,
}

impl HmacKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let state = |pad: u8| {
            let mut block = Zeroizing::new([pad; BLOCK]);
            for (padded, byte) in block.iter_mut().zip(key) {
                *padded ^= byte;
            }
            let mut state = INITIAL;
            compress256(&mut state, &[*block]);
            state
        };
        Self {
            inner: state(0x36),
            outer: state(0x5c),
        }
    }

    /// The HMAC of `message`, which is unchanged afterwards. `first` is the state that the last
    /// message with this key, or another one, has left.
    pub(crate) fn mac(&self, message: &mut Vec<u8>, first: &mut FirstBlock) -> [u8; 32] {
        let inner = padded(message, BLOCK, |blocks| match blocks {
            [block, rest @ ..] if !rest.is_empty() => {
                let mut state = first.after(self.inner, block);
                compress256(&mut state, rest);
                state
            }
            blocks => compressed(self.inner, blocks),
        });

        let mut block = [0; BLOCK];
        block[..32].copy_from_slice(&inner);
        block[32] = 0x80;
        block[BLOCK - 8..].copy_from_slice(&bits(BLOCK + inner.len()));
        let mut state = self.outer;
        compress256(&mut state, &[block]);
        bytes(state)
    }
}

impl Drop for HmacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// The state after the first block of a message. Many messages with one key have the same
/// beginning: all that are signed within a second share the first block of their strings to sign.
#[derive(Default)]
pub(crate) struct FirstBlock {
    before: State,
    block: Block,
    after: State,
}

/// The block that SHA-256 compresses at once.
#[derive(Clone, Copy)]
struct Block([u8; BLOCK]);

impl Default for Block {
    fn default() -> Self {
        Self([0; BLOCK])
    }
}

impl FirstBlock {
    /// The state after `block` if it was `before` before it.
    fn after(&mut self, before: State, block: &[u8; BLOCK]) -> State {
        if self.block.0 != *block || self.before != before {
            self.after = compressed(before, &[*block]);
            self.before = before;
            self.block = Block(*block);
        }
        self.after
    }
}

impl Drop for FirstBlock {
    fn drop(&mut self) {
        self.before.zeroize();
        self.after.zeroize();
    }
}

/// The state after `blocks` if it was `state` before them.
fn compressed(mut state: State, blocks: &[[u8; BLOCK]]) -> State {
    compress256(&mut state, blocks);
    state
}

/// Hashes `message` as the end of a longer one that is `before` bytes longer: passes its padded
/// blocks to `hash`, and returns the bytes of the state after them.
fn padded(
    message: &mut Vec<u8>,
    before: usize,
    hash: impl FnOnce(&[[u8; BLOCK]]) -> State,
) -> [u8; 32] {
    let length = message.len();
    let padded = (length + 1 + 8).next_multiple_of(BLOCK);
    message.reserve(padded - length);
    message.push(0x80);
    message.resize(padded - 8, 0);
    message.extend_from_slice(&bits(before + length));
    let (blocks, _) = message.as_chunks::<BLOCK>();
    let state = hash(blocks);
    message.truncate(length);
    bytes(state)
}

/// The length that ends the padding, in bits.
fn bits(length: usize) -> [u8; 8] {
    (length as u64 * 8).to_be_bytes()
}

fn bytes(state: State) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::{Digest, Sha256};

    use super::*;

    /// Every length with a different padding, compared with hashers that work piece by piece.
    #[test]
    fn agrees_with_the_hashers_for_every_length() {
        let mut message = Vec::new();
        let mut first = FirstBlock::default();
        for length in 0..300_usize {
            let before = message.clone();
            assert_eq!(
                digest(&mut message),
                <[u8; 32]>::from(Sha256::digest(&before)),
                "{length}"
            );

            let key = std::array::from_fn(|i| (i * length) as u8);
            let mut hmac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            hmac.update(&before);
            let expected: [u8; 32] = hmac.finalize().into_bytes().into();
            for repeated in [false, true] {
                let mac = HmacKey::new(&key).mac(&mut message, &mut first);
                assert_eq!(mac, expected, "{length} {repeated}");
            }

            assert_eq!(message, before);
            message.push(length as u8);
        }
    }

    /// Messages of two keys that begin alike, and of one key that do not, one after the other.
    #[test]
    fn a_first_block_is_that_of_its_key_and_message() {
        let mut first = FirstBlock::default();
        let keys = [HmacKey::new(&[1; 32]), HmacKey::new(&[2; 32])];
        for turn in 0..16_u8 {
            let key = &keys[usize::from(turn & 1)];
            let mut message = vec![turn & 2; 200];
            message.push(turn);
            let expected = key.mac(&mut message, &mut FirstBlock::default());
            assert_eq!(key.mac(&mut message, &mut first), expected, "{turn}");
        }
    }
}
