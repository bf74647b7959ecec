//! FAQs: the answers of `chatterbot-corpus` and questions in other words.

use crate::{minilm, plan, shared, train};
use burn::tensor::Device;
use modelwright_data::{Column, Content, Dataset, Table, open};
use modelwright_evaluate::RetrievalReport;
use modelwright_tasks::{Evaluation, OutputSchema, Prediction, Predictor, load};
use std::path::Path;

const TASK: (&str, &str) = ("task", "question-answering");

fn retrieval(evaluation: Evaluation) -> RetrievalReport {
    match evaluation {
        Evaluation::Retrieval(report) => report,
        other => panic!("{other:?}"),
    }
}

/// Sixty questions in other words and twenty to which there is no answer.
fn questions(language: &str) -> Dataset {
    let read = |name: &str| {
        let path = shared(&format!("tests/data/faq/{name}_{language}.csv"));
        let dataset = open(&path, Default::default()).unwrap();
        let Content::Table(table) = dataset.content else {
            panic!("{path} is a table")
        };
        table
    };
    let words = |table: &Table, name: &str| -> Vec<Option<String>> {
        let column = table.column(name);
        (0..table.rows())
            .map(|row| Some(column?.text(row)))
            .collect()
    };
    let (asked, strange) = (read("paraphrases"), read("out_of_scope"));
    let column = |name: &str| {
        let all = [words(&asked, name), words(&strange, name)].concat();
        Column::of_words(name, &all)
    };
    Dataset {
        name: language.into(),
        source: format!("faq in {language}"),
        content: Content::Table(Table {
            columns: vec![column("question"), column("expected")],
        }),
        suggested_target: None,
        notes: Vec::new(),
        lists: Vec::new(),
    }
}

/// What a FAQ says of the questions in other words.
fn measured(runs: &Path, language: &str, more: &[(&str, &str)]) -> (RetrievalReport, Vec<String>) {
    let source = if language == "en" { "faq" } else { "faq-zh" };
    let mut settings = vec![TASK, ("data.source", source)];
    settings.extend(more);
    let (report, bundle) = train(runs, &settings);
    let predictor = load(&bundle, Device::flex()).unwrap();
    let data = questions(language);
    let rows: Vec<usize> = (0..data.content.len()).collect();
    let found = retrieval(predictor.evaluate(&data, &rows).unwrap());
    let answers = found.answers.as_ref().unwrap();
    println!(
        "{language} {more:?}: recall@1 {:.3}, @5 {:.3}, MRR {:.3}; answered {:.3}, of these right {:.3}; \
         refusal precision {:.3?}, recall {:.3?}; on its own questions, changed: {:?}",
        found.recall_at_1,
        found.recall_at_5,
        found.mrr,
        answers.answered,
        answers.right,
        answers.refusal_precision,
        answers.refusal_recall,
        report.evaluation.scores()
    );
    (found, report.notes.clone())
}

#[test]
fn letters_alone_find_many_questions_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    let (english, _) = measured(folder.path(), "en", &[]);
    assert_eq!((english.examples, english.in_scope), (80, 60));
    // They share hardly a word with the FAQ's own.
    assert!(english.recall_at_1 > 0.05 && english.recall_at_5 > english.recall_at_1);
    let (chinese, _) = measured(folder.path(), "zh", &[]);
    assert!(chinese.recall_at_1 > 0.2, "{}", chinese.recall_at_1);
}

#[test]
fn minilm_finds_more_in_english_and_does_no_harm_in_chinese() {
    let Some(weights) = minilm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let letters = [
        measured(folder.path(), "en", &[]).0,
        measured(folder.path(), "zh", &[]).0,
    ];
    let settings = [("model.weights", weights.as_str())];
    let (english, notes) = measured(folder.path(), "en", &settings);
    assert!(english.recall_at_1 > letters[0].recall_at_1 + 0.1);
    assert!(
        !notes.iter().any(|note| note.contains("does not know")),
        "{notes:?}"
    );
    let (chinese, notes) = measured(folder.path(), "zh", &settings);
    assert!(
        notes.iter().any(|note| note.contains("does not know")),
        "{notes:?}"
    );
    assert_eq!(chinese.recall_at_1, letters[1].recall_at_1);
}

