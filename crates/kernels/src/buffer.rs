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

/// Free blocks by size.
#[derive(Default)]
struct Pool {
    free: BTreeMap<usize, Vec<Block>>,
    /// Bytes in `free`.
    held: usize,
    /// Bytes handed out.
    live: usize,
    /// The most that was ever handed out.
    peak: usize,
}

impl Pool {
    const fn new() -> Self {
        Self {
            free: BTreeMap::new(),
            held: 0,
            live: 0,
            peak: 0,
        }
    }

    /// The smallest free block of `size` to `2 size` bytes: to waste some of a block that is there
    /// costs less than new pages.
    fn take(&mut self, size: usize) -> Option<Block> {
        let fitting = *self.free.range(size..=2 * size).next()?.0;
        let blocks = self.free.get_mut(&fitting)?;
        let block = blocks.pop();
        if blocks.is_empty() {
            self.free.remove(&fitting);
        }
        self.held -= fitting;
        block
    }

    /// Keeps a block, unless the pool would then own a quarter more than was ever in use at once.
    fn put(&mut self, block: Block) -> Option<Block> {
        self.live -= block.size;
        if self.held + self.live + block.size > self.peak + self.peak / 4 {
            return Some(block);
        }
        self.held += block.size;
        self.free.entry(block.size).or_default().push(block);
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
    let wanted = (len * size_of::<T>()).next_multiple_of(ALIGN).max(ALIGN);
    let recycled = pool().take(wanted);
    let block = recycled.unwrap_or_else(|| Block::new(wanted));
    let mut pool = pool();
    pool.live += block.size;
    pool.peak = pool.peak.max(pool.live);
    Scratch {
        pooled: Pooled(Some(block)),
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
        assert!(pool.live + pool.held <= pool.peak + pool.peak / 4);
    }
}
