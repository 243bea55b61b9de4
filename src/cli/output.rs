//! The only place that prints.
//!
//! Text from outside (a model's name, a token, an argument) never reaches a terminal unchanged. Data goes unchanged into files
//! and pipes. Text for people always shows control characters and invisible characters.

use std::borrow::Cow;
use std::io::{ErrorKind as Io, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::error::{ContextValue, ErrorKind as Usage};
use sukashi::{Error, ErrorKind, shown};

use super::failure::{Failure, Outcome};
use super::terminal;

/// The reader of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// People: tables and headings, which may have colours.
    People,
    /// A program: JSON, CSV, or the text that a model generates.
    Data,
}

/// Prints text for people.
pub fn print(text: &str) -> Outcome {
    print_bytes(for_stdout(text, Kind::People, stdout_is_terminal()).as_bytes())
}

/// Prints data.
pub fn print_data(text: &str) -> Outcome {
    print_bytes(for_stdout(text, Kind::Data, stdout_is_terminal()).as_bytes())
}

/// Whether the standard output is a terminal. Asks once, since a text is printed token by token.
fn stdout_is_terminal() -> bool {
    static IS_TERMINAL: LazyLock<bool> = LazyLock::new(|| std::io::stdout().is_terminal());
    *IS_TERMINAL
}

/// Prints bytes that need no check, since nothing from outside is in them, and flushes them.
pub fn print_bytes(bytes: &[u8]) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|cause| match cause.kind() {
        Io::BrokenPipe => Failure::ClosedPipe,
        _ => Error::new(ErrorKind::Io, "cannot write to the standard output").caused_by(cause).into(),
    })
}

/// Text for people as it goes into a file.
pub fn for_people(text: &str) -> Cow<'_, str> {
    for_stdout(text, Kind::People, false)
}

/// The text that reaches the standard output.
fn for_stdout(text: &str, kind: Kind, is_terminal: bool) -> Cow<'_, str> {
    match kind {
        Kind::Data if !is_terminal => Cow::Borrowed(text),
        Kind::People if is_terminal && text.contains('\x1b') => Cow::Owned(with_colors(text)),
        _ => shown::lines(text),
    }
}

/// As [`shown::lines`], but keeps the codes that [`terminal::Terminal::paint`] adds.
fn with_colors(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut parts = text.split('\x1b');
    shown += &shown::lines(parts.next().unwrap_or_default());
    for part in parts {
        let code = terminal::CODES.iter().find_map(|code| part.strip_prefix(code).map(|rest| (code, rest)));
        match code {
            Some((code, rest)) => shown += &format!("\x1b{code}{}", shown::lines(rest)),
            None => shown += &format!("{}{}", shown::line("\x1b"), shown::lines(part)),
        }
    }
    shown
}

/// Prints a note on the standard error.
pub fn note(text: &str) {
    say("", text);
}

/// Prints an error on the standard error.
pub fn complain(text: &str) {
    say(if terminal::stderr_has_colors() { "\x1b[1;31merror:\x1b[0m " } else { "error: " }, text);
}

fn say(label: &str, text: &str) {
    // A closed standard error is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{label}{}", shown::lines(text));
}

/// Prints clap's help, or its error, which repeats some of the arguments.
pub fn usage(mut error: clap::Error) -> ExitCode {
    let code = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    if matches!(error.kind(), Usage::DisplayHelp | Usage::DisplayVersion) {
        let has_colors = std::io::stdout().is_terminal() && terminal::wants_colors();
        let help = error.render();
        let help = if has_colors { help.ansi().to_string() } else { help.to_string() };
        let _ = print_bytes(help.as_bytes());
        return code;
    }
    let context: Vec<_> = error.context().map(|(kind, value)| (kind, excerpt(value))).collect();
    for (kind, value) in context {
        error.insert(kind, value);
    }
    let text = error.render().to_string();
    let lines: Vec<_> = text.trim_end().lines().map(shown::excerpt).collect();
    let text = lines.join("\n");
    match text.strip_prefix("error: ") {
        Some(text) => complain(text),
        None => note(&text),
    }
    code
}

fn excerpt(value: &ContextValue) -> ContextValue {
    match value {
        ContextValue::String(text) => ContextValue::String(shown::excerpt(text).into_owned()),
        ContextValue::Strings(texts) => ContextValue::Strings(
            texts.iter().take(64).map(|text| shown::excerpt(text).into_owned()).collect(),
        ),
        other => other.clone(),
    }
}

/// The standard error for the library's log. Control characters in events are shown, not sent.
pub struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<_> = text.trim_end_matches('\n').lines().map(shown::excerpt).collect();
        writeln!(std::io::stderr(), "{}", lines.join("\n"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "\x1b[2J\u{202E}a\x1b]0;b\x07\u{9b}1m\u{200B}";
    const SHOWN: &str = "<1B>[2J<U+202E>a<1B>]0;b<07><U+009B>1m<U+200B>";

    #[test]
    fn only_data_for_a_program_stays_as_it_is() {
        for (kind, is_terminal) in [(Kind::People, true), (Kind::People, false), (Kind::Data, true)] {
            assert_eq!(for_stdout(NAME, kind, is_terminal), SHOWN, "{kind:?} {is_terminal}");
        }
        assert_eq!(for_stdout(NAME, Kind::Data, false), NAME);
    }

    #[test]
    fn colours_reach_terminals_only_and_nothing_else_does() {
        let text = format!("\x1b[1ma{NAME}\x1b[0m\n\x1b[1;33mb\x1b[0m\x1b[5m");
        let shown = for_stdout(&text, Kind::People, true);
        assert_eq!(shown, format!("\x1b[1ma{SHOWN}\x1b[0m\n\x1b[1;33mb\x1b[0m<1B>[5m"));
        assert!(!for_stdout(&text, Kind::People, false).contains('\x1b'));
        assert!(!for_stdout(&text, Kind::Data, true).contains('\x1b'));
    }
}
