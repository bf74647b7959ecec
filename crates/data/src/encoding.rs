//! Text in any encoding becomes UTF-8, and says so.

use crate::error::DataError;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::collections::BTreeMap;

/// As `--encoding`: what the bytes themselves tell.
pub const AUTO: &str = "auto";

/// Bytes of which the detector sees enough.
const SAMPLE: usize = 1 << 20;

/// The text in UTF-8; a note tells if it was detected to be in another encoding.
///
/// # Errors
/// `encoding` is unknown, or the bytes are not in it, or in none.
pub(crate) fn decode(
    place: &str,
    bytes: &[u8],
    encoding: &str,
    notes: &mut Vec<String>,
) -> Result<String, DataError> {
    if encoding != AUTO {
        return exactly(place, bytes, asked(encoding)?);
    }
    let (text, found) = detected(place, bytes, || guess([bytes]))?;
    if found != UTF_8 {
        notes.push(format!("{place} is {}", converted(found)));
    }
    Ok(text)
}

/// The texts of several files of one origin in UTF-8, as [`decode`]. Files that are not in UTF-8 are
/// taken to be in one encoding if that is possible: a short one alone tells too little.
pub(crate) fn decode_all(
    files: &[(String, Vec<u8>)],
    encoding: &str,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, DataError> {
    if encoding != AUTO {
        let asked = asked(encoding)?;
        let exact = |(place, bytes): &(String, Vec<u8>)| exactly(place, bytes, asked);
        return files.iter().map(exact).collect();
    }
    let foreign = files.iter().map(|(_, bytes)| bytes.as_slice());
    let common = guess(foreign.filter(|bytes| plain(bytes).is_none()));
    let mut counts: BTreeMap<&str, (&'static Encoding, usize)> = BTreeMap::new();
    let mut texts = Vec::with_capacity(files.len());
    for (place, bytes) in files {
        let fits = || !common.decode_without_bom_handling(bytes).1;
        let own = || {
            if fits() {
                common
            } else {
                guess([bytes.as_slice()])
            }
        };
        let (text, found) = detected(place, bytes, own)?;
        counts.entry(found.name()).or_insert((found, 0)).1 += 1;
        texts.push(text);
    }
    for (found, count) in counts.into_values().filter(|(found, _)| *found != UTF_8) {
        let are = if count == 1 { "is" } else { "are" };
        let note = format!(
            "{count} of {} files {are} {}",
            files.len(),
            converted(found)
        );
        notes.push(note);
    }
    Ok(texts)
}

fn converted(found: &'static Encoding) -> String {
    format!(
        "in {}, not in UTF-8, and was converted; if it reads wrong, name its encoding with --encoding",
        found.name().to_lowercase()
    )
}

/// The encoding of this name.
fn asked(name: &str) -> Result<&'static Encoding, DataError> {
    Encoding::for_label(name.as_bytes()).ok_or_else(|| {
        DataError::new(
            format!("encoding `{name}`"),
            "unknown text encoding",
            "use auto, or a name such as utf-8, gb18030, big5, shift_jis or windows-1252",
        )
    })
}

/// The text in an encoding that somebody named, or an error that tells the line and the encoding it
/// looks like. A byte order mark wins over what was named.
fn exactly(place: &str, bytes: &[u8], asked: &'static Encoding) -> Result<String, DataError> {
    let (text, used, failed) = asked.decode(bytes);
    if !failed {
        return Ok(text.into_owned());
    }
    let guess = guess([bytes]).name().to_lowercase();
    Err(DataError::new(
        format!("{place}, line {}", first_strange_line(bytes)),
        format!("bytes that are not {}", used.name()),
        format!("it looks like {guess}: add --encoding {guess}, or save the file as UTF-8"),
    ))
}

/// The text in the encoding that the bytes tell, or that `otherwise` guesses.
fn detected(
    place: &str,
    bytes: &[u8],
    otherwise: impl FnOnce() -> &'static Encoding,
) -> Result<(String, &'static Encoding), DataError> {
    let plain = plain(bytes);
    if plain.is_none() && is_mostly_utf8(bytes) {
        return Err(DataError::new(
            format!("{place}, line {}", first_strange_line(bytes)),
            "bytes that are not UTF-8, in a file that is UTF-8 otherwise",
            "mend that line, or name another encoding with --encoding",
        ));
    }
    let encoding = plain.unwrap_or_else(otherwise);
    let (text, used, failed) = encoding.decode(bytes);
    if failed || is_binary(&text) {
        return Err(DataError::new(
            place,
            "not a text in any encoding that can be told",
            "save it as UTF-8, or name its encoding with --encoding",
        ));
    }
    Ok((text.into_owned(), used))
}

/// The encoding, if the bytes leave no doubt: by a byte order mark, or UTF-16, or UTF-8.
fn plain(bytes: &[u8]) -> Option<&'static Encoding> {
    if let Some((marked, _)) = Encoding::for_bom(bytes) {
        return Some(marked);
    }
    let utf8 = || std::str::from_utf8(bytes).is_ok().then_some(UTF_8);
    utf16_without_mark(bytes).or_else(utf8)
}

