//! The figure `temperature`: the same candidates at several temperatures, as lines.

use super::distribution::{Distribution, Stage, context, label, step};
use super::fonts::Weight;
use super::line_chart;
use super::page::Page;
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words::{self, percent};
use super::{Contents, Figure};
use crate::trace::{Candidate, Step};
use crate::{Error, Result, Trace};

/// What [`temperature`] shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Temperatures {
    /// Which temperatures; empty for all that the trace has, and 1.
    pub temperatures: Vec<f64>,
    /// How many candidates, the most probable ones at temperature 1.
    pub count: usize,
    /// Which step, 0 being the first.
    pub step: usize,
    /// A logarithmic axis, for what is rare.
    pub log: bool,
}

impl Default for Temperatures {
    fn default() -> Self {
        Self { temperatures: Vec::new(), count: 8, step: 0, log: false }
    }
}

/// More lines than this cannot be told apart.
const MAX_LINES: usize = 12;

/// Draws the candidates' probabilities over the whole vocabulary, one line per temperature, the model's own
/// (T = 1) drawn heavier. What is not shown stands at the right as "other".
///
/// ```
/// use sukashi::figure::{Style, Temperatures, temperature};
///
/// # let trace = sukashi::figure::example::japanese();
/// let options = Temperatures { temperatures: vec![0.5, 1.0, 5.0], ..Temperatures::default() };
/// let figure = temperature(&trace, &options, &Style::default())?;
/// assert!(figure.data_csv().starts_with("temperature,rank,id,token,prob,entropy_bits\n0.5,1,"));
/// # Ok::<_, sukashi::Error>(())
/// ```
///
/// # Errors
///
/// If the trace has no such step or lacks a temperature (1 is always there), if the step's numbers are no
/// distribution, if `count` is 0, or if there are more than 12 temperatures.
pub fn temperature(trace: &Trace, options: &Temperatures, style: &Style) -> Result<Figure> {
    let lang = style.lang;
    let distribution = Distribution::new(trace, options.step, options.count, Stage::Model)?;
    // A chosen token of low rank would break the order that the eye follows.
    let mut candidates = distribution.shown;
    candidates.truncate(options.count);
    let step = step(trace, options.step)?;
    let temperatures = temperatures(step, &options.temperatures)?;

    let mut page = Page::new(style);
    let mut warnings = Vec::new();
    let fitting = line_chart::columns(&page, &temperatures, options.log) - 1;
    if candidates.len() > fitting {
        warnings.push(format!("only {fitting} of {} candidates fit into the width", candidates.len()));
        candidates.truncate(fitting);
    }
    let lines = temperatures
        .iter()
        .map(|temperature| Line::new(step, *temperature, &candidates))
        .collect::<Result<Vec<_>>>()?;

    let context = context(trace, options.step);
    page.title(&context, |context| title(context, lang));
    let parts = match lang {
        Lang::Ja => ["語彙全体での確率", "太線はモデルそのままの分布 (T = 1)"],
        Lang::En => ["over the whole vocabulary", "heavy: the model's own distribution (T = 1)"],
    };
    let heavy = if lines.iter().any(Line::is_raw) { 2 } else { 1 };
    let parts: Vec<String> =
        std::iter::once(trace.model.name.as_str()).chain(parts).take(1 + heavy).map(str::to_owned).collect();
    page.subtitle(&parts);
    let other_count = step.vocab_size - candidates.len();
    line_chart::draw(&mut page, &candidates, &lines, other_count, options.log);

    let contents = Contents {
        kind: "temperature",
        title: title(&context, lang),
        alt_text: alt_text(&candidates, &lines, lang),
        table: table(&candidates, &lines, other_count),
    };
    Ok(Figure::new(trace, style, page, contents, warnings))
}

/// One temperature's probabilities.
pub(super) struct Line {
    temperature: f64,
    pub(super) probs: Vec<f64>,
    other: f64,
    entropy_bits: f64,
}

impl Line {
    fn new(step: &Step, temperature: f64, candidates: &[&Candidate]) -> Result<Self> {
        let known = step.temperatures.iter().find(|known| same(known.temperature, temperature));
        let prob = |candidate: &&Candidate| match known {
            Some(known) if !same(temperature, 1.0) => {
                libm::exp(f64::from(candidate.logit) / known.temperature - known.log_sum_exp)
            }
            _ => candidate.prob,
        };
        let probs: Vec<f64> = candidates.iter().map(prob).collect();
        let sum: f64 = probs.iter().sum();
        // The candidates are f32 logits; their exponents are good to about 1e-5.
        if !(0.0..=1.001).contains(&sum) {
            return Err(Error::input(format!(
                "the trace holds no distribution for temperature {temperature}"
            ))
            .detail(format!("found candidates with {sum} in all, expected 1 at most")));
        }
        let other = if sum > 1.0 - 1e-9 { 0.0 } else { 1.0 - sum };
        let entropy_bits = known.map_or(step.entropy_bits, |known| known.entropy_bits);
        Ok(Self { temperature, probs, other, entropy_bits })
    }

