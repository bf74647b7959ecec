//! Places for buffers in a few large pieces of memory.

use memmap2::MmapMut;
use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// A cache line; also the width of an AVX-512 register. Places begin and end on one.
pub(super) const ALIGN: usize = 64;
/// A huge page. With 4 KB pages a product whose rows are far apart misses the translation cache at
/// every row.
const HUGE_PAGE: usize = 2 << 20;
/// The smallest slab. Pages that were never written take no memory.
const SLAB: usize = 64 << 20;
/// How long a slab that nobody uses is kept.
const KEEP: Duration = Duration::from_secs(5);

/// A piece of memory from the system.
struct Slab {
    /// Zeros at first. Never borrowed as a slice: others write to it.
    memory: MmapMut,
    /// First byte.
    start: NonNull<u8>,
    /// Bytes.
    size: usize,
    /// Bytes in use.
    live: usize,
    /// When the last place in it was given back.
    idle_since: Instant,
}

/// Memory that was written at least once (it starts as zeros).
pub(super) struct Place {
    pub start: NonNull<u8>,
    pub size: usize,
}

// SAFETY: a place is owned like a box; nothing else points to its bytes.
unsafe impl Send for Place {}
// SAFETY: shared access only reads plain bytes.
unsafe impl Sync for Place {}

/// Slabs and what is free in them.
///
/// The smallest free range that is large enough is taken, at the lowest address, and ranges that
/// become neighbours are joined. So a phase with other sizes (another batch size, an evaluation) uses
/// the memory of the one before.
pub(super) struct Arena {
    /// By first address.
    slabs: BTreeMap<usize, Slab>,
    /// Free ranges: size by address.
    by_address: BTreeMap<usize, usize>,
    /// Free ranges: (size, address).
    by_size: BTreeSet<(usize, usize)>,
}

// SAFETY: a slab owns its memory; the address is only handed on, in places that do not overlap.
unsafe impl Send for Slab {}

impl Arena {
    pub const fn new() -> Self {
        Self {
            slabs: BTreeMap::new(),
            by_address: BTreeMap::new(),
            by_size: BTreeSet::new(),
        }
    }

    /// A place of `size` bytes, a multiple of [`ALIGN`]; `None` if the system has no memory left.
    pub fn take(&mut self, size: usize) -> Option<Place> {
        if self.by_size.range((size, 0)..).next().is_none() {
            self.grow(size)?;
        }
        let (free, address) = *self.by_size.range((size, 0)..).next()?;
        self.remove(address, free);
        if free > size {
            self.insert(address + size, free - size);
        }
        let slab = self.slab(address)?;
        slab.live += size;
        // Derived from the slab's pointer, which may reach all of the slab.
        let offset = address - slab.start.as_ptr() as usize;
        let start = NonNull::new(slab.start.as_ptr().wrapping_add(offset))?;
        Some(Place { start, size })
    }

    /// Takes a place back. Slabs that nobody has used for a while are returned, to be given to the
    /// system outside of the lock.
    pub fn put(&mut self, place: Place) -> Vec<MmapMut> {
        let address = place.start.as_ptr() as usize;
        let (mut first, mut size) = (address, place.size);
        if let Some((before, length)) = self.by_address.range(..address).next_back()
            && before + length == address
        {
            (first, size) = (*before, size + length);
            self.remove(first, size - place.size);
        }
        if let Some(length) = self.by_address.get(&(address + place.size)).copied() {
            self.remove(address + place.size, length);
            size += length;
        }
        self.insert(first, size);
        let Some(slab) = self.slab(address) else {
            return Vec::new();
        };
        slab.live -= place.size;
        if slab.live > 0 {
            return Vec::new();
        }
        slab.idle_since = Instant::now();
        self.release(Instant::now())
    }

    /// Bytes in use, and bytes of all slabs.
    #[cfg(test)]
    pub fn sizes(&self) -> (usize, usize) {
        let slabs = self.slabs.values();
        slabs.fold((0, 0), |(live, all), s| (live + s.live, all + s.size))
    }

    /// Bytes of the largest free range.
    #[cfg(test)]
    pub fn largest(&self) -> usize {
        self.by_size.last().map_or(0, |(size, _)| *size)
    }

    /// Lets go of the slabs that have been idle for [`KEEP`].
    fn release(&mut self, now: Instant) -> Vec<MmapMut> {
        let idle = self.slabs.iter().filter(|(_, slab)| {
            slab.live == 0 && now.saturating_duration_since(slab.idle_since) > KEEP
        });
        let idle: Vec<usize> = idle.map(|(address, _)| *address).collect();
        let mut gone = Vec::new();
        for address in idle {
            if let Some(slab) = self.slabs.remove(&address) {
                self.remove(address, slab.size - ALIGN);
                gone.push(slab.memory);
            }
        }
        gone
    }

    /// A new slab for at least `size` bytes, as large as all others together, so that there are few.
    fn grow(&mut self, size: usize) -> Option<()> {
        let others: usize = self.slabs.values().map(|s| s.size).sum();
        // The last line of a slab is never given away: ranges of two slabs are never neighbours.
        let needed = size
            .checked_add(ALIGN)?
            .checked_next_multiple_of(HUGE_PAGE)?;
        let map = |bytes: usize| MmapMut::map_anon(bytes).ok();
        let mut memory = map(needed.max(SLAB).max(others)).or_else(|| map(needed))?;
        #[cfg(target_os = "linux")]
        {
            // Only advice: without it pages are small.
            let _ = memory.advise(memmap2::Advice::HugePage);
        }
        let (start, size) = (NonNull::new(memory.as_mut_ptr())?, memory.len());
        let address = start.as_ptr() as usize;
        self.insert(address, size - ALIGN);
        let slab = Slab {
            memory,
            start,
            size,
            live: 0,
            idle_since: Instant::now(),
        };
        self.slabs.insert(address, slab);
        Some(())
    }

    fn slab(&mut self, address: usize) -> Option<&mut Slab> {
        self.slabs.range_mut(..=address).next_back().map(|(_, s)| s)
    }

    fn insert(&mut self, address: usize, size: usize) {
        self.by_address.insert(address, size);
        self.by_size.insert((size, address));
    }

    fn remove(&mut self, address: usize, size: usize) {
        self.by_address.remove(&address);
        self.by_size.remove(&(size, address));
    }
}
