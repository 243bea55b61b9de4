//! Text for people: widths, colours and bars.

use std::io::IsTerminal;

use sukashi::figure::Lang;
use sukashi::shown;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The terminal or file that text for people goes to, and the language.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    /// The language of headings and notes.
    pub lang: Lang,
    /// The width in columns.
    pub width: usize,
    colors: bool,
    /// Whether the standard output is a terminal.
    pub is_interactive: bool,
}

/// The meaning of a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Title,
    Quiet,
    Bar,
    Chosen,
}

/// The codes that [`Terminal::paint`] writes after the escape character.
pub const CODES: [&str; 5] = [BOLD, FAINT, CYAN, BOLD_YELLOW, RESET];
const BOLD: &str = "[1m";
const FAINT: &str = "[2m";
const CYAN: &str = "[36m";
const BOLD_YELLOW: &str = "[1;33m";
const RESET: &str = "[0m";

/// The width for files and pipes.
const DEFAULT_WIDTH: usize = 80;
/// The least width that tables need.
const MIN_WIDTH: usize = 40;
/// Longer lines are hard to read.
const MAX_WIDTH: usize = 100;

impl Terminal {
    /// The standard output.
    pub fn new(lang: Lang) -> Self {
        let is_interactive = std::io::stdout().is_terminal();
        if !is_interactive {
            return Self::plain(lang);
        }
        let size = terminal_size::terminal_size_of(std::io::stdout());
        let width = size.map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0));
        Self { lang, width: width.clamp(MIN_WIDTH, MAX_WIDTH), colors: wants_colors(), is_interactive }
    }

    /// A file, which has no colours.
    pub fn plain(lang: Lang) -> Self {
        Self { lang, width: DEFAULT_WIDTH, colors: false, is_interactive: false }
    }

    /// The words in the language of the terminal.
    pub fn words<'a>(&self, japanese: &'a str, english: &'a str) -> &'a str {
        match self.lang {
            Lang::Ja => japanese,
            Lang::En => english,
        }
    }

    pub fn paint(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            _ if !self.colors || text.is_empty() => return text.to_owned(),
            Paint::Plain => return text.to_owned(),
            Paint::Title => BOLD,
            Paint::Quiet => FAINT,
            Paint::Bar => CYAN,
            Paint::Chosen => BOLD_YELLOW,
        };
        format!("\x1b{code}{}\x1b{RESET}", shown::line(text))
    }
}

/// Whether messages on the standard error may be coloured.
pub fn stderr_has_colors() -> bool {
    std::io::stderr().is_terminal() && wants_colors()
}

/// Whether the environment allows colours. An empty `NO_COLOR` has no effect.
pub fn wants_colors() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// The language of the locale for messages.
pub fn lang_of_locale() -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    match locale {
        Some(locale) if locale.starts_with("ja") => Lang::Ja,
        _ => Lang::En,
    }
}

/// The width of a text in columns. A full-width character takes two.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Adds spaces after `text` until it is `columns` wide.
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Adds spaces before `text` until it is `columns` wide.
pub fn pad_start(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Cuts the end of `text` to fit into `columns`, and adds an ellipsis if it cut something.
pub fn fit_start(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let kept: String = fitting(text.chars(), columns).collect();
    format!("{kept}…")
}

/// Cuts the start of `text` to fit into `columns`, and adds an ellipsis if it cut something.
pub fn fit_end(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept: Vec<char> = fitting(text.chars().rev(), columns).collect();
    kept.reverse();
    format!("…{}", String::from_iter(kept))
}

/// The characters that fit beside an ellipsis.
fn fitting(characters: impl Iterator<Item = char>, columns: usize) -> impl Iterator<Item = char> {
    let mut left = columns.saturating_sub(1);
    characters.map_while(move |character| {
        left = left.checked_sub(character.width().unwrap_or(0))?;
        Some(character)
    })
}

/// A bar over `share` of `columns`, exact to an eighth of a column. A share above 0 is always visible.
pub fn bar(share: f64, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * columns as f64 * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// A paler bar for the tokens that are not listed.
pub fn pale_bar(share: f64, columns: usize) -> String {
    let length = (share.clamp(0.0, 1.0) * columns as f64).round() as usize;
    "░".repeat(if share > 0.0 { length.max(1) } else { 0 })
}

/// Aligns the cells of rows in columns. The first `num_left` columns are aligned to the left, the others to the right.
pub fn aligned(rows: &[Vec<String>], num_left: usize) -> String {
    let num_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let column_width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max();
    let widths: Vec<usize> = (0..num_columns).map(|column| column_width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < num_left { pad(cell, width) } else { pad_start(cell, width) }
        });
        text += &format!("{}\n", Vec::from_iter(cells).join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_characters_take_two_columns() {
        assert_eq!(pad("猫", 4), "猫  ");
        assert_eq!(pad_start("猫", 4), "  猫");
        assert_eq!(fit_start("吾輩は猫", 8), "吾輩は猫");
        assert_eq!(fit_start("吾輩は猫", 7), "吾輩は…");
        assert_eq!(fit_start("吾輩は猫", 6), "吾輩…");
        assert_eq!(fit_end("吾輩は猫", 7), "…輩は猫");
        assert_eq!(fit_end("吾輩は猫", 0), "…");
    }

    #[test]
    fn bars_are_exact_to_an_eighth_of_a_column() {
        assert_eq!(bar(1.0, 3), "███");
        assert_eq!(bar(0.5, 3), "█▌");
        assert_eq!(bar(1e-9, 3), "▏");
        assert_eq!(bar(0.0, 3), "");
        assert_eq!(bar(2.0, 3), "███");
        assert_eq!(bar(f64::NAN, 3), "");
    }

    #[test]
    fn paint_marks_what_is_in_the_text() {
        let terminal = Terminal { colors: true, ..Terminal::plain(Lang::En) };
        assert_eq!(terminal.paint(Paint::Title, "a\x1b[2mb"), "\x1b[1ma<1B>[2mb\x1b[0m");
    }
}
