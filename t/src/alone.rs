//! Tests that measure time or memory run alone.
//!
//! nextest runs each test in a process of its own: those of the group `timing` (.config/nextest.toml) get all
//! threads, so that no other test runs meanwhile. `cargo test` runs one program after another, and the tests
//! of a program in threads: there, [`alone`] keeps the others from starting an nginx.

use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

static STATE: Mutex<State> = Mutex::new(State {
    running: 0,
    alone: None,
});
static CHANGED: Condvar = Condvar::new();

struct State {
    /// How many nginx run in this process.
    running: usize,
    /// The thread that may start one, if no other may.
    alone: Option<ThreadId>,
}

/// While it lives, no nginx of another test runs in this process.
#[derive(Debug)]
#[must_use = "the test is alone as long as this lives"]
pub struct Alone {
    // It belongs to its thread.
    not_send: PhantomData<*const ()>,
}

/// Waits until no nginx runs, and keeps other threads from starting one. For the first line of a test.
///
/// # Panics
/// Under nextest, unless the test is in the group `timing`: add its name to .config/nextest.toml.
#[track_caller]
pub fn alone() -> Alone {
    if std::env::var_os("NEXTEST").is_some() {
        let group = std::env::var("NEXTEST_TEST_GROUP").unwrap_or_default();
        assert_eq!(
            group, "timing",
            "a test that must run alone is in no group: see .config/nextest.toml"
        );
    }
    let mut state = wait_while(|state| state.running > 0 || state.alone.is_some());
    state.alone = Some(thread::current().id());
    Alone {
        not_send: PhantomData,
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        lock().alone = None;
        CHANGED.notify_all();
    }
}

/// Says that an nginx runs.
#[derive(Debug)]
pub(crate) struct Running(());

impl Running {
    /// Waits until no other test wants to be alone.
    pub(crate) fn new() -> Self {
        let own = thread::current().id();
        let mut state = wait_while(|state| state.alone.is_some_and(|alone| alone != own));
        state.running += 1;
        Self(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock().running -= 1;
        CHANGED.notify_all();
    }
}

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait_while(mut condition: impl FnMut(&State) -> bool) -> MutexGuard<'static, State> {
    CHANGED
        .wait_while(lock(), |state| condition(state))
        .unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::{Running, alone};

    #[test]
    fn nothing_runs_beside_a_test_that_is_alone() {
        let (sender, receiver) = mpsc::channel();
        let alone = alone();
        let first = Running::new();
        let other = std::thread::spawn(move || {
            let running = Running::new();
            sender.send(()).expect("the test waits");
            running
        });
        drop(first);
        let early = receiver.recv_timeout(Duration::from_millis(50));
        early.expect_err("another one has started");
        drop(alone);
        let soon = receiver.recv_timeout(crate::http::TIMEOUT);
        soon.expect("the other one starts");
        drop(other.join());
    }
}
