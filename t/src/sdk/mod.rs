//! Real clients of S3, with their default settings, and a [`Stand`] where they meet an object store:
//! directly, or through an nginx that signs in its own name. See `t/clients/README.md`.

mod files;
mod program;
mod stand;
mod wire;

pub use files::{Files, PART_SIZE};
pub use program::Program;
pub use stand::{Entrance, Stand, Way};
pub use wire::expect_shapes;
