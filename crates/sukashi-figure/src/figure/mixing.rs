//! The figure `mixing`: attention on a few vectors, from Q, K and V to scores, weights and output.

use super::example;
use super::fonts::Weight;
use super::kind::{Example, FigureKind, Golden, Picture};
use super::page::Page;
use super::phrases;
use super::provenance::Provenance;
use super::scene::{ASCENT, Anchor, Bounds, Item, LABEL, NOTE, Text};
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words;
use super::{Contents, Figure};
use crate::trace::{Mixing, visible};
use crate::{Error, Result};

/// The most tokens, or channels, that fit into a figure.
const MAX_SIZE: usize = 16;

/// Draws what one attention head makes of a few tokens: Q, K and V, their scores, the weights as filled cells, and the
/// output. The figure prints every number.
///
/// # Errors
///
/// If the record has no tokens or more than 16. If it has rows of more than 16 numbers, rows of different lengths, or
/// numbers that are not finite. If the numbers of a row are wider than the figure.
pub fn mixing(mixing: &Mixing, style: &Style) -> Result<Figure> {
    let lang = style.lang;
    let matrices = [
        Grid::new("Q", "Q".to_owned(), &mixing.q, false),
        Grid::new("K", "K".to_owned(), &mixing.k, false),
        Grid::new("V", "V".to_owned(), &mixing.v, false),
        Grid::new("scores", scores_title(lang), &mixing.scores, false),
        Grid::new("weights", weights_title(lang), &mixing.weights, true),
        Grid::new("output", output_title(lang), &mixing.output, false),
    ];
    for grid in &matrices {
        grid.check(mixing.names.len())?;
    }
    let names: Vec<String> =
        mixing.names.iter().map(|name| visible::on_shelves(&visible::name(name))).collect();

    let mut page = Page::new(style)?;
    page.title("", |_| title(lang).to_owned());
    let mask = if mixing.causal { phrases::mask_set(lang) } else { phrases::mask(lang) };
    page.subtitle(&["softmax(QK^T / √d) V".to_owned(), mask.to_owned()]);
    draw(&mut page, &matrices, &names, mixing.causal)?;

    let contents = Contents {
        kind: "mixing",
        title: title(lang).to_owned(),
        alt_text: alt_text(mixing, &names, lang),
        table: table(&matrices, mixing),
    };
    let provenance = Provenance::of_numbers(env!("CARGO_PKG_VERSION")).on(&mixing.adapter);
    Ok(Figure::of(provenance, style, page, contents, Vec::new()))
}

fn title(lang: Lang) -> &'static str {
    phrases::mixing(lang)
}

fn scores_title(lang: Lang) -> String {
    phrases::mixing_scores(lang).to_owned()
}

fn weights_title(lang: Lang) -> String {
    phrases::mixing_weights(lang).to_owned()
}

fn output_title(lang: Lang) -> String {
    phrases::mixing_output(lang).to_owned()
}

/// A matrix to draw.
struct Grid<'a> {
    name: &'static str,
    title: String,
    rows: &'a [Vec<f32>],
    is_heat: bool,
}

const ROW: f64 = 24.0;
const CELL_GAP: f64 = 14.0;
/// The short name, for narrow places.
const CLOSEST_GAP: f64 = 5.0;
/// The decimals of calculated numbers, and those that remain if there is little room.
const DECIMALS: usize = 3;
const FEWEST_DECIMALS: usize = 2;
/// The space between names and numbers, and the width that names keep if there is little room.
const NAME_GAP: f64 = 8.0;
const SHORTEST_NAME: f64 = 30.0;
const GAP: f64 = 28.0;

impl<'a> Grid<'a> {
    fn new(name: &'static str, title: String, rows: &'a [Vec<f32>], is_heat: bool) -> Self {
        Self { name, title, rows, is_heat }
    }

