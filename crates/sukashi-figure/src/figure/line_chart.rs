//! Probabilities over candidates for each temperature, as lines or as groups of bars. All numbers stand below.

use super::axis::Axis;
use super::distribution::label;
use super::fonts::Weight;
use super::page::Page;
use super::scene::{ASCENT, Anchor, Bounds, Item, LABEL, NOTE, Text};
use super::series::{self, End, LABEL_GAP, Look, plot_edges, plot_height, series, widest};
use super::style::Theme;
use super::temperature_line::Line;
use super::words::{self, percent};
use crate::trace::Candidate;

/// The least width of a column, which holds an upright label.
const MIN_PITCH: f64 = 16.0;
const ROW: f64 = 18.0;

/// How the numbers are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    Lines,
    Bars,
}

/// How many columns of labels the plot has room for, with the column for the rest.
pub(super) fn columns(page: &Page<'_>, temperatures: &[f64], log: bool) -> usize {
    let names_width = widest(page, temperatures.iter().map(|t| words::temperature(*t)));
    let (left, right) = plot_edges(page, names_width, names_width, log);
    (((right - left) / MIN_PITCH).floor() as usize).max(2)
}

/// The columns of a plot.
struct Columns {
    names: Vec<String>,
    xs: Vec<f64>,
    pitch: f64,
    /// The number of tokens in the last column. It is 0 if the column is a candidate's.
    other_count: usize,
}

/// Draws the plot, its labels, and the table of its numbers, from the page's filled part downwards.
pub(super) fn draw(
    page: &mut Page<'_>,
    candidates: &[&Candidate],
    lines: &[Line],
    other_count: usize,
    (log, marks): (bool, Marks),
) {
    let names_width = widest(page, lines.iter().map(Line::name));
    let (left, right) = plot_edges(page, names_width, names_width, log);
    let (top, bottom) = (page.y + 6.0, page.y + 6.0 + plot_height(page));
    let values = lines.iter().flat_map(|line| line.values(other_count));
    let axis = Axis::of_probs(values, log, (top, bottom));
    axis.guides(page, axis.prob_ticks(), (left, right));

    let names = names(candidates, other_count, page);
    let pitch = (right - left) / names.len() as f64;
    let xs = (0..names.len()).map(|index| left + (index as f64 + 0.5) * pitch).collect();
    let columns = Columns { names, xs, pitch, other_count };
    match marks {
        Marks::Lines => {
            // The heavy line lies on top of the others.
            let (raw, scaled): (Vec<_>, Vec<_>) =
                lines.iter().enumerate().partition(|(_, line)| line.is_raw());
            for (index, line) in scaled.into_iter().chain(raw) {
                draw_line(page, line, look(page, index, line), &columns, &axis);
            }
            let from = columns.xs.last().copied().unwrap_or(right) + 6.0;
            let last = |line: &Line| line.values(other_count).last().copied().unwrap_or(0.0);
            let end = |(index, line): (usize, &Line)| End {
                name: line.name(),
                from: (from, axis.at(last(line))),
                look: look(page, index, line),
                width: line.width(),
                weight: line.weight(),
            };
            let ends = lines.iter().enumerate().map(end).collect();
            series::end_names(page, ends, NOTE + 3.0, (right, top, bottom));
        }
        Marks::Bars => draw_bars(page, lines, &columns, &axis, (right, top, bottom)),
    }
    page.y = bottom + 10.0;
    column_labels(page, &columns);
    numbers(page, &columns, lines);
}

/// The names of the columns, or of the rows of the table.
pub(super) fn names(candidates: &[&Candidate], other_count: usize, page: &Page<'_>) -> Vec<String> {
    let other = (other_count > 0).then(|| words::other_short(page.style.lang).to_owned());
    candidates.iter().map(|candidate| label(candidate)).chain(other).collect()
}

fn look(page: &Page<'_>, index: usize, line: &Line) -> Look {
    if line.is_raw() { (page.palette.text, None) } else { series(page, index) }
}

