//! Keeping credentials and tokens fresh: one task for each, on the event loop of one worker.
//!
//! Nothing here keeps a worker from finishing: timers are cancelable, connections are closed when
//! nginx asks for it, and tasks are dropped as the process ends.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use aws_credentials::report::{AtHand, Level as ReportLevel, Line};
use aws_credentials::schedule;
use aws_credentials::{FetchError, Host, Material};
use ngx::async_::Task;
use zeroize::Zeroizing;

use crate::ffi::process;
use crate::ffi::process::guard::guard;
use crate::ffi::process::log::{Level, Log};
use crate::renewal::Renewal;
use crate::renewal::host::NginxHost;
use crate::renewal::lease::{Lease, Turn};
use crate::renewal::providers::Providers;

/// How long a renewal rests after a fault of ours, rather than to run into it again and again.
const AFTER_FAULT: Duration = Duration::from_secs(60);

thread_local! {
    static TASKS: RefCell<Vec<Task<()>>> = const { RefCell::new(Vec::new()) };
}

/// Starts to keep what `providers` has fresh in this process, in the place of those of an earlier
/// configuration.
pub(crate) fn start(providers: &Providers) {
    stop();
    providers.retire_others();
    let host = Rc::new(NginxHost::new(providers.client()));
    let tasks = providers.renewals().map(|renewal| {
        let (renewal, host) = (Rc::clone(renewal), Rc::clone(&host));
        ngx::async_::spawn(async move {
            while !survives(keep_fresh(&renewal, &host)).await {
                Log::of_cycle().write(
                    Level::Error,
                    format_args!(
                        "a fault of this module has interrupted the renewal of {}; it begins anew \
                         in a minute",
                        renewal.subject()
                    ),
                );
                host.sleep(AFTER_FAULT).await;
            }
        })
    });
    let tasks = tasks.collect();
    TASKS.set(tasks);
}

/// Gives up what is under way, and closes its connections.
pub(crate) fn stop() {
    // Tasks are dropped outside of the borrow: dropping one runs code of its own.
    drop(TASKS.take());
}

/// Whether `future` comes to its end without a panic, which has been printed then.
async fn survives(future: impl Future<Output = ()>) -> bool {
    let mut future = pin!(future);
    poll_fn(|cx| {
        guard(Poll::Ready(false), || {
            future.as_mut().poll(cx).map(|()| true)
        })
    })
    .await
}

async fn keep_fresh(renewal: &Renewal, host: &NginxHost) {
    let mut source = renewal.definition().provider();
    while !process::is_finishing() {
        let files = renewal.files_now(host);
        let changed = source.files_changed(host);
        let pause = match Lease::take(renewal, host.now(), files, changed) {
            Turn::Leave => return,
            Turn::Wait(pause) => pause,
            Turn::Fetch(lease) => {
                let result = source.fetch(host).await;
                if result.is_err() && process::is_finishing() {
                    // Cut short by nginx; the next worker asks again.
                    return;
                }
                conclude(renewal, host, files, result);
                drop(lease);
                continue;
            }
        };
        // At least a moment, so that a plan that is always due cannot keep the worker busy.
        host.sleep(pause.max(Duration::from_millis(1))).await;
    }
}

/// Publishes what a fetch has yielded, plans the next one, and says what there is to say.
fn conclude(renewal: &Renewal, host: &impl Host, files: u64, result: Result<Material, FetchError>) {
    let Some(slot) = renewal.slot() else {
        return;
    };
    let published = slot.read(renewal.key());
    let at_hand = published
        .as_ref()
        .and_then(|(_, bytes)| Material::read(bytes));
    let at_hand = at_hand.as_ref().map(terms);
    let result = result.and_then(|material| {
        let mut bytes = Zeroizing::new(Vec::new());
        material.write(&mut bytes);
        let is_new = published.is_none_or(|(_, old)| *old != *bytes);
        match !is_new || slot.publish(&bytes) {
            true => Ok(material),
            false => Err(FetchError::Setting {
                name: "aws_auth_zone".to_owned(),
                why: format!(
                    "it has no room for what was fetched, {} bytes twice: make it larger",
                    bytes.len()
                ),
            }),
        }
    });

    let (now, random) = (host.now(), host.random());
    let (subject, intervals) = (renewal.subject(), renewal.definition().intervals());
    let line = slot.with_state(|state| {
        state.files = files;
        match &result {
            Ok(material) => {
                let expires_at = material.expires_at();
                state.schedule.fetched(now, expires_at, intervals, random);
                let got = terms(material);
                state.report.fetched(now, subject, material.origin(), got)
            }
            Err(error) => {
                let left = match at_hand {
                    Some(got) => schedule::left(got.expires_at, got.outlives_expiry, now),
                    None => Some(0),
                };
                state.schedule.failed(now, left, intervals, random);
                state.report.failed(now, subject, error, at_hand)
            }
        }
    });
    if let Some(line) = line {
        write(&line);
    }
}

fn terms(material: &Material) -> AtHand {
    AtHand {
        expires_at: material.expires_at(),
        outlives_expiry: material.outlives_expiry(),
    }
}

fn write(line: &Line) {
    let level = match line.level {
        ReportLevel::Error => Level::Error,
        ReportLevel::Warn => Level::Warn,
        ReportLevel::Notice => Level::Notice,
    };
    Log::of_cycle().write(level, format_args!("{}", line.text));
}
