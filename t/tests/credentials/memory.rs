//! Secrets in memory: what the zone holds, and for how long.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nginx_tests::{MetadataServer, Nginx, http, wait_until};

/// The zone's size, by which its mapping is told from nginx's others.
const SIZE: usize = 300 * 1024;

/// A mapping of memory that processes share.
struct Zone {
    content: Vec<u8>,
    /// What the kernel notes of it; see proc_pid_smaps(5).
    flags: String,
}

impl Zone {
    /// The zone, as a worker sees it.
    fn of(worker: i32) -> Self {
        let maps = std::fs::read_to_string(format!("/proc/{worker}/smaps")).expect("a worker");
        let mut found = None;
        for line in maps.lines() {
            let range = line
                .split(' ')
                .next()
                .and_then(|range| range.split_once('-'));
            let number = |text| u64::from_str_radix(text, 16).ok();
            if let Some((Some(start), Some(end))) = range.map(|(a, b)| (number(a), number(b))) {
                found = (line.contains(" rw-s ") && end - start == SIZE as u64).then_some(start);
            } else if let (Some(start), Some(flags)) = (found, line.strip_prefix("VmFlags:")) {
                let mut content = vec![0; SIZE];
                let memory = File::open(format!("/proc/{worker}/mem")).expect("our own process");
                memory
                    .read_exact_at(&mut content, start)
                    .expect("a mapping");
                let flags = flags.to_owned();
                return Self { content, flags };
            }
        }
        panic!("no zone in {maps}");
    }

    fn holds(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        self.content
            .windows(bytes.len())
            .any(|window| window == bytes)
    }
}

fn with_zone(metadata: &MetadataServer) -> nginx_tests::Builder {
    Nginx::builder()
        .var("metadata", metadata.address())
        .http(
            "aws_auth_zone secrets:300k;
             aws_credentials_provider task container uri=http://{metadata}/container;",
        )
        .server("location / { return 204; }")
}

#[test]
fn what_is_replaced_is_wiped() {
    let metadata = MetadataServer::start();
    metadata.set_lifetime(Duration::from_secs(2));
    let nginx = with_zone(&metadata).start();
    wait_until("there are the third credentials", || {
        let issued = metadata.issued();
        issued.len() > 2 && Zone::of(nginx.workers()[0]).holds(&issued[2].secret_key)
    });
    let zone = Zone::of(nginx.workers()[0]);
    for old in &metadata.issued()[..2] {
        for text in [&old.access_key, &old.secret_key, &old.token] {
            assert!(!zone.holds(text), "{text}");
        }
    }
}

// The second configuration without it is the proof that no worker needs it any more.
#[test]
fn what_a_removed_provider_had_is_wiped() {
    let metadata = MetadataServer::start();
    let mut nginx = with_zone(&metadata).start();
    metadata.wait_for_fetches(1);
    wait_until("the zone holds them", || {
        Zone::of(nginx.workers()[0]).holds(&metadata.issued()[0].secret_key)
    });
    nginx.edit(|builder| {
        builder.http(
            "aws_auth_zone secrets:300k;
             aws_credentials_provider other container uri=http://{metadata}/container;",
        )
    });
    for is_wiped in [false, true] {
        nginx.reload();
        let secret = &metadata.issued()[0].secret_key;
        let worker = nginx.workers()[0];
        if is_wiped {
            wait_until("they are wiped", || !Zone::of(worker).holds(secret));
        } else {
            // What is wiped at all is wiped before the next credentials are there.
            wait_until("the zone holds the new ones", || {
                let issued = metadata.issued();
                issued.len() > 1 && Zone::of(worker).holds(&issued[1].secret_key)
            });
            assert!(Zone::of(worker).holds(secret));
        }
    }
    http::get(nginx.port(), "/").expect_status(204);
}

// "dd": do not dump.
#[test]
fn the_zone_is_kept_out_of_core_dumps() {
    let metadata = MetadataServer::start();
    let nginx = with_zone(&metadata).start();
    let zone = Zone::of(nginx.workers()[0]);
    assert!(
        zone.flags.split(' ').any(|flag| flag == "dd"),
        "{}",
        zone.flags
    );
}
