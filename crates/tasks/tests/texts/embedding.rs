//! Sentence encoders and the index.

use crate::{minilm, plan, train};
use burn::tensor::Device;
use modelwright_data::{Column, Content, Table, open};
use modelwright_runs::Bundle;
use modelwright_tasks::index::{Embedded, Index};
use modelwright_tasks::{
    Evaluation, InputSchema, OutputSchema, Prediction, SentenceEncoder, TaskError, load,
};
use std::fmt::Write;
use std::path::Path;

/// Things and colours in other words: a pair says the same of the same thing.
fn pairs(folder: &Path) -> String {
    let things = [
        "car", "house", "boat", "shirt", "chair", "phone", "bag", "door", "lamp", "bike",
    ];
    let colours = [
        ("red", "crimson"),
        ("blue", "navy"),
        ("green", "olive"),
        ("black", "dark"),
        ("white", "pale"),
    ];
    let mut text = "said,meant\n".to_string();
    for thing in things {
        for (colour, other) in colours {
            for (i, wish) in ["I want", "please sell me", "looking for"]
                .iter()
                .enumerate()
            {
                let _ = writeln!(text, "{wish} a {colour} {thing},{other} {thing} number {i}");
            }
        }
    }
    let path = folder.join("pairs.csv");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A small encoder that starts from nothing.
const SMALL: [(&str, &str); 9] = [
    ("task", "text-embedding"),
    ("model.architecture", "bert-mini"),
    ("model.layers", "1"),
    ("model.width", "32"),
    ("model.heads", "2"),
    ("model.intermediate", "64"),
    ("model.max_length", "16"),
    ("model.vocabulary", "300"),
    ("training.batch_size", "16"),
];

fn small<'a>(source: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut settings = SMALL.to_vec();
    settings.push(("data.source", source));
    settings.extend(more);
    settings
}

fn mrr(evaluation: &Evaluation) -> f64 {
    let Evaluation::Retrieval(report) = evaluation else {
        panic!("{evaluation:?}")
    };
    report.mrr
}

fn table(texts: &[&str]) -> Table {
    let words: Vec<_> = texts
        .iter()
        .map(|t| (!t.is_empty()).then(|| t.to_string()))
        .collect();
    let numbers: Vec<_> = (0..texts.len())
        .map(|i| Some(format!("note {i}")))
        .collect();
    Table {
        columns: vec![
            Column::of_words("text", &words),
            Column::of_words("note", &numbers),
        ],
    }
}

#[test]
fn pairs_teach_which_texts_belong_together() {
    let folder = tempfile::tempdir().unwrap();
    let source = pairs(folder.path());
    let epochs = |n| {
        train(
            &folder.path().join("runs"),
            &small(&source, &[("training.epochs", n)]),
        )
    };
    let (little, _) = epochs("1");
    let (report, bundle) = epochs("25");
    let (before, after) = (mrr(&little.evaluation), mrr(&report.evaluation));
    assert!(after > 0.9 && after > before + 0.2, "{before} {after}");

    let predictor = load(&bundle, Device::flex()).unwrap();
    assert_eq!(predictor.output(), OutputSchema::Vector { width: 32 });
    let InputSchema::Table { columns } = predictor.input() else {
        panic!("a table")
    };
    assert_eq!(columns.len(), 1);
    assert_eq!(columns[0].name, "said");
    let asked = Content::Table(table(&["looking for a red car", "a red car"]));
    let error = predictor.predict("t", &asked, 0..2).unwrap_err();
    assert!(error.to_string().contains("said"), "{error}");
    let asked = Column::of_words(
        "said",
        &[Some("looking for a red car".into()), Some("Blue".into())],
    );
    let asked = Content::Table(Table {
        columns: vec![asked],
    });
    for prediction in predictor.predict("t", &asked, 0..2).unwrap() {
        let Prediction::Vector { values } = prediction else {
            panic!("{prediction:?}")
        };
        let length: f32 = values.iter().map(|v| v * v).sum();
        assert!(
            values.len() == 32 && (length - 1.0).abs() < 1e-5,
            "{length}"
        );
    }
    // To evaluate, both columns are needed.
    let data = open(&source, Default::default()).unwrap();
    let rows: Vec<usize> = (0..20).collect();
    assert!(mrr(&predictor.evaluate(&data, &rows).unwrap()) > 0.2);
}

