//! Figures: a [`Trace`] as SVG, PNG and data.
//!
//! A figure is a pure function of a trace, options and a [`Style`]. It needs no GPU and no installed font. The same
//! input gives the same bytes.
//!
//! ```
//! use sukashi_figure::figure::{Lang, NextToken, Style, next_token};
//!
//! # let trace = sukashi_figure::figure::example::japanese();
//! let style = Style { lang: Lang::En, width: "84mm".parse()?, caption: true, ..Style::default() };
//! let figure = next_token(&trace, &NextToken { count: 5, ..NextToken::default() }, &style)?;
//!
//! let svg = figure.svg();
//! let png = figure.png(2.0)?;
//! let csv = figure.data_csv();
//! assert_eq!(csv.lines().count(), 1 + 5 + 1);
//! # assert!(svg.starts_with("<svg") && png.starts_with(b"\x89PNG"));
//! # Ok::<_, sukashi_figure::Error>(())
//! ```

// The macros of this module come before the modules that use them.
#[macro_use]
mod phrases;

mod animation;
mod attention;
mod axis;
mod bar_row;
mod bars;
mod before_after;
mod boxes;
mod bpe;
mod budget;
mod compare;
mod cumulative;
mod distribution;
mod embed;
#[doc(hidden)]
pub mod example;
mod example_words;
#[doc(hidden)]
pub mod flag;
mod fonts;
mod heat;
mod heat_map;
#[doc(hidden)]
pub mod kind;
mod lens;
mod line_chart;
mod log_chart;
mod mixing;
mod next_token;
mod next_tokens;
mod outline;
mod page;
mod panels;
mod png;
mod provenance;
mod sampling;
mod scene;
mod series;
mod share_strip;
mod snippet;
mod softmax;
mod stage_columns;
mod stage_table;
mod strip;
mod style;
mod svg;
mod table;
mod temperature;
mod temperature_chart;
mod temperature_line;
mod text_wrap;
mod tokenizers;
mod tokens;
mod top_k;
mod trace;
mod trace_animation;
mod words;

pub use animation::check_animation;
pub use attention::{AttentionOptions, attention};
pub use bpe::bpe;
pub use budget::{Budget, budget};
pub use compare::{Compare, compare};
pub use distribution::ProbKind;
pub use fonts::Fonts;
pub use lens::{Metric, lens};
pub use log_chart::{LogChart, LogLine, log_chart};
pub use mixing::mixing;
pub use next_token::{NextToken, next_token};
pub use next_tokens::next_tokens;
pub use sampling::{Sampling, sampling};
pub use scene::Bounds;
pub use snippet::Snippet;
pub use softmax::{Logits, softmax};
pub use style::{Lang, Style, TextMode, Theme, Width};
pub use temperature::{TemperatureView, Temperatures, temperature};
pub use tokenizers::tokenizers;
pub use tokens::{ColorBy, Tokens, tokens};
pub use top_k::{TopK, check_truncation, top_k};
pub use trace::{TraceOptions, trace};
pub use trace_animation::trace_animation;
pub use words::{grouped, percent};

use crate::{Result, Trace};
use page::Page;
use provenance::Provenance;
use scene::Scene;
use table::Table;

/// Every kind of figure, in the order of the gallery. Tests, benchmarks, the gallery and the program go through this list.
#[doc(hidden)]
pub const KINDS: &[&kind::FigureKind] = &[
    &next_token::KIND,
    &next_tokens::KIND,
    &compare::KIND,
    &top_k::KIND,
    &temperature::KIND,
    &sampling::KIND,
    &trace::KIND,
    &tokens::KIND,
    &attention::KIND,
    &lens::KIND,
    &budget::KIND,
    &softmax::KIND,
    &mixing::KIND,
    &tokenizers::KIND,
    &bpe::KIND,
    &log_chart::KIND,
];

/// A drawn figure. It gives SVG, PNG, numbers, and a description in words.
#[derive(Debug, Clone)]
pub struct Figure {
    scene: Scene,
    contents: Contents,
    provenance: Provenance,
    style: Style,
    warnings: Vec<String>,
}

/// The title, the description and the numbers of a figure.
#[derive(Debug, Clone)]
struct Contents {
    kind: &'static str,
    title: String,
    alt_text: String,
    table: Table,
}

impl Figure {
    fn new(trace: &Trace, style: &Style, page: Page<'_>, contents: Contents, warnings: Vec<String>) -> Self {
        Self::of(Provenance::new(trace), style, page, contents, warnings)
    }

