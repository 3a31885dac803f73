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
use crate::{Definition, FetchError, FetchRecord, Files, Host, Material};

/// How often files and the schedule are checked.
const LOOK: Duration = Duration::from_secs(1);

/// What is refreshed, for the process that runs the loop.
pub trait RefreshTarget {
    /// The right to fetch, which one process at a time has. It is released when it is dropped.
    type Lease;

    /// Its name in log lines.
    fn subject(&self) -> Subject<'_>;

    /// Whether this process is shutting down.
    fn is_finishing(&self) -> bool;

    /// Calls `wait` with the shared progress. If it returns zero and no other process has the
    /// lease, acquires the lease in the same step: no other process sees the progress in between.
    fn begin(&self, wait: impl FnOnce(&mut Progress) -> Duration) -> NextStep<Self::Lease>;

    /// Calls `change` with the shared progress, and returns its result; `None` if the progress no
    /// longer exists.
    fn update<T>(&self, change: impl FnOnce(&mut Progress) -> T) -> Option<T>;

    /// What was published last, as [`Material::write`] wrote it.
    fn published(&self) -> Option<Zeroizing<Vec<u8>>>;

    /// Publishes material, as [`Material::write`] wrote it, for all processes.
    fn publish(&self, material: &[u8]) -> Result<(), FetchError>;

    /// Writes a line to the log.
    fn log(&self, line: &LogLine);

    /// Keeps the reason why the last fetch failed, for the status.
    fn keep_error(&self, error: &FetchError);
}

/// The next step of the loop.
pub enum NextStep<Lease> {
    /// Wait for this long.
    Wait(Duration),
    /// Fetch.
    Fetch(Lease),
    /// End: the configuration in use has no such provider or token.
    Stop,
}

/// What processes share about one provider or token. If all is zero, a fetch is due.
///
/// It consists of integers only, all values of which are valid, so that it can be in shared memory
/// and outlive the process that fetches.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The files that the last fetch found, as a digest of [`identify`]; zero: there was no fetch
    /// yet.
    files: u64,
    /// When to fetch next, by the time of day.
    schedule: Schedule,
    /// What was logged.
    log: RefreshLog,
    /// What has become of the fetches.
    record: FetchRecord,
}

impl Progress {
    /// Whether the last fetch failed.
    pub fn is_failing(&self) -> bool {
        self.schedule.failures() > 0
    }

    /// What has become of the fetches so far.
    pub fn record(&self) -> FetchRecord {
        self.record
    }

    /// When the next fetch is planned, as Unix time in milliseconds; `None`: none is.
    pub fn next_fetch(&self) -> Option<i64> {
        self.schedule.next()
    }

    /// An upstream has rejected the credentials as expired or unknown. Schedules a fetch, unless
    /// there was one recently; returns whether it did.
    pub fn rejected(&mut self, now: i64) -> bool {
        self.schedule.rejected(now)
    }

    /// How long to wait. A fetch is also due if the current files differ from those of the last
    /// fetch, or if `changed` is true.
    fn wait(&mut self, now: i64, files: u64, changed: bool, intervals: Intervals) -> Duration {
        if changed || (self.files != 0 && self.files != files) {
            // The schedule continues from this state of the files, even if the fetch fails.
            self.files = files;
            self.schedule.files_changed(now);
        }
        self.schedule.wait(now, intervals, LOOK)
    }
}

/// Fetches from the source of `definition` whenever a fetch is due, until the process shuts down.
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
                    // The fetch was interrupted because the process shuts down; the next process
                    // fetches again.
                    return;
                }
                conclude(target, host, found, intervals, result);
                drop(lease);
                continue;
            }
        };
        // At least a short time, so that a schedule that is always due cannot keep the process
        // busy.
        host.sleep(pause.max(Duration::from_millis(1))).await;
    }
}

/// Publishes the result of a fetch, schedules the next one, and logs the result if necessary.
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
        let Progress {
            schedule,
            log,
            record,
            ..
        } = progress;
        match &result {
            Ok(material) => {
                let validity = material.validity();
                schedule.fetched(now, validity.expires_at, intervals, random);
                record.succeeded(now, material);
                log.fetched(now, subject, material.origin(), validity)
            }
            Err(error) => {
                let left = held.map_or(Some(0), |held| held.left(now));
                schedule.failed(now, left, intervals, random);
                record.failed(now);
                log.failed(now, subject, error, held)
            }
        }
    });
    if let Err(error) = &result {
        target.keep_error(error);
    }
    if let Some(line) = line.flatten() {
        target.log(&line);
    }
}

/// Identifies a state of files; never 0. It is the same in every process, including those of the
/// next configuration.
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
