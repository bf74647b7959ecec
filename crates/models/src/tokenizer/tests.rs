use super::*;
use flate2::read::GzDecoder;
use serde_json::json;
use std::fs;

const KINDS: [TokenizerKind; 3] = [
    TokenizerKind::Wordpiece,
    TokenizerKind::Bpe,
    TokenizerKind::Unigram,
];

/// Questions and answers in English and Chinese.
fn faq() -> Vec<String> {
    let mut texts = Vec::new();
    for name in ["faq", "faq-zh"] {
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/../data/assets/{name}.jsonl.gz");
        let lines = std::io::read_to_string(GzDecoder::new(fs::File::open(path).unwrap())).unwrap();
        for line in lines.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            for key in ["question", "answer"] {
                texts.push(row[key].as_str().unwrap().to_string());
            }
        }
    }
    texts
}

fn trained(kind: TokenizerKind, size: usize) -> Tokenizer {
    let texts = faq();
    Tokenizer::train(kind, size, texts.iter().map(String::as_str)).unwrap()
}

fn pieces<'a>(text: &'a str, encoded: &Encoded) -> Vec<&'a str> {
    let all = encoded.pieces.iter().cloned();
    all.filter(|p| !p.is_empty()).map(|p| &text[p]).collect()
}

#[test]
fn the_same_texts_give_the_same_tokenizer_on_any_number_of_threads() {
    let texts = faq();
    for kind in KINDS {
        let learn = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let texts = texts.iter().map(String::as_str);
            pool.unwrap()
                .install(|| Tokenizer::train(kind, 3000, texts).unwrap().to_json())
        };
        assert!(learn(1) == learn(3), "{kind:?}");
    }
}

#[test]
fn a_learned_tokenizer_reads_its_own_file() {
    for kind in KINDS {
        let first = trained(kind, 2000);
        assert!(
            first.vocabulary() <= 2000 && first.vocabulary() > 1000,
            "{kind:?} {first:?}"
        );
        let second = Tokenizer::from_json("again", &first.to_json()).unwrap();
        assert_eq!(second.to_json(), first.to_json());
        for text in faq().iter().take(300) {
            assert_eq!(first.encode(text, 64), second.encode(text, 64));
        }
        assert_eq!(first.pad(), 0);
        let unknown = (kind != TokenizerKind::Bpe).then_some(1);
        assert_eq!(first.unknown(), unknown);
    }
}

#[test]
fn words_are_lower_case_and_chinese_characters_stand_alone() {
    for kind in KINDS {
        let tokenizer = trained(kind, 6000);
        assert_eq!(tokenizer.encode("WHAT is Ai", 32), {
            let mut lower = tokenizer.encode("what is ai", 32);
            lower.truncated = false;
            lower
        });
        let text = "什么是人工智能？";
        let encoded = tokenizer.encode(text, 32);
        let mut cut = pieces(text, &encoded);
        // Bytes of a character may be several tokens of the same character.
        cut.dedup();
        assert_eq!(
            cut,
            ["什", "么", "是", "人", "工", "智", "能", "？"],
            "{kind:?}"
        );
        assert_eq!((encoded.ids[0], *encoded.ids.last().unwrap()), (2, 3));
        assert!(!encoded.truncated);
        // Frequent characters are whole, with the mark of their word.
        let usual = "我是什么";
        assert_eq!(tokenizer.encode(usual, 32).ids.len(), 4 + 2, "{kind:?}");
    }
}

