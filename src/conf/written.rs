//! What is written in a block: a field for each directive.

use std::rc::Rc;

use aws_operations::OperationSet;
use aws_sealing::{
    Addressing, MethodSet, PassHeaders, PayloadMode, Place, SignedHeaders, Version, destination,
};

use super::credentials::{CredentialDirectives, Credentials, Incomplete};
use super::tokens::TokensRequired;
use crate::ffi::conf::{Conf, Position};
use crate::ffi::http::request::Request;
use crate::ffi::http::value::{Template, Value};
use crate::renewal::providers::Providers;

/// How long a request waits for the first credentials, in milliseconds.
const DEFAULT_CREDENTIALS_TIMEOUT: u64 = 5000;

/// When `aws_sign` signs.
#[derive(Clone, Debug)]
pub(crate) enum Switch {
    /// `aws_sign;`, as in the C module: this block, and `if` and `limit_except` in it.
    Bare,
    /// `aws_sign on;`
    On,
    /// `aws_sign off;`
    Off,
    /// `aws_sign $variable;`
    Template(Template),
}

impl Switch {
    /// Whether it says that this request is signed.
    pub(crate) fn is_on(&self, request: &Request) -> bool {
        match self {
            Self::Bare | Self::On => true,
            Self::Off => false,
            // Where the value cannot be had, nothing may leave unsigned.
            Self::Template(template) => template
                .evaluate(request)
                .is_none_or(|text| !matches!(text, b"" | b"0" | b"off")),
        }
    }
}

/// An `aws_sign` directive.
#[derive(Clone, Debug)]
pub(crate) struct Sign {
    pub(crate) switch: Switch,
    pub(crate) position: Position,
    pub(crate) stands_in: BlockKind,
}

impl Sign {
    /// Whether it may sign a request.
    pub(crate) fn may_be_on(&self) -> bool {
        !matches!(self.switch, Switch::Off)
    }
}

/// In which kind of block a directive stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockKind {
    /// http{} or server{}
    Around,
    /// A location, or an `if` or `limit_except` in one.
    Location,
    Upstream,
}

impl BlockKind {
    /// Where the directive stands that is being read.
    pub(crate) fn of(conf: &Conf) -> Self {
        if conf.in_location() {
            Self::Location
        } else if conf.in_upstream() {
            Self::Upstream
        } else {
            Self::Around
        }
    }
}

/// An `aws_payload` directive.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) mode: PayloadMode,
    pub(crate) position: Position,
}

/// An `aws_signature_version` directive.
#[derive(Clone, Debug)]
pub(crate) struct SignatureVersion {
    pub(crate) version: Version,
    pub(crate) position: Position,
}

/// An `aws_signature_in` directive.
#[derive(Clone, Debug)]
pub(crate) struct SignatureIn {
    pub(crate) place: Place,
    pub(crate) position: Position,
}

/// An `aws_region` directive.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) value: Value,
    /// S3's host name there, if the region is constant.
    pub(crate) s3_endpoint: Option<Value>,
}

impl Region {
    pub(crate) fn new(value: Value) -> Self {
        let s3_endpoint = value.as_text().map(|region| {
            let mut endpoint = Vec::new();
            destination::s3_endpoint(&String::from_utf8_lossy(region), &mut endpoint);
            Value::Text(endpoint.into())
        });
        Self { value, s3_endpoint }
    }
}

/// The directives that a block has, or that hold in it. A clone needs no memory: plans are put
/// together from them while requests are served.
#[derive(Clone, Default)]
pub(crate) struct Directives {
    pub(crate) sign: Option<Sign>,
    pub(crate) credentials: CredentialDirectives,
    pub(crate) bucket: Option<Value>,
    pub(crate) endpoint: Option<Value>,
    pub(crate) region: Option<Region>,
    pub(crate) service: Option<Value>,
    pub(crate) methods: Option<MethodSet>,
    pub(crate) operations: Option<OperationSet>,
    pub(crate) addressing: Option<Addressing>,
    pub(crate) pass_headers: Option<PassHeaders>,
    pub(crate) signed_headers: Option<SignedHeaders>,
    pub(crate) response_overrides: Option<bool>,
    pub(crate) payload: Option<Payload>,
    pub(crate) hide_auth_errors: Option<bool>,
    pub(crate) signature_version: Option<SignatureVersion>,
    pub(crate) signature_in: Option<SignatureIn>,
    /// In milliseconds.
    pub(crate) credentials_timeout: Option<u64>,
    /// `aws_token_required`
    pub(crate) tokens_required: Option<Rc<TokensRequired>>,
}

impl Directives {
    /// The credentials, where they are complete; else what is missing of them.
    pub(super) fn resolve_credentials(
        &self,
        providers: &Rc<Providers>,
    ) -> Result<Credentials, Incomplete> {
        self.credentials.resolve(
            self.region.as_ref().map(|region| &region.value),
            self.service.as_ref(),
            self.version(),
            providers,
        )
    }

    /// How long a request waits for the first credentials and tokens, in milliseconds.
    pub(super) fn credentials_timeout(&self) -> u64 {
        self.credentials_timeout
            .unwrap_or(DEFAULT_CREDENTIALS_TIMEOUT)
    }

    /// The bucket; an empty text undoes an inherited one.
    pub(super) fn used_bucket(&self) -> Option<&Value> {
        let bucket = self.bucket.as_ref();
        bucket.filter(|bucket| bucket.as_text() != Some(b""))
    }
}
