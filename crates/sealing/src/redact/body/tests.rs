use super::*;

const TARGET: &str = "/k?X-Amz-Algorithm=A&X-Amz-Security-Token=to%2Bken%2Fofthe%3D%3D\
                      &X-Amz-SignedHeaders=host&x=1&X-Amz-Signature=51970123456789abcdef";
const SIGNATURE: &str = "51970123456789abcdef";
const TOKEN: &str = "to+ken/ofthe==";

fn secrets() -> Secrets<'static> {
    Secrets::of(TARGET.as_bytes()).expect("a signature")
}

fn is_in(body: impl AsRef<[u8]>) -> bool {
    secrets().may_be_in(body.as_ref()).unwrap()
}

type Escape = fn(u8) -> String;

/// What pages do to bytes other than letters and digits, and some pages to those, too.
const ESCAPES: [Escape; 10] = [
    |byte| char::from(byte).to_string(),
    |byte| match byte {
        b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    },
    |byte| format!("%{byte:02x}"),
    |byte| format!("&#{byte};"),
    |byte| format!("&#x{byte:x};"),
    |byte| format!("&#0{byte}"),
    |byte| format!("\\u{byte:04x}"),
    |byte| format!("\\x{byte:02X}"),
    |byte| match byte {
        b'+' => " ".to_owned(),
        b'/' => "\\/".to_owned(),
        byte => char::from(byte).to_string(),
    },
    |byte| match byte {
        b'&' => "&amp;".to_owned(),
        b'=' => "&equals;".to_owned(),
        b'/' => "&sol;".to_owned(),
        b'%' => "&percnt;".to_owned(),
        byte => char::from(byte).to_string(),
    },
];

fn escaped(text: &str, escape: Escape) -> String {
    text.bytes().map(escape).collect()
}

#[test]
fn a_secret_is_found_in_every_encoding_and_in_two_of_them() {
    for secret in [TARGET, SIGNATURE, TOKEN] {
        for outer in ESCAPES {
            for inner in ESCAPES {
                let once = escaped(secret, inner);
                // Digits after a reference without its semicolon would belong to it.
                let text = escaped(&once, outer);
                let body = format!("<Error><Resource>{text}</Resource></Error>");
                let ambiguous = once.contains("&#0") || text.contains("&#0");
                assert!(ambiguous || is_in(&body), "{body}");
            }
        }
    }
    assert!(is_in(escaped(TOKEN, ESCAPES[2]).replace('%', "%25")));
}

#[test]
fn a_dump_and_wide_characters_are_read() {
    let dump: Vec<_> = SIGNATURE
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(is_in(dump.join(" ")));
    for utf16 in [u16::to_le_bytes, u16::to_be_bytes] {
        let body: Vec<u8> = TARGET.encode_utf16().flat_map(utf16).collect();
        assert!(is_in(body));
    }
}

#[test]
fn what_cannot_be_searched_may_hold_it() {
    assert!(is_in(vec![b'x'; LIMIT + 1]));
    assert!(!is_in(vec![b'x'; LIMIT]));
    let deep = format!("%{}41", "25".repeat(20));
    assert!(is_in(deep));
    assert!(!is_in("%2525252541"));
}

#[test]
fn other_bodies_hold_nothing() {
    for body in [
        "",
        "<Error><Code>NoSuchKey</Code><Key>k</Key></Error>",
        "X-Amz-Signature=519701234567",
        "?X-Amz-Signature=77&X-Amz-Security-Token=theirs",
        "100 % &amp; \\u00e9 %zz &#; &#x; \\u12 \\",
        "\u{fffd}\0\0",
    ] {
        assert!(!is_in(body), "{body}");
    }
}

#[test]
fn a_replacement_keeps_the_code_alone() {
    let secrets = secrets();
    let text = |content_type: &str, body: &str| {
        let replacement = Replacement::of_body(content_type.as_bytes(), body.as_bytes(), &secrets);
        let text = String::from_utf8(replacement.parts().concat()).unwrap();
        (replacement.content_type(), text)
    };
    let error = format!("<Error><Code>NoSuchKey</Code><Resource>{TARGET}</Resource></Error>");
    assert_eq!(
        text("application/xml", &error),
        (
            "application/xml",
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                 <Error><Code>NoSuchKey</Code><Message>{MESSAGE}</Message></Error>"
            )
        )
    );
    for code in [SIGNATURE, "<b/>", "a b", "&#53;"] {
        let error = format!("<Error><Code>{code}</Code></Error>");
        let (_, text) = text("text/xml; charset=utf-8", &error);
        assert!(text.ends_with(&format!("<Error><Message>{MESSAGE}</Message></Error>")));
    }
    assert_eq!(
        text("application/json", "{}"),
        ("application/json", format!("{{\"message\":\"{MESSAGE}\"}}"))
    );
    assert_eq!(
        text("text/html", "<html>"),
        ("text/plain", format!("{MESSAGE}\n"))
    );
}