#[test]
fn pieces_slice_the_text_as_it_is() {
    let texts = [
        "Ünïcode  and\tblanks\u{a0}here",
        "emoji 😀👩‍👩‍👧 and ﬁ ligatures",
        "İstanbul ẞ ǆ",
        "混合 mixed 文本，with 12,5 € — “quotes”",
        "a\u{0}b\u{200b}c",
        "[SEP] in a text",
    ];
    for kind in KINDS {
        let tokenizer = trained(kind, 1000);
        for text in texts {
            let encoded = tokenizer.encode(text, 256);
            assert_eq!(encoded.ids.len(), encoded.pieces.len());
            let mut last = 0;
            for piece in encoded.pieces.iter().filter(|p| !p.is_empty()) {
                let word = &text[piece.clone()];
                assert_eq!(word.trim(), word, "{kind:?} {text}");
                assert!(piece.start >= last, "{kind:?} {text}");
                last = piece.start;
            }
        }
        // A blank that the tokenizer puts before a word may be a token of the first letter.
        let text = "hello  wide world";
        let encoded = tokenizer.encode(text, 64);
        let covered = |at: &usize| encoded.pieces.iter().any(|piece| piece.contains(at));
        let covered: Vec<usize> = (0..text.len()).filter(covered).collect();
        let blank = |at: &usize| text.as_bytes()[*at] != b' ';
        assert_eq!(covered, (0..text.len()).filter(blank).collect::<Vec<_>>());
    }
}

#[test]
fn what_was_never_seen_is_unknown_except_in_bytes() {
    let texts = ["the cat sat on the mat and the dog sat on the cat"; 3];
    for kind in KINDS {
        let tokenizer = Tokenizer::train(kind, 300, texts).unwrap();
        let ids = tokenizer.encode("the 猫 😀", 32).ids;
        let unknown = tokenizer.unknown().is_some_and(|u| ids.contains(&u));
        assert_eq!(unknown, kind != TokenizerKind::Bpe, "{kind:?} {ids:?}");
    }
}

#[test]
fn long_texts_are_cut_and_say_so() {
    for kind in KINDS {
        let tokenizer = trained(kind, 1000);
        let long = "what is a computer ".repeat(20_000);
        let encoded = tokenizer.encode(&long, 16);
        assert_eq!(encoded.ids.len(), 16);
        assert!(encoded.truncated);
        // The cut is at the end: what stays is as in the short text.
        let short = tokenizer.encode(&long[..400], 16);
        assert_eq!(encoded, short);
        assert!(!tokenizer.encode("what", 16).truncated);
        for tiny in [0, 1, 2] {
            assert!(!tokenizer.encode("what", tiny).ids.is_empty());
        }
    }
}

#[test]
fn an_empty_text_is_its_special_tokens() {
    for kind in KINDS {
        let tokenizer = trained(kind, 1000);
        for text in ["", "  \n\t ", "\u{0}\u{200b}"] {
            let encoded = tokenizer.encode(text, 8);
            assert_eq!(encoded.ids, [2, 3], "{kind:?} {text:?}");
        }
        let windows = tokenizer.encode_pair("what?", "", 16, 4);
        assert_eq!(windows.len(), 1);
        assert!(windows[0].context.is_empty());
    }
}

#[test]
fn windows_cover_the_text_and_share_tokens() {
    let text = faq().join(" ");
    let text = &text[..text.floor_char_boundary(5000)];
    for kind in KINDS {
        let tokenizer = trained(kind, 2000);
        let question = "What is a computer?";
        let windows = tokenizer.encode_pair(question, text, 64, 16);
        assert!(windows.len() > 10);
        let whole = tokenizer.encode(text, usize::MAX);
        let whole = &whole.ids[1..whole.ids.len() - 1];
        let asked = tokenizer.encode(question, 64).ids;
        let width = windows[0].context.len();
        let mut start = 0;
        for (i, window) in windows.iter().enumerate() {
            let part = &window.ids[window.context.clone()];
            assert_eq!(part, &whole[start..start + part.len()]);
            assert_eq!(window.ids[..window.context.start], asked);
            assert_eq!(window.ids.last(), Some(&3));
            assert!(window.ids.len() <= 64 && window.types.len() == window.ids.len());
            assert_eq!(window.offsets.len(), window.ids.len());
            for (at, offsets) in window.offsets.iter().enumerate() {
                let inside = window.context.contains(&at);
                assert!(text.get(offsets.clone()).is_some());
                assert!(inside || offsets.is_empty());
                assert_eq!(window.types[at], u32::from(at >= window.context.start));
            }
            match i + 1 < windows.len() {
                true => assert_eq!(part.len(), width),
                false => assert_eq!(start + part.len(), whole.len()),
            }
            start += width - 16;
        }
        // A question of more than half a window, and a stride of more than a window.
        let many = tokenizer.encode_pair(&"what ".repeat(100), text, 32, 500);
        assert!(
            many.iter()
                .all(|w| w.ids.len() <= 32 && !w.context.is_empty())
        );
    }
}

