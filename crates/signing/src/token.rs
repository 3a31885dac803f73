//! HTTP tokens, which header names and methods consist of ([RFC 9110, section 5.6.2][1]).
//!
//! [1]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2

/// The lower-case form of each byte that a token can contain; zero for all others.
pub(crate) static LOWER: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = marks[at];
        at += 1;
    }
    table
};

/// Whether a token can contain this byte.
#[inline]
pub fn is_token_byte(byte: u8) -> bool {
    LOWER[usize::from(byte)] != 0
}

/// Whether `bytes` is a token. It is not if it is empty.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_letters_digits_and_some_marks() {
        for byte in 0..=255_u8 {
            let allowed = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(is_token_byte(byte), allowed, "{byte:#x}");
            assert_eq!(is_token(&[b'x', byte]), allowed, "{byte:#x}");
            let lower = if allowed {
                byte.to_ascii_lowercase()
            } else {
                0
            };
            assert_eq!(LOWER[usize::from(byte)], lower);
        }
        assert!(!is_token(b""));
    }
}
