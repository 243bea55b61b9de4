//! A scene as SVG. It has fixed decimals, ordered attributes and no ids, and only animations have a style sheet. So
//! figures can stand side by side in one page and pass through sanitisers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::animation;
use super::embed;
use super::fonts::{
    BOX_MARGIN, BOX_PADDING, BOX_SCALE, EM, EMBOLDENING, Fonts, Role, Run, Weight, box_label,
};
use super::outline::{self, PathData};
use super::scene::{Anchor, Bounds, Item, Scene, Text};
use super::style::{TextMode, Width};
use crate::trace::visible;

/// The fonts that [`TextMode::Text`] asks the reader's system for.
const FAMILIES: &str =
    "BIZ UDPGothic, Hiragino Sans, Noto Sans JP, Noto Sans CJK JP, Yu Gothic, Meiryo, sans-serif";

/// The metadata of a file.
pub(super) struct Document<'a> {
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    /// The provenance as JSON.
    pub(super) metadata: &'a str,
    pub(super) lang: &'a str,
    pub(super) width: Width,
}

pub(super) fn write(scene: &Scene, document: &Document<'_>, fonts: &Fonts, mode: TextMode) -> String {
    let mut writer = Writer { out: String::new(), fonts, mode, embedded: BTreeMap::new() };
    writer.items(&scene.items);
    for (index, frame) in scene.frames.iter().enumerate() {
        // Writing into a String cannot fail.
        let _ = writeln!(writer.out, "<g {}>", animation::attributes(&scene.frames, index));
        writer.items(&frame.items);
        writer.out.push_str("</g>\n");
    }
    let body = writer.out;
    let mut rules: String =
        writer.embedded.iter().filter_map(|(face, used)| embed::font_face(fonts, *face, used)).collect();
    rules.push_str(&animation::rules(&scene.frames));

    let (width, unit) = document.width.in_own_unit(scene.width);
    let (height, _) = document.width.in_own_unit(scene.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}{unit}\" height=\"{}{unit}\" viewBox=\"0 0 {} {}\" role=\"img\" lang=\"{}\"",
        number(width),
        number(height),
        number(scene.width),
        number(scene.height),
        document.lang,
    );
    match mode {
        TextMode::Paths => {}
        TextMode::Embed => out.push_str(" xml:space=\"preserve\""),
        TextMode::Text => {
            let _ = write!(out, " font-family=\"{FAMILIES}\" xml:space=\"preserve\"");
        }
    }
    let _ = write!(
        out,
        ">\n<title>{}</title>\n<desc>{}</desc>\n<metadata>{}</metadata>\n",
        escape(document.title),
        escape(document.description),
        escape(document.metadata),
    );
    if !rules.is_empty() {
        let _ = writeln!(out, "<style>{rules}</style>");
    }
    let _ = writeln!(
        out,
        "<rect width=\"{}\" height=\"{}\" fill=\"{}\"/>",
        number(scene.width),
        number(scene.height),
        scene.background
    );
    out.push_str(&body);
    out.push_str("</svg>\n");
    out
}

/// Writes a number with at most two decimals, without trailing zeros, and never as `-0`.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Text for an element or an attribute. A character that XML cannot hold becomes U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(character),
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            _ if character.is_control() => out.push('\u{FFFD}'),
            _ => out.push(character),
        }
    }
    out
}

struct Writer<'a> {
    out: String,
    fonts: &'a Fonts,
    mode: TextMode,
    /// The characters that [`TextMode::Embed`] needs of each embedded face.
    embedded: BTreeMap<usize, BTreeSet<char>>,
}

