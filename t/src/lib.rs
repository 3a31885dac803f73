//! Runs nginx with the module against verifying origins.
