//! A word that alone decides the class, and what is left of it once the weights are drawn anew
//! (Adebayo et al. 2018).

mod common;

use common::{Rng, correlation, open, randomized, roomy, train};
use modelwright_data::{Column, Content, Table};
use modelwright_explain::text::{integrated, leave_one_out};
use modelwright_explain::{Explanation, Shares, Subject};
use modelwright_tasks::{Inside, Predictor};

const WORDS: [&str; 12] = [
    "the", "river", "was", "calm", "and", "wide", "while", "people", "walked", "home", "very",
    "late",
];
const KEY: &str = "zebra";

fn sentence(rng: &mut Rng, with: bool) -> String {
    let mut words: Vec<&str> = (0..8).map(|_| WORDS[rng.below(WORDS.len())]).collect();
    if with {
        words[rng.below(8)] = KEY;
    }
    words.join(" ")
}

fn explained(model: &dyn Predictor, examples: &Content) -> Vec<Explanation> {
    let subject = Subject::new(model, "t", Some("yes"), examples, 0).unwrap();
    vec![
        integrated(&subject, examples, 0).unwrap(),
        leave_one_out(&subject, examples, 0).unwrap(),
    ]
}

/// Slopes are what the scores change by, for whatever architecture. A few may lie at a kink, where the
/// largest answer of a filter moves to another word.
fn check_slopes(model: &dyn Predictor) {
    let Inside::Texts(net) = model.inside() else {
        panic!("a network of texts")
    };
    let read = net.read("the river zebra");
    let words = net.words(&read.ids);
    let slopes = net.slopes(&read.ids, &words, 1);
    let step = 2e-3;
    let is_off = |at: &usize| {
        let moved = |by: f32| {
            let mut words = words.clone();
            words[*at] += by;
            net.slopes(&read.ids, &words, 1).scores[0]
        };
        let expected = (moved(step) - moved(-step)) / f64::from(2.0 * step);
        let found = f64::from(slopes.gradients[*at]);
        (found - expected).abs() > 0.02 * expected.abs().max(0.1)
    };
    let tried = (0..words.len()).step_by(words.len() / 40 + 1);
    let off: Vec<usize> = tried.filter(is_off).collect();
    assert!(off.len() <= 4, "{off:?}");
}

fn shares_follow_the_word(architecture: &str, more: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = Rng(5);
    let mut csv = String::from("text,label\n");
    for i in 0..240 {
        let with = i % 2 == 0;
        csv += &format!(
            "{},{}\n",
            sentence(&mut rng, with),
            if with { "yes" } else { "no" }
        );
    }
    let path = folder.path().join("texts.csv");
    std::fs::write(&path, csv).unwrap();
    let source = path.display().to_string();
    let mut settings = vec![
        ("data.source", source.as_str()),
        ("task", "text-classification"),
        ("model.architecture", architecture),
        ("model.vocabulary", "300"),
        ("training.threads", "2"),
    ];
    settings.extend(more);
    let bundle = train(folder.path(), &settings);
    let model = open(&bundle);
    check_slopes(&*model);

    let text = "people walked home while the zebra was calm";
    let examples = Content::Table(Table {
        columns: vec![Column::of_texts("text", &[Some(text.into())])],
    });
    let found = explained(&*model, &examples);
    let start = text.find(KEY).unwrap();
    for explanation in &found {
        let Shares::Text { pieces, .. } = &explanation.shares else {
            panic!("shares of words")
        };
        let top = pieces
            .iter()
            .max_by(|a, b| a.value.total_cmp(&b.value))
            .unwrap();
        let inside = top.start >= start && top.end <= start + KEY.len();
        assert!(
            inside && top.value > 0.0,
            "{architecture} {}: {top:?}",
            explanation.method
        );
        assert!(KEY.contains(&top.text));
    }
    let delta = found[0].delta.unwrap().abs();
    let apart = (found[0].score - found[0].base.unwrap()).abs();
    assert!(
        delta < 0.05 * apart.max(0.1),
        "{architecture}: {delta} of {apart}"
    );

    let drawn = randomized(&bundle);
    for (before, after) in found.iter().zip(explained(&*drawn, &examples)) {
        let alike = correlation(&before.values(), &after.values());
        assert!(alike < 0.7, "{architecture} {}: {alike}", before.method);
    }
}

#[test]
fn of_convolutions_over_words() {
    roomy(|| shares_follow_the_word("text-cnn", &[("training.epochs", "8")]));
}

#[test]
fn of_an_encoder() {
    let small = [
        ("model.width", "32"),
        ("model.layers", "1"),
        ("training.epochs", "12"),
        ("optimizer.learning_rate", "0.003"),
    ];
    roomy(move || shares_follow_the_word("bert-mini", &small));
}
