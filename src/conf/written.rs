//! The directives in a block, with a field for each.

use std::rc::Rc;

use aws_operations::OperationSet;
use aws_sealing::{
    Addressing, MethodSet, PassHeaders, PayloadMode, Place, SignedHeaders, Version, destination,
};

use super::credentials::{CredentialDirectives, Credentials, Incomplete};
use super::token_required::TokenRequirement;
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
    /// Whether this request is signed.
    pub(crate) fn is_on(&self, request: &Request) -> bool {
        match self {
            Self::Bare | Self::On => true,
            Self::Off => false,
            // If the value is not available, nothing may be sent unsigned.
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

    /// Whether a block inside inherits it, which may be an `if` or `limit_except`.
    pub(super) fn is_inherited(&self, is_condition: bool) -> bool {
        is_condition || !matches!(self.switch, Switch::Bare)
    }
}

/// The kind of block that a directive is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockKind {
    /// http{} or server{}
    Around,
    /// A location, or an `if` or `limit_except` in one.
    Location,
    Upstream,
}

impl BlockKind {
    /// The kind of block that the current directive is written in.
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
    /// S3's host name in that region, if the region is constant.
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

/// Makes the struct of [the declarations](declarations.rs), and how a block inherits from another.
macro_rules! directives {
    (
        groups { $($group:ident: $group_type:ty, inherited by $inherit_group:path;)* }
        $(
            $(#[doc = $text:literal])+
            $name:literal {
                contexts: $contexts:ident,
                arguments: $arguments:ident,
                default: $default:literal,
                setter: $setter:ident,
                $(field: $field:ident: $type:ty, inherited by $inherit:path,)?
                $(group: $in_group:ident,)?
            }
        )*
    ) => {
        /// The directives of a block, either those written in it or those that apply to it. A clone
        /// allocates no memory: plans are made while requests are served.
        #[derive(Clone, Default)]
        pub(crate) struct Directives {
            $(pub(crate) $group: $group_type,)*
            $($(
                #[doc = concat!("`", $name, "`")]
                pub(crate) $field: Option<$type>,
            )?)*
        }

        impl Directives {
            /// What applies to a block with these directives inside of one to which `outer` apply.
            /// `is_condition` says that the block is an `if` or `limit_except`.
            pub(super) fn within(&self, outer: &Self, is_condition: bool) -> Self {
                let mut inner = self.clone();
                $($inherit_group(&mut inner.$group, &outer.$group, is_condition);)*
                $($($inherit(&mut inner.$field, &outer.$field, is_condition);)?)*
                inner
            }
        }

        // Each group that a directive names is one of those above.
        const _: fn(&Directives) = |_directives| {
            $($(let _ = &_directives.$in_group;)?)*
        };
    };
}

include!("declarations.rs");

/// Inherits a directive that the block does not have.
fn inherit<T: Clone>(inner: &mut Option<T>, outer: &Option<T>, _is_condition: bool) {
    if inner.is_none() {
        inner.clone_from(outer);
    }
}

/// As [`inherit`], for `aws_sign`, which without a parameter is inherited by conditions only.
fn inherit_sign(inner: &mut Option<Sign>, outer: &Option<Sign>, is_condition: bool) {
    if outer
        .as_ref()
        .is_some_and(|sign| sign.is_inherited(is_condition))
    {
        inherit(inner, outer, is_condition);
    }
}

impl Directives {
    /// The credentials, if they are complete, or what is missing.
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

    /// The version of the signatures here.
    pub(super) fn version(&self) -> Version {
        self.signature_version
            .as_ref()
            .map_or_else(Version::default, |directive| directive.version)
    }

    /// Where the signatures are sent.
    pub(super) fn place(&self) -> Place {
        self.signature_in
            .as_ref()
            .map_or_else(Place::default, |directive| directive.place)
    }

    /// How long a request waits for the first credentials and tokens, in milliseconds.
    pub(super) fn credentials_timeout(&self) -> u64 {
        self.credentials_timeout
            .unwrap_or(DEFAULT_CREDENTIALS_TIMEOUT)
    }

    /// The bucket; an empty text cancels an inherited one.
    pub(super) fn used_bucket(&self) -> Option<&Value> {
        let bucket = self.bucket.as_ref();
        bucket.filter(|bucket| bucket.as_text() != Some(b""))
    }
}
