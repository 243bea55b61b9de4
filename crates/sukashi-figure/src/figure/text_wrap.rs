//! Text that is cut to a width, or broken into lines.

use super::fonts::{Fonts, Weight};

/// Characters that a line may not begin with.
const NO_START: &str =
    "\u{33A}、。，．・：；？！ー」』）】〕〉》”’…‥ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ%)]},.:;?!›»";
/// Characters that a line may not end with.
const NO_END: &str = "「『（【〔〈《“‘([{‹«";

/// A way to set text: faces, size in pixels, and weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) fonts: &'a Fonts,
    pub(super) size: f64,
    pub(super) weight: Weight,
}

impl Setting<'_> {
    pub(super) fn measure(&self, text: &str) -> f64 {
        self.fonts.measure(text, self.size, self.weight)
    }

    /// The longest beginning of `text` that fits into `width`, with `…` where it is cut.
    pub(super) fn fit_start(&self, text: &str, width: f64) -> String {
        self.fit(text, width, |kept, all| {
            let head: String = all[..kept].iter().collect();
            format!("{head}…")
        })
    }

    /// The longest end of `text` that fits into `width`, with `…` where it is cut.
    pub(super) fn fit_end(&self, text: &str, width: f64) -> String {
        self.fit(text, width, |kept, all| {
            let tail: String = all[all.len() - kept..].iter().collect();
            format!("…{tail}")
        })
    }

    fn fit(&self, text: &str, width: f64, cut: impl Fn(usize, &[char]) -> String) -> String {
        // No figure is wide enough for more characters. Measuring a whole book would take long.
        const ENOUGH: usize = 2000;
        let characters: Vec<char> = text.chars().collect();
        if characters.len() <= ENOUGH && self.measure(text) <= width {
            return text.to_owned();
        }
        let (mut fits, mut too_long) = (0, characters.len().min(ENOUGH));
        while fits + 1 < too_long {
            let middle = fits.midpoint(too_long);
            if self.measure(&cut(middle, &characters)) <= width {
                fits = middle;
            } else {
                too_long = middle;
            }
        }
        cut(fits, &characters)
    }

    /// Breaks `text` into lines no wider than `width`, between words or between Japanese characters.
    pub(super) fn wrap(&self, text: &str, width: f64) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for piece in pieces(text) {
            let longer = format!("{line}{piece}");
            if self.measure(longer.trim_end()) <= width {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
            }
            // A piece that is too wide by itself is broken anywhere.
            for character in piece.chars() {
                if !line.is_empty() && self.measure(&format!("{line}{character}")) > width {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(character);
            }
        }
        lines.push(line.trim_end().to_owned());
        lines
    }

    /// Joins `parts` with middle dots into lines no wider than `width`, breaking between parts if possible.
    pub(super) fn wrap_parts(&self, parts: &[String], width: f64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for part in parts {
            let longer = lines.last().map(|line| format!("{line} · {part}"));
            match (longer, lines.last_mut()) {
                (Some(longer), Some(line)) if self.measure(&longer) <= width => *line = longer,
                _ => lines.extend(self.wrap(part, width)),
            }
        }
        lines
    }
}

/// The smallest pieces between which a line may be broken.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut previous: Option<char> = None;
    // The character before the previous one.
    let mut before = ' ';
    for character in text.chars() {
        let joined = previous.is_some_and(|previous| {
            let word = |c: char| {
                !c.is_whitespace() && u32::from(c) < 0x2E80 && !NO_START.contains(c) && !NO_END.contains(c)
            };
            NO_START.contains(character)
                || NO_END.contains(previous)
                || character == ' '
                // A number stays in one piece,
                || (before.is_ascii_digit() && matches!(previous, ',' | '.') && character.is_ascii_digit())
                // and an equation.
                || character == '='
                || (before == '=' && previous == ' ')
                || (word(previous) && word(character))
        });
        match pieces.last_mut() {
            Some(last) if joined => last.push(character),
            _ => pieces.push(character.to_string()),
        }
        before = previous.unwrap_or(character);
        previous = Some(character);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_between_kanji() {
        assert_eq!(pieces("the next token"), ["the ", "next ", "token"]);
        assert_eq!(pieces("at (T = 1)"), ["at ", "(T = 1)"]);
        assert_eq!(pieces("(6,600 of 1.5), 2"), ["(6,600 ", "of ", "1.5), ", "2"]);
        assert_eq!(pieces("「東京」の、首都"), ["「東", "京」", "の、", "首", "都"]);
    }

    #[test]
    fn cut_text_fits() {
        let fonts = Fonts::embedded();
        let setting = Setting { fonts: &fonts, size: 14.0, weight: Weight::Regular };
        let long = "吾輩は猫である。名前はまだ無い。".repeat(500);
        for width in [20.0, 100.0, 500.0] {
            for cut in [setting.fit_start(&long, width), setting.fit_end(&long, width)] {
                assert!(setting.measure(&cut) <= width, "{cut} is wider than {width}");
                assert!(setting.measure(&cut) > width - 32.0, "{cut} could be longer in {width}");
            }
        }
        assert_eq!(setting.fit_end("短い", 100.0), "短い");
        for line in setting.wrap(&long, 300.0) {
            assert!(setting.measure(&line) <= 300.0);
        }
    }
}