fn small_faq(folder: &Path) -> String {
    let path = folder.join("faq.csv");
    let text = "question,answer,page\n\
        How do I reset my password?,Click on the link in the mail.,1\n\
        I forgot my password,Click on the link in the mail.,2\n\
        Where is my parcel?,It is on its way.,3\n\
        Where is my parcel?,See the page of your orders.,4\n\
        Can I pay by card?,\"Yes, with all cards.\",5\n\
        What are your opening hours?,From 9 to 5.,6\n\
        ,An answer without a question.,7\n";
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn ask(predictor: &dyn Predictor, questions: &[&str]) -> Vec<Prediction> {
    let words: Vec<_> = questions.iter().map(|q| Some(q.to_string())).collect();
    let content = Content::Table(Table {
        columns: vec![Column::of_words("question", &words)],
    });
    predictor
        .predict("t", &content, 0..questions.len())
        .unwrap()
}

#[test]
fn an_answer_or_that_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let source = small_faq(folder.path());
    let settings = [("data.source", source.as_str())];
    assert_eq!(
        plan(&settings).unwrap().recipe.task,
        TASK.1,
        "guessed by its columns"
    );
    let (report, bundle) = train(&folder.path().join("runs"), &settings);
    assert!(
        report.notes.iter().any(|n| n.contains("1 rows")),
        "{:?}",
        report.notes
    );
    assert_eq!(report.parameters, 0);
    let predictor = load(&bundle, Device::flex()).unwrap();
    assert_eq!(predictor.output(), OutputSchema::Match);
    assert_eq!(predictor.input().only_text().unwrap().name, "question");
    let asked = [
        "reset password",
        "where is the parcel",
        "the weather in Rome",
    ];
    let [password, parcel, weather] = &ask(&*predictor, &asked)[..] else {
        panic!("three answers")
    };
    let Prediction::Match {
        answer,
        question,
        probability,
        neighbours,
    } = password
    else {
        panic!("{password:?}")
    };
    assert_eq!(answer.as_deref(), Some("Click on the link in the mail."));
    assert_eq!(question, "How do I reset my password?");
    assert!(*probability > 0.5 && neighbours.len() == 5);
    assert!(neighbours.is_sorted_by(|a, b| a.score >= b.score));
    let Prediction::Match { answer, .. } = parcel else {
        panic!("{parcel:?}")
    };
    assert_eq!(answer.as_deref(), Some("It is on its way."));
    let Prediction::Match {
        answer,
        probability,
        ..
    } = weather
    else {
        panic!("{weather:?}")
    };
    assert!(answer.is_none() && *probability < 0.5, "{weather:?}");
}

#[test]
fn the_threshold_decides_what_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let source = small_faq(folder.path());
    let answered = |threshold: &str| {
        let settings = [
            TASK,
            ("data.source", &source),
            ("training.answer_threshold", threshold),
        ];
        let (_, bundle) = train(&folder.path().join("runs"), &settings);
        let predictor = load(&bundle, Device::flex()).unwrap();
        let all = ask(
            &*predictor,
            &["reset password", "card", "the weather in Rome"],
        );
        let given = all.iter().filter(|p| {
            matches!(
                p,
                Prediction::Match {
                    answer: Some(_),
                    ..
                }
            )
        });
        given.count()
    };
    assert_eq!(answered("0"), 3);
    assert_eq!(answered("1"), 0);
    assert_eq!(answered("0.5"), 2);
}

#[test]
fn bad_settings_and_tables_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let source = small_faq(folder.path());
    let error = |more: &[(&str, &str)]| {
        let settings = [&[TASK, ("data.source", source.as_str())], more].concat();
        match plan(&settings) {
            Err(error) => format!("{error} {:?}", error.help()),
            Ok(_) => panic!("{more:?} is fine"),
        }
    };
    assert!(error(&[("training.epochs", "5")]).contains("one pass"));
    assert!(error(&[("data.test", "0.2")]).contains("expected"));
    assert!(error(&[("model.architecture", "text-cnn")]).contains("linear"));
    assert!(error(&[("model.architecture", "bert")]).contains("--weights"));
    assert!(error(&[("data.target", "reply")]).contains("reply"));
    let (_, bundle) = train(
        &folder.path().join("runs"),
        &[TASK, ("data.source", &source)],
    );
    let predictor = load(&bundle, Device::flex()).unwrap();
    let data = |text: &str| {
        let path = folder.path().join("asked.csv");
        std::fs::write(&path, text).unwrap();
        open(&path.display().to_string(), Default::default()).unwrap()
    };
    let without = data("question\nreset password\n");
    let error = predictor.evaluate(&without, &[0]).unwrap_err();
    assert!(error.help().unwrap().contains("`expected`"));
    let wrong = data("question,expected\nreset password,How to fly?\n");
    let error = predictor.evaluate(&wrong, &[0]).unwrap_err();
    assert!(error.to_string().contains("How to fly?"), "{error}");
    let right = data(
        "question,expected\nreset password,I forgot my password\nhours,From 9 to 5.\nthe weather,\n",
    );
    let report = retrieval(predictor.evaluate(&right, &[0, 1, 2]).unwrap());
    assert_eq!((report.in_scope, report.recall_at_1), (2, 1.0));
    let empty = data("question,expected\n\"\",Where is my parcel?\nparcel,Where is my parcel?\n");
    assert!(
        predictor
            .evaluate(&empty, &[0])
            .unwrap_err()
            .to_string()
            .contains("empty")
    );
}

#[test]
fn damaged_entries_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = small_faq(folder.path());
    let (_, bundle) = train(
        &folder.path().join("runs"),
        &[TASK, ("data.source", &source)],
    );
    let path = bundle.path().join("entries.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("9 to 5", "1 to 2")).unwrap();
    assert!(modelwright_runs::Bundle::open(bundle.path()).is_err());
}
