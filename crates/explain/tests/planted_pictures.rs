//! A patch that alone decides the class, and what is left of it once the weights are drawn anew
//! (Adebayo et al. 2018).

mod common;

use common::{Rng, correlation, open, randomized, roomy, train};
use modelwright_data::images::Pixels;
use modelwright_data::{Content, Dataset, ImageSet, OpenOptions, Raster};
use modelwright_explain::picture::{Baseline, grad_cam, integrated, occlusion};
use modelwright_explain::{Explanation, Subject, nearest};
use modelwright_tasks::Predictor;
use std::path::{Path, PathBuf};

const SIDE: usize = 32;
/// First and last row and column of the patch.
const PATCH: [std::ops::Range<usize>; 2] = [9..15, 17..23];

/// Noise, with a bright patch or without.
fn picture(rng: &mut Rng, with: bool) -> Raster {
    let pixel = |i: usize| {
        let inside = PATCH[0].contains(&(i / SIDE)) && PATCH[1].contains(&(i % SIDE));
        let noise = rng.below(120) as u8;
        if with && inside {
            255 - noise / 4
        } else {
            noise
        }
    };
    Raster::new([SIDE, SIDE, 1], (0..SIDE * SIDE).map(pixel).collect())
}

fn write_pictures(folder: &Path) {
    let mut rng = Rng(3);
    for i in 0..160 {
        let class = ["with", "without"][i % 2];
        let png = picture(&mut rng, i % 2 == 0).to_png().unwrap();
        let path = folder.join(class).join(format!("{i}.png"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, png).unwrap();
    }
}

/// Trains on pictures with a patch and without; the data, and the folder of the bundle.
fn trained(folder: &Path, architecture: &str, epochs: &str) -> (Dataset, PathBuf) {
    let photos = folder.join("photos");
    write_pictures(&photos);
    let source = photos.display().to_string();
    let settings = [
        ("data.source", source.as_str()),
        ("model.architecture", architecture),
        ("training.epochs", epochs),
        ("training.threads", "2"),
    ];
    let bundle = train(folder, &settings);
    let dataset = modelwright_data::open(&source, OpenOptions::default()).unwrap();
    (dataset, bundle)
}

/// A new picture with the patch.
fn example() -> Content {
    let raster = picture(&mut Rng(99), true);
    Content::Images(ImageSet::unlabelled(Pixels::Rasters(vec![raster])))
}

fn assert_near(explanation: &Explanation, pixels: usize) {
    let values = explanation.values();
    assert_eq!(values.len(), SIDE * SIDE);
    let off = distance_of_peak(&values);
    assert!(off <= pixels, "{}: {off} pixels off", explanation.method);
}

fn assert_changed(before: &Explanation, after: &Explanation) {
    let alike = correlation(&before.values(), &after.values());
    assert!(alike < 0.5, "{}: {alike}", before.method);
}

/// How far the pixel with the largest share is outside of the patch.
fn distance_of_peak(values: &[f64]) -> usize {
    let peak = (0..values.len())
        .max_by(|a, b| values[*a].total_cmp(&values[*b]))
        .unwrap();
    let off = |at: usize, range: &std::ops::Range<usize>| {
        range
            .start
            .saturating_sub(at)
            .max(at.saturating_sub(range.end - 1))
    };
    off(peak / SIDE, &PATCH[0]).max(off(peak % SIDE, &PATCH[1]))
}

#[test]
fn shares_lie_where_the_patch_is_and_change_with_the_weights() {
    roomy(|| {
        let folder = tempfile::tempdir().unwrap();
        let (dataset, bundle) = trained(folder.path(), "lenet", "8");
        let model = open(&bundle);
        let examples = example();
        let explained = |model: &dyn Predictor| {
            let subject = Subject::new(model, "t", Some("with"), &examples, 0).unwrap();
            [
                integrated(&subject, &examples, 0, Baseline::Mean).unwrap(),
                occlusion(&subject, &examples, 0, None).unwrap(),
            ]
        };
        let found = explained(&*model);
        found
            .iter()
            .for_each(|explanation| assert_near(explanation, 1));
        let delta = found[0].delta.unwrap().abs();
        let apart = (found[0].score - found[0].base.unwrap()).abs();
        assert!(delta < 0.05 * apart, "{delta} of {apart}");

        let all: Vec<usize> = (0..dataset.content.len()).collect();
        let near = nearest(&*model, ("t", &dataset.content, 5), &dataset, &all, 3).unwrap();
        // Alone and in a batch a picture is the same within rounding.
        assert!(near.found[0].example == 5 && near.found[0].distance < 1e-3);
        assert_eq!(near.found[0].truth, near.found[1].truth);

        let drawn = explained(&*randomized(&bundle));
        found
            .iter()
            .zip(&drawn)
            .for_each(|(a, b)| assert_changed(a, b));
    });
}

/// Grad-CAM gives a channel one weight for the whole picture, which is right where the last map is
/// averaged, as in ResNets.
#[test]
fn the_last_map_of_a_resnet_shows_the_patch() {
    roomy(|| {
        let folder = tempfile::tempdir().unwrap();
        let (_, bundle) = trained(folder.path(), "resnet18", "4");
        let examples = example();
        let explained = |model: &dyn Predictor| {
            let subject = Subject::new(model, "t", Some("with"), &examples, 0).unwrap();
            grad_cam(&subject, &examples, 0).unwrap()
        };
        let found = explained(&*open(&bundle));
        // The map has 4x4 places.
        assert_near(&found, 4);
        assert_changed(&found, &explained(&*randomized(&bundle)));
    });
}
