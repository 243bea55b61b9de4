//! Follows a text while the engine writes it, and turns its tokens into text.

use super::engine::{Event, Finish, Scored};
use super::error::ApiError;
use super::order::Order;
use crate::Model;
use crate::text::{StopTexts, StreamDecoder};

/// The next part of a text.
#[derive(Debug, Default)]
pub struct Part {
    /// The text. It is empty while a character is incomplete, or the text may become a stop text.
    pub text: String,
    /// The tokens of this part with their places. Those of a text that is held back come with their step.
    pub tokens: Vec<PlacedToken>,
    /// Why the text ends here.
    pub finish: Option<&'static str>,
}

/// A token, and its place in the text.
#[derive(Debug, Clone, Copy)]
pub struct PlacedToken {
    pub scored: Scored,
    /// The number of characters before it.
    pub offset: usize,
}

/// Follows a text.
pub struct Follower<'a> {
    order: Order,
    model: &'a Model,
    stream: Option<StreamDecoder<'a>>,
    stop: StopTexts,
    /// The characters so far, those of the prompt included.
    num_characters: usize,
    /// The number of chosen tokens.
    pub num_tokens: usize,
    /// The number of the prompt's tokens that were not read again.
    pub num_reused: usize,
    is_finished: bool,
}

impl<'a> Follower<'a> {
    /// Begins behind the prompt, or with `scores_prompt` at its start.
    pub fn new(model: &'a Model, order: Order, scores_prompt: bool) -> Self {
        let mut this = Self {
            stream: model.tokenizer().map(|tokenizer| tokenizer.stream()),
            stop: StopTexts::new(&order.stops),
            model,
            num_characters: 0,
            num_tokens: 0,
            num_reused: 0,
            is_finished: false,
            order,
        };
        if !scores_prompt {
            // Characters may begin in the prompt and end after it.
            let prompt = this.order.prompt.ids.clone();
            for &id in prompt.iter() {
                this.push(id);
            }
        }
        this
    }

    /// Waits for the next part. `None` after the last one. A part of the prompt has no text.
    ///
    /// # Errors
    /// If the text cannot be finished.
    pub async fn next(&mut self) -> Result<Option<Part>, ApiError> {
        while !self.is_finished {
            match self.order.events.recv().await {
                Some(Event::Begun { num_reused }) => self.num_reused = num_reused,
                Some(Event::Prompt(scored)) => {
                    let token = self.placed(scored);
                    self.push(scored.id);
                    return Ok(Some(Part { tokens: vec![token], ..Part::default() }));
                }
                Some(Event::Token(scored)) => return Ok(Some(self.chosen(scored))),
                Some(Event::Step(_)) => {}
                Some(Event::Finished(finish)) => {
                    let reason = if finish == Finish::End { "stop" } else { "length" };
                    let text = self.end();
                    // The end of an incomplete character may complete a stop text.
                    let (mut text, is_stopped) = self.stop.push(&text);
                    if !is_stopped {
                        text += &self.stop.finish();
                    }
                    let finish = Some(if is_stopped { "stop" } else { reason });
                    return Ok(Some(Part { text, finish, ..Part::default() }));
                }
                Some(Event::Failed(failure)) => return Err(failure.into()),
                None => return Err(super::engine::Failure::Stopping.into()),
            }
        }
        Ok(None)
    }

    fn chosen(&mut self, scored: Scored) -> Part {
        self.num_tokens += 1;
        let id = scored.id;
        let tokens = vec![self.placed(scored)];
        let special = self.model.tokenizer().and_then(|tokenizer| tokenizer.special_text(id));
        let (text, is_stopped) = match special {
            // A stop text may spell the token that ends the text.
            Some(spelling) => self.stop.push_special(spelling),
            None if self.order.ends.contains(&id) => (String::new(), false),
            None => {
                let text = self.push(id);
                self.stop.push(&text)
            }
        };
        // The engine stops when the channel is closed.
        self.is_finished = is_stopped;
        if is_stopped {
            self.order.events.close();
        }
        Part { text, tokens, finish: is_stopped.then_some("stop") }
    }

    fn placed(&self, scored: Scored) -> PlacedToken {
        PlacedToken { scored, offset: self.num_characters }
    }

    /// The text that a token adds.
    fn push(&mut self, id: u32) -> String {
        let text = match &mut self.stream {
            Some(stream) => stream.push(id).unwrap_or_default(),
            None if self.num_characters == 0 => id.to_string(),
            None => format!(" {id}"),
        };
        self.num_characters += text.chars().count();
        text
    }

    /// The rest of an incomplete character.
    fn end(&mut self) -> String {
        self.is_finished = true;
        self.stream.as_mut().and_then(StreamDecoder::finish).unwrap_or_default()
    }
}

/// The spelling of a token: its text, or its bytes where these are no whole characters.
pub fn spelling(model: &Model, id: u32) -> (String, Vec<u8>) {
    let token = model.token(id);
    let bytes = token.bytes.unwrap_or_else(|| id.to_string().into_bytes());
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().fold("bytes:".to_owned(), |text, byte| format!("{text}\\x{byte:02x}")),
    };
    (text, bytes)
}
