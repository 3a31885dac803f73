//! Material as bytes, for shared memory.

use aws_signing::CredentialScope;
use zeroize::Zeroizing;

use crate::{Credentials, DatedKey, Material, Secret, SigningKeys, Token};

/// Identifies the kind; a changed format gets a new number.
const KEYS: u8 = 1;
const DERIVED: u8 = 2;
const TOKEN: u8 = 3;

impl Material {
    /// Appends the material to `out`. The caller must erase the bytes.
    pub fn write(&self, out: &mut Zeroizing<Vec<u8>>) {
        // Allocated at once: a vector that grows leaves copies of its content in freed memory.
        out.reserve_exact(self.size());
        match self {
            Self::Keys(credentials) => {
                out.push(KEYS);
                put(out, credentials.access_key_id.as_bytes());
                put(out, credentials.secret_access_key.expose().as_bytes());
                let token = credentials.session_token.as_ref();
                put(out, token.map_or("", Secret::expose).as_bytes());
                out.push(credentials.outlives_expiry.into());
                put_moment(out, credentials.expires_at);
                put(out, credentials.origin.as_bytes());
            }
            Self::Derived(keys) => {
                out.push(DERIVED);
                put(out, keys.access_key_id().as_bytes());
                put(out, keys.origin().as_bytes());
                for key in keys.keys() {
                    put(out, key.scope.as_str().as_bytes());
                    out.extend_from_slice(&*key.key);
                }
            }
            Self::Token(token) => {
                out.push(TOKEN);
                put(out, token.value.expose().as_bytes());
                put_moment(out, token.expires_at);
                put(out, token.origin.as_bytes());
            }
        }
    }

    /// How many bytes [`write`](Self::write) appends.
    pub fn size(&self) -> usize {
        const LENGTH: usize = size_of::<u32>();
        const MOMENT: usize = 1 + size_of::<i64>();
        match self {
            Self::Keys(credentials) => {
                let token = credentials.session_token.as_ref();
                let texts = credentials.access_key_id.len()
                    + credentials.secret_access_key.expose().len()
                    + token.map_or(0, |token| token.expose().len())
                    + credentials.origin.len();
                1 + 4 * LENGTH + texts + 1 + MOMENT
            }
            Self::Derived(keys) => {
                let each = keys.keys().iter();
                let each = each.map(|key| LENGTH + key.scope.as_str().len() + key.key.len());
                let texts = keys.access_key_id().len() + keys.origin().len();
                1 + 2 * LENGTH + texts + each.sum::<usize>()
            }
            Self::Token(token) => {
                let texts = token.value.expose().len() + token.origin.len();
                1 + 2 * LENGTH + texts + MOMENT
            }
        }
    }

    /// Parses what [`write`](Self::write) has written; `None` if it is anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, mut rest) = bytes.split_first()?;
        let rest = &mut rest;
        match *kind {
            KEYS => {
                let access_key_id = text(rest)?;
                let secret_access_key = Secret::new(text(rest)?);
                let token = Secret::new(text(rest)?);
                let [outlives_expiry] = *take(rest, 1)? else {
                    return None;
                };
                let expires_at = moment(rest)?;
                let origin = text(rest)?;
                rest.is_empty().then(|| {
                    Self::Keys(Credentials {
                        access_key_id,
                        secret_access_key,
                        session_token: (!token.expose().is_empty()).then_some(token),
                        expires_at,
                        outlives_expiry: outlives_expiry != 0,
                        origin,
                    })
                })
            }
            DERIVED => {
                let access_key_id = text(rest)?;
                let origin = text(rest)?;
                let mut keys = Vec::new();
                while !rest.is_empty() {
                    keys.push(DatedKey {
                        scope: CredentialScope::parse(&text(rest)?).ok()?,
                        key: Zeroizing::new(take(rest, 32)?.try_into().ok()?),
                    });
                }
                SigningKeys::new(access_key_id, keys, origin).map(Self::Derived)
            }
            TOKEN => {
                let value = Secret::new(text(rest)?);
                let expires_at = moment(rest)?;
                let origin = text(rest)?;
                rest.is_empty().then(|| {
                    Self::Token(Token {
                        value,
                        expires_at,
                        origin,
                    })
                })
            }
            _ => None,
        }
    }
}

fn put(out: &mut Vec<u8>, text: &[u8]) {
    let length = u32::try_from(text.len()).expect("no part is that long");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(text);
}

fn put_moment(out: &mut Vec<u8>, moment: Option<i64>) {
    out.push(moment.is_some().into());
    out.extend_from_slice(&moment.unwrap_or_default().to_le_bytes());
}

fn moment(rest: &mut &[u8]) -> Option<Option<i64>> {
    let is_there = take(rest, 1)? != [0];
    let moment = i64::from_le_bytes(take(rest, 8)?.try_into().ok()?);
    Some(is_there.then_some(moment))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let length = u32::from_le_bytes(take(rest, 4)?.try_into().ok()?);
    let text = take(rest, length.try_into().ok()?)?;
    Some(std::str::from_utf8(text).ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Material> {
        let keys = |token: Option<&str>, expires_at| {
            Material::Keys(Credentials {
                access_key_id: "AKIDEXAMPLE".to_owned(),
                secret_access_key: Secret::new("wJalrXUtnFEMI".to_owned()),
                session_token: token.map(|token| Secret::new(token.to_owned())),
                expires_at,
                outlives_expiry: expires_at == Some(0),
                origin: "env".to_owned(),
            })
        };
        let token = |expires_at| {
            Material::Token(Token {
                value: Secret::new("QVdTOnNlY3JldA==".to_owned()),
                expires_at,
                origin: "ecr in eu-west-1".to_owned(),
            })
        };
        let dated = ["20260101", "20260102"].map(|date| DatedKey {
            scope: CredentialScope::new(date, "eu-west-1", "s3").unwrap(),
            key: Zeroizing::new([date.as_bytes()[7]; 32]),
        });
        let derived =
            SigningKeys::new("AKIDEXAMPLE".to_owned(), dated.into(), "file".to_owned()).unwrap();
        vec![
            keys(None, None),
            keys(Some("IQoJb3"), Some(0)),
            keys(Some("IQoJb3"), Some(i64::MIN)),
            Material::Derived(derived),
            token(None),
            token(Some(i64::MAX)),
        ]
    }

    #[test]
    fn what_is_written_is_read_again() {
        for material in samples() {
            let mut bytes = Zeroizing::default();
            material.write(&mut bytes);
            assert_eq!(
                (bytes.len(), bytes.capacity()),
                (material.size(), material.size())
            );
            assert_eq!(Material::read(&bytes), Some(material));
        }
    }

    #[test]
    fn what_is_cut_or_changed_is_not_read_beyond_its_end() {
        for material in samples() {
            let mut bytes = Zeroizing::default();
            material.write(&mut bytes);
            for length in 0..bytes.len() {
                let read = Material::read(&bytes[..length]);
                // A list of keys can end after any of them.
                assert!(
                    matches!(read, None | Some(Material::Derived(_))),
                    "{length}"
                );
            }
            for at in 0..bytes.len() {
                let mut bytes = bytes.clone();
                bytes[at] ^= 0xff;
                // What is accepted nevertheless is complete: it has as many bytes as there are.
                if let Some(read) = Material::read(&bytes) {
                    assert_eq!(read.size(), bytes.len(), "{at}");
                }
            }
            bytes.push(0);
            assert_eq!(Material::read(&bytes), None);
        }
    }
}
