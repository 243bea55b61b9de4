//! `sukashi score`: shows how probable a given text is.

use sukashi::figure::{Lang, percent};
use sukashi::model;
use sukashi::trace::{Record, Score, Totals, visible};
use sukashi::{Result, shown};

use super::ablation::AblationArgs;
use super::failure::Outcome;
use super::progress::Progress;
use super::record::{Format, OutputArgs};
use super::run::{Input, RunArgs};
use super::terminal::{Paint, Terminal, bar, fit_start, pad, pad_start, width};

/// Show how probable a given text is, token by token
///
/// Each token's probability is the model's after all earlier tokens, over the whole vocabulary. Below the table stand the
/// perplexity and the bits per token and per character. `sukashi figure tokens --from` draws the JSON record.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    ablation: AblationArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    args.output.check()?;
    let score = of_run(&args.run, &args.ablation, terminal)?;
    args.output.write_as(|format| match format {
        Format::Text => Ok(text(&score, &args.output.terminal(terminal))),
        Format::Json => score.to_json(),
        Format::Jsonl => score.to_jsonl(),
        Format::Csv => score.to_csv(),
        Format::Md => score.to_markdown(),
    })
}

/// Loads the model and scores the text.
pub fn of_run(run: &RunArgs, ablation: &AblationArgs, terminal: &Terminal) -> Result<Score> {
    let run = Input::read(run, terminal)?.without(ablation.ablation())?.load(terminal)?;
    let mut progress = Progress::new(terminal.words("採点中", "scoring"));
    let mut see = |done, total| progress.set(done, total);
    let mut score = pollster::block_on(model::score(&run.model, &run.prompt.ids, &mut see))?;
    if let Some(typed) = run.prompt.typed {
        score.text = Some(typed);
    }
    Ok(score)
}

/// Lays out a row for each token, and the totals.
fn text(score: &Score, terminal: &Terminal) -> String {
    let names = match terminal.lang {
        Lang::Ja => ["トークン", "確率", "順位", "ビット", "エントロピー"],
        Lang::En => ["token", "prob", "rank", "bits", "entropy"],
    };
    let rows: Vec<[String; 5]> = score
        .tokens
        .iter()
        .map(|scored| {
            let token = &scored.token;
            let label = visible::token(token.id, token.text.as_deref(), token.bytes.as_deref());
            let numbers = scored.prediction.as_ref().map(|prediction| {
                let bits = -prediction.log_prob / std::f64::consts::LN_2;
                [
                    percent(prediction.prob),
                    prediction.rank.to_string(),
                    format!("{bits:.2}"),
                    format!("{:.2}", prediction.entropy_bits),
                ]
            });
            let [prob, rank, bits, entropy] = numbers.unwrap_or_else(|| ["–"; 4].map(str::to_owned));
            [fit_start(&label, terminal.width / 3), prob, rank, bits, entropy]
        })
        .collect();
    let widths: [usize; 5] = std::array::from_fn(|column| {
        rows.iter().map(|row| width(&row[column])).fold(width(names[column]), usize::max)
    });
    let line = |cells: [&str; 5]| {
        let numbers = (1..5).map(|column| pad_start(cells[column], widths[column]));
        Vec::from_iter([pad(cells[0], widths[0])].into_iter().chain(numbers)).join("  ")
    };
    let mut out = format!("{}\n", terminal.paint(Paint::Quiet, &line(names)));
    let room = terminal.width.saturating_sub(widths.iter().sum::<usize>() + 2 * widths.len());
    for (row, scored) in rows.iter().zip(&score.tokens) {
        out += &line(std::array::from_fn(|column| row[column].as_str()));
        if let Some(prediction) = scored.prediction.filter(|_| room >= 5) {
            out += &format!("  {}", terminal.paint(Paint::Bar, &bar(prediction.prob, room)));
        }
        out = format!("{}\n", out.trim_end());
    }
    out += &format!("\n{}\n", totals(&score.totals, terminal));
    let source = [&score.model.name, &score.adapter.name].map(|part| shown::line(part)).join(" · ");
    out += &format!("{}\n", terminal.paint(Paint::Quiet, &fit_start(&source, terminal.width)));
    out
}

fn totals(totals: &Totals, terminal: &Terminal) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    let Totals { num_tokens, num_characters, log_prob, perplexity, bits_per_token, bits_per_character } =
        *totals;
    let [perplexity, per_token, per_character] = [perplexity, bits_per_token, bits_per_character].map(number);
    match terminal.lang {
        Lang::Ja => format!(
            "対数確率 {log_prob:.3} · パープレキシティ {perplexity}\n\
             トークンあたり {per_token} ビット（{num_tokens} トークン） · 1 文字あたり {per_character} ビット（{num_characters} 文字）"
        ),
        Lang::En => format!(
            "log-probability {log_prob:.3} · perplexity {perplexity}\n\
             {per_token} bits per token ({num_tokens} tokens) · {per_character} bits per character ({num_characters} characters)"
        ),
    }
}
