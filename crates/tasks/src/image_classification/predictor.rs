//! Classes of pictures from a trained network.

use super::images;
use super::transform::ImageTransform;
use crate::answers::Truth;
use crate::classify::{match_labels, predictions, probabilities};
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::input::InputSchema;
use crate::inside::{self, FeatureSlopes, Inside, PictureInside, Slopes};
use crate::network;
use crate::parts::or_train;
use crate::task::{Prediction, Predictor};
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_data::images::Pixels;
use modelwright_data::{Content, DataError, Dataset, ImageSet, Part};
use modelwright_evaluate::ClassificationReport;
use modelwright_kernels::nn::FeatureMap;
use modelwright_models::ImageNet;
use modelwright_runs::{Bundle, PREPROCESSOR};
use modelwright_train::Recipe;
use rayon::prelude::*;
use std::ops::Range;

/// Pictures that go through the network at once.
const BATCH: usize = 64;

/// A network with its transform and class names.
pub(super) struct ImagePredictor {
    net: ImageNet,
    transform: ImageTransform,
    classes: Vec<String>,
    device: Device,
}

impl ImagePredictor {
    pub fn new(
        net: ImageNet,
        transform: ImageTransform,
        classes: Vec<String>,
        device: Device,
    ) -> Self {
        Self {
            net,
            transform,
            classes,
            device,
        }
    }

    pub fn load(bundle: &Bundle, device: Device) -> Result<Self, TaskError> {
        let transform: ImageTransform = bundle.read_json(PREPROCESSOR)?;
        let transform = transform
            .check()
            .map_err(|e| bundle.broken(format!("{PREPROCESSOR}: {e}")))?;
        let classes: Vec<String> = bundle.config.id2label.values().cloned().collect();
        let (planes, count) = (transform.planes(), classes.len());
        let net = network::load(bundle, &planes, count, |config| {
            ImageNet::new(config, planes, count, &device)
        })?;
        Ok(Self {
            net,
            transform,
            classes,
            device,
        })
    }

    fn probabilities(&self, set: &ImageSet, rows: &[usize]) -> Result<Vec<f32>, TaskError> {
        self.map(set, rows, |x| probabilities(self.net.forward(x)))
    }

    /// What `work` makes of some pictures as the network sees them, batch by batch.
    fn map(
        &self,
        set: &ImageSet,
        rows: &[usize],
        work: impl Fn(Tensor<4>) -> Vec<f32>,
    ) -> Result<Vec<f32>, TaskError> {
        let [channels, height, width] = self.transform.planes();
        let size = channels * height * width;
        let mut all = Vec::new();
        for chunk in rows.chunks(BATCH) {
            let mut pixels = vec![0.0; chunk.len() * size];
            chunk
                .par_iter()
                .zip(pixels.par_chunks_mut(size))
                .try_for_each(|(row, out)| -> Result<(), DataError> {
                    self.transform.write(set, *row, out)?;
                    self.transform.normalize(out);
                    Ok(())
                })?;
            let data = TensorData::new(pixels, [chunk.len(), channels, height, width]);
            all.extend(work(Tensor::from_data(data, &self.device)));
        }
        Ok(all)
    }

    /// Metrics on some pictures of a set.
    pub fn evaluate_set(
        &self,
        place: &str,
        set: &ImageSet,
        rows: &[usize],
    ) -> Result<ClassificationReport, TaskError> {
        let labels: Vec<Option<u32>> = rows.iter().map(|i| set.labels[*i]).collect();
        let labels = match_labels(place, &self.classes, &set.classes, &labels)?;
        let probabilities = self.probabilities(set, rows)?;
        Ok(ClassificationReport::new(
            &self.classes,
            &probabilities,
            &labels,
        ))
    }
}

impl Predictor for ImagePredictor {
    fn labels(&self) -> &[String] {
        &self.classes
    }

    fn input(&self) -> InputSchema {
        let [height, width, channels] = self.transform.shape();
        InputSchema::Images {
            height,
            width,
            channels,
        }
    }

