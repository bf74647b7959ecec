//! What is learned on real data. The slow ones run in release, by `.ci/run`.

use modelwright_data::{Content, Dataset, Part, TableEncoder};
use modelwright_runs::Bundle;
use modelwright_tasks::{Ended, Evaluation, Plan, Report, Session, SessionOptions, load};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event, Recipe};
use std::path::{Path, PathBuf};

fn train(runs: &Path, settings: &[(&str, &str)]) -> (Report, Dataset, Recipe) {
    let mut layers = Layers::default();
    for (key, value) in settings {
        layers.set(key, value).unwrap();
    }
    let plan = Plan::new(&layers, &modelwright_data::quiet).unwrap();
    let (dataset, recipe) = (plan.dataset.clone(), plan.recipe.clone());
    let control = Control::default();
    let options = SessionOptions {
        runs,
        tensorboard: false,
        control: &control,
        notify: &modelwright_data::quiet,
    };
    let session = Session::start(plan, options).unwrap();
    match session.run(Box::new(|_: &Event| {})).unwrap() {
        Ended::Finished(report) => (*report, dataset, recipe),
        Ended::Interrupted => panic!("nobody asked it to stop"),
    }
}

/// Solves `A x = b` for a symmetric positive definite `A` by Cholesky's method.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for j in 0..n {
        for k in 0..j {
            let factor = a[j][k];
            a[j..].iter_mut().for_each(|row| row[j] -= row[k] * factor);
        }
        let root = a[j][j].sqrt();
        (j..n).for_each(|i| a[i][j] /= root);
    }
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| a[i][k] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i][i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| a[k][i] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i][i];
    }
    b
}

fn r2(predicted: &[f64], truth: &[f64]) -> f64 {
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let errors: f64 = predicted
        .iter()
        .zip(truth)
        .map(|(p, t)| (p - t).powi(2))
        .sum();
    1.0 - errors / truth.iter().map(|t| (t - mean).powi(2)).sum::<f64>()
}

/// R² of least squares on the training part, for the training and the test part.
fn least_squares(dataset: &Dataset, parts: &[Part]) -> (f64, f64) {
    let Content::Table(table) = &dataset.content else {
        panic!("no table")
    };
    let of = |part| -> Vec<usize> { (0..parts.len()).filter(|i| parts[*i] == part).collect() };
    let (train, test) = (of(Part::Train), of(Part::Test));
    let (encoder, _) = TableEncoder::fit(table, "ames", "Sale_Price", &[], &train).unwrap();
    let width = encoder.width() + 1;
    let rows = |rows: &[usize]| -> Vec<Vec<f64>> {
        let values = encoder.encode(table, "ames", rows).unwrap();
        let row = |r: &[f32]| r.iter().map(|v| f64::from(*v)).chain([1.0]).collect();
        values.chunks_exact(width - 1).map(row).collect()
    };
    let price = |rows: &[usize]| -> Vec<f64> {
        rows.iter()
            .map(|r| {
                table
                    .column("Sale_Price")
                    .unwrap()
                    .text(*r)
                    .parse()
                    .unwrap()
            })
            .collect()
    };
    let (x, y) = (rows(&train), price(&train));
    // One level of each category follows from the others; a breath of ridge picks one solution.
    let mut normal = vec![vec![0.0; width]; width];
    let mut right = vec![0.0; width];
    for (row, target) in x.iter().zip(&y) {
        for i in (0..width).filter(|i| row[*i] != 0.0) {
            right[i] += row[i] * target;
            (0..width).for_each(|j| normal[i][j] += row[i] * row[j]);
        }
    }
    (0..width).for_each(|i| normal[i][i] += 1e-6);
    let weights = solve(normal, right);
    let predict = |x: &[Vec<f64>]| -> Vec<f64> {
        x.iter()
            .map(|row| row.iter().zip(&weights).map(|(a, b)| a * b).sum())
            .collect()
    };
    (
        r2(&predict(&x), &y),
        r2(&predict(&rows(&test)), &price(&test)),
    )
}

#[test]
#[ignore = "slow: run in release"]
fn linear_regression_on_ames_reaches_least_squares() {
    let folder = tempfile::tempdir().unwrap();
    let (report, dataset, recipe) = train(
        folder.path(),
        &[
            ("data.source", "ames"),
            ("data.validation", "0"),
            ("model.architecture", "linear"),
            ("optimizer.name", "adam"),
            ("optimizer.learning_rate", "0.01"),
            ("training.batch_size", "4096"),
            ("training.epochs", "10000"),
            ("training.early_stopping", "10000"),
            ("training.keep", "last"),
            ("training.checkpoint_seconds", "1000"),
        ],
    );
    let predictor = load(
        &Bundle::open(&report.bundle).unwrap(),
        burn::tensor::Device::flex(),
    )
    .unwrap();
    let parts = predictor.parts(&dataset, &recipe).unwrap();
    let train_rows: Vec<usize> = (0..parts.len())
        .filter(|i| parts[*i] == Part::Train)
        .collect();
    let score = |evaluation: &Evaluation| evaluation.scores()[0].1;
    let ours = (
        score(&predictor.evaluate(&dataset, &train_rows).unwrap()),
        score(&report.evaluation),
    );
    let exact = least_squares(&dataset, &parts);
    println!(
        "R² train {:.5} (least squares {:.5}), test {:.5} ({:.5}), {:.1} s",
        ours.0, exact.0, ours.1, exact.1, report.seconds
    );
    assert!(
        (ours.0 - exact.0).abs() < 5e-4,
        "train: {} {}",
        ours.0,
        exact.0
    );
    // Levels that occur in a handful of rows leave directions that the training part hardly
    // determines; there the two answers may differ on rows they have not seen.
    assert!(
        (ours.1 - exact.1).abs() < 5e-3,
        "test: {} {}",
        ours.1,
        exact.1
    );
}

