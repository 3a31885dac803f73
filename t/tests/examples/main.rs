//! The configurations in nginx-conf/ work as they are printed there.

mod credentials;
mod migration;
mod static_keys;
