//! What the signature of a request covers, from the bytes that came in.

use aws_signing::query::Canonicalizer;
use aws_signing::{Header, Request, SignError, Signature, Signer, SigningKey, path};

use crate::claims::{Claims, Place, SIGNATURE};
use crate::rejection::Rejection;
use crate::request::{Incoming, Settings};

/// What was signed of a request, except its payload line.
pub(crate) struct SignedRequest {
    method: Vec<u8>,
    query: Vec<u8>,
    /// The lines of the signed headers, except Host.
    headers: Vec<(String, Vec<u8>)>,
    /// The spellings of the path, the most usual one first.
    paths: Vec<Vec<u8>>,
    /// The spellings of the host, the most usual one first.
    hosts: Vec<Vec<u8>>,
}

impl SignedRequest {
    /// `Err` if a header that was signed has not arrived, with its name.
    pub(crate) fn new(
        incoming: &Incoming<'_>,
        claims: &Claims,
        settings: &Settings<'_>,
    ) -> Result<Self, String> {
        let mut query = Vec::new();
        let is_signed = |name: &[u8]| claims.place == Place::Header || name != SIGNATURE.as_bytes();
        Canonicalizer::new().write(
            incoming.query,
            |parameter| is_signed(parameter.name),
            &mut query,
        );
        let mut headers = Vec::with_capacity(claims.signed_headers.len());
        for name in claims.signed_headers.iter().filter(|name| *name != "host") {
            let others = headers.len();
            let lines = incoming.lines(name);
            headers.extend(lines.map(|value| (name.clone(), value.to_vec())));
            if headers.len() == others {
                return Err(name.clone());
            }
        }
        let hosts = [Some(incoming.host.to_vec()), incoming.other_host()];
        Ok(Self {
            method: incoming.method.to_vec(),
            query,
            headers,
            paths: paths(incoming, settings),
            hosts: hosts.into_iter().flatten().collect(),
        })
    }

    /// Each pair of a path and a host, the most usual one first: all are spellings of the same request.
    pub(crate) fn spellings(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let hosts = self.hosts.iter();
        hosts.flat_map(|host| self.paths.iter().map(move |path| (&path[..], &host[..])))
    }

    /// Signs the request with one of its [`Self::spellings`], as the client should have done.
    pub(crate) fn sign<'s>(
        &self,
        signer: &'s mut Signer,
        (path, host): (&[u8], &[u8]),
        payload: &[u8],
        key: &SigningKey,
        claims: &'s Claims,
    ) -> Result<Signature<'s>, SignError> {
        let host = Header {
            name: b"host",
            value: host,
        };
        let others = self.headers.iter().map(|(name, value)| Header {
            name: name.as_bytes(),
            value,
        });
        let mut headers: Vec<_> = [host].into_iter().chain(others).collect();
        let mut request = Request {
            method: &self.method,
            path,
            query: &self.query,
            headers: &mut headers,
            payload,
        };
        signer.sign(&mut request, key, &claims.scope, &claims.timestamp)
    }
}

/// The spellings of a path.
fn paths(incoming: &Incoming<'_>, settings: &Settings<'_>) -> Vec<Vec<u8>> {
    let mut canonical = Vec::new();
    if !settings.is_s3() {
        path::double_encoded(incoming.path, &mut canonical);
        return vec![canonical];
    }
    path::s3(incoming.path, &mut canonical);
    // Clients that leave reserved characters as they are sign what they send.
    if canonical == incoming.path || incoming.path.is_empty() {
        vec![canonical]
    } else {
        vec![canonical, incoming.path.to_vec()]
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
