//! The figure `sampling`: the way of the candidates through the sampler, from logits to the chosen token.

use std::cmp::Ordering;

use super::distribution::{self, Distribution, ProbKind, context, label};
use super::example;
use super::flag::{self, Flag, Options};
use super::kind::{Command, Example, FigureKind, Golden, Picture, Recording};
use super::page::Page;
use super::phrases;
use super::share_strip;
use super::stage_columns::{Column, decimal, heading};
use super::stage_table;
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words::{self, percent};
use super::{Contents, Figure};
use crate::sampling::{Choice, Settings};
use crate::trace::{Candidate, Stages, Step, TokenLeft};
use crate::{Error, Result, Trace};

/// Options of [`sampling`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampling {
    /// The number of candidates: the most probable ones of the model's own distribution, and those after penalties and
    /// bias. All other tokens become one row.
    pub count: usize,
    /// The step, counted from 0.
    pub step: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { count: 10, step: 0 }
    }
}

impl Options for Sampling {
    const FLAGS: &'static [Flag<Self>] =
        &[Flag::top("Show N tokens", |options| &mut options.count), Flag::step(|options| &mut options.step)];
}

/// Draws a table of what each stage of the sampler made of the candidates. Each candidate has a row, and each stage
/// that ran has a column. A candidate is grey from the stage on that cut it. A strip below the table shows where the
/// random number fell.
///
/// ```
/// use sukashi_figure::figure::{Sampling, Style, sampling};
/// use sukashi_figure::sampling::Settings;
///
/// # use sukashi_figure::figure::example;
/// # let trace = example::sampled(Settings { temperature: 0.8, top_k: Some(6), top_p: Some(0.9), ..Settings::default() })?;
/// let figure = sampling(&trace, &Sampling::default(), &Style::default())?;
/// assert!(figure.data_csv().starts_with("stage,num_left,id,token,rank,logit,prob,cumulative,kept"));
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If the trace has no such step, if the step holds no distribution or no [`Step::stages`], or if `count` is 0.
pub fn sampling(trace: &Trace, options: &Sampling, style: &Style) -> Result<Figure> {
    let shown = Distribution::new(trace, options.step, options.count, ProbKind::Scaled)?;
    let step = distribution::step(trace, options.step)?;
    let Some(stages) = &step.stages else {
        return Err(Error::input(format!("step {} of the trace has no stages", options.step + 1))
            .detail("expected what each stage of the sampler left")
            .hint("record it with --record-stages: sukashi trace PROMPT --record-stages -o FILE.json"));
    };
    check(step, stages, options.step)?;
    let rows = Row::all(&shown, step, stages, options.count);
    let (lang, settings) = (style.lang, &trace.sampling);

    let mut page = Page::new(style)?;
    let context = context(trace, options.step);
    let has_chosen = step.chosen.is_some();
    page.title(&context, |context| title(context, has_chosen, lang));
    let mut parts = words::model(&trace.model, lang);
    parts.extend(words::settings(settings, lang));
    parts.extend(stages.draw.as_ref().map(|_| format!("seed {}", settings.seed)));
    page.subtitle(&parts);
    let view = View { rows: &rows, step, stages, settings };
    let columns = Column::all(&view, lang);
    stage_table::draw(&mut page, &view, &columns);
    if let Some(draw) = &stages.draw {
        page.y += 16.0;
        share_strip::draw(&mut page, &view, draw.number);
    }

    let contents = Contents {
        kind: "sampling",
        title: title(&context, has_chosen, lang),
        alt_text: alt_text(&view, lang),
        table: table(&view),
    };
    Ok(Figure::new(trace, style, page, contents, Vec::new()))
}

/// The numbers that the parts of the figure show.
pub(super) struct View<'a> {
    pub(super) rows: &'a [Row<'a>],
    pub(super) step: &'a Step,
    pub(super) stages: &'a Stages,
    pub(super) settings: &'a Settings,
}

/// A candidate, and its numbers after each stage.
pub(super) struct Row<'a> {
    pub(super) candidate: &'a Candidate,
    pub(super) name: String,
    pub(super) is_chosen: bool,
    /// The candidate's numbers after each stage. `None` if it was cut.
    pub(super) left: Vec<Option<TokenLeft>>,
    /// Where the candidate's share of `0..1` begins.
    pub(super) start: Option<f64>,
}

