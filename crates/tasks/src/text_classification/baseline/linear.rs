//! A score for each class that is a sum over n-grams.

/// What is to be learned of the training texts.
pub(super) struct Targets<'a> {
    /// The classes of each text.
    pub of: Vec<&'a [u32]>,
    /// Number of classes.
    pub classes: usize,
    /// Whether a text may have several, or none: each class is then a question by itself.
    pub several: bool,
}

/// A linear model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Linear {
    /// One a class.
    pub bias: Vec<f32>,
    /// One a bucket and class, the classes of a bucket side by side.
    pub weights: Vec<f32>,
}

impl Linear {
    /// All zeros.
    pub fn new(classes: usize, bits: u32) -> Self {
        Self {
            bias: vec![0.0; classes],
            weights: vec![0.0; classes << bits],
        }
    }

    /// The weights of a bucket.
    pub fn of(&self, bucket: u32) -> &[f32] {
        let classes = self.bias.len();
        &self.weights[bucket as usize * classes..][..classes]
    }

    /// The score of each class for a text; where a text may have several, those above 0 are given.
    pub fn scores(&self, row: &[(u32, f32)]) -> Vec<f32> {
        let mut scores = self.bias.clone();
        for (bucket, value) in row {
            for (score, weight) in scores.iter_mut().zip(self.of(*bucket)) {
                *score += value * weight;
            }
        }
        scores
    }
}
