//! Probabilities over the temperature, a line per candidate, and the entropy below them.

use super::axis::{Axis, round_step, spread};
use super::fonts::Weight;
use super::line_chart::{guides, name, names, plot_edges, plot_height, series, turned, widest};
use super::page::Page;
use super::phrases;
use super::scene::{ASCENT, Anchor, Item, NOTE, Text};
use super::temperature::Line;
use super::words::{self, percent};
use crate::trace::Candidate;

/// From one line's name to the next.
const NAME_PITCH: f64 = NOTE + 3.0;
/// The height of the panel of entropies.
const ENTROPY_HEIGHT: f64 = 96.0;
const LINE_WIDTH: f64 = 1.75;
/// From the end of a line to its name: hot distributions end close together.
const LEADER: f64 = 12.0;

/// From temperatures to fractions of the axis; logarithmic where they span more than a decade.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    is_log: bool,
}

impl Scale {
    pub(super) fn new(low: f64, high: f64) -> Self {
        Self { low, high, is_log: high > 10.0 * low }
    }

    /// The temperature at a fraction of the axis.
    pub(super) fn at(self, fraction: f64) -> f64 {
        if self.is_log {
            self.low * libm::pow(self.high / self.low, fraction)
        } else {
            self.low + (self.high - self.low) * fraction
        }
    }

    fn fraction(self, temperature: f64) -> f64 {
        let span = if self.is_log { libm::log(self.high / self.low) } else { self.high - self.low };
        let along = if self.is_log { libm::log(temperature / self.low) } else { temperature - self.low };
        // A single temperature stands in the middle.
        if span > 0.0 { along / span } else { 0.5 }
    }
}

/// How many lines have room for their names, the one for the rest included.
pub(super) fn lines(page: &Page<'_>) -> usize {
    (plot_height(page) / NAME_PITCH).floor() as usize + 1
}

/// Where the two panels stand.
struct Plot<'a> {
    left: f64,
    right: f64,
    scale: Scale,
    /// Those that were asked for, ascending.
    marked: &'a [Line],
    /// And those between them.
    all: Vec<&'a Line>,
}

impl Plot<'_> {
    fn x(&self, temperature: f64) -> f64 {
        /// Dots at the ends stay off the edges.
        const INSET: f64 = 6.0;
        let (left, right) = (self.left + INSET, self.right - INSET);
        left + (right - left) * self.scale.fraction(temperature)
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
    let scale = Scale::new(end(marked.first()), end(marked.last()));
    let plot = Plot { left, right, scale, marked, all };

    let (top, bottom) = (page.y + 6.0, page.y + 6.0 + plot_height(page));
    let axis = Axis::new(plot.all.iter().flat_map(|line| line.values(other_count)), log, top, bottom);
    temperature_guides(page, &plot, (top, bottom));
    guides(page, &axis, (left, right));
    let values: Vec<Vec<f64>> = plot.all.iter().map(|line| line.values(other_count)).collect();
    for (index, row) in rows.iter().enumerate() {
        let is_other = index == candidates.len();
        let points: Vec<(f64, f64)> = plot
            .all
            .iter()
            .zip(&values)
            .filter_map(|(line, values)| Some((plot.x(line.temperature), axis.y(*values.get(index)?))))
            .collect();
        let (stroke, dash) = look(page, index, is_other);
        page.items.push(Item::Line { points, stroke, width: LINE_WIDTH, dash });
        for line in plot.marked {
            let Some(value) = line.values(other_count).get(index).copied() else { continue };
            let tooltip = format!("{row} · {} · {}", line.name(), percent(value));
            let dot = Item::Dot { x: plot.x(line.temperature), y: axis.y(value), radius: 3.0, fill: stroke };
            page.items.push(Item::Mark { tooltip, items: vec![dot] });
        }
    }
    line_names(page, &labels, candidates.len(), &plot, values.last(), (&axis, top, bottom));
    page.y = bottom + 12.0;
    entropies(page, &plot);
    page.y += 14.0;
    turned(page, &rows, marked, other_count, Some(words::entropy(page.style.lang)));
}

fn look(page: &Page<'_>, index: usize, is_other: bool) -> (&'static str, Option<&'static str>) {
    if is_other { (page.palette.muted, Some("1 4")) } else { series(page, index) }
}

/// Writes each line's name at its end.
fn line_names(
    page: &mut Page<'_>,
    labels: &[String],
    num_candidates: usize,
    plot: &Plot<'_>,
    ends: Option<&Vec<f64>>,
    (axis, top, bottom): (&Axis, f64, f64),
) {
    let Some(ends) = ends else { return };
    let wanted: Vec<f64> = ends.iter().map(|value| axis.y(*value)).collect();
    let placed = spread(&wanted, NAME_PITCH, top, bottom);
    let from = plot.right - 2.0;
    for (index, (label, (wanted, y))) in labels.iter().zip(wanted.iter().zip(placed)).enumerate() {
        let points = vec![(from, *wanted), (plot.right + LEADER + 3.0, y)];
        page.items.push(Item::Line { points, stroke: page.palette.hatch, width: 1.0, dash: None });
        let look = look(page, index, index == num_candidates);
        name(page, label.clone(), (look, LINE_WIDTH, Weight::Regular), (plot.right + LEADER, y));
    }
}

/// Upright lines at the temperatures that were asked for.
fn temperature_guides(page: &mut Page<'_>, plot: &Plot<'_>, (top, bottom): (f64, f64)) {
    for line in plot.marked {
        let x = plot.x(line.temperature);
        let (stroke, dash) =
            if line.is_raw() { (page.palette.muted, Some("4 3")) } else { (page.palette.guide, None) };
        page.items.push(Item::Line { points: vec![(x, top), (x, bottom)], stroke, width: 1.0, dash });
    }
}

/// The panel of entropies, with the temperatures below it.
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
    let height = |bits: f64| bottom - (bottom - top) * bits / (step * num_steps);
    for index in 0..=num_steps as u32 {
        let bits = step * f64::from(index);
        let stroke = if index == 0 { palette.hatch } else { palette.guide };
        let y = height(bits);
        let points = vec![(plot.left, y), (plot.right, y)];
        page.items.push(Item::Line { points, stroke, width: 1.0, dash: None });
        let name = (libm::round(bits * 1e8) / 1e8).to_string();
        let baseline = Text::centred(y, NOTE);
        page.text(name, plot.left - 8.0, baseline, Anchor::End, NOTE, Weight::Regular, palette.muted);
    }
    let points: Vec<(f64, f64)> =
        plot.all.iter().map(|line| (plot.x(line.temperature), height(line.entropy_bits))).collect();
    page.items.push(Item::Line { points, stroke: palette.text, width: LINE_WIDTH, dash: None });
    for line in plot.marked {
        let bits = format!("{:.2}", line.entropy_bits);
        let tooltip = format!("{} · {}: {bits}", line.name(), words::entropy(lang));
        let (x, y) = (plot.x(line.temperature), height(line.entropy_bits));
        let dot = Item::Dot { x, y, radius: 3.0, fill: palette.text };
        page.items.push(Item::Mark { tooltip, items: vec![dot] });
    }
    page.y = bottom + 6.0;
    temperature_names(page, plot);
}

/// The temperatures that were asked for, as far as they have room, and what the axis is.
fn temperature_names(page: &mut Page<'_>, plot: &Plot<'_>) {
    const GAP: f64 = 6.0;
    let palette = page.palette;
    let mut taken: Vec<(f64, f64)> = Vec::new();
    // The model's own comes first, then both ends.
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
    let axis = if plot.scale.is_log {
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
