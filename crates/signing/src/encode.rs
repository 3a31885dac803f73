//! Percent-encoding and hexadecimal, driven by one table.

/// Bytes that no canonical form encodes: letters, digits and `-._~`.
pub(crate) const UNRESERVED: u8 = 1;
/// The slash, which canonical paths keep and canonical queries encode.
pub(crate) const SLASH: u8 = 2;
/// The bytes that RFC 3986 allows unescaped in a segment of a path, in addition to the unreserved
/// bytes and `;`.
pub(crate) const SEGMENT: u8 = 4;
/// The bytes that RFC 3986 allows unescaped in a query, in addition to those of a segment.
pub(crate) const QUERY: u8 = 8;
/// The semicolon, at which some servers split queries.
pub(crate) const SEMICOLON: u8 = 16;

/// The classes of each byte.
pub(crate) static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => UNRESERVED,
            b'/' => SLASH,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' => {
                SEGMENT
            }
            b'?' => QUERY,
            b';' => SEMICOLON,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// `UriEncode` of the AWS documentation: every byte except the unreserved ones becomes `%XX` with
/// upper-case digits; `keep_slash` leaves `/` as it is.
pub fn uri_encode(bytes: &[u8], keep_slash: bool, out: &mut Vec<u8>) {
    encode(
        bytes,
        if keep_slash {
            UNRESERVED | SLASH
        } else {
            UNRESERVED
        },
        out,
    );
}

/// Appends the lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        out.extend_from_slice(&LOWER[usize::from(byte)]);
    }
}

/// The lower-case hexadecimal digits of a SHA-256 hash.
pub fn hex32(hash: &[u8; 32]) -> [u8; 64] {
    let mut digits = [0; 64];
    for (pair, &byte) in digits.as_chunks_mut().0.iter_mut().zip(hash) {
        // Two digits in one number, without a table, become a few vector instructions for all.
        let nibbles = (u16::from(byte) >> 4 | u16::from(byte) << 8) & 0x0f0f;
        let letters = (nibbles + 0x0606) >> 4 & 0x0101;
        let offset = u16::from(b'a' - b'0' - 10);
        *pair = (nibbles + 0x3030 + letters * offset).to_le_bytes();
    }
    digits
}

/// The decimal digits of a number, without leading zeros and without an allocation.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    digits: [u8; Self::MAX],
    length: usize,
}

impl Decimal {
    /// The maximum number of digits.
    pub const MAX: usize = 20;

    /// Writes out `number`.
    pub fn new(number: u64) -> Self {
        let mut digits = [0; Self::MAX];
        let length = number.checked_ilog10().map_or(1, |log| log as usize + 1);
        fill_decimal(&mut digits[..length], number);
        Self { digits, length }
    }

    /// The digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.length]
    }
}

/// Fills `digits` with the last decimal digits of `number`.
pub(crate) fn fill_decimal(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Encodes every byte whose class is not in `keep`. Runs of kept bytes are copied at once.
pub(crate) fn encode(bytes: &[u8], keep: u8, out: &mut Vec<u8>) {
    let mut run = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if CLASS[usize::from(byte)] & keep == 0 {
            out.extend_from_slice(&bytes[run..at]);
            push_escape(byte, out);
            run = at + 1;
        }
    }
    out.extend_from_slice(&bytes[run..]);
}

/// Encodes every byte whose class is not in `keep`, but copies valid escapes unchanged.
pub(crate) fn encode_keeping_escapes(bytes: &[u8], keep: u8, out: &mut Vec<u8>) {
    let (mut run, mut at) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        if CLASS[usize::from(byte)] & keep != 0 {
            at += 1;
        } else if byte == b'%' && escape(&bytes[at..]).is_some() {
            at += 3;
        } else {
            out.extend_from_slice(&bytes[run..at]);
            push_escape(byte, out);
            at += 1;
            run = at;
        }
    }
    out.extend_from_slice(&bytes[run..]);
}

/// Decodes, then encodes: the canonical form of any spelling of the same bytes. Text that is
/// already canonical is one run and is copied at once.
pub(crate) fn canonicalize(bytes: &[u8], keep: u8, plus: Plus, out: &mut Vec<u8>) {
    if keep & SLASH != 0 && is_plain(bytes) {
        out.extend_from_slice(bytes);
        return;
    }
    let (mut run, mut at) = (0, 0);
    let encoded = |&byte: &u8| CLASS[usize::from(byte)] & keep == 0;
    while let Some(kept) = bytes[at..].iter().position(encoded) {
        at += kept;
        let byte = bytes[at];
        let (decoded, width) = decode_first(byte, &bytes[at..], plus);
        let kept = CLASS[usize::from(decoded)] & keep != 0;
        if width == 3 && !kept && bytes[at..at + 3] == UPPER_ESCAPE[usize::from(decoded)] {
            at += 3;
            continue;
        }
        out.extend_from_slice(&bytes[run..at]);
        if kept {
            out.push(decoded);
        } else {
            push_escape(decoded, out);
        }
        at += width;
        run = at;
    }
    out.extend_from_slice(&bytes[run..]);
}

/// Whether there are only unreserved bytes and slashes, as in nearly all paths.
fn is_plain(bytes: &[u8]) -> bool {
    // Comparing all bytes, without a table, lets the compiler compare many at once.
    bytes.iter().fold(true, |plain, &byte| {
        let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        // '-', '.', '/' and the digits are neighbors.
        let is_digit_or_mark = byte.wrapping_sub(b'-') < 13;
        plain & (is_letter | is_digit_or_mark | (byte == b'_') | (byte == b'~'))
    })
}