/// UTF-16 shows in the zeros of its blanks, digits and commas: all in the upper bytes.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let zeros = |start: usize| {
        sample
            .iter()
            .skip(start)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    if even.max(odd) * 32 < sample.len().max(1) || even.min(odd) * 2 > even.max(odd) {
        return None;
    }
    let encoding = if odd > even { UTF_16LE } else { UTF_16BE };
    let (text, _, failed) = encoding.decode(bytes);
    (!failed && !is_binary(&text)).then_some(encoding)
}

fn guess<'a>(samples: impl IntoIterator<Item = &'a [u8]>) -> &'static Encoding {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
    let mut seen = 0;
    for bytes in samples {
        // From where it stops being plain, which may be far into a table.
        let start = bytes.iter().position(|b| !b.is_ascii() || *b == 0x1b);
        let start = start.unwrap_or(0).saturating_sub(64);
        let part = &bytes[start..bytes.len().min(start + SAMPLE)];
        detector.feed(part, false);
        // Between two files a character cannot go on.
        detector.feed(b"\n", false);
        seen += part.len();
        if seen >= SAMPLE {
            break;
        }
    }
    detector.feed(b"", true);
    detector.guess(None, chardetng::Utf8Detection::Allow)
}

/// Whether a text is UTF-8 but for some broken bytes: then it must not be read as something else, which
/// would garble all that is whole.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut whole, mut broken) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        whole += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    whole > 4 * broken
}

fn first_strange_line(bytes: &[u8]) -> usize {
    let good = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
    1 + bytes[..good].iter().filter(|b| **b == b'\n').count()
}

