//! From the network's logits to an answer.

use super::windows::View;
use std::ops::Range;

/// Most tokens of an answer.
const LONGEST: usize = 30;

/// One window with the logits of its tokens.
pub(super) struct Scored<'a> {
    pub view: View<'a>,
    /// How well an answer starts at each token.
    pub start: &'a [f32],
    /// How well an answer ends at each token.
    pub end: &'a [f32],
}

/// The best answer to a question over all of its windows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// The bytes of the context at which it stands; `None` if the context has no tokens.
    pub place: Option<Range<usize>>,
    /// How much better it scores than that there is no answer.
    pub margin: f32,
    /// The probability of its start times that of its end, in its window.
    pub probability: f32,
    /// The same for no answer, in the window that believes in it least.
    pub none: f32,
}

impl Found {
    /// The bytes of the answer, or `None` if there is none: if it does not score better than no answer
    /// by `threshold`. Without a threshold there is always one.
    pub fn answer(&self, threshold: Option<f32>) -> Option<Range<usize>> {
        let place = self.place.clone();
        place.filter(|_| threshold.is_none_or(|least| self.margin >= least))
    }

    /// How sure the model is of its answer, given whether it has one.
    pub fn sureness(&self, answered: bool) -> f32 {
        if answered {
            self.probability
        } else {
            self.none
        }
    }
}

/// The place whose start and end score best together: the end not before the start, both within
/// [`LONGEST`] tokens.
fn best_span(window: &Scored) -> Option<(usize, usize, f32)> {
    let tokens = window.view.context();
    let mut best: Option<(usize, usize, f32)> = None;
    for start in tokens.clone() {
        if window.view.place(start).is_none() {
            continue;
        }
        for end in start..tokens.end.min(start + LONGEST) {
            let score = window.start[start] + window.end[end];
            let better = best.is_none_or(|(.., highest)| score > highest);
            if better && window.view.place(end).is_some() {
                best = Some((start, end, score));
            }
        }
    }
    best
}

/// The best answer over the windows of one question.
pub(super) fn find(windows: &[Scored]) -> Found {
    let mut found = Found {
        place: None,
        margin: f32::NEG_INFINITY,
        probability: 0.0,
        none: 1.0,
    };
    let (mut highest, mut null) = (f32::NEG_INFINITY, f32::INFINITY);
    for window in windows {
        let probability = |start: usize, end: usize| {
            softmax_at(&window.view, window.start, start)
                * softmax_at(&window.view, window.end, end)
        };
        let here = window.start[0] + window.end[0];
        if here < null {
            null = here;
            found.none = probability(0, 0);
        }
        let Some((start, end, score)) = best_span(window) else {
            continue;
        };
        let places = (window.view.place(start), window.view.place(end));
        if let (true, (Some(first), Some(last))) = (score > highest, places) {
            highest = score;
            found.place = Some(first.start..last.end);
            found.probability = probability(start, end);
        }
    }
    if found.place.is_some() {
        found.margin = highest - null;
    }
    found
}

/// The share of one token in the softmax over the tokens of the context and "no answer".
fn softmax_at(view: &View, logits: &[f32], token: usize) -> f32 {
    let open = || {
        let context = view.context().filter(|t| view.place(*t).is_some());
        std::iter::once(0).chain(context).map(|t| logits[t])
    };
    let highest = open().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = open().map(|l| (l - highest).exp()).sum();
    (logits[token] - highest).exp() / sum
}

/// A question whose answer may be withheld: the margin of its best answer, and F1 with it and without
/// any.
pub(super) struct Choice {
    pub margin: f32,
    pub f1: f64,
    pub f1_of_none: f64,
}

