//! A chat: its flags, its messages, and the text that the model's template makes of them.

use std::path::PathBuf;

use jiff::ZonedDateTime;
use jiff::civil::DateTime;
use sukashi::text::{Message, RenderOptions, Variable, python_word};
use sukashi::weights::ModelFiles;
use sukashi::{Error, Result};

use super::prompt::PromptSource;

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Prompt")]
pub struct ChatArgs {
    /// Put the prompt as a user's message into the model's chat template
    #[arg(long, conflicts_with_all = ["ids", "bigram"], hide_short_help = true, display_order = 10)]
    pub chat: bool,
    /// Put this system message before the conversation
    #[arg(long, value_name = "TEXT", requires = "chat", hide_short_help = true, display_order = 11)]
    pub system: Option<String>,
    /// Read earlier messages from a file: a JSON array of {"role": "user", "content": "…"}
    #[arg(long, value_name = "FILE", requires = "chat", hide_short_help = true, display_order = 12)]
    messages: Option<PathBuf>,
    /// Tell this date to templates that ask for it, such as 2025-03-09 [default: now]
    #[arg(
        long,
        value_name = "DATE",
        requires = "chat",
        value_parser = str::parse::<DateTime>,
        hide_short_help = true, display_order = 13
    )]
    date: Option<DateTime>,
    /// Set a variable that the template knows, such as enable_thinking=false; may be repeated. VALUE is JSON, or else a text
    #[arg(long, value_name = "NAME=VALUE", requires = "chat", value_parser = chat_variable, hide_short_help = true, display_order = 14)]
    chat_variable: Vec<(String, Variable)>,
}

/// Parses NAME=VALUE. A VALUE that is no JSON is a text.
fn chat_variable(text: &str) -> Result<(String, Variable), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => match Variable::from_json(value) {
            Ok(value) => Ok((name.to_owned(), value)),
            // Only a single word or a bracket suggests that JSON was meant; a sentence is a text.
            Err(_) if is_word(value) || value.trim_start().starts_with(['[', '{']) => {
                match python_word(value) {
                    Some(word) => Err(format!("{word} is Python; JSON writes true, false and null")),
                    None => Ok((name.to_owned(), value.into())),
                }
            }
            Err(_) => Ok((name.to_owned(), value.into())),
        },
        _ => Err("expected NAME=VALUE, such as enable_thinking=false".to_owned()),
    }
}

fn is_word(text: &str) -> bool {
    text.trim().chars().all(char::is_alphanumeric)
}

/// A conversation as the model reads it.
pub struct Chat {
    /// The text with its special tokens.
    pub text: String,
    /// The token that ends an answer, if the template has one.
    pub end_of_turn: Option<u32>,
}

impl Chat {
    /// Renders the conversation; the text of `source` is its last message.
    pub fn read(args: &ChatArgs, source: PromptSource, files: &ModelFiles) -> Result<Self> {
        let messages = messages(args, source)?;
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

/// The system message, the earlier messages, and the text.
fn messages(args: &ChatArgs, source: PromptSource) -> Result<Vec<Message>> {
    let mut messages = match (source.messages, &args.messages) {
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
    messages.extend(source.text.map(|prompt| Message::new("user", prompt)));
    match messages.last() {
        Some(last) if last.role == "assistant" => Err(Error::input("there is nothing to answer")
            .detail("the file of --messages ends with a message of the assistant's")
            .hint("give the next question as a prompt")),
        Some(last) if last.role != "system" => Ok(messages),
        _ => Err(Error::input("there is no prompt")
            .hint("give a text, - for the standard input, or --messages FILE")),
    }
}
