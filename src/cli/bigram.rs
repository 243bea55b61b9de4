//! `--bigram`: counts of pairs in place of a model.

use std::time::Instant;

use sukashi::bigram::Bigram;
use sukashi::{LanguageModel, Result};

use super::args::RunArgs;
use super::prompt::Prompt;
use super::run::Run;
use super::terminal::Terminal;
use super::text_file;

/// The counts and the prompt, where --bigram asks for them.
pub fn open(args: &RunArgs, terminal: &Terminal) -> Result<Option<Run<Bigram>>> {
    let Some(path) = &args.bigram else { return Ok(None) };
    let started = Instant::now();
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let name = format!("{} ({file})", terminal.words("バイグラム", "bigram"));
    let model = Bigram::count(&name, &text_file::read(path)?, args.unit)?;
    let prompt = Prompt::of(args, &model)?;
    Ok(Some(Run { model, prompt, load_time: started.elapsed() }))
}

/// Another prompt for the same counts.
pub fn other_prompt(model: &impl LanguageModel, args: &RunArgs, prompt: &str) -> Result<Prompt> {
    Prompt::of(&RunArgs { prompt: Some(prompt.to_owned()), ids: None, ..args.clone() }, model)
}
