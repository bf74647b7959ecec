//! Examples put together: all of a batch in one row, one after the other, without any padding.

use super::written::Written;
use burn::tensor::{Device, Int, Tensor, TensorData};
use modelwright_kernels::nn::Segments;
use std::ops::Range;

/// Rows of scores that exist at a time: a vocabulary may have a hundred thousand entries.
const ROWS: usize = 256;

/// What a language model reads in a step.
pub(super) struct Batch {
    /// `[1, tokens]`.
    pub ids: Tensor<2, Int>,
    /// Where each example is.
    pub segments: Segments,
    /// Places whose next token is learned, `[learned]`.
    pub places: Tensor<1, Int>,
    /// The tokens that come next there.
    pub labels: Vec<u32>,
    /// Parts of `labels` whose scores are computed together.
    pub parts: Vec<Range<usize>>,
}

impl Batch {
    /// Examples in one row. The parts are those of each example if `apart`, else as large as they may be.
    pub fn new(examples: &[&Written], apart: bool, device: &Device) -> Self {
        let (mut ids, mut places, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let mut parts = Vec::new();
        for example in examples {
            let (start, first) = (ids.len(), labels.len());
            ids.extend(example.ids.iter().map(|id| i64::from(*id)));
            let learned = (1..example.ids.len()).filter(|i| example.learned[*i]);
            for i in learned {
                places.push((start + i - 1) as i64);
                labels.push(example.ids[i]);
            }
            parts.push(first..labels.len());
        }
        if !apart {
            let starts = (0..labels.len()).step_by(ROWS);
            parts = starts.map(|s| s..(s + ROWS).min(labels.len())).collect();
        }
        let count = ids.len();
        Self {
            ids: Tensor::from_data(TensorData::new(ids, [1, count]), device),
            segments: Segments::new(examples.iter().map(|e| e.ids.len()).collect()),
            places: Tensor::from_data(TensorData::new(places, [labels.len()]), device),
            labels,
            parts,
        }
    }

    /// The hidden states `[1, tokens, hidden]` at the places, `[learned, hidden]`.
    pub fn rows(&self, hidden: Tensor<3>) -> Tensor<2> {
        let [_, tokens, width] = hidden.dims();
        hidden
            .reshape([tokens, width])
            .select(0, self.places.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_learned_token_is_told_from_the_one_before() {
        let device = Device::flex();
        let example = |ids: &[u32], learned: &[bool]| Written {
            ids: ids.to_vec(),
            learned: learned.to_vec(),
        };
        let a = example(&[5, 6, 7], &[false, false, true]);
        let b = example(&[8, 9, 10, 11], &[false, true, true, false]);
        let batch = Batch::new(&[&a, &b], true, &device);
        let places: Vec<i64> = batch.places.into_data().iter::<i64>().collect();
        assert_eq!((places, batch.labels), (vec![1, 3, 4], vec![7, 9, 10]));
        assert_eq!(batch.parts, [0..1, 1..3]);
        assert_eq!(**batch.segments.lengths(), [3, 4]);
        assert_eq!(**batch.segments.positions(), [0, 1, 2, 0, 1, 2, 3]);
        let long = example(&vec![1; 600], &vec![true; 600]);
        let batch = Batch::new(&[&long], false, &device);
        assert_eq!(batch.parts, [0..256, 256..512, 512..599]);
    }
}
