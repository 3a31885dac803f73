//! Users, by their access keys.

use std::collections::HashMap;
use std::fmt;

use zeroize::Zeroizing;

/// Somebody who signs requests.
#[derive(Clone)]
pub struct User {
    /// The name, for logs and variables.
    pub name: String,
    /// The access key ID.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Zeroizing<String>,
    /// The session token, which each request has to carry then.
    pub session_token: Option<Zeroizing<String>>,
    /// Whether the key may be used at all.
    pub is_enabled: bool,
    /// From when on the key is valid, as Unix time in seconds.
    pub not_before: Option<i64>,
    /// From when on it is not any more.
    pub expires: Option<i64>,
}

impl User {
    /// Whether the key is valid at `now`, Unix time in seconds.
    pub(crate) fn is_valid(&self, now: i64) -> bool {
        self.is_enabled
            && self.not_before.is_none_or(|from| from <= now)
            && self.expires.is_none_or(|until| now < until)
    }
}

/// Shows no secret.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({}, {})", self.name, self.access_key_id)
    }
}

/// All users of a document.
#[derive(Default)]
pub struct Users {
    users: Vec<User>,
    /// The place in the list of each access key ID.
    by_key: HashMap<String, u32>,
}

impl Users {
    /// A list of users. `Err` with an access key ID that occurs twice.
    pub fn new(users: Vec<User>) -> Result<Self, String> {
        let mut by_key = HashMap::with_capacity(users.len());
        for (nth, user) in users.iter().enumerate() {
            if by_key
                .insert(user.access_key_id.clone(), nth as u32)
                .is_some()
            {
                return Err(user.access_key_id.clone());
            }
        }
        Ok(Self { users, by_key })
    }

    /// The user of this access key ID.
    pub fn find(&self, access_key_id: &str) -> Option<&User> {
        let nth = *self.by_key.get(access_key_id)?;
        self.users.get(nth as usize)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

/// Shows how many there are.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Users({})", self.users.len())
    }
}
