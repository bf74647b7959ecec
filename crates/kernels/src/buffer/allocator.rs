//! The program's allocator: large blocks from the arena, small ones from mimalloc.

use super::arena::{ALIGN, Place};
use super::{arena, round_up};
use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::NonNull;

/// The smallest block that comes from the arena.
const LARGE: usize = 64 << 10;

/// For `#[global_allocator]` in a program that trains or predicts.
///
/// Tensors that Burn makes itself (sums of gradients, residuals) are then where the kernels' are: in
/// memory that is used again, on huge pages. mimalloc returns such blocks to the system, and clearing
/// their pages again takes 6 to 9 % of a transformer's training step.
#[derive(Debug, Clone, Copy)]
pub struct Allocator;

/// Whether a block of this layout is the arena's business. Depends on the layout alone, so that a block
/// goes back to where it came from.
fn large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= ALIGN
}

// SAFETY: blocks are from mimalloc, which is an allocator, or from the arena, which gives out places
// that are aligned to `ALIGN`, at least as large as asked for and do not overlap. Nothing here unwinds:
// the arena does arithmetic on its own lists, whose nodes are small and so never come from itself.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !large(layout) {
            // SAFETY: the caller's promise.
            return unsafe { MiMalloc.alloc(layout) };
        }
        let place = round_up(layout.size()).and_then(|size| arena().take(size));
        place.map_or(std::ptr::null_mut(), |p| p.start.as_ptr())
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        if !large(layout) {
            // SAFETY: the caller's promise; `alloc` took the same way for this layout.
            return unsafe { MiMalloc.dealloc(start, layout) };
        }
        if let (Some(start), Some(size)) = (NonNull::new(start), round_up(layout.size())) {
            let idle = arena().put(Place { start, size });
            // Given to the system after the lock is released.
            drop(idle);
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !large(layout) {
            // SAFETY: the caller's promise.
            return unsafe { MiMalloc.alloc_zeroed(layout) };
        }
        // SAFETY: the caller's promise.
        let start = unsafe { self.alloc(layout) };
        if !start.is_null() {
            // SAFETY: the place is at least `size` bytes long and nobody else has it.
            unsafe { start.write_bytes(0, layout.size()) };
        }
        start
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return std::ptr::null_mut();
        };
        if !large(layout) && !large(wanted) {
            // SAFETY: the caller's promise.
            return unsafe { MiMalloc.realloc(start, layout, size) };
        }
        if large(layout) && large(wanted) && round_up(size) == round_up(layout.size()) {
            return start;
        }
        // SAFETY: both blocks are valid for the bytes copied, and the old one is not used afterwards.
        unsafe {
            let new = self.alloc(wanted);
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(start, new, size.min(layout.size()));
                self.dealloc(start, layout);
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_their_content_across_both_sides() {
        let layout = |size: usize| Layout::from_size_align(size, 8).unwrap();
        // SAFETY: every block is used within its size and freed with the layout it has last.
        unsafe {
            let mut block = Allocator.alloc_zeroed(layout(1000));
            let mut size = 1000;
            for next in [LARGE + 7, LARGE + 8, 3 * LARGE, 2 * LARGE, 500] {
                block.add(size.min(next) - 1).write(9);
                block = Allocator.realloc(block, layout(size), next);
                assert_eq!(block.add(size.min(next) - 1).read(), 9);
                size = next;
            }
            Allocator.dealloc(block, layout(size));
            let dirty = Allocator.alloc(layout(2 * LARGE));
            dirty.write_bytes(1, 2 * LARGE);
            Allocator.dealloc(dirty, layout(2 * LARGE));
            let clean = Allocator.alloc_zeroed(layout(2 * LARGE));
            assert!((0..2 * LARGE).all(|i| clean.add(i).read() == 0));
            Allocator.dealloc(clean, layout(2 * LARGE));
        }
    }
}
