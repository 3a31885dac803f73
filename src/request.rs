//! The path of a request, in order: admit (access phase), prepare (precontent phase), seal (when
//! nginx has serialised what it sends).

mod admit;
mod prepare;
mod seal;

pub(crate) use admit::admit;
pub(crate) use prepare::prepare;
pub(crate) use seal::Seal;
