//! The prompt: from an argument, the standard input or ids, to tokens that the model can be given.

use std::io::Read;

use sukashi::figure::Lang;
use sukashi::model::DecoderSpec;
use sukashi::text::{EncodeOptions, Message, Tokenizer, check_prompt, parse_ids, plain_text};
use sukashi::weights::ModelFiles;
use sukashi::{Error, ErrorKind, LanguageModel, Result};

use super::args::RunArgs;
use super::chat::Chat;
use super::output::note;
use super::terminal::Terminal;

/// What the model is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    pub ids: Vec<u32>,
    /// The text as it was given, or of a chat as the template made it; `None` where ids were given, or where it was cut.
    pub typed: Option<String>,
    /// In a chat, the tokens that end the answer.
    pub turn_ends: Vec<u32>,
}

/// What was said to the model, before it becomes tokens.
#[derive(Debug, Clone, Default)]
pub struct Said {
    pub text: Option<String>,
    /// Of a chat, what came before, where that is in no file.
    pub messages: Option<Vec<Message>>,
}

/// Far more than any context holds.
const MAX_STDIN_BYTES: u64 = 64 << 20;

impl Prompt {
    /// Reads the prompt that the arguments name and checks it against the model.
    pub fn read(args: &RunArgs, files: &ModelFiles, spec: &DecoderSpec, terminal: &Terminal) -> Result<Self> {
        let text = args.prompt.as_deref().map(typed).transpose()?;
        let ids = args.ids.as_deref().map(parse_ids).transpose()?;
        Self::new(args, Said { text, messages: None }, ids, (files, spec), terminal)
    }

    /// As [`Self::read`], of what was said, or these ids; `args` say how.
    pub fn new(
        args: &RunArgs,
        said: Said,
        ids: Option<Vec<u32>>,
        (files, spec): (&ModelFiles, &DecoderSpec),
        terminal: &Terminal,
    ) -> Result<Self> {
        let tokenizer = files.tokenizer.as_ref();
        let mut turn_ends = Vec::new();
        let (mut ids, mut typed) = match (ids, said.text) {
            (_, text) if args.chat => {
                let chat = Chat::read(args, Said { text, ..said }, files)?;
                turn_ends.extend(tokenizer.map(Tokenizer::turn_end_ids).into_iter().flatten());
                turn_ends.extend(chat.end_of_turn);
                // The template puts all special tokens there.
                let options = EncodeOptions { add_special_tokens: false, allow_unknown: args.allow_unknown };
                let ids = encode(tokenizer, &files.name, &chat.text, options, spec.max_seq_len)?;
                (ids, Some(chat.text))
            }
            (Some(ids), _) => (ids, None),
            (None, Some(text)) => {
                let options = EncodeOptions { allow_unknown: args.allow_unknown, ..EncodeOptions::default() };
                (encode(tokenizer, &files.name, &text, options, spec.max_seq_len)?, Some(text))
            }
            (None, None) => return Err(no_prompt()),
        };
        let num_cut = ids.len().saturating_sub(spec.max_seq_len);
        if args.truncate_prompt && num_cut > 0 {
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

    /// The prompt that the arguments name, for a model that can look at all of it.
    pub fn of(args: &RunArgs, model: &impl LanguageModel) -> Result<Self> {
        let (ids, typed) = match (&args.ids, &args.prompt) {
            (Some(ids), _) => (parse_ids(ids)?, None),
            (None, Some(prompt)) => {
                let text = typed(prompt)?;
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

/// A text from the command line, or from the standard input where it is `-`.
pub fn typed(text: &str) -> Result<String> {
    if text == "-" { read_stdin("the prompt") } else { Ok(text.to_owned()) }
}

/// All of the standard input, which errors call `what`, less one line end at its end.
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
    // `echo` puts it there, and it would change what comes next.
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}
