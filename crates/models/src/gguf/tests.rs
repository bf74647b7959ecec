use super::*;
use modelwright_kernels::quant::Format;

/// Writes a file as the specification says.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn u32(mut self, n: u32) -> Self {
        self.0.extend(n.to_le_bytes());
        self
    }

    fn u64(mut self, n: u64) -> Self {
        self.0.extend(n.to_le_bytes());
        self
    }

    fn text(self, text: &str) -> Self {
        let mut with_length = self.u64(text.len() as u64);
        with_length.0.extend(text.as_bytes());
        with_length
    }

    fn head(tensors: u64, entries: u64) -> Self {
        Self(b"GGUF".to_vec()).u32(3).u64(tensors).u64(entries)
    }

    /// A tensor's place; `shape` as the file counts.
    fn tensor(self, name: &str, shape: &[u64], kind: u32, offset: u64) -> Self {
        let start = self.text(name).u32(shape.len() as u32);
        let shaped = shape.iter().fold(start, |w, n| w.u64(*n));
        shaped.u32(kind).u64(offset)
    }

    /// Fills up to the alignment and adds data.
    fn data(mut self, bytes: usize) -> Vec<u8> {
        let start = self.0.len().next_multiple_of(32);
        self.0.resize(start + bytes, 7);
        self.0
    }
}

fn read(bytes: &[u8]) -> Result<Header, String> {
    Header::read(bytes, bytes.len() as u64)
}

fn problem(bytes: &[u8]) -> String {
    read(bytes).unwrap_err()
}

fn two_tensors(second: u64) -> Vec<u8> {
    Writer::head(2, 0)
        .tensor("a", &[32, 2], 8, 0)
        .tensor("b", &[8], 0, second)
        .data(128)
}

#[test]
fn values_of_all_kinds_are_read() {
    let bytes = Writer::head(0, 14);
    let number = |w: Writer, key: &str, kind: u32, bytes: &[u8]| {
        let mut w = w.text(key).u32(kind);
        w.0.extend(bytes);
        w
    };
    let w = number(bytes, "u8", 0, &[200]);
    let w = number(w, "i8", 1, &[0xff]);
    let w = number(w, "u16", 2, &[1, 2]);
    let w = number(w, "i16", 3, &[0xfe, 0xff]);
    let w = number(w, "u32", 4, &[1, 0, 0, 0]);
    let w = number(w, "i32", 5, &[0xff; 4]);
    let w = number(w, "f32", 6, &1.5f32.to_le_bytes());
    let w = number(w, "bool", 7, &[1]);
    let w = number(w, "u64", 10, &7u64.to_le_bytes());
    let w = number(w, "i64", 11, &(-7i64).to_le_bytes());
    let w = number(w, "f64", 12, &0.25f64.to_le_bytes());
    let w = w.text("text").u32(8).text("日本");
    let w = w.text("list").u32(9).u32(8).u64(2).text("a").text("b");
    let w = w.text("lists").u32(9).u32(9).u64(1).u32(0).u64(2);
    let header = read(&[&w.0[..], &[3, 4]].concat()).unwrap();
    assert_eq!(header.unsigned("u8"), Some(200));
    assert_eq!(header.metadata["i8"], Value::Signed(-1));
    assert_eq!(header.unsigned("u16"), Some(513));
    assert_eq!(header.metadata["i16"], Value::Signed(-2));
    assert_eq!(header.float("f32"), Some(1.5));
    assert_eq!(header.float("f64"), Some(0.25));
    assert_eq!(header.float("i64"), Some(-7.0));
    assert_eq!(header.bool("bool"), Some(true));
    assert_eq!(header.text("text"), Some("日本"));
    assert_eq!(header.list("list").map(<[Value]>::len), Some(2));
    let inner = [Value::Unsigned(3), Value::Unsigned(4)].to_vec();
    assert_eq!(header.list("lists"), Some(&[Value::List(inner)][..]));
    assert_eq!(header.unsigned("i32"), None, "it is negative");
}

#[test]
fn tensors_have_their_places_and_are_read_alone() {
    let bytes = two_tensors(96);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let gguf = Gguf::open(file.path()).unwrap();
    let a = &gguf.header().tensors["a"];
    assert_eq!(
        (&a.shape[..], a.format, a.bytes),
        (&[2, 32][..], Format::Q8_0, 68)
    );
    assert_eq!(gguf.read(a, 1, 1).unwrap(), [7; 34]);
    let b = &gguf.header().tensors["b"];
    assert_eq!((b.rows(), b.format), (1, Format::F32));
    assert_eq!(gguf.read(b, 0, 1).unwrap().len(), 32);
}

