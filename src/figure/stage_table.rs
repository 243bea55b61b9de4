//! The table of the sampler's stages: a column for each that ran, as many side by side as fit.

use super::fonts::Weight;
use super::page::Page;
use super::sampling::{Row, View, choice};
use super::scene::{ASCENT, Anchor, Bounds, Item, NOTE, Text};
use super::style::Lang;
use super::words::{self, percent};

/// A column of the table.
pub(super) struct Column {
    head: String,
    note: String,
    /// One for each row.
    cells: Vec<Entry>,
    other: Entry,
    /// How many tokens are left.
    count: String,
    /// Whether signs stand behind numbers, or bars under them.
    has_marks: bool,
    has_bars: bool,
}

/// What a cell holds.
#[derive(Default)]
struct Entry {
    text: String,
    /// Behind the number: what is cut here.
    mark: &'static str,
    /// From 0 to 1, drawn under the number.
    bar: Option<f64>,
    /// The token is gone, here or before.
    is_cut: bool,
    is_accent: bool,
}

impl Entry {
    fn text(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    fn gone() -> Self {
        Self { is_cut: true, ..Self::default() }
    }
}

const CUT: &str = "×";
const KEPT: &str = "○";
const TRUNCATIONS: [&str; 4] = ["top_k", "top_p", "min_p", "typical_p"];

/// A number with two decimals and a typographer's minus.
pub(super) fn decimal(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = if text.trim_start_matches('-') == "0.00" { "0.00".to_owned() } else { text };
    text.replace('-', "−")
}

/// What a stage is called above its column.
pub(super) fn heading(stage: &str, view: &View<'_>, lang: Lang) -> String {
    let settings = view.settings;
    let with = |name: &str, value: Option<String>| match value {
        Some(value) => format!("{name} {value}"),
        None => name.to_owned(),
    };
    let ja = lang == Lang::Ja;
    match stage {
        "logits" => if ja { "ロジット" } else { "logit" }.to_owned(),
        "penalties" => if ja { "ペナルティ" } else { "penalties" }.to_owned(),
        "logit_bias" => if ja { "バイアス" } else { "bias" }.to_owned(),
        "temperature" => words::temperature(settings.temperature),
        "top_k" => with("top-k", settings.top_k.map(|k| k.to_string())),
        "top_p" => with("top-p", settings.top_p.map(|p| p.to_string())),
        "min_p" => with("min-p", settings.min_p.map(|p| p.to_string())),
        "typical_p" => with("typical-p", settings.typical_p.map(|p| p.to_string())),
        // A stage of the caller's own.
        name => crate::trace::visible::line(name),
    }
}

impl Column {
    /// From the logits to the choice.
    pub(super) fn all(view: &View<'_>, lang: Lang) -> Vec<Self> {
        let outputs = &view.stages.outputs;
        let is_truncation = |index: usize| TRUNCATIONS.contains(&outputs[index].stage.as_str());
        let first_cut = (0..outputs.len()).find(|index| is_truncation(*index)).unwrap_or(outputs.len());
        let mut columns: Vec<Self> = (0..first_cut).map(|index| Self::adjusting(view, index, lang)).collect();
        columns.push(Self::probs(view, first_cut.saturating_sub(1), false, lang));
        columns.extend((first_cut..outputs.len()).map(|index| Self::truncating(view, index, lang)));
        if first_cut < outputs.len() {
            columns.push(Self::probs(view, outputs.len() - 1, true, lang));
        }
        columns.extend(view.step.chosen.is_some().then(|| Self::choice(view, lang)));
        columns
    }

    fn new(view: &View<'_>, index: usize, lang: Lang) -> Self {
        let output = &view.stages.outputs[index];
        Self {
            head: heading(&output.stage, view, lang),
            note: String::new(),
            cells: Vec::new(),
            other: Entry::default(),
            count: words::grouped(output.num_left),
            has_marks: false,
            has_bars: false,
        }
    }

    /// Logits as a stage left them.
    fn adjusting(view: &View<'_>, index: usize, lang: Lang) -> Self {
        let (settings, stage) = (view.settings, view.stages.outputs[index].stage.as_str());
        let note = match (stage, lang) {
            ("temperature", Lang::Ja) if settings.temperature == 0.0 => "最大のものだけ".to_owned(),
            ("temperature", Lang::En) if settings.temperature == 0.0 => "the greatest".to_owned(),
            ("temperature", _) => format!("(z − max) / {}", settings.temperature),
            ("logits", _) => "z".to_owned(),
            (_, Lang::Ja) => "後の z".to_owned(),
            (_, Lang::En) => "z after".to_owned(),
        };
        let mut has_marks = false;
        let cells = view.rows.iter().map(|row| match (row.left[index], row.before(index)) {
            (Some(left), _) => Entry::text(decimal(left.logit)),
            (None, true) => {
                has_marks = true;
                Entry { mark: CUT, is_cut: true, ..Entry::default() }
            }
            (None, false) => Entry::gone(),
        });
        let cells = cells.collect();
        Self { note, cells, has_marks, ..Self::new(view, index, lang) }
    }

