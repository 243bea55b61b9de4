//! The candidates before truncation and after it, as two columns of bars on one scale.

use super::bar_row::{self, Bar, GAP, Kind, Look, Row};
use super::cumulative::Cumulative;
use super::distribution::{Distribution, label};
use super::fonts::Weight;
use super::page::Page;
use super::phrases;
use super::scene::{ASCENT, Anchor, Item, LABEL, NOTE, Text};
use super::style::Lang;
use super::words::{self, percent};
use crate::sampling::{Criterion, Settings};
use crate::trace::Candidate;

fn cumulative_word(lang: Lang) -> &'static str {
    phrases::cumulative(lang)
}

/// The room that the longest bar has at least.
const SHORTEST_ROOM: f64 = 12.0;

/// Where the two columns of bars stand.
pub(super) struct Columns {
    /// The size of labels and numbers.
    size: f64,
    labels: f64,
    /// Where the bars of each side begin.
    zeros: [f64; 2],
    /// The width of a side with its numbers.
    width: f64,
    /// Pixels per probability.
    scale: f64,
    pitch: f64,
    /// The width of the running masses between the sides. It is 0 if there are none, or no room for them.
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
        // On a narrow page, smaller type leaves room for bars.
        let size = if page.inner() < 340.0 { NOTE } else { LABEL };
        let bold = page.setting(size, Weight::Bold);
        let values = rows.iter().flat_map(|candidate| [candidate.prob_scaled, candidate.prob_final]);
        let values: Vec<f64> = values.chain([distribution.other, other_final(rows)]).collect();
        let numbers = values.iter().map(|value| bold.measure(&percent(*value)));
        let numbers = numbers.fold(bold.measure(words::cut(lang)), f64::max);
        let most = (page.inner() * 0.3).min(page.inner() - 4.0 * GAP - 2.0 * (numbers + GAP + SHORTEST_ROOM));
        let other = words::other_short(lang).to_owned();
        let names = rows.iter().map(|candidate| label(candidate)).chain([other]);
        let labels = bar_row::label_width(names.map(|name| bold.measure(&name)), most);
        // A very narrow page tells the running mass only below the bars.
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
            let kind = match kept {
                _ if shown.is_chosen(candidate) => Kind::Chosen,
                true => Kind::Candidate,
                false => Kind::Cut,
            };
            let look = kind.look(palette);
            if let Some(cumulative) = cumulative.filter(|_| self.cumulative > 0.0) {
                let y = Text::centred(page.y + self.pitch / 2.0, self.size);
                page.text(
                    cumulative.text(index),
                    self.cumulative_end(),
                    y,
                    Anchor::End,
                    self.size,
                    look.weight,
                    look.color,
                );
            }
            self.row(page, &name, [candidate.prob_scaled, candidate.prob_final], look);
        }
        if shown.other_count > 0 {
            let values = [shown.other, other_final(rows)];
            self.row(page, words::other_short(lang), values, Kind::Other.look(palette));
        }
        for zero in self.zeros {
            page.items.push(bar_row::zero_line(page, zero, (top, page.y)));
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

    /// Draws a candidate's label, and its bars on both sides.
    fn row(&self, page: &mut Page<'_>, label: &str, values: [f64; 2], look: Look) {
        let (lang, size, label_width) = (page.style.lang, self.size, self.labels);
        let Look { fill, hatch, color, weight } = look;
        let middle = page.y + self.pitch / 2.0;
        let bars = values.into_iter().zip(self.zeros).enumerate();
        let bars = bars.map(|(side, (value, zero))| {
            let number = match (side, value) {
                (1, 0.0) => words::cut(lang).to_owned(),
                _ => percent(value),
            };
            Bar {
                zero,
                middle,
                length: bar_row::length(value, value * self.scale),
                thickness: (self.pitch * 0.64).round(),
                fill,
                hatch,
                tooltip: format!("{label} · {number}"),
                number,
                size,
                mark: None,
            }
        });
        let bars = bars.collect();
        Row { label, label_width, middle, size, color, weight, bars }.draw(page);
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
        // Further down, the line would cross the numbers of cut tokens.
        let points = vec![(x, top - 3.0), (x, kept_end)];
        page.items.push(Item::Line { points, stroke: palette.muted, width: 1.0, dash: Some("2 2") });
        let name = format!("{setting} × {} = {}", percent(first.prob_scaled), percent(least));
        let y = page.y + 6.0 + NOTE;
        let name = page.setting(NOTE, Weight::Regular).fit_start(&name, page.inner());
        page.text(name, page.margin, y, Anchor::Start, NOTE, Weight::Regular, palette.muted);
        page.y = y + 4.0;
    }
}

/// The mass that truncation left to tokens that are not shown.
pub(super) fn other_final(rows: &[&Candidate]) -> f64 {
    let other = 1.0 - rows.iter().map(|candidate| candidate.prob_final).sum::<f64>();
    if other < 1e-9 { 0.0 } else { other.min(1.0) }
}
