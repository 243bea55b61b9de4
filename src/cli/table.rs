//! A table of candidates: mark, rank, id, token, probabilities and a bar.

use sukashi::figure::{Lang, grouped, percent};
use sukashi::trace::{Candidate, Step, visible};

use super::terminal::{Paint, Terminal, bar, fit_start, pad, pad_start, pale_bar, width};

/// The columns of a table, and the scale of its bars.
pub struct Layout {
    /// Whether rows show the candidates' ids.
    pub ids: bool,
    /// Whether the first row names the columns.
    pub names: bool,
    /// The probability of a bar of full width; `None` takes the greatest probability in the table.
    pub full_bar: Option<f64>,
    /// The least width of labels, so that several tables are aligned.
    pub label_width: usize,
}

/// The longest label takes this part of the width: one third.
const MAX_LABEL_SHARE: usize = 3;
/// The least room of a label.
const MIN_LABEL: usize = 8;
/// The mark of the chosen token, and a space.
const MARK_WIDTH: usize = 2;
/// The longest percentage: `<0.01%`.
const PERCENT_WIDTH: usize = 6;
/// The shortest width at which bars are drawn.
const MIN_BAR: usize = 5;
/// Probabilities that differ by less count as the same.
const SAME: f64 = 1e-9;
const GAP: &str = "  ";
const ID: &str = "id";

/// A candidate, or the sum of all tokens that the table does not list.
struct Row<'a> {
    candidate: Option<&'a Candidate>,
    label: String,
    /// The model's probability, the scaled one and the final one.
    probs: [f64; 3],
    is_chosen: bool,
}

/// Lays out the step's candidates, and the rest of the vocabulary in one row.
pub fn table(step: &Step, layout: &Layout, terminal: &Terminal) -> String {
    let rows = rows(step, terminal.lang);
    let columns = Columns::new(&rows, layout, terminal);
    let mut out = String::new();
    if layout.names {
        let names = columns.probs.iter().map(|&prob| columns.prob_names[prob]);
        let line = columns.line(["", "#", ID, columns.token_name], names.map(str::to_owned));
        out += &format!("{}\n", terminal.paint(Paint::Quiet, line.trim_end()));
    }
    let full_bar =
        layout.full_bar.unwrap_or_else(|| rows.iter().map(|row| columns.last(row)).fold(0.0, f64::max));
    for row in &rows {
        let is_cut = row.candidate.is_some() && row.probs[2] <= 0.0;
        let (text_paint, bar_paint) = match row.candidate {
            _ if row.is_chosen => (Paint::Chosen, Paint::Chosen),
            Some(_) if !is_cut => (Paint::Plain, Paint::Bar),
            _ => (Paint::Quiet, Paint::Quiet),
        };
        let number = |of: fn(&Candidate) -> String| row.candidate.map(of).unwrap_or_default();
        let (rank, id) =
            (number(|candidate| candidate.rank.to_string()), number(|candidate| candidate.id.to_string()));
        let mark = if row.is_chosen { "●" } else { "" };
        let percents = columns.probs.iter().map(|&prob| percent(row.probs[prob]));
        let label = match row.candidate {
            None if width(&row.label) > columns.label_width => terminal.words("その他", "others"),
            _ => &row.label,
        };
        out += &terminal.paint(text_paint, &columns.line([mark, &rank, &id, label], percents));
        if columns.bar_width >= MIN_BAR && full_bar > 0.0 {
            let draw = if row.candidate.is_some() { bar } else { pale_bar };
            let bar = draw(columns.last(row) / full_bar, columns.bar_width);
            let gap = if bar.is_empty() { "" } else { GAP };
            out += &format!("{gap}{}", terminal.paint(bar_paint, &bar));
        }
        out.push('\n');
    }
    if let Some(stages) = &step.stages {
        let line = format!("  {}: {}", terminal.words("残った数", "left"), visible::line(&stages.summary()));
        out += &format!("{}\n", terminal.paint(Paint::Quiet, &fit_start(&line, terminal.width)));
    }
    out
}

