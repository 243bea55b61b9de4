//! The figure `temperature`: the same candidates at several temperatures.

use super::distribution::{Distribution, ProbKind, context, label, step};
use super::example;
use super::flag::{Flag, Kept, Options, named};
use super::kind::{Example, FigureKind, Golden, Picture};
use super::line_chart::{self, Marks};
use super::page::Page;
use super::phrases;
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::temperature_chart;
use super::temperature_line::{Line, between, same, temperatures};
use super::words::{self, percent};
use super::{Contents, Figure};
use crate::names;
use crate::trace::Candidate;
use crate::{Result, Trace};

/// How [`temperature`] arranges its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum TemperatureView {
    /// The candidates stand in a row, with a line for each temperature over them.
    #[default]
    Candidates,
    /// The temperatures stand in a row, with a line for each candidate over them, and the entropy below them.
    Temperatures,
    /// The candidates stand in a row, each with a bar for each temperature.
    Bars,
}

names!(
    TemperatureView,
    "view",
    "candidates" => Candidates,
    "temperatures" => Temperatures,
    "bars" => Bars,
);

/// Options of [`temperature`].
#[derive(Debug, Clone, PartialEq)]
pub struct Temperatures {
    /// The temperatures. If the list is empty, these are 1 and all temperatures of the trace.
    pub temperatures: Vec<f64>,
    /// The number of candidates: the most probable ones at temperature 1.
    pub count: usize,
    /// The step, counted from 0.
    pub step: usize,
    /// Draws a logarithmic axis, on which rare tokens are visible.
    pub log: bool,
    /// The arrangement of the numbers.
    pub view: TemperatureView,
    /// Renormalises the probabilities over the shown candidates, as if there were no other tokens.
    pub renormalise_shown: bool,
}

impl Default for Temperatures {
    fn default() -> Self {
        Self {
            temperatures: Vec::new(),
            count: 8,
            step: 0,
            log: false,
            view: TemperatureView::Candidates,
            renormalise_shown: false,
        }
    }
}

impl Options for Temperatures {
    const FLAGS: &'static [Flag<Self>] = &[
        Flag::top("Show N tokens", |options| &mut options.count),
        Flag::new(
            "temperatures",
            "Use these temperatures [default: 0.5,1,5,100, or those of the record]",
            Kept::Temperatures(|options| &mut options.temperatures),
        ),
        Flag::new(
            "view",
            "Arrange the figure by candidates (a line per temperature), by temperatures (a line per candidate, and the \
             entropy) or as bars (a group per candidate)",
            named!("VIEW", TemperatureView, options => options.view),
        ),
        Flag::rare(
            "renormalise-shown",
            "Normalise the probabilities over the shown tokens instead of the whole vocabulary",
            Kept::Switch(|options| &mut options.renormalise_shown),
        ),
        Flag::new(
            "log",
            "Draw the probabilities on a logarithmic axis",
            Kept::Switch(|options| &mut options.log),
        ),
        Flag::step(|options| &mut options.step),
    ];
}

impl Temperatures {
    /// Returns the temperatures that a record needs for smooth lines over the temperatures `marked`. These are the
    /// marked ones, and others between the least and the greatest of them.
    ///
    /// Pass them to [`StepRecorder::with_temperatures`](crate::trace::StepRecorder::with_temperatures), and `marked` to
    /// the figure.
    pub fn smooth(marked: &[f64]) -> Vec<f64> {
        const BETWEEN: u32 = 64;
        if marked.is_empty() || marked.iter().any(|at| !at.is_finite() || *at <= 0.0) {
            // The recorder refuses these.
            return marked.to_vec();
        }
        let low = marked.iter().copied().fold(f64::INFINITY, f64::min);
        let high = marked.iter().copied().fold(0.0, f64::max);
        let axis = temperature_chart::axis((low, high), (0.0, 1.0));
        let between = (1..BETWEEN).map(|index| axis.number(f64::from(index) / f64::from(BETWEEN)));
        let mut all: Vec<f64> = marked.iter().copied().chain(between).collect();
        all.sort_by(f64::total_cmp);
        // The marked temperatures keep all their digits.
        all.dedup_by(|later, kept| {
            let is_same = same(*later, *kept);
            if is_same && marked.contains(later) {
                *kept = *later;
            }
            is_same
        });
        all
    }
}

