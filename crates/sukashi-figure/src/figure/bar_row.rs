//! A row of bars: a label, and after it one bar or several, each with its number behind it.

use super::fonts::Weight;
use super::page::Page;
use super::scene::{Anchor, Bounds, Item, Text};
use super::style::Palette;

/// The space between a label, a bar and a number.
pub(super) const GAP: f64 = 8.0;

/// What a row stands for. The kind decides how the row looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Candidate,
    Chosen,
    /// A candidate without probability.
    Cut,
    Other,
}

/// The colours and the weight of a row.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// The bars' colour.
    pub(super) fill: &'static str,
    /// The colour of lines on the bars.
    pub(super) hatch: Option<&'static str>,
    /// The texts' colour.
    pub(super) color: &'static str,
    pub(super) weight: Weight,
}

impl Kind {
    pub(super) fn look(self, palette: &Palette) -> Look {
        let (fill, color) = match self {
            Self::Candidate => (palette.bar, palette.text),
            Self::Chosen => (palette.accent, palette.accent_text),
            Self::Cut => (palette.cut, palette.muted),
            Self::Other => (palette.other, palette.muted),
        };
        let hatch = (self == Self::Other).then_some(palette.hatch);
        Look { fill, hatch, color, weight: self.weight() }
    }

    pub(super) fn weight(self) -> Weight {
        if self == Self::Chosen { Weight::Bold } else { Weight::Regular }
    }
}

/// A label with its bars.
pub(super) struct Row<'a> {
    pub(super) label: &'a str,
    /// The width that all labels of the chart have. The label ends before the first bar and is cut to this width.
    pub(super) label_width: f64,
    /// The height at which the middle of the label stands.
    pub(super) middle: f64,
    /// The size of the label.
    pub(super) size: f64,
    /// The colour of all texts. Each bar has colours of its own.
    pub(super) color: &'static str,
    pub(super) weight: Weight,
    pub(super) bars: Vec<Bar>,
}

/// A bar with its number.
pub(super) struct Bar {
    /// Where the bar begins.
    pub(super) zero: f64,
    /// The height at which the middle of the bar stands.
    pub(super) middle: f64,
    pub(super) length: f64,
    pub(super) thickness: f64,
    pub(super) fill: &'static str,
    pub(super) hatch: Option<&'static str>,
    pub(super) number: String,
    /// The size of the number.
    pub(super) size: f64,
    /// A word behind the number.
    pub(super) mark: Option<&'static str>,
    pub(super) tooltip: String,
}

impl Row<'_> {
    /// Draws the row. The label of a single bar shows the bar's tooltip, too.
    pub(super) fn draw(self, page: &mut Page<'_>) {
        let Self { size, color, weight, .. } = self;
        let Some(first) = self.bars.first() else { return };
        let shown = page.setting(size, weight).fit_start(self.label, self.label_width + 0.01);
        let label = text(shown, first.zero - GAP, (self.middle, size), Anchor::End, (color, weight));
        let mut before = Vec::new();
        match self.bars.len() {
            1 => before.push(label),
            _ => page.items.push(label),
        }
        for bar in self.bars {
            let mut items = std::mem::take(&mut before);
            let tooltip = bar.tooltip.clone();
            items.extend(bar.items(page, (color, weight)));
            page.items.push(Item::Mark { tooltip, items });
        }
    }
}

impl Bar {
    fn items(self, page: &Page<'_>, look: (&'static str, Weight)) -> Vec<Item> {
        let Self { zero, length, thickness, fill, .. } = self;
        let bounds = Bounds { x: zero, y: self.middle - thickness / 2.0, width: length, height: thickness };
        let bar = match self.hatch {
            Some(hatch) => Item::Hatched { bounds, fill, hatch },
            None => Item::Rect { bounds, fill },
        };
        let place = (self.middle, self.size);
        let after = zero + length + GAP;
        let mark = self.mark.map(|mark| {
            let x = after + page.measure(&self.number, self.size, look.1) + GAP;
            text(mark.to_owned(), x, place, Anchor::Start, look)
        });
        let number = text(self.number, after, place, Anchor::Start, look);
        [bar, number].into_iter().chain(mark).collect()
    }
}

/// A text whose middle stands at a height.
fn text(
    content: String,
    x: f64,
    (middle, size): (f64, f64),
    anchor: Anchor,
    (color, weight): (&'static str, Weight),
) -> Item {
    let y = Text::centred(middle, size);
    Item::Text(Text { content, x, y, anchor, size, weight, color, upwards: false })
}

/// The length of a bar that a scale makes so many pixels long. A number above 0 stays visible.
pub(super) fn length(number: f64, pixels: f64) -> f64 {
    if number > 0.0 { pixels.max(1.0) } else { 0.0 }
}

/// The width of the widest label, or `most` where that is less.
pub(super) fn label_width(widths: impl Iterator<Item = f64>, most: f64) -> f64 {
    widths.fold(0.0, f64::max).min(most)
}

/// The line at which bars begin, from a height down to another.
pub(super) fn zero_line(page: &Page<'_>, zero: f64, (top, bottom): (f64, f64)) -> Item {
    Item::Line {
        points: vec![(zero, top), (zero, bottom)],
        stroke: page.palette.hatch,
        width: 1.0,
        dash: None,
    }
}
