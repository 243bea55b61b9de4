//! A text as a strip of coloured tokens, broken into lines, each with its number below.

use super::distribution::token_label;
use super::fonts::Weight;
use super::heat;
use super::page::Page;
use super::scene::{Anchor, Bounds, Item, LABEL, NOTE, Text};
use crate::trace::Token;

/// A token in a strip.
pub(super) struct Tile {
    pub(super) label: String,
    /// The heat from 0 to 1. `None` for a token without a number.
    pub(super) heat: Option<f64>,
    /// The lines below the label.
    pub(super) notes: Vec<String>,
    pub(super) tooltip: String,
    /// Whether the tile has a frame.
    pub(super) is_marked: bool,
    /// Whether the next token begins a line.
    pub(super) ends_line: bool,
}

impl Tile {
    /// A tile for `token` with only a label.
    pub(super) fn new(token: &Token) -> Self {
        let ends_line = token.bytes.as_deref().is_some_and(|bytes| bytes.ends_with(b"\n"))
            || (token.bytes.is_none() && token.text.as_deref().is_some_and(|text| text.ends_with('\n')));
        Self {
            label: name(token),
            heat: None,
            notes: Vec::new(),
            tooltip: String::new(),
            is_marked: false,
            ends_line,
        }
    }
}

/// The label of a token.
pub(super) fn name(token: &Token) -> String {
    token_label(token.id, token.text.as_deref(), token.bytes.as_deref())
}

/// The space between tiles, and between the edge and the contents of a tile.
const GAP: f64 = 3.0;
const PADDING: f64 = 4.0;
const LINE_GAP: f64 = 8.0;
const NOTE_HEIGHT: f64 = 15.0;
const LABEL_HEIGHT: f64 = 20.0;
/// The least width of a tile.
const NARROWEST: f64 = 22.0;

/// Draws the tiles from the page's filled part downwards.
pub(super) fn draw(page: &mut Page<'_>, tiles: &[Tile]) {
    let (palette, theme) = (page.palette, page.style.theme);
    let right = page.margin + page.inner();
    let label = page.setting(LABEL, Weight::Regular);
    let widest = page.inner() - 2.0 * PADDING;
    let num_notes = tiles.iter().map(|tile| tile.notes.len()).max().unwrap_or(0);
    let height = LABEL_HEIGHT + NOTE_HEIGHT * num_notes as f64 + 2.0;
    let mut x = page.margin;
    let mut breaks = false;
    for tile in tiles {
        let shown = label.fit_start(&tile.label, widest);
        let notes = tile.notes.iter().map(|note| page.measure(note, NOTE, Weight::Regular));
        let inner = notes.fold(label.measure(&shown), f64::max);
        let width = (inner + 2.0 * PADDING).max(NARROWEST);
        if x > page.margin && (breaks || x + width > right + 0.01) {
            x = page.margin;
            page.y += height + LINE_GAP;
        }
        breaks = tile.ends_line;
        let bounds = Bounds { x, y: page.y, width, height };
        let (fill, color) = match tile.heat {
            Some(value) => {
                let shade = heat::shade(theme, value);
                (shade.fill.as_str(), shade.text)
            }
            None => (palette.other, palette.text),
        };
        let middle = x + width / 2.0;
        let text = |content: String, y: f64, size: f64| {
            let (weight, upwards) = (Weight::Regular, false);
            let y = Text::centred(y, size);
            Item::Text(Text { content, x: middle, y, anchor: Anchor::Middle, size, weight, color, upwards })
        };
        let mut items = vec![Item::Rect { bounds, fill }, text(shown, page.y + LABEL_HEIGHT / 2.0, LABEL)];
        for (index, note) in tile.notes.iter().enumerate() {
            let y = page.y + LABEL_HEIGHT + NOTE_HEIGHT * (index as f64 + 0.5);
            items.push(text(note.clone(), y, NOTE));
        }
        if tile.is_marked {
            items.push(frame(&bounds, palette.accent));
        }
        page.items.push(Item::Mark { tooltip: tile.tooltip.clone(), items });
        x += width + GAP;
    }
    page.y += height;
}

/// A line around `bounds`, on its inside.
pub(super) fn frame(bounds: &Bounds, stroke: &'static str) -> Item {
    let Bounds { x, y, width, height } = *bounds;
    let (left, top, right, bottom) = (x + 1.0, y + 1.0, x + width - 1.0, y + height - 1.0);
    let points = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top - 1.0)];
    Item::Line { points, stroke, width: 2.0, dash: None }
}
