//! `sukashi next`: shows the most probable next tokens.

use sukashi::figure::Lang;
use sukashi::trace::visible;
use sukashi::{Trace, shown};

use super::ablation::AblationArgs;
use super::failure::Outcome;
use super::record::{OutputArgs, Steps, record, recorder};
use super::run::{Input, RunArgs};
use super::sampler::StageArgs;
use super::table::{Layout, table};
use super::terminal::{Paint, Terminal, fit_end, fit_start, width};

/// Show the most probable next tokens
///
/// Probabilities are over the whole vocabulary. If sampling flags change them, the changed probabilities stand in columns of
/// their own. `sukashi figure --from` draws the JSON record.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    ablation: AblationArgs,
    #[command(flatten)]
    stages: StageArgs,
    /// Record the candidates that each stage of the sampler leaves, for `sukashi figure sampling --from`
    #[arg(long, alias = "stages", help_heading = "Sampler", hide_short_help = true)]
    record_stages: bool,
    /// Show N tokens
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Output")]
    top: usize,
    #[command(flatten)]
    output: OutputArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let settings = args.stages.settings(None)?;
    let mut recorder = recorder(args.top, 1)?;
    if args.record_stages {
        recorder = recorder.with_stages();
    }
    args.output.check()?;
    let look = (Steps::Look, terminal);
    let trace = match args.run.bigram.open(&args.run.prompt, terminal)? {
        Some(run) => record(&run, run.sampler(settings)?, &recorder, look, |_, _| Ok(()))?,
        None => {
            let input = Input::read(&args.run, terminal)?.without(args.ablation.ablation())?;
            let sampler = input.sampler(settings)?;
            record(&input.load(terminal)?, sampler, &recorder, look, |_, _| Ok(()))?
        }
    };
    args.output.write(&trace, &text(&trace, &args.output.terminal(terminal)))
}

fn text(trace: &Trace, terminal: &Terminal) -> String {
    let Some(step) = trace.steps.first() else { return String::new() };
    let context = match &trace.text {
        Some(text) => visible::line(text),
        None => Vec::from_iter(trace.prompt.tokens.iter().map(|t| format!("#{}", t.id))).join(" "),
    };
    let (before, after) = match terminal.lang {
        Lang::Ja => ("「", "」の次に来るトークン"),
        Lang::En => ("“", "”: the next token"),
    };
    let context = fit_end(&context, terminal.width.saturating_sub(width(before) + width(after)));
    let title = format!("{before}{context}{after}");
    let layout = Layout { ids: true, names: true, full_bar: None, label_width: 0 };
    let table = table(step, &layout, terminal);
    let bits = step.entropy_bits;
    let entropy = match terminal.lang {
        Lang::Ja => format!("エントロピー {bits:.2} ビット"),
        Lang::En => format!("entropy {bits:.2} bits"),
    };
    let source = [&entropy, &trace.model.name, &trace.adapter.name].map(|part| shown::line(part)).join(" · ");
    let source = fit_start(&format!("  {source}"), terminal.width);
    let (title, source) = (terminal.paint(Paint::Title, &title), terminal.paint(Paint::Quiet, &source));
    format!("{title}\n\n{table}\n{source}\n")
}
