//! Probabilities over the temperature, with a line for each candidate, and the entropy below them.

use super::axis::{Axis, round_step};
use super::fonts::Weight;
use super::line_chart::{names, turned};
use super::page::Page;
use super::phrases;
use super::scene::{ASCENT, Anchor, Item, NOTE};
use super::series::{End, end_names, plot_edges, plot_height, series, widest};
use super::temperature_line::Line;
use super::words::{self, percent};
use crate::trace::Candidate;

/// The distance from one line's name to the next.
const NAME_PITCH: f64 = NOTE + 3.0;
/// The height of the panel of entropies.
const ENTROPY_HEIGHT: f64 = 96.0;
const LINE_WIDTH: f64 = 1.75;
/// The space between the end of a line and its name. The lines of hot distributions end close together.
const LEADER: f64 = 12.0;

/// The room between the edges and the dots at the ends.
const INSET: f64 = 6.0;

/// An axis of temperatures. It is logarithmic if they span more than a decade.
pub(super) fn axis((low, high): (f64, f64), ends: (f64, f64)) -> Axis {
    Axis::new((low, high), high > 10.0 * low, ends)
}

/// How many lines have room for their names, with the line for the rest.
pub(super) fn lines(page: &Page<'_>) -> usize {
    (plot_height(page) / NAME_PITCH).floor() as usize + 1
}

/// The places of the two panels.
struct Plot<'a> {
    left: f64,
    right: f64,
    /// The axis of the temperatures.
    axis: Axis,
    /// The temperatures that the caller gave, in ascending order.
    marked: &'a [Line],
    /// The given temperatures, and those between them.
    all: Vec<&'a Line>,
}

impl Plot<'_> {
    fn x(&self, temperature: f64) -> f64 {
        self.axis.at(temperature)
    }
}

/// Draws both panels and the table of their numbers, from the page's filled part downwards.
pub(super) fn draw(
    page: &mut Page<'_>,
    candidates: &[&Candidate],
    (marked, between): (&[Line], &[Line]),
    other_count: usize,
    log: bool,
) {
    let rows = names(candidates, other_count, page);
    let most = page.inner() * 0.22;
    let setting = page.setting(NOTE, Weight::Regular);
    let labels: Vec<String> = rows.iter().map(|row| setting.fit_start(row, most)).collect();
    let names_width = widest(page, labels.iter().cloned()).min(most);
    let (left, right) = plot_edges(page, 0.0, names_width + LEADER, log);
    let mut all: Vec<&Line> = marked.iter().chain(between).collect();
    all.sort_by(|a, b| a.temperature.total_cmp(&b.temperature));
    let end = |line: Option<&Line>| line.map_or(1.0, |line| line.temperature);
    let ends = (end(marked.first()), end(marked.last()));
    let plot = Plot { left, right, axis: axis(ends, (left + INSET, right - INSET)), marked, all };

    let (top, bottom) = (page.y + 6.0, page.y + 6.0 + plot_height(page));
    let probs = plot.all.iter().flat_map(|line| line.values(other_count));
    let axis = Axis::of_probs(probs, log, (top, bottom));
    temperature_guides(page, &plot, (top, bottom));
    axis.guides(page, axis.prob_ticks(), (left, right));
    let values: Vec<Vec<f64>> = plot.all.iter().map(|line| line.values(other_count)).collect();
    for (index, row) in rows.iter().enumerate() {
        let is_other = index == candidates.len();
        let points: Vec<(f64, f64)> = plot
            .all
            .iter()
            .zip(&values)
            .filter_map(|(line, values)| Some((plot.x(line.temperature), axis.at(*values.get(index)?))))
            .collect();
        let (stroke, dash) = look(page, index, is_other);
        page.items.push(Item::Line { points, stroke, width: LINE_WIDTH, dash });
        for line in plot.marked {
            let Some(value) = line.values(other_count).get(index).copied() else { continue };
            let tooltip = format!("{row} · {} · {}", line.name(), percent(value));
            let dot = Item::Dot { x: plot.x(line.temperature), y: axis.at(value), radius: 3.0, fill: stroke };
            page.items.push(Item::Mark { tooltip, items: vec![dot] });
        }
    }
    let last = values.last().map(Vec::as_slice).unwrap_or_default();
    let end = |(index, (label, value)): (usize, (&String, &f64))| End {
        name: label.clone(),
        from: (right - 2.0, axis.at(*value)),
        look: look(page, index, index == candidates.len()),
        width: LINE_WIDTH,
        weight: Weight::Regular,
    };
    let ends = labels.iter().zip(last).enumerate().map(end).collect();
    end_names(page, ends, NAME_PITCH, (right + LEADER, top, bottom));
    page.y = bottom + 12.0;
    entropies(page, &plot);
    page.y += 14.0;
    turned(page, &rows, marked, other_count, Some(words::entropy(page.style.lang)));
}

