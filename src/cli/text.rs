//! A text that grows token by token.

use sukashi::LanguageModel;
use sukashi::text::{StreamDecoder, Tokenizer};

use super::prompt::Prompt;

/// The prompt and the tokens after it, in whole characters. Without a tokenizer, the text is ids with spaces between them.
pub struct GrowingText<'a> {
    tokenizer: Option<&'a Tokenizer>,
    stream: Option<StreamDecoder<'a>>,
    text: String,
}

impl<'a> GrowingText<'a> {
    pub fn new(model: &'a impl LanguageModel, prompt: &Prompt) -> Self {
        let tokenizer = model.tokenizer();
        let mut this = Self { tokenizer, stream: tokenizer.map(Tokenizer::stream), text: String::new() };
        for &id in &prompt.ids {
            this.push(id);
        }
        // A typed prompt is shown unchanged, even if its tokens lost characters.
        if let Some(text) = &prompt.typed {
            this.text.clone_from(text);
        }
        this
    }

    /// The text so far.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Adds a token. Returns the text that it adds, which is empty while a character is incomplete.
    pub fn push(&mut self, id: u32) -> &str {
        let start = self.text.len();
        match &mut self.stream {
            Some(stream) => self.text.extend(stream.push(id)),
            None if start == 0 => self.text = id.to_string(),
            None => self.text += &format!(" {id}"),
        }
        &self.text[start..]
    }

    /// The spelling of a special token, which is no part of the text; `None` for other tokens.
    pub fn special(&self, id: u32) -> Option<&'a str> {
        self.tokenizer.and_then(|tokenizer| tokenizer.special_text(id))
    }

    /// Ends the text. Returns the rest of an incomplete character.
    pub fn finish(&mut self) -> &str {
        let start = self.text.len();
        self.text.extend(self.stream.as_mut().and_then(StreamDecoder::finish));
        &self.text[start..]
    }
}