/// Draws the candidates' probabilities at several temperatures, in the arrangement of [`Temperatures::view`]. The
/// model's own probabilities (T = 1) are heavier.
///
/// The probabilities are over the whole vocabulary, and all other tokens stand at the right as "other". With
/// [`Temperatures::renormalise_shown`], they are over the shown candidates. The entropy is always that of the
/// distribution over the whole vocabulary.
///
/// ```
/// use sukashi_figure::figure::{Style, Temperatures, temperature};
///
/// # let trace = sukashi_figure::figure::example::japanese();
/// let options = Temperatures { temperatures: vec![0.5, 1.0, 5.0], ..Temperatures::default() };
/// let figure = temperature(&trace, &options, &Style::default())?;
/// assert!(figure.data_csv().starts_with("temperature,rank,id,token,prob,entropy_bits\n0.5,1,"));
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If the trace has no such step or lacks a temperature (1 is always there), if the step's numbers are no
/// distribution, if `count` is 0, or if there are more than 12 temperatures.
pub fn temperature(trace: &Trace, options: &Temperatures, style: &Style) -> Result<Figure> {
    let lang = style.lang;
    let distribution = Distribution::new(trace, options.step, options.count, ProbKind::Model)?;
    // A chosen token of low rank would break the order that the eye follows.
    let mut candidates = distribution.shown;
    candidates.truncate(options.count);
    let step = step(trace, options.step)?;
    let temperatures = temperatures(step, &options.temperatures)?;

    let mut page = Page::new(style)?;
    let mut warnings = Vec::new();
    let (fitting, side) = match options.view {
        TemperatureView::Temperatures => (temperature_chart::lines(&page), "height"),
        _ => (line_chart::columns(&page, &temperatures, options.log), "width"),
    };
    let fitting = fitting - 1;
    if candidates.len() > fitting {
        warnings.push(format!("only {fitting} of {} candidates fit into the {side}", candidates.len()));
        candidates.truncate(fitting);
    }
    let line = |temperature: &f64| Line::new(step, *temperature, &candidates, options.renormalise_shown);
    let lines = temperatures.iter().map(line).collect::<Result<Vec<_>>>()?;
    let between = match options.view {
        TemperatureView::Temperatures => between(step, &temperatures),
        _ => Vec::new(),
    };
    let between = between.iter().map(line).collect::<Result<Vec<_>>>()?;

    let context = context(trace, options.step);
    page.title(&context, |context| title(context, lang));
    let over = over(candidates.len(), options.renormalise_shown, lang);
    let mut parts = vec![trace.model.name.clone(), over.clone()];
    let raw = lines.iter().any(Line::is_raw).then(|| raw_words(options.view, lang).to_owned());
    parts.extend(raw);
    parts.extend(options.log.then(|| words::log_scale(lang).to_owned()));
    page.subtitle(&parts);
    let other_count = step.vocab_size - candidates.len();
    // Renormalised probabilities leave no other tokens.
    let drawn = if options.renormalise_shown { 0 } else { other_count };
    let marks = if options.view == TemperatureView::Bars { Marks::Bars } else { Marks::Lines };
    match options.view {
        TemperatureView::Temperatures => {
            temperature_chart::draw(&mut page, &candidates, (&lines, &between), drawn, options.log);
        }
        _ => line_chart::draw(&mut page, &candidates, &lines, drawn, (options.log, marks)),
    }

    let contents = Contents {
        kind: "temperature",
        title: title(&context, lang),
        alt_text: alt_text(&candidates, &lines, (options.view, &over, options.renormalise_shown), lang),
        table: table(&candidates, lines.iter().chain(&between), other_count, options.renormalise_shown),
    };
    Ok(Figure::new(trace, style, page, contents, warnings))
}

/// The tokens over which the probabilities are.
fn over(count: usize, renormalise: bool, lang: Lang) -> String {
    match renormalise {
        false => phrases::over_vocabulary(lang).to_owned(),
        true => phrases::over_shown(lang, count),
    }
}

/// How the model's own distribution differs from the others.
fn raw_words(view: TemperatureView, lang: Lang) -> &'static str {
    match view {
        TemperatureView::Candidates => phrases::raw_is_heavy(lang),
        _ => phrases::raw_is_1(lang),
    }
}

fn title(context: &str, lang: Lang) -> String {
    if context.is_empty() {
        phrases::temperatures_of_nothing(lang).to_owned()
    } else {
        phrases::temperatures(lang, context)
    }
}

