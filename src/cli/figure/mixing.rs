//! `sukashi figure mixing`.

use sukashi::figure;
use sukashi::model::{Head, mix};

use super::style::StyleArgs;
use crate::cli::device::DeviceArgs;
use crate::cli::failure::Outcome;
use crate::cli::terminal::Terminal;

type Matrix = Vec<Vec<f32>>;

/// One attention head on a few vectors: from Q, K and V to scores, weights and output
///
/// A matrix has a row for each token: numbers separated by commas, rows by semicolons, such as '1,0;0,1;1,1'.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Use one matrix as Q, K and V
    #[arg(long, value_name = "MATRIX", value_parser = matrix, allow_hyphen_values = true,
        conflicts_with_all = ["q", "k", "v"], required_unless_present_all = ["q", "k", "v"], help_heading = "Figure")]
    x: Option<Parsed>,
    /// Queries
    #[arg(short, long, value_name = "MATRIX", value_parser = matrix, allow_hyphen_values = true, help_heading = "Figure")]
    q: Option<Parsed>,
    /// Keys
    #[arg(short, long, value_name = "MATRIX", value_parser = matrix, allow_hyphen_values = true, help_heading = "Figure")]
    k: Option<Parsed>,
    /// Values
    #[arg(short, long, value_name = "MATRIX", value_parser = matrix, allow_hyphen_values = true, help_heading = "Figure")]
    v: Option<Parsed>,
    /// Name the tokens [default: x1, x2, …]
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        help_heading = "Figure",
        hide_short_help = true
    )]
    names: Vec<String>,
    /// Hide later tokens from each token
    #[arg(long, help_heading = "Figure")]
    causal: bool,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    style: StyleArgs,
}

/// A matrix of the command line. It is a type of its own because clap takes a plain `Vec` for a repeated flag.
#[derive(Debug, Clone)]
struct Parsed(Matrix);

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("mixing", terminal)?;
    let of = |own: &Option<Parsed>| {
        own.as_ref().or(args.x.as_ref()).map(|parsed| parsed.0.clone()).unwrap_or_default()
    };
    let (q, k, v) = (of(&args.q), of(&args.k), of(&args.v));
    let numbered = || (1..=q.len()).map(|number| format!("x{number}")).collect();
    let names = if args.names.is_empty() { numbered() } else { args.names.clone() };
    let head = Head { names, q, k, v, causal: args.causal };
    head.check()?;
    let record = pollster::block_on(mix(&args.device.open(terminal)?, head))?;
    args.style.write(sheet, |style| figure::mixing(&record, style))
}

fn matrix(text: &str) -> std::result::Result<Parsed, String> {
    let number = |part: &str| part.trim().parse().map_err(|_| format!("{part:?} is no number"));
    let row = |row: &str| row.split(',').map(number).collect::<std::result::Result<Vec<f32>, String>>();
    text.split(';').map(row).collect::<std::result::Result<_, _>>().map(Parsed)
}
