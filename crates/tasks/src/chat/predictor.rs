//! A model that writes, out of its bundle.

use super::bundle::Preprocessor;
use super::form::{Form, Item, is_answer, messages};
use super::measured::Measured;
use super::written::{Writer, Written};
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::input::InputSchema;
use crate::output::OutputSchema;
use crate::parts::or_train;
use crate::row_predictor::table_of;
use crate::task::{Prediction, Predictor};
use crate::text;
use burn::tensor::Device;
use modelwright_data::{Content, Dataset, Part};
use modelwright_evaluate::{LanguageReport, WrittenScores};
use modelwright_generate::{
    ChatTemplate, Engine, EngineOptions, Finish, Message, Request, Sampling,
};
use modelwright_models::{DecoderNet, LanguageModel};
use modelwright_runs::{Bundle, PREPROCESSOR};
use modelwright_train::Recipe;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Most tokens of an answer.
const ANSWER: usize = 256;
/// Most tokens that a text is gone on with.
const CONTINUED: usize = 100;
/// Most answers that the model writes to be compared with those of people.
const COMPARED: usize = 50;
/// Answers that are asked for before the first is waited for.
const WAITING: usize = 32;

/// A language model in a folder.
pub(super) struct ChatPredictor {
    folder: PathBuf,
    preprocessor: Preprocessor,
    writer: Writer,
    /// Tokens that the model sees at once.
    context: usize,
    device: Device,
    /// Loaded when something is to be written.
    engine: Mutex<Option<Engine>>,
}

impl ChatPredictor {
    /// The one in a bundle.
    pub fn load(bundle: &Bundle, device: Device) -> Result<Self, TaskError> {
        let preprocessor: Preprocessor = bundle.read_json(PREPROCESSOR)?;
        Self::open(bundle.path(), preprocessor, device)
    }

    /// The one whose files are in `folder`.
    pub fn open(
        folder: &Path,
        preprocessor: Preprocessor,
        device: Device,
    ) -> Result<Self, TaskError> {
        let model = open(folder)?;
        let context = model.config.positions;
        let writer = Writer {
            template: ChatTemplate::of(&model)?,
            bos: model.bos.filter(|_| model.add_bos),
            tokenizer: model.tokenizer,
            max_length: preprocessor.max_length,
        };
        Ok(Self {
            folder: folder.into(),
            preprocessor,
            writer,
            context,
            device,
            engine: Mutex::new(None),
        })
    }

    /// What the data says in some rows, in the order of the rows; those that say nothing are left out.
    fn items(&self, dataset: &Dataset, rows: &[usize]) -> Result<Vec<Item>, TaskError> {
        let mut all = self.preprocessor.form.items(dataset)?;
        let of_row = |row: &usize| all.get_mut(*row).and_then(Option::take);
        Ok(rows.iter().filter_map(of_row).collect())
    }

    /// What the network says of some rows: a report, and what was seen of each of the examples that it
    /// reads in them.
    pub fn measure(
        &self,
        dataset: &Dataset,
        rows: &[usize],
    ) -> Result<(LanguageReport, Vec<Written>, Measured), TaskError> {
        let items = self.items(dataset, rows)?;
        let mut examples = Vec::new();
        let mut read = 0;
        for item in &items {
            let (found, _) = self.writer.examples(item)?;
            read += usize::from(!found.is_empty());
            examples.extend(found);
        }
        let net = DecoderNet::load(&open(&self.folder)?, &self.device)?;
        let measured = Measured::new(&net, &examples, &self.device);
        drop(net);
        let pairs = matches!(self.preprocessor.form, Form::Preferences { .. });
        let mut report = measured.report(read, pairs);
        report.answers = self.compared(&items)?;
        Ok((report, examples, measured))
    }

    /// Answers that the model writes beside those of people.
    fn compared(&self, items: &[Item]) -> Result<Option<WrittenScores>, TaskError> {
        let (mut prompts, mut given) = (Vec::new(), Vec::new());
        for item in items {
            let Item::Talk(messages) = item else {
                continue;
            };
            let Some(last) = messages
                .iter()
                .rposition(is_answer)
                .filter(|last| *last > 0)
            else {
                continue;
            };
            let prompt = self.writer.prompt(&messages[..last])?;
            if prompt.len() + 1 < self.writer.max_length && prompts.len() < COMPARED {
                prompts.push(prompt);
                given.push(messages[last].content.clone());
            }
        }
        let written = self.written(prompts, ANSWER)?;
        let texts: Vec<String> = written.into_iter().map(|(text, ..)| text).collect();
        Ok(WrittenScores::new(&texts, &given))
    }

