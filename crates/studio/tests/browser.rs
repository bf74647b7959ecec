//! The whole line in a real browser: pictures and a table are brought, models trained, looked at,
//! tried and served. Needs `chromium` and `chromedriver`; without them it says so and passes.
//!
//! With `MODELWRIGHT_SCREENSHOTS` set to a folder, a picture of each page is left there.

mod browser_kit;
mod parrot;

use browser_kit::{Page, Started};
use serde_json::Value;
use std::path::Path;

/// Pictures of each digit that are brought.
const OF_EACH: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_from_data_to_a_served_model() {
    let Some(started) = Started::new().await else {
        return;
    };
    let page = &started.page;
    let data = tempfile::tempdir().unwrap();
    // Folders whose names begin with a dot, as that of `data`, are not sent.
    let folder = data.path().join("numbers");
    write_digits(&folder);
    pictures(page, &folder).await;
    table(page).await;
    texts(page, data.path()).await;
    talk(page).await;
    widget(page).await;
    started.end().await;
}

async fn pictures(page: &Page, folder: &Path) {
    page.open("/").await;
    page.shot("home").await;
    page.click("a.card.task").await;
    page.type_into("#folder", &folder.display().to_string())
        .await;
    page.click_when_there("a[href^='/train?data=']").await;
    page.shot("train").await;
    // Long enough to be watched.
    page.script("document.getElementById('training.epochs').value = '600'")
        .await;
    page.click("#train button[type=submit]").await;

    // The curve moves while the page is open.
    let first = page
        .wait_for_attribute("#charts polyline.faint", "points")
        .await;
    page.until("the curve has moved", async || {
        page.attribute("#charts polyline.faint", "points")
            .await
            .is_some_and(|now| now != first)
    })
    .await;
    page.wait_for("#wrong-list img").await;
    page.shot("run").await;
    page.wait_for("#state[data-status=finished]").await;
    assert!(
        page.script("return document.querySelectorAll('#log li').length")
            .await
            .as_u64()
            > Some(3)
    );

    page.click("#state a[href$='/result']").await;
    let headline = page.text(".headline").await;
    assert!(headline.contains("picture"), "{headline}");
    page.shot("result").await;
    page.click(".matrix td[class^=hit-] a").await;
    page.wait_for("ul.examples img").await;
    page.until("the pictures behind the cell are there", async || {
        let loaded =
            "return [...document.images].some(i => i.closest('.examples') && i.naturalWidth > 0)";
        page.script(loaded).await == Value::Bool(true)
    })
    .await;
    page.shot("cell").await;

    page.click("nav.steps a[href$='/result']").await;
    page.click("a[href$='/report']").await;
    page.wait_for(".report .conclusion").await;
    page.wait_for(".report figure svg").await;
    page.shot("report").await;

    page.click("nav.steps a[href$='/try']").await;
    page.click_when_there("#camera:not([hidden])").await;
    page.click_when_there("#viewer:not([hidden]) #shot").await;
    page.wait_for("#answer .headline").await;
    page.click("#camera-off").await;
    page.wait_for("#viewer[hidden]").await;
    page.shot("camera").await;

    page.click("nav.steps a[href$='/try']").await;
    // A zero: once around.
    let around = |i: usize| {
        let (sin, cos) = (i as f64 / 16.0 * std::f64::consts::TAU).sin_cos();
        (60.0 * sin, -90.0 * cos)
    };
    let points: Vec<(f64, f64)> = (0..=16).map(around).collect();
    page.draw("#canvas", &points).await;
    page.wait_for("#answer .headline").await;
    let digit = page.text("#answer .headline").await;
    assert_eq!(digit, "0");
    page.shot("try").await;

    page.click("nav.steps a[href$='/ship']").await;
    page.click("form[action$='/ship/start'] button").await;
    page.wait_for("#serving[data-serving=true]").await;
    page.shot("ship").await;
    let snippet = page.text("#curl").await;
    let answer = browser_kit::shell(&snippet);
    let answer: Value = serde_json::from_str(&answer).expect(&answer);
    // The example of the snippet is the first picture of the first class.
    assert_eq!(answer["predictions"][0]["label"], "0", "{answer}");

    page.click("button[name=lang][value^=zh]").await;
    page.wait_for("html[lang^=zh]").await;
    assert_eq!(page.text("h1").await, "上线");
    page.shot("ship-zh").await;
    page.click("button[name=lang][value=en]").await;
    page.wait_for("html[lang=en]").await;
}

async fn table(page: &Page) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/assets/iris.csv");
    let file = file.canonicalize().unwrap();
    page.open("/data").await;
    page.type_into("#file", &file.display().to_string()).await;
    page.choose_target_if_asked("label").await;
    page.click_when_there("a[href^='/train?data=']").await;
    page.click("#train button[type=submit]").await;
    page.wait_for("#state[data-status=finished]").await;
    page.click("#state a[href$='/result']").await;
    page.click(".matrix td[class^=hit-] a").await;
    page.wait_for("main table tbody tr").await;
    page.click("nav.steps a[href$='/try']").await;
    page.click("#row button[type=submit]").await;
    page.wait_for("#answer .headline").await;
    page.shot("try-row").await;
    assert!(!page.text("#answer .headline").await.is_empty());
}