    /// Makes a figure whose numbers come from the source that `provenance` names.
    fn of(
        provenance: Provenance,
        style: &Style,
        page: Page<'_>,
        mut contents: Contents,
        mut warnings: Vec<String>,
    ) -> Self {
        for text in [&mut contents.title, &mut contents.alt_text] {
            *text = crate::trace::visible::in_words(text);
        }
        contents.table.put_in_words();
        let scene = page.finish(&provenance);
        let text: String = scene.texts().iter().map(|text| text.content.as_str()).collect();
        // The reader's fonts set plain text, and they may have characters that these fonts lack.
        let missing = if style.text_mode == TextMode::Text { Vec::new() } else { style.fonts.missing(&text) };
        for character in missing {
            warnings.push(format!(
                "no font has U+{:04X} ({character}); it is drawn as a box with its code point",
                u32::from(character)
            ));
        }
        Self { scene, contents, provenance, style: style.clone(), warnings }
    }

    /// Returns the figure as SVG, with text in the style's [`TextMode`].
    pub fn svg(&self) -> String {
        self.svg_with(self.style.text_mode)
    }

    /// Returns the figure as SVG, with text in another [`TextMode`].
    pub fn svg_with(&self, mode: TextMode) -> String {
        svg::write(&self.scene, &self.document(&self.provenance.json()), &self.style.fonts, mode)
    }

    fn document<'a>(&'a self, metadata: &'a str) -> svg::Document<'a> {
        svg::Document {
            title: &self.contents.title,
            description: &self.contents.alt_text,
            metadata,
            lang: self.style.lang.code(),
            width: self.style.width,
        }
    }

    /// Returns the figure as PNG, or an animation as APNG. At scale 1, a pixel of the figure is a pixel of the picture.
    ///
    /// Viewers that do not animate show the last frame.
    ///
    /// # Errors
    ///
    /// If `scale` is not positive. If the picture would have more than 100 million pixels, or the animation more than
    /// 500 million.
    pub fn png(&self, scale: f32) -> Result<Vec<u8>> {
        let json = self.provenance.json();
        let texts = [("Title", self.title()), ("Description", self.alt_text()), ("Comment", &json)];
        let description = png::Description { texts: &texts, density: self.style.width.density() };
        let drawing = |scene: &Scene, milliseconds| {
            let svg = svg::write(scene, &self.document(&json), &self.style.fonts, TextMode::Paths);
            png::Drawing { svg, milliseconds }
        };
        let frames = self.scene.frames.iter();
        let mut drawings: Vec<_> =
            frames.map(|frame| drawing(&self.scene.during(frame), frame.milliseconds)).collect();
        if drawings.is_empty() {
            drawings.push(drawing(&self.scene, 0));
        }
        png::render(&drawings, self.size(), scale, &description)
    }

    /// Returns the frames of an animation as still figures. A still figure returns itself.
    pub fn frames(&self) -> Vec<Self> {
        if self.scene.frames.is_empty() {
            return vec![self.clone()];
        }
        let frames = self.scene.frames.iter();
        frames.map(|frame| Self { scene: self.scene.during(frame), ..self.clone() }).collect()
    }

    /// Shows the figure in a notebook. evcxr calls this for a value at the end of a cell.
    ///
    /// This is the only function of the crate that prints, because evcxr reads the standard output.
    pub fn evcxr_display(&self) {
        let svg = self.svg_with(TextMode::Paths);
        println!("EVCXR_BEGIN_CONTENT text/html\n{svg}\nEVCXR_END_CONTENT");
    }

    /// Returns the numbers of the figure as CSV. The first line has the names of the columns.
    pub fn data_csv(&self) -> String {
        self.contents.table.csv()
    }

    /// Returns the numbers of the figure and their origin as JSON.
    pub fn data_json(&self) -> String {
        self.contents.table.json(self.contents.kind, &self.contents.title, &self.provenance)
    }

    /// Returns the full title. The drawing may shorten it.
    pub fn title(&self) -> &str {
        &self.contents.title
    }

    /// Describes the figure in sentences, for people who cannot see it.
    pub fn alt_text(&self) -> &str {
        &self.contents.alt_text
    }

    /// Returns what the figure could not show as expected, such as characters that no font has.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns width and height in pixels at scale 1.
    pub fn size(&self) -> (f64, f64) {
        (self.scene.width, self.scene.height)
    }

    /// Returns every text in the figure with its bounds. Of an animation, these are the texts of all frames.
    pub fn labels(&self) -> Vec<(String, Bounds)> {
        self.scene.texts().iter().map(|text| (text.content.clone(), text.bounds(&self.style.fonts))).collect()
    }
}
