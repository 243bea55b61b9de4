//! A list of bars, one below another.

use super::axis::Axis;
use super::bar_row::{self, GAP, Kind, Look, Row};
use super::distribution::{Distribution, label};
use super::fonts::Weight;
use super::page::Page;
use super::phrases;
use super::scene::{Anchor, Item, NOTE};
use super::words::{self, percent};

/// One bar.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: f64,
    pub(super) kind: Kind,
    pub(super) tooltip: String,
}

/// How large bars are. All panels of a figure have the same layout, so that lengths can be compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// The distance from one bar to the next.
    pub(super) pitch: f64,
    pub(super) thickness: f64,
    /// The size of labels and numbers.
    size: f64,
    label_width: f64,
    scale: Scale,
}

/// How the length of a bar follows from a probability.
#[derive(Debug, Clone, Copy)]
enum Scale {
    /// Pixels per probability.
    Linear(f64),
    /// An axis from 0 to 1, and its length in pixels.
    Log(Axis, f64),
}

/// The greatest share of the width that labels take.
const LABEL_SHARE: f64 = 0.4;
/// The room that the longest bar has at least.
const SHORTEST_ROOM: f64 = 24.0;

impl Layout {
    /// The largest scale at which every bar and its number fit into `width`.
    pub(super) fn new<'b>(
        page: &Page<'_>,
        bars: impl Iterator<Item = &'b Bar> + Clone,
        width: f64,
        size: f64,
        pitch: f64,
    ) -> Self {
        let (label_width, room) = Self::widths(page, bars.clone(), width, size);
        let scale = bars
            .filter(|bar| bar.value > 0.0)
            .map(|bar| (room - bar.number_width(page, size)) / bar.value)
            .fold(f64::INFINITY, f64::min);
        let scale = Scale::Linear(if scale.is_finite() { scale } else { 0.0 });
        Self { pitch, thickness: (pitch * 0.64).round(), size, label_width, scale }
    }

    /// The same on a logarithmic scale. [`draw`] then marks the decades below the bars.
    pub(super) fn logarithmic<'b>(
        page: &Page<'_>,
        bars: impl Iterator<Item = &'b Bar> + Clone,
        width: f64,
        size: f64,
        pitch: f64,
    ) -> Self {
        let (label_width, room) = Self::widths(page, bars.clone(), width, size);
        let axis = Axis::of_probs(bars.clone().map(|bar| bar.value), true, (1.0, 0.0));
        let whole = bars
            .filter(|bar| axis.at(bar.value) > 0.0)
            .map(|bar| (room - bar.number_width(page, size)) / axis.at(bar.value))
            .fold(room, f64::min);
        let scale = Scale::Log(axis, whole.max(0.0));
        Self { pitch, thickness: (pitch * 0.64).round(), size, label_width, scale }
    }

    /// The width of labels, and the width of bars with their numbers.
    fn widths<'b>(
        page: &Page<'_>,
        bars: impl Iterator<Item = &'b Bar> + Clone,
        width: f64,
        size: f64,
    ) -> (f64, f64) {
        let numbers = bars.clone().map(|bar| bar.number_width(page, size)).fold(0.0, f64::max);
        // A narrow page cuts labels before it cuts numbers or bars.
        let most = (width * LABEL_SHARE).min(width - numbers - 2.0 * GAP - SHORTEST_ROOM);
        let labels = bars.map(|bar| page.measure(&bar.label, size, bar.kind.weight()));
        let label_width = bar_row::label_width(labels, most);
        (label_width, width - label_width - 2.0 * GAP)
    }

    /// Where bars that are drawn at `x` begin.
    fn zero(&self, x: f64) -> f64 {
        x + self.label_width + GAP
    }

    fn length(&self, value: f64) -> f64 {
        let pixels = match self.scale {
            Scale::Linear(scale) => scale * value,
            Scale::Log(axis, whole) => axis.at(value) * whole,
        };
        bar_row::length(value, pixels)
    }
}

