//! `aws_hide_auth_errors`: clients do not see what an upstream says about our signature, key, or token.

mod bodies;
mod elsewhere;
mod hidden;
