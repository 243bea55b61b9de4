//! The prompt: its flags, and the way from a text, the standard input or ids to tokens.

use std::io::Read;

use sukashi::figure::Lang;
use sukashi::model::{DecoderSpec, UnloadedModel};
use sukashi::text::{EncodeOptions, Message, Tokenizer, check_prompt, parse_ids, plain_text};
use sukashi::{Error, ErrorKind, LanguageModel, Result};

use super::chat::Chat;
use super::output::note;
use super::run::RunArgs;
use super::terminal::Terminal;

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Prompt")]
pub struct PromptArgs {
    /// The text to continue; `-` reads it from the standard input and drops one line end at its end
    #[arg(id = "prompt", value_name = "PROMPT", display_order = 0)]
    pub text: Option<String>,
    /// Token ids instead of a text, such as 1,2,3
    #[arg(
        long,
        value_name = "IDS",
        conflicts_with = "prompt",
        allow_hyphen_values = true,
        hide_short_help = true,
        display_order = 2
    )]
    pub ids: Option<String>,
    /// Replace characters that the vocabulary lacks with its unknown token
    #[arg(long, hide_short_help = true, display_order = 3)]
    pub allow_unknown: bool,
    /// Keep only the end of a prompt that is longer than the model's context
    #[arg(long, hide_short_help = true, display_order = 4)]
    pub truncate_prompt: bool,
}

impl PromptArgs {
    /// Reads the text or the ids that the flags give.
    pub fn source(&self) -> Result<PromptSource> {
        let text = self.text.as_deref().map(read_text).transpose()?;
        let ids = self.ids.as_deref().map(parse_ids).transpose()?;
        Ok(PromptSource { text, ids, messages: None })
    }
}

/// A prompt before it becomes tokens.
#[derive(Debug, Clone, Default)]
pub struct PromptSource {
    pub text: Option<String>,
    pub ids: Option<Vec<u32>>,
    /// The earlier messages of a chat; `None` where the file of `--messages` has them, if there is one.
    pub messages: Option<Vec<Message>>,
}

impl PromptSource {
    /// The prompt of an argument; `-` stands for the standard input.
    pub fn of_argument(text: &str) -> Result<Self> {
        Ok(Self { text: Some(read_text(text)?), ..Self::default() })
    }
}

/// The tokens that the model reads first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    pub ids: Vec<u32>,
    /// The text as it was given, or a chat as the template made it. `None` where ids were given or the text was cut.
    pub typed: Option<String>,
    /// The tokens that end an answer in a chat.
    pub turn_ends: Vec<u32>,
}

/// More bytes than any context holds.
const MAX_STDIN_BYTES: u64 = 64 << 20;

impl Prompt {
    /// Encodes the source as the flags say, and checks the tokens against the model.
    pub fn new(
        args: &RunArgs,
        source: PromptSource,
        model: &UnloadedModel,
        terminal: &Terminal,
    ) -> Result<Self> {
        let (files, spec) = (model.files(), model.spec());
        let tokenizer = files.tokenizer.as_ref();
        let allow_unknown = args.prompt.allow_unknown;
        let encode = |text: &str, add_special_tokens| {
            let options = EncodeOptions { add_special_tokens, allow_unknown };
            encode(tokenizer, &files.name, text, options, spec.max_seq_len)
        };
        let mut turn_ends = Vec::new();
        let (mut ids, mut typed) = if args.chat.chat {
            let chat = Chat::read(&args.chat, source, files)?;
            turn_ends.extend(tokenizer.map(Tokenizer::turn_end_ids).into_iter().flatten());
            turn_ends.extend(chat.end_of_turn);
            // The template adds the special tokens itself.
            (encode(&chat.text, false)?, Some(chat.text))
        } else {
            match (source.ids, source.text) {
                (Some(ids), _) => (ids, None),
                (None, Some(text)) => {
                    let ids = encode(&text, true);
                    let is_embedded = args.model.is_embedded();
                    let ids =
                        ids.map_err(
                            |error| if is_embedded { name_another_model(error, &text) } else { error },
                        )?;
                    (ids, Some(text))
                }
                (None, None) => return Err(no_prompt()),
            }
        };
        let num_cut = ids.len().saturating_sub(spec.max_seq_len);
        if args.prompt.truncate_prompt && num_cut > 0 {
            ids = keep_end(ids, spec);
            typed = None;
            let max_seq_len = spec.max_seq_len;
            note(&match terminal.lang {
                Lang::Ja => {
                    format!("注意: プロンプトの先頭 {num_cut} トークンを捨てました（上限 {max_seq_len}）")
                }
                Lang::En => {
                    format!("note: {num_cut} tokens cut from the start of the prompt (limit {max_seq_len})")
                }
            });
        }
        check_prompt(&ids, spec.vocab_size, spec.max_seq_len)?;
        Ok(Self { ids, typed, turn_ends })
    }

