//! Counters that processes share: each process adds to its own rows, and readers add the rows up.
//!
//! There is no lock and no atomic addition on the way of a request: a row has one writer, which loads,
//! adds and stores. What was counted stays: rows are never reset or moved, and the place of a process that
//! has ended goes to the next process that looks for one, which counts on. So sums survive reloads,
//! crashes and changes of the number of workers.
//!
//! Rows are allocated at their first use. All memory comes from the zone's slab pool, zeroed.

use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use nginx_sys::ngx_slab_calloc_locked;

use crate::ffi::memory::shm::{Lock, ZonePool};
use crate::ffi::process;

/// The maximum number of rows with different names, without the one for all others.
const MAX_SERIES: usize = 256;

/// How many processes can have a place; the others share one, with atomic additions.
const MAX_PROCESSES: usize = 64;

/// How much of a name is kept.
const MAX_NAME: usize = 120;

/// How many notes are kept, and how much of each.
const MAX_NOTES: usize = 10;
const MAX_NOTE: usize = 500;

/// The row that something is counted in: the place of its name plus one, or 0, the initial value, for
/// all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeriesId(u16);

impl SeriesId {
    /// That of the nth name, of at most [`MAX_SERIES`].
    fn of_name(nth: usize) -> Self {
        Self(nth as u16 + 1)
    }

    /// Its place among the rows of a process.
    fn row(self) -> usize {
        self.0.into()
    }
}

/// The beginning of the counters in a zone.
///
/// All zero is a table without names and without processes.
#[repr(C)]
struct Table<const WORDS: usize> {
    /// Identifies this layout, with this number of words.
    layout: AtomicU64,
    /// When counting began, as Unix time in milliseconds.
    since: AtomicI64,
    /// How many configurations have used the table.
    generation: AtomicU64,
    /// How many names there are.
    named: AtomicU32,
    names: [Name; MAX_SERIES],
    /// How many notes there were; the last ones are kept. Changed and read under the lock.
    noted: AtomicU64,
    notes: UnsafeCell<[Note; MAX_NOTES]>,
    places: [AtomicPtr<Place<WORDS>>; MAX_PROCESSES],
    /// Of the processes that have found no place.
    common: AtomicPtr<Place<WORDS>>,
}

/// The name of a series. Written once, before `named` says that it is there.
#[repr(C)]
struct Name {
    kind: AtomicU32,
    length: AtomicU32,
    text: UnsafeCell<[u8; MAX_NAME]>,
}

/// A text for people, and when it was written, as Unix time in milliseconds.
#[repr(C)]
struct Note {
    at: i64,
    length: u32,
    text: [u8; MAX_NOTE],
}

impl fmt::Write for Note {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = (self.length as usize).min(MAX_NOTE);
        let end = (start + text.len()).min(MAX_NOTE);
        self.text[start..end].copy_from_slice(&text.as_bytes()[..end - start]);
        self.length = end as u32;
        Ok(())
    }
}

/// The rows of one process.
#[repr(C, align(64))]
struct Place<const WORDS: usize> {
    /// The process that writes, or the last one that did.
    process: AtomicI32,
    /// Null until something is counted there. The first one is that of all others.
    rows: [AtomicPtr<Row<WORDS>>; MAX_SERIES + 1],
}

#[repr(C, align(64))]
struct Row<const WORDS: usize>([AtomicU64; WORDS]);

/// The counters of a zone, for one process. To be used as long as the configuration that has the
/// zone is in use.
pub(crate) struct Counters<const WORDS: usize> {
    table: NonNull<Table<WORDS>>,
    zone: ZonePool,
    /// The place of this process, once it has counted; and whether it shares the place.
    mine: Cell<Option<(i32, NonNull<Place<WORDS>>, bool)>>,
}

impl<const WORDS: usize> Counters<WORDS> {
    /// The first word of a table: the version of the layout and the number of words in a row.
    const LAYOUT: u64 = (1 << 32) | WORDS as u64;

    /// The counters in a zone, made if there are none; `now` is Unix time in milliseconds. `None` if the
    /// zone has no room for them.
    pub(crate) fn open(zone: ZonePool, now: i64) -> Option<Self> {
        let table = {
            let lock = zone.lock();
            match NonNull::new(zone.extra(&lock).cast::<Table<WORDS>>()) {
                Some(table) => table,
                None => {
                    let table = allocate::<Table<WORDS>>(&lock)?;
                    let common = allocate::<Place<WORDS>>(&lock)?;
                    // SAFETY: fresh, zeroed memory of its size and alignment.
                    let fresh = unsafe { table.as_ref() };
                    fresh.layout.store(Self::LAYOUT, Ordering::Relaxed);
                    fresh.since.store(now, Ordering::Relaxed);
                    fresh.common.store(common.as_ptr(), Ordering::Relaxed);
                    zone.set_extra(&lock, table.cast::<c_void>());
                    table
                }
            }
        };
        Self::with_table(zone, table)
    }

