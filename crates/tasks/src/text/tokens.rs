//! Texts as tokens, put together into batches.

use burn::tensor::{Device, Tensor};
use modelwright_models::{TokenBatch, Tokenizer};
use rayon::prelude::*;

/// The tokens of many texts, one sequence after the other.
pub(crate) struct TokenSet {
    ids: Vec<u32>,
    /// Where each sequence begins, and where the last one ends.
    starts: Vec<usize>,
    truncated: Vec<bool>,
    pad: u32,
}

impl TokenSet {
    /// Tokenizes texts; of each at most `max_length` tokens are kept, special ones included.
    pub fn new<T: AsRef<str> + Sync>(
        tokenizer: &Tokenizer,
        texts: &[T],
        max_length: usize,
    ) -> Self {
        let encoded: Vec<_> = texts
            .par_iter()
            .map(|text| {
                let encoded = tokenizer.encode(text.as_ref(), max_length);
                (encoded.ids, encoded.truncated)
            })
            .collect();
        let mut set = Self {
            ids: Vec::with_capacity(encoded.iter().map(|(ids, _)| ids.len()).sum()),
            starts: vec![0],
            truncated: Vec::with_capacity(encoded.len()),
            pad: tokenizer.pad(),
        };
        for (ids, truncated) in encoded {
            set.ids.extend(ids);
            set.starts.push(set.ids.len());
            set.truncated.push(truncated);
        }
        set
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.truncated.len()
    }

    /// The tokens of a text.
    pub fn ids(&self, text: usize) -> &[u32] {
        &self.ids[self.starts[text]..self.starts[text + 1]]
    }

    /// How many tokens a text has.
    pub fn length(&self, text: usize) -> u32 {
        (self.starts[text + 1] - self.starts[text]) as u32
    }

    /// Whether a text went on after the tokens that are kept.
    pub fn is_truncated(&self, text: usize) -> bool {
        self.truncated[text]
    }

    /// Some texts as a batch, padded to the longest of them.
    pub fn batch(&self, texts: &[usize], device: &Device) -> TokenBatch {
        let rows: Vec<&[u32]> = texts.iter().map(|text| self.ids(*text)).collect();
        TokenBatch::new(&rows, self.pad, device)
    }

    /// The same texts, the shortest first; those of one length stay in their order.
    pub fn by_length(&self, texts: &[usize]) -> Vec<usize> {
        let mut sorted = texts.to_vec();
        sorted.sort_by_key(|text| self.length(*text));
        sorted
    }

    /// What `work` makes of each text, in the order of `texts`: a row of values for each row of a batch.
    /// Batches are of texts of like length, up to `size` of them.
    pub fn map(
        &self,
        texts: &[usize],
        size: usize,
        device: &Device,
        mut work: impl FnMut(TokenBatch) -> Tensor<2>,
    ) -> Vec<f32> {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|position| self.length(texts[*position]));
        let mut all = Vec::new();
        for positions in order.chunks(size) {
            let rows: Vec<usize> = positions.iter().map(|p| texts[*p]).collect();
            let data = work(self.batch(&rows, device)).into_data();
            let values: Vec<f32> = data.iter::<f32>().collect();
            let width = values.len() / positions.len();
            if all.is_empty() {
                all = vec![0.0; texts.len() * width];
            }
            for (position, row) in positions.iter().zip(values.chunks_exact(width.max(1))) {
                all[position * width..][..width].copy_from_slice(row);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_models::TokenizerKind;

    #[test]
    fn results_come_in_the_order_of_the_texts() {
        let texts = [
            "one two three four five",
            "one",
            "one two three",
            "two",
            "three four",
        ];
        let tokenizer = Tokenizer::train(TokenizerKind::default(), 300, texts).unwrap();
        let set = TokenSet::new(&tokenizer, &texts, 5);
        assert_eq!(set.len(), 5);
        assert!(set.is_truncated(0) && !set.is_truncated(1));
        let device = Device::flex();
        let asked = [4, 0, 1, 3];
        // The first token, the sum of all, and the length of the batch.
        let values = set.map(&asked, 2, &device, |batch| {
            let [_, length] = batch.ids.dims();
            let ids = batch.ids.float();
            let second = ids.clone().narrow(1, 1, 1);
            Tensor::cat(
                vec![
                    second,
                    ids.zeros_like().add_scalar(length as f64).narrow(1, 0, 1),
                ],
                1,
            )
        });
        for (text, row) in asked.iter().zip(values.chunks_exact(2)) {
            assert_eq!(row[0] as u32, set.ids(*text)[1], "text {text}");
        }
        // Short texts are not padded to the longest of all.
        assert!(values[5] < values[3], "{values:?}");
        assert_eq!(set.by_length(&asked), [1, 3, 4, 0]);
    }
}