impl Writer<'_> {
    fn items(&mut self, items: &[Item]) {
        for item in items {
            self.item(item);
        }
    }

    fn item(&mut self, item: &Item) {
        // Writing into a String cannot fail.
        let _ = match item {
            Item::Rect { bounds, fill } => self.rect(bounds, fill),
            Item::Hatched { bounds, fill, hatch } => {
                let _ = self.rect(bounds, fill);
                writeln!(
                    self.out,
                    "<path d=\"{}\" fill=\"none\" stroke=\"{hatch}\" stroke-width=\"1\"/>",
                    hatching(bounds)
                )
            }
            Item::Line { points, stroke, width, dash } => {
                let mut data = String::new();
                for (index, (x, y)) in points.iter().enumerate() {
                    let _ =
                        write!(data, "{}{} {}", if index == 0 { 'M' } else { 'L' }, number(*x), number(*y));
                }
                let dash = dash.map(|dash| format!(" stroke-dasharray=\"{dash}\"")).unwrap_or_default();
                writeln!(
                    self.out,
                    "<path d=\"{data}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{dash}/>",
                    number(*width)
                )
            }
            Item::Dot { x, y, radius, fill } => writeln!(
                self.out,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{fill}\"/>",
                number(*x),
                number(*y),
                number(*radius)
            ),
            Item::Text(text) => {
                self.text(text);
                Ok(())
            }
            Item::Mark { tooltip, items } => {
                let _ = writeln!(self.out, "<g><title>{}</title>", escape(&visible::in_words(tooltip)));
                self.items(items);
                writeln!(self.out, "</g>")
            }
        };
    }

    fn rect(&mut self, bounds: &Bounds, fill: &str) -> std::fmt::Result {
        writeln!(
            self.out,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{fill}\"/>",
            number(bounds.x),
            number(bounds.y),
            number(bounds.width),
            number(bounds.height)
        )
    }

    fn text(&mut self, text: &Text) {
        if self.mode == TextMode::Text {
            let anchor = match text.anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let weight = if text.weight == Weight::Bold { " font-weight=\"700\"" } else { "" };
            let _ = writeln!(
                self.out,
                "<text {} font-size=\"{}\"{weight}{anchor} fill=\"{}\">{}</text>",
                place(text, 0.0),
                number(text.size),
                text.color,
                escape(&text.content)
            );
            return;
        }
        let runs = self.fonts.shape(&text.content, text.weight);
        let total: f64 = runs.iter().map(|run| run.width(self.fonts)).sum();
        let mut along = -text.offset(total * outline::scale(text.size));
        // The outlines of all runs of a text make one path, except those of emboldened runs.
        let (mut plain, mut emboldened) = (PathData::default(), PathData::default());
        let start = along;
        for run in &runs {
            let origin = (along - start) / outline::scale(text.size);
            match run {
                Run::Glyphs { face, emboldened: thick, glyphs } => {
                    let source = self.fonts.face(*face);
                    if self.mode == TextMode::Embed && matches!(source.role, Role::Embedded(_)) {
                        let content: String = glyphs.iter().map(|glyph| glyph.character).collect();
                        self.embedded.entry(*face).or_default().extend(content.chars());
                        self.embedded_text(text, along, *face, *thick, &content);
                    } else {
                        let path = if *thick { &mut emboldened } else { &mut plain };
                        let mut x = origin;
                        for glyph in glyphs {
                            source.draw(glyph.id, 1.0, (x, 0.0), path);
                            x += glyph.advance;
                        }
                    }
                }
                Run::Shelved { face, emboldened: thick, glyph } => {
                    let path = if *thick { &mut emboldened } else { &mut plain };
                    let width = glyph.shelf();
                    let beside = (width - glyph.advance) / 2.0;
                    self.fonts.face(*face).draw(glyph.id, 1.0, (origin + beside, 0.0), path);
                    shelf(origin, width, path);
                }
                Run::Missing(character) => {
                    boxed(self.fonts, *character, origin, run.width(self.fonts), &mut plain)
                }
            }
            along += run.width(self.fonts) * outline::scale(text.size);
        }
        for (path, thick) in [(plain, false), (emboldened, true)] {
            if !path.is_empty() {
                self.outlines(text, start, &path, thick);
            }
        }
    }

    fn outlines(&mut self, text: &Text, along: f64, path: &PathData, thick: bool) {
        let scale = outline::scale(text.size);
        let stroke = if thick {
            format!(" stroke=\"{}\" stroke-width=\"{}\"", text.color, number(EMBOLDENING))
        } else {
            String::new()
        };
        let transform = if text.upwards {
            format!("matrix(0 -{scale} {scale} 0 {} {})", number(text.x), number(text.y - along))
        } else {
            format!("matrix({scale} 0 0 {scale} {} {})", number(text.x + along), number(text.y))
        };
        let _ = writeln!(
            self.out,
            "<path transform=\"{transform}\" fill=\"{}\"{stroke} d=\"{}\"/>",
            text.color,
            path.as_str()
        );
    }

    fn embedded_text(&mut self, text: &Text, along: f64, face: usize, thick: bool, content: &str) {
        let stroke = if thick {
            let width = number(EMBOLDENING * outline::scale(text.size));
            format!(" stroke=\"{}\" stroke-width=\"{width}\"", text.color)
        } else {
            String::new()
        };
        let _ = writeln!(
            self.out,
            "<text {} font-family=\"{}, sans-serif\" font-size=\"{}\" fill=\"{}\"{stroke}>{}</text>",
            place(text, along),
            embed::family(self.fonts.face(face).role),
            number(text.size),
            text.color,
            escape(content)
        );
    }
}

