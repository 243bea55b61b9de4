//! The figure `lens`: what the model would predict after each layer, at each position.

use super::example;
use super::flag::{Flag, Options, named};
use super::fonts::Weight;
use super::heat;
use super::kind::{Example, FigureKind, Golden, Picture};
use super::page::Page;
use super::phrases;
use super::provenance::Provenance;
use super::scene::{Anchor, Bounds, Item, NOTE, Text};
use super::strip::name;
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::tokens::shortened;
use super::words::{self, grouped, percent};
use super::{Contents, Figure};
use crate::names;
use crate::trace::{Lens, LensCell, Record, visible};
use crate::{Error, Result};

/// A number that a cell can be coloured by and that stands below its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Metric {
    /// The probability of the token in the cell.
    #[default]
    Prob,
    /// The rank, after that layer, of the token that the model finally ranks first.
    Rank,
    /// The entropy of the distribution.
    Entropy,
    /// The divergence of the model's final distribution from the distribution of the cell.
    Kl,
}

names!(Metric, "metric", "prob" => Prob, "rank" => Rank, "entropy" => Entropy, "kl" => Kl);

impl Options for Metric {
    const FLAGS: &'static [Flag<Self>] = &[Flag::new(
        "metric",
        "Show this number: prob (of the shown token), rank (of the finally most probable token), entropy, or kl (divergence \
         from the final distribution)",
        named!("WHAT", Metric, metric => *metric),
    )];
}

/// A picture of more cells is too large for any viewer.
const MAX_CELLS: usize = 20_000;

/// Draws the logit lens, with a row for each layer and a column for each position. Each cell holds the most probable
/// token. Columns that do not fit beside each other continue below.
///
/// ```
/// use sukashi_figure::figure::{Metric, Style, lens};
///
/// # let record = sukashi_figure::figure::example::lens();
/// let figure = lens(&record, Metric::Kl, &Style::default())?;
/// assert!(figure.data_csv().lines().count() > 4);
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If the record contradicts itself, or has more than 20,000 cells.
pub fn lens(record: &Lens, metric: Metric, style: &Style) -> Result<Figure> {
    record.validate()?;
    let num_cells = record.layers.len() * record.positions.len();
    if num_cells > MAX_CELLS {
        return Err(Error::input("cannot draw this many cells").detail(format!(
            "found {} layers × {} positions, expected at most {MAX_CELLS} cells",
            record.layers.len(),
            record.positions.len()
        )));
    }
    let lang = style.lang;
    let most = metric.most(record);
    let mut page = Page::new(style)?;
    let text = record.prompt.text.as_deref().map(visible::line).unwrap_or_default();
    page.title(&text, |text| title(text, lang));
    let mut parts = words::model(&record.model, lang);
    parts.push(phrases::lens_how(lang).to_owned());
    page.subtitle(&parts);
    heat::legend(&mut page, metric.words(lang), &metric.ticks(most));
    page.y += 6.0;
    grid(&mut page, record, metric, most);

    let contents = Contents {
        kind: "lens",
        title: title(&shortened(&text), lang),
        alt_text: alt_text(record, metric, lang),
        table: table(record),
    };
    let provenance = Provenance::of_record(&record.version, &record.model, &record.adapter);
    Ok(Figure::of(provenance, style, page, contents, Vec::new()))
}

impl Metric {
    fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Prob => phrases::first_prob(lang),
            Self::Rank => phrases::final_rank(lang),
            Self::Entropy => phrases::entropy_in_bits(lang),
            Self::Kl => phrases::divergence(lang),
        }
    }

    /// The end of the scale.
    fn most(self, record: &Lens) -> f64 {
        let cells = record.layers.iter().flat_map(|layer| &layer.cells);
        match self {
            Self::Prob => 1.0,
            Self::Rank => cells.map(|cell| cell.rank).max().unwrap_or(1).max(10) as f64,
            Self::Entropy => cells.map(|cell| cell.entropy_bits).fold(1.0, f64::max).ceil(),
            Self::Kl => cells.map(|cell| cell.kl_bits).fold(1.0, f64::max).ceil(),
        }
    }

    /// A lighter cell has a higher number, but a lower rank.
    fn heat(self, cell: &LensCell, most: f64) -> f64 {
        match self {
            Self::Prob => cell.prob,
            Self::Rank => 1.0 - libm::log(cell.rank as f64) / libm::log(most),
            Self::Entropy => cell.entropy_bits / most,
            Self::Kl => cell.kl_bits / most,
        }
    }

    fn shown(self, cell: &LensCell) -> String {
        match self {
            Self::Prob => percent(cell.prob),
            Self::Rank => grouped(cell.rank),
            Self::Entropy => format!("{:.1}", cell.entropy_bits),
            Self::Kl => format!("{:.1}", cell.kl_bits.max(0.0)),
        }
    }

    fn ticks(self, most: f64) -> Vec<(f64, String)> {
        match self {
            Self::Prob => {
                [0, 25, 50, 75, 100].map(|tick| (f64::from(tick) / 100.0, format!("{tick}%"))).to_vec()
            }
            Self::Rank => {
                let decades = (libm::log10(most) + 1e-9) as u32;
                let place = |rank: f64| 1.0 - libm::log(rank) / libm::log(most);
                let ranks = (0..=decades).rev().map(|decade| 10_usize.pow(decade));
                ranks.map(|rank| (place(rank as f64), grouped(rank))).collect()
            }
            Self::Entropy | Self::Kl => {
                [0.0, 0.5, 1.0].map(|part| (part, format!("{}", part * most))).to_vec()
            }
        }
    }
}

