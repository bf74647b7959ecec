//! Questions about texts: places are characters of the context, contexts stay together, bad input is
//! named.

use burn::tensor::Device;
use modelwright_data::{Column, Content, Dataset, Table, quiet};
use modelwright_runs::Bundle;
use modelwright_tasks::{
    Ended, Evaluation, InputSchema, InputValues, OutputSchema, Plan, Prediction, Predictor, Report,
    Session, SessionOptions, TaskError, load,
};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event};
use std::collections::HashMap;
use std::path::Path;

const PRODUCT: &str = "../../tests/data/squad/product.json";
/// A network that trains in a second.
const TINY: [(&str, &str); 6] = [
    ("model.architecture", "bert-mini"),
    ("model.layers", "1"),
    ("model.width", "32"),
    ("model.heads", "2"),
    ("model.intermediate", "64"),
    ("model.vocabulary", "600"),
];

type Settings<'a> = [(&'a str, &'a str)];

fn plan(settings: &Settings) -> Result<Plan, TaskError> {
    let mut layers = Layers::default();
    for (key, value) in settings {
        layers.set(key, value).unwrap();
    }
    Plan::new(&layers, &quiet)
}

/// Trains with these settings alone.
fn run(runs: &Path, settings: &Settings) -> Result<(Report, Dataset), TaskError> {
    let plan = plan(settings)?;
    let dataset = plan.dataset.clone();
    let options = SessionOptions {
        runs,
        tensorboard: false,
        control: &Control::default(),
        notify: &quiet,
    };
    match Session::start(plan, options)?.run(Box::new(|_: &Event| {}))? {
        Ended::Finished(report) => Ok((*report, dataset)),
        Ended::Interrupted => panic!("nobody asked it to stop"),
    }
}

/// Trains a tiny network.
fn train(runs: &Path, source: &str, more: &Settings) -> Result<(Report, Dataset), TaskError> {
    run(
        runs,
        &[&[("data.source", source)], &TINY[..], more].concat(),
    )
}

fn table(columns: &[(&str, &[&str])]) -> Content {
    let column = |(name, words): &(&str, &[&str])| {
        let words: Vec<Option<String>> = words.iter().map(|w| Some(w.to_string())).collect();
        Column::of_words(*name, &words)
    };
    Content::Table(Table {
        columns: columns.iter().map(column).collect(),
    })
}

fn answers(predictor: &dyn Predictor, content: &Content) -> Vec<Prediction> {
    predictor
        .predict("test", content, 0..content.len())
        .unwrap()
}

#[test]
fn answers_are_characters_of_their_contexts() {
    let folder = tempfile::tempdir().unwrap();
    let (report, dataset) = train(folder.path(), PRODUCT, &[("training.epochs", "1")]).unwrap();
    let Evaluation::Spans(scores) = &report.evaluation else {
        panic!("scores of another task")
    };
    assert!(scores.answerable.is_some() && scores.unanswerable.is_some());

    let bundle = Bundle::open(&report.bundle).unwrap();
    let predictor = load(&bundle, Device::flex()).unwrap();
    assert_eq!(predictor.output(), OutputSchema::Span);
    let InputSchema::Table { columns } = predictor.input() else {
        panic!("it takes a table")
    };
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["context", "question"]);
    assert!(
        columns
            .iter()
            .all(|c| matches!(c.values, InputValues::Text { longest } if longest > 100))
    );

    let Content::Table(questions) = &dataset.content else {
        panic!("it is a table")
    };
    let contexts = questions.column("context").unwrap();
    for (row, answer) in answers(&*predictor, &dataset.content)
        .into_iter()
        .enumerate()
    {
        let Prediction::Span {
            answer,
            start,
            end,
            probability,
        } = answer
        else {
            panic!("an answer of another kind")
        };
        let context: Vec<char> = contexts.text(row).chars().collect();
        assert_eq!(context[start..end].iter().collect::<String>(), answer);
        assert!((0.0..=1.0).contains(&probability));
    }
    // Prepared examples get the same answers, and need nothing but the two columns.
    let prepared = predictor.prepare("test", dataset.content.clone()).unwrap();
    let Content::Table(two) = &prepared else {
        panic!("it is a table")
    };
    let names: Vec<&str> = two.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["context", "question"]);
    assert_eq!(
        answers(&*predictor, &prepared),
        answers(&*predictor, &dataset.content)
    );
}

