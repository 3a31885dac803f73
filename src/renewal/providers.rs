//! The providers and tokens that a configuration declares, and what they share: the zone, the HTTP
//! client.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use aws_credentials::Declared;

use super::lease::{Memory, SlotRef, SlotState, zones_in_use};
use crate::ffi::memory::shm::ZoneOwner;
use crate::ffi::process::{self, CycleId};
use crate::renewal::Renewal;
use crate::renewal::net::Client;
use crate::renewal::snapshot::Store;
use crate::renewal::tokens::Token;

/// An `aws_credentials_provider`.
pub(crate) struct Provider {
    renewal: Rc<Renewal>,
    store: Store,
}

impl Provider {
    pub(crate) fn new(renewal: Renewal) -> Self {
        let renewal = Rc::new(renewal);
        Self {
            store: Store::new(Rc::clone(&renewal)),
            renewal,
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.renewal.name()
    }

    pub(crate) fn renewal(&self) -> &Rc<Renewal> {
        &self.renewal
    }

    /// Whether it yields signing keys, which bring their region with them.
    pub(crate) fn yields_signing_keys(&self) -> bool {
        self.renewal.definition().yields_signing_keys()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// A store does not take what this worker signs with. Where nobody has published anything newer,
    /// and there was no fetch lately, one is made.
    pub(crate) fn reject(&self) {
        if let Some(slot) = self.renewal.slot()
            && slot.generation() == self.store.generation()
        {
            slot.with_state(|state| state.progress.rejected(process::time_of_day()));
        }
    }
}

/// Shows its name and source, without secrets.
impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({:?})", self.renewal)
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
    memory: OnceCell<Memory>,
}

impl Providers {
    pub(crate) fn add(&mut self, provider: Provider) {
        let provider = Rc::new(provider);
        let (name, definition) = (provider.name(), provider.renewal().definition());
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

    /// The configuration `cycle` is complete, and requests of providers go through `client`.
    pub(crate) fn connect(&self, cycle: CycleId, client: Client) {
        let _ = self.cycle.set(cycle);
        let _ = self.client.set(Rc::new(client));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rc<Provider>> {
        self.list.iter()
    }

    /// All that is to be renewed.
    pub(crate) fn renewals(&self) -> impl Iterator<Item = &Rc<Renewal>> {
        let tokens = self.tokens.iter().map(|token| token.renewal());
        self.iter().map(|provider| provider.renewal()).chain(tokens)
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

    /// The names, for somebody who has written another one.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.iter().map(|provider| provider.name()).collect();
        names.join(", ")
    }

    pub(crate) fn client(&self) -> Rc<Client> {
        Rc::clone(self.client.get_or_init(Rc::default))
    }

    /// Has the zone forget, in time, what earlier configurations had fetched.
    pub(crate) fn retire_others(&self) {
        let slots: Vec<SlotRef> = self
            .renewals()
            .filter_map(|renewal| renewal.slot())
            .collect();
        if let Some(memory) = self.memory.get() {
            memory.retire_others(&slots);
        }
    }
}

impl ZoneOwner for Providers {
    type State = SlotState;

    /// Finds or makes a slot for each provider. In a new zone what a zone of the configuration in
    /// use holds for the same provider is taken over: a zone that is resized, or gets another
    /// name, starts empty.
    fn zone_is_ready(&self, memory: Memory) -> Result<(), String> {
        let cycle = *self.cycle.get_or_init(CycleId::in_use);
        for (count, renewal) in self.renewals().enumerate() {
            let key = renewal.key();
            let slot = match memory.existing(key) {
                Some(slot) => slot,
                None => {
                    let slot = memory.slot(key).ok_or_else(|| {
                        format!(
                            "it has room for {count} of {} providers and tokens, at 5k to 10k each",
                            self.renewals().count()
                        )
                    })?;
                    let others = zones_in_use();
                    if let Some(old) = others.iter().find_map(|zone| zone.existing(key)) {
                        slot.copy_from(&old, key, SlotState::inherited);
                    }
                    slot
                }
            };
            renewal.attach(cycle, slot);
        }
        let _ = self.memory.set(memory);
        Ok(())
    }
}
