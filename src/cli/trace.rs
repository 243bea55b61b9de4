//! `sukashi trace`: shows every step of a generation.

use sukashi::figure::Lang;
use sukashi::trace::{Step, visible};

use super::args::at_least_one;
use super::failure::Outcome;
use super::output::print;
use super::progress::Progress;
use super::record::{OutputArgs, Steps, record, recorder};
use super::run::{Input, RunArgs};
use super::sampler::{ChoiceArgs, StageArgs};
use super::table::{Layout, table};
use super::terminal::{Paint, Terminal, fit_end, fit_start, pad, width};

/// Show every step of a generation: the candidates, and the chosen one
///
/// `sukashi figure --from` draws the JSON record.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    stages: StageArgs,
    #[command(flatten)]
    choice: ChoiceArgs,
    /// Record the candidates that each stage of the sampler leaves, for `sukashi figure sampling --from`
    #[arg(long, alias = "stages", help_heading = "Sampler", hide_short_help = true)]
    record_stages: bool,
    /// Add at most N tokens
    #[arg(short = 'n', long, value_name = "N", default_value_t = 12, help_heading = "Output")]
    max_new_tokens: usize,
    /// Show N candidates at each step
    #[arg(long, value_name = "N", default_value_t = 5, help_heading = "Output")]
    top: usize,
    #[command(flatten)]
    output: OutputArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let settings = args.stages.settings(Some(&args.choice))?;
    at_least_one("--max-new-tokens", args.max_new_tokens)?;
    let mut recorder = recorder(args.top, 1)?;
    if args.record_stages {
        recorder = recorder.with_stages();
    }
    args.output.check()?;
    let bigram = args.run.bigram.open(&args.run.prompt, terminal)?;
    let input = if bigram.is_none() { Some(Input::read(&args.run, terminal)?) } else { None };

    let is_shown = args.output.is_shown();
    let setting = args.output.terminal(terminal);
    let mut progress = Progress::new(terminal.words("生成中", "generating"));
    let mut text = String::new();
    let mut number = 0;
    let steps = Steps::Choose(args.max_new_tokens);
    let see = |before: &str, step: &Step| {
        number += 1;
        let panel = panel(number, before, step, &setting);
        if is_shown {
            return print(&panel);
        }
        text += &panel;
        progress.set(number, args.max_new_tokens);
        Ok(())
    };
    let trace = match (bigram, input) {
        (Some(run), _) => record(&run, run.sampler(settings)?, &recorder, (steps, terminal), see)?,
        (None, Some(input)) => {
            let sampler = input.sampler(settings)?;
            record(&input.load(terminal)?, sampler, &recorder, (steps, terminal), see)?
        }
        (None, None) => return Ok(()),
    };
    drop(progress);
    let whole = trace.text.as_deref().map(|whole| end(whole, &setting)).unwrap_or_default();
    if is_shown { print(&whole) } else { args.output.write(&trace, &(text + &whole)) }
}

/// Lays out the text so far, the chosen token after it, and the candidates.
fn panel(number: usize, before: &str, step: &Step, terminal: &Terminal) -> String {
    let bits = step.entropy_bits;
    let note = match terminal.lang {
        Lang::Ja => format!("{bits:.2} ビット"),
        Lang::En => format!("{bits:.2} bits"),
    };
    let chosen = step.chosen.as_ref().map_or(String::new(), |chosen| {
        let own = step.candidates.iter().find(|candidate| candidate.id == chosen.id);
        let bytes = own.and_then(|candidate| candidate.bytes.as_deref());
        fit_start(&visible::token(chosen.id, chosen.text.as_deref(), bytes), terminal.width / 3)
    });
    let number = format!("{number:>4}  ");
    let room = terminal.width.saturating_sub(width(&number) + width(&note) + 3);
    let before = fit_end(&visible::line(before), room.saturating_sub(width(&chosen)));
    let filling = room.saturating_sub(width(&before) + width(&chosen));
    let heading = [
        terminal.paint(Paint::Quiet, &number),
        terminal.paint(Paint::Title, &before),
        terminal.paint(Paint::Quiet, "▸"),
        terminal.paint(Paint::Chosen, &chosen),
        pad("", filling + 2),
        terminal.paint(Paint::Quiet, &note),
    ];
    let layout = Layout { ids: false, names: false, full_bar: Some(1.0), label_width: 10 };
    format!("{}\n{}\n", heading.concat(), table(step, &layout, terminal))
}

/// Lays out the whole text.
fn end(text: &str, terminal: &Terminal) -> String {
    format!("{}\n{}\n", terminal.paint(Paint::Quiet, terminal.words("全文", "text")), text)
}
