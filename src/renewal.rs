//! What is refreshed in the background: a provider's credentials or a token, with its definition
//! and its slot in the zone.

pub(crate) mod counting;
pub(crate) mod host;
mod lease;
pub(crate) mod net;
mod program;
pub(crate) mod providers;
pub(crate) mod refresh;
pub(crate) mod snapshot;
pub(crate) mod tokens;

use std::cell::Cell;
use std::fmt;
use std::path::PathBuf;

use aws_credentials::refresh_log::Subject;
use aws_credentials::{Definition, Material};
use sha2::{Digest, Sha256};

use crate::ffi::process::CycleId;
use lease::{SlotRef, zones_in_use};

/// A provider's credentials, or a token.
pub(crate) struct Refreshable {
    is_token: bool,
    name: String,
    definition: Definition,
    files: Vec<PathBuf>,
    key: [u8; 32],
    /// For the configuration that it was found for, since its zone ends with that.
    slot: Cell<Option<(CycleId, Option<SlotRef>)>>,
}

impl Refreshable {
    /// Credentials of the provider `name`. `files` are those that are known to be read.
    pub(crate) fn credentials(name: &str, definition: Definition, files: Vec<PathBuf>) -> Self {
        Self::new(false, name, definition, files)
    }

    /// The token `name`.
    pub(crate) fn token(name: &str, definition: Definition, files: Vec<PathBuf>) -> Self {
        Self::new(true, name, definition, files)
    }

    fn new(is_token: bool, name: &str, definition: Definition, files: Vec<PathBuf>) -> Self {
        let mut key = Sha256::new();
        key.update(name);
        key.update([0]);
        key.update(definition.digest());
        Self {
            is_token,
            name: name.to_owned(),
            definition,
            files,
            key: key.finalize().into(),
            slot: Cell::new(None),
        }
    }

    /// Its name in log lines.
    pub(crate) fn subject(&self) -> Subject<'_> {
        match self.is_token {
            false => Subject::Credentials(&self.name),
            true => Subject::Token(&self.name),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Distinguishes its slot from others: another name or definition has another one.
    pub(crate) fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The zone of the configuration `cycle`, which declares this, has its memory.
    pub(crate) fn attach(&self, cycle: CycleId, slot: SlotRef) {
        self.slot.set(Some((cycle, Some(slot))));
    }

    /// The slot in a zone of the configuration in use; `None` if it declares nothing of the kind.
    /// To be looked up each time, and not to be kept across turns of the event loop: without a
    /// master, nginx unmaps zones while requests of the previous configuration still wait.
    pub(crate) fn slot(&self) -> Option<SlotRef> {
        let (cycle, slot) = self.slot.get()?;
        let in_use = CycleId::in_use();
        if cycle == in_use {
            return slot;
        }
        let zones = zones_in_use();
        let slot = zones.iter().find_map(|zone| zone.existing(&self.key));
        self.slot.set(Some((in_use, slot)));
        slot
    }

    /// What was published since `seen`, the [generation](SlotRef::generation) of the last look,
    /// which is updated. If there was nothing new, this costs one atomic load.
    pub(crate) fn news(&self, seen: &Cell<u64>) -> Option<Material> {
        let slot = self.slot()?;
        if slot.generation() == seen.get() {
            return None;
        }
        match slot.read(&self.key) {
            Some((generation, bytes)) => {
                seen.set(generation);
                Material::read(&bytes)
            }
            None => {
                seen.set(slot.generation());
                None
            }
        }
    }

    /// Those files that are known to be read.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether the last fetch failed, so that it is probably useless to wait for the next one.
    pub(crate) fn is_failing(&self) -> bool {
        let is_failing = |slot: SlotRef| slot.with_state(|state| state.progress.is_failing());
        self.slot().is_none_or(is_failing)
    }
}

/// Shows its name and source, without secrets.
impl fmt::Debug for Refreshable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refreshable({}: {:?})", self.name, self.definition)
    }
}