#[test]
fn questions_about_one_context_come_into_one_part() {
    let plan = plan(&[("data.source", PRODUCT)]).unwrap();
    assert_eq!(plan.recipe.task, "question-answering");
    let parts = plan.task.parts(&plan.dataset, &plan.recipe).unwrap();
    let Content::Table(table) = &plan.dataset.content else {
        panic!("it is a table")
    };
    let contexts = table.column("context").unwrap();
    let mut part_of = HashMap::new();
    for (row, part) in parts.iter().enumerate() {
        let first = part_of.entry(contexts.text(row)).or_insert(*part);
        assert_eq!(first, part, "row {row}");
    }
    let different: std::collections::HashSet<_> = part_of.values().collect();
    assert_eq!(different.len(), 3, "each part has some");
}

#[test]
fn a_context_longer_than_a_window_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("training.epochs", "1"), ("model.max_length", "48")];
    let (report, _) = train(folder.path(), PRODUCT, &settings).unwrap();
    let predictor = load(&Bundle::open(&report.bundle).unwrap(), Device::flex()).unwrap();
    let long = "The weather was fine and nobody said a word. ".repeat(200);
    let content = table(&[
        ("context", &[&long, "短"]),
        ("question", &["Who spoke?", "谁？"]),
    ]);
    for (answer, context) in answers(&*predictor, &content)
        .iter()
        .zip([long.as_str(), "短"])
    {
        let Prediction::Span { end, .. } = answer else {
            panic!("an answer of another kind")
        };
        assert!(*end <= context.chars().count());
    }
}

/// Texts of filler in which a code is named at some place, or in one of four nowhere, as CSV.
fn codes(rows: u64) -> String {
    let words = [
        "river", "stone", "lamp", "green", "walks", "under", "seven", "quiet", "north", "paper",
    ];
    let mut state = 1u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let mut csv = "question,context,answer\n".to_string();
    for row in 0..rows {
        let mut text: Vec<String> = (0..40).map(|_| words[draw(10) as usize].into()).collect();
        let code = (10 + draw(40)).to_string();
        let answer = if row % 4 == 0 {
            String::new()
        } else {
            code.clone()
        };
        let place = draw(38) as usize;
        text[place] = if answer.is_empty() {
            "number".into()
        } else {
            "code".into()
        };
        text[place + 1] = code;
        csv += &format!("What is the code?,{},{answer}\n", text.join(" "));
    }
    csv
}

#[test]
fn a_small_network_learns_to_find_codes_in_windows_of_texts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("codes.csv");
    std::fs::write(&file, codes(400)).unwrap();
    let settings = [
        // About half of a context, with the question.
        ("model.max_length", "32"),
        ("model.dropout", "0"),
        ("training.epochs", "12"),
        ("optimizer.learning_rate", "0.002"),
    ];
    let source = file.display().to_string();
    let (report, _) = train(folder.path(), &source, &settings).unwrap();
    let Evaluation::Spans(scores) = &report.evaluation else {
        panic!("scores of another task")
    };
    assert!(scores.exact_match > 0.9, "{scores:?}");
    let predictor = load(&Bundle::open(&report.bundle).unwrap(), Device::flex()).unwrap();
    let with = "river stone lamp code 41 green walks under seven quiet";
    let without = "river stone lamp number 41 green walks under seven quiet";
    let question = "What is the code?";
    let content = table(&[
        ("context", &[with, without]),
        ("question", &[question, question]),
    ]);
    let found = answers(&*predictor, &content);
    let span = |answer: &Prediction| match answer {
        Prediction::Span {
            answer, start, end, ..
        } => (answer.clone(), *start, *end),
        other => panic!("{other:?}"),
    };
    assert_eq!(span(&found[0]), ("41".to_string(), 22, 24));
    assert_eq!(span(&found[1]), (String::new(), 0, 0));

    // What others have trained is taken as it is, or a little is added to it and kept apart.
    let weights = report.bundle.display().to_string();
    let fine_tuned = [
        ("data.source", source.as_str()),
        ("model.weights", &weights),
    ];
    let as_it_is = run(
        folder.path(),
        &[&fine_tuned[..], &[("training.epochs", "0")]].concat(),
    );
    assert_eq!(as_it_is.unwrap().0.evaluation, report.evaluation);
    let adapter = [
        ("training.epochs", "1"),
        ("model.lora_rank", "2"),
        ("model.adapter", "apart"),
    ];
    let (report, dataset) = run(folder.path(), &[&fine_tuned[..], &adapter].concat()).unwrap();
    let bundle = Bundle::open(&report.bundle).unwrap();
    let predictor = load(&bundle, Device::flex()).unwrap();
    let recipe = toml::from_slice(&bundle.read("recipe.toml").unwrap()).unwrap();
    let parts = predictor.parts(&dataset, &recipe).unwrap();
    let rows: Vec<usize> = (0..parts.len())
        .filter(|i| parts[*i] == report.scored_on)
        .collect();
    let again = predictor.evaluate(&dataset, &rows).unwrap();
    assert_eq!(again, report.evaluation);
    let scores = report.evaluation.scores();
    assert!(scores[0].1 > 0.9, "{scores:?}");
}

