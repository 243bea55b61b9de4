//! Candidates as rows: mark, rank, id, token, probabilities and a bar.

use sukashi::figure::{Lang, grouped, percent};
use sukashi::trace::{Candidate, Step, visible};

use super::terminal::{Paint, Terminal, bar, fit_start, pad, pad_start, pale_bar, width};

/// What the rows show, and how far a bar reaches.
pub struct Layout {
    /// Whether each row begins with a candidate's id.
    pub ids: bool,
    /// Whether a row of columns' names comes first.
    pub names: bool,
    /// The probability of a bar over the whole width; `None` for the greatest one shown.
    pub full_bar: Option<f64>,
    /// The columns of labels, where several tables are to be aligned.
    pub label_width: usize,
}

/// Longest label, as a share of the width.
const MAX_LABEL_SHARE: usize = 3;
/// A bar shorter than this says nothing.
const MIN_BAR: usize = 5;
/// Two probabilities closer than this are printed as one.
const SAME: f64 = 1e-9;
const GAP: &str = "  ";
const ID: &str = "id";

/// A candidate, or everything not listed.
struct Row<'a> {
    candidate: Option<&'a Candidate>,
    label: String,
    /// The model's, the scaled and the final probability.
    probs: [f64; 3],
    is_chosen: bool,
}

/// The step's candidates and the rest, as lines.
pub fn table(step: &Step, layout: &Layout, terminal: &Terminal) -> String {
    let rows = rows(step, terminal.lang);
    let columns = columns(&rows);
    let names = match terminal.lang {
        Lang::Ja => ["確率", "調整後", "最終"],
        Lang::En => ["prob", "scaled", "final"],
    };
    let token_name = terminal.words("トークン", "token");

    let candidates = || rows.iter().filter_map(|row| row.candidate);
    let rank_width = candidates().map(|c| c.rank.to_string().len()).max().unwrap_or(1).max(2);
    let id_width = candidates().map(|c| c.id.to_string().len()).max().unwrap_or(1).max(width(ID));
    let most = (terminal.width / MAX_LABEL_SHARE).max(8);
    let label_width = rows.iter().map(|row| width(&row.label)).max().unwrap_or(0);
    let label_width = label_width.max(layout.label_width).max(width(token_name)).min(most);
    let prob_width = columns.iter().map(|&column| width(names[column]).max(6)).max().unwrap_or(6);

    let lead = "● ".len() - 2 + rank_width + GAP.len() + if layout.ids { id_width + GAP.len() } else { 0 };
    let used = lead + label_width + columns.len() * (prob_width + GAP.len()) + GAP.len();
    let bar_width = terminal.width.saturating_sub(used);
    let shown_prob = |row: &Row<'_>| row.probs[columns.last().copied().unwrap_or(0)];
    let full_bar = layout.full_bar.unwrap_or_else(|| rows.iter().map(shown_prob).fold(0.0, f64::max));

    let mut out = String::new();
    if layout.names {
        let mut line = format!("  {}{GAP}", pad_start("#", rank_width));
        if layout.ids {
            line += &format!("{}{GAP}", pad_start(ID, id_width));
        }
        line += &pad(token_name, label_width);
        for &column in &columns {
            line += &format!("{GAP}{}", pad_start(names[column], prob_width));
        }
        out += &format!("{}\n", terminal.paint(Paint::Quiet, &line));
    }
    for row in &rows {
        let is_cut = row.candidate.is_some() && row.probs[2] <= 0.0;
        let (text_paint, bar_paint) = match row.candidate {
            _ if row.is_chosen => (Paint::Chosen, Paint::Chosen),
            Some(_) if !is_cut => (Paint::Plain, Paint::Bar),
            _ => (Paint::Quiet, Paint::Quiet),
        };
        let rank = row.candidate.map(|candidate| candidate.rank.to_string()).unwrap_or_default();
        let mark = if row.is_chosen { "●" } else { " " };
        let mut line = format!("{mark} {}{GAP}", pad_start(&rank, rank_width));
        if layout.ids {
            let id = row.candidate.map(|candidate| candidate.id.to_string()).unwrap_or_default();
            line += &format!("{}{GAP}", pad_start(&id, id_width));
        }
        line += &pad(&fit_start(&row.label, label_width), label_width);
        for &column in &columns {
            line += &format!("{GAP}{}", pad_start(&percent(row.probs[column]), prob_width));
        }
        out += &terminal.paint(text_paint, &line);
        if bar_width >= MIN_BAR && full_bar > 0.0 {
            let share = shown_prob(row) / full_bar;
            let bar = match row.candidate {
                Some(_) => bar(share, bar_width),
                None => pale_bar(share, bar_width),
            };
            out += GAP;
            out += &terminal.paint(bar_paint, &bar);
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
    out
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
            // What rounding leaves is no mass.
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

/// The model's probability, and those after the stages where they are others.
fn columns(rows: &[Row<'_>]) -> Vec<usize> {
    let differ = |a: usize, b: usize| rows.iter().any(|row| (row.probs[a] - row.probs[b]).abs() > SAME);
    let mut columns = vec![0];
    if differ(0, 1) {
        columns.push(1);
    }
    if differ(1, 2) {
        columns.push(2);
    }
    columns
}
