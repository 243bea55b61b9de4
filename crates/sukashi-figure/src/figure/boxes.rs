//! The tokens of a text as boxes in running lines.

use super::fonts::Weight;
use super::page::Page;
use super::scene::{Anchor, Bounds, Item, LABEL, Text};
use crate::trace::{Piece, visible};

/// One box.
pub(super) struct Token {
    pub(super) label: String,
    pub(super) tooltip: String,
    /// Whether the token loses something of the text.
    pub(super) is_lost: bool,
}

impl Token {
    pub(super) fn new(piece: &Piece) -> Self {
        let token = &piece.token;
        let own =
            visible::on_shelves(&visible::token(token.id, token.text.as_deref(), token.bytes.as_deref()));
        match &piece.replaces {
            Some(text) => {
                let lost = visible::on_shelves(&visible::token(0, Some(text), None));
                Self { tooltip: format!("{lost} → {own} · {}", token.id), label: own, is_lost: true }
            }
            None => Self { tooltip: format!("{own} · {}", token.id), label: own, is_lost: false },
        }
    }

    fn weight(&self) -> Weight {
        if self.is_lost { Weight::Bold } else { Weight::Regular }
    }
}

pub(super) const HEIGHT: f64 = 24.0;
pub(super) const PITCH: f64 = 29.0;
pub(super) const PADDING: f64 = 4.0;
/// The space between two boxes, where the text was cut.
const GAP: f64 = 2.0;

/// A label and the box that it stands in.
pub(super) struct Placed {
    pub(super) label: String,
    pub(super) bounds: Bounds,
    /// The line, counted from 0.
    pub(super) line: usize,
}

/// Sets labels in boxes, in running lines from the filled part of the page downwards. The first line has an indent.
pub(super) fn place<'p>(
    page: &Page<'p>,
    indent: f64,
    labels: impl Iterator<Item = (&'p str, Weight)> + 'p,
) -> impl Iterator<Item = Placed> + 'p {
    let (left, right, first) = (page.margin, page.width - page.margin, page.y);
    let settings = [Weight::Regular, Weight::Bold].map(|weight| page.setting(LABEL, weight));
    let (mut x, mut line) = (left + indent, 0);
    labels.map(move |(label, weight)| {
        let setting = settings[usize::from(weight == Weight::Bold)];
        let label = setting.fit_start(label, right - left - 2.0 * PADDING);
        let width = setting.measure(&label) + 2.0 * PADDING;
        if x + width > right + 0.01 && x > left {
            (x, line) = (left, line + 1);
        }
        let bounds = Bounds { x, y: first + line as f64 * PITCH, width, height: HEIGHT };
        x += width + GAP;
        Placed { label, bounds, line }
    })
}

/// Draws the tokens from the filled part of the page downwards, in at most `max_lines` lines. Returns how many tokens
/// had room.
pub(super) fn draw(page: &mut Page<'_>, tokens: &[Token], max_lines: usize) -> usize {
    let palette = page.palette;
    let labels = tokens.iter().map(|token| (token.label.as_str(), token.weight()));
    let placed: Vec<Placed> = place(page, 0.0, labels).take_while(|placed| placed.line < max_lines).collect();
    let num_lines = placed.last().map_or(0, |placed| placed.line + 1);
    let num_placed = placed.len();
    for (index, (token, Placed { label, bounds, .. })) in tokens.iter().zip(placed).enumerate() {
        let (ground, color) = match token.is_lost {
            true => {
                (Item::Hatched { bounds, fill: palette.other, hatch: palette.hatch }, palette.accent_text)
            }
            // Neighbours have two pale shades in turn, and a gap between them.
            false if index % 2 == 0 => (Item::Rect { bounds, fill: palette.guide }, palette.text),
            false => (Item::Rect { bounds, fill: palette.other }, palette.text),
        };
        let text = Text {
            content: label,
            x: bounds.x + PADDING,
            y: Text::centred(bounds.y + HEIGHT / 2.0, LABEL),
            anchor: Anchor::Start,
            size: LABEL,
            weight: token.weight(),
            color,
            upwards: false,
        };
        page.items.push(Item::Mark { tooltip: token.tooltip.clone(), items: vec![ground, Item::Text(text)] });
    }
    page.y += num_lines as f64 * PITCH;
    num_placed
}
