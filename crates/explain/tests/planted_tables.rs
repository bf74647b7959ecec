//! A column that alone decides, and what is left of it once the weights are drawn anew (Adebayo et al.
//! 2018).

mod common;

use common::{Rng, correlation, open, randomized, roomy, train};
use modelwright_data::{Content, Dataset, OpenOptions};
use modelwright_explain::table::{
    Search, Wanted, counterfactuals, dependence, importance, shapley,
};
use modelwright_explain::{Explanation, Shares, Subject, nearest};
use modelwright_tasks::Predictor;
use std::path::{Path, PathBuf};

/// `key` decides `good` and the value; `a`, `b` and `word` are noise.
fn write_table(folder: &Path) -> PathBuf {
    let mut rng = Rng(8);
    let mut csv = String::from("a,key,b,word,class,value\n");
    for _ in 0..400 {
        let number = |rng: &mut Rng| (rng.uniform() * 100.0).round() / 10.0;
        let (a, key, b) = (number(&mut rng), number(&mut rng), number(&mut rng));
        let word = ["red", "green", "blue"][rng.below(3)];
        let class = if key > 5.0 { "good" } else { "bad" };
        csv += &format!("{a},{key},{b},{word},{class},{:.2}\n", 10.0 * key + 100.0);
    }
    let path = folder.join("rows.csv");
    std::fs::write(&path, csv).unwrap();
    path
}

fn opened(path: &Path) -> Dataset {
    modelwright_data::open(&path.display().to_string(), OpenOptions::default()).unwrap()
}

/// A row that is clearly bad.
fn bad_row(dataset: &Dataset) -> usize {
    let Content::Table(table) = &dataset.content else {
        panic!("a table")
    };
    let key = table.column("key").unwrap();
    (0..table.rows())
        .find(|r| key.text(*r).parse::<f64>().unwrap() < 2.0)
        .unwrap()
}

fn trained(folder: &Path, path: &Path, target: &str, model: &str) -> PathBuf {
    let source = path.display().to_string();
    let other = if target == "class" { "value" } else { "class" };
    let settings = [
        ("data.source", source.as_str()),
        ("data.target", target),
        ("data.exclude", other),
        ("model.architecture", model),
        ("training.epochs", "40"),
        ("optimizer.learning_rate", "0.01"),
        ("training.threads", "2"),
    ];
    train(folder, &settings)
}

fn shares(model: &dyn Predictor, dataset: &Dataset, row: usize) -> Explanation {
    let subject = Subject::new(model, "t", None, &dataset.content, row).unwrap();
    shapley(&subject, &dataset.content, row, &dataset.content).unwrap()
}

fn largest(explanation: &Explanation) -> (String, f64) {
    let Shares::Row { columns } = &explanation.shares else {
        panic!("shares of columns")
    };
    let mut sorted: Vec<_> = columns.iter().collect();
    sorted.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    (
        sorted[0].column.clone(),
        sorted[0].value.abs() / sorted[1].value.abs(),
    )
}

#[test]
fn the_column_that_decides_has_the_share_and_shares_change_with_the_weights() {
    roomy(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = write_table(folder.path());
        let dataset = opened(&path);
        let row = bad_row(&dataset);
        for (target, model) in [
            ("class", "mlp"),
            ("class", "linear"),
            ("value", "mlp"),
            ("value", "linear"),
        ] {
            let what = format!("{target} {model}");
            let bundle = trained(folder.path(), &path, target, model);
            let predictor = open(&bundle);
            let found = shares(&*predictor, &dataset, row);
            let (column, times) = largest(&found);
            assert!(column == "key" && times > 3.0, "{what}: {column} {times}");
            let delta = found.delta.unwrap();
            assert!(
                delta.abs() < 1e-6 * found.score.abs().max(1.0),
                "{what}: {delta}"
            );
            let drawn = shares(&*randomized(&bundle), &dataset, row);
            let (_, times) = largest(&drawn);
            let alike = correlation(&found.values(), &drawn.values());
            assert!(alike < 0.9 || times < 3.0, "{what}: {alike} {times}");
        }
    });
}

