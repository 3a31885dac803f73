//! How a location signs if this depends on the upstream that it sends a request to.
//!
//! A variable in `proxy_pass` can name any `upstream{}`. nginx evaluates it when it begins to
//! process the request; from then on, this value determines how an incoming body is processed and
//! what is signed. Earlier steps, statuses that a client can use and waiting, use the value that
//! the variable has at that time. If that was wrong, seal alone decides.

use std::cell::Cell;
use std::rc::Rc;

use aws_sealing::proxy_url;

use super::ingredients::Ingredients;
use super::upstreams::{Upstream, Upstreams};
use super::{Directives, Plan};
use crate::ffi::http::request::{Request, RequestId};
use crate::ffi::http::upstream::UpstreamName;
use crate::ffi::http::value::Template;
use crate::ffi::memory::memo::Memo;

/// How a location signs.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each location, and most send to one place"
)]
pub(crate) enum Plans {
    /// All requests in the same way.
    One(Plan),
    /// Depending on where `proxy_pass` sends them.
    ByTarget(ByTarget),
}

/// The plans of a location whose `proxy_pass` contains variables.
pub(crate) struct ByTarget {
    /// The argument of `proxy_pass`.
    pub(super) target: Template,
    pub(super) shared: Rc<SharedPlans>,
}

/// The plans of all locations with the same ingredients.
///
/// There can be very many upstreams and locations, of which few combinations are used. So a plan is
/// made when a request first needs it.
pub(crate) struct SharedPlans {
    ingredients: Ingredients,
    /// The blocks that have directives of the module.
    upstreams: Rc<Upstreams>,
    /// For all other targets.
    elsewhere: Option<Plan>,
    /// By an upstream's place in the list; `None` if requests to it are not signed.
    made: Memo<Plan>,
    /// For requests without memory for their plan.
    without_memory: Plan,
}

/// Where a request will be sent, according to the variables.
struct ExpectedUpstream {
    request: RequestId,
    /// The location that it applies to.
    plans: *const ByTarget,
    /// The number of the block; `None` for elsewhere.
    upstream: Cell<Option<usize>>,
}

impl Plans {
    /// The plan, if it is the same for all requests.
    pub(crate) fn only(&self) -> Option<&Plan> {
        match self {
            Self::One(plan) => Some(plan),
            Self::ByTarget(_) => None,
        }
    }

    /// The plan for the place that `request` will be sent to, as far as its variables determine it
    /// now.
    pub(crate) fn expected(&self, request: &Request) -> Option<&Plan> {
        match self {
            Self::One(plan) => Some(plan),
            Self::ByTarget(plans) => plans.at(plans.expect_upstream(request)),
        }
    }

    /// The plan for an incoming body: for the place that nginx sends it to or, if it is read before
    /// this is known, for the expected one.
    pub(crate) fn for_body(&self, request: &Request) -> Option<&Plan> {
        match self {
            Self::One(plan) => Some(plan),
            Self::ByTarget(plans) => match request.upstream().and_then(|sent| sent.name()) {
                Some(name) => plans.at(plans.find(name)),
                None => plans.at(match plans.known_upstream(request) {
                    Some(expected) => expected.upstream.get(),
                    None => plans.expect_upstream(request),
                }),
            },
        }
    }

    /// The plan for a request that nginx has serialized, or that has a response.
    pub(crate) fn for_sent(&self, request: &Request) -> Option<&Plan> {
        match self {
            Self::One(plan) => Some(plan),
            Self::ByTarget(plans) => match request.upstream().and_then(|sent| sent.name()) {
                Some(name) => plans.at(plans.find(name)),
                // It was rejected, and a cache responds: it is not known to which plan the cached
                // object belongs.
                None => plans.shared.strictest(),
            },
        }
    }
}

impl SharedPlans {
    pub(super) fn new(
        ingredients: Ingredients,
        upstreams: Rc<Upstreams>,
        elsewhere: Option<Plan>,
    ) -> Self {
        Self {
            without_memory: ingredients.plan_without_memory(),
            ingredients,
            upstreams,
            elsewhere,
            made: Memo::default(),
        }
    }

    /// Whether they sign anything.
    pub(super) fn sign(&self) -> bool {
        let mut upstreams = self.upstreams.iter();
        self.elsewhere.is_some()
            || upstreams.any(|upstream| self.ingredients.sign_for(Some(&upstream.written)))
    }

    /// The plan for the upstream at this place in the list.
    fn at(&self, upstream: Option<usize>) -> Option<&Plan> {
        let Some((nth, upstream)) = upstream.and_then(|nth| Some((nth, self.upstreams.get(nth)?)))
        else {
            return self.elsewhere.as_ref();
        };
        let made = self.made.get(nth, || {
            let mut plan = self.ingredients.plan(Some(&upstream.written))?;
            plan.upstream_counters.clone_from(&upstream.counters);
            Some(plan)
        });
        made.unwrap_or(Some(&self.without_memory))
    }

    /// A plan that hides authentication errors if there is one, else any.
    fn strictest(&self) -> Option<&Plan> {
        let hides = |upstream: Option<&Directives>| {
            let layers = &self.ingredients.layers;
            let hides = layers.find(upstream, |effective| effective.hide_auth_errors.as_ref());
            *hides.unwrap_or(&true)
        };
        let signing = |upstream: &&Upstream| self.ingredients.sign_for(Some(&upstream.written));
        let place = |hides_errors: bool| {
            let mut upstreams = self.upstreams.iter();
            upstreams.position(|upstream| {
                hides(Some(&upstream.written)) >= hides_errors && signing(&upstream)
            })
        };
        match &self.elsewhere {
            Some(plan) if plan.hides_auth_errors => Some(plan),
            elsewhere => match place(true) {
                Some(nth) => self.at(Some(nth)),
                None => elsewhere.as_ref().or_else(|| self.at(Some(place(false)?))),
            },
        }
    }
}

impl ByTarget {
    fn at(&self, upstream: Option<usize>) -> Option<&Plan> {
        self.shared.at(upstream)
    }

    fn find(&self, name: UpstreamName<'_>) -> Option<usize> {
        self.shared.upstreams.find_named(name)
    }

    fn known_upstream<'r>(&self, request: &'r Request) -> Option<&'r ExpectedUpstream> {
        request.kept(|expected: &ExpectedUpstream| {
            expected.request == request.id() && std::ptr::eq(expected.plans, self)
        })
    }

    /// The current values of the variables. They are kept for the body.
    fn expect_upstream(&self, request: &Request) -> Option<usize> {
        let url = self.target.evaluate_aside(request);
        let upstream = url.and_then(proxy_url::authority).and_then(|host| {
            self.find(UpstreamName {
                host,
                port: 80,
                no_port: true,
            })
        });
        match self.known_upstream(request) {
            Some(expected) => expected.upstream.set(upstream),
            // If it cannot be kept, it will be evaluated again.
            None => {
                let _ = request.keep(ExpectedUpstream {
                    request: request.id(),
                    plans: self,
                    upstream: Cell::new(upstream),
                });
            }
        }
        upstream
    }
}
