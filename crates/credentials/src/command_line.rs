//! Command lines without a shell.

use zeroize::Zeroizing;

/// Splits a command line into words, as the AWS CLI does for `credential_process`: at spaces, with
/// the quotes and backslashes of a POSIX shell, and none of its other features.
///
/// Words are erased when they are dropped, since an argument can be a secret. (Crate `shlex` leaves
/// copies of them in memory, and reads `#` as the beginning of a comment.)
pub(crate) fn split(line: &str) -> Result<Vec<Zeroizing<String>>, CommandLineError> {
    let mut words = Vec::new();
    // A word is never longer than the line, so it does not grow.
    let fresh = || Zeroizing::new(String::with_capacity(line.len()));
    let mut word = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_with(fresh);
        match c {
            '\'' => loop {
                match rest.next().ok_or(CommandLineError::Quote)? {
                    '\'' => break,
                    c => word.push(c),
                }
            },
            '"' => loop {
                match rest.next().ok_or(CommandLineError::Quote)? {
                    '"' => break,
                    '\\' => match rest.next().ok_or(CommandLineError::Quote)? {
                        c @ ('"' | '\\') => word.push(c),
                        c => word.extend(['\\', c]),
                    },
                    c => word.push(c),
                }
            },
            '\\' => word.push(rest.next().ok_or(CommandLineError::Backslash)?),
            '\0' => return Err(CommandLineError::Nul),
            c => word.push(c),
        }
    }
    words.extend(word);
    if words.iter().any(|word| word.contains('\0')) {
        return Err(CommandLineError::Nul);
    }
    match words.first() {
        Some(program) if !program.is_empty() => Ok(words),
        _ => Err(CommandLineError::Empty),
    }
}

/// Why a text is not a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandLineError {
    #[error("it has no program")]
    Empty,
    #[error("a quote is not closed")]
    Quote,
    #[error("it ends with a backslash")]
    Backslash,
    #[error("it contains a zero byte")]
    Nul,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Result<Vec<String>, CommandLineError> {
        let words = split(line)?;
        Ok(words.iter().map(|word| word.to_string()).collect())
    }

    #[test]
    fn words_are_split_as_python_does() {
        for (line, expected) in [
            ("a", &["a"][..]),
            ("  a\tb\n c ", &["a", "b", "c"]),
            ("a 'b c' \"d e\"", &["a", "b c", "d e"]),
            ("a'b'\"c\"d", &["abcd"]),
            ("a '' \"\"", &["a", "", ""]),
            (r"a\ b \'c", &["a b", "'c"]),
            (r#"a "b\"c\\d\ne""#, &["a", r#"b"c\d\ne"#]),
            (r"a 'b\c'", &["a", r"b\c"]),
            (
                "a $HOME ~ * ; | & > b # c",
                &["a", "$HOME", "~", "*", ";", "|", "&", ">", "b", "#", "c"],
            ),
            ("a \u{e9}\u{a0}b", &["a", "\u{e9}\u{a0}b"]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(expected in proptest::collection::vec("[ -~\t\u{e9}]{1,10}", 1..5)) {
            let quoted = expected.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''")));
            let line = quoted.collect::<Vec<_>>().join(" ");
            prop_assert_eq!(words(&line), Ok(expected));
        }

        #[test]
        fn words_are_made_of_the_line(line in "[a \"'\\\\\0\u{e9}]{0,20}") {
            let Ok(words) = words(&line) else { return Ok(()) };
            let mut rest = line.chars();
            for c in words.iter().flat_map(|word| word.chars()) {
                prop_assert!(rest.any(|of_line| of_line == c), "{words:?}");
            }
        }
    }

    #[test]
    fn half_a_quotation_is_refused() {
        for (line, error) in [
            ("", CommandLineError::Empty),
            (" \t", CommandLineError::Empty),
            ("'' a", CommandLineError::Empty),
            ("a 'b", CommandLineError::Quote),
            ("a \"b", CommandLineError::Quote),
            ("a \"b\\", CommandLineError::Quote),
            ("a \\", CommandLineError::Backslash),
            ("a \0", CommandLineError::Nul),
            ("a '\0'", CommandLineError::Nul),
        ] {
            assert_eq!(words(line), Err(error), "{line:?}");
        }
    }
}
