//! Who fetches: one process at a time, for the whole of nginx.
//!
//! There is one refresher, worker 0. But old and new workers overlap when the configuration is
//! read again, and a killed one is replaced at once: a lease in the shared zone says who fetches.

use std::time::Duration;

use aws_credentials::report::Report;
use aws_credentials::schedule::Schedule;

use crate::ffi::memory::shm::{self, SharedState};
use crate::ffi::process;
use crate::renewal::Renewal;

/// After this a lease is void, whatever has become of its holder. Longer than any fetch takes.
const LEASE: u64 = 90_000;

/// How long to wait for another process that fetches.
const OVERLAP: Duration = Duration::from_millis(50);

/// How often files and the plan are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What workers tell each other about a provider or token.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct State {
    /// The process that fetches.
    holder: i32,
    /// Until when nobody else may fetch, by [`process::clock`]; 0: nobody does.
    leased_until: u64,
    /// Which files the last fetch found; see [`super::refresh`].
    pub(super) files: u64,
    /// When to fetch next. Unlike the other times it goes by the time of day.
    pub(super) schedule: Schedule,
    /// What was said of it in the log.
    pub(super) report: Report,
}

// SAFETY: integers, and structures of integers; the tag is used nowhere else.
unsafe impl SharedState for State {
    fn tag() -> *const u8 {
        static TAG: u8 = 0;
        &raw const TAG
    }
}

impl State {
    /// As another zone takes it over, in which nobody fetches.
    pub(super) fn inherited(self) -> Self {
        Self {
            holder: 0,
            leased_until: 0,
            ..self
        }
    }
}

/// A place in a zone.
pub(crate) type SlotRef = shm::SlotRef<State>;

/// A zone.
pub(crate) type Memory = shm::Memory<State>;

/// The zones of the configuration that is in use while another one is read.
pub(super) fn zones_in_use() -> Vec<Memory> {
    shm::zones_in_use()
}

/// What is to be done about a provider now.
pub(crate) enum Turn<'a> {
    /// Nothing for this long.
    Wait(Duration),
    /// A fetch.
    Fetch(Lease<'a>),
    /// Nothing any more: the configuration in use has no such provider.
    Leave,
}

/// The right to fetch. Given back when it is dropped.
pub(crate) struct Lease<'a> {
    renewal: &'a Renewal,
}

impl<'a> Lease<'a> {
    /// Takes the right to fetch where a fetch is due at `now` (milliseconds since 1970), which it
    /// also is where `files`, a digest of which files there are, is another one than at the last
    /// fetch, or where `changed` says so.
    pub(crate) fn take(renewal: &'a Renewal, now: i64, files: u64, changed: bool) -> Turn<'a> {
        let Some(slot) = renewal.slot() else {
            return Turn::Leave;
        };
        let (clock, intervals) = (process::clock(), renewal.definition().intervals());
        slot.with_state(|state| {
            if changed || (state.files != 0 && state.files != files) {
                // The plan goes on from this state of the files, even if the fetch fails.
                state.files = files;
                state.schedule.files_changed(now);
            }
            let pause = state.schedule.wait(now, intervals, LOOK);
            if !pause.is_zero() {
                return Turn::Wait(pause);
            }
            if is_taken(state, clock) {
                return Turn::Wait(OVERLAP);
            }
            state.holder = process::id();
            state.leased_until = clock + LEASE;
            Turn::Fetch(Self { renewal })
        })
    }
}

/// Whether another process that is alive has the right. Times may lie in a future that is none
/// after the machine's clock was set anew.
fn is_taken(state: &State, clock: u64) -> bool {
    let runs = (1..=LEASE).contains(&state.leased_until.saturating_sub(clock));
    runs && process::is_alive(state.holder)
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(slot) = self.renewal.slot() else {
            return;
        };
        slot.with_state(|state| {
            if state.holder == process::id() {
                state.leased_until = 0;
            }
        });
    }
}