    /// The counters in a zone, if there are any.
    pub(crate) fn existing(zone: ZonePool) -> Option<Self> {
        let table = NonNull::new(zone.extra(&zone.lock()).cast::<Table<WORDS>>())?;
        Self::with_table(zone, table)
    }

    /// `None` if the table has another layout.
    fn with_table(zone: ZonePool, table: NonNull<Table<WORDS>>) -> Option<Self> {
        let counters = Self {
            table,
            zone,
            mine: Cell::new(None),
        };
        let is_known = counters.table().layout.load(Ordering::Relaxed) == Self::LAYOUT;
        is_known.then_some(counters)
    }

    fn table(&self) -> &Table<WORDS> {
        // SAFETY: in the zone, which is mapped as long as this is used; everything that changes in it is
        // atomic, or a name that is read only once it is complete.
        unsafe { self.table.as_ref() }
    }

    /// A configuration takes effect.
    pub(crate) fn next_generation(&self) {
        self.table().generation.fetch_add(1, Ordering::Relaxed);
    }

    /// How many configurations have used the counters.
    pub(crate) fn generation(&self) -> u64 {
        self.table().generation.load(Ordering::Relaxed)
    }

    /// When counting began, as Unix time in milliseconds.
    pub(crate) fn since(&self) -> i64 {
        self.table().since.load(Ordering::Relaxed)
    }

    /// The series of this kind and name, while a configuration is read; that of all others if there is no
    /// room for one more.
    pub(crate) fn series(&self, kind: u32, name: &[u8]) -> SeriesId {
        let name = &name[..name.len().min(MAX_NAME)];
        let _lock = self.zone.lock();
        let known = self.names().position(|one| one == (kind, name));
        let table = self.table();
        let at = known.unwrap_or(table.named.load(Ordering::Relaxed) as usize);
        let Some(place) = table.names.get(at) else {
            return SeriesId::default();
        };
        if known.is_none() {
            place.kind.store(kind, Ordering::Relaxed);
            place.length.store(name.len() as u32, Ordering::Relaxed);
            // SAFETY: under the lock, and nobody reads it before `named` says so.
            unsafe { (&mut *place.text.get())[..name.len()].copy_from_slice(name) };
            table.named.store(at as u32 + 1, Ordering::Release);
        }
        SeriesId::of_name(at)
    }

    /// All series with their kinds and names, in the order in which they were first declared, and
    /// without that of all others.
    pub(crate) fn named(&self) -> impl Iterator<Item = (SeriesId, u32, &[u8])> {
        let names = self.names().enumerate();
        names.map(|(nth, (kind, name))| (SeriesId::of_name(nth), kind, name))
    }

    fn names(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let table = self.table();
        let named = table.named.load(Ordering::Acquire) as usize;
        table.names.iter().take(named).map(|name| {
            // SAFETY: complete, and not changed any more.
            let text = unsafe { &*name.text.get() };
            let length = name.length.load(Ordering::Relaxed) as usize;
            (
                name.kind.load(Ordering::Relaxed),
                &text[..length.min(MAX_NAME)],
            )
        })
    }

    /// Keeps a text for people, instead of the oldest one.
    pub(crate) fn note(&self, now: i64, text: fmt::Arguments<'_>) {
        let table = self.table();
        let _lock = self.zone.lock();
        let nth = table.noted.fetch_add(1, Ordering::Relaxed) as usize % MAX_NOTES;
        // SAFETY: under the lock, and the only reference.
        let note = unsafe { &mut (*table.notes.get())[nth] };
        note.at = now;
        note.length = 0;
        // What does not fit is left out.
        let _ = fmt::write(note, text);
    }

    /// The texts that are kept, the newest first, with their times.
    pub(crate) fn notes(&self) -> Vec<(i64, String)> {
        let table = self.table();
        let _lock = self.zone.lock();
        let noted = table.noted.load(Ordering::Relaxed) as usize;
        let kept = (noted.saturating_sub(MAX_NOTES)..noted).rev();
        let read = |nth: usize| {
            // SAFETY: under the lock, and no other reference changes it.
            let note = unsafe { &(*table.notes.get())[nth % MAX_NOTES] };
            let text = &note.text[..(note.length as usize).min(MAX_NOTE)];
            (note.at, String::from_utf8_lossy(text).into_owned())
        };
        kept.map(read).collect()
    }

    /// Adds to the counter at `place` of a series.
    pub(crate) fn add(&self, series: SeriesId, place: usize, count: u64) {
        self.with_word(series, place, |word, is_shared| {
            if is_shared {
                word.fetch_add(count, Ordering::Relaxed);
            } else {
                let sum = word.load(Ordering::Relaxed).wrapping_add(count);
                word.store(sum, Ordering::Relaxed);
            }
        });
    }

    /// Sets the word at `place` of a series, which is not a sum.
    pub(crate) fn set(&self, series: SeriesId, place: usize, value: u64) {
        self.with_word(series, place, |word, _| {
            word.store(value, Ordering::Release)
        });
    }

