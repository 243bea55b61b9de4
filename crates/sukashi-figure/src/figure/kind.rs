//! What a figure declares about itself: its command, its examples in tests and benchmarks, and its pictures in the gallery.

use super::example::WORDS;
use super::flag::{Description, Given};
use super::{Figure, Style};
use crate::{Result, Trace};

/// A kind of figure.
#[derive(Debug)]
pub struct FigureKind {
    /// The name of the kind. Data of the figure has it, too.
    pub name: &'static str,
    /// The subcommand of `sukashi figure`, where it needs nothing but a trace. Other figures have a subcommand in the program, or
    /// none.
    pub command: Option<Command>,
    /// The kind with several of its options.
    pub examples: &'static [Example],
    /// Whether the command runs a model. Only such a command takes a device.
    pub runs_model: bool,
    /// The pictures in the gallery.
    pub pictures: &'static [Picture],
}

impl FigureKind {
    /// A kind whose command runs a model.
    pub(super) const fn of_model(
        name: &'static str,
        examples: &'static [Example],
        pictures: &'static [Picture],
    ) -> Self {
        Self { name, command: None, examples, runs_model: true, pictures }
    }

    /// A kind whose command needs no model.
    pub(super) const fn of_numbers(
        name: &'static str,
        examples: &'static [Example],
        pictures: &'static [Picture],
    ) -> Self {
        Self { name, command: None, examples, runs_model: false, pictures }
    }

    /// The kind with a subcommand.
    pub(super) const fn with_command(self, command: Command) -> Self {
        Self { command: Some(command), ..self }
    }
}

/// A subcommand that draws a trace: one of a new run, or one from a file.
#[derive(Debug)]
pub struct Command {
    /// What the help says about the subcommand.
    pub about: &'static str,
    /// What a new run records.
    pub recording: Recording,
    /// The flags of the figure's options, among them `--top`.
    pub flags: fn() -> Vec<Description>,
    /// Draws the figure with what the command line gives for the flags.
    pub draw: fn(&Trace, &[Option<Given>], &Style) -> Result<Figure>,
}

/// What a run records for a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recording {
    /// The run records this many times as many candidates as `--top` shows.
    pub times: usize,
    /// Whether the run records the candidates after each stage of the sampler.
    pub stages: bool,
    /// Whether the run chooses a token.
    pub choice: bool,
}

/// A kind with some of its options.
#[derive(Debug)]
pub struct Example {
    /// The name of the example, and of its goldens.
    pub name: &'static str,
    /// Draws the figure.
    pub draw: fn(&Subject<'_>, &Style) -> Result<Figure>,
    /// The goldens.
    pub golden: Golden,
}

/// The goldens of an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Golden {
    /// The goldens show [`Subject::Golden`] with a caption.
    Captioned,
    /// The goldens show [`Subject::Golden`] without a caption.
    Plain,
    /// A test draws the goldens, because their record comes from a tokenizer or from a kernel.
    Elsewhere,
    /// There are no goldens.
    None,
}

/// What an example is about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// At least two words, which become tokens or names.
    Words(&'a [&'a str]),
    /// What the goldens show.
    Golden,
}

impl<'a> Subject<'a> {
    /// The words. The goldens that need words show [`WORDS`].
    pub fn words(&self) -> &'a [&'a str] {
        match self {
            Self::Words(words) => words,
            Self::Golden => &WORDS,
        }
    }

    /// A record of the words, or the record that the goldens show.
    pub fn record<T>(&self, of_words: impl FnOnce(&'a [&'a str]) -> T, of_golden: impl FnOnce() -> T) -> T {
        match self {
            Self::Words(words) => of_words(words),
            Self::Golden => of_golden(),
        }
    }

    /// The number of words, or the number of candidates that the goldens show.
    pub fn count(&self, golden: usize) -> usize {
        self.record(<[_]>::len, || golden)
    }
}

impl Example {
    /// Draws the figure of at least two words.
    ///
    /// # Errors
    ///
    /// The errors of the figure.
    pub fn of_words(&self, words: &[&str], style: &Style) -> Result<Figure> {
        (self.draw)(&Subject::Words(words), style)
    }

    /// Draws what the goldens show.
    ///
    /// # Errors
    ///
    /// The errors of the figure.
    pub fn of_golden(&self, style: &Style) -> Result<Figure> {
        let caption = style.caption && self.golden == Golden::Captioned;
        (self.draw)(&Subject::Golden, &Style { caption, ..style.clone() })
    }
}

/// A picture in the gallery.
#[derive(Debug)]
pub struct Picture {
    /// The name of the picture's file.
    pub name: &'static str,
    /// The heading in Japanese and in English.
    pub headings: [&'static str; 2],
    /// Names of records, and the words after `sukashi` that write them.
    pub records: &'static [(&'static str, &'static str)],
    /// The words after `sukashi figure` that draw the picture.
    pub command: &'static str,
}

impl Picture {
    /// A picture of a new run, or of numbers.
    pub(super) const fn new(name: &'static str, headings: [&'static str; 2], command: &'static str) -> Self {
        Self { name, headings, records: &[], command }
    }

    /// The picture with records that its command reads.
    pub(super) const fn of(self, records: &'static [(&'static str, &'static str)]) -> Self {
        Self { records, ..self }
    }
}
