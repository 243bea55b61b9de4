//! Faces: which face draws a character, with which width and which outline.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use skrifa::instance::{LocationRef, Size};
use skrifa::outline::DrawSettings;
use skrifa::raw::FileRef;
use skrifa::{FontRef, GlyphId, MetadataProvider};

use super::outline::PathData;
use crate::trace::visible;
use crate::{Error, Result, file};

#[cfg(feature = "embedded-fonts")]
static REGULAR: &[u8] = include_bytes!("../../assets/fonts/SukashiGothic-Regular.ttf");
#[cfg(feature = "embedded-fonts")]
static BOLD: &[u8] = include_bytes!("../../assets/fonts/SukashiGothic-Bold.ttf");

/// Outlines and advances are in thousandths of the em, whatever the face's own unit.
pub(super) const EM: f32 = 1000.0;

/// How much a face without a bold weight is thickened for bold text, in thousandths of the em.
pub(super) const EMBOLDENING: f64 = 36.0;

/// A larger file is not a font. Fonts with all Chinese, Japanese and Korean characters have some 120 MB.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// The two weights that figures use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// The faces that draw a figure's text. The first face that has a character draws it.
///
/// Text is set character by character, from left to right. This is right for Japanese, Latin, Greek, Cyrillic and
/// Hangul. Scripts that need shaping, or run from right to left, show their characters one by one.
///
/// ```
/// use sukashi_figure::figure::Fonts;
///
/// # #[cfg(feature = "embedded-fonts")] {
/// let fonts = Fonts::embedded();
/// assert_eq!(fonts.missing("吾輩は猫である␣↵"), []);
/// assert_eq!(fonts.missing("猫😀"), ['😀']);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Fonts {
    faces: Vec<Arc<Face>>,
}

/// One font file, or one member of a collection.
pub(super) struct Face {
    data: Cow<'static, [u8]>,
    index: u32,
    pub(super) role: Role,
}

/// The origin of a face. It decides how the face may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The face is part of the crate. Its licence allows subsets inside a figure.
    Embedded(Weight),
    /// The caller gave the face. Only its outlines go into figures.
    Caller,
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Face").field("role", &self.role).field("bytes", &self.data.len()).finish()
    }
}

impl Default for Fonts {
    /// Returns [`Fonts::embedded`], or [`Fonts::none`] without the feature `embedded-fonts`.
    fn default() -> Self {
        #[cfg(feature = "embedded-fonts")]
        return Self::embedded();
        #[cfg(not(feature = "embedded-fonts"))]
        Self::none()
    }
}

impl Fonts {
    /// The crate's own faces. They have JIS X 0208, kana, Latin, Greek, the Cyrillic of Russian, symbols and the signs
    /// for whitespace. Hangul, other Cyrillic and emoji need a font that the caller gives.
    #[cfg(feature = "embedded-fonts")]
    pub fn embedded() -> Self {
        let face = |data, weight| {
            Arc::new(Face { data: Cow::Borrowed(data), index: 0, role: Role::Embedded(weight) })
        };
        Self { faces: vec![face(REGULAR, Weight::Regular), face(BOLD, Weight::Bold)] }
    }

    /// The crate's own faces, for a build without the feature `embedded-fonts` that gets them from elsewhere, such as a
    /// page: the files `SukashiGothic-Regular.ttf` and `SukashiGothic-Bold.ttf`. Figures are those of
    /// [`Fonts::embedded`].
    ///
    /// # Errors
    ///
    /// If the bytes are not a font that maps characters.
    pub fn own(regular: Vec<u8>, bold: Vec<u8>) -> Result<Self> {
        let mut faces = Vec::with_capacity(2);
        for (bytes, weight, name) in
            [(regular, Weight::Regular, "the regular face"), (bold, Weight::Bold, "the bold face")]
        {
            // The check is that of a caller's face.
            Self::none().add(bytes.clone(), name, true)?;
            faces.push(Arc::new(Face { data: Cow::Owned(bytes), index: 0, role: Role::Embedded(weight) }));
        }
        Ok(Self { faces })
    }

    /// No faces. A figure can be drawn only after a face is added.
    pub fn none() -> Self {
        Self { faces: Vec::new() }
    }

