//! The YAML in front of a model card, as Hugging Face's hub and tools read it.

use super::Card;
use std::fmt::Write;

/// Begins and ends it.
const FENCE: &str = "---\n";

impl Card<'_> {
    /// The front matter, with its fences. The licence and the languages are a person's to tell; see
    /// [`set`].
    pub(super) fn front_matter(&self) -> String {
        let mut out = String::from(FENCE);
        let _ = writeln!(
            out,
            "library_name: modelwright\npipeline_tag: {}\ntags:\n- modelwright\n- {}",
            pipeline_tag(self.task),
            quoted(self.architecture)
        );
        let scores = self.scores.iter().filter(|(_, value)| value.is_finite());
        let scores: Vec<_> = scores.collect();
        if !scores.is_empty() {
            out += "metrics:\n";
            for (name, _) in &scores {
                let _ = writeln!(out, "- {name}");
            }
            let data = quoted(self.data_name());
            let _ = writeln!(
                out,
                "model-index:\n- name: {}\n  results:\n  - task:\n      type: {}\n    dataset:\n      name: {data}\n      \
                 type: {data}\n      split: {}\n    metrics:",
                quoted(self.title),
                pipeline_tag(self.task),
                self.scored_on
            );
            for (name, value) in &scores {
                let _ = writeln!(out, "    - type: {name}\n      value: {value}");
            }
        }
        if let Some(cost) = self.cost {
            // The hub counts in grams.
            let _ = writeln!(
                out,
                "co2_eq_emissions:\n  emissions: {}\n  source: {}\n  hardware_used: {}",
                cost.emissions_kg * 1000.0,
                quoted(&cost.basis()),
                quoted(&self.machine.processor)
            );
        }
        out + FENCE
    }
}

/// The hub's word for a task.
fn pipeline_tag(task: &str) -> &str {
    match task {
        "text-embedding" => "sentence-similarity",
        other => other,
    }
}

/// A text as YAML takes it, whatever is in it: JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The lines for the answer to a question that the front matter has an entry for.
pub(super) fn lines_of_answer(key: &str, answer: &str) -> Option<(&'static str, String)> {
    match key {
        "license" => Some(("license", license(answer))),
        "language" => {
            let line = |code: &str| is_language(code).then(|| format!("- {code}\n"));
            let codes = answer.split(',').map(|code| code.trim().to_lowercase());
            let lines: String = codes.map(|code| line(&code)).collect::<Option<_>>()?;
            Some(("language", format!("language:\n{lines}")))
        }
        _ => None,
    }
}

/// Whether a word is a code of ISO 639 by its form.
fn is_language(code: &str) -> bool {
    (2..=3).contains(&code.len()) && code.chars().all(|c| c.is_ascii_lowercase())
}

/// The hub knows licences by short names such as `apache-2.0`; any other is called so.
fn license(answer: &str) -> String {
    let short = answer.trim().to_lowercase();
    let is_short = !short.is_empty()
        && short
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    match is_short && short != "proprietary" {
        true => format!("license: {short}\n"),
        false => format!("license: other\nlicense_name: {}\n", quoted(answer.trim())),
    }
}

/// Puts `lines` into the front matter of a document in place of those of its entry `key`, and of the
/// name that goes with another licence; false if the document has no front matter.
pub(super) fn set(document: &mut String, key: &str, lines: &str) -> bool {
    let Some(rest) = document.strip_prefix(FENCE) else {
        return false;
    };
    let Some(end) = rest.find("\n---") else {
        return false;
    };
    let (front, after) = rest.split_at(end + 1);
    let mut kept = String::new();
    let mut dropping = false;
    for line in front.split_inclusive('\n') {
        // An entry goes on with lines that are indented or list items.
        if !line.starts_with([' ', '-']) {
            let name = line.split(':').next().unwrap_or_default();
            dropping = name == key || (key == "license" && name == "license_name");
        }
        if !dropping {
            kept += line;
        }
    }
    *document = format!("{FENCE}{lines}{kept}{after}");
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_replace_their_entries_alone() {
        let mut text =
            "---\nlibrary_name: m\ntags:\n- a\n- b\n---\n\n# T\n---\nlicense: no\n".to_string();
        let put = |text: &mut String, key: &str, answer: &str| {
            let (key, lines) = lines_of_answer(key, answer).unwrap();
            assert!(set(text, key, &lines));
        };
        put(&mut text, "license", "Our own \"terms\"");
        put(&mut text, "license", "Apache-2.0");
        put(&mut text, "language", "zh");
        put(&mut text, "language", "en, ZH");
        assert_eq!(
            text,
            "---\nlanguage:\n- en\n- zh\nlicense: apache-2.0\nlibrary_name: m\ntags:\n- a\n- b\n---\n\n# T\n---\nlicense: no\n"
        );
        assert!(!set(
            &mut "# no front matter\n".to_string(),
            "license",
            "x\n"
        ));
    }

    #[test]
    fn a_licence_of_ones_own_has_a_name() {
        assert_eq!(license("MIT"), "license: mit\n");
        assert_eq!(
            license("proprietary"),
            "license: other\nlicense_name: \"proprietary\"\n"
        );
        assert_eq!(lines_of_answer("language", "en and Chinese"), None);
        assert_eq!(lines_of_answer("intended-use", "x"), None);
    }
}
