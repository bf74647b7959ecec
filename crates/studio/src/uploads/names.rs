//! Names of files that come from outside.

use crate::problem::Problem;
use std::path::PathBuf;

/// Most folders inside each other.
const DEPTH: usize = 32;
/// Longest name of a file or folder, in bytes; no file system takes more.
const LENGTH: usize = 255;

/// The place of an uploaded file below the folder of its upload; `None` for files that systems
/// leave in folders (`.DS_Store`, `Thumbs.db` …), which nobody wants.
///
/// # Errors
/// A name that leads elsewhere or that some system cannot hold.
pub fn place(name: &str) -> Result<Option<PathBuf>, Problem> {
    let parts: Vec<&str> = name.split(['/', '\\']).collect();
    for part in &parts {
        if !is_plain(part) {
            return Err(Problem::bad("upload-bad-name", format!("{name:?}")));
        }
    }
    if parts.len() > DEPTH {
        return Err(Problem::bad("upload-bad-name", format!("{name:?}")));
    }
    let junk = |part: &&str| {
        part.starts_with('.') || ["__MACOSX", "Thumbs.db", "desktop.ini"].contains(part)
    };
    Ok((!parts.iter().any(junk)).then(|| parts.iter().collect()))
}

/// Whether this is the name of one file or folder on every system, and of no other place.
pub fn is_plain(name: &str) -> bool {
    let odd = |c: char| c.is_control() || ['/', '\\', ':'].contains(&c);
    !name.is_empty() && name.len() <= LENGTH && name != "." && name != ".." && !name.contains(odd)
}

/// A name for addresses and folders: letters, digits and dashes, without the ending.
pub fn slug(name: &str) -> String {
    let stem = name.split('.').next().unwrap_or("").to_lowercase();
    let dashed: String = stem
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    let words: Vec<&str> = dashed.split('-').filter(|w| !w.is_empty()).collect();
    // Letters may take four bytes each, and a number follows.
    let short: String = words.join("-").chars().take(40).collect();
    match short.trim_matches('-') {
        "" => "data".into(),
        short => short.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let long = "a".repeat(300);
        let deep = "a/".repeat(40) + "b";
        for name in [
            "",
            "/etc/passwd",
            "../a",
            "a/../../b",
            "a//b",
            "..\\a",
            "C:\\a",
            "a\0b",
            "a\nb",
            "a/.",
            "a/",
            &long,
            &deep,
        ] {
            assert!(place(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn good_names_keep_their_folders_and_junk_is_dropped() {
        assert_eq!(
            place("猫/ 1 (2).jpg").unwrap(),
            Some(PathBuf::from("猫/ 1 (2).jpg"))
        );
        assert_eq!(place("a\\b.png").unwrap(), Some(PathBuf::from("a/b.png")));
        for junk in ["a/.DS_Store", "__MACOSX/a/b.png", ".git/x", "a/Thumbs.db"] {
            assert_eq!(place(junk).unwrap(), None, "{junk}");
        }
    }

    #[test]
    fn slugs_are_short_and_plain() {
        assert_eq!(slug("My Photos (2).zip"), "my-photos-2");
        assert_eq!(slug("猫.csv.gz"), "猫");
        assert_eq!(slug("..."), "data");
        assert!(is_plain(&slug(&"é".repeat(500))));
    }
}