/// A folder of `scripts/fetch-test-data`, or a note that the test is skipped.
fn test_data(name: &str) -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache"));
    let cache = || {
        std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(home)
    };
    let root = std::env::var_os("MODELWRIGHT_TEST_DATA").map(PathBuf::from);
    let folder = root
        .or_else(|| cache().map(|c| c.join("modelwright/test-data")))?
        .join(name);
    if !folder.exists() {
        println!(
            "skipped: {} is missing; run scripts/fetch-test-data",
            folder.display()
        );
        return None;
    }
    Some(folder)
}

/// Accuracy of the guide's perceptron with other settings on top.
fn guide_mlp(set: &str, more: &[(&str, &str)]) -> Option<f64> {
    let folder = tempfile::tempdir().unwrap();
    let data = test_data(set)?.display().to_string();
    let mut settings = vec![
        ("data.source", set),
        ("data.data_dir", &data),
        ("data.validation", "0"),
        ("model.architecture", "mlp"),
        ("model.hidden", "256,128"),
        ("optimizer.name", "adam"),
        ("optimizer.learning_rate", "0.001"),
        ("schedule.name", "constant"),
        ("training.batch_size", "64"),
        ("training.epochs", "5"),
    ];
    settings.extend(more);
    let (report, ..) = train(folder.path(), &settings);
    println!(
        "{set} {more:?}: {:?} in {:.1} s",
        report.evaluation.scores()[0],
        report.seconds
    );
    Some(report.evaluation.scores()[0].1)
}

#[test]
#[ignore = "slow: run in release"]
fn the_guides_perceptron_learns_mnist() {
    if let Some(accuracy) = guide_mlp("mnist", &[]) {
        assert!(accuracy > 0.97, "{accuracy}");
    }
}

#[test]
#[ignore = "slow: run in release"]
fn the_guides_perceptron_learns_fashion_mnist() {
    if let Some(accuracy) = guide_mlp("fashion-mnist", &[]) {
        assert!(accuracy > 0.86, "{accuracy}");
    }
}

/// Categories of short questions: few examples of many classes, where it counts that an encoder has seen
/// the words before.
#[test]
#[ignore = "slow: run in release"]
fn a_pretrained_encoder_knows_more_than_n_grams_of_few_questions() {
    let Some(weights) = test_data("minilm") else {
        return;
    };
    let weights = weights.display().to_string();
    let questions = [
        ("data.source", "faq"),
        ("data.text", "question"),
        ("data.target", "category"),
        ("model.weights", &weights),
    ];
    for adapters in [&[][..], &[("model.lora_rank", "8")]] {
        let folder = tempfile::tempdir().unwrap();
        let (report, ..) = train(folder.path(), &[&questions[..], adapters].concat());
        let comparison = report.comparison.unwrap();
        println!("{adapters:?}: {}", comparison.words());
        let best = comparison.best().unwrap().score;
        let accuracy = report.evaluation.scores()[0].1;
        assert!(accuracy > best + 0.02, "{accuracy} against {best}");
    }
}

#[test]
#[ignore = "slow: run in release"]
fn bf16_learns_fashion_mnist_as_well_as_f32() {
    // A rate that goes to 0: with a constant one, seeds alone make a difference of 0.7 points.
    let with = |precision| {
        let settings = [
            ("schedule.name", "cosine"),
            ("training.precision", precision),
        ];
        guide_mlp("fashion-mnist", &settings)
    };
    if let (Some(f32), Some(bf16)) = (with("f32"), with("bf16")) {
        assert!((f32 - bf16).abs() < 0.005, "{f32} in f32, {bf16} in bf16");
    }
}

/// MiniLM knows the language but has never seen a question about a text. Fifteen paragraphs are too few to
/// teach it that for others, but it has to get these right.
#[test]
#[ignore = "slow: run in release"]
fn minilm_learns_to_find_answers() {
    let Some(weights) = test_data("minilm") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (report, dataset, recipe) = train(
        folder.path(),
        &[
            ("data.source", "../../tests/data/squad/product.json"),
            ("model.weights", &weights.display().to_string()),
            ("training.epochs", "15"),
            ("training.batch_size", "16"),
            ("training.keep", "last"),
            ("optimizer.learning_rate", "0.0002"),
        ],
    );
    let bundle = Bundle::open(&report.bundle).unwrap();
    let predictor = load(&bundle, burn::tensor::Device::flex()).unwrap();
    let parts = predictor.parts(&dataset, &recipe).unwrap();
    let train_rows: Vec<usize> = (0..parts.len())
        .filter(|i| parts[*i] == Part::Train)
        .collect();
    let learned = predictor.evaluate(&dataset, &train_rows).unwrap().scores();
    println!("train {learned:?}\ntest {:?}", report.evaluation.scores());
    println!("{:.1} s", report.seconds);
    assert_eq!(learned[0].0, "f1");
    assert!(learned[0].1 > 0.9, "{learned:?}");
}
