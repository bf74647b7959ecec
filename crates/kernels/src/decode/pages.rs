//! Keys and values of past tokens, in pages (Kwon et al. 2023).
//!
//! A page holds [`KvPages::PAGE`] tokens of one conversation for all layers; which pages a conversation
//! has, and in which order, is known outside. Numbers are f16. The keys of a head lie feature by
//! feature, `[dim, PAGE]`, so that a register is several tokens and scores need no sum across lanes; the
//! values lie token by token, `[PAGE, dim]`, filled up to whole registers.

use crate::buffer::{Scratch, scratch};
use crate::quant::half::f32_to_f16;
use crate::quant::lanes::{Lanes, for_each_level};

/// All pages of one model. What was not written yet is whatever was there before, and never read but to
/// be left out.
pub struct KvPages {
    kv_heads: usize,
    head_dim: usize,
    pages: usize,
    /// `[page][kv head][keys, values]` of each layer.
    layers: Vec<Scratch<u16>>,
}

impl std::fmt::Debug for KvPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "KvPages({} pages, {} layers, {} heads of {})",
            self.pages,
            self.layers.len(),
            self.kv_heads,
            self.head_dim
        )
    }
}

impl KvPages {
    /// Tokens of a page.
    pub const PAGE: usize = 32;

    /// So many pages for models of this shape. The system gives memory as pages are written.
    pub fn new(layers: usize, kv_heads: usize, head_dim: usize, pages: usize) -> Self {
        let length = pages * kv_heads * head_len(head_dim);
        Self {
            kv_heads,
            head_dim,
            pages,
            layers: (0..layers).map(|_| scratch(length)).collect(),
        }
    }

    /// Bytes of a page of all layers.
    pub fn page_bytes(layers: usize, kv_heads: usize, head_dim: usize) -> usize {
        layers * kv_heads * head_len(head_dim) * size_of::<u16>()
    }

    /// How many pages there are.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// Heads of keys and values.
    pub fn kv_heads(&self) -> usize {
        self.kv_heads
    }

    /// Features of a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// Stores keys and values, `[n, kv_heads, head_dim]` each: row `i` at `slots[i]`, page and place in
    /// the page.
    ///
    /// # Panics
    /// If there is no such layer or slot, or the lengths do not fit.
    pub fn write(&mut self, layer: usize, slots: &[(u32, u32)], keys: &[f32], values: &[f32]) {
        let (dim, row) = (self.head_dim, self.kv_heads * self.head_dim);
        assert_eq!(keys.len(), slots.len() * row, "cache: length of the keys");
        assert_eq!(
            values.len(),
            slots.len() * row,
            "cache: length of the values"
        );
        let page_len = self.page_len();
        let layer = &mut self.layers[layer];
        let mut halves = vec![0; dim];
        for (i, (page, place)) in slots.iter().enumerate() {
            let (page, place) = (*page as usize, *place as usize);
            assert!(place < Self::PAGE, "cache: place {place} in a page");
            let heads = layer[page * page_len..][..page_len].chunks_exact_mut(head_len(dim));
            for (h, head) in heads.enumerate() {
                let from = i * row + h * dim;
                let (k, v) = head.split_at_mut(dim * Self::PAGE);
                to_halves(&keys[from..][..dim], &mut halves);
                for (to, half) in k[place..].iter_mut().step_by(Self::PAGE).zip(&halves) {
                    *to = *half;
                }
                to_halves(&values[from..][..dim], &mut v[place * padded(dim)..][..dim]);
            }
        }
    }

    /// Copies a page in all layers: a conversation goes on from another's beginning.
    ///
    /// # Panics
    /// If there is no such page.
    pub fn copy_page(&mut self, from: u32, to: u32) {
        let length = self.page_len();
        for layer in &mut self.layers {
            let start = from as usize * length;
            layer.copy_within(start..start + length, to as usize * length);
        }
    }

    fn page_len(&self) -> usize {
        self.kv_heads * head_len(self.head_dim)
    }

    /// What an attention reads of a layer: the pages, and the length of each.
    pub(super) fn layer(&self, layer: usize) -> (&[u16], usize) {
        (&self.layers[layer], self.page_len())
    }
}

/// Features of a value with those that fill up registers.
pub(super) const fn padded(dim: usize) -> usize {
    dim.next_multiple_of(32)
}

/// Numbers of a page for one head.
pub(super) const fn head_len(dim: usize) -> usize {
    KvPages::PAGE * (dim + padded(dim))
}

/// Rounds to f16, to nearest even.
fn to_halves(from: &[f32], to: &mut [u16]) {
    assert_eq!(from.len(), to.len());
    let mut job = Rounding {
        from: from.as_ptr(),
        to: to.as_mut_ptr(),
        len: to.len(),
    };
    // SAFETY: both are valid for so many numbers.
    unsafe { round(&mut job) };
}

struct Rounding {
    from: *const f32,
    to: *mut u16,
    len: usize,
}

for_each_level! {
    /// # Safety
    /// Pointers are valid for the length.
    unsafe fn round[](job: &mut Rounding) = round_body;
}

#[inline(always)]
unsafe fn round_body<L: Lanes>(job: &mut Rounding) {
    let whole = job.len / L::ROWS * L::ROWS;
    // SAFETY: the contract of `round`: all of these are inside.
    unsafe {
        for i in (0..whole).step_by(L::ROWS) {
            L::store_halves(L::load(job.from.add(i)), job.to.add(i));
        }
        for i in whole..job.len {
            *job.to.add(i) = f32_to_f16(*job.from.add(i));
        }
    }
}
