//! From a conversation to a reply: rules first, then search, then words.

use crate::assistant::Assistant;
use crate::compose::{Check, Composed, compose};
use crate::documents::Kind;
use crate::error::AssistantError;
use crate::extract::extract;
use crate::guard;
use crate::passages::Passage;
use crate::prompt::{QUESTION, prompt, random};
use crate::reply::{Citation, Decision, Mode, Reply, Spent, Timings, Why};
use crate::rules::{self, last_message};
use crate::search::Ranked;
use crate::settings::Voice;
use crate::text::{self, shortened};
use crate::writer::Writer;
use modelwright_generate::{Message, Role};
use std::ops::ControlFlow;
use std::time::Instant;

/// Most characters of a quotation.
const QUOTE: usize = 400;
/// Messages of the customer that a summary tells.
const SUMMARY: usize = 5;
/// Words up to which a message may go on from the one before.
const FOLLOW_UP: usize = 8;

/// Is given each piece of text; says whether to go on.
type Told<'a> = &'a mut dyn FnMut(&str) -> ControlFlow<()>;

/// What is known of a message while it is answered.
struct Case<'a> {
    id: String,
    started: Instant,
    conversation: &'a [Message],
    language: String,
    voice: &'a Voice,
    search: u64,
    confidence: f32,
    spent: Spent,
    held_back: usize,
}

impl Assistant {
    /// Answers the last message of a conversation. `told` is given the text piece by piece, and nothing that
    /// it was given is taken back. Without a writer, the words are those of the documents. Messages of the
    /// system and of tools are no part of the conversation.
    ///
    /// # Errors
    /// The customer said nothing, or a model fails.
    pub fn answer(
        &self,
        conversation: &[Message],
        writer: Option<&dyn Writer>,
        told: Told,
    ) -> Result<Reply, AssistantError> {
        self.answer_as(&random()?, conversation, writer, told)
    }

