//! The figure `log_chart`: measured numbers as lines along two logarithmic axes.

use super::axis::{self, Axis};
use super::example;
use super::fonts::Weight;
use super::kind::{Example, FigureKind, Golden};
use super::page::Page;
use super::phrases;
use super::provenance::Provenance;
use super::scene::{ASCENT, Anchor, Item, NOTE};
use super::series::{End, LABEL_GAP, end_names, plot_height, series, widest};
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words;
use super::{Contents, Figure};
use crate::trace::visible;
use crate::{Error, Result};

/// Measured numbers and their references, which [`log_chart`] draws.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogChart {
    /// The title.
    pub title: String,
    /// The parts of the subtitle, such as the place and time of the measurement.
    pub notes: Vec<String>,
    /// The names of the horizontal and the vertical axis, with their units.
    pub axes: [String; 2],
    /// The lines.
    pub lines: Vec<LogLine>,
}

/// A line of a [`LogChart`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogLine {
    /// The name.
    pub name: String,
    /// Its points from left to right, at numbers above 0.
    pub points: Vec<[f64; 2]>,
    /// Whether the line is only a reference for the one before it. It then has that line's colour, dashes, and no dots.
    pub is_reference: bool,
}

/// A reader cannot tell more lines apart.
const MAX_LINES: usize = 12;
const DASH: Option<&str> = Some("4 4");

/// Draws lines along two logarithmic axes. There, numbers that grow in proportion make a straight line of slope 1.
///
/// ```
/// use sukashi_figure::figure::{LogChart, LogLine, Style, log_chart};
///
/// let points = vec![[128.0, 0.2], [1024.0, 1.0], [8192.0, 5.8]];
/// let chart = LogChart {
///     title: "Attention of one token".into(),
///     axes: ["positions".into(), "ms".into()],
///     lines: vec![LogLine { name: "one layer".into(), points, is_reference: false }],
///     ..LogChart::default()
/// };
/// let figure = log_chart(&chart, &Style::default())?;
/// assert!(figure.data_csv().contains("one layer,8192,5.8"));
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If there are no lines or more than 12, if a line has less than two points, or a number is not finite and above 0.
pub fn log_chart(chart: &LogChart, style: &Style) -> Result<Figure> {
    check(chart)?;
    let mut page = Page::new(style)?;
    let title = visible::line(&chart.title);
    page.title(&title, str::to_owned);
    page.subtitle(&chart.notes);
    draw(&mut page, chart);
    let contents =
        Contents { kind: "log_chart", title, alt_text: alt_text(chart, style.lang), table: table(chart) };
    let provenance = Provenance::of_numbers(env!("CARGO_PKG_VERSION"));
    Ok(Figure::of(provenance, style, page, contents, Vec::new()))
}

fn check(chart: &LogChart) -> Result<()> {
    if chart.lines.is_empty() || chart.lines.len() > MAX_LINES {
        return Err(Error::input(format!("cannot draw a chart of {} lines", chart.lines.len()))
            .detail(format!("expected 1 to {MAX_LINES}")));
    }
    for line in &chart.lines {
        let name = visible::line(&line.name);
        if line.points.len() < 2 {
            return Err(Error::input(format!("cannot draw the line {name:?}"))
                .detail(format!("found {} points, expected 2 or more", line.points.len())));
        }
        if let Some(number) = line.points.iter().flatten().find(|n| !(n.is_finite() && **n > 0.0)) {
            return Err(Error::input(format!("cannot draw the line {name:?} on logarithmic axes"))
                .detail(format!("found {number}, expected finite numbers above 0")));
        }
    }
    Ok(())
}

