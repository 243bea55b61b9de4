//! The look of a figure: theme, language, width, fonts, and the form of text in an SVG.

use std::str::FromStr;

use super::Fonts;
use crate::names;
use crate::{Error, Result};

/// The look of a figure. The default is light, in Japanese, and 720 px wide. Its glyphs are outlines, and it has no
/// caption.
///
/// ```
/// use sukashi_figure::figure::{Lang, Style, Theme};
///
/// let style = Style { theme: Theme::Print, lang: Lang::En, width: "84mm".parse()?, ..Style::default() };
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Style {
    /// The colours.
    pub theme: Theme,
    /// The language of everything that is not the model's own text.
    pub lang: Lang,
    /// The figure's width. The height follows from the contents.
    pub width: Width,
    /// The faces that measure and draw text.
    pub fonts: Fonts,
    /// The form in which [`super::Figure::svg`] writes text.
    pub text_mode: TextMode,
    /// Prints the origin of the numbers below the figure. The metadata always has it.
    pub caption: bool,
}

/// The colours of a figure for a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Theme {
    /// Colours on white.
    #[default]
    Light,
    /// Colours on a dark page.
    Dark,
    /// Black and greys for paper.
    Print,
}

/// The language of titles and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Lang {
    /// Japanese.
    #[default]
    Ja,
    /// English.
    En,
}

/// The form of text in an SVG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum TextMode {
    /// Outlines, which look the same everywhere and need no fonts.
    #[default]
    Paths,
    /// Text with a subset of the embedded face inside the file.
    Embed,
    /// Text alone, in a face that the reader has.
    Text,
}

names!(Theme, "theme", "light" => Light, "dark" => Dark, "print" => Print);
names!(Lang, "language", "ja" => Ja, "en" => En);
names!(TextMode, "text mode", "paths" => Paths, "embed" => Embed, "text" => Text);

/// A figure's width, in pixels (96 to the inch) or millimetres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Width {
    amount: f64,
    millimetres: bool,
}

/// The widths that a figure can have, in pixels.
const WIDTH_LIMITS: std::ops::RangeInclusive<f64> = 240.0..=8192.0;
const PIXELS_PER_MILLIMETRE: f64 = 96.0 / 25.4;

impl Width {
    /// Makes a width in pixels.
    ///
    /// # Errors
    ///
    /// If the width is outside 240 to 8192 px.
    pub fn px(pixels: f64) -> Result<Self> {
        Self { amount: pixels, millimetres: false }.checked()
    }

    /// Makes a width in millimetres.
    ///
    /// # Errors
    ///
    /// If the width is outside 63.5 to 2167 mm (240 to 8192 px).
    pub fn mm(millimetres: f64) -> Result<Self> {
        Self { amount: millimetres, millimetres: true }.checked()
    }

    /// Returns the width in pixels, 96 to the inch.
    pub fn pixels(self) -> f64 {
        if self.millimetres { self.amount * PIXELS_PER_MILLIMETRE } else { self.amount }
    }

    /// A length of this many pixels, in this width's own unit: the amount and the unit's name.
    pub(super) fn in_own_unit(self, pixels: f64) -> (f64, &'static str) {
        if self.millimetres { (pixels / PIXELS_PER_MILLIMETRE, "mm") } else { (pixels, "") }
    }

    /// Pixels per metre for a width on paper.
    pub(super) fn density(self) -> Option<f64> {
        self.millimetres.then_some(PIXELS_PER_MILLIMETRE * 1000.0)
    }

    fn checked(self) -> Result<Self> {
        if WIDTH_LIMITS.contains(&self.pixels()) {
            return Ok(self);
        }
        let unit = if self.millimetres { "mm" } else { "px" };
        let (low, _) = self.in_own_unit(*WIDTH_LIMITS.start());
        let (high, _) = self.in_own_unit(*WIDTH_LIMITS.end());
        Err(Error::input("the figure's width is out of range")
            .detail(format!("found {}{unit}, expected {low:.1}{unit} to {high:.1}{unit}", self.amount)))
    }
}