    /// As [`answer`](Self::answer), with the name of the exchange.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn answer_as(
        &self,
        id: &str,
        conversation: &[Message],
        writer: Option<&dyn Writer>,
        told: Told,
    ) -> Result<Reply, AssistantError> {
        let message = last_message(conversation).trim();
        if message.is_empty() {
            return Err(AssistantError::asked(
                "the conversation has no message of a customer",
                "end it with a message of the role `user`",
            ));
        }
        let language = self.settings.language_of(message);
        let mut case = Case {
            id: id.into(),
            started: Instant::now(),
            conversation,
            voice: self.settings.voice(&language),
            language,
            search: 0,
            confidence: 1.0,
            spent: Spent::default(),
            held_back: 0,
        };
        if let Some(why) = rules::hand_over(&self.settings, case.voice, conversation) {
            return Ok(self.hand_over(case, why, &[], told));
        }
        if let Some(reply) = rules::small_talk(case.voice, message) {
            return Ok(case.said(reply, Decision::SmallTalk, Why::SmallTalk, told));
        }
        let question: String = message.chars().take(QUESTION).collect();
        let (question, ranked, enough) = self.found(&mut case, question)?;
        let passages: Vec<&Passage> = ranked
            .passages
            .iter()
            .map(|row| &self.passages[*row as usize])
            .collect();
        if guard::is_attempt(message) {
            return Ok(self.refuse(case, Why::Guarded, &passages, told));
        }
        match enough {
            true => self.by_passages(case, &question, &passages, writer, told),
            false => Ok(self.refuse(case, Why::Unsure, &passages, told)),
        }
    }

    /// The passages for a message, by itself or as what goes on from the one before; what was asked for, and
    /// whether the best is sure enough.
    fn found(
        &self,
        case: &mut Case,
        message: String,
    ) -> Result<(String, Ranked, bool), AssistantError> {
        let (_, ranked) = self.ranked(&message)?;
        let (confidence, least) = self.confidence(&message, &ranked);
        let mut best = (message, ranked, f64::from(confidence) >= least);
        case.confidence = confidence;
        if !best.2
            && is_follow_up(&best.0)
            && let Some(before) = message_before(case.conversation)
        {
            let whole = format!("{before} {}", best.0);
            let (_, ranked) = self.ranked(&whole)?;
            let (confidence, least) = self.confidence(&whole, &ranked);
            if f64::from(confidence) >= least {
                case.confidence = confidence;
                best = (whole, ranked, true);
            }
        }
        case.search = milliseconds(case.started);
        Ok(best)
    }

    fn by_passages(
        &self,
        mut case: Case,
        question: &str,
        passages: &[&Passage],
        writer: Option<&dyn Writer>,
        told: Told,
    ) -> Result<Reply, AssistantError> {
        let Some(first) = passages.first() else {
            return Ok(self.refuse(case, Why::Unsure, passages, told));
        };
        let sure = f64::from(case.confidence) >= self.settings.verbatim_from;
        let writer = writer.filter(|_| match self.settings.mode {
            Mode::Extract => false,
            Mode::Compose => true,
            Mode::Auto => !(first.kind == Kind::Faq && sure),
        });
        if let Some(writer) = writer {
            let given = &passages[..passages.len().min(self.settings.passages)];
            let made = self.composed(&mut case, given, writer, told)?;
            if !made.text.is_empty() || made.cancelled {
                return Ok(case.composed(made, given));
            }
            if made.no_answer && !sure {
                return Ok(self.refuse(case, Why::Unsure, passages, told));
            }
        }
        let words = extract(question, first, &self.searcher)?;
        Ok(case.extracted(words, first, told))
    }

    /// What a model writes, as far as it holds. Where its own words are no must, its failing is none.
    fn composed(
        &self,
        case: &mut Case,
        given: &[&Passage],
        writer: &dyn Writer,
        told: Told,
    ) -> Result<Composed, AssistantError> {
        let prompt = prompt(
            &self.settings,
            case.voice,
            &case.language,
            given,
            case.conversation,
        )?;
        let check = Check {
            passages: given,
            words: self.searcher.words(),
            least: self.settings.grounded_from as f32,
        };
        let mut said = false;
        let made = compose(
            writer,
            &prompt,
            self.settings.longest_answer,
            &check,
            &mut |piece| {
                said = true;
                told(piece)
            },
        );
        let made = match made {
            Err(_) if self.settings.mode == Mode::Auto && !said => Composed::default(),
            made => made?,
        };
        (case.spent, case.held_back) = (made.spent, made.held_back);
        Ok(made)
    }

    /// Refuses, or hands over if it was refused before.
    fn refuse(&self, case: Case, why: Why, near: &[&Passage], told: Told) -> Reply {
        if rules::too_many_refusals(&self.settings, case.conversation) {
            return self.hand_over(case, Why::Refusals, near, told);
        }
        let voice = case.voice;
        let text = if why == Why::Guarded {
            &voice.guarded
        } else {
            &voice.refusal
        };
        case.said(text, Decision::Refused, why, told)
    }

    fn hand_over(&self, case: Case, why: Why, near: &[&Passage], told: Told) -> Reply {
        let summary = summary(&case, why, near);
        let text = &case.voice.hand_over;
        let mut reply = case.said(text, Decision::HandedOver, why, told);
        reply.summary = Some(summary);
        reply
    }
}

impl Case<'_> {
    fn reply(self, text: String, decision: Decision, why: Why, mode: Mode) -> Reply {
        Reply {
            id: self.id,
            text,
            decision,
            why,
            citations: Vec::new(),
            confidence: self.confidence,
            groundedness: None,
            mode,
            language: self.language,
            summary: None,
            held_back: self.held_back,
            spent: self.spent,
            timings: Timings {
                search: self.search,
                total: milliseconds(self.started),
            },
        }
    }

    /// A sentence of the settings.
    fn said(self, text: &str, decision: Decision, why: Why, told: Told) -> Reply {
        // Whoever has gone will not miss it.
        let _ = told(text);
        self.reply(text.into(), decision, why, Mode::Extract)
    }

    /// The words of a passage.
    fn extracted(self, words: String, passage: &Passage, told: Told) -> Reply {
        let gap = if words.contains('\n') { "\n" } else { " " };
        let text = format!("{words}{gap}[1]");
        let citation = citation(1, passage, &words);
        let mut reply = self.said(&text, Decision::Answered, Why::Found, told);
        reply.citations = vec![citation];
        reply.groundedness = Some(1.0);
        reply
    }

    /// What a model wrote.
    fn composed(self, made: Composed, given: &[&Passage]) -> Reply {
        let cited = made.cited.iter().enumerate();
        let citations = cited
            .map(|(i, (row, quote))| citation(i + 1, given[*row], quote))
            .collect();
        let mut reply = self.reply(made.text, Decision::Answered, Why::Found, Mode::Compose);
        reply.citations = citations;
        reply.groundedness = Some(made.groundedness);
        reply
    }
}

