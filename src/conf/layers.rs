//! What holds in a location, and from where.
//!
//! From the outside in, directives stand in http{} and server{}, in the `upstream{}` that a request
//! is sent to, in the location and in those around it. The upstream is known last: so the layers
//! are kept, and put together for each upstream.

use std::rc::Rc;

use super::{Directives, Sign, Switch};

/// What stands around a location, and in it.
pub(super) struct Layers {
    /// What holds in server{}.
    around: Rc<Directives>,
    /// The blocks of locations, from the outside in.
    locations: Vec<Layer>,
}

#[derive(Clone)]
struct Layer {
    written: Rc<Directives>,
    /// Whether it is an `if` or `limit_except`.
    is_condition: bool,
}

impl Layers {
    /// Those of a server{} with the directives `written`, in a http{} with these.
    pub(super) fn of_server(http: &Directives, written: &Directives) -> Self {
        Self {
            around: Rc::new(written.within(http, false)),
            locations: Vec::new(),
        }
    }

    /// Those of a block inside this one.
    pub(super) fn inside(&self, written: Directives, is_condition: bool) -> Self {
        let written = Rc::new(written);
        let mut locations = self.locations.clone();
        locations.push(Layer {
            written,
            is_condition,
        });
        Self {
            around: Rc::clone(&self.around),
            locations,
        }
    }

    /// What holds for requests that are sent to an `upstream{}` with the directives `upstream`, or
    /// to none that has any.
    pub(super) fn for_upstream(&self, upstream: Option<&Directives>) -> Directives {
        let around = match upstream {
            Some(upstream) => upstream.within(&self.around, true),
            None => Directives::clone(&self.around),
        };
        self.locations.iter().fold(around, |outer, layer| {
            layer.written.within(&outer, layer.is_condition)
        })
    }

    /// The `aws_sign` of the location, or of those around it.
    pub(super) fn own_sign(&self) -> Option<&Sign> {
        self.locations.iter().fold(None, |outer, layer| {
            sign_within(layer.written.sign.as_ref(), outer, layer.is_condition)
        })
    }
}

/// The `aws_sign` that holds in a block. A bare one reaches conditions only.
fn sign_within<'a>(
    written: Option<&'a Sign>,
    outer: Option<&'a Sign>,
    is_condition: bool,
) -> Option<&'a Sign> {
    let inherited = outer.filter(|sign| !matches!(sign.switch, Switch::Bare) || is_condition);
    written.or(inherited)
}

impl Directives {
    /// What holds in a block with these directives, inside of one in which `outer` hold.
    fn within(&self, outer: &Self, is_condition: bool) -> Self {
        let mut held = self.clone();
        held.sign = sign_within(self.sign.as_ref(), outer.sign.as_ref(), is_condition).cloned();
        held.credentials.inherit(&outer.credentials);
        inherit(&mut held.bucket, &outer.bucket);
        inherit(&mut held.endpoint, &outer.endpoint);
        inherit(&mut held.region, &outer.region);
        inherit(&mut held.service, &outer.service);
        inherit(&mut held.methods, &outer.methods);
        inherit(&mut held.addressing, &outer.addressing);
        inherit(&mut held.pass_headers, &outer.pass_headers);
        inherit(&mut held.signed_headers, &outer.signed_headers);
        inherit(&mut held.response_overrides, &outer.response_overrides);
        inherit(&mut held.payload, &outer.payload);
        inherit(&mut held.hide_auth_errors, &outer.hide_auth_errors);
        inherit(&mut held.signature_version, &outer.signature_version);
        inherit(&mut held.signature_in, &outer.signature_in);
        inherit(&mut held.proxy_pass, &outer.proxy_pass);
        inherit(&mut held.credentials_timeout, &outer.credentials_timeout);
        inherit(&mut held.tokens_required, &outer.tokens_required);
        held
    }
}

fn inherit<T: Clone>(inner: &mut Option<T>, outer: &Option<T>) {
    if inner.is_none() {
        inner.clone_from(outer);
    }
}
