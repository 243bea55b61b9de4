//! A triangle of weights as a heat map, with tokens along its sides.

use super::fonts::Weight;
use super::heat;
use super::page::Page;
use super::scene::{Anchor, Bounds, Item, NOTE, Text};
use super::words::percent;

/// The weights to draw.
pub(super) struct Map<'a> {
    /// Row `t` has `t + 1` weights from 0 to 1.
    pub(super) weights: &'a [Vec<f32>],
    pub(super) labels: Labels<'a>,
}

/// The tokens along the sides.
#[derive(Clone, Copy)]
pub(super) enum Labels<'a> {
    /// All labels, or every n-th one if there are too many.
    Thinned(&'a [String]),
    /// All labels, or none.
    IfAllFit(&'a [String]),
}

/// The room that a label needs along its side.
const PITCH: f64 = 14.0;
/// The most room that labels take.
const LONGEST_LABEL: f64 = 96.0;
/// The space between labels and cells.
const GAP: f64 = 6.0;
/// The greatest size of cells, and the size from which on they hold their number.
const LARGEST_CELL: f64 = 44.0;
const NUMBERED_CELL: f64 = 30.0;
/// The cells of a longer text have no tooltips, because the file would become too large.
const MAX_TOLD: usize = 64;

/// Draws the map into `width` pixels from the point (`x`, `y`) downwards. Returns the height at which it ends.
pub(super) fn draw(page: &mut Page<'_>, map: &Map<'_>, (x, y): (f64, f64), width: f64) -> f64 {
    let count = map.weights.len().max(1);
    let (labels, thinned) = match map.labels {
        Labels::Thinned(labels) => (labels, true),
        Labels::IfAllFit(labels) => (labels, false),
    };
    let setting = page.setting(NOTE, Weight::Regular);
    let most = LONGEST_LABEL.min(width / 4.0);
    let shown: Vec<String> = labels.iter().map(|label| setting.fit_start(label, most)).collect();
    let widest = shown.iter().map(|label| setting.measure(label)).fold(0.0, f64::max);
    let widest = widest + GAP;
    // The last label reaches past a small cell.
    let labelled = ((width - widest - PITCH / 2.0) / count as f64).min(LARGEST_CELL);
    let has_labels = thinned || labelled >= PITCH;
    let (side, cell) =
        if has_labels { (widest, labelled) } else { (0.0, (width / count as f64).min(LARGEST_CELL)) };
    // A label that fits above its column is level. The others read upwards.
    let is_upright = |label: &str| setting.measure(label) <= cell - 2.0;
    let head = if shown.iter().all(|label| is_upright(label)) { NOTE + GAP } else { side };
    let (left, top) = (x + side, y + if has_labels { head } else { 0.0 });
    if has_labels {
        let every = (PITCH / cell).ceil().max(1.0) as usize;
        let color = page.palette.text;
        for (index, label) in shown.iter().enumerate().step_by(every) {
            let middle = (index as f64 + 0.5) * cell;
            let row = Text::centred(top + middle, NOTE);
            page.text(label.clone(), left - GAP, row, Anchor::End, NOTE, Weight::Regular, color);
            let upwards = !is_upright(label);
            page.items.push(Item::Text(Text {
                content: label.clone(),
                x: if upwards { Text::centred(left + middle, NOTE) } else { left + middle },
                y: top - GAP,
                anchor: if upwards { Anchor::Start } else { Anchor::Middle },
                size: NOTE,
                weight: Weight::Regular,
                color,
                upwards,
            }));
        }
    }
    for (query, row) in map.weights.iter().enumerate() {
        for (key, &weight) in row.iter().enumerate() {
            let weight = f64::from(weight);
            let shade = heat::shade(page.style.theme, weight);
            let bounds = Bounds {
                x: left + key as f64 * cell,
                y: top + query as f64 * cell,
                // Cells have a thin gap between them if there is room.
                width: if cell > 8.0 { cell - 1.0 } else { cell },
                height: if cell > 8.0 { cell - 1.0 } else { cell },
            };
            let rect = Item::Rect { bounds, fill: &shade.fill };
            if count > MAX_TOLD {
                page.items.push(rect);
                continue;
            }
            let mut items = vec![rect];
            if cell >= NUMBERED_CELL {
                items.push(Item::Text(Text {
                    content: format!("{:.0}", weight * 100.0),
                    x: bounds.x + bounds.width / 2.0,
                    y: Text::centred(bounds.y + bounds.height / 2.0, NOTE),
                    anchor: Anchor::Middle,
                    size: NOTE,
                    weight: Weight::Regular,
                    color: shade.text,
                    upwards: false,
                }));
            }
            let name = |at: usize| labels.get(at).map_or("", String::as_str);
            let tooltip = format!("{query} {} → {key} {} · {}", name(query), name(key), percent(weight));
            page.items.push(Item::Mark { tooltip, items });
        }
    }
    let slack = if has_labels { (PITCH - cell).max(0.0) / 2.0 } else { 0.0 };
    top + count as f64 * cell + slack
}
