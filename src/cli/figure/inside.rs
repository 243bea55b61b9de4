//! The flags and steps of the figures that look inside the model: they draw a record from a file or of a new run.

use std::path::PathBuf;

use sukashi::figure::{Figure, Style};
use sukashi::trace::{Prompt, Record};
use sukashi::{Result, output};

use super::record::read_other;
use super::style::StyleArgs;
use crate::cli::ablation::AblationArgs;
use crate::cli::failure::Outcome;
use crate::cli::run::{Input, RUN_GROUPS, Run, RunArgs};
use crate::cli::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub struct InsideArgs {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    ablation: AblationArgs,
    /// Draw this record (.json, from --record) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = RUN_GROUPS, conflicts_with_all = ["AblationArgs", "record"], help_heading = "Figure")]
    from: Option<PathBuf>,
    /// Also write the numbers as a record that --from draws
    #[arg(long, value_name = "FILE", help_heading = "Output", hide_short_help = true)]
    record: Option<PathBuf>,
}

impl InsideArgs {
    /// Draws the record of `--from`, or the record that `of_run` makes of a new run. Writes the figure, and the record if asked.
    pub fn draw<R: Record>(
        &self,
        (name, style_args): (&str, &StyleArgs),
        terminal: &Terminal,
        of_run: impl FnOnce(Input) -> Outcome<R>,
        draw: impl Fn(&R, &Style) -> Result<Figure>,
    ) -> Outcome {
        let sheet = style_args.check(name, terminal)?;
        let record = match &self.from {
            Some(path) => read_other(path, R::from_json)?,
            None => {
                self.record.as_ref().map_or(Ok(()), |path| output::check_target(path, style_args.force()))?;
                of_run(Input::read(&self.run, terminal)?.without(self.ablation.ablation())?)?
            }
        };
        style_args.write(sheet, |style| draw(&record, style))?;
        if let Some(path) = &self.record {
            output::write_atomically(path, record.to_json()?.as_bytes(), style_args.force())?;
        }
        Ok(())
    }
}

/// Stores the prompt as it was typed in the record, since its tokens may have lost characters.
pub fn say_as_typed(prompt: &mut Prompt, run: Run) {
    if let Some(typed) = run.prompt.typed {
        prompt.text = Some(typed);
    }
}