fn citation(number: usize, passage: &Passage, quote: &str) -> Citation {
    Citation {
        number,
        passage: passage.id.clone(),
        title: passage.title.clone(),
        file: passage.file.clone(),
        heading: passage.path(),
        quote: shortened(quote, QUOTE),
    }
}

fn milliseconds(since: Instant) -> u64 {
    since.elapsed().as_millis() as u64
}

/// Whether a message goes on from the one before: it is short, and begins or speaks like that.
fn is_follow_up(message: &str) -> bool {
    let folded = text::folded(message);
    let words = modelwright_tasks::words(&folded);
    if text::language(message) == Some(text::CHINESE) {
        let points = ["它", "这个", "那个", "这种", "那种", "上面"]
            .iter()
            .any(|w| folded.contains(w));
        let begins = ["那", "还有", "如果"].iter().any(|w| folded.starts_with(w));
        return words.len() <= 2 * FOLLOW_UP && (points || begins || folded.ends_with('呢'));
    }
    let begins = [
        "and",
        "what about",
        "how about",
        "what if",
        "also",
        "but",
        "for",
        "even",
        "or",
    ];
    let points = [
        "it", "that", "they", "them", "this", "those", "these", "there",
    ];
    words.len() <= FOLLOW_UP
        && (begins
            .iter()
            .any(|b| folded == *b || folded.starts_with(&format!("{b} ")))
            || points.iter().any(|p| text::has_phrase(&folded, p)))
}

/// What the customer said before the last message.
fn message_before(conversation: &[Message]) -> Option<&str> {
    let mut own = conversation.iter().rev().filter(|m| m.role == Role::User);
    own.nth(1).map(|m| m.content.as_str())
}

/// What a colleague must know.
fn summary(case: &Case, why: Why, near: &[&Passage]) -> String {
    let chinese = case.language == text::CHINESE;
    let say = |english: &str, chinese_words: &str| match chinese {
        true => chinese_words.to_string(),
        false => english.to_string(),
    };
    let why = match why {
        Why::AskedForPerson => say("The customer asks for a person.", "顾客要求人工服务。"),
        Why::Angry => say("The customer is angry.", "顾客很生气。"),
        Why::Refusals => say(
            "The documents gave no answer, again.",
            "资料再次没有给出答案。",
        ),
        Why::Word => say(
            "The customer used a word of the settings.",
            "顾客使用了设置中的词语。",
        ),
        _ => say("The documents gave no answer.", "资料没有给出答案。"),
    };
    let said = case.conversation.iter().filter(|m| m.role == Role::User);
    let said: Vec<String> = said
        .map(|m| format!("- {}", shortened(m.content.trim(), QUOTE)))
        .collect();
    let last = &said[said.len().saturating_sub(SUMMARY)..];
    let mut lines = vec![why, say("The customer wrote:", "顾客写道：")];
    lines.extend_from_slice(last);
    if let Some(nearest) = near.first() {
        lines.push(format!(
            "{} {} ({})",
            say("Nearest in the documents:", "资料中最接近的："),
            nearest.about(),
            nearest.file
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_from_before_is_short_and_says_so() {
        for message in [
            "And for shoes?",
            "how long does it take",
            "那鞋子呢",
            "它多少钱",
        ] {
            assert!(is_follow_up(message), "{message}");
        }
        for message in [
            "What is the capital of France?",
            "How do I return my shoes",
            "怎么退货",
        ] {
            assert!(!is_follow_up(message), "{message}");
        }
    }
}