/// The margin from which answers should be given, so that the mean of F1 is largest; of several, the one
/// closest to 0. It is 0 unless some of the questions have an answer and others none.
pub(super) fn best_threshold(mut choices: Vec<Choice>) -> f32 {
    let unanswerable = choices.iter().filter(|c| c.f1_of_none > 0.0).count();
    if unanswerable == 0 || unanswerable == choices.len() {
        return 0.0;
    }
    choices.retain(|c| c.margin.is_finite());
    choices.sort_by(|a, b| b.margin.total_cmp(&a.margin));
    let margins: Vec<f32> = choices.iter().map(|c| c.margin).collect();
    // Between the margins of the last that is answered and the first that is not.
    let between = |answered: usize| match (answered.checked_sub(1), margins.get(answered)) {
        (None, Some(first)) => first + 1.0,
        (Some(last), None) => margins[last] - 1.0,
        (Some(last), Some(next)) => (margins[last] + next) / 2.0,
        (None, None) => 0.0,
    };
    let (mut best, mut gain) = ((0.0, between(0)), 0.0);
    for (i, choice) in choices.iter().enumerate() {
        gain += choice.f1 - choice.f1_of_none;
        // Equal margins are answered together or not at all.
        if margins.get(i + 1) == Some(&choice.margin) {
            continue;
        }
        let threshold = between(i + 1);
        if gain > best.0 || gain == best.0 && threshold.abs() < best.1.abs() {
            best = (gain, threshold);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows over a context of tokens of one byte: token `i` of the context is byte `first + i`.
    struct Example {
        ids: Vec<u32>,
        offsets: Vec<[u32; 2]>,
        logits: [Vec<f32>; 2],
    }

    /// [CLS] question [SEP] `count` tokens [SEP], all logits 0 but the given (token, start, end).
    fn example(first: u32, count: u32, logits: &[(usize, f32, f32)]) -> Example {
        let mut offsets = vec![[0, 0]; 3];
        offsets.extend((first..first + count).map(|b| [b, b + 1]));
        offsets.push([0, 0]);
        let mut values = [vec![0.0; offsets.len()], vec![0.0; offsets.len()]];
        for (token, start, end) in logits {
            values[0][*token] = *start;
            values[1][*token] = *end;
        }
        Example {
            ids: vec![0; offsets.len()],
            offsets,
            logits: values,
        }
    }

    fn found(examples: &[Example]) -> Found {
        let scored: Vec<Scored> = examples
            .iter()
            .map(|e| Scored {
                view: View::of_places(&e.ids, &e.offsets, 3..e.offsets.len() - 1),
                start: &e.logits[0],
                end: &e.logits[1],
            })
            .collect();
        find(&scored)
    }

    #[test]
    fn the_best_window_has_the_answer() {
        let first = example(0, 8, &[(0, 3.0, 3.0), (5, 1.0, 0.0), (6, 0.0, 1.0)]);
        let second = example(5, 8, &[(0, 1.0, 1.0), (4, 4.0, 0.0), (6, 0.0, 5.0)]);
        let found = found(&[first, second]);
        assert_eq!(found.place, Some(6..9));
        // Nine for the span, two for no answer in the window that believes in it least.
        assert_eq!(found.margin, 7.0);
        assert!(found.probability > 0.7 && found.none < 0.05, "{found:?}");
    }

    #[test]
    fn an_answer_ends_behind_its_start_and_within_thirty_tokens() {
        // The best start stands behind the best end.
        let turned = found(&[example(0, 8, &[(8, 5.0, 0.0), (4, 0.0, 5.0)])]);
        let place = turned.place.unwrap();
        assert!(place.start < place.end);
        assert_eq!(turned.margin, 5.0);
        // The best pair is too long.
        let long = example(0, 60, &[(5, 5.0, 0.0), (45, 0.0, 5.0), (34, 0.0, 2.0)]);
        assert_eq!(found(&[long]).place, Some(2..32));
        let longer = example(0, 60, &[(5, 5.0, 0.0), (35, 0.0, 2.0), (20, 0.0, 1.0)]);
        assert_eq!(found(&[longer]).place, Some(2..18));
    }

    #[test]
    fn question_and_special_tokens_are_no_answers() {
        let found = found(&[example(
            0,
            4,
            &[(1, 9.0, 9.0), (2, 9.0, 9.0), (7, 9.0, 9.0), (4, 1.0, 1.0)],
        )]);
        assert_eq!((found.place, found.margin), (Some(1..2), 2.0));
    }

    #[test]
    fn a_context_without_tokens_has_no_answer() {
        let found = found(&[example(0, 0, &[])]);
        assert_eq!(found.place, None);
        assert_eq!(found.answer(None), None);
        assert_eq!(found.none, 1.0);
    }

    #[test]
    fn an_answer_has_to_win_by_the_threshold() {
        let found = found(&[example(0, 4, &[(0, 1.0, 1.0), (4, 2.0, 2.0)])]);
        assert_eq!(found.margin, 2.0);
        assert!(found.answer(Some(2.0)).is_some() && found.answer(Some(2.5)).is_none());
        assert!(found.answer(None).is_some());
    }

    fn choice(margin: f32, f1: f64, f1_of_none: f64) -> Choice {
        Choice {
            margin,
            f1,
            f1_of_none,
        }
    }

    #[test]
    fn the_threshold_parts_answerable_from_unanswerable() {
        // Answerable ones at 4 and 3, unanswerable ones at 2 and -1.
        let choices = || {
            vec![
                choice(2.0, 0.0, 1.0),
                choice(4.0, 1.0, 0.0),
                choice(-1.0, 0.0, 1.0),
                choice(3.0, 0.5, 0.0),
            ]
        };
        assert_eq!(best_threshold(choices()), 2.5);
        // A wrong answer and none at all are the same; the threshold closest to 0 is taken.
        let more = choices().into_iter().chain([choice(1.0, 0.0, 0.0)]);
        assert_eq!(best_threshold(more.collect()), 2.5);
        let mut nothing_found = choices();
        nothing_found.push(choice(f32::NEG_INFINITY, 0.0, 1.0));
        assert_eq!(best_threshold(nothing_found), 2.5);
    }

    #[test]
    fn one_kind_of_question_does_not_move_the_threshold() {
        assert_eq!(best_threshold(vec![choice(-3.0, 1.0, 0.0)]), 0.0);
        assert_eq!(best_threshold(vec![choice(3.0, 0.0, 1.0)]), 0.0);
        assert_eq!(best_threshold(Vec::new()), 0.0);
    }

    #[test]
    fn equal_margins_are_answered_together() {
        let choices = vec![
            choice(1.0, 1.0, 0.0),
            choice(1.0, 0.0, 1.0),
            choice(1.0, 1.0, 0.0),
            choice(-2.0, 0.0, 1.0),
        ];
        assert_eq!(best_threshold(choices), -0.5);
    }
}
