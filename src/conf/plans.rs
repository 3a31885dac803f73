//! How a location signs, where that depends on where it sends a request.
//!
//! A variable in `proxy_pass` may name any `upstream{}`. nginx evaluates it when it begins to answer;
//! what becomes of a body that comes in then, and what is signed, goes by that. What has to be done
//! before goes by what the variable says then: statuses that a client can use, and waiting. Where
//! that was wrong seal decides alone.

use std::cell::Cell;

use aws_sealing::proxy_url;

use super::Plan;
use crate::ffi::request::{Request, RequestId};
use crate::ffi::upstream::Wanted;
use crate::ffi::upstream_block::UpstreamBlock;
use crate::ffi::value::Template;

/// How a location signs.
pub(crate) enum Plans {
    /// All requests alike.
    One(Plan),
    /// By where `proxy_pass` sends them.
    ByTarget(ByTarget),
}

/// The plans of a location whose `proxy_pass` holds variables.
pub(crate) struct ByTarget {
    /// The argument of `proxy_pass`.
    pub(super) target: Template,
    /// For the blocks that have directives of ours.
    pub(super) upstreams: Vec<(UpstreamBlock, Option<Plan>)>,
    /// For all other targets.
    pub(super) elsewhere: Option<Plan>,
}

/// Where a request will be sent, as the variables said it.
struct Foreseen {
    request: RequestId,
    /// The location that it is for.
    plans: *const ByTarget,
    /// The number of the block; `None` for elsewhere.
    upstream: Cell<Option<usize>>,
}

impl Plans {
    /// The plan, where all requests have the same.
    pub(crate) fn only(&self) -> Option<&Plan> {
        match self {
            Self::One(plan) => Some(plan),
            Self::ByTarget(_) => None,
        }
    }

    /// The plan for where `request` is going to be sent, as far as its variables tell now.
    pub(crate) fn foresee(&self, request: &Request) -> Option<&Plan> {
        match self {
            Self::One(plan) => Some(plan),
            Self::ByTarget(plans) => plans.at(plans.foresee(request)),
        }
    }

    /// The plan for a body that comes in: for where nginx has said that it is sent, or, where
    /// somebody reads it before, for what was foreseen.
    pub(crate) fn for_body(&self, request: &Request) -> Option<&Plan> {
        match self {
            Self::One(plan) => Some(plan),
            Self::ByTarget(plans) => match request.upstream().and_then(|sent| sent.wanted()) {
                Some(wanted) => plans.at(plans.find(wanted)),
                None => plans.at(match plans.foreseen(request) {
                    Some(foreseen) => foreseen.upstream.get(),
                    None => plans.foresee(request),
                }),
            },
        }
    }

    /// The plan for a request that nginx has serialised, or that has been answered.
    pub(crate) fn of_sent(&self, request: &Request) -> Option<&Plan> {
        match self {
            Self::One(plan) => Some(plan),
            Self::ByTarget(plans) => match request.upstream().and_then(|sent| sent.wanted()) {
                Some(wanted) => plans.at(plans.find(wanted)),
                // It was refused, and a cache answers: which plan's object it has is not known.
                None => plans.all().max_by_key(|plan| plan.hides_auth_errors),
            },
        }
    }
}

impl ByTarget {
    /// Whether it signs anything.
    pub(super) fn sign(&self) -> bool {
        self.all().next().is_some()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Plan> {
        let upstreams = self.upstreams.iter().map(|(_, plan)| plan);
        upstreams.chain([&self.elsewhere]).flatten()
    }

    fn at(&self, upstream: Option<usize>) -> Option<&Plan> {
        match upstream.and_then(|nth| self.upstreams.get(nth)) {
            Some((_, plan)) => plan.as_ref(),
            None => self.elsewhere.as_ref(),
        }
    }

    fn find(&self, wanted: Wanted<'_>) -> Option<usize> {
        let mut blocks = self.upstreams.iter();
        blocks.position(|(block, _)| block.is(wanted))
    }

    fn foreseen<'r>(&self, request: &'r Request) -> Option<&'r Foreseen> {
        let foreseen = request.kept(|foreseen: &Foreseen| {
            foreseen.request == request.id() && std::ptr::eq(foreseen.plans, self)
        })?;
        // SAFETY: kept in the request's pool, and changed by way of its cell only.
        Some(unsafe { foreseen.as_ref() })
    }

    /// What the variables say now. It is kept for the body.
    fn foresee(&self, request: &Request) -> Option<usize> {
        let url = self.target.evaluate_aside(request);
        let upstream = url.and_then(proxy_url::authority).and_then(|host| {
            self.find(Wanted {
                host,
                port: 80,
                no_port: true,
            })
        });
        match self.foreseen(request) {
            Some(foreseen) => foreseen.upstream.set(upstream),
            // Where it cannot be kept it will be asked for again.
            None => {
                let _ = request.keep(Foreseen {
                    request: request.id(),
                    plans: self,
                    upstream: Cell::new(upstream),
                });
            }
        }
        upstream
    }
}
