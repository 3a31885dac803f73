//! The argument of `proxy_pass`, as far as it decides what nginx sends as the request target.

use crate::proxy_url;

/// How `proxy_pass` composes request targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// The argument has no URI: nginx sends the client's unchanged or, if anything has changed it,
    /// `$uri`, escaped, with `$args`.
    Bare,
    /// A URI without variables: nginx sends it instead of the part of `$uri` that the location
    /// matches, followed by the rest of `$uri`, escaped, and `$args`.
    Constant(Box<[u8]>),
    /// A URI with variables: nginx sends their current values, and escapes nothing. If it is empty,
    /// this is the same as [`Form::Bare`].
    Template(Box<[Part]>),
}

/// A part of a URI with variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Literal text in the configuration.
    Text(Box<[u8]>),
    /// `$uri` or `$document_uri`.
    Uri,
    /// `$request_uri`
    RequestUri,
    /// `$is_args`
    IsArgs,
    /// `$args` or `$query_string`.
    Args,
    /// A part of the client's request: `$1`, `$arg_name`, `$http_name` ... A `?` or `&` in it
    /// belongs to this part.
    Client,
    /// Any other variable. The configuration can have put a query there.
    Other,
}

/// A piece of a text that nginx compiles as a script.
enum Token<'a> {
    Text(&'a [u8]),
    Variable(Part),
}

impl Form {
    /// The form of a `proxy_pass` whose argument is not known.
    pub fn unknown() -> Self {
        Self::Template([Part::Other].into())
    }

    /// Reads the argument of a `proxy_pass` that nginx has accepted.
    pub fn parse(argument: &[u8]) -> Self {
        if !argument.contains(&b'$') {
            return match proxy_url::uri(argument) {
                b"" => Self::Bare,
                uri => Self::Constant(uri.into()),
            };
        }
        Self::Template(uri_parts(&tokens(argument)).into())
    }

    /// Whether the configuration can determine where a query begins.
    pub fn names_query(&self) -> bool {
        match self {
            Self::Bare => false,
            Self::Constant(text) => text.contains(&b'?'),
            Self::Template(_) => true,
        }
    }
}

impl Part {
    fn variable(name: &[u8]) -> Self {
        let is = |other: &&[u8]| name.eq_ignore_ascii_case(other);
        let begins = |prefix: &&[u8]| {
            let start = name.get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        const CLIENT: [&[u8]; 13] = [
            b"content_type",
            b"host",
            b"remote_addr",
            b"remote_user",
            b"request",
            b"request_body",
            b"request_filename",
            b"request_id",
            b"request_method",
            b"scheme",
            b"server_name",
            b"server_port",
            b"ssl_server_name",
        ];
        const CLIENT_PREFIXES: [&[u8]; 4] = [b"arg_", b"cookie_", b"http_", b"ssl_client_"];
        match name {
            _ if is(&&b"uri"[..]) || is(&&b"document_uri"[..]) => Self::Uri,
            _ if is(&&b"request_uri"[..]) => Self::RequestUri,
            _ if is(&&b"is_args"[..]) => Self::IsArgs,
            _ if is(&&b"args"[..]) || is(&&b"query_string"[..]) => Self::Args,
            _ if CLIENT.iter().any(is) || CLIENT_PREFIXES.iter().any(begins) => Self::Client,
            _ => Self::Other,
        }
    }
}

/// Texts and variables, split as by nginx's scripts.
fn tokens(mut text: &[u8]) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    while !text.is_empty() {
        let Some(rest) = text.strip_prefix(b"$") else {
            let end = text.iter().position(|byte| *byte == b'$');
            let (start, rest) = text.split_at(end.unwrap_or(text.len()));
            tokens.push(Token::Text(start));
            text = rest;
            continue;
        };
        let (variable, rest) = match rest {
            [b'1'..=b'9', rest @ ..] => (Part::Client, rest),
            [b'{', rest @ ..] => {
                let end = rest.iter().position(|byte| *byte == b'}');
                let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
                (Part::variable(name), rest.get(1..).unwrap_or_default())
            }
            _ => {
                let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                let end = rest.iter().position(|byte| !is_name(byte));
                let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
                (Part::variable(name), rest)
            }
        };
        tokens.push(Token::Variable(variable));
        text = rest;
    }
    tokens
}

