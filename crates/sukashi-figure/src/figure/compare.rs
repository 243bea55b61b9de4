//! The figure `next-token` of two runs: two bars for each candidate.

use super::bar_row::{self, Bar, GAP, Row};
use super::distribution::{self, ProbKind, context, label};
use super::example;
use super::fonts::Weight;
use super::kind::{Example, FigureKind, Golden, Picture};
use super::next_token;
use super::page::Page;
use super::phrases;
use super::provenance::Provenance;
use super::scene::{ASCENT, Anchor, Bounds, Item, LABEL, NOTE, Text};
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words::{self, percent};
use super::{Contents, Figure};
use crate::trace::{Candidate, Step, visible};
use crate::{Error, Result, Trace};

/// Options of [`compare`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compare {
    /// The number of candidates: those with the greatest probability in either trace. All other tokens become one bar.
    pub count: usize,
    /// The step, counted from 0.
    pub step: usize,
    /// The kind of probability.
    pub stage: ProbKind,
    /// The names of the two traces. By default, these are the texts, models or settings in which the traces differ.
    pub names: Option<[String; 2]>,
}

impl Default for Compare {
    fn default() -> Self {
        Self { count: 10, step: 0, stage: ProbKind::Model, names: None }
    }
}

/// Draws the next tokens of two traces in pairs of bars on one scale, with the differences. The traces may be of a
/// model with and without one of its parts, or of two models after the same text.
///
/// A trace may not list a candidate of the other trace. The figure then shows the probability of the last candidate
/// that the trace lists, as an upper bound.
///
/// ```
/// use sukashi_figure::figure::{Compare, Style, compare};
///
/// # let first = sukashi_figure::figure::example::japanese();
/// # let mut second = first.clone();
/// let names = Some(["with head 3".to_owned(), "without".to_owned()]);
/// let figure = compare([&first, &second], &Compare { names, ..Compare::default() }, &Style::default())?;
/// assert!(figure.alt_text().contains("without"));
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// The errors of [`super::next_token`] for either trace. Also if the vocabularies have different sizes.
pub fn compare(traces: [&Trace; 2], options: &Compare, style: &Style) -> Result<Figure> {
    let lang = style.lang;
    let steps = [distribution::step(traces[0], options.step)?, distribution::step(traces[1], options.step)?];
    for trace in traces {
        distribution::Distribution::new(trace, options.step, options.count, options.stage)?;
    }
    if steps[0].vocab_size != steps[1].vocab_size {
        return Err(Error::input("cannot compare traces of different vocabularies")
            .detail(format!("found {} and {} tokens", steps[0].vocab_size, steps[1].vocab_size))
            .hint("draw them side by side: figure next-token --from FILE --from FILE"));
    }
    let contexts = traces.map(|trace| context(trace, options.step));
    let names = options.names.clone().unwrap_or_else(|| default_names(traces, &contexts, lang));
    let names = names.map(|name| visible::line(&name));
    let pairs = pairs(steps, options);
    let others = [0, 1].map(|side| other(steps[side], side, &pairs, options.stage));

    let mut page = Page::new(style)?;
    let one_text = contexts[0] == contexts[1];
    let title_of = |context: &str| match one_text {
        true => words::next_token_title(context, lang),
        false => title(lang).to_owned(),
    };
    page.title(if one_text { &contexts[0] } else { "" }, title_of);
    page.subtitle(&subtitle(traces, steps, options.stage, lang));
    legend(&mut page, &names);
    let other_count = steps[0].vocab_size.saturating_sub(pairs.len());
    draw(&mut page, &pairs, others, other_count);

    let contents = Contents {
        kind: "next-token",
        title: title_of(&contexts[0]),
        alt_text: alt_text(&names, &pairs, options.stage, lang),
        table: table(&names, &pairs, others, other_count),
    };
    Ok(Figure::of(Provenance::of_traces(&traces), style, page, contents, Vec::new()))
}

/// A candidate's probability in one of the traces.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Known(f64),
    /// The trace does not list the candidate. Its probability is at most this.
    AtMost(f64),
}

