//! The report on a run, and why a model says what it says.

mod common;
use common::{Bench, page, train};

#[tokio::test(flavor = "multi_thread")]
async fn a_report_tells_of_groups_and_costs_in_both_languages() {
    let bench = Bench::new();
    let run = train(
        &bench,
        &[("data.source", "german-credit"), ("training.epochs", "10")],
    );
    let result = page(&bench, &format!("/runs/{run}/result")).await;
    assert!(result.contains(&format!("/runs/{run}/report")));
    let plain = page(&bench, &format!("/runs/{run}/report")).await;
    assert!(plain.contains("Do its probabilities come true?") && plain.contains("<svg"));
    assert!(!plain.contains("Does it treat people alike?"));
    let wishes = "positive=good&alarm=5&miss=1&sensitive=age_in_years";
    let asked = page(&bench, &format!("/runs/{run}/report?{wishes}")).await;
    for part in [
        "Does it treat people alike?",
        "By age_in_years",
        "A false alarm costs 5",
    ] {
        assert!(asked.contains(part), "{part}");
    }
    let chinese = bench
        .get_with(
            &format!("/runs/{run}/report?{wishes}"),
            &[("cookie", "lang=zh-Hans")],
        )
        .await;
    chinese.says("它对人一视同仁吗？").says("值得信赖吗？");
    let file = bench
        .get(&format!("/runs/{run}/report.html?{wishes}"))
        .await;
    file.says("<style>").says("Does it treat people alike?");
    let refused = bench
        .get(&format!("/runs/{run}/report?sensitive=shoe_size"))
        .await;
    assert!(refused.status.is_client_error(), "{}", refused.status);
    refused.says("shoe_size");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_explained_by_its_columns() {
    let bench = Bench::new();
    let run = train(
        &bench,
        &[("data.source", "iris"), ("training.epochs", "20")],
    );
    let form = page(&bench, &format!("/runs/{run}/try")).await;
    assert!(form.contains("id=\"why\""));
    let row = "c0=5.1&c1=3.5&c2=1.4&c3=0.2";
    let plain = bench.post(&format!("/runs/{run}/try/row"), row).await;
    assert!(!plain.text.contains("Why?"));
    assert!(form.contains("What would have to change"));
    let ask = |wish: &str| {
        let address = format!("/runs/{run}/try/row?{wish}");
        let bench = &bench;
        async move { bench.post(&address, row).await }
    };
    let reasons = ask("why=shapley").await;
    reasons
        .says("Why?")
        .says("petal")
        .says("Assumes that columns");
    // A flower with short petals is no virginica; its sepals cannot be changed.
    let wish = "why=counterfactual&wanted=virginica&fixed=sepal_length_cm&fixed=sepal_width_cm";
    let changes = ask(wish).await;
    changes
        .says("What would have to change for `virginica`?")
        .says("→")
        .says("Left as they are: sepal_length_cm, sepal_width_cm");
    assert!(!changes.text.contains("sepal_length_cm</strong>"));
    // Of three classes one must be named, and pictures alone have a Grad-CAM.
    for wish in ["why=counterfactual", "why=grad-cam", "why=magic"] {
        let refused = ask(wish).await;
        assert!(
            refused.status.is_client_error(),
            "{wish}: {}",
            refused.status
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_explained_by_its_places() {
    let bench = Bench::new();
    let run = train(
        &bench,
        &[("data.source", "digits"), ("training.epochs", "2")],
    );
    let ask = |wish: &str| {
        let address = format!("/runs/{run}/try/example?{wish}");
        let bench = &bench;
        async move { bench.post(&address, "example=3").await }
    };
    ask("why=occlusion")
        .await
        .says("Where it is red")
        .says("data:image/png;base64,")
        .says("a patch of");
    let path = ask("why=integrated-gradients").await;
    path.says("the mean colour").says("miss the score by");
    // A perceptron has no feature map.
    assert!(ask("why=grad-cam").await.status.is_client_error());
}
