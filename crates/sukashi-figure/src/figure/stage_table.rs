//! The table of the sampler's stages, with as many columns side by side as fit.

use super::fonts::Weight;
use super::page::Page;
use super::phrases;
use super::sampling::View;
use super::scene::{ASCENT, Anchor, Bounds, Item, NOTE, Text};
use super::stage_columns::{CUT, Column, Entry};
use super::words;

const HEAD: f64 = 38.0;
const PITCH: f64 = 26.0;
/// The space between two columns.
const GAP: f64 = 14.0;

impl Column {
    /// The width of the signs behind the column's numbers.
    fn mark_width(&self, page: &Page<'_>) -> f64 {
        if self.has_marks { page.measure(CUT, NOTE, Weight::Regular) + 3.0 } else { 0.0 }
    }

    fn width(&self, page: &Page<'_>, most: f64) -> f64 {
        let texts = self.cells.iter().map(|entry| &entry.text).chain([&self.other.text, &self.count]);
        let numbers = texts.map(|text| page.measure(text, NOTE, Weight::Bold)).fold(0.0, f64::max);
        let heads =
            page.measure(&self.head, NOTE, Weight::Bold).max(page.measure(&self.note, NOTE, Weight::Regular));
        let least = if self.has_bars { 56.0 } else { 0.0 };
        (numbers + self.mark_width(page)).max(heads).max(least).min(most)
    }

    /// The entry of a row. The entry after all rows is that of the other tokens.
    fn entry(&self, index: usize) -> &Entry {
        self.cells.get(index).unwrap_or(&self.other)
    }
}

/// A column's place.
struct Placed<'a> {
    column: &'a Column,
    left: f64,
    right: f64,
}

/// Draws the table from the page's filled part downwards.
pub(super) fn draw(page: &mut Page<'_>, view: &View<'_>, columns: &[Column]) {
    let lang = page.style.lang;
    let has_others = view.step.vocab_size > view.rows.len();
    let mut names: Vec<String> = view.rows.iter().map(|row| row.name.clone()).collect();
    names.extend(has_others.then(|| words::other_short(lang).to_owned()));
    let count_name = phrases::left(lang);
    let widths = names.iter().map(String::as_str).chain([count_name]);
    let first = widths.map(|name| page.measure(name, NOTE, Weight::Bold)).fold(0.0, f64::max);
    let first = first.min(page.inner() * 0.3);
    let room = page.inner() - first - GAP;
    let greatest = columns.iter().flat_map(|column| column.cells.iter().chain([&column.other]));
    let greatest = greatest.filter_map(|entry| entry.bar).fold(0.0, f64::max);
    let widths: Vec<f64> = columns.iter().map(|column| column.width(page, room)).collect();
    let mut start = 0;
    for len in balanced(&widths, room) {
        let mut x = page.margin + first + GAP;
        let columns = columns.iter().zip(&widths).skip(start).take(len);
        let placed = columns.map(|(column, width)| {
            let left = x;
            x += width + GAP;
            Placed { column, left, right: left + width }
        });
        let placed: Vec<Placed<'_>> = placed.collect();
        page.y += if start > 0 { 18.0 } else { 0.0 };
        start += len;
        block(page, view, &names, &placed, greatest);
        count_row(page, count_name, &placed);
    }
}

/// How many columns stand side by side in each block. There are as few blocks as possible, and all have about the same
/// width.
fn balanced(widths: &[f64], room: f64) -> Vec<usize> {
    let lens = |most: f64| {
        let mut lens: Vec<usize> = Vec::new();
        let mut filled = f64::INFINITY;
        for width in widths {
            match lens.last_mut() {
                Some(len) if filled + GAP + width <= most + 0.01 => {
                    *len += 1;
                    filled += GAP + width;
                }
                _ => {
                    lens.push(1);
                    filled = *width;
                }
            }
        }
        lens
    };
    let mut best = lens(room);
    let mut most = room;
    while best.len() > 1 && most > 0.0 {
        most -= 8.0;
        let narrower = lens(most);
        if narrower.len() > best.len() {
            break;
        }
        best = narrower;
    }
    best
}