impl Value {
    fn known(self) -> Option<f64> {
        match self {
            Self::Known(value) => Some(value),
            Self::AtMost(_) => None,
        }
    }

    fn length(self) -> f64 {
        self.known().unwrap_or(0.0)
    }

    fn text(self) -> String {
        match self {
            Self::Known(value) => percent(value),
            Self::AtMost(value) if value > 0.0 => format!("≦ {}", percent(value)),
            Self::AtMost(_) => percent(0.0),
        }
    }
}

struct Pair<'a> {
    candidate: &'a Candidate,
    values: [Value; 2],
}

impl Pair<'_> {
    fn difference(&self) -> Option<f64> {
        Some(self.values[1].known()? - self.values[0].known()?)
    }
}

/// The candidates with the greatest probability in either trace, largest first.
fn pairs<'a>(steps: [&'a Step; 2], options: &Compare) -> Vec<Pair<'a>> {
    let value = |step: &Step, id: u32| match step.candidates.iter().find(|candidate| candidate.id == id) {
        Some(candidate) => Value::Known(options.stage.of(candidate)),
        None => Value::AtMost(bound(step, options.stage)),
    };
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    for candidate in steps.into_iter().flat_map(|step| &step.candidates) {
        if !pairs.iter().any(|pair| pair.candidate.id == candidate.id) {
            pairs.push(Pair { candidate, values: steps.map(|step| value(step, candidate.id)) });
        }
    }
    let greatest = |pair: &Pair<'_>| pair.values[0].length().max(pair.values[1].length());
    pairs.sort_by(|a, b| greatest(b).total_cmp(&greatest(a)).then(a.candidate.id.cmp(&b.candidate.id)));
    pairs.truncate(options.count);
    pairs
}

/// The greatest probability that a token can have which a step does not list.
fn bound(step: &Step, stage: ProbKind) -> f64 {
    // The candidates without a gap in their ranks. A chosen token may rank far behind them.
    let listed =
        step.candidates.iter().enumerate().take_while(|(index, candidate)| candidate.rank == index + 1);
    let rest = 1.0 - step.candidates.iter().map(|candidate| stage.of(candidate)).sum::<f64>();
    match stage {
        ProbKind::Model => {
            listed.last().map_or(1.0, |(_, candidate)| candidate.prob).min(step.other_prob.max(0.0))
        }
        // Penalties may have changed the order, so only the remaining mass is a bound.
        _ => rest.max(0.0),
    }
}

/// The mass of all tokens that have no pair.
fn other(step: &Step, side: usize, pairs: &[Pair<'_>], stage: ProbKind) -> f64 {
    let shown = |candidate: &&Candidate| pairs.iter().any(|pair| pair.candidate.id == candidate.id);
    let other = match stage {
        ProbKind::Model => {
            let hidden = step.candidates.iter().filter(|candidate| !shown(candidate));
            step.other_prob + hidden.map(|candidate| candidate.prob).sum::<f64>()
        }
        _ => 1.0 - pairs.iter().map(|pair| pair.values[side].length()).sum::<f64>(),
    };
    if other < 1e-9 { 0.0 } else { other.min(1.0) }
}

fn default_names(traces: [&Trace; 2], contexts: &[String; 2], lang: Lang) -> [String; 2] {
    let models = traces.map(|trace| trace.model.name.clone());
    let settings = traces.map(|trace| words::settings(&trace.sampling, lang).join(", "));
    if contexts[0] != contexts[1] {
        [0, 1].map(|side| words::quoted(&contexts[side], lang))
    } else if models[0] != models[1] {
        models
    } else if settings[0] != settings[1] {
        settings
    } else {
        [phrases::first(lang), phrases::second(lang)].map(str::to_owned)
    }
}

fn title(lang: Lang) -> &'static str {
    phrases::compared(lang)
}