fn alt_text(
    candidates: &[&Candidate],
    lines: &[Line],
    (view, over, renormalised): (TemperatureView, &str, bool),
    lang: Lang,
) -> String {
    let Some(first) = candidates.first() else { return String::new() };
    let name = words::quoted(&label(first), lang);
    let items: Vec<String> = lines
        .iter()
        .map(|line| {
            let value = percent(line.probs.first().copied().unwrap_or(0.0));
            phrases::at_temperature(lang, line.name(), value, line.entropy_bits)
        })
        .collect();
    let list = words::list(&items, lang);
    let count = candidates.len();
    let (chart, kind) = match view {
        TemperatureView::Candidates => (phrases::line_chart(lang), phrases::line_per_temperature(lang)),
        TemperatureView::Temperatures => (phrases::line_chart(lang), phrases::line_per_candidate(lang)),
        TemperatureView::Bars => (phrases::bar_chart(lang), phrases::bars_per_candidate(lang)),
    };
    match renormalised {
        // The words for renormalised probabilities already name the candidates.
        true => phrases::temperatures_told_of(lang, chart, over, kind, name, list),
        false => phrases::temperatures_told(lang, chart, count, over, kind, name, list),
    }
}

fn table<'l>(
    candidates: &[&Candidate],
    lines: impl Iterator<Item = &'l Line>,
    other_count: usize,
    renormalise: bool,
) -> Table {
    let mut table = Table::new(&["temperature", "rank", "id", "token", "prob", "entropy_bits"]);
    table.columns.extend(renormalise.then_some("prob_renormalised"));
    let mut lines: Vec<&Line> = lines.collect();
    lines.sort_by(|a, b| a.temperature.total_cmp(&b.temperature));
    for line in lines {
        let (temperature, entropy) = (Cell::Number(line.temperature), Cell::Number(line.entropy_bits));
        for ((candidate, whole), shown) in candidates.iter().zip(&line.whole).zip(&line.probs) {
            let mut row = vec![
                temperature.clone(),
                Cell::Count(candidate.rank as u64),
                Cell::Count(candidate.id.into()),
                Cell::Text(label(candidate)),
                Cell::Number(*whole),
                entropy.clone(),
            ];
            row.extend(renormalise.then_some(Cell::Number(*shown)));
            table.rows.push(row);
        }
        if other_count > 0 {
            let name = Cell::Text(words::other(other_count, Lang::En));
            let mut row =
                vec![temperature, Cell::Empty, Cell::Empty, name, Cell::Number(line.other), entropy];
            row.extend(renormalise.then_some(Cell::Empty));
            table.rows.push(row);
        }
    }
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_model(
    "temperature",
    &[
        Example {
            name: "temperature",
            draw: |of, style| {
                let trace = of.record(example::saying, || example::of(style.lang));
                temperature(&trace, &Temperatures { count: of.count(8), ..Temperatures::default() }, style)
            },
            golden: Golden::Captioned,
        },
        Example {
            name: "temperature-log",
            draw: |of, style| {
                let options = Temperatures { count: of.count(8), log: true, ..Temperatures::default() };
                temperature(&of.record(example::saying, example::japanese), &options, style)
            },
            golden: Golden::None,
        },
        Example {
            name: "temperature-axis",
            draw: |of, style| {
                let options = Temperatures {
                    count: of.count(8),
                    view: TemperatureView::Temperatures,
                    ..Temperatures::default()
                };
                temperature(&of.record(example::saying, example::japanese), &options, style)
            },
            golden: Golden::Captioned,
        },
        Example {
            name: "temperature-bars",
            draw: |of, style| {
                let options = Temperatures {
                    count: of.count(8),
                    view: TemperatureView::Bars,
                    ..Temperatures::default()
                };
                temperature(&of.record(example::saying, example::japanese), &options, style)
            },
            golden: Golden::Captioned,
        },
        Example {
            name: "temperature-shown",
            draw: |of, style| {
                let options =
                    Temperatures { count: of.count(8), renormalise_shown: true, ..Temperatures::default() };
                temperature(&of.record(example::saying, example::japanese), &options, style)
            },
            golden: Golden::Captioned,
        },
    ],
    &[
        Picture::new("temperature", ["温度による変化", "Temperatures"], "temperature 吾輩は"),
        Picture::new(
            "temperature-axis",
            ["温度を横軸にとる", "Along the temperature"],
            "temperature 吾輩は --view temperatures --renormalise-shown",
        ),
        Picture::new(
            "temperature-bars",
            ["温度ごとの棒グラフ", "Temperatures as bars"],
            "temperature 吾輩は --view bars --top 6",
        ),
        Picture::new(
            "gemma-temperature",
            ["Gemma 3 270M: 温度による変化", "Gemma 3 270M: temperatures"],
            "temperature 東京は日本の --model gemma-3-270m.gguf",
        ),
    ],
);
