//! The prompt: from an argument, the standard input or ids, to tokens that the model can be given.

use std::io::Read;

use sukashi::figure::Lang;
use sukashi::model::DecoderSpec;
use sukashi::text::{EncodeOptions, Tokenizer, check_prompt, parse_ids};
use sukashi::weights::ModelFiles;
use sukashi::{Error, ErrorKind, LanguageModel, Result};

use super::args::RunArgs;
use super::failure::note;
use super::terminal::Terminal;

/// What the model is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub ids: Vec<u32>,
    /// The text as it was given; `None` where ids were given, or where it was cut.
    pub typed: Option<String>,
}

/// Far more than any context holds.
const MAX_STDIN_BYTES: u64 = 64 << 20;

impl Prompt {
    /// Reads the prompt that the arguments name and checks it against the model.
    pub fn read(args: &RunArgs, files: &ModelFiles, spec: &DecoderSpec, terminal: &Terminal) -> Result<Self> {
        let tokenizer = files.tokenizer.as_ref();
        let (mut ids, mut typed) = match (&args.ids, &args.prompt) {
            (Some(ids), _) => (parse_ids(ids)?, None),
            (None, Some(prompt)) => {
                let text = typed(prompt)?;
                (encode(tokenizer, &files.name, &text, args.allow_unknown)?, Some(text))
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
        Ok(Self { ids, typed })
    }

    /// The prompt that the arguments name, for a model that can look at all of it.
    pub fn of(args: &RunArgs, model: &impl LanguageModel) -> Result<Self> {
        let (ids, typed) = match (&args.ids, &args.prompt) {
            (Some(ids), _) => (parse_ids(ids)?, None),
            (None, Some(prompt)) => {
                let text = typed(prompt)?;
                (encode(model.tokenizer(), "the model", &text, args.allow_unknown)?, Some(text))
            }
            (None, None) => return Err(no_prompt()),
        };
        check_prompt(&ids, model.vocab_size(), model.max_seq_len())?;
        Ok(Self { ids, typed })
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

fn encode(tokenizer: Option<&Tokenizer>, name: &str, text: &str, allow_unknown: bool) -> Result<Vec<u32>> {
    let tokenizer = tokenizer.ok_or_else(|| {
        Error::input(format!("{name} has no tokenizer.json, so it cannot read text"))
            .hint("--ids 1,2,3 gives token ids instead")
    })?;
    tokenizer.encode(text, EncodeOptions { allow_unknown, ..EncodeOptions::default() })
}

/// A text from the command line, or from the standard input where it is `-`.
pub fn typed(text: &str) -> Result<String> {
    if text == "-" { stdin() } else { Ok(text.to_owned()) }
}

fn stdin() -> Result<String> {
    let failed = |kind| Error::new(kind, "cannot read the prompt from the standard input");
    let mut bytes = Vec::new();
    let mut stdin = std::io::stdin().lock().take(MAX_STDIN_BYTES + 1);
    stdin.read_to_end(&mut bytes).map_err(|cause| failed(ErrorKind::Io).caused_by(cause))?;
    if bytes.len() as u64 > MAX_STDIN_BYTES {
        return Err(failed(ErrorKind::Input).detail(format!("found more than {MAX_STDIN_BYTES} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|cause| failed(ErrorKind::Input).caused_by(cause))?;
    // `echo` puts it there, and it would change what comes next.
    let trimmed = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    Ok(trimmed.unwrap_or(&text).to_owned())
}
