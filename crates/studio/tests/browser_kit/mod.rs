//! A studio, a browser, and what a person does with them.

use crate::parrot::Parrot;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use modelwright_serve::{Access, App, Limits, Models};
use modelwright_studio::{Studio, StudioOptions, UploadLimits};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// A studio and a browser that looks at it.
pub struct Started {
    pub page: Page,
    driver: Driver,
    _runs: tempfile::TempDir,
    _profile: tempfile::TempDir,
}

impl Started {
    /// `None`, with a message, where there is no browser.
    pub async fn new() -> Option<Self> {
        for program in ["chromium", "chromedriver"] {
            let found = Command::new(program).arg("--version").output();
            if !found.is_ok_and(|o| o.status.success()) {
                eprintln!("skipped: `{program}` is not installed");
                return None;
            }
        }
        let runs = tempfile::tempdir().unwrap();
        let address = serve(runs.path().into()).await;
        let profile = tempfile::tempdir().unwrap();
        let driver = Driver::start();
        let browser = browser(&driver, &profile).await;
        browser.set_window_size(1280, 1000).await.unwrap();
        let page = Page {
            browser,
            base: format!("http://{address}"),
        };
        Some(Self {
            page,
            driver,
            _runs: runs,
            _profile: profile,
        })
    }

    /// Closes the browser before its driver goes.
    pub async fn end(self) {
        self.page.browser.close().await.unwrap();
        drop(self.driver);
    }
}

/// A studio on a free port of this machine.
async fn serve(runs: PathBuf) -> SocketAddr {
    let app = App::new(Models::new(Limits::default()), Access::Open, false);
    app.chat.add("help", Arc::new(Parrot)).unwrap();
    let studio = Studio::open(StudioOptions {
        runs,
        uploads: UploadLimits::default(),
        engine: Default::default(),
        serve: app,
        host: "127.0.0.1".into(),
    });
    let router = studio.unwrap().router();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn browser(driver: &Driver, profile: &tempfile::TempDir) -> Client {
    let arguments = [
        "--headless".to_string(),
        "--no-sandbox".into(),
        "--disable-gpu".into(),
        "--disable-dev-shm-usage".into(),
        "--no-first-run".into(),
        "--disable-background-networking".into(),
        "--lang=en".into(),
        // A camera that shows a test picture, and a person who allows it.
        "--use-fake-device-for-media-stream".into(),
        "--use-fake-ui-for-media-stream".into(),
        format!("--user-data-dir={}", profile.path().display()),
    ];
    let options = json!({ "goog:chromeOptions": { "args": arguments } });
    let Value::Object(options) = options else {
        unreachable!("written as an object above")
    };
    let begun = Instant::now();
    loop {
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connected = builder
            .capabilities(options.clone())
            .connect(&driver.address)
            .await;
        match connected {
            Ok(browser) => return browser,
            // The driver needs a moment to listen.
            Err(_) if begun.elapsed() < Duration::from_secs(20) => tokio::time::sleep(PAUSE).await,
            Err(e) => panic!("no browser: {e}"),
        }
    }
}

/// A running chromedriver; it ends with this.
struct Driver {
    process: Child,
    address: String,
}

impl Driver {
    fn start() -> Self {
        // Asked for and given back, so that it is free.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            address: format!("http://127.0.0.1:{port}"),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a person sees and does.
pub struct Page {
    browser: Client,
    base: String,
}

impl Page {
    pub async fn open(&self, path: &str) {
        self.browser
            .goto(&format!("{}{path}", self.base))
            .await
            .unwrap();
    }

    /// The element, once it is there.
    pub async fn wait_for(&self, css: &str) -> Element {
        let found = self.browser.wait().at_most(PATIENCE).every(PAUSE);
        match found.for_element(Locator::Css(css)).await {
            Ok(element) => element,
            Err(e) => panic!("no `{css}` ({e}) on:\n{}", self.body().await),
        }
    }

    async fn body(&self) -> String {
        let text = self
            .script("return location.href + '\\n' + document.body.innerText")
            .await;
        text.as_str().unwrap_or("").to_string()
    }

    pub async fn click(&self, css: &str) {
        let element = self.wait_for(css).await;
        // A bar at the edge of the window could lie over it.
        let middle = "arguments[0].scrollIntoView({ block: 'center' })";
        let argument = serde_json::to_value(&element).unwrap();
        self.browser.execute(middle, vec![argument]).await.unwrap();
        element.click().await.unwrap();
    }

    /// For what is on a page that loads itself anew until something is done.
    pub async fn click_when_there(&self, css: &str) {
        self.until(css, async || {
            match self.browser.find(Locator::Css(css)).await {
                Ok(element) => element.click().await.is_ok(),
                Err(_) => false,
            }
        })
        .await;
    }

    pub async fn type_into(&self, css: &str, text: &str) {
        self.wait_for(css).await.send_keys(text).await.unwrap();
    }

    /// Says which column is to be predicted, if the page of a table asks.
    pub async fn choose_target_if_asked(&self, column: &str) {
        self.until("the data was looked at", async || {
            self.script("return location.pathname.startsWith('/data/') && !document.querySelector('.waiting')")
                .await
                == Value::Bool(true)
        })
        .await;
        let choose = format!(
            "const s = document.querySelector('select#target'); if (!s || s.value === '{column}') return false; \
             s.value = '{column}'; s.form.requestSubmit(); return true"
        );
        self.script(&choose).await;
    }

    pub async fn text(&self, css: &str) -> String {
        self.wait_for(css).await.text().await.unwrap()
    }

    /// Asked in one go: charts are drawn anew all the time.
    pub async fn attribute(&self, css: &str, name: &str) -> Option<String> {
        let ask = format!("return document.querySelector(\"{css}\")?.getAttribute(\"{name}\")");
        self.script(&ask).await.as_str().map(String::from)
    }

    pub async fn wait_for_attribute(&self, css: &str, name: &str) -> String {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(value) = self.attribute(css, name).await {
                return value;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("no `{name}` of `{css}` on:\n{}", self.body().await)
    }

    pub async fn script(&self, script: &str) -> Value {
        self.browser
            .execute(script, Vec::new())
            .await
            .unwrap_or(Value::Null)
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let begun = Instant::now();
        while !is_so().await {
            if begun.elapsed() > PATIENCE {
                panic!("waited in vain: {what}, on:\n{}", self.body().await);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Draws a line through points relative to the middle of an element.
    pub async fn draw(&self, css: &str, points: &[(f64, f64)]) {
        let element = self.wait_for(css).await;
        let step = |(x, y): &(f64, f64)| PointerAction::MoveToElement {
            element: element.clone(),
            duration: Some(Duration::from_millis(60)),
            x: *x,
            y: *y,
        };
        let button = MOUSE_BUTTON_LEFT;
        let mut actions = MouseActions::new("mouse".into()).then(step(&points[0]));
        actions = actions.then(PointerAction::Down { button });
        for point in &points[1..] {
            actions = actions.then(step(point));
        }
        actions = actions.then(PointerAction::Up { button });
        self.browser.perform_actions(actions).await.unwrap();
    }

    /// A picture of the page, if somebody wants to look.
    pub async fn shot(&self, name: &str) {
        if let Ok(folder) = std::env::var("MODELWRIGHT_SCREENSHOTS") {
            let png = self.browser.screenshot().await.unwrap();
            std::fs::write(PathBuf::from(folder).join(format!("{name}.png")), png).unwrap();
        }
    }
}

/// What a command prints, run as a person would who has copied it.
pub fn shell(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{told}");
    String::from_utf8(output.stdout).unwrap()
}