    fn check(&self, num_tokens: usize) -> Result<()> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let sound = (1..=MAX_SIZE).contains(&num_tokens)
            && self.rows.len() == num_tokens
            && (1..=MAX_SIZE).contains(&columns)
            && self.rows.iter().all(|row| row.len() == columns && row.iter().all(|value| value.is_finite()));
        if sound {
            return Ok(());
        }
        Err(Error::input(format!("cannot draw the matrix {}", self.name))
            .detail(format!(
                "found {} rows, the first of {columns} numbers, for {num_tokens} tokens",
                self.rows.len()
            ))
            .detail(format!("expected 1 to {MAX_SIZE} of either, rows of one length, and finite numbers")))
    }

    fn text(&self, value: f32, decimals: usize) -> String {
        let calculated = !matches!(self.name, "Q" | "K" | "V");
        let text = if calculated { format!("{value:.decimals$}") } else { value.to_string() };
        // A number that is rounded to 0 has no sign.
        let text = if text.trim_start_matches('-').chars().all(|c| "0.".contains(c)) {
            text.trim_start_matches('-').to_owned()
        } else {
            text
        };
        text.replace('-', "−")
    }

    /// The width of the widest number.
    fn number_width(&self, page: &Page<'_>, decimals: usize) -> f64 {
        let setting = page.setting(NOTE, Weight::Regular);
        let values = self.rows.iter().flatten().map(|value| setting.measure(&self.text(*value, decimals)));
        values.fold(0.0, f64::max)
    }

    fn columns(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }
}

/// Sets as many matrices beside one another as fit. If a matrix is too wide, its numbers stand closer, its names are
/// cut, and calculated numbers lose a decimal.
fn draw(page: &mut Page<'_>, grids: &[Grid<'_>], names: &[String], causal: bool) -> Result<()> {
    let (left, right) = (page.margin, page.width - page.margin);
    let setting = page.setting(NOTE, Weight::Regular);
    let longest = names.iter().map(|name| setting.measure(name)).fold(0.0, f64::max);
    let shortest = longest.min(SHORTEST_NAME) + NAME_GAP;
    let widest = |decimals| {
        let closest =
            |grid: &Grid<'_>| (grid.number_width(page, decimals) + CLOSEST_GAP) * grid.columns() as f64;
        grids.iter().map(closest).fold(0.0, f64::max)
    };
    let decimals = if widest(DECIMALS) + shortest <= page.inner() { DECIMALS } else { FEWEST_DECIMALS };
    let widest = widest(decimals);
    if widest + shortest > page.inner() {
        let width = Page::width_around(widest + shortest);
        return Err(Error::input("cannot draw the matrices: the numbers of a row are wider than the figure")
            .detail(format!("found a figure of {:.0} px, expected at least {width} px", page.width))
            .hint("a greater width, fewer tokens, or numbers of fewer digits"));
    }
    let labels = (longest.min(page.inner() * 0.22) + NAME_GAP).min(page.inner() - widest);
    let mut x = left;
    let mut top = page.y;
    for grid in grids {
        let title = page.measure(&grid.title, LABEL, Weight::Bold);
        let room = page.inner() - labels;
        let cell = (grid.number_width(page, decimals) + CELL_GAP).min(room / grid.columns() as f64);
        let cells = cell * grid.columns() as f64;
        let width = labels + cells.max(title.min(room));
        if x > left && x + width > right {
            (x, top) = (left, page.y + 16.0);
        }
        matrix(page, grid, names, (x, top), &Cells { labels, cell, decimals, causal });
        x += width + GAP;
    }
    Ok(())
}

/// The layout that all matrices of a figure share.
struct Cells {
    /// The width of names, and the space behind them.
    labels: f64,
    /// The width of a cell.
    cell: f64,
    decimals: usize,
    causal: bool,
}

