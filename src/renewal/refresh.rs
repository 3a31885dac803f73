//! Keeps credentials and tokens fresh: one task for each, on the event loop of one worker.
//!
//! Nothing here keeps a worker from shutting down: timers are cancelable, connections are closed
//! when nginx asks for it, and tasks are dropped as the process ends.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use aws_credentials::refresh::{NextStep, Progress, RefreshTarget, keep_fresh};
use aws_credentials::refresh_log::{LogLevel, LogLine, Subject};
use aws_credentials::{FetchError, Host};
use ngx::async_::Task;
use zeroize::Zeroizing;

use crate::ffi::process;
use crate::ffi::process::guard::guard;
use crate::ffi::process::log::{Level, Log};
use crate::renewal::Refreshable;
use crate::renewal::host::NginxHost;
use crate::renewal::lease::Lease;
use crate::renewal::providers::Providers;

/// How long the loop pauses after a panic, so that it does not panic again and again.
const AFTER_FAULT: Duration = Duration::from_secs(60);

thread_local! {
    static TASKS: RefCell<Vec<Task<()>>> = const { RefCell::new(Vec::new()) };
}

/// Starts to keep `providers` fresh in this process, instead of those of an earlier configuration.
pub(crate) fn start(providers: &Providers) {
    stop();
    providers.retire_others();
    let host = Rc::new(NginxHost::new(providers.client()));
    let tasks = providers.refreshables().map(|refreshable| {
        let (refreshable, host) = (Rc::clone(refreshable), Rc::clone(&host));
        ngx::async_::spawn(async move {
            let slot = SharedSlot(&refreshable);
            let refresh =
                || keep_fresh(refreshable.definition(), refreshable.files(), &slot, &*host);
            while !survives(refresh()).await {
                Log::of_cycle().write(
                    Level::Error,
                    format_args!(
                        "an internal error has interrupted the refresh of {}: it starts again in \
                         a minute",
                        refreshable.subject()
                    ),
                );
                host.sleep(AFTER_FAULT).await;
            }
        })
    });
    let tasks = tasks.collect();
    TASKS.set(tasks);
}

/// Cancels what is in progress, and closes its connections.
pub(crate) fn stop() {
    // Tasks are dropped outside of the borrow, since dropping one runs its own code.
    drop(TASKS.take());
}

/// Whether `future` ends without a panic. A panic has been printed.
async fn survives(future: impl Future<Output = ()>) -> bool {
    let mut future = pin!(future);
    poll_fn(|cx| {
        guard(Poll::Ready(false), || {
            future.as_mut().poll(cx).map(|()| true)
        })
    })
    .await
}

/// Connects the loop to the zone, to the log, and to this process.
struct SharedSlot<'a>(&'a Refreshable);

impl<'a> RefreshTarget for SharedSlot<'a> {
    type Lease = Lease<'a>;

    fn subject(&self) -> Subject<'_> {
        self.0.subject()
    }

    fn is_finishing(&self) -> bool {
        process::is_finishing()
    }

    fn begin(&self, wait: impl FnOnce(&mut Progress) -> Duration) -> NextStep<Lease<'a>> {
        Lease::take(self.0, wait)
    }

    fn update<T>(&self, change: impl FnOnce(&mut Progress) -> T) -> Option<T> {
        let slot = self.0.slot()?;
        Some(slot.with_state(|state| change(&mut state.progress)))
    }

    fn published(&self) -> Option<Zeroizing<Vec<u8>>> {
        let (_, bytes) = self.0.slot()?.read(self.0.key())?;
        Some(bytes)
    }

    fn publish(&self, material: &[u8]) -> Result<(), FetchError> {
        if self.0.slot().is_some_and(|slot| slot.publish(material)) {
            return Ok(());
        }
        Err(FetchError::Setting {
            name: "aws_auth_zone".to_owned(),
            why: format!(
                "it has no room for what was fetched, twice {} bytes: make it larger",
                material.len()
            ),
        })
    }

    fn keep_error(&self, error: &FetchError) {
        if let Some(slot) = self.0.slot() {
            slot.set_note(error.to_string().as_bytes());
        }
    }

    fn log(&self, line: &LogLine) {
        let level = match line.level {
            LogLevel::Error => Level::Error,
            LogLevel::Warn => Level::Warn,
            LogLevel::Notice => Level::Notice,
        };
        Log::of_cycle().write(level, format_args!("{}", line.text));
    }
}
