//! Lines over candidates, one per temperature, with their names at their ends and their numbers below.

use super::axis::{self, Axis};
use super::distribution::label;
use super::fonts::Weight;
use super::page::Page;
use super::scene::{ASCENT, Anchor, Item, LABEL, NOTE, Text};
use super::style::Theme;
use super::temperature::{Line, temperature_name};
use super::words::{self, percent};
use crate::trace::Candidate;

/// Between a line's end and its label.
const LABEL_GAP: f64 = 26.0;
/// A column holds at least an upright label.
const MIN_PITCH: f64 = 16.0;
const ROW: f64 = 18.0;

fn line_label_width(page: &Page<'_>, names: impl Iterator<Item = String>) -> f64 {
    names.map(|name| page.measure(&name, NOTE, Weight::Bold)).fold(0.0, f64::max)
}

/// The left and right edge of the plot.
fn plot_edges(page: &Page<'_>, names_width: f64, log: bool) -> (f64, f64) {
    // The widest name that a tick can have.
    let ticks = page.measure(if log { "0.0001%" } else { "0.05%" }, NOTE, Weight::Regular);
    let left = page.margin + ticks.max(names_width) + 8.0;
    (left, page.width - page.margin - names_width - LABEL_GAP)
}

/// How many columns of labels the plot has room for, the one for the rest included.
pub(super) fn columns(page: &Page<'_>, temperatures: &[f64], log: bool) -> usize {
    let names_width = line_label_width(page, temperatures.iter().map(|t| temperature_name(*t)));
    let (left, right) = plot_edges(page, names_width, log);
    (((right - left) / MIN_PITCH).floor() as usize).max(2)
}

/// Draws the plot, its labels, and the table of its numbers, from the page's filled part downwards.
pub(super) fn draw(
    page: &mut Page<'_>,
    candidates: &[&Candidate],
    lines: &[Line],
    other_count: usize,
    log: bool,
) {
    let palette = page.palette;
    let names_width = line_label_width(page, lines.iter().map(Line::name));
    let (left, right) = plot_edges(page, names_width, log);
    let height = (page.width * 0.4).clamp(190.0, 300.0);
    let (top, bottom) = (page.y + 6.0, page.y + 6.0 + height);
    let values = lines.iter().flat_map(|line| line.values(other_count));
    let axis = Axis::new(values, log, top, bottom);
    for (value, name) in axis.ticks() {
        let y = axis.y(value);
        let stroke = if value == 0.0 { palette.hatch } else { palette.guide };
        page.items.push(Item::Line { points: vec![(left, y), (right, y)], stroke, width: 1.0, dash: None });
        let baseline = Text::centred(y, NOTE);
        page.text(name, left - 8.0, baseline, Anchor::End, NOTE, Weight::Regular, palette.muted);
    }

    let mut columns: Vec<String> = candidates.iter().map(|candidate| label(candidate)).collect();
    if other_count > 0 {
        columns.push(words::other_short(page.style.lang).to_owned());
    }
    let pitch = (right - left) / columns.len() as f64;
    let xs: Vec<f64> = (0..columns.len()).map(|index| left + (index as f64 + 0.5) * pitch).collect();
    // The heavy line lies on top of the others.
    let (raw, scaled): (Vec<_>, Vec<_>) = lines.iter().enumerate().partition(|(_, line)| line.is_raw());
    for (index, line) in scaled.into_iter().chain(raw) {
        draw_line(page, line, look(page, index, line), &xs, &columns, &axis, other_count);
    }
    draw_names(page, lines, &xs, &axis, other_count, (right, top, bottom));
    page.y = bottom + 10.0;
    column_labels(page, &columns, &xs, pitch, other_count);
    numbers(page, &columns, lines, &xs, pitch, other_count);
}

/// A line's colour and dashes.
fn look(page: &Page<'_>, index: usize, line: &Line) -> (&'static str, Option<&'static str>) {
    const DASHES: [Option<&str>; 5] = [None, Some("6 3"), Some("2 2"), Some("8 3 2 3"), Some("4 4")];
    if line.is_raw() {
        return (page.palette.text, None);
    }
    let series = page.palette.series;
    // On paper, and where colours come round again, dashes tell lines apart.
    let round = if page.style.theme == Theme::Print { index } else { index / series.len() };
    (series[index % series.len()], DASHES[round % DASHES.len()])
}

fn draw_line(
    page: &mut Page<'_>,
    line: &Line,
    (stroke, dash): (&'static str, Option<&'static str>),
    xs: &[f64],
    columns: &[String],
    axis: &Axis,
    other_count: usize,
) {
    let values = line.values(other_count);
    let points: Vec<(f64, f64)> = xs.iter().zip(&values).map(|(x, value)| (*x, axis.y(*value))).collect();
    let (own, rest) = points.split_at(line.probs.len());
    page.items.push(Item::Line { points: own.to_vec(), stroke, width: line.width(), dash });
    // The rest is no candidate: a thin dotted line leads to it.
    if let (Some(last), Some(rest)) = (own.last(), rest.first()) {
        page.items.push(Item::Line { points: vec![*last, *rest], stroke, width: 1.0, dash: Some("1 4") });
    }
    for ((point, value), column) in points.iter().zip(&values).zip(columns) {
        let tooltip = format!("{column} · {} · {}", line.name(), percent(*value));
        let radius = if line.is_raw() { 4.0 } else { 3.0 };
        let dot = Item::Dot { x: point.0, y: point.1, radius, fill: stroke };
        page.items.push(Item::Mark { tooltip, items: vec![dot] });
    }
}

