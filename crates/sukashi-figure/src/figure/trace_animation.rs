//! The figure `trace` as an animation: one frame for each generated token.

use super::Figure;
use super::animation::check_animation;
use super::bar_row::Kind;
use super::bars::{self, Bar, Layout};
use super::boxes::{self, Placed};
use super::distribution::context;
use super::fonts::Weight;
use super::page::Page;
use super::phrases;
use super::scene::{Anchor, Bounds, Frame, Item, LABEL, NOTE, Text};
use super::strip;
use super::style::{Lang, Style};
use super::trace::{self, Panel, TraceOptions};
use crate::{Result, Trace};

/// The most lines that the text before the first step takes. A longer text loses its beginning.
const CONTEXT_LINES: usize = 2;
/// The space between the text before the first step and the first token.
const CONTEXT_GAP: f64 = 6.0;
const TRACK_HEIGHT: f64 = 4.0;
const TRACK_GAP: f64 = 12.0;

/// Draws a trace as an animation without end, with one frame for each generated token. A frame has the tokens so far,
/// and the bars of the candidates from which the last of them was chosen. All frames have one layout and one scale. The
/// last frame stays twice as long, and viewers without animation show it.
///
/// A style sheet alone moves [`Figure::svg`], and the figure stands still for readers who want little motion.
/// [`Figure::png`] is an APNG.
///
/// ```
/// use sukashi_figure::figure::{TraceOptions, Style, trace_animation};
///
/// # let record = sukashi_figure::figure::example::japanese();
/// let figure = trace_animation(&record, &TraceOptions::default(), 1.5, &Style::default())?;
/// assert_eq!(figure.frames().len(), record.steps.len());
/// assert!(figure.svg().contains("@keyframes"));
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// The errors of [`trace`](super::trace()) and of [`check_animation`] for the steps to draw.
pub fn trace_animation(
    trace: &Trace,
    options: &TraceOptions,
    seconds_per_step: f64,
    style: &Style,
) -> Result<Figure> {
    let steps = options.range(trace)?;
    check_animation(steps.len(), seconds_per_step)?;
    let milliseconds = (seconds_per_step * 1000.0).round() as u16;
    let lang = style.lang;
    let panels = options.panels(trace, steps)?;
    let start = context(trace, options.first);
    let mut page = trace::page(trace, options, &panels, style)?;

    let labels: Vec<Option<String>> = panels.iter().map(|panel| panel.chosen(trace)).collect();
    let tokens = text_so_far(&mut page, &start, &labels);
    let track = track(&mut page, panels.len(), lang);
    let chart = Chart::new(&mut page, &panels);

    for (index, panel) in panels.iter().enumerate() {
        let still = std::mem::take(&mut page.items);
        let end = labels[..=index].iter().flatten().count();
        let is_chosen_here = labels[index].is_some();
        for (place, token) in tokens[..end].iter().enumerate() {
            draw_token(&mut page, token, place, is_chosen_here && place + 1 == end);
        }
        track.draw(&mut page, index, panels.len(), lang);
        chart.draw(&mut page, index);
        let items = std::mem::replace(&mut page.items, still);
        let is_last = panel.index + 1 == options.first + panels.len();
        let milliseconds = if is_last { 2 * milliseconds } else { milliseconds };
        page.frames.push(Frame { items, milliseconds });
    }

    let (told, count) = (trace::told(trace, &panels, options.stage, lang), panels.len());
    let alt_text = phrases::animation_told(lang, &start, count, &told);
    Ok(Figure::new(trace, style, page, trace::contents(&start, alt_text, &panels, lang), Vec::new()))
}

/// Sets the end of the text before the first step, and finds the place of each token behind it.
fn text_so_far(page: &mut Page<'_>, start: &str, labels: &[Option<String>]) -> Vec<Placed> {
    let setting = page.setting(LABEL, Weight::Regular);
    let mut lines = if start.is_empty() { Vec::new() } else { setting.wrap(start, page.inner()) };
    let hidden = lines.len().saturating_sub(CONTEXT_LINES);
    lines.drain(..hidden);
    if let (Some(first), true) = (lines.first_mut(), hidden > 0) {
        // The line is one character too long, so it loses its beginning.
        *first = setting.fit_end(&format!("…{first}"), page.inner());
    }
    for (index, line) in lines.iter().enumerate() {
        let y = page.y + boxes::PITCH * index as f64 + boxes::HEIGHT / 2.0;
        let color = page.palette.text;
        let (x, y) = (page.margin, Text::centred(y, LABEL));
        page.text(line.clone(), x, y, Anchor::Start, LABEL, Weight::Regular, color);
    }
    page.y += boxes::PITCH * lines.len().saturating_sub(1) as f64;
    let indent = lines.last().map_or(0.0, |line| setting.measure(line) + CONTEXT_GAP);
    // A token is bold at first and regular later. The box has room for the wider form.
    let labels: Vec<&str> = labels.iter().flatten().map(String::as_str).collect();
    let tokens: Vec<Placed> =
        boxes::place(page, indent, labels.iter().map(|label| (*label, Weight::Bold))).collect();
    page.y += boxes::PITCH * tokens.last().map_or(1, |token| token.line + 1) as f64;
    tokens
}

