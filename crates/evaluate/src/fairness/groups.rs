//! From sensitive attributes to groups of examples.

use crate::feature::{Bands, Feature, MISSING};
use serde::{Deserialize, Serialize};

/// Which group each example belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grouping {
    /// Name of the attribute; several are joined by ` × `.
    pub attribute: String,
    /// Names of the groups, each of which has at least one example.
    pub names: Vec<String>,
    /// The group of each example.
    pub of: Vec<u32>,
}

impl Grouping {
    /// The groups of one attribute: its words, or its numbers cut into bands. Examples without a
    /// value are a group by themselves, called [`MISSING`].
    pub fn new(feature: &Feature, bands: &Bands) -> Self {
        let (codes, mut names) = feature.cells(bands);
        names.push(MISSING.into());
        Self::compact(feature.name.clone(), codes, &names)
    }

    /// The groups that several attributes make together, such as `female × < 25`.
    ///
    /// All are of the same examples.
    pub fn intersection(groupings: &[Self]) -> Self {
        let joined = |names: Vec<&str>| names.join(" × ");
        let examples = groupings.first().map_or(0, |g| g.of.len());
        let cells: Vec<Vec<u32>> = (0..examples)
            .map(|i| groupings.iter().map(|g| g.of[i]).collect())
            .collect();
        let mut sorted: Vec<&Vec<u32>> = cells.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let name = |cell: &&Vec<u32>| {
            let parts = cell.iter().zip(groupings);
            joined(parts.map(|(c, g)| g.names[*c as usize].as_str()).collect())
        };
        let place = |cell: &Vec<u32>| sorted.partition_point(|other| *other < cell) as u32;
        Self {
            attribute: joined(groupings.iter().map(|g| g.attribute.as_str()).collect()),
            names: sorted.iter().map(name).collect(),
            of: cells.iter().map(place).collect(),
        }
    }

    /// The examples of each group.
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.names.len()];
        for (example, group) in self.of.iter().enumerate() {
            members[*group as usize].push(example);
        }
        members
    }

    /// Leaves out groups without an example.
    fn compact(attribute: String, codes: Vec<u32>, names: &[String]) -> Self {
        let mut used = vec![false; names.len()];
        for code in &codes {
            used[*code as usize] = true;
        }
        let kept: Vec<usize> = (0..names.len()).filter(|i| used[*i]).collect();
        let place = |code: u32| kept.partition_point(|k| *k < code as usize) as u32;
        Self {
            attribute,
            names: kept.iter().map(|i| names[*i].clone()).collect(),
            of: codes.into_iter().map(place).collect(),
        }
    }
}

/// The groups of each attribute, and with several attributes those that they make together.
pub fn groupings(features: &[Feature], bands: &Bands) -> Vec<Grouping> {
    let mut all: Vec<Grouping> = features.iter().map(|f| Grouping::new(f, bands)).collect();
    if all.len() > 1 {
        all.push(Grouping::intersection(&all));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_their_intersection_make_groups() {
        let sex = Feature::words("sex", &[Some("m"), Some("f"), None, Some("f"), Some("m")]);
        let age = Feature::numbers("age", vec![20.0, 30.0, 40.0, 24.0, 19.0]);
        let all = groupings(&[sex, age], &Bands::Edges(vec![25.0, 60.0]));
        assert_eq!(all[0].names, ["f", "m", MISSING]);
        assert_eq!(all[0].of, [1, 0, 2, 0, 1]);
        // Nobody is 60 or older.
        assert_eq!(all[1].names, ["< 25", "25–60"]);
        assert_eq!(all[2].attribute, "sex × age");
        let names = ["f × < 25", "f × 25–60", "m × < 25", "(missing) × 25–60"];
        assert_eq!(all[2].names, names);
        assert_eq!(all[2].of, [2, 1, 3, 0, 2]);
        assert_eq!(all[2].members()[2], [0, 4]);
    }
}