    /// Encodes the source for a model without files, such as counts of pairs.
    pub fn for_model(args: &PromptArgs, source: PromptSource, model: &impl LanguageModel) -> Result<Self> {
        let (ids, typed) = match (source.ids, source.text) {
            (Some(ids), _) => (ids, None),
            (None, Some(text)) => {
                let options = EncodeOptions { allow_unknown: args.allow_unknown, ..EncodeOptions::default() };
                let ids = encode(model.tokenizer(), "the model", &text, options, model.max_seq_len())?;
                (ids, Some(text))
            }
            (None, None) => return Err(no_prompt()),
        };
        check_prompt(&ids, model.vocab_size(), model.max_seq_len())?;
        Ok(Self { ids, typed, turn_ends: Vec::new() })
    }
}

fn no_prompt() -> Error {
    Error::input("there is no prompt").hint("give a text, - for the standard input, or --ids 1,2,3")
}

/// Names a model that reads English where the embedded model, which reads Japanese, got a text without Japanese characters.
fn name_another_model(error: Error, text: &str) -> Error {
    // Kana, kanji, and what stands around them in the blocks from U+3000 on.
    let is_japanese = |character: char| character >= '\u{3000}';
    let is_english =
        text.chars().any(|character| character.is_ascii_alphabetic()) && !text.chars().any(is_japanese);
    if !is_english || !cfg!(feature = "hub") {
        return error;
    }
    error.detail("the model in the program, soseki-mini, knows Japanese characters and few others").hint(
        format!(
            "SmolLM2-135M reads English; this downloads it (270 MB) and runs it: \
             sukashi next {} --model HuggingFaceTB/SmolLM2-135M",
            quoted(text)
        ),
    )
}

/// A text as a word of the shell; another text where it would not fit into a line.
fn quoted(text: &str) -> String {
    let fits = text.chars().count() <= 60 && !text.chars().any(char::is_control);
    format!("'{}'", if fits { text.replace('\'', r"'\''") } else { "The capital of France is".to_owned() })
}

/// The last tokens that fit, after the token that marks the start of a text where there is one.
fn keep_end(mut ids: Vec<u32>, spec: &DecoderSpec) -> Vec<u32> {
    let has_start = spec.max_seq_len > 1 && ids.first().copied() == spec.bos_token_id;
    let start = usize::from(has_start);
    let num_cut = ids.len() - spec.max_seq_len;
    ids.drain(start..start + num_cut);
    ids
}

fn encode(
    tokenizer: Option<&Tokenizer>,
    name: &str,
    text: &str,
    options: EncodeOptions,
    max_seq_len: usize,
) -> Result<Vec<u32>> {
    let tokenizer = tokenizer.ok_or_else(|| {
        Error::input(format!("{name} has no tokenizer.json, so it cannot read text"))
            .hint("--ids 1,2,3 gives token ids instead")
    })?;
    tokenizer.check_length(text, max_seq_len)?;
    tokenizer.encode(text, options)
}

/// The text of an argument; `-` stands for the standard input.
pub fn read_text(argument: &str) -> Result<String> {
    if argument == "-" { read_stdin("the prompt") } else { Ok(argument.to_owned()) }
}

/// All of the standard input, which errors call `what`, without one line end at its end.
pub fn read_stdin(what: &str) -> Result<String> {
    let failed = |kind| Error::new(kind, format!("cannot read {what} from the standard input"));
    let mut bytes = Vec::new();
    let mut stdin = std::io::stdin().lock().take(MAX_STDIN_BYTES + 1);
    stdin.read_to_end(&mut bytes).map_err(|cause| failed(ErrorKind::Io).caused_by(cause))?;
    if bytes.len() as u64 > MAX_STDIN_BYTES {
        return Err(failed(ErrorKind::Input).detail(format!("found more than {MAX_STDIN_BYTES} bytes")));
    }
    let text =
        plain_text("the standard input", bytes).map_err(|cause| failed(ErrorKind::Input).caused_by(cause))?;
    // `echo` adds a line end, which would change the next token.
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_english_prompt_gets_the_name_of_a_model_that_reads_it() {
        let hint = |text: &str| name_another_model(Error::input("a character is unknown"), text).to_string();
        for (text, command) in [
            ("It's France", r"sukashi next 'It'\''s France' --model HuggingFaceTB/SmolLM2-135M"),
            ("two\nlines", "sukashi next 'The capital of France is' --model"),
        ] {
            assert_eq!(hint(text).contains(command), cfg!(feature = "hub"), "{}", hint(text));
        }
        for text in ["鷗", "吾輩はFrance", "2023", "🐈"] {
            assert!(!hint(text).contains("SmolLM2"), "{text}");
        }
    }
}