#[test]
fn what_matters_to_all_rows_and_what_would_change_one() {
    roomy(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = write_table(folder.path());
        let dataset = opened(&path);
        let row = bad_row(&dataset);
        let bundle = trained(folder.path(), &path, "class", "mlp");
        let model = open(&bundle);
        let content = &dataset.content;
        let subject = Subject::new(&*model, "t", Some("good"), content, row).unwrap();

        let found = importance(&subject, &dataset).unwrap();
        assert_eq!(
            (found.columns[0].column.as_str(), found.loss),
            ("key", modelwright_explain::Loss::Log)
        );
        assert!(found.columns[0].low > 0.1, "{found:?}");
        let second = &found.columns[1];
        assert!(second.value < 0.2 * found.columns[0].value, "{found:?}");

        let found = dependence(&subject, content, "key").unwrap();
        assert!(found.points.len() > 10);
        let (first, last) = (&found.points[0], &found.points[found.points.len() - 1]);
        assert!(first.mean < 0.1 && last.mean > 0.9, "{found:?}");
        let error = dependence(&subject, content, "class").unwrap_err();
        assert!(error.help().unwrap().contains("key"), "{error}");

        let search = Search {
            wanted: Wanted::Class(subject.class().unwrap()),
            fixed: &[],
            most_changes: 3,
            count: 3,
        };
        let found = counterfactuals(&subject, content, row, content, &search).unwrap();
        let way = &found.found[0];
        assert_eq!(
            (way.changes.len(), way.changes[0].column.as_str()),
            (1, "key")
        );
        let to: f64 = way.changes[0].to.clone().unwrap().parse().unwrap();
        // The nearest value of other rows behind the border that was learned.
        assert!((4.0..6.5).contains(&to) && way.score > 0.5, "{way:?}");
        assert!(found.score < 0.5);
        let fixed = ["key".to_string()];
        let search = Search {
            fixed: &fixed,
            ..search
        };
        let found = counterfactuals(&subject, content, row, content, &search).unwrap();
        assert!(
            found
                .found
                .iter()
                .flat_map(|f| &f.changes)
                .all(|c| c.column != "key")
        );
        let wrong = ["keys".to_string()];
        let search = Search {
            fixed: &wrong,
            ..search
        };
        assert!(counterfactuals(&subject, content, row, content, &search).is_err());

        let all: Vec<usize> = (0..content.len()).filter(|r| *r != row).collect();
        let near = nearest(&*model, ("t", content, row), &dataset, &all, 4).unwrap();
        assert_eq!(near.found.len(), 4);
        assert!(
            near.found
                .windows(2)
                .all(|w| w[0].distance <= w[1].distance)
        );
        assert!(near.found[0].truth.is_some());
    });
}

#[test]
fn a_number_is_moved_over_the_limit() {
    roomy(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = write_table(folder.path());
        let dataset = opened(&path);
        let row = bad_row(&dataset);
        let bundle = trained(folder.path(), &path, "value", "mlp");
        let model = open(&bundle);
        let content = &dataset.content;
        let subject = Subject::new(&*model, "t", None, content, row).unwrap();
        let search = Search {
            wanted: Wanted::AtLeast(170.0),
            fixed: &[],
            most_changes: 2,
            count: 1,
        };
        let found = counterfactuals(&subject, content, row, content, &search).unwrap();
        assert_eq!(found.found[0].changes[0].column, "key");
        assert!(
            found.found[0].score >= 170.0 && found.score < 130.0,
            "{found:?}"
        );
        let search = Search {
            wanted: Wanted::AtMost(170.0),
            ..search
        };
        let error = counterfactuals(&subject, content, row, content, &search).unwrap_err();
        assert!(error.to_string().contains("already"), "{error}");
        let error = Subject::new(&*model, "t", Some("good"), content, row)
            .err()
            .unwrap();
        assert!(error.to_string().contains("gives a number"), "{error}");
    });
}
