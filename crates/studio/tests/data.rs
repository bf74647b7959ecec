//! Bringing data: folders, archives and tables; what is odd is found and mended; what is hostile is
//! refused and leaves nothing behind.

mod common;

use common::{Bench, names, png, zip};
use modelwright_serve::Access;
use modelwright_studio::UploadLimits;

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_pictures_is_profiled_and_mended() {
    let bench = Bench::new();
    let same = png(10, 1);
    let files: Vec<(String, Vec<u8>)> = (0..12u8)
        .flat_map(|i| {
            [
                (format!("shoes/boot/{i}.png"), png(20, 10 * i)),
                (format!("shoes/sandal/{i}.png"), png(200, 10 * i)),
            ]
        })
        .chain([
            ("shoes/boot/twice.png".into(), same.clone()),
            ("shoes/boot/again.png".into(), same),
            ("shoes/boot/broken.png".into(), b"no picture".to_vec()),
            ("shoes/.DS_Store".into(), b"junk".to_vec()),
        ])
        .collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(n, c)| (n.as_str(), &c[..])).collect();
    let answer = bench.upload(&files).await;
    assert_eq!(answer.place(), "/data/shoes-1");
    let page = bench.data("/data/shoes-1").await;
    page.says("27 pictures in 2 classes")
        .says("sandal")
        .says("One picture cannot be opened")
        .says("One picture is a copy")
        .says("data:image/png;base64,");

    let fixed = bench
        .post("/data/shoes-1/fix", "fix=skip-bad&value=on")
        .await;
    assert_eq!(fixed.place(), "/data/shoes-1");
    let page = bench.data("/data/shoes-1").await;
    page.says("26 pictures")
        .says("Pictures that cannot be opened are left out");
    assert!(!page.text.contains("cannot be opened. A training"));

    let copied = bench.post("/data/shoes-1/fix", "fix=copy").await;
    assert_eq!(copied.place(), "/data/shoes-2");
    let page = bench.data("/data/shoes-2").await;
    page.says("25 pictures");
    assert!(!page.text.contains("is a copy"));
    let train = bench.data("/train?data=shoes-2").await;
    train.says("The plan").says("model.architecture");

    let removed = bench.post("/data/shoes-1/remove", "").await;
    assert_eq!(removed.place(), "/data");
    assert_eq!(bench.uploads(), ["shoes-2"]);
    bench.data("/data/shoes-2").await.says("25 pictures");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_unpacked_wherever_its_classes_are() {
    let bench = Bench::new();
    let (a, b) = (png(1, 1), png(2, 2));
    let archive = zip(&[
        ("export/照片/猫/1.png", &a),
        ("export/照片/狗/1.png", &b),
        ("__MACOSX/export/._1.png", b"junk"),
    ]);
    let place = bench.upload(&[("my photos.zip", &archive)]).await;
    let place = place.place().to_string();
    assert_eq!(place, "/data/%E7%85%A7%E7%89%87-1");
    bench
        .data(&place)
        .await
        .says("2 pictures in 2 classes")
        .says("猫");
    let content = bench.folder.path().join("runs/uploads/照片-1/content");
    assert_eq!(names(&content), ["export"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_asked_for_its_target_and_columns_can_be_left_out() {
    let bench = Bench::new();
    let mut csv = String::from("number,age,city,empty,left\n");
    for i in 0..80 {
        let city = ["Oslo", "Bergen"][i % 2];
        let left = if i % 7 == 0 { "yes" } else { "no" };
        csv += &format!("{i},{},{city},,{left}\n", 20 + i % 30);
    }
    bench.upload(&[("customers.csv", csv.as_bytes())]).await;
    let page = bench.data("/data/customers-1").await;
    page.says("80 rows with 5 columns")
        .says("Which column shall the model predict?")
        .says("Choose above which column")
        .says("has no value at all")
        .says("is different in every row");
    bench
        .post("/data/customers-1/fix", "fix=target&value=left")
        .await;
    bench
        .post("/data/customers-1/fix", "fix=exclude&value=number")
        .await;
    let page = bench.data("/data/customers-1").await;
    page.says("Continue to the training")
        .says("the model will name one of them")
        .says("The column “number” is left out");
    assert!(!page.text.contains("is different in every row"));
    bench
        .post("/data/customers-1/fix", "fix=include&value=number")
        .await;
    let page = bench.data("/data/customers-1").await;
    assert!(!page.text.contains("The column “number” is left out"));

    // A quantity may be treated as one.
    bench
        .post("/data/customers-1/fix", "fix=target&value=age")
        .await;
    bench
        .data("/data/customers-1")
        .await
        .says("the model will say a number");
    let page = bench
        .post("/data/customers-1/fix", "fix=task&value=nonsense")
        .await;
    assert!(page.status.is_client_error());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_encoding_is_found_and_can_be_changed_by_one_click() {
    let bench = Bench::new();
    let mut text = String::from("城市,房价\n");
    for i in 0..40 {
        text += &format!("北京的房子在二环里面,{}\n", 100 + i);
    }
    let (bytes, ..) = encoding_rs::GB18030.encode(&text);
    bench.upload(&[("房价.csv", &bytes)]).await;
    let place = "/data/%E6%88%BF%E4%BB%B7-1";
    let page = bench.data(place).await;
    page.says("40 rows with 2 columns")
        .says("城市")
        .says("is in gbk, not in UTF-8, and was converted")
        .says("Do the letters look wrong?")
        .says("Read as gb");
    bench
        .post(&format!("{place}/fix"), "fix=encoding&value=gb18030")
        .await;
    let page = bench.data(place).await;
    page.says("Text is read as gb18030").says("城市");
    // What cannot be right is refused, and the others are offered.
    bench
        .post(&format!("{place}/fix"), "fix=encoding&value=utf-8")
        .await;
    let page = bench.data(place).await;
    page.says("This cannot be read as it is.")
        .says("Read as gb");
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_sets_are_ready() {
    let bench = Bench::new();
    let list = bench.get("/data?task=image-classification").await;
    list.says("one folder for each kind").says("/data/digits");
    bench.data("/data/iris").await.says("150 rows");
    bench
        .data("/data/digits")
        .await
        .says("1797 pictures in 10 classes");
    assert_eq!(bench.get("/data/nonsense").await.status, 404);
    assert_eq!(bench.get("/data/..%2F..%2Fetc").await.status, 404);
}

fn small() -> UploadLimits {
    UploadLimits {
        bytes: 4 << 20,
        files: 5,
        ratio: 200,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_uploads_are_refused_and_leave_nothing() {
    let bench = Bench::with(Access::Open, small());
    let picture = png(1, 1);
    let link = link();
    let bomb = zip(&[("a/zeros.png", &vec![0; 3 << 20])]);
    let large = noise(3 << 20);
    let heavy = zip(&[("a/1.png", &large), ("a/2.png", &large)]);
    let many: Vec<(String, &[u8])> = (0..9).map(|i| (format!("a/{i}.png"), &b"x"[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    let outside = zip(&[("../../outside.png", &picture)]);
    let absolute = zip(&[("/tmp/outside.png", &picture)]);
    let tables: [(&str, &[u8]); 2] = [("a.csv", b"x\n1\n"), ("b.csv", b"x\n1\n")];
    type Files<'a> = Vec<(&'a str, &'a [u8])>;
    let cases: Vec<(&str, Files)> = vec![
        ("cannot be used", vec![("../outside.png", &picture)]),
        ("cannot be used", vec![("/tmp/outside.png", &picture)]),
        ("cannot be used", vec![("a/..\\..\\outside.png", &picture)]),
        ("cannot be used", vec![("x.zip", &outside)]),
        ("cannot be used", vec![("x.zip", &absolute)]),
        ("suspiciously large", vec![("x.zip", &bomb)]),
        ("Too large", vec![("x.zip", &heavy)]),
        ("Too large", vec![("a/1.png", &large), ("a/2.png", &large)]),
        ("Too many", many.clone()),
        (
            "is there twice",
            vec![("a/1.png", &picture), ("a/1.png", &picture)],
        ),
        ("is no zip", vec![("x.zip", b"PK\x03\x04 but no more")]),
        ("link", vec![("x.zip", &link)]),
        ("no texts and no table", vec![("a.exe", b"MZ")]),
        ("no texts and no table", vec![]),
        ("several tables", tables.to_vec()),
    ];
    for (message, files) in cases {
        let answer = bench.upload(&files).await;
        assert!(
            answer.status.is_client_error(),
            "{message}: {}",
            answer.status
        );
        answer.says(message);
        assert!(
            bench.uploads().is_empty(),
            "{message}: {:?}",
            bench.uploads()
        );
    }
    assert_eq!(names(bench.folder.path()), ["runs"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_off_upload_leaves_nothing_and_scripts_get_json() {
    let bench = Bench::new();
    let body =
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nx,y\n";
    for accept in ["text/html", "application/json"] {
        let request = axum::http::Request::post("/data/upload")
            .header("host", "localhost")
            .header("accept", accept)
            .header("content-type", "multipart/form-data; boundary=edge");
        let answer = bench.ask(request.body(body.into()).unwrap()).await;
        assert!(answer.status.is_client_error());
        answer.says("The upload was not complete");
        assert_eq!(answer.text.starts_with('{'), accept == "application/json");
    }
    assert!(bench.uploads().is_empty());
}

/// Bytes that do not get smaller when packed.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1u64;
    (0..size)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .collect()
}

/// An archive with a symbolic link.
fn link() -> Vec<u8> {
    let mut archive = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = ::zip::write::SimpleFileOptions::default();
    archive
        .add_symlink("a/1.png", "/etc/passwd", options)
        .unwrap();
    archive.finish().unwrap().into_inner()
}