    /// Calls `each` with the row of each process that has counted something in this series.
    pub(crate) fn each_row(&self, series: SeriesId, mut each: impl FnMut(&[u64; WORDS])) {
        let table = self.table();
        for place in table.places.iter().chain([&table.common]) {
            // SAFETY: null, or a place that is never freed.
            let Some(place) = (unsafe { place.load(Ordering::Acquire).as_ref() }) else {
                continue;
            };
            let Some(row) = place.rows.get(series.row()) else {
                return;
            };
            // SAFETY: null, or a row that is never freed.
            if let Some(row) = unsafe { row.load(Ordering::Acquire).as_ref() } {
                each(&std::array::from_fn(|nth| {
                    row.0[nth].load(Ordering::Acquire)
                }));
            }
        }
    }

    fn with_word(&self, series: SeriesId, place: usize, change: impl FnOnce(&AtomicU64, bool)) {
        let (mine, is_shared) = self.mine();
        // Without a separate row, it is counted with all others, and is lost only if that row is
        // missing, too.
        let row = self.row(mine, series);
        let row = row.or_else(|| self.row(mine, SeriesId::default()));
        if let Some(word) = row.and_then(|row| row.0.get(place)) {
            change(word, is_shared);
        }
    }

    fn row<'p>(&self, place: &'p Place<WORDS>, series: SeriesId) -> Option<&'p Row<WORDS>> {
        let row = place.rows.get(series.row())?;
        // SAFETY: null, or a row that is never freed.
        if let Some(row) = unsafe { row.load(Ordering::Acquire).as_ref() } {
            return Some(row);
        }
        let lock = self.zone.lock();
        // Processes that share a place may have been faster.
        let known = row.load(Ordering::Acquire);
        let found = match NonNull::new(known) {
            Some(found) => found,
            None => {
                let fresh = allocate::<Row<WORDS>>(&lock)?;
                row.store(fresh.as_ptr(), Ordering::Release);
                fresh
            }
        };
        // SAFETY: never freed.
        Some(unsafe { found.as_ref() })
    }

    /// The place of this process, and whether it shares it.
    fn mine(&self) -> (&Place<WORDS>, bool) {
        let process = process::id();
        let (place, is_shared) = match self.mine.get() {
            // A worker is a copy of its master, and may have inherited this.
            Some((owner, place, is_shared)) if owner == process => (place, is_shared),
            _ => {
                let (place, is_shared) = match self.find_place(process) {
                    Some(place) => (place, false),
                    None => {
                        let common = self.table().common.load(Ordering::Acquire);
                        // SAFETY: made with the table.
                        (unsafe { NonNull::new_unchecked(common) }, true)
                    }
                };
                self.mine.set(Some((process, place, is_shared)));
                (place, is_shared)
            }
        };
        // SAFETY: never freed.
        (unsafe { place.as_ref() }, is_shared)
    }

    /// The place that already belongs to this process, that of a process that has ended, or a new
    /// one.
    fn find_place(&self, process: i32) -> Option<NonNull<Place<WORDS>>> {
        let places = &self.table().places;
        let known = places.iter().filter_map(|place| {
            let place = NonNull::new(place.load(Ordering::Acquire))?;
            // SAFETY: never freed.
            let owner = unsafe { place.as_ref() }.process.load(Ordering::Relaxed);
            Some((place, owner))
        });
        let mut known: Vec<_> = known.collect();
        // First, one with this process's ID: nobody else can be writing there.
        known.sort_by_key(|(_, owner)| *owner != process);
        for (place, owner) in known {
            let is_free = owner == process || !process::is_alive(owner);
            // SAFETY: never freed.
            let word = &unsafe { place.as_ref() }.process;
            let take =
                || word.compare_exchange(owner, process, Ordering::AcqRel, Ordering::Relaxed);
            if is_free && take().is_ok() {
                return Some(place);
            }
        }
        let lock = self.zone.lock();
        let vacant = places
            .iter()
            .find(|place| place.load(Ordering::Acquire).is_null())?;
        let fresh = allocate::<Place<WORDS>>(&lock)?;
        // SAFETY: fresh, zeroed memory of its size and alignment, which nobody else has seen.
        unsafe { fresh.as_ref() }
            .process
            .store(process, Ordering::Relaxed);
        vacant.store(fresh.as_ptr(), Ordering::Release);
        Some(fresh)
    }
}

/// Zeroed memory of the zone for a `T`, of which all zero must be a value. `None` if there is no room.
fn allocate<T>(lock: &Lock<'_>) -> Option<NonNull<T>> {
    const {
        assert!(
            align_of::<T>() <= 64,
            "a slab's chunks are aligned to 64 bytes at least"
        )
    };
    // The slab pool aligns by the size, rounded up to a power of two.
    let size = size_of::<T>().max(64);
    // SAFETY: the pool is locked.
    let place = unsafe { ngx_slab_calloc_locked(lock.pool.as_ptr(), size) };
    NonNull::new(place.cast::<T>())
}

const _: () = assert!(size_of::<Name>() == 128, "no padding");
