//! What is decided before any document is looked at: small talk, hand-over, anger.

use crate::reply::Why;
use crate::settings::{Settings, Voice};
use crate::text::{folded, has_phrase};
use modelwright_generate::{Message, Role};
use regex::Regex;
use std::sync::LazyLock;

/// How customers ask for a person, beside the phrases of the settings.
static PERSON: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ASKS_FOR_PERSON).ok());
const ASKS_FOR_PERSON: &str = concat!(
    r"\b(talk|speak|chat|connect|pass|transfer|put|get|want|need)\b.{0,16}\b",
    r"(human|real person|person|agent|someone real|representative|manager|supervisor|staff member)\b",
    r"|\b(human|live|real) (agent|person|being|support)\b( please)?$",
    r"|(转|找|要|接|换)(接|到|个|一下|成)?(人工|真人|活人)([^智]|$)|人工(客服|服务|坐席)",
    r"|(找|叫)(你们)?的?(经理|主管|领导)|(转|换)(接|个|一下)*客服",
);
/// Marks of shouting.
const MARKS: usize = 3;
/// Letters from which on a message in capitals shouts.
const CAPITALS: usize = 12;

/// Whether a person is to go on, and why.
pub fn hand_over(settings: &Settings, voice: &Voice, conversation: &[Message]) -> Option<Why> {
    let message = folded(last_message(conversation));
    let has = |phrases: &[String]| phrases.iter().any(|p| has_phrase(&message, &folded(p)));
    if has(&settings.hand_over.words) {
        return Some(Why::Word);
    }
    let asks_about_it = is_small_talk(voice, &message).is_some();
    let person = has(&voice.person) || PERSON.as_ref().is_some_and(|p| p.is_match(&message));
    if (person && !asks_about_it) || accepts(settings, voice, conversation) {
        return Some(Why::AskedForPerson);
    }
    let most = settings.hand_over.angry;
    let customers = conversation.iter().filter(|m| m.role == Role::User);
    let angry = customers.filter(|m| is_angry(voice, &m.content)).count();
    let is_now = is_angry(voice, last_message(conversation));
    (most > 0 && is_now && angry >= most).then_some(Why::Angry)
}

/// Whether one more refusal would be too many in a row.
pub fn too_many_refusals(settings: &Settings, conversation: &[Message]) -> bool {
    let replies = conversation
        .iter()
        .rev()
        .filter(|m| m.role == Role::Assistant);
    let before = replies
        .take_while(|m| is_refusal(settings, &m.content))
        .count();
    let most = settings.hand_over.refusals;
    most > 0 && before + 1 >= most
}

/// Whether a reply was a refusal.
fn is_refusal(settings: &Settings, reply: &str) -> bool {
    let reply = reply.trim();
    settings
        .languages
        .values()
        .any(|v| v.refusal == reply || v.guarded == reply)
}

/// Whether the customer says yes to the colleague that a refusal offers.
fn accepts(settings: &Settings, voice: &Voice, conversation: &[Message]) -> bool {
    let last = conversation
        .iter()
        .rev()
        .find(|m| m.role == Role::Assistant);
    let message = folded(last_message(conversation));
    let yes = voice.yes.iter().any(|yes| folded(yes) == message);
    yes && last.is_some_and(|m| is_refusal(settings, &m.content))
}

/// The reply to a message that is small talk and nothing else.
pub fn small_talk<'a>(voice: &'a Voice, message: &str) -> Option<&'a str> {
    is_small_talk(voice, &folded(message))
}

fn is_small_talk<'a>(voice: &'a Voice, folded_message: &str) -> Option<&'a str> {
    let plain = |text: &str| text.replace(' ', "");
    let message = plain(folded_message);
    let fits = |says: &String| plain(&folded(says)) == message;
    let talk = voice
        .small_talk
        .iter()
        .find(|talk| talk.says.iter().any(fits));
    talk.map(|talk| talk.reply.as_str())
}