    /// The probabilities that an output makes.
    fn probs(view: &View<'_>, index: usize, is_final: bool, lang: Lang) -> Self {
        let (head, note) = match (lang, is_final) {
            (Lang::Ja, false) => ("softmax", "語彙全体の確率"),
            (Lang::Ja, true) => ("再正規化", "残りでの確率"),
            (Lang::En, false) => ("softmax", "whole vocabulary"),
            (Lang::En, true) => ("renormalised", "of what is left"),
        };
        let entry = |row: &Row<'_>| match row.left[index] {
            Some(left) => Entry {
                text: percent(left.prob),
                bar: Some(left.prob),
                is_accent: row.is_chosen,
                ..Entry::default()
            },
            None => Entry::gone(),
        };
        let cells = view.rows.iter().map(entry).collect();
        let other = match view.others_left(index) {
            0 => Entry::gone(),
            _ => {
                let prob = view.others_prob(index);
                Entry { text: percent(prob), bar: Some(prob), ..Entry::default() }
            }
        };
        let (head, note) = (head.to_owned(), note.to_owned());
        Self { head, note, cells, other, has_bars: true, ..Self::new(view, index, lang) }
    }

    /// What a truncation goes by, and what it cuts.
    fn truncating(view: &View<'_>, index: usize, lang: Lang) -> Self {
        let stage = view.stages.outputs[index].stage.as_str();
        let ja = lang == Lang::Ja;
        let greatest = view.rows.iter().filter_map(|row| row.left[index - 1]).find(|left| left.rank == 1);
        let least = greatest.zip(view.settings.min_p).map(|(greatest, min_p)| percent(min_p * greatest.prob));
        let note = match (stage, least) {
            ("top_k", _) => if ja { "順位" } else { "rank" }.to_owned(),
            ("top_p", _) => if ja { "累積確率" } else { "cumulative" }.to_owned(),
            ("min_p", Some(least)) => format!("≧ {least}"),
            ("min_p", None) => if ja { "確率" } else { "probability" }.to_owned(),
            _ => if ja { "残す" } else { "kept" }.to_owned(),
        };
        let entry = |row: &Row<'_>| {
            let Some(before) = row.left[index - 1] else { return Entry::gone() };
            let is_cut = row.left[index].is_none();
            let text = match stage {
                "top_k" => words::grouped(before.rank),
                "top_p" => percent(before.cumulative),
                "min_p" => percent(before.prob),
                _ => String::new(),
            };
            let mark = match is_cut {
                true => CUT,
                false if text.is_empty() => KEPT,
                false => "",
            };
            Entry { text, mark, is_cut, ..Entry::default() }
        };
        let cells = view.rows.iter().map(entry).collect();
        let other = match (view.others_left(index - 1), view.others_left(index)) {
            (0, _) => Entry::gone(),
            (_, 0) => Entry { mark: CUT, is_cut: true, ..Entry::default() },
            (_, count) if ja => Entry::text(format!("{} 個", words::grouped(count))),
            (_, count) => Entry::text(words::grouped(count)),
        };
        Self { note, cells, other, has_marks: true, ..Self::new(view, index, lang) }
    }

    fn choice(view: &View<'_>, lang: Lang) -> Self {
        let entry = |row: &Row<'_>| match (row.is_chosen, row.last()) {
            (true, _) => Entry { text: "●".to_owned(), is_accent: true, ..Entry::default() },
            (false, Some(_)) => Entry::default(),
            (false, None) => Entry::gone(),
        };
        let last = view.stages.outputs.len() - 1;
        let mut other = Entry::default();
        other.is_cut = view.others_left(last) == 0;
        Self {
            head: words::chosen(lang).to_owned(),
            note: choice(view, lang),
            cells: view.rows.iter().map(entry).collect(),
            other,
            count: String::new(),
            has_marks: false,
            has_bars: false,
        }
    }

    /// Of the signs behind its numbers.
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
}

impl Row<'_> {
    /// Whether it was left by the output before that at `index`.
    fn before(&self, index: usize) -> bool {
        index > 0 && self.left[index - 1].is_some()
    }
}

const HEAD: f64 = 38.0;
const PITCH: f64 = 26.0;
/// Between two columns.
const GAP: f64 = 14.0;

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
    let count_name = match lang {
        Lang::Ja => "残った数",
        Lang::En => "left",
    };
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

/// How many columns stand side by side in each block: in as few blocks as there can be, none much wider than the others.
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

/// The headings and rows of as many columns as fit.
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

impl Column {
    /// A row's entry; the one after all rows is that of the others.
    fn entry(&self, index: usize) -> &Entry {
        self.cells.get(index).unwrap_or(&self.other)
    }
}

/// A number, what stands behind it, and the bar under it.
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
