//! Something to talk with that needs no model: it says what it hears, and cites a passage.

use futures_util::stream::{self, StreamExt};
use modelwright_generate::{ChatSettings, Finish, Load, Usage};
use modelwright_serve::ServeError;
use modelwright_serve::chat::{
    About, Ask, Citation, Feedback, Grounds, Piece, Pieces, Prompt, Talker,
};
use std::time::Duration;

/// What a page must show as text, and not take for marks of its own.
pub const SLY: &str = "<img src=x onerror=\"document.title='broken'\">";

/// Says what it hears, piece by piece; goes on forever if `forever` is said.
pub struct Parrot;

impl Talker for Parrot {
    fn about(&self) -> About {
        About {
            task: "assistant",
            architecture: "parrot".into(),
            context: 100,
        }
    }

    fn chat(&self, ask: Ask) -> Result<Pieces, ServeError> {
        let heard = ask
            .messages
            .last()
            .map(|m| m.content.clone())
            .unwrap_or_default();
        let text = |text: String| Piece::Text {
            text,
            tokens: Vec::new(),
        };
        if heard.contains("forever") {
            let pieces = stream::repeat(()).then(move |()| async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                text("on ".into())
            });
            return Ok(pieces.boxed());
        }
        let said = format!("You said **{heard}** [1] {SLY}");
        let mut pieces: Vec<Piece> = said
            .split_inclusive(' ')
            .map(|word| text(word.into()))
            .collect();
        pieces.push(Piece::Grounds(Grounds {
            decision: "answered".into(),
            citations: vec![Citation {
                number: 1,
                title: "Opening hours".into(),
                file: "hours.md".into(),
                heading: "Weekdays".into(),
                quote: "nine to five".into(),
                text: "We are open nine to five.".into(),
            }],
        }));
        pieces.push(Piece::Done {
            reason: Finish::Stop,
            usage: Usage {
                prompt: 3,
                completion: 9,
                cached: 0,
            },
        });
        Ok(stream::iter(pieces).boxed())
    }

    fn complete(&self, _: Prompt, _: ChatSettings) -> Result<Pieces, ServeError> {
        Err(ServeError::input("it only talks", ""))
    }

    fn feedback(&self, _: Feedback) -> Result<(), ServeError> {
        Ok(())
    }

    fn load(&self) -> Load {
        Load::default()
    }
}
