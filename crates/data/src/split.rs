//! Train, validation and test: stratified, and stable when examples are reordered.

use crate::dataset::Part;
use std::collections::{BTreeMap, HashMap};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How to divide.
#[derive(Debug, Clone, Copy)]
pub struct SplitRule {
    /// Share for validation.
    pub validation: f64,
    /// Share for test.
    pub test: f64,
    /// Another seed gives another division.
    pub seed: u64,
}

/// Gives every example its part.
///
/// Within each stratum the examples are ordered by a hash of their content, so the result depends on
/// what the examples are and not on where they stand. Added examples move the boundaries between the
/// parts, so a few of the others may change their part; the test part of a larger data set is not a
/// superset of the smaller one's.
///
/// Examples of equal content land in the same part, whatever their strata, so that a duplicate cannot
/// leak from train into test; the smallest of their strata counts them all. What the source
/// prescribes is kept as it is, duplicates included.
///
/// `strata[i]` is the class of example i (or a bin of its target), `hashes[i]` its content,
/// `given[i]` the part its source prescribes. A prescribed test part replaces `rule.test`.
pub fn split(strata: &[u32], hashes: &[u64], given: &[Option<Part>], rule: SplitRule) -> Vec<Part> {
    let has = |part| given.contains(&Some(part));
    let test = if has(Part::Test) { 0.0 } else { rule.test };
    let validation = if has(Part::Validation) {
        0.0
    } else {
        rule.validation
    };
    let free = || {
        let examples = strata.iter().zip(hashes).zip(given).enumerate();
        examples
            .filter(|(_, (_, part))| !matches!(part, Some(Part::Test | Part::Validation)))
            .map(|(i, ((stratum, hash), _))| (i, *stratum, *hash))
    };
    // One picture in the folders of two classes must not be divided twice, once for each class.
    let mut home: HashMap<u64, u32> = HashMap::new();
    for (_, stratum, hash) in free() {
        let first = home.entry(hash).or_insert(stratum);
        *first = stratum.min(*first);
    }
    let mut groups: BTreeMap<u32, Vec<(u64, usize)>> = BTreeMap::new();
    for (i, _, hash) in free() {
        let key = xxh3_64_with_seed(&hash.to_le_bytes(), rule.seed);
        groups.entry(home[&hash]).or_default().push((key, i));
    }
    let mut parts: Vec<Part> = given.iter().map(|g| g.unwrap_or(Part::Train)).collect();
    for group in groups.values_mut() {
        group.sort_unstable();
        let after_test = boundary(group, 0, test);
        let after_validation = boundary(group, after_test, validation);
        for (_, i) in &group[..after_test] {
            parts[*i] = Part::Test;
        }
        for (_, i) in &group[after_test..after_validation] {
            parts[*i] = Part::Validation;
        }
    }
    parts
}

/// The end of a run of `share` of the whole group from `start`, moved past equal contents.
fn boundary(group: &[(u64, usize)], start: usize, share: f64) -> usize {
    let count = (group.len() as f64 * share).round() as usize;
    // Nobody is left to train on if duplicates pull a whole class over; then it stays in train.
    let mut end = (start + count).min(group.len());
    while end > start && end < group.len() && group[end].0 == group[end - 1].0 {
        end += 1;
    }
    if end == group.len() && share < 1.0 {
        start
    } else {
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: SplitRule = SplitRule {
        validation: 0.1,
        test: 0.2,
        seed: 7,
    };

    proptest! {
        #[test]
        fn reordering_moves_nobody(labels in prop::collection::vec(0u32..4, 1..300), turn in 0usize..300) {
            let hashes: Vec<u64> = (0..labels.len() as u64).map(|i| i * i).collect();
            let given = vec![None; labels.len()];
            let parts = split(&labels, &hashes, &given, RULE);
            let turn = turn % labels.len();
            let rotate = |v: &[u32]| [&v[turn..], &v[..turn]].concat();
            let rotated_hashes = [&hashes[turn..], &hashes[..turn]].concat();
            let again = split(&rotate(&labels), &rotated_hashes, &given, RULE);
            let expected = [&parts[turn..], &parts[..turn]].concat();
            prop_assert_eq!(again, expected);
        }

        #[test]
        fn equal_contents_stay_together_also_across_strata(
            strata in prop::collection::vec(0u32..2, 2..200)
        ) {
            let hashes: Vec<u64> = (0..strata.len() as u64).map(|i| i / 3).collect();
            let parts = split(&strata, &hashes, &vec![None; strata.len()], RULE);
            for i in 1..parts.len() {
                prop_assert!(hashes[i] != hashes[i - 1] || parts[i] == parts[i - 1]);
            }
        }
    }

    #[test]
    fn each_class_is_divided_alike() {
        let labels: Vec<u32> = (0..1000).map(|i| u32::from(i % 10 == 0)).collect();
        let hashes: Vec<u64> = (0..1000).collect();
        let parts = split(&labels, &hashes, &vec![None; 1000], RULE);
        let count = |class, part| {
            (0..1000)
                .filter(|i| labels[*i] == class && parts[*i] == part)
                .count()
        };
        assert_eq!(
            (count(0, Part::Test), count(0, Part::Validation)),
            (180, 90)
        );
        assert_eq!((count(1, Part::Test), count(1, Part::Validation)), (20, 10));
    }

    #[test]
    fn a_prescribed_test_part_is_kept_and_no_other_is_made() {
        let given: Vec<_> = (0..100).map(|i| (i < 30).then_some(Part::Test)).collect();
        let hashes: Vec<u64> = (0..100).collect();
        let parts = split(&[0; 100], &hashes, &given, RULE);
        assert_eq!(parts.iter().filter(|p| **p == Part::Test).count(), 30);
        assert_eq!(parts.iter().filter(|p| **p == Part::Validation).count(), 7);
    }
}