impl Default for Width {
    fn default() -> Self {
        Self { amount: 720.0, millimetres: false }
    }
}

impl FromStr for Width {
    type Err = Error;

    /// Reads `720px`, `720` or `84mm`.
    fn from_str(text: &str) -> Result<Self> {
        let (number, millimetres) = match (text.strip_suffix("px"), text.strip_suffix("mm")) {
            (Some(number), _) => (number, false),
            (_, Some(number)) => (number, true),
            _ => (text, false),
        };
        let amount = number.trim().parse().map_err(|_| {
            Error::input("cannot read the figure's width")
                .detail(format!("found {text:?}, expected a number of px or mm such as 720px or 84mm"))
        })?;
        Self { amount, millimetres }.checked()
    }
}

/// A theme's colours.
#[derive(Debug)]
pub(super) struct Palette {
    pub(super) background: &'static str,
    pub(super) text: &'static str,
    pub(super) muted: &'static str,
    /// Guides by which the eye reads a value.
    pub(super) guide: &'static str,
    /// The bars of candidates.
    pub(super) bar: &'static str,
    /// The chosen token, in bars and in text.
    pub(super) accent: &'static str,
    pub(super) accent_text: &'static str,
    /// Candidates that truncation cut.
    pub(super) cut: &'static str,
    /// The bar of all other tokens: its background and its hatching.
    pub(super) other: &'static str,
    pub(super) hatch: &'static str,
    /// A colour for each line of a line chart.
    pub(super) series: [&'static str; 6],
}

impl Theme {
    pub(super) fn palette(self) -> &'static Palette {
        match self {
            Self::Light => &LIGHT,
            Self::Dark => &DARK,
            Self::Print => &PRINT,
        }
    }
}

// These are the colours of Okabe and Ito. Text in an accent is darker or lighter, so that it has a contrast of 4.5.
static LIGHT: Palette = Palette {
    background: "#ffffff",
    text: "#1b1f24",
    muted: "#5b6470",
    guide: "#e1e5ea",
    bar: "#56b4e9",
    accent: "#d55e00",
    accent_text: "#b34700",
    cut: "#c3c9d0",
    other: "#f1f3f5",
    hatch: "#b9c1ca",
    series: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"],
};

static DARK: Palette = Palette {
    background: "#15191e",
    text: "#eceff2",
    muted: "#a3adb8",
    guide: "#2d343c",
    bar: "#3f8fc0",
    accent: "#e69f00",
    accent_text: "#f0b232",
    cut: "#4a535d",
    other: "#20262d",
    hatch: "#505b67",
    series: ["#56b4e9", "#e69f00", "#2bbd92", "#d992bb", "#f0e442", "#e8783a"],
};

static PRINT: Palette = Palette {
    background: "#ffffff",
    text: "#000000",
    muted: "#4a4a4a",
    guide: "#d4d4d4",
    bar: "#a6a6a6",
    accent: "#1a1a1a",
    accent_text: "#000000",
    cut: "#dcdcdc",
    other: "#ffffff",
    hatch: "#9a9a9a",
    series: ["#333333", "#777777", "#4d4d4d", "#8c8c8c", "#5f5f5f", "#999999"],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance as WCAG defines it.
    fn luminance(color: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read() {
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
        for palette in [&LIGHT, &DARK, &PRINT] {
            for color in [palette.text, palette.muted, palette.accent_text] {
                assert!(contrast(color, palette.background) >= 4.5, "{color} on {}", palette.background);
            }
        }
    }

    #[test]
    fn the_chosen_bar_stands_out_in_grey() {
        for palette in [&LIGHT, &DARK, &PRINT] {
            assert!(
                contrast(palette.bar, palette.accent) >= 1.4,
                "{} beside {}",
                palette.bar,
                palette.accent
            );
        }
    }
}