/// Reviews are brought, learned from, and one that was never seen is pasted.
async fn texts(page: &Page, folder: &Path) {
    let mut csv = String::from("text,label\n");
    for i in 0..120 {
        let what = ["phone", "screen", "battery", "cable"][i % 4];
        csv += &format!("the {what} works great and I love it {i},happy\n");
        csv += &format!("the {what} broke on day {i} and I want my money back,angry\n");
    }
    let file = folder.join("reviews.csv");
    std::fs::write(&file, csv).unwrap();
    page.open("/data").await;
    page.type_into("#file", &file.display().to_string()).await;
    page.choose_target_if_asked("label").await;
    page.wait_for("a[href^='/train?data=']").await;
    page.shot("data-texts").await;
    page.click("a[href^='/train?data=']").await;
    page.shot("train-texts").await;
    page.click("#train button[type=submit]").await;
    page.wait_for("#state[data-status=finished]").await;
    page.click("#state a[href$='/result']").await;
    page.wait_for("table.bars meter").await;
    page.shot("result-texts").await;
    page.click(".matrix td[class^=hit-] a").await;
    page.wait_for("ul.texts .passage").await;
    page.shot("cell-texts").await;

    page.click("nav.steps a[href$='/try']").await;
    page.click("#clear-text").await;
    page.type_into("#c0", "I love how great this cable works")
        .await;
    page.click("#text button[type=submit]").await;
    page.wait_for("#answer .headline").await;
    assert_eq!(page.text("#answer .headline").await, "happy");
    page.shot("try-text").await;
}

/// Somebody talks with an assistant, looks at a source, likes an answer, stops one, and compares.
async fn talk(page: &Page) {
    page.open("/chat").await;
    // Enter sends.
    page.type_into("#question", "when are you open?\n").await;
    page.wait_for("#talk-0 .under").await;
    let said = page.text("#talk-0 .turn.model .text").await;
    assert!(said.contains("You said when are you open?"), "{said}");
    // What looks like marks of a page is shown as it is.
    assert!(said.contains("<img"), "{said}");
    let inside = "return document.querySelectorAll('#talk-0 .text img').length";
    assert_eq!(page.script(inside).await, Value::from(0));
    assert_eq!(
        page.text("#talk-0 .turn.model strong").await,
        "when are you open?"
    );
    page.click("#talk-0 .turn.model p .cite").await;
    assert_eq!(page.text("#passage mark").await, "nine to five");
    page.shot("chat").await;
    page.click("#passage-close").await;
    page.click("#talk-0 .thumb").await;
    page.wait_for("#talk-0 .thumb[aria-pressed=true]").await;

    page.type_into("#question", "forever").await;
    page.click("#send").await;
    page.until("it writes", async || {
        page.text("#talk-0 .turn:last-child .text")
            .await
            .contains("on on")
    })
    .await;
    page.click("#send").await;
    page.until("it has stopped", async || {
        page.text("#talk-0 .turn:last-child")
            .await
            .contains("(stopped)")
    })
    .await;

    let compare = "const o = document.getElementById('other'); o.value = 'served:help'; \
        o.dispatchEvent(new Event('change'))";
    page.script(compare).await;
    page.type_into("#question", "both\n").await;
    page.wait_for("#talk-1:not([hidden]) .under").await;
    page.wait_for("#talk-0 .under").await;
    page.shot("chat-two").await;
}

/// The bubble on a page: it opens, answers, shows a source.
async fn widget(page: &Page) {
    page.open("/chat").await;
    let add = "const s = document.createElement('script'); s.src = '/widget.js'; \
        s.dataset.model = 'help'; document.head.append(s)";
    page.script(add).await;
    page.wait_for(".modelwright-chat").await;
    // What is inside the bubble is apart from the page.
    let inside = |what: &str| {
        format!("const r = document.querySelector('.modelwright-chat').shadowRoot; {what}")
    };
    page.script(&inside("r.querySelector('.bubble').click()"))
        .await;
    let say =
        "r.querySelector('textarea').value = 'hello'; r.querySelector('form').requestSubmit()";
    page.script(&inside(say)).await;
    let answered = inside("return r.querySelector('.under .cite') !== null");
    page.until("the widget has answered", async || {
        page.script(&answered).await == Value::Bool(true)
    })
    .await;
    let log = page
        .script(&inside("return r.querySelector('.log').textContent"))
        .await;
    assert!(log.as_str().unwrap().contains("You said hello"), "{log}");
    page.shot("widget").await;
    let read =
        "r.querySelector('.under .cite').click(); return r.querySelector('.passage').textContent";
    let passage = page.script(&inside(read)).await;
    assert!(
        passage
            .as_str()
            .unwrap()
            .contains("We are open nine to five."),
        "{passage}"
    );
}

/// The embedded digits as picture files, one folder a digit.
fn write_digits(folder: &Path) {
    let digits = modelwright_data::open("digits", Default::default()).unwrap();
    let modelwright_data::Content::Images(set) = digits.content else {
        panic!("digits are pictures")
    };
    let mut written = vec![0; set.classes.len()];
    for (i, label) in set.labels.iter().enumerate() {
        let label = label.unwrap() as usize;
        if written[label] < OF_EACH {
            let place = folder.join(&set.classes[label]);
            std::fs::create_dir_all(&place).unwrap();
            let png = set.raster(i).unwrap().to_png().unwrap();
            std::fs::write(place.join(format!("{i:04}.png")), png).unwrap();
            written[label] += 1;
        }
    }
}