#[test]
fn what_cannot_be_answered_is_said_with_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let (report, dataset) = train(folder.path(), PRODUCT, &[("training.epochs", "1")]).unwrap();
    let predictor = load(&Bundle::open(&report.bundle).unwrap(), Device::flex()).unwrap();
    let error = |context: &str, question: &str| {
        let content = table(&[
            ("context", &["fine", context]),
            ("question", &["fine?", question]),
        ]);
        predictor
            .predict("t.csv", &content, 0..2)
            .unwrap_err()
            .to_string()
    };
    assert!(error("text", " ").contains("row 2: the question is empty"));
    assert!(error("", "why?").contains("row 2: the context is empty"));
    assert!(error(&"长".repeat(1_000_001), "why?").contains("1000001 characters"));
    let content = table(&[("question", &["why?"])]);
    let error = predictor.predict("t.csv", &content, 0..1).unwrap_err();
    assert!(error.to_string().contains("no column `context`"), "{error}");
    // Without true answers there is nothing to evaluate.
    let bare = Dataset {
        content: predictor.prepare("t.csv", dataset.content.clone()).unwrap(),
        ..dataset
    };
    let error = predictor.evaluate(&bare, &[0, 1]).unwrap_err();
    assert!(error.to_string().contains("no column `answer`"), "{error}");
}

#[test]
fn data_and_settings_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.csv");
    let row =
        |i: usize| format!("What is number {i}?,This text is about number {i}.,it is {i} indeed\n");
    let rows: String = (0..40).map(row).collect();
    std::fs::write(&file, format!("question,context,answer\n{rows}")).unwrap();
    let own = file.display().to_string();
    let refused = |source: &str, more: &[(&str, &str)]| match train(folder.path(), source, more) {
        Err(error) => format!("{error}; {}", error.help().unwrap_or_default()),
        Ok(_) => panic!("{more:?} was not refused"),
    };
    let task = ("task", "question-answering");
    let error = refused(&own, &[task]);
    assert!(
        error.contains("stands in its context") && error.contains("indeed"),
        "{error}"
    );
    assert!(error.contains("--exclude context"), "{error}");
    let error = refused(PRODUCT, &[("training.label_smoothing", "0.1")]);
    assert!(error.contains("training.label_smoothing"), "{error}");
    let error = refused(PRODUCT, &[("training.class_weights", "balanced")]);
    assert!(error.contains("training.class_weights"), "{error}");
    let error = refused(PRODUCT, &[("training.answer_threshold", "0.5")]);
    assert!(error.contains("validation part"), "{error}");
    let text_cnn = [("data.source", PRODUCT), ("model.architecture", "text-cnn")];
    let error = plan(&text_cnn).err().unwrap();
    assert!(error.to_string().contains("model.architecture"), "{error}");
}

#[test]
fn the_committed_questions_are_sound() {
    let text = std::fs::read_to_string(PRODUCT).unwrap();
    let squad: serde_json::Value = serde_json::from_str(&text).unwrap();
    let list = |value: &serde_json::Value| value.as_array().unwrap().clone();
    let (mut questions, mut unanswerable, mut ids) = (0, 0, Vec::new());
    for paragraph in list(&squad["data"])
        .iter()
        .flat_map(|d| list(&d["paragraphs"]))
    {
        let context: Vec<char> = paragraph["context"].as_str().unwrap().chars().collect();
        for question in list(&paragraph["qas"]) {
            questions += 1;
            ids.push(question["id"].to_string());
            let answers = list(&question["answers"]);
            assert_eq!(question["is_impossible"], answers.is_empty(), "{question}");
            unanswerable += usize::from(answers.is_empty());
            for answer in answers {
                let text = answer["text"].as_str().unwrap();
                let start = answer["answer_start"].as_u64().unwrap() as usize;
                let there: String = context[start..].iter().take(text.chars().count()).collect();
                assert_eq!(there, text, "{question}");
            }
        }
    }
    assert_eq!((questions, unanswerable), (124, 30));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), questions, "ids are unique");
}
