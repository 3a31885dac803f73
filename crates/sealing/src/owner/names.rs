//! The names of the headers that nginx writes or drops itself, so that the client's are not forwarded.

use super::{ClientHeader, Dropped};
use crate::header_name::{self, folded};

/// The names in `proxy_set_header`, in addition to nginx's defaults.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    names: Vec<Name>,
    /// A bit for the [`slot`] of each name: most headers of clients need no other check.
    slots: u64,
}

#[derive(Clone, Debug)]
struct Name {
    /// In lower case.
    text: Box<[u8]>,
    /// As nginx computes it.
    hash: usize,
}

impl Names {
    pub(super) fn insert(&mut self, name: &[u8]) {
        let text = name.to_ascii_lowercase();
        self.slots |= 1 << slot(name);
        self.names.push(Name {
            hash: nginx_hash(&text),
            text: text.into(),
        });
    }

    /// Whether nginx drops a client's header.
    pub(super) fn drops(&self, header: &ClientHeader<'_>, cacheable: bool) -> Dropped {
        // nginx looks up the hash that it has computed while it read the name. Bytes that it
        // considers invalid are not part of it (`ignore_invalid_headers off`), and other modules
        // can have set another one. Then the lookup may or may not find the name.
        let found = |hash| match header.hash == hash {
            true => Dropped::Yes,
            false => Dropped::Unknown,
        };
        if self.slots & (1 << slot(header.name)) != 0 {
            let is = |name: &&Name| header.name.eq_ignore_ascii_case(&name.text);
            if let Some(name) = self.names.iter().find(is) {
                return found(name.hash);
            }
        }
        let same = |name: &[u8]| header.name.eq_ignore_ascii_case(name);
        match default_name(header.name, cacheable, same) {
            Some(true) if header.hash == nginx_hash(header.name) => Dropped::Yes,
            Some(_) => Dropped::Unknown,
            None => Dropped::No,
        }
    }

    /// Whether `name` is one of them, if `_` is read as `-`.
    pub(super) fn know(&self, name: &[u8], cacheable: bool) -> bool {
        let same = |other: &[u8]| header_name::is(name, other);
        let is_configured =
            self.slots & (1 << slot(name)) != 0 && self.names.iter().any(|known| same(&known.text));
        is_configured || default_name(name, cacheable, same).is_some()
    }
}

/// Whether nginx writes or drops a header of this name by default: in all of its versions, or in some.
fn default_name(name: &[u8], cacheable: bool, is: impl Fn(&[u8]) -> bool) -> Option<bool> {
    let any = |names: &[&[u8]]| names.iter().any(|name| is(name));
    let always = match name.len() {
        2 => any(&[b"te"]),
        4 => any(&[b"host"]),
        6 => any(&[b"expect"]),
        7 => any(&[b"upgrade"]),
        10 => any(&[b"connection", b"keep-alive"]),
        14 => any(&[b"content-length"]),
        17 => any(&[b"transfer-encoding"]),
        _ => false,
    };
    let cached = || match name.len() {
        5 => any(&[b"range"]),
        8 => any(&[b"if-match", b"if-range"]),
        13 => any(&[b"if-none-match"]),
        17 => any(&[b"if-modified-since"]),
        19 => any(&[b"if-unmodified-since"]),
        _ => false,
    };
    if always || (cacheable && cached()) {
        return Some(true);
    }
    // Dropped since nginx 1.31.0.
    (name.len() == 16 && is(b"proxy-connection")).then_some(false)
}

/// A number below 64, which is the same for names that differ only in case, or in `_` and `-`.
fn slot(name: &[u8]) -> u32 {
    let folded = |byte: Option<&u8>| u32::from(byte.map_or(0, folded));
    let mixed = folded(name.first()) * 7 + folded(name.last()) * 3;
    (name.len() as u32).wrapping_add(mixed) % 64
}

/// `ngx_hash_key_lc` of a name.
fn nginx_hash(name: &[u8]) -> usize {
    name.iter().fold(0, |hash: usize, byte| {
        hash.wrapping_mul(31)
            .wrapping_add(usize::from(byte.to_ascii_lowercase()))
    })
}
