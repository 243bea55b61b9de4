//! The figure `top-k`: the candidates before and after truncation, side by side on one scale.

use super::before_after::{Columns, other_final};
use super::cumulative::Cumulative;
use super::distribution::{self, Distribution, ProbKind, context, label};
use super::example;
use super::flag::{Flag, Options};
use super::kind::{Example, FigureKind, Golden, Picture};
use super::page::Page;
use super::phrases;
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words::{self, percent};
use super::{Contents, Figure};
use crate::sampling::Settings;
use crate::trace::Candidate;
use crate::{Error, Result, Trace};

/// Options of [`top_k`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopK {
    /// The number of candidates. All other tokens become one bar.
    pub count: usize,
    /// The step, counted from 0.
    pub step: usize,
}

impl Default for TopK {
    fn default() -> Self {
        Self { count: 12, step: 0 }
    }
}

impl Options for TopK {
    const FLAGS: &'static [Flag<Self>] =
        &[Flag::top("Show N tokens", |options| &mut options.count), Flag::step(|options| &mut options.step)];
}

/// Draws the candidates before and after truncation (by top-k, top-p, min-p or typical-p), side by side on one scale.
/// Cut candidates are grey, and the others are renormalised.
///
/// ```
/// use sukashi_figure::figure::{Style, TopK, top_k};
///
/// # let trace = sukashi_figure::figure::example::japanese();
/// let figure = top_k(&trace, &TopK::default(), &Style::default())?;
/// assert!(figure.alt_text().contains("6 個"));
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If the trace has no such step, if the step holds no distribution, if `count` is 0, or if no setting truncates.
pub fn top_k(trace: &Trace, options: &TopK, style: &Style) -> Result<Figure> {
    let settings = &trace.sampling;
    check_truncation(settings)?;
    let distribution = Distribution::new(trace, options.step, options.count, ProbKind::Scaled)?;
    let step = distribution::step(trace, options.step)?;
    let mut rows = distribution.shown.clone();
    // Truncation goes by this order, which penalties may have changed.
    rows.sort_by(|a, b| b.prob_scaled.total_cmp(&a.prob_scaled).then(a.rank.cmp(&b.rank)));
    let kept = Kept::new(&step.candidates);
    let lang = style.lang;

    let mut page = Page::new(style)?;
    let context = context(trace, options.step);
    page.title(&context, |context| title(context, lang));
    let mut parts = vec![trace.model.name.clone()];
    parts.extend(words::settings(settings, lang));
    parts.push(kept.words(lang));
    page.subtitle(&parts);
    let cumulative = Cumulative::new(step, &rows, settings);
    let columns = Columns::new(&page, &distribution, &rows, cumulative.as_ref());
    columns.draw(&mut page, &distribution, &rows, (settings, cumulative.as_ref()));

    let contents = Contents {
        kind: "top-k",
        title: title(&context, lang),
        alt_text: alt_text(&rows, &distribution, (&kept, cumulative.as_ref()), lang),
        table: table(&distribution, &rows, cumulative.as_ref()),
    };
    Ok(Figure::new(trace, style, page, contents, Vec::new()))
}

/// Checks before a long run that the settings truncate, as [`top_k`] needs it.
///
/// # Errors
///
/// If no setting truncates.
pub fn check_truncation(settings: &Settings) -> Result<()> {
    if settings.truncation_words().next().is_some() || settings.temperature == 0.0 {
        return Ok(());
    }
    let mut names = Settings::truncation_names().collect::<Vec<_>>();
    let last = names.pop().unwrap_or_default();
    Err(Error::input("cannot draw a truncation: the settings have none")
        .detail(format!("found neither {} nor {last}", names.join(", ")))
        .hint("use one of them, such as --top-k 5"))
}

/// The tokens that truncation left.
struct Kept {
    /// The number of tokens. `None` if more are left than the trace lists.
    count: Option<usize>,
    /// The mass of these tokens before truncation.
    mass: f64,
}

impl Kept {
    fn new(candidates: &[Candidate]) -> Self {
        let kept = || candidates.iter().filter(|candidate| candidate.prob_final > 0.0);
        let final_mass: f64 = kept().map(|candidate| candidate.prob_final).sum();
        let listed: f64 = kept().map(|candidate| candidate.prob_scaled).sum();
        let is_all = final_mass > 1.0 - 1e-6;
        // Renormalisation divides by the mass, so any remaining token tells the mass.
        let mass = if is_all { listed } else { listed / final_mass.max(f64::MIN_POSITIVE) };
        Self { count: is_all.then(|| kept().count()), mass: mass.clamp(0.0, 1.0) }
    }

    fn words(&self, lang: Lang) -> String {
        let mass = percent(self.mass);
        match self.count {
            Some(1) => phrases::one_left(lang, mass),
            Some(count) => phrases::some_left(lang, count, mass),
            None => phrases::unknown_left(lang, mass),
        }
    }
}

