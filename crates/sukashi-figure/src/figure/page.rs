//! The frame that all figures share: margins, title, subtitle and caption around the drawing.

use super::fonts::Weight;
use super::provenance::Provenance;
use super::scene::{ASCENT, Anchor, Frame, Item, LABEL, NOTE, Scene, TITLE, Text};
use super::style::{Palette, Style};
use super::text_wrap::Setting;
use crate::Result;
use crate::trace::visible;

/// A figure under construction, filled from the top.
pub(super) struct Page<'a> {
    pub(super) style: &'a Style,
    pub(super) palette: &'static Palette,
    pub(super) width: f64,
    pub(super) margin: f64,
    /// How far down the page is filled.
    pub(super) y: f64,
    pub(super) items: Vec<Item>,
    /// The frames that an animation shows over `items`, one after the other.
    pub(super) frames: Vec<Frame>,
}

const TITLE_LINES: usize = 2;

/// The margin on either side. A page that is narrower than [`NARROW`] has the second one.
const MARGIN: f64 = 24.0;
const NARROW_MARGIN: f64 = 16.0;
const NARROW: f64 = 480.0;

fn margin(width: f64) -> f64 {
    if width < NARROW { NARROW_MARGIN } else { MARGIN }
}

impl<'a> Page<'a> {
    /// # Errors
    ///
    /// If the style has no font.
    pub(super) fn new(style: &'a Style) -> Result<Self> {
        style.fonts.check()?;
        let width = style.width.pixels();
        let margin = margin(width);
        Ok(Self {
            style,
            palette: style.theme.palette(),
            width,
            margin,
            y: margin,
            items: Vec::new(),
            frames: Vec::new(),
        })
    }

    /// The width of the narrowest page with so much room between its margins.
    pub(super) fn width_around(inner: f64) -> f64 {
        let narrow = inner + 2.0 * NARROW_MARGIN;
        (if narrow < NARROW { narrow } else { inner + 2.0 * MARGIN }).ceil()
    }

    /// The width between the margins.
    pub(super) fn inner(&self) -> f64 {
        self.width - 2.0 * self.margin
    }

    pub(super) fn setting(&self, size: f64, weight: Weight) -> Setting<'a> {
        Setting { fonts: &self.style.fonts, size, weight }
    }

    pub(super) fn measure(&self, text: &str, size: f64, weight: Weight) -> f64 {
        self.style.fonts.measure(text, size, weight)
    }

    /// Sets the title. A long `context` loses its beginning until the title takes two lines.
    pub(super) fn title(&mut self, context: &str, title: impl Fn(&str) -> String) {
        let setting = self.setting(TITLE, Weight::Bold);
        let characters: Vec<char> = context.chars().collect();
        // The longest title that can fit is far shorter than this.
        let mut kept = characters.len().min((self.inner() / 4.0) as usize * TITLE_LINES);
        let lines = loop {
            let tail: String = characters[characters.len() - kept..].iter().collect();
            let tail = if kept < characters.len() { format!("…{}", tail.trim_start()) } else { tail };
            let lines = setting.wrap(&title(&tail), self.inner());
            if lines.len() <= TITLE_LINES || kept == 0 {
                break lines;
            }
            // A long context shrinks fast, a short one by single characters.
            kept -= (kept / 16).max(1);
        };
        for line in lines {
            self.line(line, TITLE, Weight::Bold, self.palette.text, 28.0);
        }
    }

    /// Sets the line or lines below the title.
    pub(super) fn subtitle(&mut self, parts: &[String]) {
        for line in self.setting(LABEL, Weight::Regular).wrap_parts(&shown(parts), self.inner()) {
            self.line(line, LABEL, Weight::Regular, self.palette.muted, 20.0);
        }
        self.y += 16.0;
    }

    /// Sets a small passage, broken into lines.
    pub(super) fn note(&mut self, parts: &[String]) {
        for line in self.setting(NOTE, Weight::Regular).wrap_parts(&shown(parts), self.inner()) {
            self.line(line, NOTE, Weight::Regular, self.palette.muted, 17.0);
        }
    }

    fn line(&mut self, content: String, size: f64, weight: Weight, color: &'static str, height: f64) {
        let y = self.y + size * ASCENT;
        self.text(content, self.margin, y, Anchor::Start, size, weight, color);
        self.y += height;
    }

    /// Puts a text anywhere.
    #[expect(clippy::too_many_arguments, reason = "each is one plain property of the text")]
    pub(super) fn text(
        &mut self,
        content: String,
        x: f64,
        y: f64,
        anchor: Anchor,
        size: f64,
        weight: Weight,
        color: &'static str,
    ) {
        self.items.push(Item::Text(Text { content, x, y, anchor, size, weight, color, upwards: false }));
    }

    /// Adds the caption if the style has one, and the lower margin.
    pub(super) fn finish(mut self, provenance: &Provenance) -> Scene {
        if self.style.caption {
            self.y += 12.0;
            self.note(&provenance.caption(self.style.lang));
            self.y -= 4.0;
        }
        let height = (self.y + self.margin).ceil();
        let Self { width, items, frames, palette, .. } = self;
        Scene { width, height, background: palette.background, items, frames }
    }
}

/// Makes names of models and adapters visible, since they come from outside and may hold any character.
fn shown(parts: &[String]) -> Vec<String> {
    parts.iter().map(|part| visible::line(part)).collect()
}
