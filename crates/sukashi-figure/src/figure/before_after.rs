//! The candidates before truncation and after it, as two columns of bars on one scale.

use super::cumulative::Cumulative;
use super::distribution::{Distribution, label};
use super::fonts::Weight;
use super::page::Page;
use super::phrases;
use super::scene::{ASCENT, Anchor, Bounds, Item, LABEL, NOTE, Text};
use super::style::Lang;
use super::words::{self, percent};
use crate::sampling::{Criterion, Settings};
use crate::trace::Candidate;

fn cumulative_word(lang: Lang) -> &'static str {
    phrases::cumulative(lang)
}

const GAP: f64 = 8.0;
/// The longest bar is no shorter than this.
const SHORTEST_ROOM: f64 = 12.0;

/// Where the two columns of bars stand.
pub(super) struct Columns {
    /// Of labels and numbers.
    size: f64,
    labels: f64,
    /// Where the bars of either side begin.
    zeros: [f64; 2],
    /// Of a side, with its numbers.
    width: f64,
    /// Pixels per probability.
    scale: f64,
    pitch: f64,
    /// Of the running masses between the sides; 0 where there are none, or no room for them.
    cumulative: f64,
}

impl Columns {
    pub(super) fn new(
        page: &Page<'_>,
        distribution: &Distribution<'_>,
        rows: &[&Candidate],
        cumulative: Option<&Cumulative>,
    ) -> Self {
        let lang = page.style.lang;
        // On a narrow page smaller type leaves room for bars.
        let size = if page.inner() < 340.0 { NOTE } else { LABEL };
        let bold = page.setting(size, Weight::Bold);
        let values = rows.iter().flat_map(|candidate| [candidate.prob_scaled, candidate.prob_final]);
        let values: Vec<f64> = values.chain([distribution.other, other_final(rows)]).collect();
        let numbers = values.iter().map(|value| bold.measure(&percent(*value)));
        let numbers = numbers.fold(bold.measure(words::cut(lang)), f64::max);
        let most = (page.inner() * 0.3).min(page.inner() - 4.0 * GAP - 2.0 * (numbers + GAP + SHORTEST_ROOM));
        let other = words::other_short(lang).to_owned();
        let names = rows.iter().map(|candidate| label(candidate)).chain([other]);
        let labels = names.map(|name| bold.measure(&name)).fold(0.0, f64::max).min(most);
        // The narrowest page tells it below the bars only.
        let cumulative = cumulative.filter(|_| page.inner() >= 440.0).map_or(0.0, |_| {
            let head = page.measure(cumulative_word(lang), NOTE, Weight::Regular);
            head.max(bold.measure(">99.9%")) + GAP
        });
        let width = (page.inner() - labels - cumulative - 4.0 * GAP) / 2.0;
        let first = page.margin + labels + GAP;
        let greatest = values.iter().copied().fold(0.0, f64::max);
        let scale = if greatest > 0.0 { (width - numbers - GAP) / greatest } else { 0.0 };
        let zeros = [first, first + width + cumulative + 2.0 * GAP];
        let pitch = if rows.len() > 15 { 22.0 } else { 26.0 };
        Self { size, labels, zeros, width, scale, pitch, cumulative }
    }

    pub(super) fn draw(
        &self,
        page: &mut Page<'_>,
        shown: &Distribution<'_>,
        rows: &[&Candidate],
        (settings, cumulative): (&Settings, Option<&Cumulative>),
    ) {
        let (palette, lang) = (page.palette, page.style.lang);
        self.headings(page);
        let top = page.y;
        let (mut was_cut, mut kept_end) = (false, top);
        for (index, candidate) in rows.iter().enumerate() {
            let kept = candidate.prob_final > 0.0;
            let name = label(candidate);
            if !kept && !was_cut && page.y > top {
                let points = vec![(page.margin, page.y), (page.width - page.margin, page.y)];
                page.items.push(Item::Line { points, stroke: palette.muted, width: 1.0, dash: Some("4 3") });
            }
            was_cut |= !kept;
            if !was_cut {
                kept_end = page.y + self.pitch;
            }
            let (fill, color) = match kept {
                _ if shown.is_chosen(candidate) => (palette.accent, palette.accent_text),
                true => (palette.bar, palette.text),
                false => (palette.cut, palette.muted),
            };
            let weight = if shown.is_chosen(candidate) { Weight::Bold } else { Weight::Regular };
            let look = Look { fill, hatch: None, color, weight };
            if let Some(cumulative) = cumulative.filter(|_| self.cumulative > 0.0) {
                let y = Text::centred(page.y + self.pitch / 2.0, self.size);
                page.text(
                    cumulative.text(index),
                    self.cumulative_end(),
                    y,
                    Anchor::End,
                    self.size,
                    weight,
                    color,
                );
            }
            self.row(page, &name, [candidate.prob_scaled, candidate.prob_final], look);
        }
        if shown.other_count > 0 {
            let look = Look {
                fill: palette.other,
                hatch: Some(palette.hatch),
                color: palette.muted,
                weight: Weight::Regular,
            };
            self.row(page, words::other_short(lang), [shown.other, other_final(rows)], look);
        }
        for zero in self.zeros {
            let points = vec![(zero, top), (zero, page.y)];
            page.items.push(Item::Line { points, stroke: palette.hatch, width: 1.0, dash: None });
        }
        self.threshold(page, rows, settings, (top, kept_end));
        if let Some(words) = cumulative.and_then(|cumulative| cumulative.words(rows, lang)) {
            page.y += 6.0;
            page.note(&[words]);
        }
    }

