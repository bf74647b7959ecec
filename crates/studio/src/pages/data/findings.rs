//! What is wrong with data, in words, each with what can be done about it.

use crate::looks::Look;
use crate::page::Ctx;
use crate::uploads::{Entry, Sort};
use modelwright_data::profile::{
    ClassCount, ColumnProfile, ContentProfile, ImageProfile, TableProfile,
};

/// A class is rare if the largest has this many times as many examples.
const RARE: usize = 10;
/// Below so many examples a class can hardly be learned.
const FEW: usize = 10;
/// Below so many rows a column of different numbers may well be a measure.
const IDENTIFIED: usize = 50;

/// Something that a person should know of the data.
pub struct Finding {
    /// What it is, in plain words.
    pub text: String,
    /// Whether a training would fail or be misled; the others only cost some quality.
    pub serious: bool,
    /// What can be done by one click.
    pub fixes: Vec<Fix>,
}

/// Something that can be done about a finding.
pub struct Fix {
    /// The word of the form that does it.
    pub what: &'static str,
    /// The column, encoding or such.
    pub value: String,
    /// What the button says.
    pub text: String,
}

/// Everything found in a data set with its settings.
pub fn of(ctx: &Ctx, entry: &Entry, look: &Look) -> Vec<Finding> {
    let list = Findings {
        ctx,
        entry,
        classes: look.has_classes(),
    };
    match &look.profile.content {
        ContentProfile::Images(profile) => list.of_pictures(profile, look),
        ContentProfile::Table(profile) => list.of_table(profile, look.profile.examples),
    }
}

struct Findings<'a> {
    ctx: &'a Ctx,
    entry: &'a Entry,
    /// Whether the target is a class or a quantity; the answers of a FAQ are neither.
    classes: bool,
}

impl Findings<'_> {
    fn fix(&self, what: &'static str, value: &str, text: String) -> Fix {
        Fix {
            what,
            value: value.into(),
            text,
        }
    }

    fn of_pictures(&self, profile: &ImageProfile, look: &Look) -> Vec<Finding> {
        let ctx = self.ctx;
        let mut found = Vec::new();
        let unreadable = look.unreadable.len();
        if unreadable > 0 {
            found.push(Finding {
                text: ctx.tr("finding-unreadable", &[("count", &unreadable)]),
                serious: true,
                fixes: vec![self.fix("skip-bad", "on", ctx.t("fix-skip-bad"))],
            });
        }
        if profile.duplicates > 0 {
            let fixes = match self.entry.sort {
                Sort::Pictures => vec![self.fix("copy", "", ctx.t("fix-copy"))],
                _ => Vec::new(),
            };
            found.push(Finding {
                text: ctx.tr("finding-duplicates", &[("count", &profile.duplicates)]),
                serious: false,
                fixes,
            });
        }
        for shared in profile
            .shared_between_parts
            .iter()
            .filter(|s| s.pictures > 0)
        {
            let part = ctx.t(&format!("part-{}", shared.part.name()));
            let other = ctx.t(&format!("part-{}", shared.also_in.name()));
            found.push(Finding {
                text: ctx.tr(
                    "finding-shared",
                    &[
                        ("count", &shared.pictures),
                        ("part", &part),
                        ("other", &other),
                    ],
                ),
                serious: true,
                fixes: Vec::new(),
            });
        }
        self.of_classes(&profile.classes, &mut found);
        found
    }

    fn of_table(&self, profile: &TableProfile, rows: usize) -> Vec<Finding> {
        let ctx = self.ctx;
        let mut found = Vec::new();
        let target = profile.target.as_deref();
        for column in &profile.columns {
            let excluded = self.entry.settings.exclude.contains(&column.name);
            if !excluded && Some(column.name.as_str()) != target {
                found.extend(self.of_column(column, rows));
            }
        }
        if let Some(column) = profile
            .columns
            .iter()
            .find(|c| Some(c.name.as_str()) == target)
            && column.missing > 0
        {
            found.push(self.told(ctx.tr(
                "finding-no-target",
                &[("count", &column.missing), ("column", &column.name)],
            )));
        }
        if profile.duplicates > 0 {
            let text = ctx.tr("finding-equal-rows", &[("count", &profile.duplicates)]);
            found.push(self.told(text));
        }
        if profile.conflicting > 0 && self.classes {
            let text = ctx.tr("finding-conflicting", &[("count", &profile.conflicting)]);
            found.push(self.told(text));
        }
        if self.classes {
            self.of_classes(&profile.classes, &mut found);
        }
        found
    }

    /// A finding that nothing can be done about here.
    fn told(&self, text: String) -> Finding {
        Finding {
            text,
            serious: false,
            fixes: Vec::new(),
        }
    }

    fn of_column(&self, column: &ColumnProfile, rows: usize) -> Option<Finding> {
        let ctx = self.ctx;
        let name = &column.name;
        let key = if column.missing == rows {
            "finding-empty"
        } else if column.missing * 2 > rows {
            "finding-sparse"
        } else if column.distinct == 1 && column.missing == 0 {
            "finding-constant"
        } else if column.distinct == rows && rows > IDENTIFIED && column.kind == "integer" {
            "finding-identifier"
        } else {
            return None;
        };
        let share = 100 * column.missing / rows.max(1);
        Some(Finding {
            text: match key {
                "finding-sparse" => ctx.tr(key, &[("column", name), ("share", &share)]),
                _ => ctx.tr(key, &[("column", name)]),
            },
            serious: key == "finding-identifier",
            fixes: vec![self.fix("exclude", name, ctx.tr("fix-exclude", &[("column", name)]))],
        })
    }

    fn of_classes(&self, classes: &[ClassCount], found: &mut Vec<Finding>) {
        let ctx = self.ctx;
        let present = classes.iter().filter(|c| c.examples > 0);
        let Some(least) = present.clone().min_by_key(|c| c.examples) else {
            return;
        };
        if present.clone().count() == 1 {
            found.push(Finding {
                text: ctx.tr("finding-one-class", &[("class", &least.name)]),
                serious: true,
                fixes: Vec::new(),
            });
            return;
        }
        let most = present.map(|c| c.examples).max().unwrap_or(0);
        if least.examples * RARE < most && !self.entry.settings.balanced {
            found.push(Finding {
                text: ctx.tr(
                    "finding-uneven",
                    &[
                        ("class", &least.name),
                        ("few", &least.examples),
                        ("many", &most),
                    ],
                ),
                serious: false,
                fixes: vec![self.fix("balance", "on", ctx.t("fix-balance"))],
            });
        }
        if least.examples < FEW {
            let text = ctx.tr(
                "finding-few",
                &[("class", &least.name), ("count", &least.examples)],
            );
            found.push(self.told(text));
        }
    }
}
