use super::*;
use modelwright_words::keys;
use std::path::Path;

#[test]
fn both_languages_have_the_same_keys_with_the_same_placeholders() {
    let (english, chinese) = (keys(ENGLISH).unwrap(), keys(CHINESE).unwrap());
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
                    assert!(has(lang, key), "{lang:?}: {key} of {}", path.display());
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
            assert!(has(lang, &key), "{lang:?}: {key}");
        }
        assert!(has(Lang::Zh, &format!("{key}-help")), "{key}-help");
    }
}
