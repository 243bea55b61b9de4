//! Lines of a chart: their look, the place of their plot, and the names at their ends.

use super::axis;
use super::fonts::Weight;
use super::page::Page;
use super::scene::{Anchor, Item, NOTE, Text};
use super::style::Theme;

/// The space between a line's end and its label.
pub(super) const LABEL_GAP: f64 = 26.0;
/// A line's colour and dashes.
pub(super) type Look = (&'static str, Option<&'static str>);

/// The width of the widest text.
pub(super) fn widest(page: &Page<'_>, names: impl Iterator<Item = String>) -> f64 {
    names.map(|name| page.measure(&name, NOTE, Weight::Bold)).fold(0.0, f64::max)
}

/// The left and right edge of a plot, with the names of ticks on its left and those of lines on its right.
pub(super) fn plot_edges(page: &Page<'_>, left_names: f64, right_names: f64, log: bool) -> (f64, f64) {
    // The widest name that a tick can have.
    let ticks = page.measure(if log { "0.0001%" } else { "0.05%" }, NOTE, Weight::Regular);
    let left = page.margin + ticks.max(left_names) + 8.0;
    (left, page.width - page.margin - right_names - LABEL_GAP)
}

/// The height of a plot of probabilities.
pub(super) fn plot_height(page: &Page<'_>) -> f64 {
    (page.width * 0.4).clamp(190.0, 300.0)
}

/// The look of one of several lines: its colour and its dashes.
pub(super) fn series(page: &Page<'_>, index: usize) -> Look {
    const DASHES: [Option<&str>; 5] = [None, Some("6 3"), Some("2 2"), Some("8 3 2 3"), Some("4 4")];
    let series = page.palette.series;
    // On paper, and if colours repeat, dashes tell lines apart.
    let round = if page.style.theme == Theme::Print { index } else { index / series.len() };
    (series[index % series.len()], DASHES[round % DASHES.len()])
}

/// The end of a line, where its name is written.
pub(super) struct End {
    pub(super) name: String,
    /// Where the thin line to the name begins.
    pub(super) from: (f64, f64),
    pub(super) look: Look,
    pub(super) width: f64,
    pub(super) weight: Weight,
}

/// Writes the names of lines right of the plot, at least `pitch` apart.
pub(super) fn end_names(
    page: &mut Page<'_>,
    ends: Vec<End>,
    pitch: f64,
    (right, top, bottom): (f64, f64, f64),
) {
    let wanted: Vec<f64> = ends.iter().map(|end| end.from.1).collect();
    let placed = axis::spread(&wanted, pitch, top, bottom);
    for (end, y) in ends.into_iter().zip(placed) {
        let points = vec![end.from, (right + 3.0, y)];
        page.items.push(Item::Line { points, stroke: page.palette.hatch, width: 1.0, dash: None });
        // Bright line colours are too pale for letters. The short line before the name has the colour.
        let (stroke, dash) = end.look;
        let points = vec![(right + 4.0, y), (right + LABEL_GAP - 5.0, y)];
        page.items.push(Item::Line { points, stroke, width: end.width, dash });
        let (x, baseline) = (right + LABEL_GAP, Text::centred(y, NOTE));
        page.text(end.name, x, baseline, Anchor::Start, NOTE, end.weight, page.palette.text);
    }
}
