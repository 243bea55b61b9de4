//! From the arguments of a chat to its messages and the text that the model's template makes of them.

use jiff::ZonedDateTime;
use sukashi::text::{Message, RenderOptions};
use sukashi::weights::ModelFiles;
use sukashi::{Error, Result};

use super::args::RunArgs;
use super::prompt::Said;

/// A conversation as the model is given it.
pub struct Chat {
    /// With its special tokens.
    pub text: String,
    /// The token that ends an answer, where the template has one.
    pub end_of_turn: Option<u32>,
}

impl Chat {
    /// Renders what was said, as the arguments say; its text is the last message.
    pub fn read(args: &RunArgs, said: Said, files: &ModelFiles) -> Result<Self> {
        let messages = messages(args, said)?;
        let template = files.chat_template()?;
        let options = RenderOptions {
            now: Some(args.date.unwrap_or_else(|| ZonedDateTime::now().datetime())),
            variables: args.chat_variable.iter().cloned().collect(),
            ..RenderOptions::default()
        };
        let text = template.render(&messages, &options)?;
        let tokenizer = files.tokenizer.as_ref();
        let end_of_turn = tokenizer.and_then(|it| template.end_of_turn(&messages, &options, it));
        Ok(Self { text, end_of_turn })
    }
}

/// The system's message, those before, and the text.
fn messages(args: &RunArgs, said: Said) -> Result<Vec<Message>> {
    let mut messages = match (said.messages, &args.messages) {
        (Some(messages), _) => messages,
        (None, Some(path)) => Message::list_from_file(path)?,
        (None, None) => Vec::new(),
    };
    if let Some(system) = &args.system {
        if messages.first().is_some_and(|first| first.role == "system") {
            return Err(Error::input(
                "cannot use --system: the file of --messages begins with a system message",
            )
            .hint("leave one of them out"));
        }
        messages.insert(0, Message::new("system", system));
    }
    messages.extend(said.text.map(|prompt| Message::new("user", prompt)));
    match messages.last() {
        Some(last) if last.role == "assistant" => Err(Error::input("there is nothing to answer")
            .detail("the file of --messages ends with a message of the assistant's")
            .hint("give the next question as a prompt")),
        Some(last) if last.role != "system" => Ok(messages),
        _ => Err(Error::input("there is no prompt")
            .hint("give a text, - for the standard input, or --messages FILE")),
    }
}
