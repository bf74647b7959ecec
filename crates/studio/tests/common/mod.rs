//! A studio in an empty folder, asked over its router.
#![allow(dead_code, reason = "each test file uses a part of it")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, HOST, LOCATION};
use axum::http::{HeaderMap, Request, StatusCode};
use modelwright_data::quiet;
use modelwright_serve::{Access, App, Limits, Models};
use modelwright_studio::{Studio, StudioOptions, UploadLimits};
use modelwright_tasks::{Ended, Plan, Session, SessionOptions};
use modelwright_train::Control;
use modelwright_train::recipe::Layers;
use std::io::{Cursor, Write};
use std::path::Path;
use tower::ServiceExt;

/// A studio with its folder, which goes with it.
pub struct Bench {
    pub studio: Studio,
    pub folder: tempfile::TempDir,
    router: Router,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// Where a browser is sent.
    pub fn place(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers[LOCATION].to_str().unwrap()
    }

    /// Asserts that the page says something.
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.text.contains(text), "no `{text}` in {}", self.text);
        self
    }
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Access::Open, UploadLimits::default())
    }

    pub fn with(access: Access, uploads: UploadLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::inside(folder, access, uploads)
    }

    pub fn inside(folder: tempfile::TempDir, access: Access, uploads: UploadLimits) -> Self {
        let app = App::new(Models::new(Limits::default()), access, false);
        Self::of(folder, app, uploads)
    }

    /// With a web site whose pages may ask models.
    pub fn naming(site: &str) -> Self {
        let app = App {
            origins: [site.parse().unwrap()].into_iter().collect(),
            ..App::new(Models::new(Limits::default()), Access::Open, false)
        };
        Self::of(tempfile::tempdir().unwrap(), app, UploadLimits::default())
    }

    fn of(folder: tempfile::TempDir, app: App, uploads: UploadLimits) -> Self {
        let studio = Studio::open(StudioOptions {
            runs: folder.path().join("runs"),
            uploads,
            engine: Default::default(),
            serve: app,
            host: "127.0.0.1".into(),
        })
        .unwrap();
        let router = studio.router();
        Self {
            studio,
            folder,
            router,
        }
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 64 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path).header(HOST, "localhost:7860");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub async fn post_with(&self, path: &str, form: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path)
            .header(HOST, "localhost:7860")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(form.to_string().into()).unwrap())
            .await
    }

    pub async fn post(&self, path: &str, form: &str) -> Answer {
        self.post_with(path, form, &[]).await
    }

    /// Uploads files, as a browser's form does.
    pub async fn upload(&self, files: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, content) in files {
            let head = format!(
                "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--edge--\r\n");
        let request = Request::post("/data/upload")
            .header(HOST, "localhost:7860")
            .header(CONTENT_TYPE, "multipart/form-data; boundary=edge");
        self.ask(request.body(body.into()).unwrap()).await
    }

    /// The page of a data set, once it was looked at.
    pub async fn data(&self, place: &str) -> Answer {
        loop {
            let answer = self.get(place).await;
            if !answer.headers.contains_key("refresh") {
                return answer;
            }
        }
    }

    /// Names in the folder of uploads.
    pub fn uploads(&self) -> Vec<String> {
        names(&self.folder.path().join("runs/uploads"))
    }
}

/// A finished run with these settings; returns its name.
pub fn train(bench: &Bench, settings: &[(&str, &str)]) -> String {
    let mut layers = Layers::default();
    for (key, value) in settings {
        layers.set(key, value).unwrap();
    }
    let plan = Plan::new(&layers, &quiet).unwrap();
    let options = SessionOptions {
        runs: bench.studio.runs(),
        tensorboard: false,
        control: &Control::default(),
        notify: &quiet,
    };
    let session = Session::start(plan, options).unwrap();
    let id = session.id().to_string();
    let ended = session.run(Box::new(|_: &_| {})).unwrap();
    assert!(matches!(ended, Ended::Finished(_)));
    id
}

/// The text of a page, which must be there.
pub async fn page(bench: &Bench, path: &str) -> String {
    let answer = bench.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer.text
}

/// Sorted names in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A small picture of one colour with a corner of its own.
pub fn png(colour: u8, corner: u8) -> Vec<u8> {
    let mut picture = image::RgbImage::from_pixel(12, 10, image::Rgb([colour, 90, 30]));
    picture.put_pixel(0, 0, image::Rgb([corner, corner, 200]));
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// A zip archive of files.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
