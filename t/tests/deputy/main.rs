//! A signed location lends the operator's rights to its clients, and not more of them than intended.

mod reads;
mod writes;