fn draw_token(page: &mut Page<'_>, token: &Placed, place: usize, is_newest: bool) {
    let (palette, bounds) = (page.palette, token.bounds);
    let (fill, color, weight) = if is_newest {
        (palette.background, palette.accent_text, Weight::Bold)
    } else {
        // Neighbours have two pale shades in turn.
        let fill = if place.is_multiple_of(2) { palette.guide } else { palette.other };
        (fill, palette.text, Weight::Regular)
    };
    page.items.push(Item::Rect { bounds, fill });
    if is_newest {
        page.items.push(strip::frame(&bounds, palette.accent));
    }
    let (x, y) = (bounds.x + bounds.width / 2.0, Text::centred(bounds.y + bounds.height / 2.0, LABEL));
    page.text(token.label.clone(), x, y, Anchor::Middle, LABEL, weight, color);
}

/// The number of the step, and a line that shows how many steps are done.
struct Track {
    counter_y: f64,
    whole: Bounds,
}

fn step_of(index: usize, count: usize, lang: Lang) -> String {
    phrases::step_of(lang, index + 1, count)
}

/// Draws the part of the track that stands still.
fn track(page: &mut Page<'_>, count: usize, lang: Lang) -> Track {
    page.y += 4.0;
    let widths = (0..count).map(|index| page.measure(&step_of(index, count, lang), NOTE, Weight::Regular));
    let counter = widths.fold(0.0, f64::max) + TRACK_GAP;
    let middle = page.y + NOTE / 2.0;
    let whole = Bounds {
        x: page.margin + counter,
        y: middle - TRACK_HEIGHT / 2.0,
        width: page.inner() - counter,
        height: TRACK_HEIGHT,
    };
    page.items.push(Item::Rect { bounds: whole, fill: page.palette.guide });
    page.y += NOTE + 14.0;
    Track { counter_y: Text::centred(middle, NOTE), whole }
}

impl Track {
    fn draw(&self, page: &mut Page<'_>, index: usize, count: usize, lang: Lang) {
        let (x, color) = (page.margin, page.palette.muted);
        let text = step_of(index, count, lang);
        page.text(text, x, self.counter_y, Anchor::Start, NOTE, Weight::Regular, color);
        let width = self.whole.width * (index + 1) as f64 / count as f64;
        page.items.push(Item::Rect { bounds: Bounds { width, ..self.whole }, fill: page.palette.accent });
    }
}

/// The bars of all steps on one scale. The bars of all other tokens stand in one place.
struct Chart {
    candidates: Vec<Vec<Bar>>,
    others: Vec<Vec<Bar>>,
    layout: Layout,
    top: f64,
    others_top: f64,
}

impl Chart {
    /// Draws the part of the chart that stands still.
    fn new(page: &mut Page<'_>, panels: &[Panel<'_>]) -> Self {
        let lang = page.style.lang;
        let all = panels.iter().map(|panel| {
            bars::of(&panel.distribution, false, lang).into_iter().partition(|bar| bar.kind != Kind::Other)
        });
        let (candidates, others): (Vec<Vec<Bar>>, Vec<Vec<Bar>>) = all.unzip();
        let num_candidates = candidates.iter().map(Vec::len).max().unwrap_or(0);
        let num_bars = num_candidates + others.iter().map(Vec::len).max().unwrap_or(0);
        let pitch = if num_bars > 16 { 22.0 } else { 28.0 };
        let bars = candidates.iter().chain(&others).flatten();
        let layout = Layout::new(page, bars, page.inner(), LABEL, pitch);
        let top = page.y;
        page.y += pitch * num_bars as f64;
        page.items.push(bars::zero_line(page, &layout, page.margin, (top, page.y)));
        Self { candidates, others, layout, top, others_top: top + pitch * num_candidates as f64 }
    }

    fn draw(&self, page: &mut Page<'_>, index: usize) {
        let x = page.margin;
        bars::draw(page, &self.candidates[index], x, self.top, &self.layout);
        bars::draw(page, &self.others[index], x, self.others_top, &self.layout);
    }
}
