//! Captum and SHAP on the same weights; values made by `tests/golden/explain.py`.

mod common;

use burn::tensor::{Device, TensorData};
use common::{bundle, roomy};
use modelwright_data::images::Pixels;
use modelwright_data::table::parse_csv;
use modelwright_data::{Content, ImageSet, Raster, Table};
use modelwright_explain::picture::{Baseline, PictureMap, grad_cam, integrated};
use modelwright_explain::table::shapley;
use modelwright_explain::{Explanation, Shares, Subject};
use modelwright_models::weights::{self, StateDict};
use modelwright_models::{ImageNet, TableNet};
use modelwright_tasks::Predictor;
use serde_json::{Value, json};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/explain.json")).unwrap()
}

/// The script's formula weights for a network with these names and shapes.
fn formula(shapes: &StateDict) -> StateDict {
    let fill = |(k, (name, data)): (usize, (&String, &TensorData))| {
        let shape = data.shape().to_vec();
        let fan_in: usize = shape.iter().skip(1).product();
        let value = |i: usize| {
            let j = (i % 1021) as f64;
            let base = ((1.0 + 0.7 * (j * j)) + 0.3 * k as f64).sin();
            let value = match name {
                _ if shape.len() > 1 => base * (2.5 / fan_in as f64).sqrt(),
                _ if name.ends_with("running_var") => 1.0 + 0.3 * base,
                _ if name.ends_with("weight") => 1.0 + 0.2 * base,
                _ => 0.1 * base,
            };
            value as f32
        };
        let values: Vec<f32> = (0..data.num_elements()).map(value).collect();
        (name.clone(), TensorData::new(values, shape))
    };
    shapes.iter().enumerate().map(fill).collect()
}

fn labels(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("k{i}")).collect()
}

/// The script's picture.
fn picture(side: usize, channels: usize) -> Content {
    let pixel = |i: usize| {
        let i = i as f64;
        (127.5 + 127.5 * (0.05 * i).sin() * (0.0013 * i * i).cos()).floor() as u8
    };
    let pixels = (0..side * side * channels).map(pixel).collect();
    let raster = Raster::new([side, side, channels], pixels);
    Content::Images(ImageSet::unlabelled(Pixels::Rasters(vec![raster])))
}

fn picture_model(model: Value, side: usize, channels: usize) -> Box<dyn Predictor> {
    let config = serde_json::from_value(model.clone()).unwrap();
    let net = ImageNet::new(&config, [channels, side, side], 3, &Device::flex()).unwrap();
    let preprocessor = json!({
        "do_resize": true, "do_rescale": true, "do_normalize": true,
        "size": { "height": side, "width": side }, "num_channels": channels,
        "rescale_factor": 1.0 / 255.0,
        "image_mean": vec![0.5; channels], "image_std": vec![0.25; channels],
    });
    let state = formula(&weights::collect(&net));
    bundle(
        "image-classification",
        model,
        &labels(3),
        &preprocessor,
        &state,
    )
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn assert_close(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() < tolerance, "{what} {i}: {a} {e}");
    }
}

#[test]
fn pictures_equal_captum() {
    roomy(|| {
        for (name, side, channels, model) in [
            (
                "mlp",
                8,
                1,
                json!({ "architecture": "mlp", "hidden": [12, 6], "dropout": 0.5 }),
            ),
            (
                "lenet",
                16,
                1,
                json!({ "architecture": "lenet", "dropout": 0.5 }),
            ),
            (
                "resnet18",
                32,
                3,
                json!({ "architecture": "resnet18", "stem": "small" }),
            ),
        ] {
            let expected = &golden()["pictures"][name];
            let model = picture_model(model, side, channels);
            let examples = picture(side, channels);
            let class = format!("k{}", expected["class"]);
            let subject = Subject::new(&*model, "t", Some(&class), &examples, 0).unwrap();
            let found = integrated(&subject, &examples, 0, Baseline::Mean).unwrap();
            assert_close(name, &found.values(), &numbers(&expected["values"]), 1e-4);
            let ends = [found.score, found.base.unwrap(), found.delta.unwrap()];
            let known = ["score", "base", "delta"].map(|key| expected[key].as_f64().unwrap());
            assert_close(name, &ends, &known, 1e-4);
            let cam = grad_cam(&subject, &examples, 0);
            if expected["cam"].is_null() {
                assert!(cam.unwrap_err().to_string().contains("no convolutions"));
                continue;
            }
            // Captum's map has the size of the feature map; ours is that of the picture.
            let values = numbers(&expected["cam"]);
            let rows = (values.len() as f64).sqrt() as usize;
            let small = PictureMap {
                height: rows,
                width: rows,
                values,
            };
            let expected = small.resized(side, side);
            assert!(
                expected.largest() > 1e-2,
                "{name}: the map has nothing to compare"
            );
            assert_close(name, &cam.unwrap().values(), &expected.values, 1e-4);
        }
    });
}

