//! Memory that is used again.
//!
//! A training step asks for the same sizes as the step before. Fresh pages from the system cost as
//! much as the arithmetic on them, so large buffers go back into a pool when their tensor is dropped
//! and the next step takes them from there.

mod allocator;
mod arena;

pub use allocator::Allocator;

use arena::{ALIGN, Arena, Place};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};
use std::alloc::{Layout, handle_alloc_error};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Smaller buffers are the allocator's business.
const SMALLEST: usize = 16 << 10;

/// The size of a place for so many bytes; `None` beyond the address space.
fn round_up(bytes: usize) -> Option<usize> {
    let size = bytes.checked_next_multiple_of(ALIGN)?.max(ALIGN);
    (size <= isize::MAX as usize).then_some(size)
}

fn arena() -> MutexGuard<'static, Arena> {
    static ARENA: Mutex<Arena> = Mutex::new(Arena::new());
    // The arena is consistent between its methods; a panic elsewhere does not spoil it.
    ARENA.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place that goes back into the arena when the tensor that holds it is dropped.
struct Pooled(Option<Place>);

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(place) = self.0.take() {
            let idle = arena().put(place);
            // Given to the system after the lock is released.
            drop(idle);
        }
    }
}

impl Pooled {
    fn parts(&self) -> (*mut u8, usize) {
        match &self.0 {
            Some(place) => (place.start.as_ptr(), place.size),
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
    let Some(wanted) = len.checked_mul(size_of::<T>()).and_then(round_up) else {
        panic!("a buffer of {len} elements is larger than the address space");
    };
    let Some(place) = arena().take(wanted) else {
        match Layout::from_size_align(wanted, ALIGN) {
            Ok(layout) => handle_alloc_error(layout),
            Err(_) => panic!("a buffer of {len} elements is larger than the address space"),
        }
    };
    Scratch {
        pooled: Pooled(Some(place)),
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
    fn other_sizes_take_the_memory_of_earlier_ones() {
        let mut arena = Arena::new();
        let mut rng = crate::cpu::testing::Rng(3);
        for phase in 1..6 {
            let mut places = Vec::new();
            for _ in 0..200 {
                let size = ALIGN * (1 + rng.below(phase * 2000));
                places.extend(arena.take(size));
            }
            // No two overlap.
            let mut ranges: Vec<_> = places.iter().map(|p| (p.start, p.size)).collect();
            ranges.sort();
            assert_eq!(ranges.len(), 200);
            for pair in ranges.windows(2) {
                assert!(pair[0].0.as_ptr() as usize + pair[0].1 <= pair[1].0.as_ptr() as usize);
            }
            // In an order that is neither that of taking nor its reverse.
            while !places.is_empty() {
                let place = places.swap_remove(rng.below(places.len()));
                assert!(arena.put(place).is_empty());
            }
            assert_eq!(arena.sizes().0, 0);
        }
        // The last phase has 64 MB at most in use; the first slab is as large.
        assert!(arena.sizes().1 <= 256 << 20, "{:?}", arena.sizes());
        let all = arena.take(arena.largest()).unwrap();
        assert!(all.size >= (64 << 20) - ALIGN, "ranges were not joined");
        drop(arena.put(all));
    }
}