    /// # Errors
    ///
    /// Input: there is no face.
    pub(super) fn check(&self) -> Result<()> {
        if self.faces.is_empty() {
            return Err(Error::input("cannot draw a figure without a font")
                .detail("this build has no embedded fonts, and none was given")
                .hint(
                    "give a font that has the text's characters, or build with the feature embedded-fonts",
                ));
        }
        Ok(())
    }

    /// Adds the font file at `path` (TrueType, OpenType, or the first face of a collection) before the other faces.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not a font that maps characters.
    pub fn with_file(self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = file::read(path, MAX_FILE_BYTES)?;
        self.add(bytes, &path.display().to_string(), true)
    }

    /// Adds the font file at `path` after the other faces, for characters that they lack.
    ///
    /// # Errors
    ///
    /// The same as [`Fonts::with_file`].
    pub fn with_fallback_file(self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = file::read(path, MAX_FILE_BYTES)?;
        self.add(bytes, &path.display().to_string(), false)
    }

    /// Does what [`Fonts::with_file`] does, with a font in memory.
    ///
    /// # Errors
    ///
    /// If the bytes are not a font that maps characters.
    pub fn with_bytes(self, bytes: Vec<u8>) -> Result<Self> {
        self.add(bytes, "the given bytes", true)
    }

    /// Returns the characters of `text` that no face has, each once, in their order.
    pub fn missing(&self, text: &str) -> Vec<char> {
        let mut missing = Vec::new();
        for run in self.shape(text, Weight::Regular) {
            if let Run::Missing(character) = run
                && !missing.contains(&character)
            {
                missing.push(character);
            }
        }
        missing
    }

    fn add(mut self, bytes: Vec<u8>, name: &str, first: bool) -> Result<Self> {
        let face = Face { data: Cow::Owned(bytes), index: 0, role: Role::Caller };
        let usable = face
            .font()
            .is_some_and(|font| font.charmap().has_map() && font.outline_glyphs().format().is_some());
        if !usable {
            return Err(Error::input(format!("cannot use {name} as a font"))
                .detail("found no table of characters and outlines, expected a TrueType or OpenType font")
                .hint("WOFF files have to be unpacked first"));
        }
        self.faces.insert(if first { 0 } else { self.faces.len() }, Arc::new(face));
        Ok(self)
    }

    pub(super) fn face(&self, index: usize) -> &Face {
        &self.faces[index]
    }

    /// Splits `text` into runs of one face each, with every glyph's place.
    pub(super) fn shape(&self, text: &str, weight: Weight) -> Vec<Run> {
        let mut readers: Vec<Reader<'_>> =
            self.faces.iter().enumerate().filter_map(|(index, face)| Reader::new(index, face)).collect();
        // The embedded face of this weight comes before that of the other weight. The other faces keep their order.
        let unwanted = |role| matches!(role, Role::Embedded(other) if other != weight);
        if let (Some(other), Some(own)) = (
            readers.iter().position(|reader| unwanted(reader.role)),
            readers.iter().position(|reader| reader.role == Role::Embedded(weight)),
        ) && other < own
        {
            readers.swap(other, own);
        }
        let mut runs = Vec::new();
        for character in text.chars() {
            if character == visible::SHELF {
                set_on_shelf(&mut runs);
                continue;
            }
            let found =
                readers.iter().find_map(|reader| reader.glyph(character).map(|glyph| (reader, glyph)));
            let Some((reader, glyph)) = found else {
                runs.push(Run::Missing(character));
                continue;
            };
            match runs.last_mut() {
                Some(Run::Glyphs { face, glyphs, .. }) if *face == reader.index => glyphs.push(glyph),
                _ => {
                    let emboldened = weight == Weight::Bold && reader.role != Role::Embedded(Weight::Bold);
                    runs.push(Run::Glyphs { face: reader.index, emboldened, glyphs: vec![glyph] });
                }
            }
        }
        runs
    }

    /// The width of `text` at `size` pixels.
    pub(super) fn measure(&self, text: &str, size: f64, weight: Weight) -> f64 {
        self.shape(text, weight).iter().map(|run| run.width(self)).sum::<f64>() * size / f64::from(EM)
    }
}