/// All rows of the script; the last is the one that is explained.
fn table() -> Table {
    let columns = &golden()["tables"]["columns"];
    let mut text = String::from("x,y,z,c,d\n");
    for row in 0..21 {
        let value = |name: &str| match &columns[name][row] {
            Value::String(word) => word.clone(),
            number => number.to_string(),
        };
        text += &(["x", "y", "z", "c", "d"].map(value).join(",") + "\n");
    }
    parse_csv("t", text.as_bytes(), "utf-8").unwrap()
}

fn table_model(model: Value) -> Box<dyn Predictor> {
    let config = serde_json::from_value(model.clone()).unwrap();
    let net = TableNet::new(&config, 8, 3, &Device::flex()).unwrap();
    let number = |name| json!({ "kind": "number", "name": name, "mean": 1.0, "std": 2.0, "flags_missing": false });
    let category = |name, levels: &[&str]| json!({ "kind": "category", "name": name, "levels": levels, "other": false, "missing": false });
    let columns = [
        number("x"),
        number("y"),
        number("z"),
        category("c", &["a", "b", "c"]),
        category("d", &["no", "yes"]),
    ];
    let preprocessor = json!({
        "target": "t", "classes": labels(3), "encoder": { "columns": columns },
    });
    let state = formula(&weights::collect(&net));
    bundle(
        "tabular-classification",
        model,
        &labels(3),
        &preprocessor,
        &state,
    )
}

fn shares_of(model: Value, class: &Value) -> Explanation {
    let model = table_model(model);
    let table = table();
    let others: Vec<usize> = (0..20).collect();
    let background = Content::Table(table.select(&others));
    let row = Content::Table(table.select(&[20]));
    let class = format!("k{class}");
    let subject = Subject::new(&*model, "t", Some(&class), &row, 0).unwrap();
    shapley(&subject, &row, 0, &background).unwrap()
}

#[test]
fn linear_shares_equal_shap() {
    let expected = &golden()["tables"]["linear"];
    let found = shares_of(json!({ "architecture": "linear" }), &expected["class"]);
    assert_close(
        "values",
        &found.values(),
        &numbers(&expected["values"]),
        1e-5,
    );
    assert_close(
        "base",
        &[found.base.unwrap()],
        &[expected["base"].as_f64().unwrap()],
        1e-5,
    );
    assert!(found.delta.unwrap().abs() < 1e-9);
}

#[test]
fn drawn_shares_are_near_those_over_every_subset() {
    let expected = &golden()["tables"]["mlp"];
    let model = json!({ "architecture": "mlp", "hidden": [8] });
    let found = shares_of(model, &expected["class"]);
    assert_close(
        "base",
        &[found.base.unwrap()],
        &[expected["base"].as_f64().unwrap()],
        1e-5,
    );
    assert!(found.delta.unwrap().abs() < 1e-9);
    let Shares::Row { columns } = &found.shares else {
        panic!("shares of columns")
    };
    let known = numbers(&expected["values"]);
    assert!(
        known.iter().any(|v| v.abs() > 0.02),
        "nothing to compare: {known:?}"
    );
    for (column, expected) in columns.iter().zip(known) {
        let off = (column.value - expected).abs();
        let error = column.error.unwrap();
        assert!(
            off < 3.0 * error + 1e-6 && error < 0.01,
            "{column:?} {expected}"
        );
    }
}