/// Whether a text has more control characters than a text has.
fn is_binary(text: &str) -> bool {
    let strange = |c: &char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    let start = &text[..text.floor_char_boundary(SAMPLE)];
    start.chars().filter(strange).count() * 100 > start.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{BIG5, EUC_KR, GB18030, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

    const CHINESE: &str = "城市,房价\n北京的房子在二环里面,100\n上海的房子很贵，买不起,90\n";
    const TAIWAN: &str =
        "城市,說明\n臺北,這裡的房子很貴，大家都買不起\n高雄,天氣很熱，但是東西好吃\n";
    const JAPANESE: &str =
        "都市,説明\n東京,とても大きな町で、電車が便利です\n京都,古いお寺がたくさんあります\n";
    const KOREAN: &str =
        "도시,설명\n서울,한국에서 가장 큰 도시입니다\n부산,바다가 아름다운 곳입니다\n";
    const RUSSIAN: &str = "город,описание\nМосква,столица и самый большой город страны\n";
    const FRENCH: &str = "ville,texte\nOrléans,à côté de la forêt, où l'été est très chaud\n";

    fn read(bytes: &[u8]) -> (String, Vec<String>) {
        let mut notes = Vec::new();
        (decode("t.csv", bytes, AUTO, &mut notes).unwrap(), notes)
    }

    #[test]
    fn utf8_is_read_as_it_is_and_without_a_word() {
        for text in ["", "plain", CHINESE, "emoji 😀"] {
            assert_eq!(read(text.as_bytes()), (text.into(), vec![]));
        }
        let marked = [b"\xef\xbb\xbf", CHINESE.as_bytes()].concat();
        assert_eq!(read(&marked), (CHINESE.into(), vec![]));
    }

    #[test]
    fn other_encodings_are_detected_converted_and_told() {
        for (text, encoding, name) in [
            (CHINESE, GB18030, "gb"),
            (TAIWAN, BIG5, "big5"),
            (JAPANESE, SHIFT_JIS, "shift_jis"),
            (KOREAN, EUC_KR, "euc-kr"),
            (RUSSIAN, WINDOWS_1251, "windows-1251"),
            (FRENCH, WINDOWS_1252, "windows-1252"),
        ] {
            let (bytes, _, failed) = encoding.encode(text);
            assert!(!failed);
            let (read, notes) = read(&bytes);
            assert_eq!(read, text, "{name}");
            assert!(
                notes[0].starts_with(&format!("t.csv is in {name}")),
                "{notes:?}"
            );
        }
    }

    #[test]
    fn utf16_with_and_without_its_mark() {
        for text in [CHINESE, FRENCH, "a,b\n1,2\n"] {
            for big in [false, true] {
                let bytes = |c: u16| {
                    if big {
                        c.to_be_bytes()
                    } else {
                        c.to_le_bytes()
                    }
                };
                let plain: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
                let marked = [&bytes(0xfeff)[..], &plain].concat();
                for file in [plain, marked] {
                    let (read, notes) = read(&file);
                    assert_eq!(read, text);
                    assert!(notes[0].contains("utf-16"), "{notes:?}");
                }
            }
        }
    }

    #[test]
    fn a_named_encoding_wins_and_is_exact() {
        let (bytes, ..) = WINDOWS_1252.encode(FRENCH);
        let named = |name: &str| decode("t.csv", &bytes, name, &mut Vec::new());
        assert_eq!(named("windows-1252").unwrap(), FRENCH);
        let error = named("utf-8").unwrap_err();
        assert!(error.place.ends_with("line 2") && error.help.contains("--encoding windows-1252"));
        assert!(named("klingon").unwrap_err().problem.contains("unknown"));
    }

    #[test]
    fn broken_utf8_is_not_garbled_and_binary_files_are_no_texts() {
        let mut bytes = CHINESE.as_bytes().to_vec();
        bytes.extend(b"x\xff,1\n");
        let error = |bytes: &[u8]| decode("t.csv", bytes, AUTO, &mut Vec::new()).unwrap_err();
        let told = error(&bytes);
        assert!(told.place.ends_with("line 4") && told.problem.contains("UTF-8 otherwise"));
        let noise: Vec<u8> = (0..2000u32).map(|i| (i * i / 7 + i) as u8).collect();
        assert!(error(&noise).problem.contains("not a text"));
        assert!(
            error(b"\0\x01\x02\0\x05\x06\0\0\x07")
                .problem
                .contains("not a text")
        );
    }

    #[test]
    fn short_files_are_read_as_the_others_with_them() {
        let texts = ["城市里面的房子", "好", "很贵，买不起房子", "plain"];
        let file = |(i, text): (usize, &&str)| (i.to_string(), GB18030.encode(text).0.into_owned());
        let files: Vec<_> = texts.iter().enumerate().map(file).collect();
        let mut notes = Vec::new();
        assert_eq!(decode_all(&files, AUTO, &mut notes).unwrap(), texts);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].starts_with("3 of 4 files are in gb"), "{notes:?}");
    }
}
