//! All sources, from the words of a directive to the material that is fetched, with a host that
//! does what a script says.

mod assume_role;
mod common;
mod container;
mod default;
mod definition;
mod faults;
mod file;
mod imds;
mod official;
mod process;
mod profile;
mod refresh;
mod signing_keys;
mod token_definitions;
mod token_programs;
mod tokens;
mod web_identity;
