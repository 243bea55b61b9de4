//! Horizontal bars with their labels before and their numbers behind them.

use super::distribution::{Distribution, label};
use super::fonts::Weight;
use super::page::Page;
use super::scene::{Anchor, Bounds, Item, Text};
use super::words::{self, percent};

/// What a bar stands for, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Candidate,
    Chosen,
    /// A candidate without probability.
    Cut,
    Other,
}

/// One bar.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: f64,
    pub(super) kind: Kind,
    pub(super) tooltip: String,
}

/// Where bars go and how large they are.
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    /// From one bar to the next.
    pub(super) pitch: f64,
    pub(super) thickness: f64,
    /// Of labels and numbers.
    pub(super) size: f64,
    /// The value that the longest bar has.
    pub(super) full: f64,
}

/// Labels take at most this much of the width.
const LABEL_SHARE: f64 = 0.4;

/// A distribution's bars: the candidates, then everything else.
pub(super) fn of(distribution: &Distribution<'_>, ids: bool, lang: super::Lang) -> Vec<Bar> {
    let candidate = |candidate: &&crate::trace::Candidate| {
        let name = label(candidate);
        let value = distribution.stage.of(candidate);
        let tooltip = format!(
            "{name} · id {} · {} {} · logit {:.3} · {}",
            candidate.id,
            if lang == super::Lang::Ja { "順位" } else { "rank" },
            candidate.rank,
            candidate.logit,
            percent(value)
        );
        let kind = match value {
            _ if distribution.is_chosen(candidate) => Kind::Chosen,
            0.0 => Kind::Cut,
            _ => Kind::Candidate,
        };
        // Without a text the label is the id already.
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

/// Draws `bars` from the top of `area` downwards; returns where they end.
pub(super) fn draw(page: &mut Page<'_>, bars: &[Bar], area: &Area) -> f64 {
    const GAP: f64 = 10.0;
    let palette = page.palette;
    let weight = |bar: &Bar| if bar.kind == Kind::Chosen { Weight::Bold } else { Weight::Regular };
    let mark = words::chosen(page.style.lang);

    let widest = |widths: &mut dyn Iterator<Item = f64>| widths.fold(0.0, f64::max);
    let label_width = widest(&mut bars.iter().map(|bar| page.measure(&bar.label, area.size, weight(bar))))
        .min(area.width * LABEL_SHARE);
    let number_width = |bar: &Bar| {
        let number = page.measure(&percent(bar.value), area.size, weight(bar));
        if bar.kind == Kind::Chosen {
            number + GAP + page.measure(mark, area.size, Weight::Bold)
        } else {
            number
        }
    };
    let longest =
        (area.width - label_width - 2.0 * GAP - widest(&mut bars.iter().map(number_width))).max(8.0);
    let zero = area.x + label_width + GAP;

    for (index, bar) in bars.iter().enumerate() {
        let middle = area.y + (index as f64 + 0.5) * area.pitch;
        let baseline = Text::centred(middle, area.size);
        let length = if area.full > 0.0 { longest * (bar.value / area.full).clamp(0.0, 1.0) } else { 0.0 };
        // A probability that is there can be seen.
        let length = if bar.value > 0.0 { length.max(1.0) } else { 0.0 };
        let bounds =
            Bounds { x: zero, y: middle - area.thickness / 2.0, width: length, height: area.thickness };
        let (fill, color) = match bar.kind {
            Kind::Candidate => (palette.bar, palette.text),
            Kind::Chosen => (palette.accent, palette.accent_text),
            Kind::Cut => (palette.cut, palette.muted),
            Kind::Other => (palette.other, palette.muted),
        };
        let text = |content: String, x, anchor, color| {
            Item::Text(Text {
                content,
                x,
                y: baseline,
                anchor,
                size: area.size,
                weight: weight(bar),
                color,
                upwards: false,
            })
        };
        let shown = page.setting(area.size, weight(bar)).fit_start(&bar.label, label_width + 0.01);
        let number = percent(bar.value);
        let after = zero + length + GAP - 2.0;
        let mark_x = after + page.measure(&number, area.size, weight(bar)) + GAP;
        let mut items = vec![
            text(shown, zero - GAP, Anchor::End, color),
            match bar.kind {
                Kind::Other => Item::Hatched { bounds, fill, hatch: palette.hatch },
                _ => Item::Rect { bounds, fill },
            },
            text(number, after, Anchor::Start, color),
        ];
        if bar.kind == Kind::Chosen {
            items.push(text(mark.to_owned(), mark_x, Anchor::Start, color));
        }
        page.items.push(Item::Mark { tooltip: bar.tooltip.clone(), items });
    }

    let end = area.y + bars.len() as f64 * area.pitch;
    page.items.push(Item::Line {
        points: vec![(zero, area.y), (zero, end)],
        stroke: palette.hatch,
        width: 1.0,
        dash: None,
    });
    end
}
