//! Planted faults in real data, of a size that takes longer. Run in release, by `.ci/run`.

mod common;
use common::train;
use modelwright_data::{Content, OpenOptions, Part, open, quiet};
use modelwright_report::{Options, Subject, build};
use std::path::PathBuf;

fn test_data(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("MODELWRIGHT_TEST_DATA")?).join(name);
    let there = path.exists();
    if !there {
        println!("{name} is missing: skipped");
    }
    there.then_some(path)
}

/// One label in twenty of the test part is another one now. Of these at least seven in ten must be among
/// the most suspect seven per cent.
#[test]
#[ignore = "slow: run in release"]
fn flipped_labels_of_fashion_mnist_are_suspected() {
    let Some(folder) = test_data("fashion-mnist") else {
        return;
    };
    let folder = folder.display().to_string();
    let trained = train(
        "fashion-mnist",
        &[
            ("data.data_dir", &folder),
            ("model.architecture", "mlp"),
            ("training.epochs", "5"),
        ],
    );
    let options = OpenOptions {
        data_dir: Some(folder.as_ref()),
        encoding: "auto",
        skip_bad: false,
        notify: &quiet,
    };
    let mut dataset = open("fashion-mnist", options).unwrap();
    let parts = trained.predictor.parts(&dataset, &trained.recipe).unwrap();
    let rows: Vec<usize> = (0..parts.len())
        .filter(|i| parts[*i] == Part::Test)
        .collect();
    let Content::Images(set) = &mut dataset.content else {
        panic!("pictures");
    };
    let flipped: Vec<usize> = rows.iter().copied().step_by(20).collect();
    for (i, row) in flipped.iter().enumerate() {
        let shift = 1 + (i % 9) as u32;
        set.labels[*row] = set.labels[*row].map(|label| (label + shift) % 10);
    }
    let subject = Subject::new(&*trained.predictor, &dataset, &rows).unwrap();
    let report = build(&subject, &Options::default()).unwrap();
    let suspects = report.data.suspects.unwrap();
    let most = &suspects.positions[..suspects.positions.len().min(rows.len() * 7 / 100)];
    let found = flipped.iter().filter(|row| most.contains(row)).count();
    println!(
        "{found} of {} flipped labels among the first {}; about {:.0} are expected to be wrong",
        flipped.len(),
        most.len(),
        suspects.expected
    );
    assert!(found as f64 >= 0.7 * flipped.len() as f64, "{found}");
}
