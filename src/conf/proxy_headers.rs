//! What nginx writes because of a location's `proxy_set_header` and `proxy_set_body`.

use std::collections::HashMap;
use std::rc::Rc;

use aws_sealing::caching;
use aws_sealing::owner::{CACHE_VARIABLES, Configured, Evaluated, has_variables};

use crate::ffi::conf::Conf;
use crate::ffi::conf::upstream_conf::{MergedUpstreamConf, SetHeaders};
use crate::ffi::http::request::Request;
use crate::ffi::http::value::{Template, Value};

/// What nginx writes into the heads of a location, and how to determine what depends on the
/// request.
#[derive(Default)]
pub(crate) struct ProxyHeaders {
    pub(crate) configured: Configured,
    /// Whether it sets Upgrade, which nginx does not forward by itself.
    pub(crate) sets_upgrade: bool,
    /// The headers with variables that change the response.
    pub(crate) response_variables: Vec<Box<[u8]>>,
    /// Whether `proxy_set_body` is set.
    pub(crate) sets_body: bool,
    /// The length of that body.
    body_length: Option<Template>,
    /// The values with variables, if lines do not always reveal who wrote them; and whether the
    /// header is Host.
    variables: Vec<(Template, bool)>,
    /// As `variables`, of the conditional headers that nginx writes if it caches.
    conditions: Vec<Template>,
}

/// The headers of all locations: those that inherit the same directives share them.
#[derive(Default)]
pub(crate) struct SharedHeaders(HashMap<Key, Rc<ProxyHeaders>>);

/// The address of the list, whether the location has a cache, and whether it sets a body.
type Key = (usize, bool, bool);

impl SharedHeaders {
    /// The headers of a location. `None` if this nginx keeps the list of `proxy_set_header` in an
    /// unknown way. An error has been logged.
    pub(crate) fn of_location(
        &mut self,
        conf: &Conf,
        location: MergedUpstreamConf<'_>,
        caches: bool,
        sets_body: bool,
    ) -> Option<Result<Rc<ProxyHeaders>, ()>> {
        let list = location.set_headers()?;
        let key = (list.id(), caches, sets_body);
        if let Some(headers) = self.0.get(&key) {
            return Some(Ok(Rc::clone(headers)));
        }
        let headers = ProxyHeaders::new(conf, list, caches, sets_body).map(Rc::new);
        if let Ok(headers) = &headers {
            self.0.insert(key, Rc::clone(headers));
        }
        Some(headers)
    }
}

impl ProxyHeaders {
    fn new(conf: &Conf, list: SetHeaders, caches: bool, sets_body: bool) -> Result<Self, ()> {
        let directives = list.iter();
        let compile = |text| match conf.compile_text(text) {
            Ok(Value::Template(template)) => Ok(template),
            Ok(Value::Text(_)) | Err(()) => Err(()),
        };

        let sets_upgrade = directives
            .clone()
            .any(|(name, value)| name.eq_ignore_ascii_case(b"upgrade") && !value.is_empty());
        let response_variables = directives
            .clone()
            .filter(|(name, value)| has_variables(value) && caching::header_changes_response(name))
            .map(|(name, _)| name.into())
            .collect();
        let configured = Configured::new(directives.clone());
        let (mut variables, mut conditions) = (Vec::new(), Vec::new());
        if Configured::is_ambiguous(directives.clone(), caches) {
            for (name, value) in directives {
                if has_variables(value) {
                    let is_host = name.eq_ignore_ascii_case(b"host");
                    variables.push((compile(value)?, is_host));
                }
            }
            if caches {
                for index in 0..CACHE_VARIABLES.len() {
                    if let Some(variable) = configured.default_condition(index) {
                        conditions.push(compile(variable.as_bytes())?);
                    }
                }
            }
        }
        let body_length = match sets_body {
            true => Some(compile(b"$proxy_internal_body_length")?),
            false => None,
        };
        Ok(Self {
            configured,
            sets_upgrade,
            response_variables,
            sets_body,
            body_length,
            variables,
            conditions,
        })
    }

    /// Whether there may be something to warn of.
    pub(super) fn may_need_warning(&self) -> bool {
        self.sets_upgrade || !self.response_variables.is_empty()
    }

    /// How many of the headers with variables have a value, if this must be known. It can run code
    /// of other modules. An error means that there is no memory.
    pub(crate) fn evaluate(
        &self,
        request: &Request,
        cacheable: bool,
    ) -> Result<Option<Evaluated>, ()> {
        if self.variables.is_empty() {
            return Ok(None);
        }
        let mut evaluated = Evaluated::default();
        for (template, is_host) in &self.variables {
            let is_written = !template.evaluate(request).ok_or(())?.is_empty();
            let count = match is_host {
                true => &mut evaluated.hosts,
                false => &mut evaluated.others,
            };
            *count += usize::from(is_written);
        }
        for template in self.conditions.iter().filter(|_| cacheable) {
            let is_written = !template.evaluate(request).ok_or(())?.is_empty();
            evaluated.others += usize::from(is_written);
        }
        Ok(Some(evaluated))
    }

    /// Whether the text after a head of `length` bytes in the same buffer can be the body of
    /// `proxy_set_body`. If not, a variable has ended the head.
    pub(crate) fn has_body(&self, request: &Request, length: usize) -> bool {
        let announced = self.body_length.and_then(|text| text.evaluate(request));
        let announced = announced.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        match self.sets_body {
            true => announced == Some(length),
            false => length == 0,
        }
    }
}
