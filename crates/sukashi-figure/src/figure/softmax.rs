//! The figure `softmax`: the small experiment of textbooks, from logits to probabilities at several temperatures.

use super::bar_row::Kind;
use super::bars::Bar;
use super::example;
use super::fonts::Weight;
use super::kind::{Example, FigureKind, Golden, Picture};
use super::page::Page;
use super::panels::{self, Heading};
use super::phrases;
use super::provenance::Provenance;
use super::scene::{ASCENT, Anchor, Item, LABEL, NOTE, Text};
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words::{self, percent};
use super::{Contents, Figure};
use crate::sampling::Softmax;
use crate::trace::visible;
use crate::{Error, Result};

/// A vocabulary of a few tokens: the record that [`softmax`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    /// The names of the tokens: one for each logit.
    pub names: Vec<String>,
    /// The logits, which are finite.
    pub logits: Vec<f32>,
    /// The temperatures, which are above 0.
    pub temperatures: Vec<f64>,
}

/// The most logits and temperatures of a small experiment.
const MAX_LOGITS: usize = 40;
const MAX_TEMPERATURES: usize = 12;

/// Draws what softmax makes of a few logits at several temperatures. Each temperature has a panel of bars, all panels
/// have one scale, and a table has all numbers. The sampler uses the same softmax.
///
/// ```
/// use sukashi_figure::figure::{Logits, Style, softmax};
///
/// let names = ["Beijing", "Shanghai", "Guangzhou"].map(str::to_owned).to_vec();
/// let record = Logits { names, logits: vec![3.0, 1.5, 0.5], temperatures: vec![0.5, 1.0, 2.0] };
/// let figure = softmax(&record, &Style::default())?;
/// assert!(figure.alt_text().contains("0.7662"));
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If there are no logits or more than 40, if their number differs from that of the names, or if one is not finite. If
/// there are no temperatures or more than 12, or if one is not finite and above 0.
pub fn softmax(record: &Logits, style: &Style) -> Result<Figure> {
    check(record)?;
    let lang = style.lang;
    let columns: Vec<Column> = record.temperatures.iter().map(|t| Column::new(&record.logits, *t)).collect();
    let names: Vec<String> =
        record.names.iter().map(|name| visible::on_shelves(&visible::name(name))).collect();

    let mut page = Page::new(style)?;
    page.title("", |_| title(lang).to_owned());
    page.subtitle(&["softmax(z / T)".to_owned()]);
    let bars: Vec<Vec<Bar>> = columns
        .iter()
        .map(|column| {
            let bar = |(name, value): (&String, &f64)| Bar {
                label: name.clone(),
                value: *value,
                kind: Kind::Candidate,
                tooltip: format!("{name} · {} · {}", column.name(), percent(*value)),
            };
            names.iter().zip(&column.probs).map(bar).collect()
        })
        .collect();
    let draw = |page: &mut Page<'_>, index: usize, (x, y): (f64, f64), _| {
        let color = page.palette.text;
        page.text(columns[index].name(), x, y + LABEL * ASCENT, Anchor::Start, LABEL, Weight::Bold, color);
    };
    panels::grid(&mut page, &bars, false, &Heading { height: 24.0, draw });
    page.y += 18.0;
    numbers(&mut page, record, &names, &columns);

    let contents = Contents {
        kind: "softmax",
        title: title(lang).to_owned(),
        alt_text: alt_text(record, &names, &columns, lang),
        table: table(record, &columns),
    };
    let provenance = Provenance::of_numbers(env!("CARGO_PKG_VERSION"));
    Ok(Figure::of(provenance, style, page, contents, Vec::new()))
}

/// The probabilities at one temperature.
struct Column {
    temperature: f64,
    probs: Vec<f64>,
    entropy_bits: f64,
}

impl Column {
    fn new(logits: &[f32], temperature: f64) -> Self {
        let softmax = Softmax::new(logits, temperature);
        let probs = logits.iter().map(|logit| softmax.prob(f64::from(*logit))).collect();
        Self { temperature, probs, entropy_bits: softmax.entropy_bits() }
    }

    fn name(&self) -> String {
        words::temperature(self.temperature)
    }
}

fn check(record: &Logits) -> Result<()> {
    let refused = |what: String, expected: String| {
        Err(Error::input(format!("cannot draw the softmax of {what}")).detail(format!("expected {expected}")))
    };
    let Logits { names, logits, temperatures } = record;
    if logits.is_empty() || logits.len() > MAX_LOGITS {
        return refused(format!("{} logits", logits.len()), format!("1 to {MAX_LOGITS}"));
    }
    if names.len() != logits.len() {
        let found = format!("{} logits with {} names", logits.len(), names.len());
        return refused(found, "a name for each logit".to_owned());
    }
    if let Some((index, logit)) = logits.iter().enumerate().find(|(_, logit)| !logit.is_finite()) {
        return refused(format!("logit {}, {logit}", index + 1), "a finite number".to_owned());
    }
    if temperatures.is_empty() || temperatures.len() > MAX_TEMPERATURES {
        return refused(format!("{} temperatures", temperatures.len()), format!("1 to {MAX_TEMPERATURES}"));
    }
    match temperatures.iter().find(|t| !t.is_finite() || **t <= 0.0) {
        Some(bad) => refused(format!("temperature {bad}"), "a finite temperature above 0".to_owned()),
        None => Ok(()),
    }
}

