//! What the steps of one seal share.

use aws_signing::Timestamp;

use crate::destination::Destination;
use crate::head::RequestLine;
use crate::identity::Identity;
use crate::policy::Policy;
use crate::unsigned::Unsigned;

/// A request that is being sealed, and the settings that apply.
pub(crate) struct SealContext<'a, 'r> {
    pub(crate) request: &'a Unsigned<'r>,
    pub(crate) line: RequestLine<'a>,
    /// The index of the first header line that the client wrote.
    pub(crate) first_client_line: usize,
    pub(crate) policy: &'a Policy,
    pub(crate) destination: Destination<'a>,
    pub(crate) identity: &'a Identity<'a>,
    pub(crate) now: &'a Timestamp,
    /// Whether S3's rules apply.
    pub(crate) s3: bool,
}
