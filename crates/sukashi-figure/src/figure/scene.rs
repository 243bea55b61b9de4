//! The parts of a figure before it becomes SVG: marks and measured text at their places, in pixels.

use super::fonts::{Fonts, Weight};

/// A rectangle: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The left edge.
    pub x: f64,
    /// The upper edge.
    pub y: f64,
    /// The width in pixels.
    pub width: f64,
    /// The height in pixels.
    pub height: f64,
}

impl Bounds {
    /// Returns whether the two rectangles share more than `tolerance` pixels in both directions.
    pub fn overlaps(&self, other: &Self, tolerance: f64) -> bool {
        let shared = |a: f64, a_size: f64, b: f64, b_size: f64| (a + a_size).min(b + b_size) - a.max(b);
        shared(self.x, self.width, other.x, other.width) > tolerance
            && shared(self.y, self.height, other.y, other.height) > tolerance
    }
}

/// Which side of a text its `x` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The three sizes of type, in pixels.
pub(super) const TITLE: f64 = 20.0;
pub(super) const LABEL: f64 = 14.0;
pub(super) const NOTE: f64 = 12.0;

/// How far letters reach above and below the baseline, as a fraction of their size.
pub(super) const ASCENT: f64 = 0.88;
pub(super) const DESCENT: f64 = 0.12;

/// One line of text.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) content: String,
    pub(super) x: f64,
    /// The height of the baseline.
    pub(super) y: f64,
    pub(super) anchor: Anchor,
    pub(super) size: f64,
    pub(super) weight: Weight,
    pub(super) color: &'static str,
    /// Whether the text is turned by a quarter and reads upwards.
    pub(super) upwards: bool,
}

impl Text {
    /// The baseline that centres letters of this size on `y`.
    pub(super) fn centred(y: f64, size: f64) -> f64 {
        y + size * 0.36
    }

    /// How far left of `x` the text begins, given its measured width.
    pub(super) fn offset(&self, width: f64) -> f64 {
        match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        }
    }

    pub(super) fn bounds(&self, fonts: &Fonts) -> Bounds {
        let width = fonts.measure(&self.content, self.size, self.weight);
        let (before, above, height) =
            (self.offset(width), self.size * ASCENT, self.size * (ASCENT + DESCENT));
        if self.upwards {
            Bounds { x: self.x - above, y: self.y - (width - before), width: height, height: width }
        } else {
            Bounds { x: self.x - before, y: self.y - above, width, height }
        }
    }
}

/// A mark or a text.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Rect {
        bounds: Bounds,
        fill: &'static str,
    },
    /// A pale rectangle with diagonal lines, which differs from plain bars without colour, too.
    Hatched {
        bounds: Bounds,
        fill: &'static str,
        hatch: &'static str,
    },
    Line {
        points: Vec<(f64, f64)>,
        stroke: &'static str,
        width: f64,
        dash: Option<&'static str>,
    },
    Dot {
        x: f64,
        y: f64,
        radius: f64,
        fill: &'static str,
    },
    Text(Text),
    /// Items that stand for one number, with a tooltip.
    Mark {
        tooltip: String,
        items: Vec<Item>,
    },
}

/// Items that an animation shows for a while over the items that stand still.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) items: Vec<Item>,
    /// The time. An APNG has no longer times than this type.
    pub(super) milliseconds: u16,
}

/// Everything in a figure.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) background: &'static str,
    pub(super) items: Vec<Item>,
    /// The frames that an animation shows one after the other over `items`. A still figure has none.
    pub(super) frames: Vec<Frame>,
}

impl Scene {
    /// Every text, with those in marks and in all frames.
    pub(super) fn texts(&self) -> Vec<&Text> {
        fn collect<'a>(items: &'a [Item], texts: &mut Vec<&'a Text>) {
            for item in items {
                match item {
                    Item::Text(text) => texts.push(text),
                    Item::Mark { items, .. } => collect(items, texts),
                    _ => {}
                }
            }
        }
        let mut texts = Vec::new();
        collect(&self.items, &mut texts);
        for frame in &self.frames {
            collect(&frame.items, &mut texts);
        }
        texts
    }

    /// The scene as it looks during the frame.
    pub(super) fn during(&self, frame: &Frame) -> Self {
        let items = self.items.iter().chain(&frame.items).cloned().collect();
        Self { items, frames: Vec::new(), ..*self }
    }
}
