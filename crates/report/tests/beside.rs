//! What stands beside a model: a linear one, a reweighed one; and what the card keeps of a report.

mod common;
use common::{again, data, report, train};
use modelwright_data::Raster;
use modelwright_evaluate::{DecisionCosts, tempered};
use modelwright_report::{
    About, Lang, NoLinear, Options, Stored, linear_model, page, reweighed_model, write_report,
    write_temperature,
};
use modelwright_runs::Bundle;
use modelwright_runs::card::{Documents, MODEL_CARD, today};
use modelwright_tasks::{AnswerValues, Answers};
use modelwright_train::Control;
use std::path::Path;

const CREDIT: &[(&str, &str)] = &[("data.test", "0.5"), ("training.epochs", "15")];

fn card(bundle: &Path) -> String {
    let documents = Documents::of(&Bundle::open(bundle).unwrap()).unwrap();
    documents.text(MODEL_CARD).unwrap().to_string()
}

#[test]
fn the_card_keeps_calibration_and_fairness_and_a_second_report_replaces_them() {
    let trained = train("german-credit", CREDIT);
    let dataset = data("german-credit");
    let sensitive = ["age_in_years".to_string()];
    let options = || Options {
        positive: Some("good"),
        sensitive: &sensitive,
        ..Options::default()
    };
    let first = report(&trained, &dataset, false, options());
    let before = card(&trained.bundle);
    write_report(&trained.bundle, &first).unwrap();
    let text = card(&trained.bundle);
    assert!(text.starts_with(&before), "what was there stays");
    for part in [
        "## Calibration",
        "## Fairness",
        "### By age_in_years",
        "Measured on ",
        &today(),
        " examples of ",
        "expected calibration error",
        "| < 25 |",
        "Demographic parity: a difference of",
        "A threshold for each group, for demographic parity, would bring",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    // With costs, money is told as well; nothing stands there twice.
    let costs = Some(DecisionCosts::of_errors(5.0, 1.0));
    let second = report(&trained, &dataset, false, Options { costs, ..options() });
    write_report(&trained.bundle, &second).unwrap();
    let text = card(&trained.bundle);
    assert_eq!(text.matches("## Fairness").count(), 1);
    assert_eq!(text.matches("## Calibration").count(), 1);
    assert!(text.contains("a case would cost"), "{text}");
    // A report without sensitive columns leaves what is known of groups.
    let third = report(&trained, &dataset, false, Options::default());
    write_report(&trained.bundle, &third).unwrap();
    assert!(card(&trained.bundle).contains("a case would cost"));
}

#[test]
fn the_card_tells_of_a_temperature() {
    let trained = train("iris", &[("training.epochs", "5")]);
    let dataset = data("iris");
    let rows: Vec<usize> = (0..dataset.content.len()).collect();
    let mut answers = Answers::new(&*trained.predictor, &dataset, &rows).unwrap();
    let AnswerValues::Classes { probabilities, .. } = &mut answers.values else {
        panic!("classes")
    };
    *probabilities = tempered(probabilities, 3, 0.5);
    let about = About {
        source: "/home/me/iris.csv".into(),
        part: "all".into(),
        ..About::default()
    };
    let stored = Stored {
        temperature: 0.5,
        examples: 30,
        part: "validation",
    };
    write_temperature(&trained.bundle, stored, &about, &answers).unwrap();
    let text = card(&trained.bundle);
    for part in [
        "divided by 0.5,",
        "fitted to 30 examples of iris.csv (its validation part)",
        "on 150 examples of iris.csv. The probabilities are the corrected ones.",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(!text.contains("/home/me/iris"));
}

#[test]
fn thresholds_have_a_price_in_money_where_errors_cost() {
    let trained = train("german-credit", CREDIT);
    let sensitive = ["age_in_years".to_string()];
    let options = Options {
        positive: Some("good"),
        sensitive: &sensitive,
        costs: Some(DecisionCosts::of_errors(5.0, 1.0)),
        ..Options::default()
    };
    let report = report(&trained, &data("german-credit"), false, options);
    let fair = &report.fairness[0];
    let best = report.decision.as_ref().unwrap().best.threshold;
    assert!((f64::from(fair.threshold) - best).abs() < 1e-6);
    for mitigation in &fair.mitigation {
        let money = mitigation.price.money.unwrap();
        assert!(money.before > 0.0 && money.after > 0.0, "{money:?}");
        assert!(money.interval.contains(money.change), "{money:?}");
    }
    let html = page(&report, Lang::En);
    assert!(html.contains("cheapest threshold for all"));
    assert!(page(&report, Lang::Zh).contains("最省阈值"));
}

#[test]
fn a_second_training_tells_what_reweighing_would_do() {
    let trained = train("german-credit", CREDIT);
    let folder = tempfile::tempdir().unwrap();
    let control = Control::default();
    let column = "age_in_years".to_string();
    let other = reweighed_model(&trained.recipe, &column, again(folder.path(), &control)).unwrap();
    let sensitive = [column.clone(), "housing".to_string()];
    let reweighed = [(column, other)];
    let options = Options {
        positive: Some("good"),
        sensitive: &sensitive,
        reweighed: &reweighed,
        ..Options::default()
    };
    let report = report(&trained, &data("german-credit"), false, options);
    let price = report.fairness[0].reweighed.as_ref().unwrap();
    assert!(price.changed > 0, "another model: {price:?}");
    assert!(price.before.demographic_parity.is_some() && price.money.is_none());
    // Of the other attribute there is none.
    assert!(report.fairness[1].reweighed.is_none());
    assert!(page(&report, Lang::En).contains("reweighed training"));
    // What was reweighed already is not reweighed again.
    let mut recipe = trained.recipe.clone();
    recipe.training.reweigh = Some("housing".into());
    let error = reweighed_model(&recipe, "housing", again(folder.path(), &control));
    assert!(error.err().unwrap().to_string().contains("already"));
}

#[test]
fn a_linear_model_sees_large_pictures_small() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    for (class, first) in [("dark", 20u8), ("light", 180)] {
        std::fs::create_dir_all(photos.join(class)).unwrap();
        for i in 0..30u8 {
            let pixel = |at: u32| {
                [
                    first + i,
                    first + (at % 96 % 40) as u8,
                    (at / 96 % 60) as u8,
                ]
            };
            let picture = Raster::new([96, 96, 3], (0..96 * 96).flat_map(pixel).collect());
            let path = photos.join(class).join(format!("{i}.png"));
            std::fs::write(path, picture.to_png().unwrap()).unwrap();
        }
    }
    let source = photos.display().to_string();
    let settings = [
        ("model.architecture", "mlp"),
        ("data.image_size", "96"),
        ("training.epochs", "2"),
        ("data.test", "0.3"),
    ];
    let trained = train(&source, &settings);
    assert_eq!(NoLinear::of(&trained.recipe), None);
    let (work, control) = (tempfile::tempdir().unwrap(), Control::default());
    let linear = linear_model(
        &trained.recipe,
        &*trained.predictor,
        again(work.path(), &control),
    );
    let linear = linear.unwrap();
    assert_eq!(linear.side, Some(32));
    let options = Options {
        linear: Some(&linear),
        ..Options::default()
    };
    let report = report(&trained, &data(&source), false, options);
    let beside = report.linear.as_ref().unwrap();
    assert!(beside.against.paired.mcnemar.is_some());
    assert!(page(&report, Lang::En).contains("a linear model of the pictures at 32 × 32 pixels"));
}

#[test]
fn why_no_linear_model_is_there_is_said() {
    let trained = train(
        "iris",
        &[("model.architecture", "linear"), ("training.epochs", "3")],
    );
    let why = NoLinear::of(&trained.recipe);
    assert_eq!(why, Some(NoLinear::IsLinear));
    let options = Options {
        no_linear: why,
        ..Options::default()
    };
    let report = report(&trained, &data("iris"), false, options);
    assert!(page(&report, Lang::En).contains("it is linear itself"));
}
