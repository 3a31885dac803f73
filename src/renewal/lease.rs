//! Which process fetches: one at a time, for all processes of nginx.
//!
//! Worker 0 fetches. But old and new workers overlap during a reload, and a killed worker is
//! replaced at once. So a lease in the shared zone determines which process fetches.

use std::time::Duration;

use aws_credentials::refresh::{NextStep, Progress};

use crate::ffi::memory::shm::{self, SharedState};
use crate::ffi::process;
use crate::renewal::Refreshable;

/// After this time a lease is void, whatever has happened to its holder. Longer than any fetch.
const LEASE: u64 = 90_000;

/// How long to wait for another process that fetches.
const OVERLAP: Duration = Duration::from_millis(50);

/// What workers share about a provider or token.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct SlotState {
    /// The process that fetches.
    holder: i32,
    /// Until when no other process may fetch, by [`process::clock`]; 0: no process fetches.
    leased_until: u64,
    /// The progress of the fetches so far.
    pub(super) progress: Progress,
}

// SAFETY: integers, and structures of integers; the tag is used nowhere else.
unsafe impl SharedState for SlotState {
    fn tag() -> *const u8 {
        static TAG: u8 = 0;
        &raw const TAG
    }
}

impl SlotState {
    /// What is known of the fetches so far.
    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    /// The state for another zone that takes it over, in which no process fetches.
    pub(super) fn inherited(self) -> Self {
        Self {
            holder: 0,
            leased_until: 0,
            ..self
        }
    }
}

/// The state of a slot in a zone.
pub(crate) type SlotRef = shm::SlotRef<SlotState>;

/// A zone.
pub(crate) type Memory = shm::Memory<SlotState>;

/// The zones of the configuration that is in use while another one is read.
pub(super) fn zones_in_use() -> Vec<Memory> {
    shm::zones_in_use()
}

/// The right to fetch. Released when it is dropped.
pub(crate) struct Lease<'a> {
    refreshable: &'a Refreshable,
}

impl<'a> Lease<'a> {
    /// Acquires the right to fetch if `wait` says that a fetch is due and no other process fetches.
    pub(super) fn take(
        refreshable: &'a Refreshable,
        wait: impl FnOnce(&mut Progress) -> Duration,
    ) -> NextStep<Self> {
        let Some(slot) = refreshable.slot() else {
            return NextStep::Stop;
        };
        let clock = process::clock();
        slot.with_state(|state| {
            let pause = wait(&mut state.progress);
            if !pause.is_zero() {
                return NextStep::Wait(pause);
            }
            if is_taken(state, clock) {
                return NextStep::Wait(OVERLAP);
            }
            state.holder = process::id();
            state.leased_until = clock + LEASE;
            NextStep::Fetch(Self { refreshable })
        })
    }
}

/// Whether another living process has the right. Times can be in an invalid future after the
/// machine's clock was changed.
fn is_taken(state: &SlotState, clock: u64) -> bool {
    let runs = (1..=LEASE).contains(&state.leased_until.saturating_sub(clock));
    runs && process::is_alive(state.holder)
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(slot) = self.refreshable.slot() else {
            return;
        };
        slot.with_state(|state| {
            if state.holder == process::id() {
                state.leased_until = 0;
            }
        });
    }
}