impl<'a> Row<'a> {
    /// All rows in the order of truncation, which penalties may have changed.
    fn all(shown: &Distribution<'a>, step: &'a Step, stages: &Stages, count: usize) -> Vec<Self> {
        let mut scaled: Vec<&Candidate> = step.candidates.iter().collect();
        scaled.sort_by(by_scaled);
        scaled.truncate(count);
        // The rows hold both tokens that penalties lowered and tokens that a bias raised.
        let is_risen = |candidate: &&&Candidate| {
            candidate.prob_scaled > 0.0 && !shown.shown.iter().any(|own| own.id == candidate.id)
        };
        let risen = scaled.iter().filter(is_risen);
        let row = |candidate: &&'a Candidate| {
            let at = step.candidates.iter().position(|own| own.id == candidate.id).unwrap_or_default();
            Self {
                candidate,
                name: label(candidate),
                is_chosen: shown.is_chosen(candidate),
                left: stages.outputs.iter().map(|output| output.tokens.get(at).copied().flatten()).collect(),
                start: stages.draw.as_ref().and_then(|draw| draw.starts.get(at).copied().flatten()),
            }
        };
        let mut rows: Vec<Self> = shown.shown.iter().chain(risen).map(row).collect();
        rows.sort_by(|a, b| by_scaled(&a.candidate, &b.candidate));
        rows
    }

    /// The numbers after the last stage.
    pub(super) fn last(&self) -> Option<TokenLeft> {
        self.left.last().copied().flatten()
    }
}

/// Compares by the probability after penalties, bias and temperature, then by the model's own order.
fn by_scaled(a: &&Candidate, b: &&Candidate) -> Ordering {
    b.prob_scaled.total_cmp(&a.prob_scaled).then(a.rank.cmp(&b.rank))
}

impl View<'_> {
    /// The number of tokens of an output that the figure does not show.
    pub(super) fn others_left(&self, output: usize) -> usize {
        let shown = self.rows.iter().filter(|row| row.left.get(output).is_some_and(Option::is_some)).count();
        self.stages.outputs.get(output).map_or(0, |output| output.num_left.saturating_sub(shown))
    }

    /// The mass of these tokens.
    pub(super) fn others_prob(&self, output: usize) -> f64 {
        let probs = self.rows.iter().filter_map(|row| Some(row.left.get(output)?.as_ref()?.prob));
        let other = 1.0 - probs.sum::<f64>();
        if other < 1e-9 { 0.0 } else { other.min(1.0) }
    }
}

/// Checks the stages, since a trace that nobody validated may hold wrong ones.
fn check(step: &Step, stages: &Stages, index: usize) -> Result<()> {
    let broken = |found: String, expected: &str| {
        Err(Error::input(format!("step {} of the trace holds no stages of its candidates", index + 1))
            .detail(format!("found {found}, expected {expected}")))
    };
    let num_candidates = step.candidates.len();
    if stages.outputs.is_empty() {
        return broken("0 outputs".to_owned(), "the model's logits at least");
    }
    for output in &stages.outputs {
        let len = output.tokens.len();
        if len != num_candidates {
            return broken(
                format!("{len} tokens after {:?}", output.stage),
                &format!("one for each of {num_candidates} candidates"),
            );
        }
        for token in output.tokens.iter().flatten() {
            let sound = token.logit.is_finite()
                && (0.0..=1.001).contains(&token.prob)
                && (0.0..=1.001).contains(&token.cumulative);
            if !sound {
                return broken(format!("{token:?} after {:?}", output.stage), "a logit and probabilities");
            }
        }
    }
    match &stages.draw {
        Some(draw) if !(0.0..1.0).contains(&draw.number) => {
            broken(format!("the draw {}", draw.number), "a number in 0..1")
        }
        Some(draw) if draw.starts.iter().flatten().any(|start| !(0.0..=1.001).contains(start)) => {
            broken(format!("shares that begin at {:?}", draw.starts), "numbers from 0 to 1")
        }
        _ => Ok(()),
    }
}

fn title(context: &str, has_chosen: bool, lang: Lang) -> String {
    match (context.is_empty(), has_chosen) {
        (true, true) => phrases::choice_of_first(lang).to_owned(),
        (false, true) => phrases::choice_of_next(lang, context),
        (true, false) => phrases::stages_of_first(lang).to_owned(),
        (false, false) => phrases::stages_of_next(lang, context),
    }
}

/// How the token was chosen.
pub(super) fn choice(view: &View<'_>, lang: Lang) -> String {
    match (&view.stages.draw, view.settings.choice) {
        (Some(draw), _) => format!("u = {:.4}", draw.number),
        (None, _) if view.step.chosen.is_none() => phrases::nothing(lang).to_owned(),
        (None, Choice::Pick(n)) => phrases::number(lang, n),
        (None, _) => phrases::greatest(lang).to_owned(),
    }
}

