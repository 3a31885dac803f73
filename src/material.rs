//! What a provider has yielded, as bytes in the shared zone.
//!
//! Written and read by the same build of the module only: a zone does not outlive its master. So
//! the form needs no version; what does not read as expected is an error all the same.

use aws_credentials::{Credentials, DatedKey, Material, Secret, SigningKeys};
use aws_signing::CredentialScope;
use zeroize::Zeroizing;

const KEYS: u8 = 1;
const DERIVED: u8 = 2;

/// The bytes of `material`. They are secrets, in memory of exactly their size, so that no copy
/// stays behind where it grew.
pub(crate) fn encode(material: &Material) -> Zeroizing<Vec<u8>> {
    let mut length = Length(0);
    write(material, &mut length);
    let mut bytes = Bytes(Zeroizing::new(Vec::with_capacity(length.0)));
    write(material, &mut bytes);
    bytes.0
}

/// The material of [`encode`]. `None` where the bytes are others.
pub(crate) fn decode(bytes: &[u8]) -> Option<Material> {
    let mut rest = Reader(bytes);
    let material = match rest.byte()? {
        KEYS => Material::Keys(Credentials {
            access_key_id: rest.text()?,
            secret_access_key: Secret::new(rest.text()?),
            session_token: match rest.byte()? {
                0 => None,
                _ => Some(Secret::new(rest.text()?)),
            },
            expires_at: match rest.byte()? {
                0 => None,
                _ => Some(i64::from_le_bytes(rest.array()?)),
            },
            outlives_expiry: rest.byte()? != 0,
            origin: rest.text()?,
        }),
        DERIVED => {
            let access_key_id = rest.text()?;
            let origin = rest.text()?;
            let mut keys = Vec::new();
            while !rest.0.is_empty() {
                keys.push(DatedKey {
                    scope: CredentialScope::parse(&rest.text()?).ok()?,
                    key: Zeroizing::new(rest.array()?),
                });
            }
            Material::Derived(SigningKeys::new(access_key_id, keys, origin)?)
        }
        _ => return None,
    };
    rest.0.is_empty().then_some(material)
}

fn write(material: &Material, to: &mut impl Sink) {
    match material {
        Material::Keys(credentials) => {
            to.put(&[KEYS]);
            to.text(&credentials.access_key_id);
            to.text(credentials.secret_access_key.expose());
            to.put(&[u8::from(credentials.session_token.is_some())]);
            if let Some(token) = &credentials.session_token {
                to.text(token.expose());
            }
            to.put(&[u8::from(credentials.expires_at.is_some())]);
            if let Some(time) = credentials.expires_at {
                to.put(&time.to_le_bytes());
            }
            to.put(&[u8::from(credentials.outlives_expiry)]);
            to.text(&credentials.origin);
        }
        Material::Derived(keys) => {
            to.put(&[DERIVED]);
            to.text(keys.access_key_id());
            to.text(keys.origin());
            for key in keys.keys() {
                to.text(key.scope.as_str());
                to.put(&key.key[..]);
            }
        }
    }
}

/// Takes bytes, or counts them.
trait Sink {
    fn put(&mut self, bytes: &[u8]);

    fn text(&mut self, text: &str) {
        self.put(&(text.len() as u32).to_le_bytes());
        self.put(text.as_bytes());
    }
}

struct Length(usize);

impl Sink for Length {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

struct Bytes(Zeroizing<Vec<u8>>);

impl Sink for Bytes {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn text(&mut self) -> Option<String> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        Some(std::str::from_utf8(self.take(length)?).ok()?.to_owned())
    }
}
