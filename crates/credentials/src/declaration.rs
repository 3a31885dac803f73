//! What a source of credentials or of tokens declares.

/// A source, as an operator sees it. Each source has one, in its own file.
#[derive(Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The word that selects it, e.g. `imds`.
    pub name: &'static str,
    /// The parameters that may follow, as they are written, e.g. `role=`; a flag has no `=`.
    pub keys: &'static [&'static str],
    /// Whether a fetch may ask services that a [`Check`](crate::Check) does not know yet, because a
    /// file names them or another source signs the request.
    pub may_ask_others: bool,
    /// The source's row in the reference, in Markdown.
    pub summary: &'static str,
}

/// A flag that allows plain http to other machines.
pub(crate) const INSECURE: &str = "insecure";
