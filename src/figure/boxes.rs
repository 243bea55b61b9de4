//! A text's tokens as boxes in running lines.

use super::fonts::Weight;
use super::page::Page;
use super::scene::{Anchor, Bounds, Item, LABEL, Text};
use crate::trace::{Piece, visible};

/// One box.
pub(super) struct Token {
    pub(super) label: String,
    pub(super) tooltip: String,
    /// Whether something of the text is lost here.
    pub(super) is_lost: bool,
}

impl Token {
    pub(super) fn new(piece: &Piece) -> Self {
        let token = &piece.token;
        let own = visible::token(token.id, token.text.as_deref(), token.bytes.as_deref());
        match &piece.replaces {
            Some(text) => {
                let lost = visible::token(0, Some(text), None);
                Self { tooltip: format!("{lost} → {own} · {}", token.id), label: own, is_lost: true }
            }
            None => Self { tooltip: format!("{own} · {}", token.id), label: own, is_lost: false },
        }
    }
}

const HEIGHT: f64 = 24.0;
const PITCH: f64 = 29.0;
const PADDING: f64 = 4.0;
/// Between two boxes: where the text was cut.
const GAP: f64 = 2.0;

/// Draws the tokens from the page's own height down, in at most `max_lines`; gives how many there was room for.
pub(super) fn draw(page: &mut Page<'_>, tokens: &[Token], max_lines: usize) -> usize {
    let (left, right) = (page.margin, page.width - page.margin);
    let palette = page.palette;
    let setting = page.setting(LABEL, Weight::Regular);
    let (mut x, mut line) = (left, 0);
    for (index, token) in tokens.iter().enumerate() {
        let label = setting.fit_start(&token.label, right - left - 2.0 * PADDING);
        let width = setting.measure(&label) + 2.0 * PADDING;
        if x + width > right + 0.01 && x > left {
            (x, line) = (left, line + 1);
        }
        if line == max_lines {
            page.y += max_lines as f64 * PITCH;
            return index;
        }
        let top = page.y + line as f64 * PITCH;
        let bounds = Bounds { x, y: top, width, height: HEIGHT };
        let (ground, color) = match token.is_lost {
            true => {
                (Item::Hatched { bounds, fill: palette.other, hatch: palette.hatch }, palette.accent_text)
            }
            // Two pale shades in turn tell neighbours apart, with the gap between them.
            false if index % 2 == 0 => (Item::Rect { bounds, fill: palette.guide }, palette.text),
            false => (Item::Rect { bounds, fill: palette.other }, palette.text),
        };
        let weight = if token.is_lost { Weight::Bold } else { Weight::Regular };
        let text = Text {
            content: label,
            x: x + PADDING,
            y: Text::centred(top + HEIGHT / 2.0, LABEL),
            anchor: Anchor::Start,
            size: LABEL,
            weight,
            color,
            upwards: false,
        };
        page.items.push(Item::Mark { tooltip: token.tooltip.clone(), items: vec![ground, Item::Text(text)] });
        x += width + GAP;
    }
    page.y += if tokens.is_empty() { 0.0 } else { (line + 1) as f64 * PITCH };
    tokens.len()
}
