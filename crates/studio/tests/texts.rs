//! Texts in the studio: brought, looked at, trained on, tried, and the mistakes read.

mod common;

use common::{Bench, page, train};

/// Messages of two kinds; some lie about theirs, so that there is something to get wrong.
fn messages() -> String {
    let mut csv = String::from("number,text,label\n");
    for i in 0..80 {
        let day = ["monday", "tuesday", "friday"][i % 3];
        let (ham, spam) = if i % 10 == 9 {
            ("spam", "ham")
        } else {
            ("ham", "spam")
        };
        csv += &format!("{i},\"let us meet on {day} at {i} for lunch\",{ham}\n");
        csv += &format!("{i},\"you have won {i} prizes, click here now\",{spam}\n");
    }
    csv
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_texts_is_known_as_one() {
    let bench = Bench::new();
    let csv = messages();
    bench.upload(&[("messages.csv", csv.as_bytes())]).await;
    let data = bench.data("/data/messages-1").await;
    data.says("The model reads the text and names its kind.")
        .says("They are in the column “text”.")
        .says("Latin 100 %")
        .says("A usual one has");
    let plan = bench.data("/train?data=messages-1").await;
    plan.says("A small network that looks at a few words at a time")
        .says("name=\"model.weights\"")
        .says("name=\"model.lora_rank\"")
        .says("bert – texts, with pretrained weights");
    assert!(!plan.text.contains("name=\"augment.flip\""));
    assert!(!plan.text.contains("name=\"model.encoder\""));
    let chinese = bench
        .get_with("/train?data=messages-1", &[("cookie", "lang=zh-Hans")])
        .await;
    chinese.says("每次看几个词").says("逐层学习率衰减");

    // Without weights a pretrained network cannot begin, and the form says so beside the field.
    let form = "data=messages-1&effort=usual&minutes=&model.architecture=bert&model.weights=";
    let refused = bench.post("/train", form).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    refused.says("pretrained weights");
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_texts_and_of_documents_are_data() {
    let bench = Bench::new();
    let files: Vec<(String, String)> = (0..12)
        .flat_map(|i| {
            [
                (
                    format!("mail/order/{i}.txt"),
                    format!("I want to buy {i} chairs"),
                ),
                (
                    format!("mail/complaint/{i}.txt"),
                    format!("Chair number {i} is broken"),
                ),
            ]
        })
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(n, c)| (n.as_str(), c.as_bytes()))
        .collect();
    assert_eq!(bench.upload(&files).await.place(), "/data/mail-1");
    bench
        .data("/data/mail-1")
        .await
        .says("names its kind")
        .says("complaint");
    bench.get("/data").await.says("Texts, 24 files");
    let document =
        "# Shop\n## When do you open?\nAt nine.\n## Do you ship abroad?\nYes, to all of Europe.\n";
    let place = bench.upload(&[("help.md", document.as_bytes())]).await;
    assert_eq!(place.place(), "/data/help-1");
    bench
        .data("/data/help-1")
        .await
        .says("answers questions with what is here")
        .says("At nine.");
    bench
        .data("/train?data=help-1")
        .await
        .says("by their letters and words");
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_of_texts_can_be_read_tried_and_compared() {
    let bench = Bench::new();
    let file = bench.folder.path().join("messages.csv");
    std::fs::write(&file, messages()).unwrap();
    let source = file.display().to_string();
    let trained = |epochs: &str| {
        let settings = [
            ("data.source", source.as_str()),
            ("model.architecture", "text-cnn"),
            ("model.vocabulary", "500"),
            ("training.epochs", epochs),
        ];
        train(&bench, &settings)
    };
    let run = trained("6");
    let result = page(&bench, &format!("/runs/{run}/result")).await;
    for words in [
        "Was the model worth its cost?",
        "logistic regression on word pieces",
        "this model",
        "read the texts behind it",
        "Matthews’ correlation",
        "new texts, about",
    ] {
        assert!(result.contains(words), "{words}: {result}");
    }
    let zh = bench
        .get_with(
            &format!("/runs/{run}/result"),
            &[("cookie", "lang=zh-Hans")],
        )
        .await;
    zh.says("这个模型值得吗？").says("基于词片的朴素贝叶斯");
    let cell = format!("/runs/{run}/result/cell?true=ham&predicted=ham");
    assert!(page(&bench, &cell).await.contains("let us meet on"));
    // What it still gets wrong is shown with its words.
    let watched = page(&bench, &format!("/runs/{run}")).await;
    assert!(watched.contains("<q>"), "{watched}");

    let form = page(&bench, &format!("/runs/{run}/try")).await;
    assert!(form.contains("<textarea") && form.contains("for=\"c0\""));
    let address = format!("/runs/{run}/try/text");
    let tried = bench
        .post(&address, "c0=click+here+now%2C+you+have+won")
        .await;
    tried.says("<p class=\"headline\">spam</p>").says("% sure.");
    let reasons = bench
        .post(
            &format!("{address}?why=integrated-gradients"),
            "c0=click+here+now%2C+you+have+won",
        )
        .await;
    reasons
        .says("a text of padding")
        .says("score before softmax");
    let short = trained("1");
    let compared = page(&bench, &format!("/compare?run={run}&run={short}")).await;
    assert!(compared.contains("logistic regression on word pieces"));
    let hostile = bench
        .post(&address, "c0=%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        .await;
    assert!(!hostile.text.contains("<script>alert"));
    let empty = bench.post(&address, "c0=++").await;
    assert_eq!(empty.status, 400);
    empty.says("Please give a text first");
    let long = format!("c0={}", "word+".repeat(2000));
    bench
        .post(&address, &long)
        .await
        .says("This text has 10000 characters");

    bench
        .post(&format!("/runs/{run}/ship/start"), "")
        .await
        .place();
    bench
        .get(&format!("/runs/{run}/ship"))
        .await
        .says("&quot;text&quot;:&quot;let us meet on monday at 0 for lunch&quot;");
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_have_their_mistakes_to_read() {
    let bench = Bench::new();
    let file = bench.folder.path().join("tags.csv");
    let mut csv = String::from("text,tags\n");
    for i in 0..120 {
        let (word, tag) = [
            ("battery", "power"),
            ("screen", "display"),
            ("cable", "power|cord"),
        ][i % 3];
        // Some are not what they seem.
        let tag = if i % 7 == 0 { "display" } else { tag };
        csv += &format!("my {word} number {i} is broken,{tag}\n");
    }
    std::fs::write(&file, csv).unwrap();
    let run = train(
        &bench,
        &[
            ("data.source", &file.display().to_string()),
            ("data.target", "tags"),
            ("data.label_separator", "|"),
            ("model.architecture", "text-cnn"),
            ("model.vocabulary", "500"),
            ("training.epochs", "8"),
        ],
    );
    let result = page(&bench, &format!("/runs/{run}/result")).await;
    assert!(result.contains("Label by label") && result.contains("get exactly the right labels"));
    let link = format!("/runs/{run}/result/label?name=display&missed=true");
    assert!(result.contains(&link.replace('&', "&amp;")), "{result}");
    assert!(page(&bench, &link).await.contains("is broken"));
    let wrong = link.replace("=display", "=nothing");
    assert_eq!(bench.get(&wrong).await.status, 404);
    let tried = bench
        .post(
            &format!("/runs/{run}/try/text"),
            "c0=my+cable+number+7+is+broken",
        )
        .await;
    tried.says("Each label for itself").says("cord");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_or_not() {
    let bench = Bench::new();
    let run = train(
        &bench,
        &[("task", "question-answering"), ("data.source", "faq")],
    );
    let address = format!("/runs/{run}/try/text");
    bench
        .get(&format!("/runs/{run}/try"))
        .await
        .says(">Question</label>");
    let known = bench.post(&address, "c0=who+wrote+frankenstein%3F").await;
    known
        .says("Mary Shelley.")
        .says("Known as: “who wrote frankenstein”")
        .says("The closest known questions");
    let unknown = bench
        .post(&address, "c0=wie+viel+kostet+eine+Fahrkarte+nach+Antwerpen")
        .await;
    unknown
        .says("I do not know.")
        .says("likely to be the right one");
    let zh = bench
        .post_with(
            &address,
            "c0=wie+viel+kostet+eine+Fahrkarte+nach+Antwerpen",
            &[("cookie", "lang=zh-Hans")],
        )
        .await;
    zh.says("我不知道。");
    let result = page(&bench, &format!("/runs/{run}/result")).await;
    for words in [
        "Does it know what it does not know?",
        "<polyline",
        "find their answer at once",
    ] {
        assert!(result.contains(words), "{words}: {result}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_show_their_neighbours_and_spans_their_place() {
    let bench = Bench::new();
    let tiny = [
        ("model.architecture", "bert-mini"),
        ("model.layers", "1"),
        ("model.width", "32"),
        ("model.heads", "2"),
        ("model.intermediate", "64"),
        ("model.vocabulary", "500"),
        ("training.epochs", "1"),
    ];
    let pairs = [
        ("task", "text-embedding"),
        ("data.source", "faq"),
        ("data.text", "question"),
        ("data.target", "answer"),
    ];
    let run = train(&bench, &[&tiny[..], &pairs].concat());
    let tried = bench
        .post(&format!("/runs/{run}/try/text"), "c0=What+is+AI%3F")
        .await;
    tried
        .says("32 numbers")
        .says("Closest in your data")
        .says("<q>What is AI?</q>");
    assert!(
        page(&bench, &format!("/runs/{run}/result"))
            .await
            .contains("it comes first")
    );

    let squad = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/data/squad/product.json"
    );
    let questions = [("task", "question-answering"), ("data.source", squad)];
    let run = train(&bench, &[&tiny[..], &questions].concat());
    let form = page(&bench, &format!("/runs/{run}/try")).await;
    assert!(form.contains("Text in which the answer stands"), "{form}");
    let tried = bench
        .post(
            &format!("/runs/{run}/try/text"),
            "c0=When+does+it+open%3F&c1=The+shop+opens+at+nine.",
        )
        .await;
    assert_eq!(tried.status, 200);
    // It has learned too little to be right, but where it says something, it shows where.
    let says_nothing = tried.text.contains("The text does not say.");
    assert_ne!(
        says_nothing,
        tried.text.contains("<mark>"),
        "{}",
        tried.text
    );
    let answers = page(&bench, &format!("/runs/{run}/result/answers")).await;
    assert!(answers.contains("The wrong ones come first"), "{answers}");
    assert!(
        page(&bench, &format!("/runs/{run}/result"))
            .await
            .contains("See its answers")
    );
}
