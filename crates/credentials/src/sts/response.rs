//! Responses of STS, which are XML.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};
use zeroize::Zeroizing;

use crate::response::{CredentialFields, FieldNames, ResponseError, describe_error};

pub(super) const NAMES: FieldNames = FieldNames {
    session_token: "SessionToken",
    temporary: true,
};

/// Finds the credentials in the response to `action`.
pub(super) fn parts(body: &[u8], action: &str) -> Result<CredentialFields, ResponseError> {
    if body.trim_ascii().is_empty() {
        return Err(ResponseError::Nothing);
    }
    let leaf = format!("{action}Response/{action}Result/Credentials/");
    let mut parts = CredentialFields {
        access_key_id: None,
        secret_access_key: None,
        session_token: None,
        expiration: None,
    };
    let read = leaves(body, |path, text| {
        let part = match path.strip_prefix(&leaf) {
            Some("AccessKeyId") => &mut parts.access_key_id,
            Some("SecretAccessKey") => &mut parts.secret_access_key,
            Some("SessionToken") => &mut parts.session_token,
            Some("Expiration") => &mut parts.expiration,
            _ => return true,
        };
        part.replace(text).is_none()
    });
    read.map(|()| parts).ok_or(ResponseError::NotXml)
}

/// The message of an error document, prepared for a log line.
pub(super) fn refusal(body: &[u8]) -> Option<String> {
    let (mut code, mut message) = (None, None);
    leaves(body, |path, text| {
        match path {
            "ErrorResponse/Error/Code" => code = Some(text),
            "ErrorResponse/Error/Message" => message = Some(text),
            _ => {}
        }
        true
    })?;
    Some(describe_error(&code?, &message.unwrap_or_default()))
}

/// Calls `found` with the path and the text of each element that contains text, until it returns
/// false. `None` if the document is not well-formed to its end, or if `found` returned false.
fn leaves(body: &[u8], mut found: impl FnMut(&str, Zeroizing<String>) -> bool) -> Option<()> {
    let body = std::str::from_utf8(body).ok()?;
    let mut reader = Reader::from_str(body);
    let mut path = String::new();
    let mut depths = Vec::new();
    // Room for all of it at once, so that no copy is left behind when it grows.
    let mut text = Zeroizing::new(String::with_capacity(body.len()));
    let mut roots = 0;
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                roots += usize::from(path.is_empty());
                depths.push(path.len());
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(std::str::from_utf8(element.local_name().as_ref()).ok()?);
                text.clear();
            }
            Event::End(_) => {
                let content = text.trim();
                if !content.is_empty() && !found(&path, Zeroizing::new(content.to_owned())) {
                    return None;
                }
                path.truncate(depths.pop()?);
                text.clear();
            }
            Event::Text(piece) => text.push_str(&piece.decode().ok()?),
            Event::CData(piece) => text.push_str(&piece.decode().ok()?),
            Event::GeneralRef(reference) => text.push_str(&resolve(&reference)?),
            Event::Empty(_) | Event::Decl(_) | Event::Comment(_) => {}
            // STS sends neither; a document type could define text that is not in the response.
            Event::DocType(_) | Event::PI(_) => return None,
            Event::Eof => return (depths.is_empty() && roots == 1).then_some(()),
        }
    }
}

fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    if let Some(character) = reference.resolve_char_ref().ok()? {
        return Some(character.to_string());
    }
    resolve_predefined_entity(&reference.decode().ok()?).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
        <AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
          <AssumeRoleResult>
            <SourceIdentity>Alice</SourceIdentity>
            <AssumedRoleUser>
              <Arn>arn:aws:sts::123456789012:assumed-role/demo/TestAR</Arn>
              <AssumedRoleId>ARO123EXAMPLE123:TestAR</AssumedRoleId>
            </AssumedRoleUser>
            <Credentials>
              <AccessKeyId>ASIAEXAMPLE</AccessKeyId>
              <SecretAccessKey>wJalrXUtnFEMI/K7MDENG</SecretAccessKey>
              <SessionToken>
               AQoDYXdzEPT==
              </SessionToken>
              <Expiration>2026-01-02T03:04:05Z</Expiration>
            </Credentials>
            <PackedPolicySize>6</PackedPolicySize>
          </AssumeRoleResult>
          <ResponseMetadata><RequestId>c6104cbe</RequestId></ResponseMetadata>
        </AssumeRoleResponse>"#;

    fn texts(body: &str) -> Result<[Option<String>; 4], ResponseError> {
        let parts = parts(body.as_bytes(), "AssumeRole")?;
        let all = [
            parts.access_key_id,
            parts.secret_access_key,
            parts.session_token,
            parts.expiration,
        ];
        Ok(all.map(|part| part.map(|text| text.to_string())))
    }

    #[test]
    fn credentials_are_found() {
        let parts = texts(GOOD).unwrap().map(Option::unwrap);
        assert_eq!(
            parts,
            [
                "ASIAEXAMPLE",
                "wJalrXUtnFEMI/K7MDENG",
                "AQoDYXdzEPT==",
                "2026-01-02T03:04:05Z"
            ]
        );
    }

    #[test]
    fn escapes_are_undone() {
        let body = GOOD.replace("AQoDYXdzEPT==", "a&amp;b&#x2F;c<![CDATA[<d>]]>");
        assert_eq!(texts(&body).unwrap()[2].as_deref(), Some("a&b/c<d>"));
    }

    #[test]
    fn only_the_right_place_counts() {
        for (from, to) in [
            ("<Credentials>", "<Credential>"),
            ("AssumeRoleResult>", "GetSessionTokenResult>"),
            ("AssumeRoleResponse", "AssumeRoleAnswer"),
        ] {
            let body = GOOD
                .replace(from, to)
                .replace("</Credentials>", "</Credential>");
            match texts(&body) {
                Ok(parts) => assert_eq!(parts, [None, None, None, None], "{from}"),
                Err(error) => assert_eq!(error, ResponseError::NotXml, "{from}"),
            }
        }
        let body = GOOD.replace("Credentials>", "Other>");
        assert_eq!(texts(&body), Ok([None, None, None, None]));
    }

    #[test]
    fn half_an_answer_is_none() {
        for length in 1..GOOD.len() - 1 {
            assert!(texts(&GOOD[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn what_is_not_one_document_is_none() {
        for body in [
            "<html><body><p>Moved</body></html>",
            "{}",
            "AccessKeyId",
            "<a/>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<a>&b;</a>",
            "<a></a><a></a>",
            "<a></b>",
            "</a>",
            "\u{0}",
        ] {
            assert_eq!(texts(body), Err(ResponseError::NotXml), "{body}");
        }
        assert_eq!(texts(" \n"), Err(ResponseError::Nothing));
        assert!(parts(b"<a>\xff</a>", "AssumeRole").is_err());
    }

    #[test]
    fn what_sts_does_not_write_is_refused() {
        for addition in ["<!DOCTYPE AssumeRoleResponse>", "<?php print 1 ?>"] {
            let body = GOOD.replace(
                "<AssumeRoleResponse",
                &format!("{addition}<AssumeRoleResponse"),
            );
            assert_eq!(texts(&body), Err(ResponseError::NotXml), "{addition}");
        }
        let body = GOOD.replace("<Credentials>", "<!-- a comment --><Credentials>");
        assert!(texts(&body).unwrap().iter().all(Option::is_some));
    }

    #[test]
    fn a_part_that_comes_twice_is_refused() {
        let twice = "<AccessKeyId>AKIA</AccessKeyId><AccessKeyId>";
        let body = GOOD.replace("<AccessKeyId>", twice);
        assert_eq!(texts(&body), Err(ResponseError::NotXml));
    }

    proptest! {
        #[test]
        fn what_is_no_answer_yields_nothing(text in "(<|>|/|a|&|;|#|x|!|\\[|\\]|CDATA|--|\\?|\"|=| |\u{e9}){0,40}") {
            // No such text names the elements that a response has.
            if let Ok(parts) = texts(&text) {
                prop_assert_eq!(parts, [None, None, None, None]);
            }
            prop_assert_eq!(refusal(text.as_bytes()), None);
        }
    }

    #[test]
    fn errors_are_quoted_without_what_was_signed() {
        let body = |code: &str, message: &str| {
            format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
                 <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                 <RequestId>1</RequestId></ErrorResponse>"
            )
        };
        for (code, message, text) in [
            (
                "AccessDenied",
                "User is not authorized",
                "AccessDenied: User is not authorized",
            ),
            ("Expired\u{7}Token", "a\nb", "Expired?Token: a"),
            (
                "SignatureDoesNotMatch",
                "x-amz-security-token:IQ",
                "SignatureDoesNotMatch",
            ),
        ] {
            let text = Some(text.to_owned());
            assert_eq!(refusal(body(code, message).as_bytes()), text);
        }
        assert_eq!(refusal(b"<html></html>"), None);
        assert_eq!(refusal(b""), None);
    }
}
