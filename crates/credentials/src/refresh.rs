//! Keeps the credentials of one provider, or one token, fresh.
//!
//! [`keep_fresh`] is the loop that a process runs for each of them. The processes of a server share
//! its [`Progress`], a copy of what was fetched, and a lease that one process at a time holds. A
//! [`RefreshTarget`] gives access to these.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::refresh_log::{LogLine, RefreshLog, Subject};
use crate::schedule::{Intervals, Schedule};
use crate::{Definition, FetchError, Files, Host, Material};

/// How often files and the schedule are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What is refreshed, as the process sees it that runs the loop.
pub trait RefreshTarget {
    /// The right to fetch, which one process at a time has. It is given back by dropping it.
    type Lease;

    /// What it is called in log lines.
    fn subject(&self) -> Subject<'_>;

    /// Whether this process is about to end.
    fn is_finishing(&self) -> bool;

    /// Calls `wait` with the shared progress. If it returns zero and no other process has the
    /// lease, the same step takes it: nobody else sees the progress between the two.
    fn begin(&self, wait: impl FnOnce(&mut Progress) -> Duration) -> NextStep<Self::Lease>;

    /// Calls `change` with the shared progress, and returns what it returns; `None` if the
    /// progress is gone.
    fn update<T>(&self, change: impl FnOnce(&mut Progress) -> T) -> Option<T>;

    /// What was published last, as [`Material::write`] wrote it.
    fn published(&self) -> Option<Zeroizing<Vec<u8>>>;

    /// Publishes material, as [`Material::write`] wrote it, for all processes.
    fn publish(&self, material: &[u8]) -> Result<(), FetchError>;

    /// Writes a line to the log.
    fn log(&self, line: &LogLine);
}

/// What the loop does next.
pub enum NextStep<Lease> {
    /// Nothing for this long.
    Wait(Duration),
    /// A fetch.
    Fetch(Lease),
    /// It ends: the configuration in use has no such provider or token.
    Stop,
}

/// What processes tell each other about one provider or token. If all is zero, a fetch is due.
///
/// It is integers only, each value of which is valid, so that it can lie in shared memory and
/// outlive the process that fetches.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Which files the last fetch found, by [`identify`]; zero: there was none yet.
    files: u64,
    /// When to fetch next. Goes by the time of day.
    schedule: Schedule,
    /// What was logged.
    log: RefreshLog,
}

impl Progress {
    /// Whether the last fetch failed.
    pub fn is_failing(&self) -> bool {
        self.schedule.failures() > 0
    }

    /// An upstream rejected the credentials as expired or unknown. Plans a fetch, unless there was
    /// one lately; says whether it did.
    pub fn rejected(&mut self, now: i64) -> bool {
        self.schedule.rejected(now)
    }

    /// How long to do nothing. A fetch is also due if the files that are there now are other ones
    /// than at the last fetch, or if `changed` says so.
    fn wait(&mut self, now: i64, files: u64, changed: bool, intervals: Intervals) -> Duration {
        if changed || (self.files != 0 && self.files != files) {
            // The plan goes on from this state of the files, even if the fetch fails.
            self.files = files;
            self.schedule.files_changed(now);
        }
        self.schedule.wait(now, intervals, LOOK)
    }
}

/// Fetches what `definition` defines whenever a fetch is due, until the process is about to end.
/// `files` are those that it is known to read.
pub async fn keep_fresh<H: Host, T: RefreshTarget>(
    definition: &Definition,
    files: &[PathBuf],
    target: &T,
    host: &H,
) {
    let mut fetcher = definition.fetcher();
    let intervals = definition.intervals();
    while !target.is_finishing() {
        let found = identify(files, host);
        let changed = fetcher.files_changed(host);
        let now = host.now();
        let pause = match target.begin(|progress| progress.wait(now, found, changed, intervals)) {
            NextStep::Stop => return,
            NextStep::Wait(pause) => pause,
            NextStep::Fetch(lease) => {
                let result = fetcher.fetch(host).await;
                if result.is_err() && target.is_finishing() {
                    // The end of the process has cut it short; the next process asks again.
                    return;
                }
                conclude(target, host, found, intervals, result);
                drop(lease);
                continue;
            }
        };
        // At least a moment, so that a plan that is always due cannot keep the process busy.
        host.sleep(pause.max(Duration::from_millis(1))).await;
    }
}

/// Publishes what a fetch has yielded, plans the next one, and logs what there is to say.
fn conclude(
    target: &impl RefreshTarget,
    host: &impl Host,
    files: u64,
    intervals: Intervals,
    result: Result<Material, FetchError>,
) {
    let published = target.published();
    let held = published.as_ref().and_then(|bytes| Material::read(bytes));
    let held = held.map(|material| material.validity());
    let result = result.and_then(|material| {
        let mut bytes = Zeroizing::new(Vec::new());
        material.write(&mut bytes);
        if published.is_none_or(|old| *old != *bytes) {
            target.publish(&bytes)?;
        }
        Ok(material)
    });

    let (now, random) = (host.now(), host.random());
    let subject = target.subject();
    let line = target.update(|progress| {
        progress.files = files;
        let Progress { schedule, log, .. } = progress;
        match &result {
            Ok(material) => {
                let validity = material.validity();
                schedule.fetched(now, validity.expires_at, intervals, random);
                log.fetched(now, subject, material.origin(), validity)
            }
            Err(error) => {
                let left = held.map_or(Some(0), |held| held.left(now));
                schedule.failed(now, left, intervals, random);
                log.failed(now, subject, error, held)
            }
        }
    });
    if let Some(line) = line.flatten() {
        target.log(&line);
    }
}

/// Tells one state of files from another; never 0. It is the same in every process, also in those
/// of the next configuration.
fn identify(paths: &[PathBuf], files: &impl Files) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        path.hash(&mut hasher);
        if let Ok(found) = files.identify(path) {
            (found.device, found.inode, found.size, found.mode).hash(&mut hasher);
            found.modified.hash(&mut hasher);
        }
    }
    hasher.finish() | 1
}