fn matrix(
    page: &mut Page<'_>,
    grid: &Grid<'_>,
    names: &[String],
    (x, top): (f64, f64),
    &Cells { labels, cell, decimals, causal }: &Cells,
) {
    let palette = page.palette;
    let regular = page.setting(NOTE, Weight::Regular);
    let start = x + labels;
    let title = page.setting(LABEL, Weight::Bold).fit_start(&grid.title, page.width - page.margin - start);
    page.text(title, start, top + LABEL * ASCENT, Anchor::Start, LABEL, Weight::Bold, palette.text);
    let mut y = top + 24.0;
    for (row, (values, name)) in grid.rows.iter().zip(names).enumerate() {
        let middle = y + ROW / 2.0;
        let baseline = Text::centred(middle, NOTE);
        let shown = regular.fit_start(name, labels - NAME_GAP + 0.01);
        page.text(shown, start - NAME_GAP, baseline, Anchor::End, NOTE, Weight::Regular, palette.muted);
        for (column, value) in values.iter().enumerate() {
            let cell_x = start + column as f64 * cell;
            let hidden = causal && column > row && matches!(grid.name, "scores" | "weights");
            if grid.is_heat && !hidden {
                // The bar's length is the weight, so that it can be read without colour.
                let width = (cell - 2.0) * f64::from(value.clamp(0.0, 1.0));
                let ground = Bounds { x: cell_x, y: y + 1.0, width: cell - 2.0, height: ROW - 2.0 };
                page.items.push(Item::Rect { bounds: ground, fill: palette.guide });
                page.items.push(Item::Rect { bounds: Bounds { width, ..ground }, fill: palette.bar });
            }
            let content = grid.text(*value, decimals);
            let color = if hidden { palette.cut } else { palette.text };
            let x = cell_x + (cell - 2.0) / 2.0;
            page.text(content, x, baseline, Anchor::Middle, NOTE, Weight::Regular, color);
        }
        y += ROW;
    }
    page.y = page.y.max(y);
}

fn alt_text(mixing: &Mixing, names: &[String], lang: Lang) -> String {
    let rows: Vec<String> = names
        .iter()
        .zip(&mixing.weights)
        .map(|(name, weights)| {
            let items: Vec<String> =
                names.iter().zip(weights).map(|(other, weight)| format!("{other} {weight:.3}")).collect();
            format!("{}: {}", words::quoted(name, lang), words::list(&items, lang))
        })
        .collect();
    phrases::mixing_told(lang, rows.join(phrases::sentence_end(lang)))
}

fn table(grids: &[Grid<'_>], mixing: &Mixing) -> Table {
    let mut table = Table::new(&["matrix", "row", "token", "column", "value"]);
    for grid in grids {
        for (row, values) in grid.rows.iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                table.rows.push(vec![
                    Cell::Text(grid.name.to_owned()),
                    Cell::Count(row as u64 + 1),
                    Cell::Text(mixing.names[row].clone()),
                    Cell::Count(column as u64 + 1),
                    Cell::Single(*value),
                ]);
            }
        }
    }
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_numbers(
    "mixing",
    &[Example {
        name: "mixing",
        draw: |of, style| {
            let words = of.words();
            let size = words.len().min(16);
            let matrix = |columns: usize| vec![vec![0.25_f32; columns]; size];
            let mixed = Mixing {
                adapter: example::japanese().adapter,
                names: words[..size].iter().map(|word| (*word).to_owned()).collect(),
                q: matrix(2),
                k: matrix(2),
                v: matrix(3),
                scores: matrix(size),
                weights: matrix(size),
                output: matrix(3),
                causal: false,
            };
            mixing(&mixed, style)
        },
        golden: Golden::Elsewhere,
    }],
    &[
        Picture::new(
            "mixing",
            ["アテンションによる混合", "Attention mixes vectors"],
            "mixing --x 1,0;0,1;1,1 --names 猫,が,鳴く --device cpu",
        ),
        Picture::new(
            "mixing-causal",
            ["後ろを見ないアテンション", "Attention that does not look ahead"],
            "mixing --x 1,0;0,1;1,1 --names 猫,が,鳴く --causal --device cpu",
        ),
    ],
);