fn subtitle(traces: [&Trace; 2], steps: [&Step; 2], stage: ProbKind, lang: Lang) -> Vec<String> {
    let [mut first, second] = [0, 1].map(|side| next_token::subtitle(traces[side], steps[side], stage, lang));
    // The name of a trace tells what holds for that trace alone.
    first.retain(|part| second.contains(part));
    first
}

/// The colours of the two sides.
fn colors(page: &Page<'_>) -> [&'static str; 2] {
    [page.palette.bar, page.palette.accent]
}

fn legend(page: &mut Page<'_>, names: &[String; 2]) {
    const SWATCH: f64 = 11.0;
    let setting = page.setting(LABEL, Weight::Regular);
    page.y -= 4.0;
    for (name, fill) in names.iter().zip(colors(page)) {
        let middle = page.y + 10.0;
        let bounds = Bounds { x: page.margin, y: middle - SWATCH / 2.0, width: SWATCH, height: SWATCH };
        page.items.push(Item::Rect { bounds, fill });
        let name = setting.fit_end(name, page.inner() - SWATCH - GAP);
        let (x, y) = (page.margin + SWATCH + GAP, Text::centred(middle, LABEL));
        page.text(name, x, y, Anchor::Start, LABEL, Weight::Regular, page.palette.text);
        page.y += 21.0;
    }
    page.y += 12.0;
}

/// A difference of probabilities, in percentage points.
fn points(difference: f64, lang: Lang) -> String {
    let unit = phrases::points(lang);
    let hundredths = difference * 100.0;
    let text =
        if hundredths.abs() < 0.995 { format!("{hundredths:+.2}") } else { format!("{hundredths:+.1}") };
    // A difference that is rounded to 0 has no sign.
    let text = if matches!(text.as_str(), "+0.00" | "-0.00") { "±0".to_owned() } else { text };
    format!("{} {unit}", text.replace('-', "−"))
}

/// Sets the pairs of bars below one another.
fn draw(page: &mut Page<'_>, pairs: &[Pair<'_>], others: [f64; 2], other_count: usize) {
    const THICKNESS: f64 = 11.0;
    /// The distance from the middle of a pair to the middle of each bar.
    const APART: f64 = 7.5;
    const PITCH: f64 = 38.0;
    let (palette, lang) = (page.palette, page.style.lang);
    let mut rows: Vec<(String, [Value; 2], Option<f64>, bool)> =
        pairs.iter().map(|pair| (label(pair.candidate), pair.values, pair.difference(), false)).collect();
    if other_count > 0 {
        let difference = Some(others[1] - others[0]);
        rows.push((words::other(other_count, lang), others.map(Value::Known), difference, true));
    }
    let regular = page.setting(LABEL, Weight::Regular);
    let note = page.setting(NOTE, Weight::Regular);
    let change = |difference: &Option<f64>| difference.map_or("–".to_owned(), |value| points(value, lang));
    let heading = phrases::change(lang);
    let changes = rows.iter().map(|row| note.measure(&change(&row.2))).fold(note.measure(heading), f64::max);
    let numbers =
        rows.iter().flat_map(|row| row.1).map(|value| note.measure(&value.text())).fold(0.0, f64::max);
    let most = (page.inner() * 0.34).min(page.inner() - numbers - changes - 3.0 * GAP - 24.0);
    let label_width = bar_row::label_width(rows.iter().map(|row| regular.measure(&row.0)), most);
    let zero = page.margin + label_width + GAP;
    let right = page.width - page.margin;
    let room = right - changes - GAP - numbers - GAP - zero;
    let greatest = rows.iter().flat_map(|row| row.1).map(Value::length).fold(0.0, f64::max);
    let scale = if greatest > 0.0 { room / greatest } else { 0.0 };

    let y = page.y + NOTE * ASCENT;
    page.text(heading.to_owned(), right, y, Anchor::End, NOTE, Weight::Regular, palette.muted);
    page.y += 18.0;
    let top = page.y;
    for (label, values, difference, is_other) in &rows {
        let middle = page.y + PITCH / 2.0;
        let color = if *is_other { palette.muted } else { palette.text };
        let sides = values.iter().zip(colors(page)).zip([middle - APART, middle + APART]);
        let bars = sides.map(|((value, side), middle)| {
            let (fill, hatch) = if *is_other { (palette.other, Some(side)) } else { (side, None) };
            Bar {
                zero,
                middle,
                length: bar_row::length(value.length(), value.length() * scale),
                thickness: THICKNESS,
                fill,
                hatch,
                number: value.text(),
                size: NOTE,
                mark: None,
                tooltip: format!("{label} · {}", value.text()),
            }
        });
        let (size, weight, bars) = (LABEL, Weight::Regular, bars.collect());
        Row { label, label_width, middle, size, color, weight, bars }.draw(page);
        let y = Text::centred(middle, NOTE);
        page.text(change(difference), right, y, Anchor::End, NOTE, Weight::Regular, palette.muted);
        page.y += PITCH;
    }
    page.items.push(bar_row::zero_line(page, zero, (top, page.y)));
}