fn title(context: &str, lang: Lang) -> String {
    if context.is_empty() {
        phrases::truncation_of_nothing(lang).to_owned()
    } else {
        phrases::truncation(lang, context)
    }
}

fn alt_text(
    rows: &[&Candidate],
    shown: &Distribution<'_>,
    (kept, cumulative): (&Kept, Option<&Cumulative>),
    lang: Lang,
) -> String {
    /// How many candidates an alternative text names.
    const TOLD: usize = 10;
    let items: Vec<String> = rows
        .iter()
        .take(TOLD)
        .map(|candidate| {
            let after = match candidate.prob_final {
                0.0 => words::cut(lang).to_owned(),
                value => percent(value),
            };
            let name = words::quoted(&label(candidate), lang);
            format!("{name} {} → {after}", percent(candidate.prob_scaled))
        })
        .collect();
    let list = words::list(&items, lang);
    let kept = kept.words(lang);
    let reached = cumulative.and_then(|cumulative| cumulative.words(rows, lang));
    let chosen = rows.iter().find(|candidate| shown.is_chosen(candidate));
    let chosen = chosen.map(|candidate| words::quoted(&label(candidate), lang));
    let chosen = chosen.map(|token| phrases::was_chosen(lang, token)).unwrap_or_default();
    let reached = reached.map(|words| phrases::one_more_sentence(lang, words)).unwrap_or_default();
    phrases::truncation_told(lang, kept, list, reached, chosen)
}

fn table(shown: &Distribution<'_>, rows: &[&Candidate], cumulative: Option<&Cumulative>) -> Table {
    let mut table = Table::new(&[
        "rank",
        "id",
        "token",
        "text",
        "logit",
        "prob",
        "prob_scaled",
        "prob_final",
        "kept",
        "chosen",
    ]);
    table.columns.extend(cumulative.map(|_| "cumulative"));
    for (index, candidate) in rows.iter().enumerate() {
        let mut cells = vec![
            Cell::Count(candidate.rank as u64),
            Cell::Count(candidate.id.into()),
            Cell::Text(label(candidate)),
            Cell::text(candidate.text.as_deref()),
            Cell::Single(candidate.logit),
            Cell::Number(candidate.prob),
            Cell::Number(candidate.prob_scaled),
            Cell::Number(candidate.prob_final),
            Cell::Flag(candidate.prob_final > 0.0),
            Cell::Flag(shown.is_chosen(candidate)),
        ];
        cells.extend(cumulative.map(|cumulative| cumulative.values[index].map_or(Cell::Empty, Cell::Number)));
        table.rows.push(cells);
    }
    if shown.other_count > 0 {
        let mut row = vec![Cell::Empty; table.columns.len()];
        row[2] = Cell::Text(words::other(shown.other_count, Lang::En));
        row[5] = Cell::Number((1.0 - rows.iter().map(|candidate| candidate.prob).sum::<f64>()).max(0.0));
        row[6] = Cell::Number(shown.other);
        row[7] = Cell::Number(other_final(rows));
        table.rows.push(row);
    }
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_model(
    "top-k",
    &[
        Example {
            name: "top-k",
            draw: |of, style| {
                let mut trace = of.record(example::saying, example::japanese);
                trace.sampling.min_p = Some(of.record(|_| 0.1, || 0.03));
                top_k(&trace, &TopK { count: of.count(10), ..TopK::default() }, style)
            },
            golden: Golden::Plain,
        },
        Example {
            name: "top-p",
            draw: |of, style| {
                let settings = example::some_stages;
                let trace = of.record(
                    |words| example::sampled_of(words, settings()),
                    || example::sampled(settings()),
                )?;
                top_k(&trace, &TopK { count: of.count(12), ..TopK::default() }, style)
            },
            golden: Golden::Captioned,
        },
    ],
    &[
        Picture::new(
            "top-k",
            ["top-k による切り捨て", "Truncation by top-k"],
            "top-k 吾輩は --top-k 5 --temperature 0.8 --top 10",
        ),
        Picture::new(
            "top-p",
            ["top-p による切り捨て", "Truncation by top-p"],
            "top-k 吾輩は --top-p 0.4 --temperature 0.8",
        ),
        Picture::new(
            "min-p",
            ["min-p による切り捨て", "Truncation by min-p"],
            "top-k 吾輩は --min-p 0.25 --temperature 0.8",
        ),
        Picture::new(
            "gemma-top-k",
            ["Gemma 3 270M: top-k による切り捨て", "Gemma 3 270M: truncation by top-k"],
            "top-k 東京は日本の --top-k 5 --model gemma-3-270m.gguf",
        ),
    ],
);
