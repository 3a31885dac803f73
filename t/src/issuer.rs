//! What the services that issue secrets have in common: they misbehave as a test wants, and
//! know what they have issued.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_signing::Timestamp;

use crate::reply::Reply;

/// What a service does when it is asked.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Hands out something new.
    Good,
    /// The same after this time.
    Slow(Duration),
    /// Says nothing, and keeps the connection.
    Hang,
    /// Closes the connection.
    Close,
    /// Responds with this status and body.
    Answer(u16, Vec<u8>),
    /// Writes these bytes and closes the connection.
    Raw(Vec<u8>),
}

/// Makes up secrets of the kind `T`: what a [`MetadataServer`](crate::MetadataServer) and a
/// [`TokenService`](crate::TokenService) are, apart from the protocols that they speak.
pub struct Issuer<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    behaviour: Behaviour,
    lifetime: Duration,
    asked: Vec<Instant>,
    issued: Vec<T>,
    refused: Vec<String>,
}

impl<T: Clone> Issuer<T> {
    pub(crate) fn new(lifetime: Duration) -> Self {
        let state = State {
            behaviour: Behaviour::Good,
            lifetime,
            asked: Vec::new(),
            issued: Vec::new(),
            refused: Vec::new(),
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it does from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    /// How long that lives which it issues from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.state().lifetime = lifetime;
    }

    /// How often it was asked by who may ask, whatever the response was.
    pub fn fetches(&self) -> usize {
        self.state().asked.len()
    }

    /// When it was asked so.
    pub fn fetch_times(&self) -> Vec<Instant> {
        self.state().asked.clone()
    }

    /// Waits until it has been asked `count` times.
    #[track_caller]
    pub fn wait_for_fetches(&self, count: usize) {
        crate::wait_until("the service has been asked", || self.fetches() >= count);
    }

    /// What it has issued, in order.
    pub fn issued(&self) -> Vec<T> {
        self.state().issued.clone()
    }

    /// Why requests were rejected.
    pub fn refused(&self) -> Vec<String> {
        self.state().refused.clone()
    }

    pub(crate) fn note_refusal(&self, reason: &str) {
        self.state().refused.push(reason.to_owned());
    }

    /// Behaves as it is told. What it issues is what `make` makes of its number, from 1 on, and
    /// of when it expires, in Unix seconds; `document` writes the response.
    pub(crate) fn hand_out(
        &self,
        make: impl FnOnce(usize, u64) -> T,
        document: impl FnOnce(&T) -> String,
    ) -> Reply {
        let behaviour = {
            let mut state = self.state();
            state.asked.push(Instant::now());
            state.behaviour.clone()
        };
        match behaviour {
            Behaviour::Good => {}
            Behaviour::Slow(time) => std::thread::sleep(time),
            Behaviour::Hang => return Reply::hang(),
            Behaviour::Close => return Reply::close(),
            Behaviour::Answer(status, body) => return Reply::new(status, body),
            Behaviour::Raw(bytes) => return Reply::raw(bytes),
        }
        let mut state = self.state();
        let issued = make(state.issued.len() + 1, now() + state.lifetime.as_secs());
        state.issued.push(issued.clone());
        drop(state);
        Reply::new(200, document(&issued))
    }
}

/// Unix time in seconds.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
}

/// Such as `2026-01-02T03:04:05Z`.
pub(crate) fn iso8601(unix_time: u64) -> String {
    let time = Timestamp::from_unix(unix_time.cast_signed());
    let text = time.amz_date();
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        &text[..4],
        &text[4..6],
        &text[6..8],
        &text[9..11],
        &text[11..13],
        &text[13..15]
    )
}