#[test]
fn sizes_and_empty_texts_are_errors() {
    let error = |size, texts: &[&'static str]| {
        let tokenizer = Tokenizer::train(TokenizerKind::Bpe, size, texts.iter().copied());
        tokenizer.unwrap_err().to_string()
    };
    assert!(error(10, &["a b"]).contains("300"));
    assert!(error(1000, &["", "  "]).contains("empty"));
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const VOCAB: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nHello\nwor\n##ld\n中\n国\n!\n";

#[test]
fn a_bert_folder_with_a_list_of_words() {
    let plain = folder(&[("vocab.txt", VOCAB)]);
    let tokenizer = Tokenizer::open(plain.path()).unwrap();
    assert_eq!(
        tokenizer.encode("Hello World!中国", 16).ids,
        [2, 5, 7, 8, 11, 9, 10, 3]
    );
    assert_eq!(tokenizer.vocabulary(), 12);
    assert_eq!((tokenizer.pad(), tokenizer.unknown()), (0, Some(1)));
    let windows = tokenizer.encode_pair("hello", "world 中国", 32, 8);
    assert_eq!(windows[0].ids, [2, 5, 3, 7, 8, 9, 10, 3]);
    assert_eq!(windows[0].types, [0, 0, 0, 1, 1, 1, 1, 1]);
    assert_eq!(windows[0].context, 3..7);
    assert_eq!(windows[0].offsets[4..6], [3..5, 6..9]);

    let cased = r#"{"do_lower_case": false, "tokenize_chinese_chars": false, "unk_token": {"content": "[UNK]"}}"#;
    let cased = folder(&[("vocab.txt", VOCAB), ("tokenizer_config.json", cased)]);
    let tokenizer = Tokenizer::open(cased.path()).unwrap();
    assert_eq!(tokenizer.encode("Hello 中国", 16).ids, [2, 6, 1, 3]);
}

const BYTES: &str = r#"{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "h": 4, "i": 5, "Ġ": 6, "hi": 7, "Ġhi": 8, "<mask>": 9}"#;

#[test]
fn a_roberta_folder_with_byte_pairs() {
    let files = [
        ("vocab.json", BYTES),
        ("merges.txt", "#version: 0.2\nh i\nĠ hi\n"),
    ];
    let tokenizer = Tokenizer::open(folder(&files).path()).unwrap();
    let encoded = tokenizer.encode("hi hi", 16);
    assert_eq!(encoded.ids, [0, 7, 8, 2]);
    // The blank in front of the second word is not part of the piece.
    assert_eq!(encoded.pieces, [0..0, 0..2, 3..5, 0..0]);
    let window = &tokenizer.encode_pair("hi", "hi", 16, 4)[0];
    assert_eq!(window.ids, [0, 7, 2, 2, 7, 2]);
    assert_eq!(window.types, [0; 6]);
    assert_eq!(window.context, 4..5);
    assert_eq!((tokenizer.pad(), tokenizer.unknown()), (1, None));
}

#[test]
fn each_broken_folder_is_told_apart() {
    let tokens = "[PAD]\n[UNK]\n[SEP]\nhello\n";
    for (files, part) in [
        (&[][..], "no tokenizer.json, vocab.txt or vocab.json"),
        (&[("spiece.model", "x")], "save its tokenizer"),
        (&[("vocab.txt", tokens)], "vocab.txt has no `[CLS]`"),
        (&[("vocab.json", BYTES)], "merges.txt is not beside it"),
        (
            &[("vocab.json", "[1]"), ("merges.txt", "")],
            "not a JSON object",
        ),
        (
            &[("vocab.json", BYTES), ("merges.txt", "h i\nh\n")],
            "line 2",
        ),
        (
            &[("vocab.json", BYTES), ("merges.txt", "h h\n")],
            "needs `hh`",
        ),
        (
            &[("vocab.txt", VOCAB), ("tokenizer_config.json", "{")],
            "tokenizer_config.json",
        ),
        (&[("tokenizer.json", "not JSON")], "not JSON"),
        (&[("tokenizer.json", "{}")], "no `model`"),
        (
            &[("tokenizer.json", r#"{"model": {"type": "Other"}}"#)],
            "`Other`",
        ),
    ] {
        let error = Tokenizer::open(folder(files).path())
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{files:?}: {error}");
    }
    let folder = folder(&[]);
    fs::write(folder.path().join("vocab.txt"), b"[PAD]\n\xff\xfe\n").unwrap();
    let error = Tokenizer::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("line 2 is not UTF-8"), "{error}");
}

/// A sound file with one thing changed.
fn changed(change: impl Fn(&mut Value)) -> String {
    let folder = folder(&[("vocab.txt", VOCAB)]);
    let sound = Tokenizer::open(folder.path()).unwrap().to_json();
    let mut json: Value = serde_json::from_slice(&sound).unwrap();
    change(&mut json);
    match Tokenizer::from_json("t.json", json.to_string().as_bytes()) {
        Ok(_) => "sound".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_that_contradicts_itself_is_an_error_and_no_panic() {
    assert_eq!(changed(|_| {}), "sound");
    let says = |change: fn(&mut Value), part: &str| {
        let told = changed(change);
        assert!(told.contains(part) && told.contains("t.json"), "{told}");
    };
    says(|j| j["model"]["unk_token"] = json!("[NO]"), "`[NO]`");
    says(|j| j["model"]["vocab"]["x"] = json!(-1), "no usable number");
    says(
        |j| j["model"]["vocab"]["x"] = json!(4_000_000_000u64),
        "no usable number",
    );
    says(|j| j["model"]["vocab"] = json!(null), "no vocabulary");
    says(|j| j["added_tokens"][0]["id"] = json!(7), "number 7");
    says(
        |j| j["post_processor"]["special_tokens"] = json!({}),
        "not among its special tokens",
    );
    says(
        |j| j["post_processor"]["special_tokens"]["[CLS]"]["ids"] = json!([99]),
        "token 99",
    );
    says(
        |j| j["post_processor"]["single"][1]["Sequence"]["id"] = json!("B"),
        "uses text `B`",
    );
    says(
        |j| j["post_processor"]["pair"] = json!([]),
        "each text once",
    );
    says(|j| j["normalizer"] = json!({"type": "Unheard"}), "damaged");
    says(
        |j| j["model"] = json!({"type": "Unigram", "vocab": [["a", 0.0]]}),
        "unk_id",
    );
    says(
        |j| j["model"] = json!({"type": "Unigram", "vocab": [[1]]}),
        "not a text with a score",
    );
    let bpe = |merges: Value| {
        changed(|j| {
            j["model"] = json!({
                "type": "BPE", "continuing_subword_prefix": "##", "merges": merges,
                "vocab": {"a": 0, "##b": 1, "ab": 2, "[CLS]": 3, "[SEP]": 4}
            });
            j["added_tokens"] = json!([]);
            for (name, id) in [("[CLS]", 3), ("[SEP]", 4)] {
                j["post_processor"]["special_tokens"][name]["ids"] = json!([id]);
            }
        })
    };
    assert_eq!(bpe(json!(["a ##b"])), "sound");
    assert_eq!(bpe(json!([["a", "##b"]])), "sound");
    for (merges, part) in [
        (json!(["a b"]), "without the prefix"),
        (json!([["##b", "##b"]]), "not in the vocabulary"),
        (json!(["a"]), "not two tokens"),
        (json!([7]), "not two tokens"),
    ] {
        let told = bpe(merges);
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn cuts_and_paddings_of_the_file_do_not_count_and_chance_is_taken_out() {
    let told = trained(TokenizerKind::Bpe, 400);
    let mut json: Value = serde_json::from_slice(&told.to_json()).unwrap();
    json["truncation"] =
        json!({"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0});
    json["padding"] = json!({
        "strategy": {"Fixed": 128}, "direction": "Right", "pad_to_multiple_of": null,
        "pad_id": 4, "pad_type_id": 0, "pad_token": "[MASK]"
    });
    json["model"]["dropout"] = json!(0.5);
    let other = Tokenizer::from_json("t", json.to_string().as_bytes()).unwrap();
    let text = "What is the meaning of computers?";
    for _ in 0..20 {
        assert_eq!(other.encode(text, 64), told.encode(text, 64));
    }
    assert_eq!(other.pad(), 4);
}

/// MiniLM's folder, from `scripts/fetch-test-data`.
fn minilm() -> Option<std::path::PathBuf> {
    let root = std::env::var_os("MODELWRIGHT_TEST_DATA").map(std::path::PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".cache/modelwright/test-data"));
    let folder = root.or_else(home)?.join("minilm");
    if !folder.exists() {
        println!("skipped: {} is missing", folder.display());
    }
    folder.exists().then_some(folder)
}

#[test]
fn minilm_reads_as_in_transformers_from_either_of_its_files() {
    let Some(whole) = minilm() else { return };
    let words = fs::read_to_string(whole.join("vocab.txt")).unwrap();
    let words = folder(&[("vocab.txt", &words)]);
    // What `AutoTokenizer` gives.
    let expected: [(&str, &[u32]); 7] = [
        (
            "The cat sat on the mat.",
            &[101, 1996, 4937, 2938, 2006, 1996, 13523, 1012, 102],
        ),
        (
            "Ünïcode isn't easy — 12.5€, really?!",
            &[
                101, 27260, 3475, 1005, 1056, 3733, 1517, 2260, 1012, 1019, 30102, 1010, 2428,
                1029, 999, 102,
            ],
        ),
        (
            "什么是人工智能？AI 很好",
            &[
                101, 100, 100, 100, 1756, 100, 1869, 100, 1994, 9932, 100, 100, 102,
            ],
        ),
        (
            "emoji 😀 and ﬁ",
            &[101, 7861, 29147, 2072, 100, 1998, 1984, 102],
        ),
        (
            "supercalifragilisticexpialidocious",
            &[
                101, 3565, 9289, 10128, 29181, 24411, 4588, 10288, 19312, 21273, 10085, 6313, 102,
            ],
        ),
        ("", &[101, 102]),
        ("a\u{0}b\u{200b}c", &[101, 5925, 102]),
    ];
    for place in [whole.as_path(), words.path()] {
        let tokenizer = Tokenizer::open(place).unwrap();
        assert_eq!((tokenizer.vocabulary(), tokenizer.pad()), (30522, 0));
        for (text, ids) in expected {
            assert_eq!(tokenizer.encode(text, 64).ids, ids, "{text}");
        }
        // With `truncation="only_second", max_length=40, stride=8, return_overflowing_tokens=True`.
        let text = "The shop opens at nine. ".repeat(12);
        let windows = tokenizer.encode_pair("What is open?", &text, 40, 8);
        let lengths: Vec<usize> = windows.iter().map(|w| w.ids.len()).collect();
        assert_eq!(lengths, [40, 40, 29]);
        let second = &windows[1];
        assert_eq!(
            second.ids[..8],
            [101, 2054, 2003, 2330, 1029, 102, 4497, 7480]
        );
        assert_eq!(second.context, 6..39);
        assert_eq!(second.offsets[5..8], [0..0, 100..104, 105..110]);
        assert_eq!(second.offsets[38..], [231..233, 0..0]);
    }
}