fn draw(page: &mut Page<'_>, chart: &LogChart) {
    /// The room between the edges and the dots at the ends.
    const INSET: f64 = 8.0;
    let palette = page.palette;
    let numbers =
        |axis: usize| chart.lines.iter().flat_map(move |line| line.points.iter().map(move |p| p[axis]));
    let setting = page.setting(NOTE, Weight::Regular);
    // The name of the vertical axis stands above it.
    page.note(&chart.axes[1..]);
    let (top, bottom) = (page.y + 6.0, page.y + 6.0 + plot_height(page));
    let y_scale = Axis::logarithmic(numbers(1), (bottom - INSET, top + INSET));
    let y_ticks: Vec<(f64, String)> =
        y_scale.log_ticks().into_iter().map(|tick| (tick, number(tick))).collect();
    let ticks_width = widest(page, y_ticks.iter().map(|(_, name)| name.clone()));
    let most = page.inner() * 0.34;
    let names: Vec<String> =
        chart.lines.iter().map(|line| setting.fit_start(&visible::line(&line.name), most)).collect();
    let (left, right) = (
        page.margin + ticks_width + 8.0,
        page.width - page.margin - widest(page, names.iter().cloned()) - LABEL_GAP,
    );
    let x_scale = Axis::logarithmic(numbers(0), (left + INSET, right - INSET));

    y_scale.guides(page, y_ticks, (left, right));
    let mut free_from = f64::NEG_INFINITY;
    for tick in x_ticks(chart, x_scale) {
        let x = x_scale.at(tick);
        let points = vec![(x, top), (x, bottom)];
        page.items.push(Item::Line { points, stroke: palette.guide, width: 1.0, dash: None });
        let name = number(tick);
        let half = setting.measure(&name) / 2.0;
        if x - half > free_from {
            free_from = x + half + 6.0;
            let baseline = bottom + 4.0 + NOTE * ASCENT;
            page.text(name, x, baseline, Anchor::Middle, NOTE, Weight::Regular, palette.muted);
        }
    }
    let mut ends = Vec::new();
    let mut color_index = 0;
    for (index, line) in chart.lines.iter().enumerate() {
        if index > 0 && !line.is_reference {
            color_index += 1;
        }
        let (stroke, own_dash) = series(page, color_index);
        let dash = if line.is_reference { DASH } else { own_dash };
        let width = if line.is_reference { 1.25 } else { 2.0 };
        let points: Vec<(f64, f64)> =
            line.points.iter().map(|point| (x_scale.at(point[0]), y_scale.at(point[1]))).collect();
        let (x, y) = points[points.len() - 1];
        ends.push(End {
            name: names[index].clone(),
            from: (x + 6.0, y),
            look: (stroke, dash),
            width,
            weight: Weight::Regular,
        });
        page.items.push(Item::Line { points: points.clone(), stroke, width, dash });
        if !line.is_reference {
            for (&(x, y), point) in points.iter().zip(&line.points) {
                let tooltip =
                    format!("{} · {} · {}", visible::line(&line.name), number(point[0]), number(point[1]));
                let items = vec![Item::Dot { x, y, radius: 3.0, fill: stroke }];
                page.items.push(Item::Mark { tooltip, items });
            }
        }
    }
    end_names(page, ends, NOTE + 4.0, (right, top, bottom));
    page.y = bottom + 4.0 + NOTE + 8.0;
    page.note(&chart.axes[..1]);
}

/// The ticks of the horizontal axis: the measured places if they are few, else round numbers.
fn x_ticks(chart: &LogChart, scale: Axis) -> Vec<f64> {
    let mut all: Vec<f64> = chart.lines.iter().flat_map(|line| line.points.iter().map(|p| p[0])).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    if all.len() <= axis::MAX_TICKS { all } else { scale.log_ticks() }
}

/// Writes three digits of a number, or all digits of a whole number.
fn number(value: f64) -> String {
    if !(1e-6..1e15).contains(&value) {
        return format!("{value:.2e}");
    }
    if value.fract() == 0.0 {
        return words::grouped(value as usize);
    }
    let digits = (2 - libm::log10(value).floor() as i32).clamp(0, 12) as usize;
    let fixed = format!("{value:.digits$}");
    if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.').to_owned() } else { fixed }
}

fn alt_text(chart: &LogChart, lang: Lang) -> String {
    let items: Vec<String> = chart
        .lines
        .iter()
        .filter_map(|line| {
            let (first, last) = (line.points.first()?, line.points.last()?);
            let [x0, y0, x1, y1] = [first[0], first[1], last[0], last[1]].map(number);
            let name = visible::line(&line.name);
            Some(phrases::line_ends(lang, &name, &x0, &y0, &x1, &y1))
        })
        .collect();
    let [title, x, y] = [&chart.title, &chart.axes[0], &chart.axes[1]].map(|text| visible::line(text));
    let list = words::list(&items, lang);
    phrases::log_chart_told(lang, &title, &x, &y, &list)
}

fn table(chart: &LogChart) -> Table {
    let mut table = Table::new(&["line", "x", "y"]);
    for line in &chart.lines {
        for point in &line.points {
            let numbers = point.map(Cell::Number);
            table.rows.push([Cell::Text(line.name.clone())].into_iter().chain(numbers).collect());
        }
    }
    table
}

/// The examples that tests draw.
pub(super) const KIND: FigureKind = FigureKind::of_numbers(
    "log-chart",
    &[Example {
        name: "log-chart",
        draw: |of, style| {
            let of_words = |words: &[&str]| {
                let names: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
                let line = |(index, name): (usize, &String)| LogLine {
                    name: name.clone(),
                    points: (1..9).map(|x| [f64::from(x), f64::from(x) + index as f64]).collect(),
                    is_reference: index % 3 == 1,
                };
                LogChart {
                    title: words[0].to_owned(),
                    axes: [words[0].to_owned(), words[words.len() - 1].to_owned()],
                    lines: names.iter().take(12).enumerate().map(line).collect(),
                    notes: names,
                }
            };
            log_chart(&of.record(of_words, example::log_chart), style)
        },
        golden: Golden::Plain,
    }],
    &[],
);
