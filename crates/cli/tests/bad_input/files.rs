//! Data files that are cut short, damaged or of the wrong form.

use super::says;
use crate::common::{Place, shared};
use std::io::Write;

/// An IDX file: magic number, sizes, bytes.
fn idx(sizes: &[u32], content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    bytes.extend(sizes.iter().flat_map(|s| s.to_be_bytes()));
    bytes.extend(content);
    bytes
}

/// Two pictures of 4x4 pixels.
fn two_pictures() -> Vec<u8> {
    idx(&[2, 4, 4], &[7; 32])
}

/// The four files of MNIST in the folder `m`.
fn mnist(place: &Place, images: &[u8], labels: &[u8]) {
    for part in ["train", "t10k"] {
        place.write(&format!("m/{part}-images-idx3-ubyte"), images);
        place.write(&format!("m/{part}-labels-idx1-ubyte"), labels);
    }
}

/// The first half of the gzipped bytes.
fn half_of_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    let mut packed = packed.finish().unwrap();
    packed.truncate(packed.len() / 2);
    packed
}

#[test]
fn truncated_idx_pictures() {
    let place = Place::new();
    mnist(&place, &idx(&[2, 4, 4], &[7; 20]), &idx(&[2], &[0, 1]));
    says(
        &place.fails(&["train", "m"]),
        &[
            "train-images-idx3-ubyte",
            "promises 32 bytes",
            "20 follow",
            "cut short",
        ],
    );
    // A header that promises more than fits in memory is refused before anything is allocated.
    mnist(
        &place,
        &idx(&[u32::MAX, 4, 4], &[7; 20]),
        &idx(&[2], &[0, 1]),
    );
    says(
        &place.fails(&["train", "m"]),
        &["train-images-idx3-ubyte", "promises", "20 follow"],
    );
    says(
        &place.fails(&["train", "mnist", "--data-dir", "."]),
        &["the files of mnist are not in this folder"],
    );
}

#[test]
fn idx_pictures_of_an_impossible_size() {
    let place = Place::new();
    mnist(&place, &idx(&[2, 0, 0], &[]), &idx(&[2], &[0, 1]));
    says(
        &place.fails(&["train", "m"]),
        &["train-images-idx3-ubyte", "a side of 0 pixels"],
    );
    mnist(&place, &idx(&[u32::MAX; 3], &[]), &idx(&[2], &[0, 1]));
    says(
        &place.fails(&["train", "m"]),
        &["train-images-idx3-ubyte", "a side of 4294967295 pixels"],
    );
}

#[test]
fn truncated_idx_labels() {
    let place = Place::new();
    mnist(&place, &two_pictures(), &idx(&[2], &[0]));
    says(
        &place.fails(&["train", "m"]),
        &[
            "train-labels-idx1-ubyte",
            "promises 2 bytes",
            "1 follow",
            "cut short",
        ],
    );
}

#[test]
fn idx_labels_of_other_pictures() {
    let place = Place::new();
    mnist(&place, &two_pictures(), &idx(&[3], &[0, 1, 0]));
    says(
        &place.fails(&["train", "m"]),
        &["train-labels-idx1-ubyte", "3 labels for 2 pictures"],
    );
}

#[test]
fn truncated_gzip() {
    let place = Place::new();
    place.write("t.csv.gz", half_of_gzip(&[1; 5000]));
    says(
        &place.fails(&["train", "t.csv.gz"]),
        &["t.csv.gz", "not a complete gzip file"],
    );
    mnist(&place, &two_pictures(), &idx(&[2], &[0, 1]));
    std::fs::remove_file(place.path("m/train-images-idx3-ubyte")).unwrap();
    place.write(
        "m/train-images-idx3-ubyte.gz",
        half_of_gzip(&two_pictures()),
    );
    says(
        &place.fails(&["train", "m"]),
        &["train-images-idx3-ubyte.gz", "not a complete gzip file"],
    );
}

#[test]
fn truncated_cifar() {
    let place = Place::new();
    place.write("c/data_batch_1.bin", vec![0; 3073 * 2 - 5]);
    says(
        &place.fails(&["train", "c"]),
        &["data_batch_1.bin", "no whole number of 3073-byte records"],
    );
    place.write("c/data_batch_1.bin", vec![99; 3073]);
    says(
        &place.fails(&["train", "c"]),
        &["record 0 has the label 99"],
    );
    place.write("h/train.bin", vec![0; 3074 * 2 - 1]);
    says(
        &place.fails(&["train", "h"]),
        &["train.bin", "no whole number of 3074-byte records"],
    );
}

#[test]
fn truncated_cifar_archive() {
    let place = Place::new();
    for name in ["cifar-10-binary.tar.gz", "cifar-100-binary.tar.gz"] {
        place.write(name, half_of_gzip(&[3; 9000]));
        says(
            &place.fails(&["train", name]),
            &[name, "not a complete gzip file", "cut short"],
        );
    }
    says(
        &place.fails(&["train", "cifar10", "--data-dir", "."]),
        &["cifar-10-binary.tar.gz", "not a complete gzip file"],
    );
}

#[test]
fn truncated_and_damaged_parquet() {
    let place = Place::new();
    let whole = std::fs::read(shared("tests/golden/table.parquet")).unwrap();
    place.write("t.parquet", &whole[..whole.len() - 100]);
    says(
        &place.fails(&["train", "t.parquet"]),
        &["t.parquet", "not a complete Parquet file"],
    );
    // The snappy block of the first column begins at byte 20, with the two bytes of its length. What
    // follows becomes a copy from far before its start; the schema at the end is as it was.
    let mut damaged = whole;
    damaged[22..200].fill(0xff);
    place.write("t.parquet", &damaged);
    says(
        &place.fails(&["train", "t.parquet"]),
        &["t.parquet", "damaged rows"],
    );
}

#[test]
fn a_broken_line_of_json() {
    let place = Place::new();
    place.write(
        "t.jsonl",
        "{\"x\": 1, \"label\": \"a\"}\n{\"x\": 2, \"lab\n{\"x\": 3, \"label\": \"b\"}\n",
    );
    says(
        &place.fails(&["train", "t.jsonl", "--target", "label"]),
        &["t.jsonl, line 2", "one JSON object a line"],
    );
}

#[test]
fn ragged_rows_and_wrong_encoding() {
    let place = Place::new();
    place.write("t.csv", "a,label\n1,x\n2,y,z\n");
    says(
        &place.fails(&["train", "t.csv"]),
        &["t.csv, line 3", "3 fields where the header has 2"],
    );
    let bytes = b"city,label\nK\xf6ln am Rhein,a\nM\xfcnchen,b\n";
    place.write("t.csv", bytes);
    // An encoding that was named is taken at its word.
    says(
        &place.fails(&["train", "t.csv", "--encoding", "utf-8"]),
        &["t.csv, line 2", "not UTF-8", "--encoding windows-1252"],
    );
}
