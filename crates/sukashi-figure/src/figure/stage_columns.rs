//! The columns of the table of stages, and what each column says of the candidates.

use super::phrases;
use super::sampling::{Row, View, choice};
use super::style::Lang;
use super::words::{self, percent};
use crate::sampling::{Criterion, Description, Label};
use crate::trace::visible;

/// A column of the table.
pub(super) struct Column {
    pub(super) head: String,
    pub(super) note: String,
    /// A cell for each row.
    pub(super) cells: Vec<Entry>,
    pub(super) other: Entry,
    /// How many tokens are left.
    pub(super) count: String,
    /// Whether signs stand behind numbers, or bars under them.
    pub(super) has_marks: bool,
    pub(super) has_bars: bool,
}

/// What a cell holds.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) text: String,
    /// The sign behind the number of a token that is cut here.
    pub(super) mark: &'static str,
    /// The length of a bar under the number, from 0 to 1.
    pub(super) bar: Option<f64>,
    /// Whether this stage or one before it removed the token.
    pub(super) is_cut: bool,
    pub(super) is_accent: bool,
}

impl Entry {
    fn text(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    fn gone() -> Self {
        Self { is_cut: true, ..Self::default() }
    }
}

pub(super) const CUT: &str = "×";
const KEPT: &str = "○";

/// A number with two decimals and a typographer's minus.
pub(super) fn decimal(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = if text.trim_start_matches('-') == "0.00" { "0.00".to_owned() } else { text };
    text.replace('-', "−")
}

/// The description of the stage of an output. In a record of an older version, the settings tell it.
pub(super) fn description(index: usize, view: &View<'_>) -> Description {
    let output = &view.stages.outputs[index];
    if index == 0 {
        // The first output is the model's own, whatever its name is.
        let (setting, note) = (Label::new("ロジット", "logit"), Some("z".into()));
        return Description { note, ..Description::new(setting, Criterion::Logits) };
    }
    let known = || view.settings.descriptions().find(|(name, _)| *name == output.stage).map(|(_, own)| own);
    let plain = || Description::new(output.stage.as_str(), Criterion::Logits);
    output.description.clone().or_else(known).unwrap_or_else(plain)
}

/// The heading above the column of a stage.
pub(super) fn heading(index: usize, view: &View<'_>, lang: Lang) -> String {
    visible::line(words::label(&description(index, view).setting, lang))
}

impl Column {
    /// All columns, from the logits to the choice.
    pub(super) fn all(view: &View<'_>, lang: Lang) -> Vec<Self> {
        let outputs = &view.stages.outputs;
        let is_truncation = |index: usize| description(index, view).criterion.truncates();
        let first_cut = (1..outputs.len()).find(|index| is_truncation(*index)).unwrap_or(outputs.len());
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
            head: heading(index, view, lang),
            note: String::new(),
            cells: Vec::new(),
            other: Entry::default(),
            count: words::grouped(output.num_left),
            has_marks: false,
            has_bars: false,
        }
    }

    /// A column of logits after a stage.
    fn adjusting(view: &View<'_>, index: usize, lang: Lang) -> Self {
        let note = description(index, view).note.unwrap_or_else(|| Label::new("後の z", "z after"));
        let note = visible::line(words::label(&note, lang));
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

    /// A column of probabilities after a stage.
    fn probs(view: &View<'_>, index: usize, is_final: bool, lang: Lang) -> Self {
        let (head, note) = match is_final {
            false => (phrases::softmax_head(lang), phrases::of_all_tokens(lang)),
            true => (phrases::renormalised(lang), phrases::of_what_is_left(lang)),
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

    /// A column of the numbers by which a truncation decides, and of the tokens that it cuts.
    fn truncating(view: &View<'_>, index: usize, lang: Lang) -> Self {
        let Description { criterion, note, .. } = description(index, view);
        let greatest = view.rows.iter().filter_map(|row| row.left[index - 1]).find(|left| left.rank == 1);
        let note = note.unwrap_or_else(|| match (criterion, greatest) {
            (Criterion::Rank, _) => Label::new("順位", "rank"),
            (Criterion::Cumulative { .. }, _) => Label::new("累積確率", "cumulative"),
            (Criterion::Prob { ratio }, Some(most)) => format!("≧ {}", percent(ratio * most.prob)).into(),
            (Criterion::Prob { .. }, None) => Label::new("確率", "probability"),
            (Criterion::Logits | Criterion::Other, _) => Label::new("残す", "kept"),
        });
        let note = visible::line(words::label(&note, lang));
        let entry = |row: &Row<'_>| {
            let Some(before) = row.left[index - 1] else { return Entry::gone() };
            let is_cut = row.left[index].is_none();
            let text = match criterion {
                Criterion::Rank => words::grouped(before.rank),
                Criterion::Cumulative { .. } => percent(before.cumulative),
                Criterion::Prob { .. } => percent(before.prob),
                Criterion::Logits | Criterion::Other => String::new(),
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
            (_, count) => Entry::text(phrases::some_tokens(lang, words::grouped(count))),
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
        let other = Entry { is_cut: view.others_left(last) == 0, ..Entry::default() };
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
}

impl Row<'_> {
    /// Whether the token was still there before the stage at `index`.
    fn before(&self, index: usize) -> bool {
        index > 0 && self.left[index - 1].is_some()
    }
}