#[test]
fn the_bundle_is_a_folder_of_sentence_transformers() {
    let folder = tempfile::tempdir().unwrap();
    let source = pairs(folder.path());
    let runs = folder.path().join("runs");
    let (_, bundle) = train(&runs, &small(&source, &[("training.epochs", "1")]));
    let json = |name: &str| -> serde_json::Value { bundle.read_json(name).unwrap() };
    assert_eq!(json("modules.json")[1]["path"], "1_Pooling");
    let pooling = json("1_Pooling/config.json");
    assert_eq!(pooling["word_embedding_dimension"], 32);
    assert_eq!(pooling["pooling_mode_mean_tokens"], true);
    assert_eq!(json("sentence_bert_config.json")["max_seq_length"], 16);
    assert!(bundle.read("tokenizer.json").is_ok());
    let config = json("config.json");
    assert_eq!(
        (&config["model_type"], &config["hidden_size"]),
        (&"bert".into(), &32.into())
    );

    // As a folder of other people's it gives the same vectors, and it can be trained on.
    let own = SentenceEncoder::open(&bundle.path().display().to_string(), Device::flex()).unwrap();
    let theirs = folder.path().join("theirs");
    copy(bundle.path(), &theirs);
    let mut config = config;
    config
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !key.starts_with("modelwright"));
    std::fs::write(theirs.join("config.json"), config.to_string()).unwrap();
    let theirs = theirs.display().to_string();
    let plain = SentenceEncoder::open(&theirs, Device::flex()).unwrap();
    let texts = [
        "a red car",
        "please sell me a navy house with more words than it reads at once, far more",
    ];
    let (a, b) = (
        own.embed(&texts, 2, &|_, _| {}),
        plain.embed(&texts, 1, &|_, _| {}),
    );
    for (a, b) in a.iter().zip(&b) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    assert_eq!(own.digest(), plain.digest());
    let as_they_are = [
        ("task", "text-embedding"),
        ("data.source", source.as_str()),
        ("model.architecture", "bert"),
        ("model.weights", theirs.as_str()),
        ("model.max_length", "16"),
        ("training.epochs", "0"),
    ];
    let (report, bundle) = train(&runs, &as_they_are);
    let again = SentenceEncoder::from_bundle(&bundle, Device::flex()).unwrap();
    assert_eq!(again.digest(), own.digest(), "no weight has moved");
    assert!(mrr(&report.evaluation) > 0.0);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn bad_pairs_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let error = |settings: &[(&str, &str)]| match plan(settings) {
        Err(error) => format!("{error} {:?}", error.help()),
        Ok(_) => panic!("{settings:?} is fine"),
    };
    let three = write("three.csv", "a,b,c\nx,y,z\nu,v,w\n");
    assert!(error(&small(&three, &[])).contains("--text COLUMN --target COLUMN"));
    let two = write("two.csv", "a,b\nx,y\nu,v\n");
    let cnn = [
        ("task", "text-embedding"),
        ("data.source", &two),
        ("model.architecture", "text-cnn"),
    ];
    assert!(error(&cnn).contains("bert-mini"));
    let bert = [
        ("task", "text-embedding"),
        ("data.source", &two),
        ("model.architecture", "bert"),
    ];
    assert!(error(&bert).contains("--weights"));
    let answer = [("training.answer_threshold", "0.7")];
    assert!(error(&small(&two, &answer)).contains("answer_threshold"));
    let smooth = [("training.label_smoothing", "0.1")];
    assert!(error(&small(&two, &smooth)).contains("label_smoothing"));
    assert!(plan(&small(&two, &[])).is_ok());
}

fn index(encoder: &SentenceEncoder, texts: &[&str], path: &Path) -> Result<(), TaskError> {
    let table = table(texts);
    let embedded = Embedded::new(encoder, &table, "notes.csv", Some("text"), 4, &|_, _, _| {})?;
    embedded.write(path, "some/model", encoder, &|_, _, _| {})
}

/// An encoder with fresh weights.
fn encoder(folder: &Path, seed: &str) -> SentenceEncoder {
    let source = pairs(folder);
    let more = [
        ("training.epochs", "1"),
        ("data.limit", "16"),
        ("training.seed", seed),
    ];
    let (_, bundle) = train(&folder.join("runs"), &small(&source, &more));
    SentenceEncoder::from_bundle(&bundle, Device::flex()).unwrap()
}

#[test]
fn an_index_finds_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = encoder(folder.path(), "1");
    let path = folder.path().join("notes.index");
    let texts = ["a red car", "", "a blue boat", "a red car", "an old lamp"];
    index(&encoder, &texts, &path).unwrap();
    let opened = Index::open(&path).unwrap();
    let info = opened.info();
    assert_eq!((info.count, info.distinct, info.dimension), (4, 3, 32));
    assert_eq!(
        (info.text.as_str(), info.columns.join(",").as_str()),
        ("text", "text,note")
    );
    opened.check_model(&encoder).unwrap();
    let find = |query: &str, k: usize| {
        let vector = encoder.embed(&[query], 1, &|_, _| {});
        opened.search(&vector, k).unwrap()
    };
    let found = find("a red car", 3);
    let rows: Vec<usize> = found.iter().map(|f| f.row).collect();
    assert_eq!(
        rows[..2],
        [1, 4],
        "equal texts stand in the order of the table"
    );
    assert!((found[0].score - 1.0).abs() < 1e-5 && found[2].score <= found[1].score);
    assert_eq!(found[1].values["note"], "note 3");
    assert_eq!(find("a blue boat", 1)[0].row, 3);
    assert_eq!(find("a blue boat", 100).len(), 4);

    // It is made anew over the old one, but not over anything else.
    index(&encoder, &texts[..3], &path).unwrap();
    assert_eq!(Index::open(&path).unwrap().info().count, 2);
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with('.')),
        "{left:?}"
    );
    let error = index(&encoder, &texts, &folder.path().join("runs")).unwrap_err();
    assert!(error.to_string().contains("is no index"), "{error}");
    let error = index(&encoder, &["", ""], &path).unwrap_err();
    assert!(error.to_string().contains("no text in any row"), "{error}");
}

