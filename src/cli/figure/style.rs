//! How a figure looks, and the files that it is written to.

use std::path::{Path, PathBuf};

use sukashi::figure::{Figure, Fonts, Snippet, Style, TextMode, Theme, Width};
use sukashi::{Error, Result, output, shown};

use crate::cli::args::names;
use crate::cli::failure::Outcome;
use crate::cli::output::{note, print_data};
use crate::cli::system_fonts;
use crate::cli::terminal::Terminal;

/// How the figure looks, and where it goes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Figure")]
pub struct StyleArgs {
    /// The file: .svg, .png, .csv or .json; may be repeated
    #[arg(short, long, value_name = "FILE", required = true)]
    output: Vec<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// Colours
    #[arg(
        long,
        value_name = "THEME",
        default_value = "light",
        value_parser = names::<Theme>(&["light", "dark", "print"])
    )]
    theme: Theme,
    /// Width, in px or mm
    #[arg(long, value_name = "WIDTH", default_value = "720px", value_parser = str::parse::<Width>,
        allow_hyphen_values = true)]
    width: Width,
    /// Pixels of a PNG for each pixel of the width
    #[arg(long, value_name = "SCALE", default_value_t = 2.0, allow_hyphen_values = true)]
    scale: f32,
    /// Text of an SVG: as outlines, with an embedded font, or as plain text in the reader's fonts
    #[arg(
        long,
        value_name = "MODE",
        default_value = "paths",
        value_parser = names::<TextMode>(&["paths", "embed", "text"])
    )]
    text_mode: TextMode,
    /// Prefer this font; may be repeated
    #[arg(long, value_name = "FILE")]
    font: Vec<PathBuf>,
    /// Look for missing characters in the installed fonts
    #[arg(long)]
    system_fonts: bool,
    /// Print below the figure where its numbers come from
    #[arg(long)]
    caption: bool,
    /// Print the lines that put the picture into a text, with its alternative text
    #[arg(
        long,
        value_name = "KIND",
        value_parser = names::<Snippet>(&["md", "html", "zenn", "qiita", "mdx", "typst", "latex"])
    )]
    snippet: Option<Snippet>,
}

/// What is written, by a file's extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Svg,
    Png,
    Csv,
    Json,
}

impl Form {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "svg" => Ok(Self::Svg),
            "png" => Ok(Self::Png),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(Error::input(format!("cannot write {}: what to write is not clear", path.display()))
                .detail("expected a name that ends in .svg, .png, .csv or .json")),
        }
    }
}

impl StyleArgs {
    /// The style, after everything that can be wrong with it and the files was looked at.
    pub fn check(&self, terminal: &Terminal) -> Result<Style> {
        for (index, path) in self.output.iter().enumerate() {
            Form::of(path)?;
            output::check_target(path, self.force)?;
            if self.output[..index].contains(path) {
                return Err(Error::input(format!("cannot write {} twice", path.display())));
            }
        }
        if self.snippet.is_some() {
            self.picture()?;
        }
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return Err(Error::input(format!("cannot draw at scale {}", self.scale))
                .detail("expected a number above 0, such as 2"));
        }
        // Each is preferred to those before it, so the first one given comes last.
        let fonts = self.font.iter().rev().try_fold(Fonts::default(), |fonts, path| fonts.with_file(path))?;
        let Self { theme, width, text_mode, caption, .. } = *self;
        Ok(Style { theme, lang: terminal.lang, width, fonts, text_mode, caption })
    }

    /// Whether files that exist are replaced.
    pub fn force(&self) -> bool {
        self.force
    }

    /// The picture that a snippet is of: a PNG where there is one, which more readers take.
    fn picture(&self) -> Result<&Path> {
        let of = |form| self.output.iter().find(|path| Form::of(path).is_ok_and(|own| own == form));
        of(Form::Png).or_else(|| of(Form::Svg)).map(PathBuf::as_path).ok_or_else(|| {
            Error::input("cannot print a snippet: no picture is written")
                .hint("add -o NAME.png or -o NAME.svg")
        })
    }

    /// Draws the figure and writes it to all files.
    pub fn write(&self, mut style: Style, draw: impl Fn(&Style) -> Result<Figure>) -> Outcome {
        let mut figure = draw(&style)?;
        if self.system_fonts {
            let text: String = figure.labels().into_iter().map(|(label, _)| label).collect();
            if !style.fonts.missing(&text).is_empty() {
                style.fonts = system_fonts::add_missing(style.fonts, &text);
                figure = draw(&style)?;
            }
        }
        let mut contents = Vec::new();
        for path in &self.output {
            let bytes = match Form::of(path)? {
                Form::Svg => figure.svg().into_bytes(),
                Form::Png => figure.png(self.scale)?,
                Form::Csv => figure.data_csv().into_bytes(),
                Form::Json => figure.data_json().into_bytes(),
            };
            contents.push((path, bytes));
        }
        for (path, bytes) in contents {
            output::write_atomically(path, &bytes, self.force)?;
        }
        for warning in figure.warnings() {
            note(&format!("warning: {}", shown::excerpt(&warning.to_string())));
        }
        match self.snippet {
            Some(kind) => print_data(&figure.snippet(kind, &self.picture()?.to_string_lossy())),
            None => Ok(()),
        }
    }
}
