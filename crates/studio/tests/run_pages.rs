//! The pages of a run over HTTP: result, what is behind its numbers, trying, serving, comparing.

mod common;

use axum::http::{Request, StatusCode};
use common::{Bench, page};
use modelwright_serve::Access;
use modelwright_studio::UploadLimits;

/// A run on embedded data; returns its name.
fn train(bench: &Bench, source: &str, epochs: &str) -> String {
    common::train(
        bench,
        &[("data.source", source), ("training.epochs", epochs)],
    )
}

/// The same studio after a restart.
fn restarted(bench: Bench) -> Bench {
    let Bench { folder, .. } = bench;
    Bench::inside(folder, Access::Open, UploadLimits::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_of_rows_can_be_looked_at_tried_and_served() {
    let bench = Bench::new();
    let (first, second) = (train(&bench, "iris", "8"), train(&bench, "iris", "2"));

    bench.get(&format!("/runs/{first}")).await.says("Pass 8");
    let cell = format!("/runs/{first}/result/cell?true=setosa&predicted=setosa");
    let link = cell.replace('&', "&amp;");
    bench
        .get(&format!("/runs/{first}/result"))
        .await
        .says(&link);
    assert!(page(&bench, &cell).await.contains("sepal_length_cm"));
    let unknown = bench.get(&cell.replace("setosa", "rose")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);

    let compared = page(&bench, &format!("/compare?run={first}&run={second}")).await;
    assert!(compared.contains("training.epochs") && compared.contains("class=\"best\""));

    let row = "row=0&c0=5.1&c1=3.5&c2=1.4&c3=0.2";
    bench
        .get(&format!("/runs/{first}/try"))
        .await
        .says("name=\"c0\"");
    let tried = bench.post(&format!("/runs/{first}/try/row"), row).await;
    assert_eq!(tried.status, StatusCode::OK);
    tried.says("<p class=\"headline\">setosa</p>");
    let wrong = bench
        .post(&format!("/runs/{first}/try/row"), "c0=long&c1=&c2=&c3=")
        .await;
    assert!(wrong.status.is_client_error());
    wrong.says("long");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_is_served_after_a_restart() {
    let bench = Bench::new();
    let run = train(&bench, "iris", "8");
    let address = format!("/v1/models/{run}/predict");
    let row = r#"{"sepal_length_cm": 5.1, "sepal_width_cm": 3.5, "petal_length_cm": 1.4, "petal_width_cm": 0.2}"#;
    let ask = |address: &str| {
        let request = Request::post(address).header("host", "localhost:7860");
        let request = request.header("content-type", "application/json");
        request.body(row.into()).unwrap()
    };
    assert_eq!(bench.ask(ask(&address)).await.status, StatusCode::NOT_FOUND);
    bench
        .post(&format!("/runs/{run}/ship/start"), "")
        .await
        .place();
    bench
        .get(&format!("/runs/{run}/ship"))
        .await
        .says(&address)
        .says("&quot;sepal_length_cm&quot;:5.1");
    let bench = restarted(bench);
    bench.ask(ask(&address)).await.says("setosa");
    bench
        .post(&format!("/runs/{run}/ship/stop"), "")
        .await
        .place();
    let bench = restarted(bench);
    assert_eq!(bench.ask(ask(&address)).await.status, StatusCode::NOT_FOUND);
    let bundle = bench.get(&format!("/runs/{run}/bundle.zip")).await;
    assert_eq!(bundle.headers["content-type"], "application/zip");
    bundle.says("model.safetensors");
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_quantities_have_their_own_pages() {
    let bench = Bench::new();
    let (digits, ames) = (train(&bench, "digits", "2"), train(&bench, "ames", "2"));

    let picture = bench.get(&format!("/runs/{digits}/examples/0.png")).await;
    assert_eq!(picture.headers["content-type"], "image/png");
    for missing in ["999999.png", "0.gif", "-1.png"] {
        let answer = bench
            .get(&format!("/runs/{digits}/examples/{missing}"))
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{missing}");
    }
    let tried = page(&bench, &format!("/runs/{digits}/try")).await;
    assert!(tried.contains("data-light=\"true\"") && tried.contains("id=\"canvas\""));
    let answer = bench
        .post(&format!("/runs/{digits}/try/example"), "example=0")
        .await;
    answer.says("class=\"headline\"");
    let body = "--x\r\ncontent-disposition: form-data; name=\"picture\"; filename=\"a.png\"\r\n\r\n\
                no picture\r\n--x--\r\n";
    let request = Request::post(format!("/runs/{digits}/try/picture"))
        .header("host", "localhost:7860")
        .header("content-type", "multipart/form-data; boundary=x");
    let answer = bench.ask(request.body(body.into()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);

    let result = page(&bench, &format!("/runs/{ames}/result")).await;
    assert!(result.contains("Nine of ten are off by at most") && result.contains("<circle"));
    bench
        .get(&format!("/runs/{ames}/try"))
        .await
        .says("in your data");
    assert_eq!(
        bench.get("/runs/nothing/result").await.status,
        StatusCode::NOT_FOUND
    );
}
