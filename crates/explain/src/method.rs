//! The methods, and what each takes for granted.

use crate::said::tr;
use modelwright_tasks::InputSchema;
use modelwright_words::Lang;
use serde::Serialize;
use std::fmt;

/// A way to explain a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Where the last feature map speaks for a class (Selvaraju et al. 2017).
    GradCam,
    /// Gradients along the way from a baseline (Sundararajan et al. 2017).
    IntegratedGradients,
    /// A patch moved over a picture (Zeiler & Fergus 2014).
    Occlusion,
    /// Each word left out.
    LeaveOneOut,
    /// Shares of the columns of a row (Shapley 1953; Lundberg & Lee 2017).
    Shapley,
    /// The smallest changes that lead to another answer (Wachter et al. 2017).
    Counterfactual,
    /// What is lost if a column is shuffled (Breiman 2001; Fisher et al. 2019).
    Importance,
    /// The mean answer for each value of a column (Friedman 2001).
    PartialDependence,
    /// The training examples that are most alike.
    Nearest,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::GradCam,
        Self::IntegratedGradients,
        Self::Occlusion,
        Self::LeaveOneOut,
        Self::Shapley,
        Self::Counterfactual,
        Self::Importance,
        Self::PartialDependence,
        Self::Nearest,
    ];

    /// The word for it on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::GradCam => "grad-cam",
            Self::IntegratedGradients => "integrated-gradients",
            Self::Occlusion => "occlusion",
            Self::LeaveOneOut => "leave-one-out",
            Self::Shapley => "shapley",
            Self::Counterfactual => "counterfactual",
            Self::Importance => "importance",
            Self::PartialDependence => "partial-dependence",
            Self::Nearest => "nearest",
        }
    }

    /// The method of this [`name`](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// The methods for a kind of input, the one to begin with first.
    pub fn of_input(input: &InputSchema) -> &'static [Self] {
        match input {
            InputSchema::Images { .. } => &[
                Self::Occlusion,
                Self::GradCam,
                Self::IntegratedGradients,
                Self::Nearest,
            ],
            InputSchema::Table { .. } if input.only_text().is_some() => {
                &[Self::LeaveOneOut, Self::IntegratedGradients, Self::Nearest]
            }
            InputSchema::Table { .. } => &[
                Self::Shapley,
                Self::Counterfactual,
                Self::Importance,
                Self::PartialDependence,
                Self::Nearest,
            ],
        }
    }

    /// What it takes for granted, in a sentence or two for who reads the result.
    pub fn assumes(self, lang: Lang) -> String {
        tr(lang, &format!("assumes-{}", self.name()), &[])
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_a_name_and_says_what_it_assumes() {
        for method in Method::ALL {
            assert_eq!(Method::named(method.name()), Some(method));
            let english = method.assumes(Lang::En);
            assert!(english.starts_with("Assumes that"), "{method}");
            assert!(method.assumes(Lang::Zh).starts_with("前提："), "{method}");
            assert_eq!(serde_json::to_value(method).unwrap(), method.name());
        }
        assert_eq!(Method::named("magic"), None);
    }
}