fn title(text: &str, lang: Lang) -> String {
    if text.is_empty() { phrases::lens_of_nothing(lang).to_owned() } else { phrases::lens(lang, text) }
}

/// The name of a row.
fn row_name(point: &str, lang: Lang) -> String {
    let layer = point.strip_prefix("layers.").and_then(|rest| rest.split('.').next());
    match layer {
        Some(layer) => phrases::layer(lang, layer),
        None if point == "embed" => phrases::embedding(lang).to_owned(),
        None => visible::line(point).chars().take(40).collect(),
    }
}

/// The least and the greatest width of a cell. A longer token is cut.
const NARROWEST: f64 = 40.0;
const WIDEST: f64 = 64.0;
const CELL_HEIGHT: f64 = 32.0;
const HEADER_HEIGHT: f64 = 20.0;
const PADDING: f64 = 3.0;
const GAP: f64 = 8.0;
const BAND_GAP: f64 = 22.0;

/// Sets the cells in bands of as many columns as fit.
fn grid(page: &mut Page<'_>, record: &Lens, metric: Metric, most: f64) {
    let (lang, palette) = (page.style.lang, page.palette);
    let note = page.setting(NOTE, Weight::Regular);
    let bold = page.setting(NOTE, Weight::Bold);
    let names: Vec<String> = record
        .layers
        .iter()
        .map(|layer| note.fit_start(&row_name(&layer.point, lang), page.inner() / 4.0))
        .collect();
    let side = names.iter().map(|name| note.measure(name)).fold(0.0, f64::max) + GAP;
    let room = page.inner() - side;
    let header =
        |column: usize| record.prompt.tokens.get(record.positions[column]).map(name).unwrap_or_default();
    let headers: Vec<String> = (0..record.positions.len()).map(header).collect();
    let labels: Vec<Vec<String>> = record
        .layers
        .iter()
        .map(|layer| layer.cells.iter().map(|cell| name(&cell.token)).collect())
        .collect();
    let widest = labels.iter().flatten().map(|label| note.measure(label));
    let widest = widest.chain(headers.iter().map(|label| bold.measure(label))).fold(0.0, f64::max);
    let numbers = record.layers.iter().flat_map(|layer| &layer.cells);
    let numbers = numbers.map(|cell| note.measure(&metric.shown(cell))).fold(0.0, f64::max);
    let wanted = widest.min(WIDEST - 2.0 * PADDING).max(numbers) + 2.0 * PADDING + 1.0;
    let fitting = ((room / wanted.max(NARROWEST)) as usize).clamp(1, record.positions.len());
    // All bands have about the same number of columns. The remaining width goes to the cells that are too narrow.
    let num_bands = record.positions.len().div_ceil(fitting);
    let columns = record.positions.len().div_ceil(num_bands);
    let width = (room / columns as f64).min(WIDEST.max(wanted));
    let left = page.margin + side;
    let starts: Vec<usize> = (0..record.positions.len()).step_by(columns).collect();
    for (band, &start) in starts.iter().enumerate() {
        if band > 0 {
            page.y += BAND_GAP;
        }
        let end = (start + columns).min(record.positions.len());
        for (column, header) in headers[start..end].iter().enumerate() {
            let middle = left + (column as f64 + 0.5) * width;
            let content = bold.fit_start(header, width - 2.0 * PADDING);
            let y = Text::centred(page.y + HEADER_HEIGHT / 2.0, NOTE);
            page.text(content, middle, y, Anchor::Middle, NOTE, Weight::Bold, palette.text);
        }
        page.y += HEADER_HEIGHT;
        for (row, layer) in record.layers.iter().enumerate() {
            let y = Text::centred(page.y + CELL_HEIGHT / 2.0, NOTE);
            page.text(names[row].clone(), left - GAP, y, Anchor::End, NOTE, Weight::Regular, palette.muted);
            for column in start..end {
                let x = left + (column - start) as f64 * width;
                let bounds = Bounds { x, y: page.y, width: width - 1.0, height: CELL_HEIGHT - 1.0 };
                let (cell, label) = (&layer.cells[column], &labels[row][column]);
                let item =
                    cell_item(page, cell, (label, &headers[column], &names[row]), metric, (most, bounds));
                page.items.push(item);
            }
            page.y += CELL_HEIGHT;
        }
    }
}