    fn prepare(&self, place: &str, content: Content) -> Result<Content, TaskError> {
        let set = images_of(&content, place)?;
        let fit = |i| Ok(set.raster(i)?.fit(self.transform.shape()));
        let rasters = (0..set.len()).map(fit).collect::<Result<_, DataError>>()?;
        let set = ImageSet::unlabelled(Pixels::Rasters(rasters));
        Ok(Content::Images(set))
    }

    fn predict(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Vec<Prediction>, TaskError> {
        let set = images_of(content, place)?;
        let rows: Vec<usize> = rows.collect();
        Ok(predictions(&self.classes, &self.probabilities(set, &rows)?))
    }

    fn truth(&self, dataset: &Dataset, rows: &[usize]) -> Result<(Vec<usize>, Truth), TaskError> {
        let set = images(dataset)?;
        let mut rows = rows.to_vec();
        rows.retain(|i| set.labels[*i].is_some());
        let labels: Vec<Option<u32>> = rows.iter().map(|i| set.labels[*i]).collect();
        let truth = match_labels(&dataset.source, &self.classes, &set.classes, &labels)?;
        Ok((rows, Truth::Classes(truth)))
    }

    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError> {
        let report = self.evaluate_set(&dataset.source, images(dataset)?, rows)?;
        Ok(Evaluation::Classification(report))
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError> {
        Ok(or_train(super::parts(dataset, recipe)?))
    }

    fn inside(&self) -> Inside<'_> {
        Inside::Pictures(self)
    }

    fn features(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Option<Vec<f32>>, TaskError> {
        let set = images_of(content, place)?;
        let rows: Vec<usize> = rows.collect();
        let hidden = |x| self.net.hidden(x).into_data().iter::<f32>().collect();
        self.map(set, &rows, hidden).map(Some)
    }
}

impl PictureInside for ImagePredictor {
    fn planes(&self) -> [usize; 3] {
        self.transform.planes()
    }

    fn see(&self, place: &str, content: &Content, row: usize) -> Result<Vec<f32>, TaskError> {
        let set = images_of(content, place)?;
        let mut planes = vec![0.0; self.transform.planes().iter().product()];
        self.transform.write(set, row, &mut planes)?;
        self.transform.normalize(&mut planes);
        Ok(planes)
    }

    fn see_black(&self) -> Vec<f32> {
        let mut planes = vec![0.0; self.transform.planes().iter().product()];
        self.transform.normalize(&mut planes);
        planes
    }

    fn slopes(&self, pictures: &[f32], output: usize) -> Slopes {
        let [channels, height, width] = self.transform.planes();
        let net = inside::opened(&self.net);
        let one = [1, channels, height, width];
        inside::slopes(pictures, one, output, &self.device, |x| net.forward(x))
    }

    fn feature_map(&self, picture: &[f32], output: usize) -> Option<FeatureSlopes> {
        let [channels, height, width] = self.transform.planes();
        let data = TensorData::new(picture.to_vec(), [1, channels, height, width]);
        let map = self.net.features(Tensor::from_data(data, &self.device))?;
        let [_, channels, height, width] = map.dims();
        let values: Vec<f32> = map.into_nchw().into_data().iter::<f32>().collect();
        let net = inside::opened(&self.net);
        let head = |x| match net.head(FeatureMap::from_nchw(x)) {
            Some(logits) => logits,
            None => unreachable!("a network with a feature map has a head for it"),
        };
        let one = [1, channels, height, width];
        let slopes = inside::slopes(&values, one, output, &self.device, head);
        Some(FeatureSlopes {
            shape: [channels, height, width],
            values,
            gradients: slopes.gradients,
        })
    }
}

/// The pictures to predict for.
fn images_of<'a>(content: &'a Content, place: &str) -> Result<&'a ImageSet, TaskError> {
    match content {
        Content::Images(set) => Ok(set),
        Content::Table(_) => Err(TaskError::asked(
            format!("{place} is a table, but this model takes pictures"),
            "give picture files or a folder of them",
        )),
    }
}
