//! Panels of bars in rows and columns, all bars on one scale.

use super::bar_row::Kind;
use super::bars::{self, Bar, Layout};
use super::distribution::Distribution;
use super::page::Page;
use super::scene::NOTE;
use super::style::Lang;
use super::words;

/// The least width of a panel. As many panels as fit stand side by side.
const PANEL_WIDTH: f64 = 200.0;
const PANEL_GAP: f64 = 32.0;
const ROW_GAP: f64 = 20.0;
const PITCH: f64 = 20.0;

/// A distribution's bars with the labels of a panel.
pub(super) fn bars(distribution: &Distribution<'_>, ids: bool, lang: Lang) -> Vec<Bar> {
    let mut bars = bars::of(distribution, ids, lang);
    // Only the tooltip has the count of other tokens. A panel has no room for it.
    for bar in bars.iter_mut().filter(|bar| bar.kind == Kind::Other) {
        bar.label = words::other_short(lang).to_owned();
    }
    bars
}

/// The heading above a panel's bars.
pub(super) struct Heading<F> {
    pub(super) height: f64,
    /// Draws the heading of a panel. The arguments are the panel's index, its left upper corner and its width.
    pub(super) draw: F,
}

/// Sets the panels in rows and columns from the page's filled part downwards.
pub(super) fn grid<F>(page: &mut Page<'_>, panels: &[Vec<Bar>], log: bool, heading: &Heading<F>)
where
    F: Fn(&mut Page<'_>, usize, (f64, f64), f64),
{
    let fitting = ((page.inner() + PANEL_GAP) / (PANEL_WIDTH + PANEL_GAP)).floor().max(1.0) as usize;
    let columns = fitting.min(panels.len()).max(1);
    let width = (page.inner() - PANEL_GAP * (columns - 1) as f64) / columns as f64;
    let layout = if log { Layout::logarithmic } else { Layout::new };
    let layout = layout(page, panels.iter().flatten(), width, NOTE, PITCH);
    let mut index = 0;
    for row in panels.chunks(columns) {
        if index > 0 {
            page.y += ROW_GAP;
        }
        let top = page.y;
        for (column, bars) in row.iter().enumerate() {
            let x = page.margin + column as f64 * (width + PANEL_GAP);
            (heading.draw)(page, index, (x, top), width);
            let end = bars::draw(page, bars, x, top + heading.height, &layout);
            page.y = page.y.max(end);
            index += 1;
        }
    }
}
