//! Token ids on the way into a network.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

/// Texts as token ids, one text a row.
#[derive(Debug, Clone)]
pub struct TokenBatch {
    /// `[batch, seq]`.
    pub ids: Tensor<2, Int>,
    /// `[batch, seq]`, true for tokens and false for padding; `None` if there is no padding.
    pub mask: Option<Tensor<2, Bool>>,
    /// `[batch, seq]`: 0 in the first text of a pair, 1 in the second; `None` if there are no pairs.
    pub types: Option<Tensor<2, Int>>,
}

impl TokenBatch {
    /// Rows of ids, padded on the right to the longest.
    pub fn new(rows: &[&[u32]], pad: u32, device: &Device) -> Self {
        let seq = longest(rows);
        let mask = rows.iter().any(|row| row.len() < seq).then(|| {
            let real = rows.iter().flat_map(|row| (0..seq).map(|i| i < row.len()));
            let real: Vec<bool> = real.collect();
            Tensor::from_data(TensorData::new(real, [rows.len(), seq]), device)
        });
        Self {
            ids: padded(rows, seq, pad, device),
            mask,
            types: None,
        }
    }

    /// With the token types of pairs: 0 for the first text and 1 for the second, a row for each row of
    /// ids and as long as it.
    pub fn with_types(mut self, types: &[&[u32]]) -> Self {
        let device = self.ids.device();
        self.types = Some(padded(types, longest(types), 0, &device));
        self
    }
}

fn longest(rows: &[&[u32]]) -> usize {
    rows.iter().map(|row| row.len()).max().unwrap_or(0)
}

fn padded(rows: &[&[u32]], seq: usize, pad: u32, device: &Device) -> Tensor<2, Int> {
    let mut ids = vec![i64::from(pad); rows.len() * seq];
    for (row, to) in rows.iter().zip(ids.chunks_mut(seq.max(1))) {
        for (id, to) in row.iter().zip(to) {
            *to = i64::from(*id);
        }
    }
    Tensor::from_data(TensorData::new(ids, [rows.len(), seq]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_padded_and_masked_only_if_they_differ_in_length() {
        let device = Device::flex();
        let batch = TokenBatch::new(&[&[5, 6, 7], &[8]], 9, &device);
        let ids: Vec<i64> = batch.ids.into_data().iter::<i64>().collect();
        assert_eq!(ids, [5, 6, 7, 8, 9, 9]);
        let mask: Vec<bool> = batch.mask.unwrap().into_data().iter::<bool>().collect();
        assert_eq!(mask, [true, true, true, true, false, false]);
        let batch =
            TokenBatch::new(&[&[5, 6], &[8, 9]], 0, &device).with_types(&[&[0, 1], &[0, 0]]);
        assert!(batch.mask.is_none());
        let types: Vec<i64> = batch.types.unwrap().into_data().iter::<i64>().collect();
        assert_eq!(types, [0, 1, 0, 0]);
    }
}
