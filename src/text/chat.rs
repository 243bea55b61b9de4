//! Chat templates: they turn messages into the text format that a chat model was trained on.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;

use jiff::civil::DateTime;
use minijinja::ErrorKind;
use minijinja::value::{Serde, Value};

use super::jinja::{self, Program};
use super::{Message, SpecialTokens, Tokenizer, Variable};
use crate::{Error, Result, shown};

/// The longest text that a template may produce, in bytes. No model's context is this long.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// The longest excerpt of a template's error message or of a role, in characters.
const MAX_SHOWN: usize = 400;

/// A model's chat template, written in Jinja and rendered as transformers renders it.
///
/// A message's text is inserted unchanged. If it spells a special token such as `<end_of_turn>`, the
/// tokenizer encodes it as that token, which is also what transformers does by default. Programs that pass on
/// text from untrusted people have to look for such spellings first.
///
/// A template is untrusted code. It cannot read files or the clock, and the amount that it may compute and write is
/// limited.
///
/// ```
/// use sukashi::text::{ChatTemplate, Message, RenderOptions, SpecialTokens};
///
/// let source = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</s>{% endfor %}\
///     {% if add_generation_prompt %}<assistant>{% endif %}";
/// let template = ChatTemplate::new("chat_template.jinja", source, SpecialTokens::default())?;
/// let text = template.render(&[Message::new("user", "猫は？")], &RenderOptions::default())?;
/// assert_eq!(text, "<user>猫は？</s><assistant>");
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Clone)]
pub struct ChatTemplate {
    label: String,
    program: Program,
    special_tokens: SpecialTokens,
}

/// What [`ChatTemplate::render`] passes to the template besides the messages.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderOptions {
    /// Whether the text ends with the header of the assistant's answer instead of with the last message.
    pub add_generation_prompt: bool,
    /// The time that `strftime_now` formats. Without it the function is undefined, and templates that check
    /// for it fall back to a fixed date.
    pub now: Option<DateTime>,
    /// Values for the template's own variables, such as `enable_thinking`.
    pub variables: BTreeMap<String, Variable>,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { add_generation_prompt: true, now: None, variables: BTreeMap::new() }
    }
}

impl ChatTemplate {
    /// The largest template that is accepted. The largest in use have about 70 kilobytes.
    pub const MAX_BYTES: usize = 128 << 10;

    /// Parses a template; error messages call it `label`.
    ///
    /// # Errors
    ///
    /// Bad input if it is longer than [`Self::MAX_BYTES`] or is not valid Jinja. The error names the line.
    pub fn new(label: &str, source: &str, special_tokens: SpecialTokens) -> Result<Self> {
        let invalid = || Error::input(format!("cannot use the chat template in {label}"));
        if source.len() > Self::MAX_BYTES {
            return Err(invalid().detail(format!(
                "found {} bytes, expected at most {}",
                source.len(),
                Self::MAX_BYTES
            )));
        }
        let program = Program::new(source)
            .map_err(|error| no_thread(&error).unwrap_or_else(|| invalid().detail(engine_message(&error))))?;
        Ok(Self { label: label.to_owned(), program, special_tokens })
    }

    /// Renders a conversation. The text contains the special tokens, so encode it with
    /// [`super::EncodeOptions::add_special_tokens`] off.
    ///
    /// # Errors
    ///
    /// Bad input if there is no message, if one is empty, or if the template rejects them, fails, or exceeds
    /// a limit on what it may compute or write.
    pub fn render(&self, messages: &[Message], options: &RenderOptions) -> Result<String> {
        check(messages)?;
        self.program
            .render(self.context(messages, options), MAX_TEXT_BYTES)
            .map_err(|error| self.failed(&error))
    }

    /// The token that the template writes after an answer to these messages, such as `<end_of_turn>`. `None`
    /// if it writes none, or if the tokenizer does not encode it as one token.
    pub fn end_of_turn(
        &self,
        messages: &[Message],
        options: &RenderOptions,
        tokenizer: &Tokenizer,
    ) -> Option<u32> {
        const ANSWER: &str = "sukashi";
        let mut messages = messages.to_vec();
        messages.push(Message::new("assistant", ANSWER));
        let options = RenderOptions { add_generation_prompt: false, ..options.clone() };
        let text = self.render(&messages, &options).ok()?;
        let (_, after) = text.rsplit_once(ANSWER)?;
        tokenizer.leading_added_token(after.trim_start())
    }

