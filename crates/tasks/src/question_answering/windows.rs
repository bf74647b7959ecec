//! Questions with their contexts as sequences of tokens. A context that is too long for the network is
//! cut into windows that overlap, each with the question in front.

use super::rows::Questions;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use modelwright_models::{TokenBatch, Tokenizer};
use rayon::prelude::*;
use std::ops::Range;

/// Tokens that two neighbouring windows share, as in the first work on SQuAD with BERT (Devlin et al.
/// 2019): more than four times the longest answer, so that every answer stands in a window with what is
/// around it.
const STRIDE: usize = 128;

/// The windows of some questions, flat in memory.
pub(super) struct WindowSet {
    ids: Vec<u32>,
    /// Bytes of the context that each token stands for; empty where it stands for none.
    offsets: Vec<[u32; 2]>,
    windows: Vec<Window>,
    /// The first window of each question, and at the end the number of windows.
    firsts: Vec<usize>,
    pad: u32,
}

struct Window {
    /// Position of its question among those of the set.
    question: usize,
    /// In the flat lists.
    tokens: Range<usize>,
    /// The tokens of the context, within the window.
    context: Range<usize>,
    /// The first token that the tokenizer counts to the second text.
    second: usize,
}

/// One window.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// Position of its question among those of the set.
    pub question: usize,
    ids: &'a [u32],
    offsets: &'a [[u32; 2]],
    context: (usize, usize),
    second: usize,
}

impl WindowSet {
    /// Cuts the questions in `rows`, in this order.
    pub fn new(
        tokenizer: &Tokenizer,
        questions: Questions,
        rows: &[usize],
        max_length: usize,
    ) -> Self {
        let cut = |row: &usize| {
            let (question, context) = (questions.question(*row), questions.context(*row));
            tokenizer.encode_pair(question, context, max_length, STRIDE)
        };
        let mut set = Self {
            ids: Vec::new(),
            offsets: Vec::new(),
            windows: Vec::new(),
            firsts: vec![0],
            pad: tokenizer.pad(),
        };
        // What the tokenizer gives takes several times the memory, so not all of it at once.
        for (block, rows) in rows.chunks(1024).enumerate() {
            let encoded: Vec<_> = rows.par_iter().map(cut).collect();
            for (i, windows) in encoded.into_iter().enumerate() {
                for window in windows {
                    set.push(block * 1024 + i, window);
                }
                set.firsts.push(set.windows.len());
            }
        }
        set
    }

    fn push(&mut self, question: usize, window: modelwright_models::Window) {
        let first = self.ids.len();
        let second = window.types.iter().position(|t| *t != 0);
        self.windows.push(Window {
            question,
            tokens: first..first + window.ids.len(),
            context: window.context,
            second: second.unwrap_or(window.ids.len()),
        });
        self.ids.extend(window.ids);
        let bytes = |r: Range<usize>| [r.start as u32, r.end as u32];
        self.offsets.extend(window.offsets.into_iter().map(bytes));
    }

    /// Number of windows.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Number of questions.
    pub fn questions(&self) -> usize {
        self.firsts.len() - 1
    }

    /// The windows of a question.
    pub fn of_question(&self, question: usize) -> Range<usize> {
        self.firsts[question]..self.firsts[question + 1]
    }

    /// Tokens of each window.
    pub fn lengths(&self) -> Vec<u32> {
        let length = |w: &Window| w.tokens.len() as u32;
        self.windows.iter().map(length).collect()
    }

