//! What `nginx -t` says of a `server{}`, whose guilty line is marked.

use crate::nginx::{Builder, Nginx};

/// The file in which the server is read.
pub const FILE: &str = "server.conf";

/// Part of every secret in these configurations.
pub const SECRET: &str = "hush";

/// Credentials that can sign.
pub const KEYS: &str = "aws_access_key AKID;\naws_secret_key hush;\naws_region us-east-1;\n";

/// An nginx that reads `server` in a [`FILE`] of its own, so that its lines are counted from there.
pub fn builder(server: &str) -> Builder {
    Nginx::builder()
        .server(&format!("include {FILE};"))
        .file(FILE, server)
}

/// Fails the test unless a line of level `emerg` that holds `message` rejects the line of `server`
/// that ends with `#!`, and shows no secret.
#[track_caller]
pub fn expect_refused(server: &str, message: &str) {
    let result = builder(server).check().expect_refused(message);
    let result = result.expect_at_mark(FILE, server);
    assert!(!result.stderr.contains(SECRET), "{}", result.stderr);
}
