//! The canonical request, from the bytes that came in.

use aws_signing::path;
use aws_signing::query::Canonicalizer;

use crate::claims::{Claims, Place, SIGNATURE};
use crate::rejection::Rejection;
use crate::request::{Incoming, Settings};

/// The parts of a canonical request of which there is more than one spelling, each of the same request.
pub(crate) struct Spellings {
    paths: Vec<Vec<u8>>,
    hosts: Vec<Vec<u8>>,
}

impl Spellings {
    pub(crate) fn new(incoming: &Incoming<'_>, settings: &Settings<'_>) -> Self {
        let mut canonical = Vec::new();
        let mut paths = Vec::new();
        if settings.is_s3() {
            path::s3(incoming.path, &mut canonical);
            // Clients that leave reserved characters as they are sign what they send.
            if canonical != incoming.path && !incoming.path.is_empty() {
                paths.push(incoming.path.to_vec());
            }
        } else {
            path::double_encoded(incoming.path, &mut canonical);
        }
        paths.insert(0, canonical);
        let hosts = [Some(incoming.host.to_vec()), incoming.other_host()];
        Self {
            paths,
            hosts: hosts.into_iter().flatten().collect(),
        }
    }

    /// Each pair of a path and a host, the most usual one first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let hosts = self.hosts.iter();
        hosts.flat_map(|host| self.paths.iter().map(move |path| (&path[..], &host[..])))
    }
}

/// The lines of a canonical request that have one spelling: the query and the headers, except Host.
pub(crate) struct Lines {
    query: Vec<u8>,
    /// Names and values; that of Host is empty.
    headers: Vec<(String, Vec<u8>)>,
}

impl Lines {
    /// `Err` if a header that was signed has not arrived, with its name.
    pub(crate) fn new(incoming: &Incoming<'_>, claims: &Claims) -> Result<Self, String> {
        let mut query = Vec::new();
        let is_signed = |name: &[u8]| claims.place == Place::Header || name != SIGNATURE.as_bytes();
        Canonicalizer::new().write(
            incoming.query,
            |parameter| is_signed(parameter.name),
            &mut query,
        );
        let mut headers = Vec::with_capacity(claims.signed_headers.len());
        for name in &claims.signed_headers {
            let mut value = Vec::new();
            if name != "host" {
                let mut lines = incoming.lines(name).enumerate().peekable();
                if lines.peek().is_none() {
                    return Err(name.clone());
                }
                for (nth, line) in lines {
                    if nth > 0 {
                        value.push(b',');
                    }
                    fold(line, &mut value);
                }
            }
            headers.push((name.clone(), value));
        }
        Ok(Self { query, headers })
    }

    /// Writes the canonical request with this spelling of the path and the host.
    pub(crate) fn write(
        &self,
        method: &[u8],
        path: &[u8],
        host: &[u8],
        payload: &[u8],
        out: &mut Vec<u8>,
    ) {
        out.clear();
        for line in [method, path, &self.query] {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            out.extend_from_slice(if name == "host" { host } else { value });
            out.push(b'\n');
        }
        out.push(b'\n');
        for (nth, (name, _)) in self.headers.iter().enumerate() {
            if nth > 0 {
                out.push(b';');
            }
            out.extend_from_slice(name.as_bytes());
        }
        out.push(b'\n');
        out.extend_from_slice(payload);
    }
}

/// Appends a value without outer blanks, and with inner runs of them as one space.
fn fold(value: &[u8], out: &mut Vec<u8>) {
    let words = value.split(|byte| matches!(byte, b' ' | b'\t'));
    for (nth, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if nth > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// What can be a part of no canonical request: a line break, where there could be one more line.
pub(crate) fn check_lines(incoming: &Incoming<'_>) -> Result<(), Rejection> {
    let has_break = |text: &[u8]| text.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0));
    let has_blank = |text: &[u8]| text.iter().any(|byte| *byte <= b' ' || *byte == 0x7f);
    let target = [incoming.method, incoming.path, incoming.query];
    let is_bad = incoming.method.is_empty()
        || target.iter().any(|part| has_blank(part))
        || incoming.path.contains(&b'#')
        || incoming.query.contains(&b'#')
        || has_blank(incoming.host)
        || incoming.host.is_empty()
        || incoming
            .headers
            .iter()
            .any(|line| has_break(line.value) || has_break(line.name));
    match is_bad {
        true => Err(Rejection::new(
            400,
            "InvalidURI",
            "Couldn't parse the specified URI.",
        )),
        false => Ok(()),
    }
}