    /// One window.
    pub fn view(&self, window: usize) -> View<'_> {
        let w = &self.windows[window];
        View {
            question: w.question,
            ids: &self.ids[w.tokens.clone()],
            offsets: &self.offsets[w.tokens.clone()],
            context: (w.context.start, w.context.end),
            second: w.second,
        }
    }

    /// Some windows as the network takes them.
    pub fn batch(&self, windows: &[usize], device: &Device) -> TokenBatch {
        let views: Vec<View> = windows.iter().map(|w| self.view(*w)).collect();
        let ids: Vec<&[u32]> = views.iter().map(|v| v.ids).collect();
        let types: Vec<Vec<u32>> = views.iter().map(View::types).collect();
        let types: Vec<&[u32]> = types.iter().map(Vec::as_slice).collect();
        TokenBatch::new(&ids, self.pad, device).with_types(&types)
    }

    /// `[windows, tokens]`: true where no answer can start or end.
    pub fn outside(&self, windows: &[usize], device: &Device) -> Tensor<2, Bool> {
        let views: Vec<View> = windows.iter().map(|w| self.view(*w)).collect();
        let width = views.iter().map(|v| v.ids.len()).max().unwrap_or(0);
        let of = |v: &View| -> Vec<bool> { (0..width).map(|t| !v.may_be_answer(t)).collect() };
        let flags: Vec<bool> = views.iter().flat_map(of).collect();
        Tensor::from_data(TensorData::new(flags, [views.len(), width]), device)
    }
}

impl View<'_> {
    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The tokens of the context.
    pub fn context(&self) -> Range<usize> {
        self.context.0..self.context.1
    }

    /// The bytes of the context that a token stands for.
    pub fn place(&self, token: usize) -> Option<Range<usize>> {
        let [start, end] = *self.offsets.get(token)?;
        let inside = self.context().contains(&token) && start < end;
        inside.then_some(start as usize..end as usize)
    }

    /// Whether a token may be the start or end of an answer; the first token stands for "no answer".
    fn may_be_answer(&self, token: usize) -> bool {
        token == 0 || self.place(token).is_some()
    }

    /// 0 for the tokens of the question, 1 for those of the context.
    fn types(&self) -> Vec<u32> {
        (0..self.len())
            .map(|t| u32::from(t >= self.second))
            .collect()
    }

    /// The tokens at which an answer starts and ends, given the bytes at which it stands; the first
    /// token for both if this window does not hold all of it.
    pub fn target(&self, answer: Option<&Range<usize>>) -> [usize; 2] {
        let places = || {
            let tokens = self.context();
            tokens.filter_map(|t| self.place(t).map(|place| (t, place)))
        };
        let held = |answer: &&Range<usize>| {
            let starts = places()
                .next()
                .is_some_and(|(_, p)| p.start <= answer.start);
            starts
                && places()
                    .next_back()
                    .is_some_and(|(_, p)| p.end >= answer.end)
        };
        let Some(answer) = answer.filter(held) else {
            return [0, 0];
        };
        let start = places().find(|(_, p)| p.end > answer.start);
        let end = places().rev().find(|(_, p)| p.start < answer.end);
        match (start, end) {
            (Some((start, _)), Some((end, _))) if start <= end => [start, end],
            _ => [0, 0],
        }
    }
}