fn look(page: &Page<'_>, index: usize, is_other: bool) -> (&'static str, Option<&'static str>) {
    if is_other { (page.palette.muted, Some("1 4")) } else { series(page, index) }
}

/// Draws upright lines at the given temperatures.
fn temperature_guides(page: &mut Page<'_>, plot: &Plot<'_>, (top, bottom): (f64, f64)) {
    for line in plot.marked {
        let x = plot.x(line.temperature);
        let (stroke, dash) =
            if line.is_raw() { (page.palette.muted, Some("4 3")) } else { (page.palette.guide, None) };
        page.items.push(Item::Line { points: vec![(x, top), (x, bottom)], stroke, width: 1.0, dash });
    }
}

/// Draws the panel of entropies, with the temperatures below it.
fn entropies(page: &mut Page<'_>, plot: &Plot<'_>) {
    let (palette, lang) = (page.palette, page.style.lang);
    let heading = phrases::whole_entropy(lang);
    let heading =
        page.setting(NOTE, Weight::Regular).fit_start(heading, page.width - page.margin - plot.left);
    let y = page.y + NOTE * ASCENT;
    page.text(heading, plot.left, y, Anchor::Start, NOTE, Weight::Regular, palette.muted);
    page.y += 22.0;
    let (top, bottom) = (page.y, page.y + ENTROPY_HEIGHT);
    temperature_guides(page, plot, (top, bottom));
    let greatest = plot.all.iter().map(|line| line.entropy_bits).fold(0.0, f64::max).max(1e-3);
    let step = round_step(greatest, 4.0);
    let num_steps = (greatest / step - 1e-9).ceil().max(1.0);
    let axis = Axis::new((0.0, step * num_steps), false, (bottom, top));
    let ticks = (0..=num_steps as u32).map(|index| {
        let bits = step * f64::from(index);
        (bits, (libm::round(bits * 1e8) / 1e8).to_string())
    });
    axis.guides(page, ticks, (plot.left, plot.right));
    let points: Vec<(f64, f64)> =
        plot.all.iter().map(|line| (plot.x(line.temperature), axis.at(line.entropy_bits))).collect();
    page.items.push(Item::Line { points, stroke: palette.text, width: LINE_WIDTH, dash: None });
    for line in plot.marked {
        let bits = format!("{:.2}", line.entropy_bits);
        let tooltip = format!("{} · {}: {bits}", line.name(), words::entropy(lang));
        let (x, y) = (plot.x(line.temperature), axis.at(line.entropy_bits));
        let dot = Item::Dot { x, y, radius: 3.0, fill: palette.text };
        page.items.push(Item::Mark { tooltip, items: vec![dot] });
    }
    page.y = bottom + 6.0;
    temperature_names(page, plot);
}

/// Writes those of the given temperatures that have room, and the name of the axis.
fn temperature_names(page: &mut Page<'_>, plot: &Plot<'_>) {
    const GAP: f64 = 6.0;
    let palette = page.palette;
    let mut taken: Vec<(f64, f64)> = Vec::new();
    // The temperature of the model's own distribution comes first, then both ends.
    let mut order: Vec<&Line> = plot.marked.iter().filter(|line| line.is_raw()).collect();
    order.extend(plot.marked.first().into_iter().chain(plot.marked.last()).chain(plot.marked));
    let y = page.y + NOTE * ASCENT;
    for line in order {
        let (text, x) = (line.temperature.to_string(), plot.x(line.temperature));
        let half = page.measure(&text, NOTE, line.weight()) / 2.0;
        let x = x.min(page.width - page.margin - half).max(page.margin + half);
        if taken.iter().all(|(from, to)| x + half + GAP <= *from || x - half - GAP >= *to) {
            page.text(text, x, y, Anchor::Middle, NOTE, line.weight(), palette.text);
            taken.push((x - half, x + half));
        }
    }
    let axis = if plot.axis.is_log() {
        phrases::temperature_axis_set(page.style.lang)
    } else {
        phrases::temperature_axis(page.style.lang)
    };
    page.y += 18.0;
    let axis = page.setting(NOTE, Weight::Regular).fit_start(axis, page.inner());
    let y = page.y + NOTE * ASCENT;
    let half = page.measure(&axis, NOTE, Weight::Regular) / 2.0;
    let x = f64::midpoint(plot.left, plot.right).min(page.width - page.margin - half).max(page.margin + half);
    page.text(axis, x, y, Anchor::Middle, NOTE, Weight::Regular, palette.muted);
    page.y += NOTE + 4.0;
}
