//! One tensor as its file holds it.

use modelwright_kernels::quant::{self, Format};

/// A tensor with its bytes, not unpacked.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// How numbers are stored; quantized ones in blocks along the last dimension.
    pub format: Format,
    /// PyTorch's order: of a matrix `[out, in]`.
    pub shape: Vec<usize>,
    /// Rows one after another, little-endian.
    pub bytes: Vec<u8>,
}

impl Stored {
    /// The numbers.
    pub fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.shape.iter().product()];
        quant::dequantize(self.format, &self.bytes, &mut values);
        values
    }

    /// The same numbers in another format, rounded. What does not divide into blocks is f32.
    pub(crate) fn to(self, format: Format) -> Self {
        if self.format == format {
            return self;
        }
        let values = self.values();
        let whole = self
            .shape
            .last()
            .is_some_and(|n| n.is_multiple_of(format.block()));
        let bytes = match format {
            Format::Bf16 => values.iter().flat_map(|x| bf16(*x).to_le_bytes()).collect(),
            Format::Q8_0 if whole => quant::quantize_q8_0(&values),
            _ => return Self::of_values(self.shape, &values),
        };
        Self {
            format,
            shape: self.shape,
            bytes,
        }
    }

    /// Of numbers as they are.
    pub(crate) fn of_values(shape: Vec<usize>, values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        Self {
            format: Format::F32,
            shape,
            bytes,
        }
    }

    /// The rows in the order that Hugging Face's weights of Llama have them.
    ///
    /// GGUF files of Llama hold the features of each head of queries and keys so that neighbours are
    /// rotated with each other; here feature `i` is rotated with feature `i + dim / 2`. Rows move whole,
    /// so that quantized ones stay as they are.
    pub(crate) fn unmixed(mut self, heads: usize) -> Self {
        let rows = self.shape.first().copied().unwrap_or(0);
        let (width, dim) = (self.bytes.len() / rows.max(1), rows / heads.max(1));
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for row in 0..rows {
            let (head, feature) = (row / dim, row % dim);
            let (half, pair) = (feature / (dim / 2), feature % (dim / 2));
            let from = head * dim + 2 * pair + half;
            bytes.extend_from_slice(&self.bytes[from * width..(from + 1) * width]);
        }
        self.bytes = bytes;
        self
    }

    /// The matrix with rows and columns exchanged; only of numbers that stand alone.
    pub(crate) fn transposed(mut self) -> Self {
        let size = self.format.block_bytes();
        if let [rows, columns] = self.shape[..] {
            let mut bytes = Vec::with_capacity(self.bytes.len());
            for column in 0..columns {
                for row in 0..rows {
                    let at = (row * columns + column) * size;
                    bytes.extend_from_slice(&self.bytes[at..at + size]);
                }
            }
            self.bytes = bytes;
            self.shape.reverse();
        }
        self
    }

    /// The rows from `first` on, `count` of them.
    pub(crate) fn rows(mut self, first: usize, count: usize) -> Self {
        let width = self.bytes.len() / self.shape[0].max(1);
        self.bytes = self.bytes[first * width..(first + count) * width].to_vec();
        self.shape[0] = count;
        self
    }
}

/// The nearest bf16, of two equally near ones the even one.
pub(super) fn bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    match value.is_nan() {
        true => (bits >> 16) as u16 | 0x40,
        false => ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_other_formats() {
        let values = [1.0, 1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0, -2.5];
        let rounded = Stored::of_values(vec![1, 4], &values).to(Format::Bf16);
        assert_eq!(rounded.values(), [1.0, 1.0, 1.015625, -2.5]);
        assert_eq!(rounded.bytes.len(), 8);
        let odd = Stored::of_values(vec![1, 4], &values).to(Format::Q8_0);
        assert_eq!(odd.format, Format::F32);
        let wide = Stored::of_values(vec![1, 32], &[0.5; 32]).to(Format::Q8_0);
        assert_eq!((wide.format, wide.bytes.len()), (Format::Q8_0, 34));
    }

    fn numbers(rows: usize, columns: usize) -> Stored {
        let values: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
        Stored::of_values(vec![rows, columns], &values)
    }

    #[test]
    fn rows_of_heads_are_unmixed() {
        // Two heads of four features; a file has them as 0 2 1 3.
        let file = numbers(8, 1).unmixed(2);
        assert_eq!(file.values(), [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    }

    #[test]
    fn matrices_are_turned_and_cut() {
        let turned = numbers(2, 3).transposed();
        assert_eq!(turned.shape, [3, 2]);
        assert_eq!(turned.values(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let cut = turned.rows(1, 2);
        assert_eq!(cut.shape, [2, 2]);
        assert_eq!(cut.values(), [1.0, 4.0, 2.0, 5.0]);
    }
}
