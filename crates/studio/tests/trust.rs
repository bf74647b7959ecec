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
    let reasons = bench.post(&format!("/runs/{run}/try/row?why=1"), row).await;
    reasons.says("Why?").says("petal").says("Shapley values");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_explained_by_its_places() {
    let bench = Bench::new();
    let run = train(
        &bench,
        &[("data.source", "digits"), ("training.epochs", "2")],
    );
    let reasons = bench
        .post(&format!("/runs/{run}/try/example?why=1"), "example=3")
        .await;
    reasons
        .says("Where it is red")
        .says("data:image/png;base64,")
        .says("plain patch");
}
