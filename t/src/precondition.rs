//! What a test needs of the nginx that it runs against.
//!
//! A test that cannot run here says so in its output. In CI, where everything is installed, a
//! missing module or program is an error.

use crate::nginx_version;

/// Says that a test does not run because `what` is missing.
///
/// # Panics
/// In CI, that is if the environment has `CI`.
#[track_caller]
pub fn is_missing(what: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "{what} is missing: CI must run this test"
    );
    eprintln!("did not run: {what} is missing");
}

/// Whether the nginx under test is of `version` or later. If it is older, says that the test, or a part of
/// it, does not run.
///
/// # Panics
/// If it is older, and `AWS_AUTH_RUN_ALL` is set: the environment of a run for these tests.
#[track_caller]
pub fn nginx_is_at_least(version: (u32, u32, u32)) -> bool {
    let is = nginx_version() >= version;
    if !is {
        let (major, minor, patch) = version;
        assert!(
            std::env::var_os("AWS_AUTH_RUN_ALL").is_none(),
            "this test needs nginx {major}.{minor}.{patch} or later"
        );
        eprintln!("did not run: this part needs nginx {major}.{minor}.{patch} or later");
    }
    is
}
