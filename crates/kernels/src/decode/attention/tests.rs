use super::*;
use crate::cpu::testing::{Rng, error};
use crate::quant::half::{f16_to_f32, f32_to_f16};

/// Conversations with their tokens in pages that are not in order.
struct Case {
    heads: usize,
    kv_heads: usize,
    dim: usize,
    cache: KvPages,
    /// Pages of each conversation, its keys and its values.
    conversations: Vec<(Vec<u32>, Vec<f32>, Vec<f32>)>,
}

const LAYER: usize = 1;

impl Case {
    fn new([heads, kv_heads, dim]: [usize; 3], lengths: &[usize]) -> Self {
        let mut rng = Rng(21);
        let pages: usize = lengths.iter().map(|l| l.div_ceil(KvPages::PAGE)).sum();
        let mut cache = KvPages::new(2, kv_heads, dim, pages + 1);
        let mut free = 0..pages as u32;
        let mut conversations = Vec::new();
        for length in lengths {
            let mut own: Vec<u32> = free.by_ref().take(length.div_ceil(KvPages::PAGE)).collect();
            own.reverse();
            let [keys, values]: [Vec<f32>; 2] =
                [0; 2].map(|_| rng.normals(length * kv_heads * dim));
            let slot = |i: usize| (own[i / KvPages::PAGE], (i % KvPages::PAGE) as u32);
            let slots: Vec<_> = (0..*length).map(slot).collect();
            // In two parts, as a prompt comes.
            let cut = length / 3;
            let at = cut * kv_heads * dim;
            cache.write(LAYER, &slots[..cut], &keys[..at], &values[..at]);
            cache.write(LAYER, &slots[cut..], &keys[at..], &values[at..]);
            conversations.push((own, keys, values));
        }
        Self {
            heads,
            kv_heads,
            dim,
            cache,
            conversations,
        }
    }

    fn run(&self, q: &[f32], rows: &[(usize, usize)], window: Option<usize>) -> Vec<f32> {
        let seen: Vec<Seen> = rows
            .iter()
            .map(|(conversation, length)| Seen {
                pages: &self.conversations[*conversation].0,
                length: *length,
            })
            .collect();
        let mut out = vec![f32::NAN; q.len()];
        paged_attention(q, self.heads, &self.cache, LAYER, &seen, window, &mut out);
        out
    }

    fn exact(&self, q: &[f32], rows: &[(usize, usize)], window: Option<usize>) -> Vec<f64> {
        let (dim, row) = (self.dim, self.kv_heads * self.dim);
        let half = |v: f32| f64::from(f16_to_f32(f32_to_f16(v)));
        let mut out = Vec::new();
        for (q, (conversation, length)) in q.chunks(self.heads * dim).zip(rows) {
            let (_, keys, values) = &self.conversations[*conversation];
            let start = length - window.map_or(*length, |w| w.min(*length));
            for (h, q) in q.chunks(dim).enumerate() {
                let at = h / (self.heads / self.kv_heads) * dim;
                let score = |t: usize| -> f64 {
                    let keys = &keys[t * row + at..][..dim];
                    let products = q.iter().zip(keys).map(|(q, k)| f64::from(*q) * half(*k));
                    products.sum::<f64>() / (dim as f64).sqrt()
                };
                let weights: Vec<f64> = (start..*length).map(|t| score(t).exp()).collect();
                let total: f64 = weights.iter().sum::<f64>().max(1e-300);
                out.extend((0..dim).map(|d| {
                    let values = (start..*length).map(|t| half(values[t * row + at + d]));
                    values.zip(&weights).map(|(v, w)| v * w).sum::<f64>() / total
                }));
            }
        }
        out
    }
}

#[test]
fn rows_are_what_the_definition_says() {
    for shape in [
        [9, 3, 64],
        [4, 4, 16],
        [2, 1, 80],
        [6, 3, 8],
        [32, 1, 12],
        [1, 1, 128],
    ] {
        let case = Case::new(shape, &[1, 70, 33, 200]);
        // A prompt, one token each of others, nothing, and the end of a prompt.
        let mut rows: Vec<(usize, usize)> = (1..=70).map(|length| (1, length)).collect();
        rows.extend([(0, 1), (2, 33), (2, 0), (3, 200)]);
        rows.extend((180..=200).map(|length| (3, length)));
        let q: Vec<f32> = Rng(22).normals(rows.len() * shape[0] * shape[2]);
        for window in [None, Some(1), Some(40)] {
            let found = case.run(&q, &rows, window);
            let exact = case.exact(&q, &rows, window);
            assert!(error(&found, &exact) < 1e-5, "{shape:?} {window:?}");
        }
    }
}

#[test]
fn a_row_does_not_depend_on_others_or_on_threads() {
    let case = Case::new([9, 3, 64], &[90, 150]);
    let mut rows: Vec<(usize, usize)> = (30..=90).map(|length| (0, length)).collect();
    rows.extend((140..=150).map(|length| (1, length)));
    let width = 9 * 64;
    let q: Vec<f32> = Rng(23).normals(rows.len() * width);
    for window in [None, Some(50)] {
        let together = case.run(&q, &rows, window);
        for (i, row) in rows.iter().enumerate() {
            let alone = case.run(&q[i * width..][..width], &[*row], window);
            assert_eq!(alone, together[i * width..][..width], "row {i}");
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(3)
            .build()
            .unwrap();
        assert_eq!(pool.install(|| case.run(&q, &rows, window)), together);
    }
}

#[test]
fn a_copied_page_is_the_same() {
    let mut case = Case::new([2, 1, 32], &[32, 5]);
    let q: Vec<f32> = Rng(24).normals(64);
    let before = case.run(&q, &[(0, 30)], None);
    // The last page is nobody's.
    let free = case.cache.pages() as u32 - 1;
    case.cache.copy_page(case.conversations[0].0[0], free);
    case.conversations[0].0[0] = free;
    assert_eq!(case.run(&q, &[(0, 30)], None), before);
}

#[test]
fn memory_is_predicted() {
    let bytes = KvPages::page_bytes(30, 3, 64);
    assert_eq!(bytes, 30 * 3 * 2 * 64 * 2 * KvPages::PAGE);
}
