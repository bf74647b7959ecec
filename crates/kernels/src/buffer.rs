//! Memory that is used again.
//!
//! A training step asks for the same sizes as the step before. Fresh pages from the system cost as
//! much as the arithmetic on them, so large buffers go back into a pool when their tensor is dropped
//! and the next step takes them from there.

use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A cache line; also the width of an AVX-512 register.
const ALIGN: usize = 64;
/// Smaller buffers are the allocator's business.
const SMALLEST: usize = 16 << 10;

/// Aligned memory that was written at least once (it starts as zeros).
struct Block {
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: a block owns its memory; nothing else points to it.
unsafe impl Send for Block {}
// SAFETY: shared access only reads plain bytes.
unsafe impl Sync for Block {}

impl Block {
    fn new(size: usize) -> Self {
        let layout = Self::layout(size);
        // SAFETY: the size is not 0 (`scratch` asks for a cache line or more).
        let start = unsafe { alloc_zeroed(layout) };
        match NonNull::new(start) {
            Some(start) => Self { start, size },
            None => handle_alloc_error(layout),
        }
    }

    fn layout(size: usize) -> Layout {
        match Layout::from_size_align(size, ALIGN) {
            Ok(layout) => layout,
            Err(_) => panic!("a tensor of {size} bytes is larger than the address space"),
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: `start` came from `alloc_zeroed` with this very layout and is freed once.
        unsafe { dealloc(self.start.as_ptr(), Self::layout(self.size)) }
    }
}

/// Free blocks of one size.
#[derive(Default)]
struct Shelf {
    blocks: Vec<Block>,
    /// When one of them last came back.
    returned: u64,
}

/// Free blocks by size.
struct Pool {
    free: BTreeMap<usize, Shelf>,
    /// Bytes in `free`.
    held: usize,
    /// Bytes handed out.
    live: usize,
    /// The most that was ever handed out.
    peak: usize,
    /// Counts returns.
    clock: u64,
}

impl Pool {
    const fn new() -> Self {
        Self {
            free: BTreeMap::new(),
            held: 0,
            live: 0,
            peak: 0,
            clock: 0,
        }
    }

    /// The most that the pool may own: a quarter more than was ever in use at once.
    fn most(&self) -> usize {
        self.peak + self.peak / 4
    }

    /// Takes the smallest free block of `size` to `2 size` bytes: to waste some of a block that is
    /// there costs less than new pages.
    fn take(&mut self, size: usize) -> Option<Block> {
        let fitting = *self.free.range(size..=2 * size).next()?.0;
        let block = self.remove(fitting)?;
        self.count(block.size);
        Some(block)
    }

    /// Makes room for a new block of `size` bytes: lets go of the sizes that came back longest ago,
    /// which are those of an earlier phase. The blocks are returned, to be freed outside the lock.
    fn reserve(&mut self, size: usize) -> Vec<Block> {
        self.count(size);
        let mut gone = Vec::new();
        while self.held + self.live > self.most() {
            let oldest = self.free.iter().min_by_key(|(_, shelf)| shelf.returned);
            let Some(block) = oldest.map(|(s, _)| *s).and_then(|s| self.remove(s)) else {
                break;
            };
            gone.push(block);
        }
        gone
    }

    fn count(&mut self, size: usize) {
        self.live += size;
        self.peak = self.peak.max(self.live);
    }

    fn remove(&mut self, size: usize) -> Option<Block> {
        let shelf = self.free.get_mut(&size)?;
        let block = shelf.blocks.pop();
        if shelf.blocks.is_empty() {
            self.free.remove(&size);
        }
        self.held -= size;
        block
    }

    /// Takes a block back, or returns it to be freed if the pool owns enough.
    fn put(&mut self, block: Block) -> Option<Block> {
        self.live -= block.size;
        if self.held + self.live + block.size > self.most() {
            return Some(block);
        }
        self.held += block.size;
        self.clock += 1;
        let shelf = self.free.entry(block.size).or_default();
        shelf.returned = self.clock;
        shelf.blocks.push(block);
        None
    }
}

fn pool() -> MutexGuard<'static, Pool> {
    static POOL: Mutex<Pool> = Mutex::new(Pool::new());
    // The pool is consistent between its methods; a panic elsewhere does not spoil it.
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A block that goes back into the pool when the tensor that holds it is dropped.
struct Pooled(Option<Block>);

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(block) = self.0.take() {
            let surplus = pool().put(block);
            // Freed after the lock is released.
            drop(surplus);
        }
    }
}

