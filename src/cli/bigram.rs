//! `--bigram`: counts of pairs in place of a model.

use std::path::PathBuf;
use std::time::Instant;

use sukashi::bigram::{Bigram, Unit};
use sukashi::model::Window;
use sukashi::{Error, LanguageModel, Result};

use super::args::names;
use super::prompt::{Prompt, PromptArgs, PromptSource};
use super::run::Run;
use super::terminal::Terminal;
use super::text_file;

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Model")]
pub struct BigramArgs {
    /// Use counts of pairs in this text instead of a model: the simplest language model
    #[arg(long, value_name = "FILE", conflicts_with = "model", hide_short_help = true)]
    bigram: Option<PathBuf>,
    /// Count pairs of this unit for --bigram: char or word
    #[arg(
        long,
        alias = "unit",
        value_name = "UNIT",
        default_value = "char",
        value_parser = names::<Unit>(&["char", "word"]),
        hide_possible_values = true,
        requires = "bigram",
        hide_short_help = true
    )]
    bigram_unit: Unit,
    /// Turn the text of --bigram and the prompt into lower case
    #[arg(long, requires = "bigram", hide_short_help = true)]
    lowercase: bool,
}

impl BigramArgs {
    /// Refuses `--bigram` for a command that looks inside a model.
    pub fn refuse(&self) -> Result<()> {
        match self.bigram {
            Some(_) => Err(Error::input("cannot use --bigram here: this command needs a model")
                .hint("next, generate, trace, and the figures of their records take --bigram")),
            None => Ok(()),
        }
    }

    /// Counts the pairs and reads the prompt; `None` without `--bigram`.
    pub fn open(&self, prompt: &PromptArgs, terminal: &Terminal) -> Result<Option<Run<Bigram>>> {
        let Some(path) = &self.bigram else { return Ok(None) };
        let started = Instant::now();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{} ({file})", terminal.words("バイグラム", "bigram"));
        let text = self.folded(text_file::read(path)?);
        let model = Bigram::count(&name, &text, self.bigram_unit)?;
        let prompt = self.prompt(prompt, prompt.source()?, &model)?;
        Ok(Some(Run { model, prompt, window: Window::default(), load_time: started.elapsed() }))
    }

    /// Encodes a prompt for the counts.
    pub fn prompt(
        &self,
        args: &PromptArgs,
        source: PromptSource,
        model: &impl LanguageModel,
    ) -> Result<Prompt> {
        let source = PromptSource { text: source.text.map(|text| self.folded(text)), ..source };
        Prompt::for_model(args, source, model)
    }

    fn folded(&self, text: String) -> String {
        if self.lowercase { text.to_lowercase() } else { text }
    }
}