#[test]
fn counts_that_no_file_can_hold_are_refused_before_anything_is_allocated() {
    let huge = 1u64 << 60;
    assert!(problem(&Writer::head(huge, 0).0).contains("number of tensors"));
    assert!(problem(&Writer::head(0, huge).0).contains("metadata entries"));
    let texts = Writer::head(0, 1).text("a").u32(9).u32(8).u64(huge);
    assert!(problem(&texts.data(64)).contains("a list's values"));
    let long = Writer::head(0, 1).u64(huge);
    assert!(problem(&long.data(64)).contains("cut off"));
    let wide = Writer::head(1, 0).tensor("a", &[huge, huge], 0, 0);
    assert!(problem(&wide.data(64)).contains("which no F32 tensor can have"));
    // Values that take a byte in the file take more in memory.
    let size = (1u64 << 24) + 1;
    let bytes = Writer::head(0, 1).text("a").u32(9).u32(0).u64(size);
    assert!(problem(&bytes.data(size as usize)).contains("more than 16777216 values"));
}

#[test]
fn tensors_outside_of_the_file_or_over_each_other_are_refused() {
    assert!(read(&two_tensors(96)).is_ok());
    assert!(problem(&two_tensors(64)).contains("`a` and `b` overlap"));
    assert!(problem(&two_tensors(128)).contains("ends behind the end"));
    assert!(problem(&two_tensors(u64::MAX - 31)).contains("ends behind the end"));
    assert!(problem(&two_tensors(97)).contains("no multiple of the alignment"));
    let whole = two_tensors(96);
    for length in 0..whole.len() {
        let error = problem(&whole[..length]);
        let known = ["cut off", "can hold", "ends behind", "damaged"];
        assert!(known.iter().any(|k| error.contains(k)), "{length}: {error}");
    }
}

#[test]
fn what_is_not_known_is_named_with_what_is() {
    let kind = |kind: u32| problem(&Writer::head(1, 0).tensor("x", &[256], kind, 0).data(512));
    let error = kind(16);
    assert!(error.contains("`x` is of type 16 (IQ2_XXS)"), "{error}");
    assert!(
        error.contains("F32") && error.contains("Q4_K") && error.contains("BF16"),
        "{error}"
    );
    assert!(kind(999).contains("999 (no known format)"));
    assert!(problem(b"GGML....").contains("it is no GGUF file"));
    assert!(problem(&Writer(b"GGUF".to_vec()).u32(1).data(0)).contains("version 1"));
    assert!(problem(b"GGUF\0\0\0\x03....").contains("big-endian"));
    let strange = Writer::head(0, 1).text("a").u32(13);
    assert!(problem(&strange.data(32)).contains("kind 13"));
}

#[test]
fn contradictions_are_refused() {
    let twice = Writer::head(0, 2)
        .text("k")
        .u32(4)
        .u32(1)
        .text("k")
        .u32(4)
        .u32(1);
    assert!(problem(&twice.data(0)).contains("`k` is there twice"));
    let twice = Writer::head(2, 0)
        .tensor("t", &[8], 0, 0)
        .tensor("t", &[8], 0, 32);
    assert!(problem(&twice.data(64)).contains("`t` is there twice"));
    let uneven = Writer::head(1, 0).tensor("t", &[31], 8, 0);
    assert!(problem(&uneven.data(64)).contains("no Q8_0 tensor can have"));
    let none = Writer::head(1, 0).tensor("t", &[], 0, 0);
    assert!(problem(&none.data(64)).contains("0 dimensions"));
    let empty = Writer::head(1, 0).tensor("t", &[0], 0, 0);
    assert!(problem(&empty.data(64)).contains("dimension of 0"));
    let aligned = Writer::head(0, 1).text("general.alignment").u32(4).u32(24);
    assert!(problem(&aligned.data(0)).contains("power of two"));
    let mut bad = Writer::head(0, 1).u64(2);
    bad.0.extend([0xff, 0xfe]);
    assert!(problem(&bad.data(64)).contains("is not UTF-8"));
}
