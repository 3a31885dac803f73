//! What the directives of a block say, and what they come to once the blocks are merged.

mod credentials;
mod ingredients;
mod judge;
mod layers;
mod merge;
mod plan;
mod plans;
mod presigned_url;
mod proxy_headers;
mod sent_query;
mod set_headers;
mod shared;
mod style;
mod tokens;
mod upstreams;
mod warnings;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use aws_operations::OperationSet;
use aws_sealing::{
    Addressing, Form, MethodSet, PassHeaders, PayloadMode, Place, SignedHeaders, TargetSource,
    Version, destination,
};
use nginx_sys::ngx_http_handler_pt;

pub(crate) use credentials::{CredentialDirectives, Credentials, CredentialsError, Incomplete};
pub(crate) use credentials::{DerivedKey, SecretValue};
pub(crate) use merge::merge;
pub(crate) use plan::Plan;
pub(crate) use plans::Plans;
pub(crate) use presigned_url::LinkSigner;
pub(crate) use sent_query::SentQuery;
pub(crate) use shared::{Needs, SharedDirectives, complete};
pub(crate) use tokens::{Required, RequiredTokens, TokensRequired, require_tokens};
pub(crate) use upstreams::{Guarded, UpstreamConf, Upstreams};

use crate::ffi::conf::handlers::PassModule;
use crate::ffi::conf::{Conf, Position};
use crate::ffi::http::request::Request;
use crate::ffi::http::value::{Template, Value};
use crate::renewal::providers::Providers;
use ingredients::{Defaults, Key};
use layers::Layers;
use plans::SharedPlans;
use proxy_headers::SharedHeaders;
use warnings::Warnings;

/// How long a request waits for the first credentials, in milliseconds.
const DEFAULT_CREDENTIALS_TIMEOUT: u64 = 5000;

/// What holds for the whole of http{}.
pub(crate) struct MainConf {
    /// The modules whose `*_pass` directives could stand beside `aws_sign`.
    pub(crate) pass_modules: Vec<PassModule>,
    /// What is said of providers and tokens in general.
    pub(crate) shared: SharedDirectives,
    /// The declared providers and tokens.
    pub(crate) providers: Rc<Providers>,
    /// Whether there is an `aws_presigned_url`.
    pub(crate) has_links: bool,
    /// The `upstream{}` blocks that have directives of ours.
    pub(crate) upstreams: Rc<Upstreams>,
    /// What applies where no directive says anything.
    defaults: Rc<Defaults>,
    /// What has been warned of.
    warnings: Warnings,
    /// The plans that locations share, by what they are made of.
    shared_plans: RefCell<HashMap<Key, Rc<SharedPlans>>>,
    /// What locations have nginx write into heads.
    headers: RefCell<SharedHeaders>,
}

impl MainConf {
    pub(crate) fn new() -> Self {
        Self {
            pass_modules: Vec::new(),
            shared: SharedDirectives::default(),
            providers: Rc::default(),
            has_links: false,
            upstreams: Rc::default(),
            defaults: Rc::default(),
            warnings: Warnings::default(),
            shared_plans: RefCell::default(),
            headers: RefCell::default(),
        }
    }

    /// Looks the modules up, which exist by then.
    pub(crate) fn preconfigure(&mut self, conf: &Conf) {
        self.pass_modules = PassModule::find_all(conf);
    }

    /// The proxy module, where this nginx has it.
    pub(crate) fn proxy(&self) -> Option<&PassModule> {
        self.pass_modules
            .iter()
            .find(|module| module.directive == "proxy_pass")
    }

    /// All blocks have been merged.
    pub(crate) fn merged(&self) {
        self.shared_plans.take();
    }

    /// Whether requests answered by `handler` are sent by `proxy_pass`.
    pub(crate) fn is_proxy(&self, handler: ngx_http_handler_pt) -> bool {
        self.proxy()
            .is_some_and(|proxy| same_handler(proxy.handler, handler))
    }
}

/// Whether two handlers are the same function.
pub(crate) fn same_handler(one: ngx_http_handler_pt, other: ngx_http_handler_pt) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => std::ptr::fn_addr_eq(one, other),
        _ => false,
    }
}

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

/// A block's `proxy_pass`.
#[derive(Clone, Debug)]
pub(crate) struct ProxyPass {
    pub(crate) scheme: Scheme,
    /// Its argument, where that holds variables.
    pub(crate) target: Option<Template>,
    /// Its argument.
    text: &'static [u8],
    /// What nginx makes request targets of.
    form: Rc<Form>,
}

