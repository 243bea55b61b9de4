//! The figure `trace`: one panel per generated token.

use std::ops::Range;

use super::distribution::{self, Distribution, ProbKind, context, token_label};
use super::example;
use super::flag::{Flag, Kept, Options, named};
use super::fonts::Weight;
use super::kind::{Example, FigureKind, Golden, Picture};
use super::next_token;
use super::page::Page;
use super::panels::{self, Heading};
use super::phrases;
use super::scene::{ASCENT, Anchor, LABEL, NOTE};
use super::style::{Lang, Style};
use super::words::{self, percent};
use super::{Contents, Figure};
use crate::{Error, Result, Trace};

/// Options of [`trace`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceOptions {
    /// The number of candidates in each panel. All other tokens become one bar.
    pub count: usize,
    /// The first step that the figure shows, counted from 0.
    pub first: usize,
    /// The most steps that the figure shows.
    pub steps: usize,
    /// The kind of probability.
    pub stage: ProbKind,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self { count: 5, first: 0, steps: 12, stage: ProbKind::Model }
    }
}

impl Options for TraceOptions {
    const FLAGS: &'static [Flag<Self>] = &[
        Flag::top("Show N candidates at each step", |options| &mut options.count),
        Flag::stage(named!("STAGE", ProbKind, options => options.stage)),
        Flag::rare(
            "step",
            "Start with this step of the record, counted from 1",
            Kept::Step(|options| &mut options.first),
        ),
    ];
}

/// A picture of more panels is too large for any viewer.
const MAX_STEPS: usize = 400;

/// Draws one panel for each generated token. The panel has the text so far, the token chosen after it, and the bars of
/// the candidates. All panels have one scale.
///
/// ```
/// use sukashi_figure::figure::{TraceOptions, Style, trace};
///
/// # let record = sukashi_figure::figure::example::japanese();
/// let figure = trace(&record, &TraceOptions::default(), &Style::default())?;
/// assert!(figure.alt_text().contains("「猫」"));
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If the trace has no such steps, if one of them holds no distribution, if `count` or `steps` is 0, or if
/// there are more than 400 panels to draw.
pub fn trace(trace: &Trace, options: &TraceOptions, style: &Style) -> Result<Figure> {
    let steps = options.range(trace)?;
    if steps.is_empty() || steps.len() > MAX_STEPS {
        return Err(Error::input("cannot draw this many steps")
            .detail(format!("found {}, expected 1 to {MAX_STEPS}", steps.len())));
    }
    let lang = style.lang;
    let panels = options.panels(trace, steps)?;
    let start = context(trace, options.first);
    let mut page = page(trace, options, &panels, style)?;
    let bars: Vec<_> = panels.iter().map(|panel| panels::bars(&panel.distribution, false, lang)).collect();
    let draw = |page: &mut Page<'_>, index: usize, (x, y), width| {
        heading(page, trace, &panels[index], x, y, width);
    };
    panels::grid(&mut page, &bars, false, &Heading { height: 26.0, draw });

    let told = told(trace, &panels, options.stage, lang);
    let alt_text = phrases::steps_told(lang, &start, &told);
    Ok(Figure::new(trace, style, page, contents(&start, alt_text, &panels, lang), Vec::new()))
}

/// A step and its distribution.
pub(super) struct Panel<'a> {
    pub(super) index: usize,
    pub(super) distribution: Distribution<'a>,
}

impl Panel<'_> {
    /// The label of the chosen token.
    pub(super) fn chosen(&self, trace: &Trace) -> Option<String> {
        let chosen = trace.steps[self.index].chosen.as_ref()?;
        let own = self.distribution.shown.iter().find(|candidate| candidate.id == chosen.id);
        let bytes = own.and_then(|candidate| candidate.bytes.as_deref());
        Some(token_label(chosen.id, chosen.text.as_deref(), bytes))
    }
}

impl TraceOptions {
    /// The indices of the steps to show.
    pub(super) fn range(&self, trace: &Trace) -> Result<Range<usize>> {
        distribution::step(trace, self.first)?;
        Ok(self.first..trace.steps.len().min(self.first.saturating_add(self.steps)))
    }

    /// The panels of these steps.
    pub(super) fn panels<'a>(&self, trace: &'a Trace, steps: Range<usize>) -> Result<Vec<Panel<'a>>> {
        let panel = |index| {
            Ok(Panel { index, distribution: Distribution::new(trace, index, self.count, self.stage)? })
        };
        steps.map(panel).collect()
    }
}

/// A page with the title and the line below it.
pub(super) fn page<'a>(
    trace: &Trace,
    options: &TraceOptions,
    panels: &[Panel<'_>],
    style: &'a Style,
) -> Result<Page<'a>> {
    let lang = style.lang;
    let mut page = Page::new(style)?;
    page.title(&context(trace, options.first), |context| title(context, lang));
    let first = distribution::step(trace, options.first)?;
    let mut parts = next_token::subtitle(trace, first, options.stage, lang);
    if panels.len() < trace.steps.len() {
        let (first, last, all) = (options.first + 1, options.first + panels.len(), trace.steps.len());
        parts.push(phrases::steps_of(lang, all, first, last));
    }
    page.subtitle(&parts);
    Ok(page)
}