fn alt_text(names: &[String; 2], pairs: &[Pair<'_>], stage: ProbKind, lang: Lang) -> String {
    /// How many candidates an alternative text names.
    const TOLD: usize = 10;
    let items: Vec<String> = pairs
        .iter()
        .take(TOLD)
        .map(|pair| {
            let [first, second] = pair.values.map(Value::text);
            format!("{} {first} → {second}", words::quoted(&label(pair.candidate), lang))
        })
        .collect();
    let (list, stage) = (words::list(&items, lang), stage.words(lang));
    let [first, second] = names;
    phrases::compared_told(lang, first, second, stage, &list)
}

/// A table with a row for each candidate and trace. If the trace does not list the candidate, the row has
/// `prob_at_most`.
fn table(names: &[String; 2], pairs: &[Pair<'_>], others: [f64; 2], other_count: usize) -> Table {
    let mut table = Table::new(&["run", "id", "token", "text", "prob", "prob_at_most"]);
    for (side, name) in names.iter().enumerate() {
        for pair in pairs {
            let (known, bound) = match pair.values[side] {
                Value::Known(value) => (Cell::Number(value), Cell::Empty),
                Value::AtMost(value) => (Cell::Empty, Cell::Number(value)),
            };
            table.rows.push(vec![
                Cell::Text(name.clone()),
                Cell::Count(pair.candidate.id.into()),
                Cell::Text(label(pair.candidate)),
                Cell::text(pair.candidate.text.as_deref()),
                known,
                bound,
            ]);
        }
        if other_count > 0 {
            let token = Cell::Text(words::other(other_count, Lang::En));
            let (name, mass) = (Cell::Text(name.clone()), Cell::Number(others[side]));
            table.rows.push(vec![name, Cell::Empty, token, Cell::Empty, mass, Cell::Empty]);
        }
    }
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_model(
    "compare",
    &[Example {
        name: "compare",
        draw: |of, style| {
            let of_words = |words: &[&str]| [example::saying(words), example::saying_backwards(words)];
            let [first, second] = of.record(of_words, || {
                let first = example::japanese();
                let mut second = first.clone();
                let words = [("、", 6.0), ("猫", 5.2), ("犬", 4.9)];
                second.steps[0] = example::step(3, &words, 4_096, 1.2e3, None);
                let ids = [107, 100, 4_000];
                for (candidate, id) in second.steps[0].candidates.iter_mut().zip(ids) {
                    candidate.id = id;
                }
                [first, second]
            });
            let names =
                of.record(|words| [words[0], words[words.len() / 2]], || ["全ヘッド", "ヘッド 3.1 なし"]);
            let names = Some(names.map(str::to_owned));
            let options = Compare { names, count: of.count(6), ..Compare::default() };
            compare([&first, &second], &options, style)
        },
        golden: Golden::Plain,
    }],
    &[Picture::new(
        "without-head",
        ["ヘッドを外す", "Without a head"],
        "next-token 吾輩は猫で --zero-head 2.1 --top 6",
    )],
);
