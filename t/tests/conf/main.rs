//! What `nginx -t` says about a configuration, and how blocks inherit from each other.

mod errors;
mod groups;
mod mistakes;
mod set_headers;
mod size;
mod warnings;
