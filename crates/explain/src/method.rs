//! The methods, and what each takes for granted.

use modelwright_tasks::InputSchema;
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
    pub fn assumes(self) -> &'static str {
        match self {
            Self::GradCam => {
                "Assumes that the last feature map keeps the places of the picture, and that each of its \
                 channels speaks for or against the class everywhere alike; places are as coarse as that \
                 map, and what speaks against the class is not shown."
            }
            Self::IntegratedGradients => {
                "Assumes that the baseline stands for \"nothing there\": shares are of the difference to \
                 it, and another baseline gives others. The delta says how far they are from adding up \
                 to that difference."
            }
            Self::Occlusion => {
                "Assumes that a patch of the picture's mean colour stands for \"nothing there\", although \
                 the model may never have seen such a patch; things larger than the patch are seen only \
                 in part."
            }
            Self::LeaveOneOut => {
                "Assumes that a text without a word is still one that the model understands, and looks at \
                 one word at a time: of two words that say the same, neither counts."
            }
            Self::Shapley => {
                "Assumes that columns can change one by one: unknown values are filled in from other rows \
                 whether or not they go together, so shares between columns that move together are \
                 shared out in a way that the model may never have met. They tell what the model does, \
                 not what causes what."
            }
            Self::Counterfactual => {
                "Assumes that each column can be changed by itself, to values that other rows have; \
                 whether a person could, and what else would change with it, the data does not tell. It \
                 changes the model's answer, not the world."
            }
            Self::Importance => {
                "Assumes that a shuffled column stands for an unknown one: rows that cannot exist are \
                 among what the model is asked, and of two columns that say the same, each seems to \
                 matter little."
            }
            Self::PartialDependence => {
                "Assumes that the column can take any of its values whatever the others are; where it \
                 moves together with others, the mean is over rows that cannot exist."
            }
            Self::Nearest => {
                "Assumes that what is close for the model is alike for people. These are examples like \
                 this one, not those that made the model answer so."
            }
        }
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
            assert!(method.assumes().starts_with("Assumes that"), "{method}");
            assert_eq!(serde_json::to_value(method).unwrap(), method.name());
        }
        assert_eq!(Method::named("magic"), None);
    }
}