impl Pooled {
    fn parts(&self) -> (*mut u8, usize) {
        match &self.0 {
            Some(block) => (block.start.as_ptr(), block.size),
            None => (NonNull::<u128>::dangling().as_ptr().cast(), 0),
        }
    }
}

impl AllocationController for Pooled {
    // Burn copies buffers with the alignment that is told here, and accepts at most 16.
    fn alloc_align(&self) -> usize {
        16
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Native
    }

    unsafe fn memory_mut(
        &mut self,
        _: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let (start, size) = self.parts();
        // SAFETY: the block is owned, `size` bytes long, and borrowed mutably through `self`.
        Ok(unsafe { std::slice::from_raw_parts_mut(start.cast(), size) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let (start, size) = self.parts();
        // SAFETY: the block is owned, `size` bytes long, and borrowed through `self`.
        Ok(unsafe { std::slice::from_raw_parts(start.cast(), size) })
    }
}

/// A tensor's memory of `len` elements, set by `write`, which finds whatever was there before.
pub fn filled<T: bytemuck::Pod + Send + Sync>(len: usize, write: impl FnOnce(&mut [T])) -> Bytes {
    let size = len * size_of::<T>();
    if size < SMALLEST {
        let mut values = vec![T::zeroed(); len];
        write(&mut values);
        return Bytes::from_elems(values);
    }
    let mut memory = scratch::<T>(len);
    write(&mut memory);
    // SAFETY: the first `size` bytes of the block are initialized.
    unsafe { Bytes::from_controller(Box::new(memory.pooled), size) }
}

/// Memory for a while: a slice with whatever was there before.
pub struct Scratch<T> {
    pooled: Pooled,
    len: usize,
    element: PhantomData<T>,
}

/// `len` elements that the caller sets before it reads them, aligned to a cache line.
pub fn scratch<T: bytemuck::Pod>(len: usize) -> Scratch<T> {
    const { assert!(align_of::<T>() <= ALIGN) };
    let bytes = len.checked_mul(size_of::<T>());
    let Some(bytes) = bytes.filter(|b| *b <= isize::MAX as usize - ALIGN) else {
        panic!("a buffer of {len} elements is larger than the address space");
    };
    let wanted = bytes.next_multiple_of(ALIGN).max(ALIGN);
    let (recycled, gone) = {
        let mut pool = pool();
        match pool.take(wanted) {
            Some(block) => (Some(block), Vec::new()),
            None => (None, pool.reserve(wanted)),
        }
    };
    drop(gone);
    Scratch {
        pooled: Pooled(Some(recycled.unwrap_or_else(|| Block::new(wanted)))),
        len,
        element: PhantomData,
    }
}

impl<T: bytemuck::Pod> Deref for Scratch<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let (start, _) = self.pooled.parts();
        // SAFETY: the block is at least `len` elements long, aligned to 64, initialized (zeros at
        // first, a tensor's values later), and borrowed through `self`. Any bytes are a valid `T`.
        unsafe { std::slice::from_raw_parts(start.cast::<T>(), self.len) }
    }
}

impl<T: bytemuck::Pod> DerefMut for Scratch<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let (start, _) = self.pooled.parts();
        // SAFETY: as above, and borrowed mutably through `self`.
        unsafe { std::slice::from_raw_parts_mut(start.cast::<T>(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_used_again_and_copies_are_their_own() {
        let len = 123_457;
        let a = filled::<f32>(len, |v| v.fill(1.0));
        let address = a.as_ptr();
        let copy = a.clone();
        drop(a);
        let b = filled::<f32>(len, |v| v.fill(2.0));
        assert_eq!(b.as_ptr(), address, "not taken from the pool");
        assert_eq!(b.as_ptr().align_offset(ALIGN), 0);
        let values: &[f32] = bytemuck::cast_slice(&copy);
        assert!(values.len() == len && values.iter().all(|v| *v == 1.0));
    }

    #[test]
    fn the_pool_never_holds_more_than_was_in_use() {
        let sizes = (0..40).map(|i| 20_000 + 4_096 * i);
        let buffers: Vec<Bytes> = sizes.map(|n| filled::<f32>(n, |v| v.fill(0.5))).collect();
        drop(buffers);
        let pool = pool();
        assert!(pool.live + pool.held <= pool.most());
    }
}
