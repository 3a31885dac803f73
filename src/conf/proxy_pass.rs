//! A block's `proxy_pass`.

use std::rc::Rc;

use aws_sealing::{Form, TargetSource};

use super::scheme::Scheme;
use crate::ffi::conf::Conf;
use crate::ffi::http::request::Request;
use crate::ffi::http::value::{Template, Value};

/// A block's `proxy_pass`.
#[derive(Clone, Debug)]
pub(crate) struct ProxyPass {
    pub(crate) scheme: Scheme,
    /// Its argument, if it contains variables.
    pub(crate) target: Option<Template>,
    /// The host and the port in it, which can contain variables.
    pub(super) authority: Option<&'static [u8]>,
    /// How nginx composes request targets.
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
            authority: authority(conf.kept_arg(0)),
            form: Rc::new(Form::parse(conf.arg(0))),
        }
    }

    /// One whose argument is not known.
    pub(crate) fn unknown() -> Self {
        Self {
            scheme: Scheme::Variable,
            target: None,
            authority: None,
            form: Rc::new(Form::unknown()),
        }
    }

    /// How nginx composes the target of `request`.
    pub(crate) fn target_source<'a>(&'a self, request: &'a Request) -> TargetSource<'a> {
        TargetSource {
            form: &self.form,
            uri: request.uri(),
            args: request.args(),
            request_uri: request.unparsed_uri(),
        }
    }

    /// Whether its argument can contain a query.
    pub(super) fn names_query(&self) -> bool {
        self.form.names_query()
    }
}

/// The host and the port in the argument of `proxy_pass`.
fn authority(argument: &'static [u8]) -> Option<&'static [u8]> {
    let start = argument.windows(3).position(|part| part == b"://");
    let rest = &argument[start.map_or(0, |start| start + 3)..];
    rest.split(|byte| *byte == b'/').next()
}
