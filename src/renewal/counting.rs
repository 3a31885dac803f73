//! Counting requests, in the zone that processes share.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use aws_status::{Block, Counter, Explained, ROW_WORDS, Row};

use super::lease::{Memory, zones_in_use};
use crate::ffi::memory::counters::{Counters, SeriesId};
use crate::ffi::process::{self, CycleId};

/// The counters of a configuration that has a status location.
#[derive(Default)]
pub(crate) struct Counting {
    /// The configuration, and the counters in its zone.
    counters: OnceCell<(CycleId, Counters<ROW_WORDS>)>,
    /// The blocks whose requests are counted apart, until the zone has its memory.
    declared: RefCell<Vec<Weak<BlockCounters>>>,
}

/// The counters of a block.
pub(crate) struct BlockCounters {
    counting: Rc<Counting>,
    block: Block,
    series: Cell<SeriesId>,
}

impl Counting {
    /// Has the requests of a block counted apart.
    pub(crate) fn declare(self: &Rc<Self>, block: Block) -> Rc<BlockCounters> {
        let counters = Rc::new(BlockCounters {
            counting: Rc::clone(self),
            block,
            series: Cell::default(),
        });
        self.declared.borrow_mut().push(Rc::downgrade(&counters));
        counters
    }

    /// The zone of the configuration `cycle` has its memory. Returns the reason if there is no room.
    pub(super) fn attach(&self, cycle: CycleId, memory: Memory) -> Result<(), String> {
        let counters = Counters::open(memory.pool(), process::time_of_day());
        let counters = counters.ok_or("it has no room for the counters of \"aws_auth_status\"")?;
        counters.next_generation();
        for block in self.declared.take().iter().filter_map(Weak::upgrade) {
            let (kind, name) = block_key(&block.block);
            block.series.set(counters.series(kind, name.as_bytes()));
        }
        let _ = self.counters.set((cycle, counters));
        Ok(())
    }

    /// The counters, while the configuration that has the zone is in use.
    fn counters(&self) -> Option<&Counters<ROW_WORDS>> {
        let (cycle, counters) = self.counters.get()?;
        (*cycle == CycleId::in_use()).then_some(counters)
    }

    /// When counting began, as Unix time in milliseconds, and how many configurations have been in use.
    pub(crate) fn since(&self) -> Option<(i64, u64)> {
        let counters = self.counters()?;
        Some((counters.since(), counters.generation()))
    }

    /// What was explained last, the newest first.
    pub(crate) fn explanations(&self) -> Vec<Explained> {
        let notes = self.counters().map(|counters| counters.notes());
        let notes = notes.unwrap_or_default().into_iter();
        notes.map(|(at, text)| Explained { at, text }).collect()
    }

    /// The counters of all blocks, summed over all processes; those without requests are left out.
    pub(crate) fn rows(&self) -> Vec<(Block, Row)> {
        let Some(counters) = self.counters() else {
            return Vec::new();
        };
        let named = counters.named().map(|(series, kind, name)| {
            let name = String::from_utf8_lossy(name).into_owned();
            let block = match kind {
                SERVER => Block::Server(name),
                _ => Block::Upstream(name),
            };
            (series, block)
        });
        let all = named.chain([(SeriesId::default(), Block::Other)]);
        let rows = all.map(|(series, block)| {
            let mut row = Row::default();
            counters.each_row(series, |words| row.add(words));
            (block, row)
        });
        rows.filter(|(_, row)| *row != Row::default()).collect()
    }
}

const SERVER: u32 = 1;
const UPSTREAM: u32 = 2;

/// How the zone tells a block from others.
fn block_key(block: &Block) -> (u32, &str) {
    match block {
        Block::Server(name) => (SERVER, name),
        Block::Upstream(name) => (UPSTREAM, name),
        Block::Other => (0, ""),
    }
}

impl BlockCounters {
    /// Adds to a counter.
    pub(crate) fn add(&self, counter: Counter, count: u64) {
        match self.counting.counters() {
            Some(counters) => counters.add(self.series.get(), counter.place(), count),
            None => self.add_to_zones_in_use(counter, count),
        }
    }

    /// A process without a master goes on with connections of an earlier configuration, whose zone may
    /// be gone. It is rare, and need not be fast.
    fn add_to_zones_in_use(&self, counter: Counter, count: u64) {
        let zones = zones_in_use().into_iter();
        let counters = zones.filter_map(|zone| Counters::<ROW_WORDS>::existing(zone.pool()));
        for counters in counters {
            let (kind, name) = block_key(&self.block);
            let series = counters.series(kind, name.as_bytes());
            counters.add(series, counter.place(), count);
        }
    }

    /// Keeps what was explained of an error.
    pub(crate) fn explain(&self, text: fmt::Arguments<'_>) {
        if let Some(counters) = self.counting.counters() {
            counters.note(process::time_of_day(), text);
        }
    }

    /// The clock of the upstream is so many milliseconds ahead.
    pub(crate) fn set_clock_skew(&self, millis: i64) {
        if let Some(counters) = self.counting.counters() {
            let [skew, at] = Row::CLOCK_SKEW;
            counters.set(self.series.get(), skew, millis.cast_unsigned());
            counters.set(
                self.series.get(),
                at,
                process::time_of_day().cast_unsigned(),
            );
        }
    }
}
