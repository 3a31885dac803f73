//! What a source of credentials or of tokens declares.

/// What operators need to know about a source. Each source has one declaration, in its own file.
#[derive(Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The word that selects it, e.g. `imds`.
    pub name: &'static str,
    /// The parameters that can follow, as they are written, e.g. `role=`; a flag has no `=`.
    pub keys: &'static [&'static str],
    /// Whether a fetch can ask services that a [`Check`](crate::Check) does not know yet, because a
    /// file names them or another source signs the request.
    pub may_ask_others: bool,
    /// The source's row in the reference, in Markdown.
    pub summary: &'static str,
}

/// A flag that allows plain HTTP to other machines.
pub(crate) const INSECURE: &str = "insecure";