/// The bytes that a percent-encoded path represents. A `%` without two hexadecimal digits after it
/// represents itself.
pub fn percent_decode(path: &[u8]) -> impl Iterator<Item = u8> {
    decode(path, Plus::Plus)
}

/// What an unescaped `+` represents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// Itself, as in a path.
    Plus,
    /// A space, as in a query.
    Space,
}

/// The bytes that a percent-encoded text represents. A `%` without two hexadecimal digits after it
/// represents itself.
pub(crate) fn decode(bytes: &[u8], plus: Plus) -> impl Iterator<Item = u8> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let &first = rest.first()?;
        let (byte, width) = decode_first(first, rest, plus);
        rest = &rest[width..];
        Some(byte)
    })
}

/// The byte that the beginning of `text` represents, of which `first` is the first byte, and the
/// length of its spelling.
fn decode_first(first: u8, text: &[u8], plus: Plus) -> (u8, usize) {
    match first {
        b'%' => escape(text).map_or((b'%', 1), |byte| (byte, 3)),
        b'+' if plus == Plus::Space => (b' ', 1),
        _ => (first, 1),
    }
}

/// The byte that `text` begins with, if it begins with a valid escape.
pub(crate) fn escape(text: &[u8]) -> Option<u8> {
    match text {
        [b'%', high, low, ..] => escaped(*high, *low),
        _ => None,
    }
}

/// The byte with these two hexadecimal digits of any case.
pub(crate) fn escaped(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}

fn push_escape(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&UPPER_ESCAPE[usize::from(byte)]);
}

/// `%00` to `%FF`.
static UPPER_ESCAPE: [[u8; 3]; 256] = {
    let mut table = [[b'%'; 3]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte][1] = b"0123456789ABCDEF"[byte >> 4];
        table[byte][2] = b"0123456789ABCDEF"[byte & 15];
        byte += 1;
    }
    table
};

/// `00` to `ff`.
static LOWER: [[u8; 2]; 256] = {
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte][0] = b"0123456789abcdef"[byte >> 4];
        table[byte][1] = b"0123456789abcdef"[byte & 15];
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn made(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = b"kept:".to_vec();
        write(&mut out);
        String::from_utf8(out)
            .unwrap()
            .strip_prefix("kept:")
            .unwrap()
            .to_owned()
    }

    #[test]
    fn encodes_all_but_unreserved_bytes() {
        for byte in 0..=255 {
            let raw = byte as char;
            let unreserved = raw.is_ascii_alphanumeric() || "-._~".contains(raw);
            let want = if unreserved {
                raw.to_string()
            } else {
                format!("%{byte:02X}")
            };
            assert_eq!(made(|out| uri_encode(&[byte], false, out)), want);
            let want = if byte == b'/' { "/".to_owned() } else { want };
            assert_eq!(made(|out| uri_encode(&[byte], true, out)), want);
        }
        assert_eq!(
            made(|out| uri_encode(b"a b//\xff%", true, out)),
            "a%20b//%FF%25"
        );
        assert_eq!(made(|out| uri_encode(b"", true, out)), "");
    }

    #[test]
    fn canonical_form_is_the_same_for_every_spelling() {
        for byte in 0..=255u8 {
            let want = made(|out| encode(&[b'x', byte, b'y'], UNRESERVED, out));
            for text in [
                format!("x%{byte:02X}y"),
                format!("x%{byte:02x}y"),
                want.clone(),
            ] {
                let got = made(|out| canonicalize(text.as_bytes(), UNRESERVED, Plus::Plus, out));
                assert_eq!(got, want, "{text}");
            }
        }
    }

    #[test]
    fn plain_bytes_are_those_of_the_table() {
        for byte in 0..=255_u8 {
            let expected = CLASS[usize::from(byte)] & (UNRESERVED | SLASH) != 0;
            assert_eq!(is_plain(&[b'x', byte]), expected, "{byte}");
        }
    }

    #[test]
    fn a_percent_sign_without_digits_is_itself() {
        for (text, want) in [
            ("%", "%25"),
            ("%4", "%254"),
            ("%4g", "%254g"),
            ("%%41", "%25A"),
            ("a%", "a%25"),
        ] {
            let got = made(|out| canonicalize(text.as_bytes(), UNRESERVED, Plus::Plus, out));
            assert_eq!(got, want);
            let decoded: Vec<u8> = decode(text.as_bytes(), Plus::Plus).collect();
            assert_eq!(made(|out| encode(&decoded, UNRESERVED, out)), want);
        }
        assert_eq!(
            made(|out| encode_keeping_escapes(b"%%41%2f%zz", UNRESERVED, out)),
            "%25%41%2f%25zz"
        );
    }

    #[test]
    fn plus_is_a_space_only_where_said() {
        assert_eq!(decode(b"a+b%2B", Plus::Space).collect::<Vec<_>>(), b"a b+");
        assert_eq!(decode(b"a+b%2B", Plus::Plus).collect::<Vec<_>>(), b"a+b+");
    }

    #[test]
    fn decimal_numbers_have_no_leading_zeros() {
        for number in [0, 1, 9, 10, 604_800, 1_073_741_824, 1_709_254_799, u64::MAX] {
            let decimal = Decimal::new(number);
            assert_eq!(decimal.as_bytes(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn hexadecimal_is_lower_case() {
        let hash = std::array::from_fn(|i| (i * 8 + 7) as u8);
        let want: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(made(|out| hex(&hash, out)), want);
        assert_eq!(hex32(&hash), want.as_bytes());
    }
}
