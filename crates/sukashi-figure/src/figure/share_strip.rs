//! The shares of `0..1` of the remaining tokens, and the place of the random number.

use super::fonts::Weight;
use super::page::Page;
use super::phrases;
use super::sampling::View;
use super::scene::{ASCENT, Anchor, Bounds, Item, NOTE};
use super::words::percent;

const HEIGHT: f64 = 20.0;

/// Draws the strip, its heading, and the names that have room, from the page's filled part downwards.
pub(super) fn draw(page: &mut Page<'_>, view: &View<'_>, number: f64) {
    let (palette, lang) = (page.palette, page.style.lang);
    page.note(&[phrases::shares(lang).to_owned()]);
    page.y += 8.0;
    let (left, width) = (page.margin, page.inner());
    let x = |at: f64| left + width * at.clamp(0.0, 1.0);

    let drawn = format!("u = {number:.4}");
    let half = page.measure(&drawn, NOTE, Weight::Bold) / 2.0;
    let middle = x(number).min(left + width - half).max(left + half);
    let baseline = page.y + NOTE * ASCENT;
    page.text(drawn, middle, baseline, Anchor::Middle, NOTE, Weight::Bold, palette.text);
    for (end, anchor, at) in [("0", Anchor::Start, left), ("1", Anchor::End, left + width)] {
        let own = page.measure(end, NOTE, Weight::Regular) + 8.0;
        if (at - middle).abs() > half + own {
            page.text(end.to_owned(), at, baseline, anchor, NOTE, Weight::Regular, palette.muted);
        }
    }
    page.y += NOTE + 9.0;

    let (top, bottom) = (page.y, page.y + HEIGHT);
    // The gaps between shown tokens are the shares of others.
    let ground = Bounds { x: left, y: top, width, height: HEIGHT };
    page.items.push(Item::Hatched { bounds: ground, fill: palette.other, hatch: palette.hatch });
    for row in view.rows {
        let (Some(start), Some(last)) = (row.start, row.last()) else { continue };
        let (from, to) = (x(start), x(start + last.prob));
        let bounds = Bounds { x: from, y: top, width: (to - from).max(0.0), height: HEIGHT };
        let (fill, color, weight) = match row.is_chosen {
            true => (palette.accent, palette.accent_text, Weight::Bold),
            false => (palette.bar, palette.text, Weight::Regular),
        };
        let end = (start + last.prob).min(1.0);
        let tooltip = format!("{} · {start:.4}–{end:.4} · {}", row.name, percent(last.prob));
        let mut items = vec![Item::Rect { bounds, fill }];
        // Shares have a thin gap between them if there is room.
        if to - from > 4.0 && end < 1.0 - 1e-9 {
            let bounds = Bounds { x: to - 1.0, width: 1.0, ..bounds };
            items.push(Item::Rect { bounds, fill: palette.background });
        }
        page.items.push(Item::Mark { tooltip, items });
        if page.measure(&row.name, NOTE, weight) <= to - from - 2.0 {
            let y = bottom + 4.0 + NOTE * ASCENT;
            let middle = f64::midpoint(from, to);
            page.text(row.name.clone(), middle, y, Anchor::Middle, NOTE, weight, color);
        }
    }
    let points = vec![(x(number), top - 5.0), (x(number), bottom + 3.0)];
    page.items.push(Item::Line { points, stroke: palette.text, width: 2.0, dash: None });
    page.y = bottom + 4.0 + NOTE + 2.0;
}
