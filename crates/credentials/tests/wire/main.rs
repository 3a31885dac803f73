//! Sources against services that speak real HTTP on loopback, real files and real programs.

mod local;
mod metadata;
mod programs;
mod service;
mod sts;
