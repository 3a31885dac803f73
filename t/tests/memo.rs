//! The tests of `src/ffi/memory/memo.rs`, which needs nothing of nginx. Those in the module's own crate
//! cannot be linked.

#[path = "../../src/ffi/memory/memo.rs"]
mod memo;
