//! Records a run as a trace, and writes a trace to a file or the standard output.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sukashi::sampling::Sampler;
use sukashi::trace::{Step, StepRecorder};
use sukashi::{Error, LanguageModel, Result, Trace, output};

use super::failure::Outcome;
use super::output::{for_people, print, print_data};
use super::run::Run;
use super::terminal::Terminal;
use super::text::GrowingText;

/// The steps to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steps {
    /// Only the distribution after the prompt, without a choice.
    Look,
    /// Up to this many chosen tokens.
    Choose(usize),
}

/// Runs the model and records each step. `see` gets each step and the text before it.
pub fn record<M: LanguageModel>(
    run: &Run<M>,
    mut sampler: Sampler,
    recorder: &StepRecorder,
    (steps, terminal): (Steps, &Terminal),
    mut see: impl FnMut(&str, &Step) -> Outcome,
) -> Outcome<Trace> {
    let model = &run.model;
    let mut text = GrowingText::new(model, &run.prompt);
    let mut recorded = Vec::new();
    let token = |id| model.token(id);
    let max_new_tokens = match steps {
        Steps::Look => 1,
        Steps::Choose(count) => count,
    };
    let num_dropped = run.generate(max_new_tokens, terminal, |logits, ids| {
        let step = match steps {
            Steps::Look => recorder.look(&mut sampler, logits, ids, token)?,
            Steps::Choose(_) => recorder.sample(&mut sampler, logits, ids, token)?,
        };
        see(text.as_str(), &step)?;
        let chosen = step.chosen.as_ref().map(|chosen| chosen.id);
        if let Some(id) = chosen {
            text.push(id);
        }
        recorded.push(step);
        Ok(chosen)
    })?;
    run.say_if_dropped(num_dropped, terminal);
    text.finish();
    let mut trace = model.trace(&run.prompt.ids, sampler.settings(), recorded)?;
    // What was typed is recorded unchanged, even if its tokens lost characters.
    if let Some(typed) = &run.prompt.typed {
        trace.prompt.text = Some(typed.clone());
        trace.text = model.tokenizer().map(|_| text.as_str().to_owned());
    }
    Ok(trace)
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Write this form [default: by the extension of --output, else text]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write to this file instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

/// The form of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One document
    Json,
    /// A line for the run, then one per step or token
    Jsonl,
    /// A row per candidate or token
    Csv,
    /// Markdown tables
    Md,
}

impl OutputArgs {
    /// Whether the command prints text for people, which it can then print step by step.
    pub fn is_shown(&self) -> bool {
        self.format() == Format::Text && self.output.is_none()
    }

    /// The form of `--format`, or of the file's extension.
    pub fn format(&self) -> Format {
        let extension = self.output.as_ref().and_then(|path| path.extension()?.to_str());
        let by_extension = extension.and_then(|extension| Format::from_str(extension, true).ok());
        self.format.or(by_extension).unwrap_or(Format::Text)
    }

    /// Checks before a long run that the file can be written.
    pub fn check(&self) -> Result<()> {
        self.output.as_ref().map_or(Ok(()), |path| output::check_target(path, self.force))
    }

    /// Writes the trace; `text` is its form for people.
    pub fn write(&self, trace: &Trace, text: &str) -> Outcome {
        self.write_as(|format| match format {
            Format::Text => Ok(text.to_owned()),
            Format::Json => trace.to_json(),
            Format::Jsonl => trace.to_jsonl(),
            Format::Csv => trace.to_csv(),
            Format::Md => trace.to_markdown(),
        })
    }

    /// Writes the result of `contents` for the chosen form.
    pub fn write_as(&self, contents: impl FnOnce(Format) -> Result<String>) -> Outcome {
        let (format, contents) = (self.format(), contents(self.format())?);
        let is_for_people = format == Format::Text;
        match &self.output {
            Some(path) => {
                let contents = if is_for_people { for_people(&contents) } else { contents.into() };
                Ok(output::write_atomically(path, contents.as_bytes(), self.force)?)
            }
            None if is_for_people => print(&contents),
            None => print_data(&contents),
        }
    }

    /// The terminal for which the text is laid out. A file has no colours and a fixed width.
    pub fn terminal(&self, terminal: &Terminal) -> Terminal {
        if self.output.is_some() { Terminal::plain(terminal.lang) } else { *terminal }
    }
}

/// Records `times` as many candidates as `--top` shows.
pub fn recorder(top: usize, times: usize) -> Result<StepRecorder> {
    match top {
        0 => Err(Error::input("cannot show 0 candidates").detail("expected --top 1 or more")),
        _ => Ok(StepRecorder::new(top.saturating_mul(times))),
    }
}