    /// The right edge of the running masses.
    fn cumulative_end(&self) -> f64 {
        self.zeros[0] + self.width + self.cumulative
    }

    fn headings(&self, page: &mut Page<'_>) {
        let (palette, lang) = (page.palette, page.style.lang);
        let (names, over) = (
            [phrases::before(lang), phrases::after(lang)],
            [phrases::whole_vocabulary(lang), phrases::after_renormalised(lang)],
        );
        for ((name, over), zero) in names.into_iter().zip(over).zip(self.zeros) {
            let name = page.setting(LABEL, Weight::Bold).fit_start(name, self.width);
            let over = page.setting(NOTE, Weight::Regular).fit_start(over, self.width);
            let y = page.y + LABEL * ASCENT;
            page.text(name, zero, y, Anchor::Start, LABEL, Weight::Bold, palette.text);
            page.text(over, zero, y + 17.0, Anchor::Start, NOTE, Weight::Regular, palette.muted);
        }
        if self.cumulative > 0.0 {
            let (name, y) = (cumulative_word(lang).to_owned(), page.y + LABEL * ASCENT + 17.0);
            page.text(name, self.cumulative_end(), y, Anchor::End, NOTE, Weight::Regular, palette.muted);
        }
        page.y += 42.0;
    }

    /// A candidate's label, and its bars on both sides.
    fn row(&self, page: &mut Page<'_>, name: &str, values: [f64; 2], look: Look) {
        let lang = page.style.lang;
        let Look { fill, hatch, color, weight } = look;
        let middle = page.y + self.pitch / 2.0;
        let thickness = (self.pitch * 0.64).round();
        let shown = page.setting(self.size, weight).fit_start(name, self.labels + 0.01);
        let baseline = Text::centred(middle, self.size);
        page.text(shown, self.zeros[0] - GAP, baseline, Anchor::End, self.size, weight, color);
        for (side, (value, zero)) in values.into_iter().zip(self.zeros).enumerate() {
            let length = if value > 0.0 { (value * self.scale).max(1.0) } else { 0.0 };
            let bounds = Bounds { x: zero, y: middle - thickness / 2.0, width: length, height: thickness };
            let content = match (side, value) {
                (1, 0.0) => words::cut(lang).to_owned(),
                _ => percent(value),
            };
            let tooltip = format!("{name} · {content}");
            let x = zero + length + GAP;
            let number = Text {
                content,
                x,
                y: baseline,
                anchor: Anchor::Start,
                size: self.size,
                weight,
                color,
                upwards: false,
            };
            let bar = match hatch {
                Some(hatch) => Item::Hatched { bounds, fill, hatch },
                None => Item::Rect { bounds, fill },
            };
            page.items.push(Item::Mark { tooltip, items: vec![bar, Item::Text(number)] });
        }
        page.y += self.pitch;
    }

    /// Draws the line through the bars before truncation that min-p cuts at.
    fn threshold(
        &self,
        page: &mut Page<'_>,
        rows: &[&Candidate],
        settings: &Settings,
        (top, kept_end): (f64, f64),
    ) {
        let share = settings.descriptions().find_map(|(_, stage)| match stage.criterion {
            Criterion::Prob { ratio } => Some((stage.setting, ratio)),
            _ => None,
        });
        let (Some((setting, ratio)), Some(first)) = (share, rows.first()) else { return };
        let (palette, setting) = (page.palette, words::label(&setting, page.style.lang));
        let least = ratio * first.prob_scaled;
        let x = self.zeros[0] + least * self.scale;
        // Further down it would cross the numbers of what is cut.
        let points = vec![(x, top - 3.0), (x, kept_end)];
        page.items.push(Item::Line { points, stroke: palette.muted, width: 1.0, dash: Some("2 2") });
        let name = format!("{setting} × {} = {}", percent(first.prob_scaled), percent(least));
        let y = page.y + 6.0 + NOTE;
        let name = page.setting(NOTE, Weight::Regular).fit_start(&name, page.inner());
        page.text(name, page.margin, y, Anchor::Start, NOTE, Weight::Regular, palette.muted);
        page.y = y + 4.0;
    }
}

#[derive(Clone, Copy)]
struct Look {
    fill: &'static str,
    hatch: Option<&'static str>,
    color: &'static str,
    weight: Weight,
}

/// The mass that truncation left to tokens that are not shown.
pub(super) fn other_final(rows: &[&Candidate]) -> f64 {
    let other = 1.0 - rows.iter().map(|candidate| candidate.prob_final).sum::<f64>();
    if other < 1e-9 { 0.0 } else { other.min(1.0) }
}