fn alt_text(view: &View<'_>, lang: Lang) -> String {
    /// How many candidates an alternative text names.
    const TOLD: usize = 10;
    let outputs: Vec<String> = view
        .stages
        .outputs
        .iter()
        .enumerate()
        .map(|(index, output)| {
            let (name, count) = (heading(index, view, lang), words::grouped(output.num_left));
            phrases::stage_left(lang, &name, &count)
        })
        .collect();
    let items: Vec<String> = view
        .rows
        .iter()
        .take(TOLD)
        .map(|row| {
            let name = words::quoted(&row.name, lang);
            let (logit, scaled) = (decimal(row.candidate.logit.into()), row.candidate.prob_scaled);
            let end = match row.last() {
                Some(last) => percent(last.prob),
                None => words::cut(lang).to_owned(),
            };
            phrases::candidate_told(lang, name, logit, percent(scaled), end)
        })
        .collect();
    let (outputs, list) = (outputs.join(" → "), words::list(&items, lang));
    let chosen = view.rows.iter().find(|row| row.is_chosen).map(|row| words::quoted(&row.name, lang));
    let how = choice(view, lang);
    let drawn = view.stages.draw.as_ref().map(|_| phrases::by_draw(lang, how)).unwrap_or_default();
    let chosen = chosen.map(|token| phrases::was_drawn(lang, drawn, token)).unwrap_or_default();
    phrases::sampling_told(lang, outputs, list, chosen)
}

/// A table with a row for each stage and candidate, and a row for the rest of each stage. The last stage is the choice.
fn table(view: &View<'_>) -> Table {
    let mut table = Table::new(&[
        "stage",
        "num_left",
        "id",
        "token",
        "rank",
        "logit",
        "prob",
        "cumulative",
        "kept",
        "share_start",
        "draw",
        "chosen",
    ]);
    let draw = view.stages.draw.as_ref().map_or(Cell::Empty, |draw| Cell::Number(draw.number));
    let last = view.stages.outputs.len().saturating_sub(1);
    for (index, output) in view.stages.outputs.iter().enumerate() {
        let stage = [Cell::Text(output.stage.clone()), Cell::Count(output.num_left as u64)];
        for row in view.rows {
            let left = row.left.get(index).copied().flatten();
            let number =
                |of: fn(&TokenLeft) -> f64| left.as_ref().map_or(Cell::Empty, |left| Cell::Number(of(left)));
            let mut cells = stage.to_vec();
            cells.extend([
                Cell::Count(row.candidate.id.into()),
                Cell::Text(row.name.clone()),
                left.map_or(Cell::Empty, |left| Cell::Count(left.rank as u64)),
                number(|left| left.logit),
                number(|left| left.prob),
                number(|left| left.cumulative),
                Cell::Flag(left.is_some()),
            ]);
            cells.extend(match index == last {
                true => {
                    [row.start.map_or(Cell::Empty, Cell::Number), draw.clone(), Cell::Flag(row.is_chosen)]
                }
                false => [Cell::Empty, Cell::Empty, Cell::Empty],
            });
            table.rows.push(cells);
        }
        let others = view.step.vocab_size.saturating_sub(view.rows.len());
        if others > 0 {
            let mut cells = vec![Cell::Empty; table.columns.len()];
            let [stage, num_left] = stage;
            (cells[0], cells[1]) = (stage, num_left);
            cells[3] = Cell::Text(words::other(others, Lang::En));
            cells[6] = Cell::Number(if view.others_left(index) > 0 { view.others_prob(index) } else { 0.0 });
            cells[8] = Cell::Flag(view.others_left(index) > 0);
            table.rows.push(cells);
        }
    }
    table
}

/// The command, the examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_model(
    "sampling",
    &[
        Example {
            name: "sampling",
            draw: |of, style| {
                let settings = example::some_stages;
                let trace = of.record(
                    |words| example::sampled_of(words, settings()),
                    || example::sampled(settings()),
                )?;
                sampling(&trace, &Sampling { count: of.count(10), step: 0 }, style)
            },
            golden: Golden::Captioned,
        },
        Example {
            name: "sampling-all",
            draw: |of, style| {
                let settings = example::all_stages;
                let trace = of.record(
                    |words| example::sampled_of(words, settings()),
                    || example::sampled(settings()),
                )?;
                sampling(&trace, &Sampling { count: of.count(10), step: 0 }, style)
            },
            golden: Golden::Captioned,
        },
    ],
    &[
        Picture::new(
            "sampling",
            ["サンプリングの各段階", "The stages of the sampler"],
            "sampling 吾輩は --temperature 0.8 --top-k 8 --top-p 0.8 --seed 1",
        ),
        Picture::new(
            "sampling-penalties",
            ["ペナルティとバイアスを含む段階", "With penalties and a bias"],
            "sampling 猫は猫の --repetition-penalty 1.5 --logit-bias 2817=1 --temperature 0.7 --min-p 0.2 --greedy --top 8",
        ),
    ],
)
.with_command(Command {
    about: "How the sampler chooses the next token: the candidates after each of its stages",
    // A bias may raise a token that the model ranks low, so more candidates are recorded than shown.
    recording: Recording { times: 20, stages: true, choice: true },
    flags: flag::describe::<Sampling>,
    draw: |trace, given, style| sampling(trace, &flag::options(given)?, style),
});