    pub(super) fn is_raw(&self) -> bool {
        same(self.temperature, 1.0)
    }

    pub(super) fn name(&self) -> String {
        temperature_name(self.temperature)
    }

    /// Of the line, in pixels.
    pub(super) fn width(&self) -> f64 {
        if self.is_raw() { 3.0 } else { 1.75 }
    }

    pub(super) fn weight(&self) -> Weight {
        if self.is_raw() { Weight::Bold } else { Weight::Regular }
    }

    /// All probabilities in the columns' order; the last is the rest, if there is one.
    pub(super) fn values(&self, other_count: usize) -> Vec<f64> {
        let rest = (other_count > 0).then_some(self.other);
        self.probs.iter().copied().chain(rest).collect()
    }
}

pub(super) fn temperature_name(temperature: f64) -> String {
    format!("T = {temperature}")
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// The wanted temperatures, ascending, each once, all of them known to the step.
fn temperatures(step: &Step, wanted: &[f64]) -> Result<Vec<f64>> {
    let mut known: Vec<f64> = step.temperatures.iter().map(|known| known.temperature).chain([1.0]).collect();
    known.sort_by(f64::total_cmp);
    known.dedup_by(|a, b| same(*a, *b));
    let mut temperatures = if wanted.is_empty() { known.clone() } else { wanted.to_vec() };
    for temperature in &temperatures {
        let usable = temperature.is_finite() && *temperature > 0.0;
        if !usable || !known.iter().any(|known| same(*known, *temperature)) {
            let known: Vec<String> = known.iter().map(f64::to_string).collect();
            return Err(Error::input(format!("the trace has no temperature {temperature}"))
                .detail(format!("found {}", known.join(", ")))
                .hint("record the trace again with the temperatures that the figure needs"));
        }
    }
    temperatures.sort_by(f64::total_cmp);
    temperatures.dedup_by(|a, b| same(*a, *b));
    if temperatures.len() > MAX_LINES {
        return Err(Error::input(format!("cannot draw {} temperatures", temperatures.len()))
            .detail(format!("expected {MAX_LINES} at most")));
    }
    Ok(temperatures)
}

fn title(context: &str, lang: Lang) -> String {
    match (lang, context.is_empty()) {
        (Lang::Ja, true) => "温度で変わる文頭のトークン".to_owned(),
        (Lang::Ja, false) => format!("「{context}」の次に来るトークンは温度で変わる"),
        (Lang::En, true) => "The first token at different temperatures".to_owned(),
        (Lang::En, false) => format!("“{context}”: the next token at different temperatures"),
    }
}

fn alt_text(candidates: &[&Candidate], lines: &[Line], lang: Lang) -> String {
    let (Some(first), Lang::Ja | Lang::En) = (candidates.first(), lang) else { return String::new() };
    let name = words::quoted(&label(first), lang);
    let items: Vec<String> = lines
        .iter()
        .map(|line| {
            let value = percent(line.probs.first().copied().unwrap_or(0.0));
            match lang {
                Lang::Ja => {
                    format!("{} で {value}（エントロピー {:.2} ビット）", line.name(), line.entropy_bits)
                }
                Lang::En => format!("{value} at {} (entropy {:.2} bits)", line.name(), line.entropy_bits),
            }
        })
        .collect();
    let list = words::list(&items, lang);
    let count = candidates.len();
    match lang {
        Lang::Ja => {
            format!("折れ線グラフ。上位 {count} 個の候補の語彙全体での確率を温度ごとに示す。{name}は{list}。")
        }
        Lang::En => format!(
            "Line chart of the {count} most probable candidates over the whole vocabulary, one line per temperature. {name}: {list}."
        ),
    }
}

fn table(candidates: &[&Candidate], lines: &[Line], other_count: usize) -> Table {
    let mut table = Table::new(&["temperature", "rank", "id", "token", "prob", "entropy_bits"]);
    for line in lines {
        let (temperature, entropy) = (Cell::Number(line.temperature), Cell::Number(line.entropy_bits));
        for (candidate, prob) in candidates.iter().zip(&line.probs) {
            table.rows.push(vec![
                temperature.clone(),
                Cell::Count(candidate.rank as u64),
                Cell::Count(candidate.id.into()),
                Cell::Text(label(candidate)),
                Cell::Number(*prob),
                entropy.clone(),
            ]);
        }
        if other_count > 0 {
            let name = Cell::Text(words::other(other_count, Lang::En));
            table.rows.push(vec![
                temperature,
                Cell::Empty,
                Cell::Empty,
                name,
                Cell::Number(line.other),
                entropy,
            ]);
        }
    }
    table
}
