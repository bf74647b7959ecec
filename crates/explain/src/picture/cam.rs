//! Grad-CAM (Selvaraju et al. 2017).

use super::{PictureMap, inside};
use crate::explanation::{Explanation, Shares};
use crate::method::Method;
use crate::said::{Setting, Unit};
use crate::subject::Subject;
use crate::{Result, asked};
use modelwright_data::Content;
use modelwright_tasks::FeatureSlopes;

/// The last feature map of a network, each channel weighted by the mean gradient of the class's score
/// with respect to it, added up, and what is below 0 set to 0; brought to the size of the picture.
///
/// # Errors
/// The model is no network of pictures, or one without convolutions.
pub fn grad_cam(subject: &Subject, examples: &Content, row: usize) -> Result<Explanation> {
    let net = inside(subject)?;
    let picture = net.see(subject.place(), examples, row)?;
    let Some(map) = net.feature_map(&picture, subject.output()) else {
        return Err(asked(
            "Grad-CAM looks at the last feature map, and this network has no convolutions",
            "use --method integrated-gradients or occlusion, or train lenet or resnet18",
        ));
    };
    let [_, height, width] = net.planes();
    let settings = Setting::FeatureMap {
        width: map.shape[2],
        height: map.shape[1],
    };
    let score = net.slopes(&picture, subject.output()).scores[0];
    let shares = Shares::Picture(weighted(&map).resized(height, width));
    let (method, unit) = (Method::GradCam, Unit::Logit);
    Ok(Explanation::new(
        method, subject, unit, score, settings, shares,
    ))
}

/// `ReLU(Σ_k a_k A_k)` with `a_k` the mean gradient of channel k.
fn weighted(map: &FeatureSlopes) -> PictureMap {
    let [_, height, width] = map.shape;
    let size = height * width;
    let mut values = vec![0.0f64; size];
    let channels = map.values.chunks_exact(size);
    for (channel, slopes) in channels.zip(map.gradients.chunks_exact(size)) {
        let weight = slopes.iter().map(|g| f64::from(*g)).sum::<f64>() / size as f64;
        for (value, v) in values.iter_mut().zip(channel) {
            *value += weight * f64::from(*v);
        }
    }
    values.iter_mut().for_each(|v| *v = v.max(0.0));
    PictureMap {
        height,
        width,
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_count_by_their_mean_gradient_and_nothing_is_negative() {
        let map = FeatureSlopes {
            shape: [2, 1, 2],
            values: vec![1.0, 2.0, 5.0, 1.0],
            gradients: vec![1.0, 3.0, -1.0, 0.0],
        };
        // Weights 2 and -1/2.
        assert_eq!(weighted(&map).values, [0.0, 3.5]);
    }
}