fn draw_line(page: &mut Page<'_>, line: &Line, (stroke, dash): Look, columns: &Columns, axis: &Axis) {
    let values = line.values(columns.other_count);
    let points: Vec<(f64, f64)> =
        columns.xs.iter().zip(&values).map(|(x, value)| (*x, axis.at(*value))).collect();
    let (own, rest) = points.split_at(line.probs.len());
    page.items.push(Item::Line { points: own.to_vec(), stroke, width: line.width(), dash });
    // The rest is not a candidate, so a thin dotted line leads to it.
    if let (Some(last), Some(rest)) = (own.last(), rest.first()) {
        page.items.push(Item::Line { points: vec![*last, *rest], stroke, width: 1.0, dash: Some("1 4") });
    }
    for ((point, value), column) in points.iter().zip(&values).zip(&columns.names) {
        let tooltip = format!("{column} · {} · {}", line.name(), percent(*value));
        let radius = if line.is_raw() { 4.0 } else { 3.0 };
        let dot = Item::Dot { x: point.0, y: point.1, radius, fill: stroke };
        page.items.push(Item::Mark { tooltip, items: vec![dot] });
    }
}

/// Draws a group of bars in each column, in the order of the temperatures, and their names at the right.
fn draw_bars(
    page: &mut Page<'_>,
    lines: &[Line],
    columns: &Columns,
    axis: &Axis,
    (right, top, bottom): (f64, f64, f64),
) {
    /// The share of the room of a group that its bars take.
    const FILLED: f64 = 0.82;
    /// The width of a bar in the legend.
    const SAMPLE: f64 = 11.0;
    let width = columns.pitch * FILLED / lines.len() as f64;
    // Bars have a thin gap between them if there is room.
    let gap = if width > 5.0 { 1.0 } else { 0.0 };
    for (index, line) in lines.iter().enumerate() {
        let scaled_before = lines[..index].iter().filter(|line| !line.is_raw()).count();
        let bar = bar(page, line, (index, scaled_before));
        for ((x, value), column) in
            columns.xs.iter().zip(line.values(columns.other_count)).zip(&columns.names)
        {
            let left = x - columns.pitch * FILLED / 2.0 + width * index as f64;
            // A probability above 0 stays visible.
            let y = if value > 0.0 { axis.at(value).min(bottom - 1.0) } else { bottom };
            let bounds = Bounds { x: left, y, width: width - gap, height: bottom - y };
            let tooltip = format!("{column} · {} · {}", line.name(), percent(value));
            page.items.push(Item::Mark { tooltip, items: vec![bar(bounds)] });
        }
        let y = top + (NOTE + 3.0) * (index as f64 + 0.5);
        let bounds = Bounds { x: right + 8.0, y: y - SAMPLE / 2.0, width: SAMPLE, height: SAMPLE };
        page.items.push(bar(bounds));
        let baseline = Text::centred(y, NOTE);
        let color = page.palette.text;
        page.text(line.name(), right + LABEL_GAP, baseline, Anchor::Start, NOTE, line.weight(), color);
    }
}

/// The look of a temperature's bars. They have the colours of the lines. On paper, their greys lie further apart than
/// those of lines, which have dashes. Hatching tells bars apart if colours repeat.
fn bar(
    page: &Page<'_>,
    line: &Line,
    (index, scaled_before): (usize, usize),
) -> impl Fn(Bounds) -> Item + use<> {
    let palette = page.palette;
    let greys = [palette.cut, palette.series[1], palette.bar];
    let (fill, round) = match page.style.theme {
        _ if line.is_raw() => (palette.text, 0),
        Theme::Print => (greys[scaled_before % greys.len()], scaled_before / greys.len()),
        _ => (palette.series[index % palette.series.len()], index / palette.series.len()),
    };
    let hatch = palette.background;
    move |bounds| match round % 2 {
        0 => Item::Rect { bounds, fill },
        _ => Item::Hatched { bounds, fill, hatch },
    }
}