impl Face {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.data
    }

    fn font(&self) -> Option<FontRef<'_>> {
        match FileRef::new(&self.data).ok()? {
            FileRef::Font(font) => Some(font),
            FileRef::Collection(collection) => collection.get(self.index).ok(),
        }
    }

    /// Adds the outline of `glyph`, scaled and moved to `origin` (in thousandths of the em), to `path`.
    pub(super) fn draw(&self, glyph: GlyphId, scale: f64, origin: (f64, f64), path: &mut PathData) {
        let Some(outline) = self.font().and_then(|font| font.outline_glyphs().get(glyph)) else { return };
        path.origin(origin.0, origin.1);
        // A glyph that the font describes wrongly stays empty, as it does in every viewer.
        let _ =
            outline.draw(DrawSettings::unhinted(Size::new(EM * scale as f32), LocationRef::default()), path);
    }
}

/// A glyph in a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glyph {
    pub(super) character: char,
    pub(super) id: GlyphId,
    /// The place of the glyph, in thousandths of the em.
    pub(super) advance: f64,
}

impl Glyph {
    /// The width of the shelf of a half- or full-width form, in thousandths of the em.
    pub(super) fn shelf(&self) -> f64 {
        let is_half = matches!(self.character, '\u{FF61}'..='\u{FFDF}' | '\u{FFE8}'..='\u{FFEE}');
        let form = f64::from(EM) * if is_half { 0.5 } else { 1.0 };
        form.max(self.advance + SHELF_MARGIN)
    }
}

/// The least room that a shelf has beside its glyph, on both sides together.
const SHELF_MARGIN: f64 = 40.0;

/// Consecutive characters that are drawn alike.
#[derive(Debug, Clone)]
pub(super) enum Run {
    /// Glyphs of one face.
    Glyphs { face: usize, emboldened: bool, glyphs: Vec<Glyph> },
    /// A half- or full-width form, which stands in the middle of a shelf as wide as the form.
    Shelved { face: usize, emboldened: bool, glyph: Glyph },
    /// A character that no face has. It is drawn as its code point in a box.
    Missing(char),
}

/// Takes the last glyph of `runs` out of its run and puts it on a shelf. A boxed code point needs none.
fn set_on_shelf(runs: &mut Vec<Run>) {
    let Some(Run::Glyphs { face, emboldened, glyphs }) = runs.last_mut() else { return };
    let Some(glyph) = glyphs.pop() else { return };
    let shelved = Run::Shelved { face: *face, emboldened: *emboldened, glyph };
    if glyphs.is_empty() {
        runs.pop();
    }
    runs.push(shelved);
}

/// The size of a boxed code point relative to the text around it, and the room beside it in the em.
pub(super) const BOX_SCALE: f64 = 0.62;
pub(super) const BOX_PADDING: f64 = 0.14;
pub(super) const BOX_MARGIN: f64 = 0.05;

/// The text in the box of a character that no face has.
pub(super) fn box_label(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}

impl Run {
    /// In thousandths of the em.
    pub(super) fn width(&self, fonts: &Fonts) -> f64 {
        match self {
            Self::Glyphs { glyphs, .. } => glyphs.iter().map(|glyph| glyph.advance).sum(),
            Self::Shelved { glyph, .. } => glyph.shelf(),
            Self::Missing(character) => {
                let label = fonts.measure(&box_label(*character), BOX_SCALE, Weight::Regular);
                (label + 2.0 * (BOX_PADDING + BOX_MARGIN)) * f64::from(EM)
            }
        }
    }
}

/// A face with its parsed tables.
struct Reader<'a> {
    index: usize,
    role: Role,
    charmap: skrifa::charmap::Charmap<'a>,
    metrics: skrifa::metrics::GlyphMetrics<'a>,
}

impl<'a> Reader<'a> {
    fn new(index: usize, face: &'a Face) -> Option<Self> {
        let font = face.font()?;
        let metrics = font.glyph_metrics(Size::new(EM), LocationRef::default());
        Some(Self { index, role: face.role, charmap: font.charmap(), metrics })
    }

    fn glyph(&self, character: char) -> Option<Glyph> {
        let id = self.charmap.map(character).filter(|id| id.to_u32() != 0)?;
        let advance = f64::from(self.metrics.advance_width(id)?).clamp(0.0, 4000.0);
        Some(Glyph { character, id, advance })
    }
}