/// Writes each line's temperature at its end.
fn draw_names(
    page: &mut Page<'_>,
    lines: &[Line],
    xs: &[f64],
    axis: &Axis,
    other_count: usize,
    (right, top, bottom): (f64, f64, f64),
) {
    let end = xs.last().copied().unwrap_or(right);
    let wanted: Vec<f64> =
        lines.iter().map(|line| axis.y(line.values(other_count).last().copied().unwrap_or(0.0))).collect();
    let placed = axis::spread(&wanted, NOTE + 3.0, top, bottom);
    for (index, (line, (wanted, y))) in lines.iter().zip(wanted.iter().zip(placed)).enumerate() {
        let (color, dash) = look(page, index, line);
        let points = vec![(end + 6.0, *wanted), (right + 3.0, y)];
        page.items.push(Item::Line { points, stroke: page.palette.hatch, width: 1.0, dash: None });
        // Bright line colours are too pale for letters; the rule before the name carries the colour.
        let points = vec![(right + 4.0, y), (right + LABEL_GAP - 5.0, y)];
        page.items.push(Item::Line { points, stroke: color, width: line.width(), dash });
        let x = right + LABEL_GAP;
        page.text(
            line.name(),
            x,
            Text::centred(y, NOTE),
            Anchor::Start,
            NOTE,
            line.weight(),
            page.palette.text,
        );
    }
}

/// Writes the columns' names below the plot: level where they fit, upright otherwise.
fn column_labels(page: &mut Page<'_>, columns: &[String], xs: &[f64], pitch: f64, other_count: usize) {
    /// An upright label takes no more of the height than this.
    const LONGEST: f64 = 110.0;
    let setting = page.setting(LABEL, Weight::Regular);
    let mut height = LABEL + 4.0;
    for (index, (column, x)) in columns.iter().zip(xs).enumerate() {
        let is_other = other_count > 0 && index + 1 == columns.len();
        let color = if is_other { page.palette.muted } else { page.palette.text };
        let width = setting.measure(column);
        let upwards = width + 3.0 > pitch;
        let (x, y, anchor) = if upwards {
            height = height.max(width.min(LONGEST));
            (Text::centred(*x, LABEL), page.y, Anchor::End)
        } else {
            (*x, page.y + LABEL * ASCENT, Anchor::Middle)
        };
        let content = setting.fit_start(column, LONGEST);
        let text = Text { content, x, y, anchor, size: LABEL, weight: Weight::Regular, color, upwards };
        page.items.push(Item::Text(text));
    }
    page.y += height;
}

/// Prints every number: below its column where columns are wide enough, else as a table of its own.
fn numbers(
    page: &mut Page<'_>,
    columns: &[String],
    lines: &[Line],
    xs: &[f64],
    pitch: f64,
    other_count: usize,
) {
    page.y += 10.0;
    let palette = page.palette;
    let values: Vec<Vec<f64>> = lines.iter().map(|line| line.values(other_count)).collect();
    let number_widths = lines.iter().zip(&values).flat_map(|(line, values)| {
        values.iter().map(|value| page.measure(&percent(*value), NOTE, line.weight()))
    });
    let number_width = number_widths.fold(0.0, f64::max);
    if pitch >= number_width + 8.0 {
        for (line, values) in lines.iter().zip(&values) {
            let y = Text::centred(page.y + ROW / 2.0, NOTE);
            page.text(line.name(), page.margin, y, Anchor::Start, NOTE, line.weight(), palette.text);
            for (x, value) in xs.iter().zip(values) {
                page.text(percent(*value), *x, y, Anchor::Middle, NOTE, line.weight(), palette.muted);
            }
            page.y += ROW;
        }
        return;
    }
    // Turned over: a row per candidate, and as many temperatures side by side as fit.
    let setting = page.setting(NOTE, Weight::Regular);
    let names =
        columns.iter().map(|column| setting.measure(column)).fold(0.0, f64::max).min(page.inner() * 0.4);
    let width = line_label_width(page, lines.iter().map(Line::name)).max(number_width) + 12.0;
    let fitting = (((page.inner() - names) / width).floor() as usize).max(1);
    let order: Vec<usize> = (0..lines.len()).collect();
    for group in order.chunks(fitting) {
        let right = |position: usize| page.margin + names + (position + 1) as f64 * width;
        let places: Vec<(usize, f64)> = group.iter().enumerate().map(|(p, line)| (*line, right(p))).collect();
        let y = Text::centred(page.y + ROW / 2.0, NOTE);
        for &(line, x) in &places {
            page.text(lines[line].name(), x, y, Anchor::End, NOTE, lines[line].weight(), palette.text);
        }
        page.y += ROW;
        for (row, column) in columns.iter().enumerate() {
            let y = Text::centred(page.y + ROW / 2.0, NOTE);
            let name = setting.fit_start(column, names + 0.01);
            page.text(name, page.margin, y, Anchor::Start, NOTE, Weight::Regular, palette.text);
            for &(line, x) in &places {
                let number = percent(values[line][row]);
                page.text(number, x, y, Anchor::End, NOTE, lines[line].weight(), palette.muted);
            }
            page.y += ROW;
        }
        page.y += 8.0;
    }
    page.y -= 8.0;
}
