//! `proxy_cache` in a location that signs.

mod bypass;
mod hits;