/// The attributes that put a text's origin `along` pixels from its anchor.
fn place(text: &Text, along: f64) -> String {
    if text.upwards {
        format!("transform=\"translate({} {})rotate(-90)\"", number(text.x), number(text.y - along))
    } else {
        format!("x=\"{}\" y=\"{}\"", number(text.x + along), number(text.y))
    }
}

/// A shallow open box below the baseline, which is `width` wide and resembles the sign ⎵ of a full-width space.
fn shelf(origin: f64, width: f64, path: &mut PathData) {
    const STROKE: f32 = 50.0;
    const BOTTOM: f32 = -250.0;
    const TOP: f32 = -130.0;
    const MARGIN: f32 = 50.0;
    path.origin(origin, 0.0);
    let right = width as f32 - MARGIN;
    path.rect(MARGIN, BOTTOM, MARGIN + STROKE, TOP, false);
    path.rect(right - STROKE, BOTTOM, right, TOP, false);
    path.rect(MARGIN + STROKE, BOTTOM, right - STROKE, BOTTOM + STROKE, false);
}

/// The code point of `character` in a frame, as outlines.
fn boxed(fonts: &Fonts, character: char, origin: f64, width: f64, path: &mut PathData) {
    let em = f64::from(EM);
    let (margin, padding) = (BOX_MARGIN * em, BOX_PADDING * em);
    const FRAME: f32 = 45.0;
    const BOTTOM: f32 = -120.0;
    const TOP: f32 = 800.0;
    const BASELINE: f64 = -115.0;
    path.origin(origin + margin, 0.0);
    let right = (width - 2.0 * margin) as f32;
    path.rect(0.0, BOTTOM, right, TOP, false);
    path.rect(FRAME, BOTTOM + FRAME, right - FRAME, TOP - FRAME, true);

    let mut x = origin + margin + padding;
    for run in fonts.shape(&box_label(character), Weight::Regular) {
        if let Run::Glyphs { face, glyphs, .. } = run {
            for glyph in glyphs {
                fonts.face(face).draw(glyph.id, BOX_SCALE, (x, BASELINE), path);
                x += glyph.advance * BOX_SCALE;
            }
        }
    }
}

/// The outline of a rectangle, and diagonals that end at its edges.
fn hatching(bounds: &Bounds) -> String {
    const SPACING: f64 = 6.0;
    let Bounds { x, y, width, height } = *bounds;
    let mut data =
        format!("M{} {}h{}v{}h-{}z", number(x), number(y), number(width), number(height), number(width));
    // A diagonal meets the lower edge at `foot` and rises to the right at 45 degrees.
    let mut foot = SPACING - height;
    while foot < width {
        let (from, to) = (foot.max(0.0), (foot + height).min(width));
        if to > from {
            let _ = write!(
                data,
                "M{} {}L{} {}",
                number(x + from),
                number(y + height - (from - foot)),
                number(x + to),
                number(y + height - (to - foot))
            );
        }
        foot += SPACING;
    }
    data
}