#[test]
fn an_index_of_another_model_or_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (encoder(folder.path(), "1"), encoder(folder.path(), "2"));
    let path = folder.path().join("notes.index");
    index(&first, &["a red car", "a blue boat"], &path).unwrap();
    let error = Index::open(&path)
        .unwrap()
        .check_model(&second)
        .unwrap_err();
    assert!(error.to_string().contains("another model"), "{error}");
    assert!(error.help().unwrap().contains("--model"));

    let refused = |place: &Path| match Index::open(place) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{} is fine", place.display()),
    };
    for name in ["vectors.safetensors", "rows.jsonl", "index.json"] {
        let whole = std::fs::read(path.join(name)).unwrap();
        std::fs::remove_file(path.join(name)).unwrap();
        assert!(refused(&path).contains(name), "{name} is gone");
        std::fs::write(path.join(name), &whole[..whole.len() - 3]).unwrap();
        assert!(refused(&path).contains(name), "{name} is cut");
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        std::fs::write(path.join(name), &changed).unwrap();
        if name != "index.json" {
            assert!(refused(&path).contains(name), "{name} is changed");
        }
        std::fs::write(path.join(name), &whole).unwrap();
        assert!(Index::open(&path).is_ok());
    }
    let text = std::fs::read_to_string(path.join("index.json")).unwrap();
    for (from, to, problem) in [
        (
            "\"dimension\": 32",
            "\"dimension\": 16",
            "vectors.safetensors",
        ),
        ("\"count\": 2", "\"count\": 3", "vector_of_row"),
        (
            "\"modelwright_index\": 1",
            "\"modelwright_index\": 9",
            "newer",
        ),
        ("\"rows.jsonl\"", "\"other\"", "does not name rows.jsonl"),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(path.join("index.json"), text.replace(from, to)).unwrap();
        let error = refused(&path);
        assert!(error.contains(problem), "{from}: {error}");
    }
    assert!(refused(&folder.path().join("nowhere")).contains("no complete index"));
}

#[test]
fn other_models_give_no_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let (_, bundle) = train(
        folder.path(),
        &[("data.source", "iris"), ("training.epochs", "1")],
    );
    let error = |place: &Path| {
        let opened = SentenceEncoder::open(&place.display().to_string(), Device::flex());
        opened.err().unwrap().to_string()
    };
    assert!(error(bundle.path()).contains("gives no vectors"));
    assert!(error(&folder.path().join("nowhere")).contains("nowhere"));
}

/// Knows English: what means the same is found without a word in common.
#[test]
fn minilm_finds_what_means_the_same() {
    let Some(weights) = minilm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let encoder = SentenceEncoder::open(&weights, Device::flex()).unwrap();
    assert_eq!(encoder.dimension(), 384);
    let path = folder.path().join("notes.index");
    let texts = [
        "The movie was a waste of time.",
        "My order has not arrived yet.",
        "How can I change the password of my account?",
        "The weather will be sunny tomorrow.",
        "This laptop overheats and shuts down.",
    ];
    index(&encoder, &texts, &path).unwrap();
    let index = Index::open(&path).unwrap();
    for (query, row) in [
        ("awful film", 1),
        ("where is my parcel", 2),
        ("I forgot my login", 3),
        ("no rain expected", 4),
        ("computer gets too hot", 5),
    ] {
        let vector = encoder.embed(&[query], 1, &|_, _| {});
        let found = index.search(&vector, 1).unwrap();
        assert_eq!(found[0].row, row, "{query}: {found:?}");
    }
}

/// The bundle of weights as they are is the same encoder.
#[test]
fn minilm_without_training_is_minilm() {
    let Some(weights) = minilm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = pairs(folder.path());
    let settings = [
        ("task", "text-embedding"),
        ("data.source", source.as_str()),
        ("model.weights", weights.as_str()),
        ("training.epochs", "0"),
    ];
    let (report, bundle) = train(&folder.path().join("runs"), &settings);
    assert_eq!(report.epoch, 0);
    // What it knows of colours and things is far better than chance.
    assert!(mrr(&report.evaluation) > 0.3, "{:?}", report.evaluation);
    let [own, theirs] = [bundle.path().display().to_string(), weights]
        .map(|place| SentenceEncoder::open(&place, Device::flex()).unwrap());
    let texts = ["a red car", "crimson vehicle"];
    let (a, b) = (
        own.embed(&texts, 2, &|_, _| {}),
        theirs.embed(&texts, 2, &|_, _| {}),
    );
    let difference = a
        .iter()
        .zip(&b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(difference < 1e-6, "{difference}");
    drop(Bundle::open(bundle.path()).unwrap());
}