    /// The template in the result of loading `model`.
    ///
    /// # Errors
    ///
    /// Bad input if the model has no template, or has one that cannot be used.
    pub(crate) fn required<'a>(found: &'a Result<Option<Self>>, model: &str) -> Result<&'a Self> {
        match found {
            Ok(Some(template)) => Ok(template),
            Ok(None) => Err(Error::input(format!("{model} has no chat template, so it cannot chat"))
                .detail(
                    "found no chat_template.jinja, no chat_template in tokenizer_config.json and no \
                     tokenizer.chat_template in a GGUF file",
                )
                .hint("use a model that is trained for chat, or continue a plain text without --chat")),
            Err(error) => Err(error.clone()),
        }
    }

    fn context(&self, messages: &[Message], options: &RenderOptions) -> Vec<(String, Value)> {
        let mut context = vec![
            ("messages".to_owned(), Value::from(Serde(messages))),
            ("add_generation_prompt".to_owned(), options.add_generation_prompt.into()),
            ("tools".to_owned(), Value::from(())),
            ("documents".to_owned(), Value::from(())),
        ];
        let SpecialTokens { bos_token, eos_token, unk_token, pad_token } = &self.special_tokens;
        let tokens = [
            ("bos_token", bos_token),
            ("eos_token", eos_token),
            ("unk_token", unk_token),
            ("pad_token", pad_token),
        ];
        for (name, token) in tokens {
            context.extend(token.as_deref().map(|token| (name.to_owned(), Value::from(token))));
        }
        context.extend(options.now.map(|now| ("strftime_now".to_owned(), jinja::strftime_now(now))));
        let variables = options.variables.iter();
        context.extend(variables.map(|(name, value)| (name.clone(), value.0.clone())));
        context
    }

    fn failed(&self, error: &minijinja::Error) -> Error {
        let label = &self.label;
        if let Some(error) = no_thread(error) {
            return error;
        }
        if let Some(refusal) = causes(error).find_map(|cause| cause.downcast_ref::<jinja::Refusal>()) {
            return Error::input("the model's chat template rejects the messages")
                .detail(format!("its message: {}", shortened(&refusal.0)))
                .detail(format!("found {label}"));
        }
        let kind = causes(error).filter_map(|cause| cause.downcast_ref::<minijinja::Error>()).last();
        match kind.map_or(error.kind(), minijinja::Error::kind) {
            ErrorKind::OutOfFuel => {
                Error::input(format!("cannot use the chat template in {label}: it takes too many steps"))
                    .detail(format!("expected at most {} steps{}", jinja::FUEL, line(error)))
            }
            _ if error.kind() == ErrorKind::WriteFailure => {
                Error::input(format!("cannot use the chat template in {label}: its text is too long"))
                    .detail(format!("expected a text of at most {MAX_TEXT_BYTES} bytes"))
            }
            _ => Error::input(format!("cannot render the chat template in {label}"))
                .detail(engine_message(error)),
        }
    }
}

impl fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatTemplate").field("label", &self.label).finish_non_exhaustive()
    }
}

fn check(messages: &[Message]) -> Result<()> {
    if messages.is_empty() {
        return Err(Error::input("cannot chat: there is no message"));
    }
    // An empty system message is allowed: it switches off the default instructions of some templates.
    let empty = messages.iter().position(|message| message.is_empty() && message.role != "system");
    match empty {
        None => Ok(()),
        Some(index) => Err(Error::input(format!("cannot chat: message {} is empty", index + 1))
            .detail(format!("found a message with role {:?} and no text", shortened(&messages[index].role)))),
    }
}

/// An error for a thread that the system could not start, if that is the cause.
fn no_thread(error: &minijinja::Error) -> Option<Error> {
    let cause = causes(error).find_map(|cause| cause.downcast_ref::<jinja::NoThread>())?;
    let why = format!("found: {cause}, expected room for a stack of {} MiB", jinja::STACK_BYTES >> 20);
    Some(
        Error::new(crate::ErrorKind::Io, "cannot start a thread for the chat template")
            .detail(why)
            .hint("the system limits threads or memory (ulimit -u, ulimit -v)"),
    )
}

/// The error and what caused it, outermost first.
fn causes(error: &minijinja::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let outermost: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(outermost), |&cause| cause.source())
}

/// The engine's message, with the line.
fn engine_message(error: &minijinja::Error) -> String {
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let why = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("found {}{}", shortened(&(what + &why)), line(error))
}

fn line(error: &minijinja::Error) -> String {
    error.line().map(|line| format!(", in line {line}")).unwrap_or_default()
}

fn shortened(text: &str) -> String {
    shown::start(text, MAX_SHOWN).into_owned()
}
