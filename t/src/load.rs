//! Load: clients that send the same request again and again while a test does something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use crate::http::{Connection, Request, Response};

/// Clients at work, each with a thread and a connection for each request.
///
/// [`Load::stop`] ends them and tells what they saw; dropping it ends them too.
#[derive(Debug)]
pub struct Load {
    stopping: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Report>>,
}

/// What the clients saw.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many requests got the expected response.
    pub good: usize,
    /// What became of the others, one line each.
    pub failures: Vec<String>,
}

impl Load {
    /// Starts `clients` threads; a response is good where `good` says so.
    pub fn start(
        clients: usize,
        port: u16,
        request: &Request,
        good: impl Fn(&Response) -> bool + Clone + Send + 'static,
    ) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicUsize::new(0));
        let request = request.clone().header("Connection", "close");

        let threads = (0..clients)
            .map(|_| {
                let (stopping, sent) = (Arc::clone(&stopping), Arc::clone(&sent));
                let (request, good) = (request.clone(), good.clone());
                std::thread::spawn(move || run(port, &request, &good, &stopping, &sent))
            })
            .collect();
        Self {
            stopping,
            sent,
            threads,
        }
    }

    /// Waits until this many more requests have a response, expected or not.
    #[track_caller]
    pub fn wait_for(&self, more: usize) {
        let target = self.sent.load(Ordering::Relaxed) + more;
        crate::wait_until("the load has gone on", || {
            self.sent.load(Ordering::Relaxed) >= target
        });
    }

    /// Ends the clients after the request each is at.
    pub fn stop(mut self) -> Report {
        self.stopping.store(true, Ordering::Relaxed);
        let mut total = Report::default();
        for thread in self.threads.drain(..) {
            let report = thread.join().expect("a client does not panic");
            total.good += report.good;
            total.failures.extend(report.failures);
        }
        total
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn run(
    port: u16,
    request: &Request,
    good: &impl Fn(&Response) -> bool,
    stopping: &AtomicBool,
    sent: &AtomicUsize,
) -> Report {
    let mut report = Report::default();
    while !stopping.load(Ordering::Relaxed) {
        match Connection::try_open(port).and_then(|mut c| c.try_send(request)) {
            Ok(response) if good(&response) => report.good += 1,
            Ok(response) => {
                report
                    .failures
                    .push(format!("{} {}", response.status, response.text()))
            }
            Err(e) => report.failures.push(e.to_string()),
        }
        sent.fetch_add(1, Ordering::Relaxed);
    }
    report
}
