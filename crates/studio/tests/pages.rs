//! Language, theme, assets and pages that are not there.

mod common;

use common::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn the_language_comes_from_the_browser_and_then_from_the_choice() {
    let bench = Bench::new();
    let home = bench.get("/").await;
    home.says("What do you want your product to do?")
        .says("lang=\"en\"");
    let chinese = bench
        .get_with("/", &[("accept-language", "zh-CN,zh;q=0.9")])
        .await;
    chinese.says("您想让产品做什么").says("lang=\"zh-Hans\"");
    let chosen = bench
        .post("/preferences", "lang=zh-Hans&back=%2Fdata%3Fa%3D1")
        .await;
    assert_eq!(chosen.place(), "/data?a=1");
    let cookie = chosen.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("lang=zh-Hans;"), "{cookie}");
    let page = bench
        .get_with("/data", &[("cookie", "lang=zh-Hans; theme=dark")])
        .await;
    page.says("让它从什么学起").says("data-theme=\"dark\"");
    let away = bench
        .post("/preferences", "theme=light&back=%2F%2Fevil.example")
        .await;
    assert_eq!(away.place(), "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_both_languages() {
    let bench = Bench::new();
    for path in [
        "/",
        "/data",
        "/data/iris",
        "/data/digits",
        "/data/ames",
        "/train?data=digits",
        "/chat",
    ] {
        bench.data(path).await;
        for lang in ["en", "zh-Hans"] {
            let page = bench
                .get_with(path, &[("cookie", &format!("lang={lang}"))])
                .await;
            assert_eq!(page.status, 200, "{path}");
            // A key without text shows itself.
            for prefix in [
                "task-", "set-", "field-", "plan-", "column-", "kind-", "finding-",
            ] {
                let shown = format!(">{prefix}");
                assert!(!page.text.contains(&shown), "{prefix} in {path}, {lang}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn assets_are_kept_by_browsers_and_pages_are_not() {
    let bench = Bench::new();
    let home = bench.get("/").await;
    assert_eq!(home.headers["cache-control"], "no-store");
    let places: Vec<&str> = home
        .text
        .split(['"'])
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    assert!(places.len() >= 3);
    for place in places {
        let file = bench.get(place).await;
        assert_eq!(file.status, 200, "{place}");
        assert!(
            file.headers["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
    }
    assert_eq!(bench.get("/assets/0/nothing.js").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_in_the_visitors_language() {
    let bench = Bench::new();
    for path in ["/nowhere", "/data/nothing", "/runs/nothing"] {
        let page = bench.get_with(path, &[("cookie", "lang=zh-Hans")]).await;
        assert_eq!(page.status, 404, "{path}");
        page.says("模匠");
    }
}