fn title(lang: Lang) -> &'static str {
    phrases::softmax(lang)
}

/// Prints the logits, and all probabilities to four decimals, with as many temperatures side by side as fit.
fn numbers(page: &mut Page<'_>, record: &Logits, names: &[String], columns: &[Column]) {
    const ROW: f64 = 19.0;
    const GAP: f64 = 14.0;
    let (palette, lang) = (page.palette, page.style.lang);
    let setting = page.setting(NOTE, Weight::Regular);
    let heading = phrases::logit(lang);
    let logits: Vec<String> = record.logits.iter().map(f32::to_string).collect();
    let widest = |texts: &mut dyn Iterator<Item = String>| {
        texts.map(|text| setting.measure(&text)).fold(0.0, f64::max)
    };
    let width = widest(&mut columns.iter().map(Column::name)).max(setting.measure("0.0000")) + GAP;
    let logit_width =
        widest(&mut logits.iter().cloned().chain([heading.to_owned()])).min(page.inner() / 3.0) + GAP;
    let most = page.inner() - logit_width - width;
    let first = widest(&mut names.iter().cloned().chain([words::entropy(lang).to_owned()])).min(most);
    let fitting = (((page.inner() - first - logit_width) / width).floor() as usize).max(1);
    for (index, group) in columns.chunks(fitting).enumerate() {
        page.y += if index > 0 { 10.0 } else { 0.0 };
        let row = |page: &mut Page<'_>, name: &str, logit: &str, values: &[String], color, weight| {
            let y = Text::centred(page.y + ROW / 2.0, NOTE);
            let setting = page.setting(NOTE, weight);
            let name = setting.fit_start(name, first + 0.01);
            page.text(name, page.margin, y, Anchor::Start, NOTE, weight, color);
            let logit = setting.fit_start(logit, logit_width);
            let mut x = page.margin + first + logit_width;
            page.text(logit, x, y, Anchor::End, NOTE, weight, color);
            for value in values {
                x += width;
                page.text(value.clone(), x, y, Anchor::End, NOTE, weight, color);
            }
            page.y += ROW;
        };
        let temperatures: Vec<String> = group.iter().map(Column::name).collect();
        row(page, "", heading, &temperatures, palette.muted, Weight::Regular);
        for (token, name) in names.iter().enumerate() {
            let values: Vec<String> =
                group.iter().map(|column| format!("{:.4}", column.probs[token])).collect();
            row(page, name, &logits[token], &values, palette.text, Weight::Regular);
        }
        let entropies: Vec<String> =
            group.iter().map(|column| format!("{:.4}", column.entropy_bits)).collect();
        row(page, words::entropy(lang), "", &entropies, palette.muted, Weight::Regular);
        let y = page.y - ROW;
        let points =
            vec![(page.margin, y), (page.margin + first + logit_width + width * group.len() as f64, y)];
        page.items.push(Item::Line { points, stroke: palette.guide, width: 1.0, dash: None });
    }
}

fn alt_text(record: &Logits, names: &[String], columns: &[Column], lang: Lang) -> String {
    let items = |values: &mut dyn Iterator<Item = String>| {
        let items: Vec<String> = names
            .iter()
            .zip(values)
            .map(|(name, value)| format!("{} {value}", words::quoted(name, lang)))
            .collect();
        words::list(&items, lang)
    };
    let logits = items(&mut record.logits.iter().map(f32::to_string));
    let sentences: Vec<String> = columns
        .iter()
        .map(|column| {
            format!("{}: {}", column.name(), items(&mut column.probs.iter().map(|prob| format!("{prob:.4}"))))
        })
        .collect();
    phrases::softmax_told(lang, logits, sentences.join(phrases::sentence_end(lang)))
}

fn table(record: &Logits, columns: &[Column]) -> Table {
    let mut table = Table::new(&["temperature", "token", "logit", "prob", "entropy_bits"]);
    for column in columns {
        for ((name, logit), prob) in record.names.iter().zip(&record.logits).zip(&column.probs) {
            table.rows.push(vec![
                Cell::Number(column.temperature),
                Cell::Text(name.clone()),
                Cell::Single(*logit),
                Cell::Number(*prob),
                Cell::Number(column.entropy_bits),
            ]);
        }
    }
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_numbers(
    "softmax",
    &[Example {
        name: "softmax",
        draw: |of, style| {
            let of_words = |words: &[&str]| Logits {
                names: words.iter().map(|word| (*word).to_owned()).collect(),
                logits: (0..words.len()).map(|index| 4.0 - index as f32 * 0.4).collect(),
                temperatures: vec![0.5, 1.0, 2.0],
            };
            softmax(&of.record(of_words, example::logits), style)
        },
        golden: Golden::Plain,
    }],
    &[Picture::new(
        "softmax",
        ["ロジットから確率へ", "From logits to probabilities"],
        "softmax --logits 3,1.5,0.5 --names Beijing,Shanghai,Guangzhou --temperatures 0.5,1,2",
    )],
);
