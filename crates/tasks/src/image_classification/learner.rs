//! Batches of pictures and their loss.

use super::transform::ImageTransform;
use crate::classify::{ClassHead, ClassMeter, ClassTargets, GOAL};
use crate::parts::Parts;
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_data::augment::mixup_share;
use modelwright_data::rng::{Purpose, stream};
use modelwright_data::{AugmentConfig, DataError, ImageSet, Part};
use modelwright_models::ImageNet;
use modelwright_train::{Goal, Learner, Mistake, Recipe, StepLoss};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Pictures as the training loop sees them.
pub(super) struct ImageLearner {
    set: ImageSet,
    parts: Parts,
    head: ClassHead,
    transform: ImageTransform,
    augment: AugmentConfig,
    seed: u64,
}

/// Pictures and classes of a step.
pub(super) struct ImageBatch {
    pictures: Tensor<4>,
    targets: ClassTargets,
}

impl ImageLearner {
    pub fn new(
        recipe: &Recipe,
        set: ImageSet,
        parts: Parts,
        head: ClassHead,
        transform: ImageTransform,
    ) -> Self {
        Self {
            set,
            parts,
            head,
            transform,
            augment: recipe.augment.clone(),
            seed: recipe.training.seed,
        }
    }

    pub fn into_parts(self) -> (ImageSet, Parts, ClassHead, ImageTransform) {
        (self.set, self.parts, self.head, self.transform)
    }

    /// One normalized picture, changed at random if `epoch` is given.
    fn write(&self, index: usize, epoch: Option<usize>, out: &mut [f32]) -> Result<(), DataError> {
        self.transform.write(&self.set, index, out)?;
        if let Some(epoch) = epoch.filter(|_| !self.augment.is_identity()) {
            let mut rng = stream(self.seed, Purpose::Augment, (epoch as u64, index as u64));
            self.augment.apply(out, self.transform.planes(), &mut rng);
        }
        self.transform.normalize(out);
        Ok(())
    }

    /// Blends each picture with another of its batch (mixup).
    fn mix(
        &self,
        batch: &mut [f32],
        labels: &[u32],
        size: usize,
        epoch: usize,
        first: usize,
    ) -> (Vec<u32>, f32) {
        let mut rng = stream(self.seed, Purpose::Mixup, (epoch as u64, first as u64));
        let share = mixup_share(self.augment.mixup, &mut rng);
        let mut partner: Vec<usize> = (0..labels.len()).collect();
        partner.shuffle(&mut rng);
        let original = batch.to_vec();
        for (out, other) in batch.chunks_exact_mut(size).zip(&partner) {
            for (a, b) in out.iter_mut().zip(&original[other * size..]) {
                *a = *a * share + *b * (1.0 - share);
            }
        }
        (partner.iter().map(|i| labels[*i]).collect(), share)
    }
}

impl Learner for ImageLearner {
    type Model = ImageNet;
    type Batch = ImageBatch;
    type Meter = ClassMeter;

    fn examples(&self, part: Part) -> usize {
        self.parts.of(part).len()
    }

    fn collate(
        &self,
        part: Part,
        indices: &[usize],
        epoch: Option<usize>,
        device: &Device,
    ) -> Result<ImageBatch, DataError> {
        let rows = self.parts.pick(part, indices);
        let [channels, height, width] = self.transform.planes();
        let size = channels * height * width;
        let mut pixels = vec![0.0; rows.len() * size];
        // Small pictures are cheaper to convert than to hand to another thread.
        let work = |(row, out): (&usize, &mut [f32])| self.write(*row, epoch, out);
        match size >= 3 * 32 * 32 {
            true => rows
                .par_iter()
                .zip(pixels.par_chunks_mut(size))
                .try_for_each(work)?,
            false => rows
                .iter()
                .zip(pixels.chunks_mut(size))
                .try_for_each(work)?,
        }
        let host: Vec<u32> = rows.iter().filter_map(|i| self.set.labels[*i]).collect();
        let mixed = epoch.filter(|_| self.augment.mixup > 0.0).map(|epoch| {
            let (others, share) = self.mix(&mut pixels, &host, size, epoch, rows[0]);
            (self.head.labels(&others, device), share)
        });
        let data = TensorData::new(pixels, [rows.len(), channels, height, width]);
        let labels = self.head.labels(&host, device);
        Ok(ImageBatch {
            pictures: Tensor::from_data(data, device),
            targets: ClassTargets {
                host,
                labels,
                weights: None,
                mixed,
            },
        })
    }

    fn meter(&self) -> ClassMeter {
        ClassMeter::default()
    }

    fn loss(&self, model: &ImageNet, batch: ImageBatch, meter: &mut ClassMeter) -> StepLoss {
        let logits = model.forward(batch.pictures);
        self.head.loss(logits, &batch.targets, meter)
    }

    fn goal(&self) -> Goal {
        GOAL
    }

    fn mistakes(&self, meter: &ClassMeter) -> Vec<Mistake> {
        self.head.mistakes(meter, self.parts.of(Part::Validation))
    }
}
