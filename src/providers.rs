//! The providers that a configuration declares, and what they share: the zone, the HTTP client.

use std::cell::OnceCell;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::rc::Rc;

use aws_credentials::{Definition, Files};
use sha2::{Digest, Sha256};

use crate::ffi::process;
use crate::ffi::shm::{Memory, SlotRef, ZoneOwner, zones_in_use};
use crate::module::this_module;
use crate::net::Client;
use crate::store::Store;

/// An `aws_credentials_provider`.
pub(crate) struct Provider {
    name: String,
    definition: Definition,
    /// Whether it yields signing keys, which bring their region with them.
    yields_signing_keys: bool,
    files: Vec<PathBuf>,
    store: Store,
}

impl Provider {
    /// `files` are those that are known to be read.
    pub(crate) fn new(
        name: &str,
        definition: Definition,
        yields_signing_keys: bool,
        files: Vec<PathBuf>,
    ) -> Self {
        let mut key = Sha256::new();
        key.update(name);
        key.update([0]);
        key.update(definition.digest());
        Self {
            name: name.to_owned(),
            store: Store::new(key.finalize().into()),
            definition,
            yields_signing_keys,
            files,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn definition(&self) -> &Definition {
        &self.definition
    }

    pub(crate) fn yields_signing_keys(&self) -> bool {
        self.yields_signing_keys
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Tells one state of the files that are known to be read from another; never 0. It is the same
    /// in every worker, also in those of the next configuration.
    pub(crate) fn files_now(&self, files: &impl Files) -> u64 {
        let mut hasher = DefaultHasher::new();
        for path in &self.files {
            path.hash(&mut hasher);
            if let Ok(found) = files.identify(path) {
                (found.device, found.inode, found.size, found.mode).hash(&mut hasher);
                found.modified.hash(&mut hasher);
            }
        }
        hasher.finish() | 1
    }

    /// A store does not take what this worker signs with. Where nobody has published anything newer,
    /// and there was no fetch lately, one is made.
    pub(crate) fn reject(&self) {
        if let Some(slot) = self.store.slot()
            && slot.generation() == self.store.generation()
        {
            slot.with_state(|state| state.schedule.rejected(process::time_of_day()));
        }
    }

    /// Whether the last fetch failed, so that waiting for the next one is in vain more often than
    /// not.
    pub(crate) fn is_failing(&self) -> bool {
        let failures = |slot: SlotRef| slot.with_state(|state| state.schedule.failures());
        self.store.slot().is_none_or(|slot| failures(slot) > 0)
    }
}

/// Shows its name and source, without secrets.
impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({}: {:?})", self.name, self.definition)
    }
}

/// All providers of a configuration.
#[derive(Default)]
pub(crate) struct Providers {
    list: Vec<Rc<Provider>>,
    client: OnceCell<Rc<Client>>,
    memory: OnceCell<Memory>,
}

impl Providers {
    pub(crate) fn add(&mut self, provider: Provider) {
        self.list.push(Rc::new(provider));
    }

    /// The configuration is complete, and requests of providers go through `client`.
    pub(crate) fn connect(&self, client: Client) {
        let _ = self.client.set(Rc::new(client));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rc<Provider>> {
        self.list.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<&Rc<Provider>> {
        self.iter()
            .find(|provider| provider.name.as_bytes() == name)
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
            .iter()
            .filter_map(|provider| provider.store.slot())
            .collect();
        if let Some(memory) = self.memory.get() {
            memory.retire_others(&slots);
        }
    }
}

impl ZoneOwner for Providers {
    /// Finds or makes a slot for each provider. In a new zone what a zone of the configuration in
    /// use holds for the same provider is taken over: a zone that is resized, or gets another
    /// name, starts empty.
    fn zone_is_ready(&self, memory: Memory) -> Result<(), String> {
        for (count, provider) in self.iter().enumerate() {
            let key = provider.store.key();
            let slot = match memory.existing(key) {
                Some(slot) => slot,
                None => {
                    let slot = memory.slot(key).ok_or_else(|| {
                        format!(
                            "it has room for {count} of {} providers, at about 5k each",
                            self.list.len()
                        )
                    })?;
                    let others = zones_in_use(this_module());
                    if let Some(old) = others.iter().find_map(|zone| zone.existing(key)) {
                        slot.copy_from(&old, key);
                    }
                    slot
                }
            };
            provider.store.attach(slot);
        }
        let _ = self.memory.set(memory);
        Ok(())
    }
}