/// The contents of the figure. `start` is the text before its first step.
pub(super) fn contents(start: &str, alt_text: String, panels: &[Panel<'_>], lang: Lang) -> Contents {
    let rows: Vec<_> = panels.iter().map(|panel| (panel.index, &panel.distribution)).collect();
    Contents { kind: "trace", title: title(start, lang), alt_text, table: next_token::table(&rows) }
}

fn title(context: &str, lang: Lang) -> String {
    if context.is_empty() {
        phrases::steps_of_nothing(lang).to_owned()
    } else {
        phrases::steps(lang, context)
    }
}

/// Draws the step's number, the text so far, and the chosen token behind it.
fn heading(page: &mut Page<'_>, trace: &Trace, panel: &Panel<'_>, x: f64, y: f64, width: f64) {
    const GAP: f64 = 8.0;
    let palette = page.palette;
    let y = y + LABEL * ASCENT;
    let number = (panel.index + 1).to_string();
    let number_width = page.measure(&number, NOTE, Weight::Regular);
    page.text(number, x, y, Anchor::Start, NOTE, Weight::Regular, palette.muted);

    let (regular, bold) = (page.setting(LABEL, Weight::Regular), page.setting(LABEL, Weight::Bold));
    let room = width - number_width - GAP;
    let chosen = panel.chosen(trace).map(|chosen| bold.fit_start(&chosen, room / 2.0));
    let chosen_width = chosen.as_deref().map_or(0.0, |text| bold.measure(text) + 2.0);
    let before = regular.fit_end(&context(trace, panel.index), room - chosen_width);
    let before_width = regular.measure(&before);
    let start = x + number_width + GAP;
    page.text(before, start, y, Anchor::Start, LABEL, Weight::Regular, palette.text);
    if let Some(chosen) = chosen {
        let x = start + before_width + 2.0;
        page.text(chosen, x, y, Anchor::Start, LABEL, Weight::Bold, palette.accent_text);
    }
}

/// A sentence with the chosen tokens and their probabilities.
pub(super) fn told(trace: &Trace, panels: &[Panel<'_>], stage: ProbKind, lang: Lang) -> String {
    /// How many steps an alternative text names.
    const TOLD: usize = 20;
    let items: Vec<String> = panels
        .iter()
        .take(TOLD)
        .map(|panel| {
            let step = &trace.steps[panel.index];
            let shown = &panel.distribution.shown;
            let candidate = shown
                .iter()
                .find(|candidate| panel.distribution.is_chosen(candidate))
                .or_else(|| shown.first());
            let told = candidate.map(|candidate| {
                let name = words::quoted(&distribution::label(candidate), lang);
                format!("{name} {}", percent(stage.of(candidate)))
            });
            let chosen = step
                .chosen
                .as_ref()
                .map(|chosen| words::quoted(&token_label(chosen.id, chosen.text.as_deref(), None), lang));
            format!("{}: {}", panel.index + 1, told.or(chosen).unwrap_or_default())
        })
        .collect();
    let list = words::list(&items, lang);
    let more = panels.len().saturating_sub(TOLD);
    let words = stage.words(lang);
    let more = if more > 0 { phrases::and_more_steps(lang, more) } else { String::new() };
    phrases::chosen_told(lang, words, list, more)
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_model(
    "trace",
    &[
        Example {
            name: "trace",
            draw: |of, style| {
                let record = of.record(example::saying, || example::of(style.lang));
                trace(&record, &TraceOptions { count: of.count(5), ..TraceOptions::default() }, style)
            },
            golden: Golden::Captioned,
        },
        Example {
            name: "trace-animation",
            draw: |of, style| {
                let record = of.record(example::saying, || example::of(style.lang));
                let options = TraceOptions { count: of.count(5), ..TraceOptions::default() };
                super::trace_animation(&record, &options, 1.5, style)
            },
            golden: Golden::Captioned,
        },
    ],
    &[
        Picture::new(
            "trace",
            ["一トークンずつ", "Token by token"],
            "trace 吾輩は -n 6 --temperature 0.8 --top-k 20 --seed 1",
        ),
        Picture::new(
            "trace-animation",
            ["アニメーション", "Token by token, animated"],
            "trace 吾輩は -n 10 --temperature 0.8 --top-k 20 --seed 1 --animate",
        ),
        Picture::new(
            "bigram-trace",
            ["バイグラムで一文字ずつ", "Counts of pairs, character by character"],
            "trace 吾輩は --bigram wagahai.txt -n 6 --seed 5",
        ),
        Picture::new(
            "print",
            ["紙に刷る", "On paper"],
            "trace 吾輩は -n 4 --seed 1 --temperature 0.5 --theme print --width 160mm --caption",
        ),
        Picture::new(
            "gemma-trace",
            ["Gemma 3 270M: 一トークンずつ", "Gemma 3 270M: token by token"],
            "trace 東京は日本の -n 6 --seed 2 --temperature 0.8 --top-k 40 --model gemma-3-270m.gguf",
        ),
    ],
);