    fn engine(&self) -> Result<Engine, TaskError> {
        let failed = || TaskError::asked("the model failed to load before", "load it again");
        let mut engine = self.engine.lock().map_err(|_| failed())?;
        if let Some(engine) = &*engine {
            return Ok(engine.clone());
        }
        let loaded = Engine::load(open(&self.folder)?, EngineOptions::default())?;
        *engine = Some(loaded.clone());
        Ok(loaded)
    }

    /// What the model writes after each prompt, always the most probable token: the text, its tokens, and
    /// whether it ended by itself.
    fn written(
        &self,
        prompts: Vec<Vec<u32>>,
        most: usize,
    ) -> Result<Vec<(String, usize, bool)>, TaskError> {
        if prompts.is_empty() {
            return Ok(Vec::new());
        }
        let engine = self.engine()?;
        let mut all = Vec::with_capacity(prompts.len());
        for prompts in prompts.chunks(WAITING) {
            let asked = prompts.iter().map(|prompt| {
                engine.submit(Request {
                    prompt: prompt.clone(),
                    sampling: Sampling::greedy(),
                    max_tokens: Some(most),
                    ..Request::default()
                })
            });
            let replies = asked.collect::<Result<Vec<_>, _>>()?;
            for reply in replies {
                let (text, reason, usage) = reply.text()?;
                all.push((text, usage.completion, reason == Finish::Stop));
            }
        }
        Ok(all)
    }

    /// The tokens that a text asks with: a conversation, a question, or the beginning of a text.
    fn prompt(&self, text: &str) -> Result<Vec<u32>, TaskError> {
        if self.writer.template.is_none() || matches!(self.preprocessor.form, Form::Texts { .. }) {
            let ids = self.writer.text(text);
            // Of a long text the end says how it goes on.
            let most = self.context.saturating_sub(CONTINUED).max(self.context / 2);
            return Ok(ids[ids.len().saturating_sub(most)..].to_vec());
        }
        let mut asked = messages(text).unwrap_or_else(|| vec![Message::user(text)]);
        // Of a conversation out of the data the last answer is what is asked for.
        while asked.len() > 1 && asked.last().is_some_and(is_answer) {
            asked.pop();
        }
        Ok(self.writer.prompt(&asked)?)
    }
}

fn open(folder: &Path) -> Result<LanguageModel, TaskError> {
    Ok(LanguageModel::open(&folder.display().to_string(), &|_| {})?)
}

impl Predictor for ChatPredictor {
    fn labels(&self) -> &[String] {
        &[]
    }

    fn input(&self) -> InputSchema {
        InputSchema::text(self.preprocessor.form.asked(), self.preprocessor.characters)
    }

    fn output(&self) -> OutputSchema {
        OutputSchema::Text
    }

    fn prepare(&self, place: &str, content: Content) -> Result<Content, TaskError> {
        let table = table_of(&content, place)?;
        let name = self.preprocessor.form.asked();
        Ok(Content::Table(text::text_table(name, table, place)?))
    }

    fn predict(
        &self,
        place: &str,
        content: &Content,
        rows: Range<usize>,
    ) -> Result<Vec<Prediction>, TaskError> {
        let table = table_of(content, place)?;
        let texts = text::texts_to_answer(self.preprocessor.form.asked(), table, place, rows)?;
        let prompts = texts.iter().map(|text| self.prompt(text));
        let prompts = prompts.collect::<Result<Vec<_>, _>>()?;
        let most = match self.preprocessor.form {
            Form::Texts { .. } => CONTINUED,
            _ => ANSWER,
        };
        let written = self.written(prompts, most)?.into_iter();
        let prediction = |(text, tokens, complete)| Prediction::Text {
            text,
            tokens,
            complete,
        };
        Ok(written.map(prediction).collect())
    }

    fn evaluate(&self, dataset: &Dataset, rows: &[usize]) -> Result<Evaluation, TaskError> {
        Ok(Evaluation::Language(self.measure(dataset, rows)?.0))
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Part>, TaskError> {
        let form = Form::find(dataset, &recipe.data)?;
        Ok(or_train(form.parts(dataset, recipe)?))
    }
}
