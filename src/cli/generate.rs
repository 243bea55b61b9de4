//! `sukashi generate`: continues a text.

use std::path::PathBuf;
use std::time::Instant;

use sukashi::LanguageModel;
use sukashi::text::StopTexts;

use super::args::at_least_one;
use super::batch;
use super::batch_line::Defaults;
use super::failure::Outcome;
use super::output::{note, print, print_data};
use super::run::{Input, Run, RunArgs};
use super::sampler::{ChoiceArgs, StageArgs};
use super::stop::{Stops, push_token};
use super::terminal::Terminal;
use super::text::GrowingText;

/// Continue a text, token by token
///
/// The command prints the prompt first, then the text that follows. A model without tokenizer.json prints token ids with
/// spaces between them. The text ends after --max-new-tokens, at the model's own end of text, or before a --stop text or a
/// --stop-id token.
///
/// With --chat, the command prints only the answer, which ends at the end of the model's turn. The template gets the prompt
/// unchanged: a special token that the prompt spells, such as <|im_end|>, becomes that token.
///
/// With --batch, the command prints a line of JSON for each line of the file, in the same order, with the fields line, prompt,
/// prompt_tokens, text, ids, finish_reason (end, stop or length) and num_dropped. The flags give what a line does not set.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    stages: StageArgs,
    #[command(flatten)]
    choice: ChoiceArgs,
    /// Continue the prompts of a JSONL file, several at a time; `-` reads the standard input. Each line is an object with a prompt
    /// and fields that replace flags, such as {"prompt": "吾輩は", "seed": 7, "max_new_tokens": 50}
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prompt", "ids", "bigram", "no_echo", "show_prompt"], help_heading = "Batch", hide_short_help = true)]
    batch: Option<PathBuf>,
    /// Generate N texts of --batch at a time, up to 64; each needs memory for the longest text of the file
    #[arg(long, value_name = "N", default_value_t = 8, requires = "batch", conflicts_with_all = ["prompt", "ids"], help_heading = "Batch", hide_short_help = true)]
    batch_size: usize,
    /// Add at most N tokens
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100, help_heading = "Output")]
    max_new_tokens: usize,
    /// End before this text, which may contain special tokens such as <|im_end|>; may be repeated
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    stop: Vec<String>,
    /// End before this token; may be repeated
    #[arg(long, value_name = "ID", help_heading = "Output", hide_short_help = true)]
    stop_id: Vec<u32>,
    /// Do not print the prompt
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    no_echo: bool,
    /// Print the rendered chat template, with its special tokens, before the answer
    #[arg(
        long,
        requires = "chat",
        conflicts_with = "no_echo",
        help_heading = "Prompt",
        hide_short_help = true,
        display_order = 20
    )]
    show_prompt: bool,
    /// Print times and tokens per second on the standard error
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    stats: bool,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let settings = args.stages.settings(Some(&args.choice))?;
    at_least_one("--max-new-tokens", args.max_new_tokens)?;
    let stops = Stops { texts: args.stop.clone(), ids: args.stop_id.clone() };
    if let Some(file) = &args.batch {
        let (run, max_new_tokens, stop) = (&args.run, args.max_new_tokens, &stops);
        let defaults = Defaults { run, max_new_tokens, stop, settings };
        return batch::run((file, args.batch_size), &defaults, args.stats, terminal);
    }
    if let Some(run) = args.run.bigram.open(&args.run.prompt, terminal)? {
        stops.check(true, run.model.vocab_size())?;
        let mut sampler = run.sampler(settings)?;
        return args.print(&run, &stops, terminal, |take| {
            run.sample_text(args.max_new_tokens, terminal, &mut sampler, take)
        });
    }
    let input = Input::read(&args.run, terminal)?;
    stops.check(input.has_tokenizer(), input.spec().vocab_size)?;
    let mut sampler = input.sampler(settings)?;
    let run = input.load(terminal)?;
    args.print(&run, &stops, terminal, |take| {
        run.continue_text(args.max_new_tokens, terminal, &mut sampler, take)
    })
}

/// Takes a token and says whether the text goes on.
type Take<'a> = dyn FnMut(u32) -> Outcome<bool> + 'a;

impl Args {
    /// Prints the prompt, then each token that `write` passes on. `write` returns the number of dropped tokens.
    fn print<M: LanguageModel>(
        &self,
        run: &Run<M>,
        stops: &Stops,
        terminal: &Terminal,
        write: impl FnOnce(&mut Take<'_>) -> Outcome<usize>,
    ) -> Outcome {
        let has_text = run.model.tokenizer().is_some();
        let mut text = GrowingText::new(&run.model, &run.prompt);
        let mut stop = StopTexts::new(&stops.texts);
        let is_echoed = if self.run.chat.chat { self.show_prompt } else { !self.no_echo };
        if is_echoed {
            print_data(text.as_str())?;
        }
        // Without a tokenizer, the space between two ids belongs to neither.
        let mut is_first = !is_echoed;
        let mut stats = Stats::new();
        let ended = write(&mut |id| {
            stats.count();
            if stops.ids.contains(&id) {
                return Ok(false);
            }
            let is_end = run.ends_text(id);
            let (shown, is_stopped) = push_token(&mut stop, &mut text, id, is_end);
            // Without a tokenizer, ids with a space before each stand for the text.
            let is_first_id = std::mem::take(&mut is_first) && !has_text;
            print_data(if is_first_id { shown.trim_start() } else { &shown })?;
            stats.is_stopped = is_stopped;
            Ok(!is_stopped && !is_end)
        });
        if ended.is_err() && terminal.is_interactive {
            // The error message starts on a new line.
            print("\n")?;
        }
        let num_dropped = ended?;
        if !stats.is_stopped {
            let (shown, is_stopped) = stop.push(text.finish());
            print_data(&shown)?;
            if !is_stopped {
                print_data(&stop.finish())?;
            }
        }
        print("\n")?;
        run.say_if_dropped(num_dropped, terminal);
        if self.stats {
            note(&stats.line(run));
        }
        Ok(())
    }
}

/// The times of a run.
struct Stats {
    started: Instant,
    first: Option<Instant>,
    last: Instant,
    num_tokens: usize,
    is_stopped: bool,
}

impl Stats {
    fn new() -> Self {
        let now = Instant::now();
        Self { started: now, first: None, last: now, num_tokens: 0, is_stopped: false }
    }

    /// Counts a chosen token.
    fn count(&mut self) {
        self.last = Instant::now();
        self.first.get_or_insert(self.last);
        self.num_tokens += 1;
    }

    fn line<M>(&self, run: &Run<M>) -> String {
        let first = self.first.unwrap_or(self.last);
        let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
        let decoding = (self.last - first).as_secs_f64();
        // The time of the first token includes the prompt, so the rate leaves it out.
        let rate = match self.num_tokens {
            0 | 1 => String::new(),
            count => format!(", {:.1} tokens/s", (count - 1) as f64 / decoding.max(1e-9)),
        };
        format!(
            "load {:.0} ms, first token {:.0} ms (prompt of {}), {} tokens{rate}",
            ms(run.load_time),
            ms(first - self.started),
            run.prompt.ids.len(),
            self.num_tokens,
        )
    }
}