/// The parts after scheme and authority.
fn uri_parts(tokens: &[Token<'_>]) -> Vec<Part> {
    // `$scheme://...`, or a text from the beginning on; otherwise the whole URL is in variables.
    let found = tokens
        .iter()
        .take(2)
        .enumerate()
        .find_map(|(at, token)| Some((at, token.behind_scheme()?)));
    let Some((at, authority)) = found else {
        let parts = tokens.iter().map(Token::part);
        return [Part::Other].into_iter().chain(parts).collect();
    };

    let rest = [Token::Text(authority)];
    let mut tokens = rest.iter().chain(&tokens[at + 1..]);
    let is_socket = authority
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"unix:"));
    let mut skip = if is_socket { 5 } else { 0 };
    let ends_authority = |byte: &u8| match is_socket {
        true => *byte == b':',
        false => matches!(byte, b'/' | b'?'),
    };
    // A variable of the configuration at the beginning: it can contain the beginning of the URI,
    // too.
    let mut is_open = false;
    let mut has_uri = false;
    let mut parts = Vec::new();
    for token in tokens.by_ref() {
        match token {
            Token::Text(text) => {
                let text = &text[std::mem::take(&mut skip).min(text.len())..];
                if let Some(start) = text.iter().position(ends_authority) {
                    let uri = &text[start + usize::from(is_socket)..];
                    parts.extend(is_open.then_some(Part::Client));
                    parts.extend((!uri.is_empty()).then(|| Part::Text(uri.into())));
                    has_uri = true;
                    break;
                }
            }
            Token::Variable(part @ (Part::Uri | Part::RequestUri | Part::IsArgs | Part::Args))
                if !is_socket =>
            {
                parts.extend(is_open.then_some(Part::Other));
                parts.push(part.clone());
                has_uri = true;
                break;
            }
            Token::Variable(part) => is_open |= *part == Part::Other,
        }
    }
    if !has_uri {
        return vec![Part::Other];
    }
    parts.extend(tokens.map(Token::part));
    parts
}

impl<'a> Token<'a> {
    /// What follows `://`.
    fn behind_scheme(&self) -> Option<&'a [u8]> {
        const END: &[u8] = b"://";
        match self {
            Self::Text(text) => memchr::memmem::find(text, END).map(|at| &text[at + END.len()..]),
            Self::Variable(_) => None,
        }
    }

    fn part(&self) -> Part {
        match self {
            Self::Text(text) => Part::Text((*text).into()),
            Self::Variable(part) => part.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Part::{Args, Client, IsArgs, Other, RequestUri, Uri};
    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.as_bytes().into())
    }

    #[test]
    fn arguments_without_variables() {
        for (argument, uri) in [
            ("http://store", ""),
            ("http://store/", "/"),
            ("https://store:8080/a?b=/", "/a?b=/"),
            ("http://store?a=/b", "?a=/b"),
            ("http://unix:/run/store.sock", ""),
            ("http://unix:/run/store.sock:/a", "/a"),
        ] {
            let expected = match uri {
                "" => Form::Bare,
                uri => Form::Constant(uri.as_bytes().into()),
            };
            assert_eq!(Form::parse(argument.as_bytes()), expected, "{argument}");
        }
    }

    #[test]
    fn arguments_with_variables() {
        for (argument, parts) in [
            ("http://store/b/$1", vec![text("/b/"), Client]),
            ("http://store/${1}x", vec![text("/"), Other, text("x")]),
            ("http://store/$1$2", vec![text("/"), Client, Client]),
            ("http://store$uri", vec![Uri]),
            ("http://$host$request_uri", vec![RequestUri]),
            ("$scheme://$host$request_uri", vec![RequestUri]),
            (
                "http://store/$URI$is_args$query_string",
                vec![text("/"), Uri, IsArgs, Args],
            ),
            (
                "http://store/?a=${arg_b}&c",
                vec![text("/?a="), Client, text("&c")],
            ),
            (
                "http://store/$key/$http_x",
                vec![text("/"), Other, text("/"), Client],
            ),
            ("http://$store/$1", vec![Client, text("/"), Client]),
            ("http://$store$uri", vec![Other, Uri]),
            ("http://store$path$is_args$args", vec![Other, IsArgs, Args]),
            ("http://$store", vec![Other]),
            ("http://store:$port", vec![Other]),
            ("$url", vec![Other, Other]),
            ("$url/$1", vec![Other, Other, text("/"), Client]),
            (
                "http://unix:/run/$x.sock:/a$uri",
                vec![Client, text("/a"), Uri],
            ),
            ("http://unix:/run/store.sock:$uri", vec![Uri]),
        ] {
            let expected = Form::Template(parts.into());
            assert_eq!(Form::parse(argument.as_bytes()), expected, "{argument}");
        }
    }
}
