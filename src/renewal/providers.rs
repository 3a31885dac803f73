//! The providers and tokens that a configuration declares, and what they share: the zone, the HTTP
//! client.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use aws_credentials::Declared;

use super::counting::Counting;
use super::lease::{Memory, SlotRef, SlotState, zones_in_use};
use crate::ffi::memory::shm::ZoneOwner;
use crate::ffi::process::{self, CycleId};
use crate::renewal::Refreshable;
use crate::renewal::net::Client;
use crate::renewal::snapshot::Snapshot;
use crate::renewal::tokens::Token;

/// An `aws_credentials_provider`.
pub(crate) struct Provider {
    refreshable: Rc<Refreshable>,
    snapshot: Snapshot,
}

impl Provider {
    pub(crate) fn new(refreshable: Refreshable) -> Self {
        let refreshable = Rc::new(refreshable);
        Self {
            snapshot: Snapshot::new(Rc::clone(&refreshable)),
            refreshable,
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.refreshable.name()
    }

    pub(crate) fn refreshable(&self) -> &Rc<Refreshable> {
        &self.refreshable
    }

    /// Whether it provides signing keys, which bring their region with them.
    pub(crate) fn yields_signing_keys(&self) -> bool {
        self.refreshable.definition().yields_signing_keys()
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// An upstream has rejected this worker's credentials. Schedules a fetch if nothing newer has
    /// been published and there was none lately.
    pub(crate) fn reject(&self) {
        if let Some(slot) = self.refreshable.slot()
            && slot.generation() == self.snapshot.generation()
        {
            slot.with_state(|state| state.progress.rejected(process::time_of_day()));
        }
    }
}

/// Shows its name and source, without secrets.
impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({:?})", self.refreshable)
    }
}

/// All providers and tokens of a configuration.
#[derive(Default)]
pub(crate) struct Providers {
    list: Vec<Rc<Provider>>,
    by_name: HashMap<Box<[u8]>, Rc<Provider>>,
    tokens: Vec<Rc<Token>>,
    /// Those of `list`, for sources that name another one.
    declared: Declared,
    client: OnceCell<Rc<Client>>,
    /// The configuration that declares them.
    cycle: OnceCell<CycleId>,
    zone: OnceCell<String>,
    memory: OnceCell<Memory>,
    /// What is counted, if there is a status location.
    pub(crate) counting: Option<Rc<Counting>>,
}

impl Providers {
    pub(crate) fn add(&mut self, provider: Provider) {
        let provider = Rc::new(provider);
        let (name, definition) = (provider.name(), provider.refreshable().definition());
        definition.declare(name, &mut self.declared);
        let name = name.as_bytes().into();
        self.by_name.insert(name, Rc::clone(&provider));
        self.list.push(provider);
    }

    pub(crate) fn add_token(&mut self, token: Rc<Token>) {
        self.tokens.push(token);
    }

    pub(crate) fn tokens(&self) -> &[Rc<Token>] {
        &self.tokens
    }

    /// The configuration `cycle` is complete, and requests of providers go through `client`; what is
    /// fetched is shared in the zone of this name.
    pub(crate) fn connect(&self, cycle: CycleId, client: Client, zone: &[u8]) {
        let _ = self.cycle.set(cycle);
        let _ = self.zone.set(String::from_utf8_lossy(zone).into_owned());
        let _ = self.client.set(Rc::new(client));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rc<Provider>> {
        self.list.iter()
    }

    /// Everything that is to be refreshed.
    pub(crate) fn refreshables(&self) -> impl Iterator<Item = &Rc<Refreshable>> {
        let tokens = self.tokens.iter().map(|token| token.refreshable());
        self.iter()
            .map(|provider| provider.refreshable())
            .chain(tokens)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<&Rc<Provider>> {
        self.by_name.get(name)
    }

    /// The providers, for sources that name another one.
    pub(crate) fn declared(&self) -> &Declared {
        &self.declared
    }

    /// The names, for the error message about an unknown one.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.iter().map(|provider| provider.name()).collect();
        names.join(", ")
    }

    pub(crate) fn client(&self) -> Rc<Client> {
        Rc::clone(self.client.get_or_init(Rc::default))
    }

    /// The name of the zone, and its size and how much of it is in use, in bytes; `None` if it is not the
    /// one in use.
    pub(crate) fn zone(&self) -> Option<(&str, (u64, u64))> {
        if self.cycle.get() != Some(&CycleId::in_use()) {
            return None;
        }
        Some((self.zone.get()?, self.memory.get()?.pool().size()))
    }

    /// Makes the zone forget, in time, what earlier configurations have fetched.
    pub(crate) fn retire_others(&self) {
        let slots: Vec<SlotRef> = self
            .refreshables()
            .filter_map(|refreshable| refreshable.slot())
            .collect();
        if let Some(memory) = self.memory.get() {
            memory.retire_others(&slots);
        }
    }
}

impl ZoneOwner for Providers {
    type State = SlotState;

    /// Finds or makes a slot for each provider. A slot in a new zone is filled from a zone of the
    /// configuration in use that has the same provider, since a zone that is resized or renamed
    /// starts empty.
    fn zone_is_ready(&self, memory: Memory) -> Result<(), String> {
        let cycle = *self.cycle.get_or_init(CycleId::in_use);
        for (count, refreshable) in self.refreshables().enumerate() {
            let key = refreshable.key();
            let slot = match memory.existing(key) {
                Some(slot) => slot,
                None => {
                    let slot = memory.slot(key).ok_or_else(|| {
                        format!(
                            "it has room for {count} of {} providers and tokens, at 5k to 10k each",
                            self.refreshables().count()
                        )
                    })?;
                    let others = zones_in_use();
                    if let Some(old) = others.iter().find_map(|zone| zone.existing(key)) {
                        slot.copy_from(&old, key, SlotState::inherited);
                    }
                    slot
                }
            };
            refreshable.attach(cycle, slot);
        }
        if let Some(counting) = &self.counting {
            counting.attach(cycle, memory)?;
        }
        let _ = self.memory.set(memory);
        Ok(())
    }
}
