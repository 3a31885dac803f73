//! Lines that end with CRLF, from input that can be split anywhere.

/// The beginning of a line whose end has not arrived yet.
#[derive(Clone, Debug, Default)]
pub(super) struct LineBuffer {
    /// If the CR of a line has arrived without its LF, the CR is the last byte.
    bytes: Vec<u8>,
}

/// The part of a line in the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// The whole input belongs to an incomplete line.
    Partial,
    /// The line without its end, and the number of bytes of the input with its end.
    Whole { text: &'a [u8], used: usize },
}

/// Why no line is found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineError {
    /// More than `limit` bytes come before the first CR.
    TooLong,
    /// The first CR is not followed by LF.
    BareCr,
    /// There is no memory to hold the beginning of the line.
    Memory,
}

impl LineBuffer {
    /// Continues to read; call [`clear`](Self::clear) before the next line. The caller decides
    /// whether a bare LF is allowed in the line.
    pub(super) fn read<'a>(
        &'a mut self,
        input: &'a [u8],
        limit: usize,
    ) -> Result<Line<'a>, LineError> {
        let Some(&first) = input.first() else {
            return Ok(Line::Partial);
        };
        if self.bytes.last() == Some(&b'\r') {
            if first != b'\n' {
                return Err(LineError::BareCr);
            }
            let text = &self.bytes[..self.bytes.len() - 1];
            return Ok(Line::Whole { text, used: 1 });
        }

        // Never reads more of the input than a line can contain.
        let left = limit - self.bytes.len();
        let Some(end) = input.iter().take(left + 1).position(|&byte| byte == b'\r') else {
            if input.len() > left {
                return Err(LineError::TooLong);
            }
            self.hold(input)?;
            return Ok(Line::Partial);
        };
        match input.get(end + 1) {
            Some(b'\n') if self.bytes.is_empty() => Ok(Line::Whole {
                text: &input[..end],
                used: end + 2,
            }),
            Some(b'\n') => {
                self.hold(&input[..end])?;
                Ok(Line::Whole {
                    text: &self.bytes,
                    used: end + 2,
                })
            }
            Some(_) => Err(LineError::BareCr),
            None => {
                self.hold(input)?;
                Ok(Line::Partial)
            }
        }
    }

    fn hold(&mut self, input: &[u8]) -> Result<(), LineError> {
        let room = self.bytes.try_reserve(input.len());
        room.map_err(|_| LineError::Memory)?;
        self.bytes.extend_from_slice(input);
        Ok(())
    }

    /// Forgets the line that was read.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads one line from input split at `at`: the line and what remains.
    fn read(input: &[u8], at: usize, limit: usize) -> Result<Option<(Vec<u8>, usize)>, LineError> {
        let mut buffer = LineBuffer::default();
        let mut before = 0;
        for piece in [&input[..at], &input[at..]] {
            match buffer.read(piece, limit)? {
                Line::Partial => before += piece.len(),
                Line::Whole { text, used } => return Ok(Some((text.to_vec(), before + used))),
            }
        }
        Ok(None)
    }

    #[test]
    fn lines_are_the_same_however_split() {
        use LineError::*;
        for (input, want) in [
            (&b""[..], Ok(None)),
            (b"abcd", Ok(None)),
            (b"abcd\r", Ok(None)),
            (b"\r\n", Ok(Some((&b""[..], 2)))),
            (b"ab\r\n", Ok(Some((b"ab", 4)))),
            (b"abcd\r\n\r\n", Ok(Some((b"abcd", 6)))),
            (b"a\nb\r\nc", Ok(Some((b"a\nb", 5)))),
            (b"abcde", Err(TooLong)),
            (b"abcde\r\n", Err(TooLong)),
            (b"a\rb\r\n", Err(BareCr)),
            (b"a\r\r\n", Err(BareCr)),
        ] {
            for at in 0..=input.len() {
                let got = read(input, at, 4);
                let want = match &want {
                    Ok(line) => Ok(line.map(|(text, used): (&[u8], usize)| (text.to_vec(), used))),
                    Err(TooLong) => Err(TooLong),
                    Err(BareCr) => Err(BareCr),
                    Err(Memory) => Err(Memory),
                };
                assert_eq!(got, want, "{} at {at}", input.escape_ascii());
            }
        }
    }

    #[test]
    fn a_cleared_buffer_begins_anew() {
        let mut buffer = LineBuffer::default();
        assert_eq!(buffer.read(b"ab", 4), Ok(Line::Partial));
        buffer.clear();
        let whole = Line::Whole {
            text: b"cdef",
            used: 6,
        };
        assert_eq!(buffer.read(b"cdef\r\n", 4), Ok(whole));
    }
}
