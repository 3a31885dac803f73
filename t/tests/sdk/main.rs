//! Real clients with an endpoint that is nginx: what they store through it is stored as they mean
//! it, byte for byte, over http and https, buffered and streamed, in both object stores.
//!
//! The tests `directly` are the controls: the same without the module. Where one of them fails, the
//! client or the object store has changed.

use nginx_tests::sdk::{Entrance, Stand, Way, expect_shapes};

mod awscli;
mod boto3;
mod rclone;
mod restic;
mod s3cmd;

/// Goes a client's ways, each with a bucket of its own.
fn go(stand: &Stand, ways: &[Way], scenario: fn(&Stand, &Entrance)) {
    for &way in ways {
        eprintln!("{way:?}");
        scenario(stand, &stand.entrance(way));
    }
}

/// Goes the ways that do not lead through the module, and looks at what the client sends there.
fn go_directly(client: &str, stand: &Stand, scenario: fn(&Stand, &Entrance)) {
    for way in Way::DIRECT {
        eprintln!("{way:?}");
        let entrance = stand.entrance(way);
        scenario(stand, &entrance);
        let requests = stand.requests_to(&entrance);
        let scheme = if way.is_https() { "https" } else { "http" };
        expect_shapes(&format!("{client} {scheme}"), &requests);
    }
}
