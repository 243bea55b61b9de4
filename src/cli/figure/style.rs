//! The look of a figure.

use std::path::PathBuf;

use sukashi::figure::{Figure, Fonts, Style, TextMode, Theme, Width};
use sukashi::{Error, Result, shown};

use super::targets::{TargetArgs, Targets};
use crate::cli::args::names;
use crate::cli::failure::Outcome;
use crate::cli::output::note;
use crate::cli::system_fonts;
use crate::cli::terminal::Terminal;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Style")]
pub struct StyleArgs {
    /// Use these colours
    #[arg(
        long,
        value_name = "THEME",
        default_value = "light",
        value_parser = names::<Theme>(Theme::NAMES)
    )]
    theme: Theme,
    /// Make the figure this wide, in px or mm
    #[arg(long, value_name = "WIDTH", default_value = "720px", value_parser = str::parse::<Width>,
        allow_hyphen_values = true)]
    width: Width,
    /// Give a PNG this many pixels for each pixel of the width
    #[arg(
        long,
        value_name = "SCALE",
        default_value_t = 2.0,
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    scale: f32,
    /// Write the text of an SVG as outlines, with an embedded font, or as plain text in the reader's fonts
    #[arg(
        long,
        value_name = "MODE",
        default_value = "paths",
        value_parser = names::<TextMode>(TextMode::NAMES),
        hide_short_help = true
    )]
    text_mode: TextMode,
    /// Prefer this font; may be repeated
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    font: Vec<PathBuf>,
    /// Search the installed fonts for missing characters
    #[arg(long, hide_short_help = true)]
    system_fonts: bool,
    /// Name the source of the numbers below the figure
    #[arg(long, hide_short_help = true)]
    caption: bool,
    // Last: a flattened struct sets the heading of what follows.
    #[command(flatten)]
    targets: TargetArgs,
}

/// The style and the targets of a figure that is still to be drawn.
pub struct Sheet {
    style: Style,
    targets: Targets,
}

impl StyleArgs {
    /// Checks the flags before a long run. `name` is the figure's name.
    pub fn check(&self, name: &str, terminal: &Terminal) -> Result<Sheet> {
        let targets = self.targets.check(name, terminal)?;
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return Err(Error::input(format!("cannot draw at --scale {}", self.scale))
                .detail("expected a number above 0, such as 2"));
        }
        // A later font is preferred to an earlier one, so the first flag comes last.
        let fonts = self.font.iter().rev().try_fold(Fonts::default(), |fonts, path| fonts.with_file(path))?;
        let Self { theme, width, text_mode, caption, .. } = *self;
        Ok(Sheet { style: Style { theme, lang: terminal.lang, width, fonts, text_mode, caption }, targets })
    }

    /// Whether files that exist are replaced.
    pub fn force(&self) -> bool {
        self.targets.force
    }

    /// Draws the figure and puts it to its targets.
    pub fn write(&self, sheet: Sheet, draw: impl Fn(&Style) -> Result<Figure>) -> Outcome {
        let Sheet { mut style, targets } = sheet;
        let mut figure = draw(&style)?;
        if self.system_fonts {
            let text: String = figure.labels().into_iter().map(|(label, _)| label).collect();
            if !style.fonts.missing(&text).is_empty() {
                style.fonts = system_fonts::add_missing(style.fonts, &text);
                figure = draw(&style)?;
            }
        }
        for warning in figure.warnings() {
            note(&format!("warning: {}", shown::excerpt(&warning.to_string())));
        }
        targets.put(&figure, self.scale)
    }
}
