//! The record that a figure draws: one from a file, or one of a new run.

use std::path::Path;

use sukashi::sampling::Settings;
use sukashi::trace::StepRecorder;
use sukashi::{Error, LanguageModel, Result, Trace};

use crate::cli::failure::Outcome;
use crate::cli::progress::Progress;
use crate::cli::prompt::{Prompt, PromptSource};
use crate::cli::record::{Steps, record};
use crate::cli::run::{Input, Run, RunArgs};
use crate::cli::terminal::Terminal;
use crate::cli::text_file;

/// The run that a figure draws without `--from`.
pub struct NewRun<'a> {
    pub run: &'a RunArgs,
    pub settings: Settings,
    pub steps: Steps,
}

impl NewRun<'_> {
    /// Reads the record in the file. Without a file, records the run.
    pub fn trace(self, from: Option<&Path>, recorder: &StepRecorder, terminal: &Terminal) -> Outcome<Trace> {
        if let Some(path) = from {
            return Ok(read_record(path)?);
        }
        let mut traces = self.traces(&[], recorder, terminal)?;
        traces.pop().ok_or_else(|| Error::input("there is no prompt").into())
    }

    /// Records the run's own prompt and `more` prompts with one model.
    pub fn traces(
        self,
        more: &[String],
        recorder: &StepRecorder,
        terminal: &Terminal,
    ) -> Outcome<Vec<Trace>> {
        let args = self.run;
        if let Some(run) = args.bigram.open(&args.prompt, terminal)? {
            let other = |prompt: &String| {
                args.bigram.prompt(&args.prompt, PromptSource::of_argument(prompt)?, &run.model)
            };
            let more = more.iter().map(other);
            let more = more.collect::<Result<Vec<_>>>()?;
            return self.record(run, more, recorder, terminal);
        }
        let input = Input::read(args, terminal)?;
        let other = |prompt: &String| input.other_prompt(args, PromptSource::of_argument(prompt)?, terminal);
        let more = more.iter().map(other);
        let more = more.collect::<Result<Vec<_>>>()?;
        // Bad settings are reported before a long load.
        input.sampler(self.settings.clone())?;
        self.record(input.load(terminal)?, more, recorder, terminal)
    }

    fn record<M: LanguageModel>(
        self,
        mut run: Run<M>,
        more: Vec<Prompt>,
        recorder: &StepRecorder,
        terminal: &Terminal,
    ) -> Outcome<Vec<Trace>> {
        let num_prompts = 1 + more.len();
        let per_prompt = if let Steps::Choose(count) = self.steps { count } else { 1 };
        let total = per_prompt * num_prompts;
        let mut progress = Progress::new(terminal.words("生成中", "generating"));
        let mut done = 0;
        let mut more = more.into_iter();
        let mut traces = Vec::new();
        for _ in 0..num_prompts {
            let sampler = run.sampler(self.settings.clone())?;
            traces.push(record(&run, sampler, recorder, (self.steps, terminal), |_, _| {
                done += 1;
                progress.set(done, total);
                Ok(())
            })?);
            if let Some(prompt) = more.next() {
                run.prompt = prompt;
            }
        }
        Ok(traces)
    }
}

pub fn read_record(path: &Path) -> Result<Trace> {
    read_other(path, if is_jsonl(path) { Trace::from_jsonl } else { Trace::from_json })
}

/// Whether the file's extension is that of JSON lines.
pub fn is_jsonl(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl")
}

/// Reads a record of the kind that `read` parses.
pub fn read_other<R>(path: &Path, read: impl FnOnce(&str) -> Result<R>) -> Result<R> {
    let text = text_file::read(path)?;
    read(&text).map_err(|cause| Error::input(format!("cannot draw {}", path.display())).caused_by(cause))
}