fn cell_item(
    page: &Page<'_>,
    cell: &LensCell,
    (label, header, row): (&str, &str, &str),
    metric: Metric,
    (most, bounds): (f64, Bounds),
) -> Item {
    let shade = heat::shade(page.style.theme, metric.heat(cell, most));
    let text = |content: String, y: f64| {
        let y = Text::centred(y, NOTE);
        let x = bounds.x + bounds.width / 2.0;
        let (anchor, size, weight, color) = (Anchor::Middle, NOTE, Weight::Regular, shade.text);
        Item::Text(Text { content, x, y, anchor, size, weight, color, upwards: false })
    };
    let shown = page.setting(NOTE, Weight::Regular).fit_start(label, bounds.width - 2.0 * PADDING + 1.0);
    let tooltip = format!(
        "{header} · {row} · {label} · id {} · {} · {} · {:.2} bits · KL {:.2} bits",
        cell.token.id,
        percent(cell.prob),
        cell.rank,
        cell.entropy_bits,
        cell.kl_bits.max(0.0)
    );
    let items = vec![
        Item::Rect { bounds, fill: &shade.fill },
        text(shown, bounds.y + 9.0),
        text(metric.shown(cell), bounds.y + 22.5),
    ];
    Item::Mark { tooltip, items }
}

fn alt_text(record: &Lens, metric: Metric, lang: Lang) -> String {
    let last = record.positions.len() - 1;
    let items: Vec<String> = record
        .layers
        .iter()
        .map(|layer| {
            let cell = &layer.cells[last];
            let token = words::quoted(&name(&cell.token), lang);
            format!("{} {token} {}", row_name(&layer.point, lang), metric.shown(cell))
        })
        .collect();
    let list = words::list(&items, lang);
    let (rows, columns, metric) = (record.layers.len(), record.positions.len(), metric.words(lang));
    let last = record.prompt.tokens.get(record.positions[last]).map(name).unwrap_or_default();
    phrases::lens_told(lang, rows, columns, metric, last, list)
}

fn table(record: &Lens) -> Table {
    let mut table = Table::new(&[
        "point",
        "position",
        "input_token",
        "id",
        "token",
        "text",
        "prob",
        "rank",
        "entropy_bits",
        "kl_bits",
    ]);
    for layer in &record.layers {
        for (cell, &position) in layer.cells.iter().zip(&record.positions) {
            table.rows.push(vec![
                Cell::Text(layer.point.clone()),
                Cell::Count(position as u64),
                Cell::Text(record.prompt.tokens.get(position).map(name).unwrap_or_default()),
                Cell::Count(cell.token.id.into()),
                Cell::Text(name(&cell.token)),
                Cell::text(cell.token.text.as_deref()),
                Cell::Number(cell.prob),
                Cell::Count(cell.rank as u64),
                Cell::Number(cell.entropy_bits),
                Cell::Number(cell.kl_bits),
            ]);
        }
    }
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_model(
    "lens",
    &[
        Example {
            name: "lens",
            draw: |of, style| lens(&example::lens_of(of.words(), 6), Metric::Prob, style),
            golden: Golden::Captioned,
        },
        Example {
            name: "lens-rank",
            draw: |of, style| lens(&example::lens_of(of.words(), 6), Metric::Rank, style),
            golden: Golden::Captioned,
        },
        Example {
            name: "lens-entropy",
            draw: |of, style| lens(&example::lens_of(of.words(), 6), Metric::Entropy, style),
            golden: Golden::Captioned,
        },
        Example {
            name: "lens-kl",
            draw: |of, style| lens(&example::lens_of(of.words(), 6), Metric::Kl, style),
            golden: Golden::Captioned,
        },
    ],
    &[
        Picture::new("lens", ["ロジットレンズ", "The logit lens"], "lens 吾輩は猫である。名前は"),
        Picture::new(
            "lens-rank",
            ["最終的な首位の順位", "The rank of what comes first in the end"],
            "lens 吾輩は猫である。名前は --metric rank",
        ),
        Picture::new(
            "lens-entropy",
            ["層ごとのエントロピー", "Entropy, layer by layer"],
            "lens 吾輩は猫である。名前は --metric entropy",
        ),
        Picture::new(
            "lens-kl",
            ["最終的な予測との隔たり", "How far from the final prediction"],
            "lens 吾輩は猫である。名前は --metric kl",
        ),
        Picture::new(
            "gemma-lens",
            ["Gemma 3 270M: ロジットレンズ", "Gemma 3 270M: the logit lens"],
            "lens 東京は日本の --model gemma-3-270m.gguf",
        ),
    ],
);
