//! What the directives of a block say, and what they come to once the blocks are merged.

mod credentials;
mod judge;
mod keys;
mod links;
mod merge;
mod plan;
mod provided;
mod shared;
mod tokens;

use aws_sealing::{Addressing, MethodSet, PassHeaders, PayloadMode, SignedHeaders};
use nginx_sys::ngx_http_handler_pt;

pub(crate) use credentials::{CredentialDirectives, Credentials, CredentialsError, Incomplete};
pub(crate) use keys::{DerivedKey, SecretValue};
pub(crate) use links::LinkSigner;
pub(crate) use merge::merge;
pub(crate) use plan::Plan;
pub(crate) use shared::{Needs, SharedDirectives, complete};
pub(crate) use tokens::{Required, RequiredTokens, TokensRequired, require_tokens};

use crate::ffi::conf::{Conf, Position};
use crate::ffi::handlers::PassModule;
use crate::ffi::value::{Template, Value};
use crate::providers::Providers;

/// What holds for the whole of http{}.
pub(crate) struct MainConf {
    /// The modules whose `*_pass` directives could stand beside `aws_sign`.
    pub(crate) pass_modules: Vec<PassModule>,
    /// What is said of providers and tokens in general.
    pub(crate) shared: SharedDirectives,
    /// The declared providers and tokens.
    pub(crate) providers: std::rc::Rc<Providers>,
    /// Whether there is an `aws_presigned_url`.
    pub(crate) has_links: bool,
}

impl MainConf {
    pub(crate) fn new() -> Self {
        Self {
            pass_modules: Vec::new(),
            shared: SharedDirectives::default(),
            providers: std::rc::Rc::default(),
            has_links: false,
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

/// An `aws_sign` directive.
#[derive(Clone, Debug)]
pub(crate) struct Sign {
    pub(crate) switch: Switch,
    pub(crate) position: Position,
    /// Whether it stands in a location.
    pub(crate) in_location: bool,
}

/// An `aws_payload` directive.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) mode: PayloadMode,
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

/// A block's directives; after the merge, those that hold in it.
#[derive(Default)]
pub(crate) struct LocationConf {
    pub(crate) sign: Option<Sign>,
    pub(crate) credentials: CredentialDirectives,
    pub(crate) bucket: Option<Value>,
    pub(crate) endpoint: Option<Value>,
    pub(crate) region: Option<Value>,
    pub(crate) service: Option<Value>,
    pub(crate) methods: Option<MethodSet>,
    pub(crate) addressing: Option<Addressing>,
    pub(crate) pass_headers: Option<PassHeaders>,
    pub(crate) signed_headers: Option<SignedHeaders>,
    pub(crate) response_overrides: Option<bool>,
    pub(crate) payload: Option<Payload>,
    pub(crate) hide_auth_errors: Option<bool>,
    /// Of the block's `proxy_pass`.
    pub(crate) scheme: Option<Scheme>,
    /// In milliseconds.
    pub(crate) credentials_timeout: Option<u64>,
    /// `aws_token_required`
    pub(crate) tokens_required: Option<TokensRequired>,
    /// The tokens without which this block does not serve, once merged; `None` where there are none.
    pub(crate) required_tokens: Option<std::rc::Rc<RequiredTokens>>,
    /// How this block signs, once merged; `None` where it does not.
    pub(crate) plan: Option<std::rc::Rc<Plan>>,
    /// What signs links in this block, once merged; `None` where no links are declared.
    pub(crate) link_signer: Option<Box<LinkSigner>>,
}

impl LocationConf {
    /// The bucket; an empty text undoes an inherited one.
    fn used_bucket(&self) -> Option<&Value> {
        let bucket = self.bucket.as_ref();
        bucket.filter(|bucket| bucket.as_text() != Some(b""))
    }
}
