//! What only a person can say of a model and its data.

use super::marks::open_question;

/// Key and question.
type Asked = (&'static str, &'static str);

/// Of the model (Mitchell et al. 2019).
const MODEL: &[Asked] = &[
    ("developers", "Who developed the model, and for whom?"),
    (
        "contact",
        "Where do questions and complaints about the model go?",
    ),
    (
        "license",
        "Under which licence may others use the model? A short name such as apache-2.0, or proprietary.",
    ),
    (
        "language",
        "In which languages are the texts? Their codes, such as en, zh.",
    ),
    ("intended-use", "What is the model meant to be used for?"),
    (
        "intended-users",
        "Who is meant to use it, and who decides with its answers?",
    ),
    (
        "out-of-scope",
        "What must it not be used for, although somebody might?",
    ),
    (
        "factors",
        "For which groups of people, instruments or conditions may it work better or worse?",
    ),
    (
        "measures",
        "What does each kind of mistake cost, and are these the measures that matter?",
    ),
    (
        "ethics",
        "Whom can its mistakes harm, does it use sensitive data, and what was done about that?",
    ),
    (
        "oversight",
        "Who watches its answers in use, and who can overrule them?",
    ),
    (
        "caveats",
        "What else should people know or test before they use it?",
    ),
];

/// Of the data (Gebru et al. 2021).
const DATA: &[Asked] = &[
    ("data-purpose", "For what purpose was the data made?"),
    (
        "data-creators",
        "Who made it, on whose behalf, and who paid for it?",
    ),
    (
        "data-instances",
        "What does an example stand for, and of what larger set is it a sample?",
    ),
    (
        "data-people",
        "Is the data about people? Can they be recognized in it, and does it say anything sensitive of them?",
    ),
    (
        "data-flaws",
        "What is missing from the data, or known to be wrong in it?",
    ),
    ("data-collection", "How, when and by whom was it collected?"),
    (
        "data-consent",
        "Did the people concerned know of it and agree, and can they withdraw?",
    ),
    (
        "data-labels",
        "Who gave the labels, after which instructions, and how often do two people agree?",
    ),
    (
        "data-uses",
        "What else was it used for, and what should it not be used for?",
    ),
    (
        "data-license",
        "Under which licence or terms may it be used and passed on?",
    ),
    (
        "data-contact",
        "Who keeps it up to date, and where do corrections go?",
    ),
];

/// The question behind a key.
pub(super) fn question(key: &str) -> Option<&'static str> {
    let mut all = MODEL.iter().chain(DATA);
    all.find(|(known, _)| *known == key).map(|(_, text)| *text)
}

/// The marked place of a question that is still open.
pub(super) fn ask(key: &str) -> String {
    open_question(key, question(key).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_distinct_and_fit_into_a_mark() {
        let keys: Vec<&str> = MODEL.iter().chain(DATA).map(|(key, _)| *key).collect();
        let mut distinct = keys.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), keys.len());
        let plain = |key: &&str| key.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(keys.iter().all(plain));
        assert!(MODEL.iter().all(|(key, _)| !key.starts_with("data-")));
        assert!(DATA.iter().all(|(key, _)| key.starts_with("data-")));
    }
}