impl Bar {
    /// The width of the number behind the bar, and of the word that marks the chosen token.
    fn number_width(&self, page: &Page<'_>, size: f64) -> f64 {
        let number = page.measure(&percent(self.value), size, self.kind.weight());
        match self.kind {
            Kind::Chosen => number + GAP + page.measure(words::chosen(page.style.lang), size, Weight::Bold),
            _ => number,
        }
    }
}

/// The bars of a distribution: the candidates, then one bar for all other tokens.
pub(super) fn of(distribution: &Distribution<'_>, ids: bool, lang: super::Lang) -> Vec<Bar> {
    let candidate = |candidate: &&crate::trace::Candidate| {
        let name = label(candidate);
        let value = distribution.stage.of(candidate);
        let tooltip = format!(
            "{name} · id {} · {} {} · logit {:.3} · {}",
            candidate.id,
            phrases::rank(lang),
            candidate.rank,
            candidate.logit,
            percent(value)
        );
        let kind = match value {
            _ if distribution.is_chosen(candidate) => Kind::Chosen,
            0.0 => Kind::Cut,
            _ => Kind::Candidate,
        };
        // The label of a token without a text is already its id.
        let own_id = format!("#{}", candidate.id);
        let label = if ids && name != own_id { format!("{name} {own_id}") } else { name };
        Bar { label, value, kind, tooltip }
    };
    let mut bars: Vec<Bar> = distribution.shown.iter().map(candidate).collect();
    if distribution.other_count > 0 {
        let label = words::other(distribution.other_count, lang);
        let tooltip = format!("{label} · {}", percent(distribution.other));
        bars.push(Bar { label, value: distribution.other, kind: Kind::Other, tooltip });
    }
    bars
}

/// Draws `bars` downwards from the point (`x`, `y`). Returns the height at which they end.
pub(super) fn draw(page: &mut Page<'_>, bars: &[Bar], x: f64, y: f64, layout: &Layout) -> f64 {
    let size = layout.size;
    let zero = layout.zero(x);
    let end = y + bars.len() as f64 * layout.pitch;
    let lower = decades(page, layout, zero, (y, end));
    for (index, bar) in bars.iter().enumerate() {
        let middle = y + (index as f64 + 0.5) * layout.pitch;
        let Look { fill, hatch, color, weight } = bar.kind.look(page.palette);
        let own = bar_row::Bar {
            zero,
            middle,
            length: layout.length(bar.value),
            thickness: layout.thickness,
            fill,
            hatch,
            number: percent(bar.value),
            size,
            mark: (bar.kind == Kind::Chosen).then(|| words::chosen(page.style.lang)),
            tooltip: bar.tooltip.clone(),
        };
        let (label, label_width) = (&bar.label, layout.label_width);
        Row { label, label_width, middle, size, color, weight, bars: vec![own] }.draw(page);
    }

    page.items.push(zero_line(page, layout, x, (y, end)));
    lower
}

/// The line at which bars begin that are drawn at `x`, from a height down to another.
pub(super) fn zero_line(page: &Page<'_>, layout: &Layout, x: f64, ends: (f64, f64)) -> Item {
    bar_row::zero_line(page, layout.zero(x), ends)
}

/// Draws guides at the powers of ten of a logarithmic scale, and names them below the bars. Returns the height at which
/// the names end.
fn decades(page: &mut Page<'_>, layout: &Layout, zero: f64, (top, bottom): (f64, f64)) -> f64 {
    let Scale::Log(axis, whole) = layout.scale else { return bottom };
    let palette = page.palette;
    let y = bottom + 4.0 + NOTE;
    let mut named = f64::NEG_INFINITY;
    for (value, name) in axis.prob_ticks() {
        let x = zero + axis.at(value) * whole;
        let half = page.measure(&name, NOTE, Weight::Regular) / 2.0;
        let fits = x - half >= named + GAP && x + half <= page.width - page.margin;
        if x > zero {
            let points = vec![(x, top), (x, bottom)];
            page.items.push(Item::Line { points, stroke: palette.guide, width: 1.0, dash: None });
        }
        if fits {
            page.text(name, x, y, Anchor::Middle, NOTE, Weight::Regular, palette.muted);
            named = x + half;
        }
    }
    y + 4.0
}