/// Whether a message is angry: by its words, or because it shouts.
fn is_angry(voice: &Voice, message: &str) -> bool {
    let text = folded(message);
    let words = voice
        .angry
        .iter()
        .any(|phrase| has_phrase(&text, &folded(phrase)));
    let marks = message.chars().filter(|c| matches!(c, '!' | '！')).count() >= MARKS;
    let letters: Vec<char> = message.chars().filter(|c| c.is_alphabetic()).collect();
    let cased = letters
        .iter()
        .filter(|c| c.is_uppercase() || c.is_lowercase())
        .count();
    let capitals = letters.iter().filter(|c| c.is_uppercase()).count();
    words || marks || (cased >= CAPITALS && capitals * 10 >= cased * 9)
}

/// What the customer said last; nothing if the last word is not theirs.
pub fn last_message(conversation: &[Message]) -> &str {
    let last = conversation.iter().rev().find(|m| m.role == Role::User);
    last.map_or("", |message| message.content.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Mode;

    fn settings() -> Settings {
        Settings::new("Shop", Mode::Extract)
    }

    fn why(messages: &[&str]) -> Option<Why> {
        let settings = settings();
        let mut conversation = Vec::new();
        for message in messages {
            conversation.push(Message::user(*message));
            conversation.push(Message::assistant("Yes."));
        }
        conversation.pop();
        let language = settings.language_of(messages[messages.len() - 1]);
        hand_over(&settings, settings.voice(&language), &conversation)
    }

    #[test]
    fn people_who_want_a_person_get_one() {
        assert_eq!(
            why(&["I want to talk to a human!"]),
            Some(Why::AskedForPerson)
        );
        assert_eq!(why(&["转人工"]), Some(Why::AskedForPerson));
        assert_eq!(why(&["My lawyer will write to you"]), Some(Why::Word));
        assert_eq!(why(&["Are you a real person?"]), None);
        assert_eq!(why(&["Where is my order?"]), None);
        assert_eq!(why(&["什么是人工智能"]), None);
        assert_eq!(why(&["can I pass my gift card to another person?"]), None);
        assert!(PERSON.is_some());
    }

    #[test]
    fn anger_counts_when_it_comes_again() {
        assert_eq!(why(&["This is ridiculous"]), None);
        assert_eq!(
            why(&["This is ridiculous", "WHERE IS MY PARCEL"]),
            Some(Why::Angry)
        );
        assert_eq!(why(&["This is ridiculous", "thanks for the help"]), None);
        assert_eq!(why(&["太差了", "还没到！！！"]), Some(Why::Angry));
    }

    #[test]
    fn refusals_are_counted_in_a_row() {
        let settings = settings();
        let refusal = settings.voice("en").refusal.clone();
        let asked = |reply: &str| {
            [
                Message::user("a"),
                Message::assistant(reply),
                Message::user("b"),
            ]
        };
        assert!(too_many_refusals(&settings, &asked(&refusal)));
        assert!(!too_many_refusals(&settings, &asked("Yes.")));
        let mut accepted = asked(&refusal);
        accepted[2] = Message::user("Yes, please!");
        let voice = settings.voice("en");
        assert_eq!(
            hand_over(&settings, voice, &accepted),
            Some(Why::AskedForPerson)
        );
        assert!(!too_many_refusals(&settings, &[Message::user("a")]));
    }

    #[test]
    fn small_talk_is_nothing_else() {
        let settings = settings();
        let reply = |message: &str| {
            let language = settings.language_of(message);
            small_talk(settings.voice(&language), message).map(String::from)
        };
        assert!(reply("Hello!!").unwrap().starts_with("Hello"));
        assert!(reply("谢谢！").unwrap().starts_with("不客气"));
        assert_eq!(reply("Hello, where is my parcel?"), None);
        assert_eq!(reply(""), None);
    }
}