/// The columns and their widths.
struct Columns {
    token_name: &'static str,
    prob_names: [&'static str; 3],
    rank_width: usize,
    /// `None` if ids are not shown or have no room.
    id_width: Option<usize>,
    label_width: usize,
    /// The indices of the probabilities that are shown.
    probs: Vec<usize>,
    prob_width: usize,
    bar_width: usize,
}

impl Columns {
    fn new(rows: &[Row<'_>], layout: &Layout, terminal: &Terminal) -> Self {
        let (token_name, prob_names) = match terminal.lang {
            Lang::Ja => ("トークン", ["確率", "調整後", "最終"]),
            Lang::En => ("token", ["prob", "scaled", "final"]),
        };
        let candidates = || rows.iter().filter_map(|row| row.candidate);
        let digits = |number: u64| number.checked_ilog10().map_or(1, |log| log as usize + 1);
        let rank_width = candidates().map(|candidate| digits(candidate.rank as u64)).fold(2, usize::max);
        let id_width = candidates().map(|candidate| digits(candidate.id.into())).fold(ID.len(), usize::max);
        let probs = shown_probs(rows);
        let prob_width = probs.iter().map(|&prob| width(prob_names[prob])).fold(PERCENT_WIDTH, usize::max);

        let numbers = MARK_WIDTH + rank_width + GAP.len() + probs.len() * (GAP.len() + prob_width);
        let has_room = numbers + id_width + GAP.len() + MIN_LABEL <= terminal.width;
        let id_width = Some(id_width).filter(|_| layout.ids && has_room);
        let numbers = numbers + id_width.map_or(0, |id_width| id_width + GAP.len());

        let longest = rows.iter().map(|row| width(&row.label)).fold(width(token_name), usize::max);
        let most = (terminal.width / MAX_LABEL_SHARE).min(terminal.width.saturating_sub(numbers));
        let label_width = longest.max(layout.label_width).min(most.max(MIN_LABEL));
        let bar_width = terminal.width.saturating_sub(numbers + label_width + GAP.len());
        Self { token_name, prob_names, rank_width, id_width, label_width, probs, prob_width, bar_width }
    }

    /// Lays out a line without its bar: mark, rank, id, label and probabilities.
    fn line(&self, [mark, rank, id, label]: [&str; 4], probs: impl Iterator<Item = String>) -> String {
        let mut line = format!("{}{}{GAP}", pad(mark, MARK_WIDTH), pad_start(rank, self.rank_width));
        if let Some(id_width) = self.id_width {
            line += &format!("{}{GAP}", pad_start(id, id_width));
        }
        line += &pad(&fit_start(label, self.label_width), self.label_width);
        for prob in probs {
            line += &format!("{GAP}{}", pad_start(&prob, self.prob_width));
        }
        line
    }

    /// The probability that the bar shows: the one in the column beside it.
    fn last(&self, row: &Row<'_>) -> f64 {
        self.probs.last().map_or(0.0, |&prob| row.probs[prob])
    }
}

fn rows(step: &Step, lang: Lang) -> Vec<Row<'_>> {
    let chosen = step.chosen.as_ref().map(|chosen| chosen.id);
    let mut rows: Vec<Row<'_>> = step
        .candidates
        .iter()
        .map(|candidate| Row {
            candidate: Some(candidate),
            label: visible::token(candidate.id, candidate.text.as_deref(), candidate.bytes.as_deref()),
            probs: [candidate.prob, candidate.prob_scaled, candidate.prob_final],
            is_chosen: chosen == Some(candidate.id),
        })
        .collect();
    let num_others = step.vocab_size.saturating_sub(rows.len());
    if num_others > 0 {
        let rest = |column: usize| {
            let rest = 1.0 - rows.iter().map(|row| row.probs[column]).sum::<f64>();
            // A difference from rounding counts as no mass.
            if rest < SAME { 0.0 } else { rest }
        };
        let probs = [step.other_prob, rest(1), rest(2)];
        let label = match lang {
            Lang::Ja => format!("その他 {} 個", grouped(num_others)),
            Lang::En => format!("{} others", grouped(num_others)),
        };
        rows.push(Row { candidate: None, label, probs, is_chosen: false });
    }
    rows
}

/// The indices of the probabilities to show: the model's, and those that the stages have changed.
fn shown_probs(rows: &[Row<'_>]) -> Vec<usize> {
    let differ = |a: usize, b: usize| rows.iter().any(|row| (row.probs[a] - row.probs[b]).abs() > SAME);
    let mut probs = vec![0];
    if differ(0, 1) {
        probs.push(1);
    }
    if differ(1, 2) {
        probs.push(2);
    }
    probs
}