/// Draws the headings and rows of as many columns as fit.
fn block(page: &mut Page<'_>, view: &View<'_>, names: &[String], placed: &[Placed<'_>], greatest: f64) {
    let palette = page.palette;
    let (bold, regular) = (page.setting(NOTE, Weight::Bold), page.setting(NOTE, Weight::Regular));
    for Placed { column, left, right } in placed {
        let y = page.y + NOTE * ASCENT;
        let head = bold.fit_start(&column.head, right - left + 0.01);
        page.text(head, *right, y, Anchor::End, NOTE, Weight::Bold, palette.text);
        let note = regular.fit_start(&column.note, right - left + 0.01);
        page.text(note, *right, y + 16.0, Anchor::End, NOTE, Weight::Regular, palette.muted);
    }
    page.y += HEAD;
    rule(page, placed);
    let first = placed.first().map_or(page.margin, |first| first.left - GAP);
    for (index, name) in names.iter().enumerate() {
        let row = view.rows.get(index);
        let entry = |column: &'_ Column| -> usize { if row.is_some() { index } else { column.cells.len() } };
        let of = |column| -> &Entry { Column::entry(column, entry(column)) };
        let is_chosen = row.is_some_and(|row| row.is_chosen);
        let weight = if is_chosen { Weight::Bold } else { Weight::Regular };
        let ground = placed.iter().position(|placed| of(placed.column).is_cut);
        if let (Some(cut), Some(last)) = (ground, placed.last()) {
            let x = placed[cut].left - GAP / 2.0;
            let bounds = Bounds { x, y: page.y, width: last.right + 4.0 - x, height: PITCH };
            page.items.push(Item::Rect { bounds, fill: palette.guide });
        }
        let is_out = row.is_some_and(|row| row.last().is_none());
        let color = match row {
            Some(_) if is_chosen => palette.accent_text,
            Some(_) if !is_out => palette.text,
            _ => palette.muted,
        };
        let baseline = Text::centred(page.y + PITCH / 2.0 - 1.0, NOTE);
        let shown = page.setting(NOTE, weight).fit_start(name, first - page.margin + 0.01);
        page.text(shown, first, baseline, Anchor::End, NOTE, weight, color);
        for place in placed {
            let entry = of(place.column);
            cell(page, place, entry, (name, baseline, row.is_none()), greatest);
        }
        page.y += PITCH;
    }
}

/// Draws a number, the sign behind it, and the bar under it.
fn cell(
    page: &mut Page<'_>,
    place: &Placed<'_>,
    entry: &Entry,
    (name, baseline, is_other): (&str, f64, bool),
    greatest: f64,
) {
    let palette = page.palette;
    let mut items = Vec::new();
    if let Some(value) = entry.bar.filter(|_| greatest > 0.0) {
        let width = ((place.right - place.left) * value / greatest).max(if value > 0.0 { 1.0 } else { 0.0 });
        let bounds = Bounds { x: place.left, y: page.y + PITCH - 6.0, width, height: 4.0 };
        items.push(match (is_other, entry.is_accent) {
            (true, _) => Item::Hatched { bounds, fill: palette.other, hatch: palette.hatch },
            (false, true) => Item::Rect { bounds, fill: palette.accent },
            (false, false) => Item::Rect { bounds, fill: palette.bar },
        });
    }
    let (color, weight) = match entry {
        Entry { is_accent: true, .. } => (palette.accent_text, Weight::Bold),
        Entry { is_cut: true, .. } => (palette.muted, Weight::Regular),
        _ if is_other => (palette.muted, Weight::Regular),
        _ => (palette.text, Weight::Regular),
    };
    let mut text = |content: &str, x: f64| {
        if !content.is_empty() {
            let (content, y) = (content.to_owned(), baseline);
            let (anchor, size, upwards) = (Anchor::End, NOTE, false);
            items.push(Item::Text(Text { content, x, y, anchor, size, weight, color, upwards }));
        }
    };
    text(&entry.text, place.right - place.column.mark_width(page));
    text(entry.mark, place.right);
    if !items.is_empty() {
        let tooltip = [name, &place.column.head, &entry.text, entry.mark].map(str::trim);
        let tooltip: Vec<&str> = tooltip.into_iter().filter(|part| !part.is_empty()).collect();
        page.items.push(Item::Mark { tooltip: tooltip.join(" · "), items });
    }
}

/// How many tokens each stage left.
fn count_row(page: &mut Page<'_>, name: &str, placed: &[Placed<'_>]) {
    let color = page.palette.muted;
    rule(page, placed);
    let y = Text::centred(page.y + PITCH / 2.0, NOTE);
    let first = placed.first().map_or(page.margin, |first| first.left - GAP);
    let name = page.setting(NOTE, Weight::Regular).fit_start(name, first - page.margin + 0.01);
    page.text(name, first, y, Anchor::End, NOTE, Weight::Regular, color);
    for Placed { column, right, .. } in placed.iter().filter(|placed| !placed.column.count.is_empty()) {
        let x = right - column.mark_width(page);
        page.text(column.count.clone(), x, y, Anchor::End, NOTE, Weight::Regular, color);
    }
    page.y += PITCH;
}

fn rule(page: &mut Page<'_>, placed: &[Placed<'_>]) {
    let end = placed.last().map_or(page.width - page.margin, |last| last.right);
    let points = vec![(page.margin, page.y), (end, page.y)];
    page.items.push(Item::Line { points, stroke: page.palette.hatch, width: 1.0, dash: None });
}
