//! `aws_sign` in an `upstream{}`.

mod conf;
mod groups;
mod guard;
mod locations;
mod peers;
mod targets;