/// Writes the columns' names below the plot, level if they fit, else upright.
fn column_labels(page: &mut Page<'_>, columns: &Columns) {
    /// The most height that an upright label takes.
    const LONGEST: f64 = 110.0;
    let setting = page.setting(LABEL, Weight::Regular);
    let mut height = LABEL + 4.0;
    for (index, (column, x)) in columns.names.iter().zip(&columns.xs).enumerate() {
        let is_other = columns.other_count > 0 && index + 1 == columns.names.len();
        let color = if is_other { page.palette.muted } else { page.palette.text };
        let width = setting.measure(column);
        let upwards = width + 3.0 > columns.pitch;
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

/// Prints every number below its column if columns are wide enough, else in a table.
fn numbers(page: &mut Page<'_>, columns: &Columns, lines: &[Line]) {
    page.y += 10.0;
    let palette = page.palette;
    let values: Vec<Vec<f64>> = lines.iter().map(|line| line.values(columns.other_count)).collect();
    if columns.pitch < number_width(page, lines, &values) + 8.0 {
        return turned(page, &columns.names, lines, columns.other_count, None);
    }
    for (line, values) in lines.iter().zip(&values) {
        let y = Text::centred(page.y + ROW / 2.0, NOTE);
        page.text(line.name(), page.margin, y, Anchor::Start, NOTE, line.weight(), palette.text);
        for (x, value) in columns.xs.iter().zip(values) {
            page.text(percent(*value), *x, y, Anchor::Middle, NOTE, line.weight(), palette.muted);
        }
        page.y += ROW;
    }
}

fn number_width(page: &Page<'_>, lines: &[Line], values: &[Vec<f64>]) -> f64 {
    let widths = lines.iter().zip(values).flat_map(|(line, values)| {
        values.iter().map(|value| page.measure(&percent(*value), NOTE, line.weight()))
    });
    widths.fold(0.0, f64::max)
}

/// Prints the numbers in a table with a row for each candidate, and as many temperatures side by side as fit. `entropy`
/// is the name of the last row.
pub(super) fn turned(
    page: &mut Page<'_>,
    names: &[String],
    lines: &[Line],
    other_count: usize,
    entropy: Option<&str>,
) {
    let palette = page.palette;
    let values: Vec<Vec<f64>> = lines.iter().map(|line| line.values(other_count)).collect();
    let setting = page.setting(NOTE, Weight::Regular);
    let all = names.iter().map(String::as_str).chain(entropy);
    let most = page.inner() * 0.4;
    let first = all.clone().map(|name| setting.measure(name)).fold(0.0, f64::max).min(most);
    let width = widest(page, lines.iter().map(Line::name)).max(number_width(page, lines, &values)) + 12.0;
    let fitting = (((page.inner() - first) / width).floor() as usize).max(1);
    let order: Vec<usize> = (0..lines.len()).collect();
    for group in order.chunks(fitting) {
        let right = |position: usize| page.margin + first + (position + 1) as f64 * width;
        let places: Vec<(usize, f64)> = group.iter().enumerate().map(|(p, line)| (*line, right(p))).collect();
        let end = right(group.len() - 1);
        let y = Text::centred(page.y + ROW / 2.0, NOTE);
        for &(line, x) in &places {
            page.text(lines[line].name(), x, y, Anchor::End, NOTE, lines[line].weight(), palette.text);
        }
        page.y += ROW;
        for (row, name) in all.clone().enumerate() {
            let is_entropy = row == names.len();
            if is_entropy {
                let points = vec![(page.margin, page.y), (end, page.y)];
                page.items.push(Item::Line { points, stroke: palette.guide, width: 1.0, dash: None });
            }
            let y = Text::centred(page.y + ROW / 2.0, NOTE);
            let color = if is_entropy { palette.muted } else { palette.text };
            let name = setting.fit_start(name, first + 0.01);
            page.text(name, page.margin, y, Anchor::Start, NOTE, Weight::Regular, color);
            for &(line, x) in &places {
                let number = match values[line].get(row) {
                    Some(value) => percent(*value),
                    None => format!("{:.2}", lines[line].entropy_bits),
                };
                page.text(number, x, y, Anchor::End, NOTE, lines[line].weight(), palette.muted);
            }
            page.y += ROW;
        }
        page.y += 8.0;
    }
    page.y -= 8.0;
}