impl ProxyPass {
    /// The one that has just been read.
    pub(crate) fn read(conf: &Conf) -> Self {
        let target = match conf.compile(0) {
            Ok(Value::Template(target)) => Some(target),
            Ok(Value::Text(_)) | Err(()) => None,
        };
        Self {
            scheme: Scheme::of(conf.arg(0)),
            target,
            text: conf.kept_arg(0),
            form: Rc::new(Form::parse(conf.arg(0))),
        }
    }

    /// One whose argument is not known.
    pub(crate) fn unknown() -> Self {
        Self {
            scheme: Scheme::Variable,
            target: None,
            text: b"",
            form: Rc::new(Form::unknown()),
        }
    }

    /// What nginx makes the target of `request` of.
    pub(crate) fn target_source<'a>(&'a self, request: &'a Request) -> TargetSource<'a> {
        TargetSource {
            form: &self.form,
            uri: request.uri(),
            args: request.args(),
            request_uri: request.unparsed_uri(),
        }
    }

    /// Whether its argument has a query.
    fn has_query(&self) -> bool {
        self.text.contains(&b'?')
    }

    /// The host and the port in it, perhaps with variables.
    fn authority(&self) -> Option<&'static [u8]> {
        let start = self.text.windows(3).position(|part| part == b"://");
        let rest = &self.text[start.map_or(0, |start| start + 3)..];
        rest.split(|byte| *byte == b'/').next()
    }
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

/// How `proxy_pass` reaches the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
    /// A variable's value tells.
    Variable,
}

impl Scheme {
    pub(crate) fn of(target: &[u8]) -> Self {
        let is = |scheme: &[u8]| {
            target
                .get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        if is(b"https://") {
            Self::Https
        } else if is(b"http://") {
            Self::Http
        } else {
            Self::Variable
        }
    }
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
    fn resolve_credentials(&self, providers: &Rc<Providers>) -> Result<Credentials, Incomplete> {
        self.credentials.resolve(
            self.region.as_ref().map(|region| &region.value),
            self.service.as_ref(),
            self.version(),
            providers,
        )
    }

    /// How long a request waits for the first credentials and tokens, in milliseconds.
    fn credentials_timeout(&self) -> u64 {
        self.credentials_timeout
            .unwrap_or(DEFAULT_CREDENTIALS_TIMEOUT)
    }

    /// The bucket; an empty text undoes an inherited one.
    fn used_bucket(&self) -> Option<&Value> {
        let bucket = self.bucket.as_ref();
        bucket.filter(|bucket| bucket.as_text() != Some(b""))
    }
}

/// This module's configuration of a block. One of an `upstream{}` is never merged.
///
/// There are many of them, most without a directive of ours.
#[derive(Default)]
pub(crate) struct LocationConf {
    /// The directives that stand in the block; after the merge, none.
    written: Option<Box<Directives>>,
    /// Its `proxy_pass`; after the merge, also an inherited one.
    pub(crate) proxy_pass: Option<ProxyPass>,
    /// What holds in it, and from where, once merged; `None` in http{} itself.
    layers: Option<Layers>,
    /// Whether a variable in `proxy_pass` says where its requests go.
    has_variable_target: bool,
    /// How this block signs, once merged; `None` where it does not.
    pub(crate) plans: Option<Rc<Plans>>,
    /// Which query its requests are sent with, once merged.
    pub(crate) sent_query: SentQuery,
    /// The tokens without which this block does not serve, once merged; `None` where there are none.
    pub(crate) required_tokens: Option<Rc<RequiredTokens>>,
    /// What signs links in this block, once merged; `None` where no links are declared.
    pub(crate) link_signer: Option<Box<LinkSigner>>,
}

impl LocationConf {
    /// The directives that stand in the block, to add one.
    pub(crate) fn written_mut(&mut self) -> &mut Directives {
        self.written.get_or_insert_default()
    }

    /// What holds in the block, wherever its requests are sent. Once merged.
    fn held(&self) -> Option<Directives> {
        Some(self.layers.as_ref()?.for_upstream(None))
    }

    /// Whether the module may reject requests in this block.
    pub(crate) fn may_reject(&self) -> bool {
        self.plans.is_some() || self.required_tokens.is_some()
    }

    /// The `aws_sign` of the location itself, or of one around it.
    pub(crate) fn own_sign(&self) -> Option<&Sign> {
        self.layers.as_ref()?.own_sign()
    }
}