#[cfg(test)]
impl<'a> View<'a> {
    /// A window of which only the places of the tokens are of interest.
    pub fn of_places(ids: &'a [u32], offsets: &'a [[u32; 2]], context: Range<usize>) -> Self {
        Self {
            question: 0,
            ids,
            offsets,
            context: (context.start, context.end),
            second: context.start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{Names, Place};
    use super::*;
    use modelwright_data::{Column, DataConfig, Table};
    use modelwright_models::TokenizerKind;

    fn table(rows: &[(&str, &str, &str)]) -> Table {
        let column = |name: &str, pick: fn(&(&str, &str, &str)) -> String| {
            let words: Vec<Option<String>> = rows.iter().map(|r| Some(pick(r))).collect();
            Column::of_words(name, &words)
        };
        let columns = vec![
            column("question", |r| r.0.into()),
            column("context", |r| r.1.into()),
            column("answer", |r| r.2.into()),
        ];
        Table { columns }
    }

    /// What the target tokens of each window stand for.
    fn targets(table: &Table, max_length: usize, kind: TokenizerKind) -> Vec<Vec<String>> {
        let names = Names::of(&DataConfig::default());
        let questions = Questions::of(table, "test", &names).unwrap();
        let rows = questions.usable();
        let texts = rows
            .iter()
            .flat_map(|r| [questions.question(*r), questions.context(*r)]);
        let tokenizer = Tokenizer::train(kind, 400, texts).unwrap();
        let set = WindowSet::new(&tokenizer, questions, &rows, max_length);
        let of_window = |window: usize, row: usize| {
            let view = set.view(window);
            assert!(view.len() <= max_length && set.lengths()[window] as usize == view.len());
            let Place::At(answer) = questions.place(row) else {
                panic!("no answer in row {row}")
            };
            match view.target(Some(&answer)) {
                [0, 0] => String::new(),
                [start, end] => {
                    let (from, to) = (view.place(start).unwrap(), view.place(end).unwrap());
                    questions.context(row)[from.start..to.end].to_string()
                }
            }
        };
        let of_row = |row: &usize| set.of_question(*row).map(|w| of_window(w, *row)).collect();
        rows.iter().map(of_row).collect()
    }

    #[test]
    fn targets_are_the_answers_in_any_script() {
        let rows = [
            (
                "Who came?",
                "Zoë und Jürgen kamen; später kam Anaïs Nin.",
                "Anaïs Nin",
            ),
            ("谁来了？", "昨天下午，李小龙和王芳来了。", "李小龙"),
            ("How much?", "It costs 4½ € – or 5 $ 😀 today.", "4½ €"),
        ];
        let table = table(&rows);
        for kind in [
            TokenizerKind::Wordpiece,
            TokenizerKind::Unigram,
            TokenizerKind::Bpe,
        ] {
            for (found, row) in targets(&table, 64, kind).iter().zip(&rows) {
                assert_eq!(found.len(), 1, "{kind:?}");
                // A tokenizer may not be able to cut exactly there, but it has all of it.
                assert!(found[0].contains(row.2), "{kind:?} {found:?}");
            }
        }
    }

    #[test]
    fn a_long_context_has_the_answer_in_some_windows_and_not_in_others() {
        let words: Vec<String> = (0..90).map(|i| format!("w{i}")).collect();
        let context = words.join(" ");
        let table = table(&[
            ("where?", &context, "w44 w45"),
            ("who?", "only w1 here", "w1"),
        ]);
        let found = targets(&table, 40, TokenizerKind::Wordpiece);
        let with = found[0].iter().filter(|t| !t.is_empty()).count();
        assert!(
            found[0].len() > 3 && with > 0 && with < found[0].len(),
            "{found:?}"
        );
        assert!(found[0].iter().all(|t| t.is_empty() || t == "w44 w45"));
        assert_eq!(found[1], ["w1"]);
    }

    #[test]
    fn an_answer_that_a_window_cuts_is_not_its_target() {
        // [CLS] q [SEP] five tokens of two bytes, from byte 10 on [SEP]
        let offsets = [
            [0, 0],
            [0, 0],
            [0, 0],
            [10, 12],
            [13, 15],
            [16, 18],
            [19, 21],
            [22, 24],
            [0, 0],
        ];
        let view = View::of_places(&[7; 9], &offsets, 3..8);
        assert_eq!(view.target(Some(&(13..18))), [4, 5]);
        assert_eq!(view.target(Some(&(14..17))), [4, 5], "parts of tokens");
        assert_eq!(view.target(Some(&(10..24))), [3, 7]);
        assert_eq!(view.target(Some(&(5..12))), [0, 0], "starts before");
        assert_eq!(view.target(Some(&(19..26))), [0, 0], "ends behind");
        assert_eq!(view.target(Some(&(40..44))), [0, 0], "elsewhere");
        assert_eq!(view.target(None), [0, 0]);
    }
}
