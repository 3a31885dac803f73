//! `upstream{}` blocks that have directives of the module.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use aws_status::Block;

use super::checks::check_provider_name;
use super::{Directives, MainConf, Sign};
use crate::ffi::conf::Conf;
use crate::ffi::conf::merged::MergedConf;
use crate::ffi::conf::upstream_block::{InitPeer, PeerGuard, UpstreamBlock};
use crate::ffi::http::upstream::UpstreamName;
use crate::renewal::counting::{BlockCounters, Counting};

/// This module's server configuration, which is used for `upstream{}` only.
#[derive(Default)]
pub(crate) struct UpstreamConf {
    /// The directives that are written in it. nginx keeps the server configuration of an upstream,
    /// and does not keep the one for locations.
    written: Option<Box<Directives>>,
    /// Of one that signs.
    pub(crate) guarded: Option<Guarded>,
}

impl UpstreamConf {
    /// The directives that are written in the block, to add one.
    pub(crate) fn written_mut(&mut self) -> &mut Directives {
        self.written.get_or_insert_default()
    }
}

/// An `upstream{}` that signs.
pub(crate) struct Guarded {
    pub(crate) name: String,
    pub(crate) sign: Sign,
    /// The original function that chooses a peer, for requests that may pass.
    pub(crate) init_peer: InitPeer,
}

/// An `upstream{}` with the directives that are written in it.
pub(crate) struct Upstream {
    pub(super) block: UpstreamBlock,
    pub(super) written: Directives,
    /// `None` if there is no status.
    pub(super) counters: Option<Rc<BlockCounters>>,
}

impl Upstream {
    /// Whether a variable in it distinguishes the objects of tenants.
    pub(super) fn has_variables(&self) -> bool {
        let values = [&self.written.bucket, &self.written.endpoint];
        let mut values = values.into_iter().flatten();
        values.any(|value| value.as_text().is_none()) || self.written.credentials.are_variable()
    }
}

/// Those of a configuration.
#[derive(Default)]
pub(crate) struct Upstreams {
    list: Vec<Upstream>,
    /// Where each block is in the list.
    places: HashMap<UpstreamBlock, usize>,
    /// Their places in the order of their names, whose case does not matter.
    by_name: Vec<usize>,
}

impl Upstreams {
    /// Those that have been read.
    pub(crate) fn find_all(conf: &Conf, counting: Option<&Rc<Counting>>) -> Self {
        let written = |block: UpstreamBlock| {
            let conf = block.conf::<UpstreamConf>()?;
            let written = Directives::clone(conf.written.as_ref()?);
            let counters = counting.map(|counting| counting.declare(Block::Upstream(block.name())));
            Some(Upstream {
                block,
                written,
                counters,
            })
        };
        let list: Vec<_> = UpstreamBlock::all(conf).filter_map(written).collect();
        let places = list.iter().enumerate();
        let places = places.map(|(nth, upstream)| (upstream.block, nth));
        let mut by_name: Vec<_> = (0..list.len()).collect();
        by_name.sort_by(|one, other| {
            let [one, other] = [one, other].map(|nth| list[*nth].block.host());
            compare_names(one, other)
        });
        Self {
            places: places.collect(),
            by_name,
            list,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Upstream> {
        self.list.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn get(&self, nth: usize) -> Option<&Upstream> {
        self.list.get(nth)
    }

    pub(super) fn find(&self, block: UpstreamBlock) -> Option<&Upstream> {
        self.list.get(*self.places.get(&block)?)
    }

    /// The place in the list of the block that nginx finds by this name.
    pub(super) fn find_named(&self, name: UpstreamName<'_>) -> Option<usize> {
        let host = |nth: &usize| self.list[*nth].block.host();
        let before = |nth: &usize| compare_names(host(nth), name.host) == Ordering::Less;
        let first = self.by_name.partition_point(before);
        // Blocks with the same name differ in their ports.
        self.by_name[first..]
            .iter()
            .take_while(|nth| compare_names(host(nth), name.host) == Ordering::Equal)
            .find(|nth| self.list[**nth].block.is(name))
            .copied()
    }

    /// Rejects errors in a block, whether or not a location uses it. An error has been logged.
    pub(crate) fn check(conf: &Conf, main: &MainConf) -> Result<(), ()> {
        main.upstreams
            .iter()
            .try_for_each(|upstream| check_provider_name(conf, main, &upstream.written))
    }

    /// Calls `guard` before a peer of an upstream that signs is chosen; it finds the [`Guarded`]
    /// there.
    pub(crate) fn guard(&self, conf: &MergedConf<'_>, guard: impl PeerGuard) -> Option<()> {
        for upstream in self.iter() {
            let Some(sign) = upstream.written.sign.clone().filter(Sign::may_be_on) else {
                continue;
            };
            upstream.block.change_conf::<UpstreamConf>(conf)?.guarded = Some(Guarded {
                name: upstream.block.name(),
                sign,
                init_peer: upstream.block.guard_peers(conf, guard)?,
            });
        }
        Some(())
    }
}

/// The order of names whose case does not matter.
fn compare_names(one: &[u8], other: &[u8]) -> Ordering {
    let [one, other] = [one, other].map(|name| name.iter().map(u8::to_ascii_lowercase));
    one.cmp(other)
}
