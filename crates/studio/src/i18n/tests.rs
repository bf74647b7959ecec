use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Each key with the placeholders of its text.
fn keys(lang: Lang) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for source in lang.sources() {
        FluentResource::try_new(source.to_string())
            .unwrap_or_else(|(_, errors)| panic!("{lang:?}: {errors:?}"));
        let mut key = String::new();
        for line in source.lines() {
            if let Some((name, _)) = line.split_once(" =")
                && line.starts_with(|c: char| c.is_ascii_alphabetic())
            {
                key = name.to_string();
                let new = found.insert(key.clone(), BTreeSet::new()).is_none();
                assert!(new, "{lang:?}: {key} is there twice");
            }
            for part in line.split("{ $").skip(1) {
                let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let name = part[..end.unwrap_or(part.len())].to_string();
                found.get_mut(&key).unwrap().insert(name);
            }
        }
    }
    found
}

#[test]
fn both_languages_have_the_same_keys_with_the_same_placeholders() {
    let (english, chinese) = (keys(Lang::En), keys(Lang::Zh));
    for (key, placeholders) in &english {
        assert_eq!(chinese.get(key), Some(placeholders), "{key} in Chinese");
    }
    // What a setting does is said in English by its declaration.
    let help = |key: &&String| key.starts_with("field-") && key.ends_with("-help");
    for key in chinese.keys().filter(|key| !help(key)) {
        assert!(english.contains_key(key), "{key} in English");
    }
}

/// Keys in the code stand in calls of `t`, `tr` and `page`, or in texts marked by these prefixes.
#[test]
fn every_key_in_the_code_exists() {
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut seen = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for call in [".t(\"", ".tr(\"", ".page(\"", ".tr(\n"] {
            for rest in text.split(call).skip(1) {
                let rest = rest.trim_start().trim_start_matches('"');
                let Some(key) = rest.split('"').next() else {
                    continue;
                };
                if call.ends_with('\n') && !rest.starts_with(|c: char| c.is_ascii_lowercase()) {
                    continue;
                }
                seen += 1;
                for lang in Lang::ALL {
                    assert!(lang.has(key), "{lang:?}: {key} of {}", path.display());
                }
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn every_setting_is_explained_in_chinese_and_has_a_name() {
    for field in modelwright_train::recipe::fields() {
        let key = format!("field-{}", field.key.replace(['.', '_'], "-"));
        for lang in Lang::ALL {
            assert!(lang.has(&key), "{lang:?}: {key}");
        }
        assert!(Lang::Zh.has(&format!("{key}-help")), "{key}-help");
    }
}

#[test]
fn the_header_chooses_the_language() {
    for (header, lang) in [
        ("", Lang::En),
        ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
        ("en-US,en;q=0.9,zh-CN;q=0.8", Lang::En),
        ("fr, zh-TW;q=0.5", Lang::Zh),
        ("de", Lang::En),
    ] {
        assert_eq!(Lang::from_header(header), lang, "{header}");
    }
}

#[test]
fn numbers_choose_plurals_and_others_stay() {
    assert!(matches!(argument("12"), FluentValue::Number(_)));
    assert!(matches!(argument("007"), FluentValue::String(_)));
    assert!(matches!(argument("1,797"), FluentValue::String(_)));
}
