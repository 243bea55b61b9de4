//! Figures of records.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sukashi::figure::flag::{Description, Given, Takes};
use sukashi::figure::kind::Command;
use sukashi::figure::{Figure, Fonts, KINDS, Style, Width};
use sukashi::{Error, Result, Trace};
use wasm_bindgen::prelude::*;

use crate::failure::{JsResult, given, object, value};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** A kind of figure that needs nothing but a record, and the options that it takes. */
export interface FigureKind {
  name: string; about: string;
  /** Whether the record needs what every stage of the sampler leaves (`stages: true`). */
  needsStages: boolean;
  options: { name: string; help: string; takes: "switch" | "count" | "step" | "temperatures" | "name";
             names?: string[]; default?: number | string }[];
}
export interface FigureOptions {
  theme?: "light" | "dark" | "print"; lang?: "ja" | "en";
  /** The width in pixels, from 240 to 8192. */
  width?: number;
  /** The form of text: outlines that look the same everywhere, or text in a face that the reader has. */
  text?: "paths" | "embed" | "text";
  /** Whether the origin of the numbers stands below the figure. */
  caption?: boolean;
  /** Options of the kind, such as `top`. Steps count from 1. */
  [option: string]: unknown;
}
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "FigureKind[]")]
    pub type FigureKinds;
    #[wasm_bindgen(typescript_type = "FigureOptions")]
    pub type FigureOptions;
}

thread_local! {
    static FONTS: RefCell<Fonts> = RefCell::new(Fonts::default());
}

/// A figure.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Drawing(Figure);

#[wasm_bindgen]
impl Drawing {
    /// The SVG document.
    #[wasm_bindgen(getter)]
    pub fn svg(&self) -> String {
        self.0.svg()
    }

    /// The text for readers who cannot see the figure.
    #[wasm_bindgen(getter, js_name = altText)]
    pub fn alt_text(&self) -> String {
        self.0.alt_text().to_owned()
    }

    /// The title.
    #[wasm_bindgen(getter)]
    pub fn title(&self) -> String {
        self.0.title().to_owned()
    }

    /// What a reader has to know, such as characters that no font has.
    #[wasm_bindgen(getter)]
    pub fn warnings(&self) -> Vec<String> {
        self.0.warnings().to_vec()
    }

    /// The numbers of the figure as CSV.
    #[wasm_bindgen(getter)]
    pub fn csv(&self) -> String {
        self.0.data_csv()
    }

    /// The figure as a PNG with `scale` pixels for each pixel of its width.
    ///
    /// # Errors
    /// If the picture would be too large.
    pub fn png(&self, scale: f32) -> JsResult<Vec<u8>> {
        given(self.0.png(scale))
    }
}

/// Sets the two faces that draw figures, the files of the package's folder `fonts`.
///
/// # Errors
/// If one is not a font.
#[wasm_bindgen(js_name = setFonts)]
pub fn set_fonts(regular: Vec<u8>, bold: Vec<u8>) -> JsResult<()> {
    let fonts = given(Fonts::own(regular, bold))?;
    FONTS.replace(fonts);
    Ok(())
}

/// The kinds of figures that [`figure`] draws.
///
/// # Errors
/// None.
#[wasm_bindgen(js_name = figureKinds)]
pub fn figure_kinds() -> JsResult<FigureKinds> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        name: &'static str,
        about: &'static str,
        needs_stages: bool,
        options: Vec<Taken>,
    }
    let kinds: Vec<Kind> = commands()
        .map(|(name, command)| Kind {
            name,
            about: command.about,
            needs_stages: command.recording.stages,
            options: (command.flags)().iter().map(Taken::of).collect(),
        })
        .collect();
    object(&kinds).map(JsCast::unchecked_into)
}

/// Draws a record, the JSON text of a `sukashi.trace/1`.
///
/// # Errors
/// If there is no such kind, if the record is invalid or lacks what the kind needs, or if no fonts are set.
#[wasm_bindgen]
pub fn figure(kind: &str, record: &str, options: Option<FigureOptions>) -> JsResult<Drawing> {
    let options: Options =
        value("the options of a figure", &options.map_or(JsValue::UNDEFINED, JsValue::from))?;
    given(draw(kind, record, options))
}

fn commands() -> impl Iterator<Item = (&'static str, &'static Command)> {
    KINDS.iter().filter_map(|kind| Some((kind.name, kind.command.as_ref()?)))
}

/// The options that all kinds have, and those of one kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    theme: Option<String>,
    lang: Option<String>,
    width: Option<f64>,
    text: Option<String>,
    caption: bool,
    #[serde(flatten)]
    of_kind: BTreeMap<String, Value>,
}

fn draw(kind: &str, record: &str, options: Options) -> Result<Drawing> {
    let Some((_, command)) = commands().find(|(name, _)| *name == kind) else {
        let names = Vec::from_iter(commands().map(|(name, _)| name)).join(", ");
        return Err(Error::input("cannot draw a figure of an unknown kind")
            .detail(format!("found {kind:?}, expected one of {names}")));
    };
    let flags = (command.flags)();
    if let Some(unknown) = options.of_kind.keys().find(|name| flags.iter().all(|flag| flag.name != *name)) {
        return Err(Error::input(format!("cannot draw {kind} with the option {unknown:?}")));
    }
    let given = flags.iter().map(|flag| match options.of_kind.get(flag.name) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(value) => of_flag(flag, value).map(Some),
    });
    let given = given.collect::<Result<Vec<_>>>()?;
    let mut style =
        Style { fonts: FONTS.with_borrow(Clone::clone), caption: options.caption, ..Style::default() };
    if let Some(theme) = options.theme {
        style.theme = theme.parse()?;
    }
    if let Some(lang) = options.lang {
        style.lang = lang.parse()?;
    }
    if let Some(text) = options.text {
        style.text_mode = text.parse()?;
    }
    if let Some(width) = options.width {
        style.width = Width::px(width)?;
    }
    (command.draw)(&Trace::from_json(record)?, &given, &style).map(Drawing)
}

/// The value of an option, as a command line would give it.
fn of_flag(flag: &Description, value: &Value) -> Result<Given> {
    let count = || value.as_u64().and_then(|count| usize::try_from(count).ok());
    let given = match flag.takes {
        Takes::Nothing => value.as_bool().map(|_| Given::Switch),
        Takes::Count { .. } => count().map(Given::Count),
        Takes::Step => count().and_then(|step| step.checked_sub(1)).map(Given::Count),
        Takes::Temperatures => {
            let all = value.as_array().and_then(|all| all.iter().map(Value::as_f64).collect());
            all.map(Given::Temperatures)
        }
        Takes::Name { .. } => value.as_str().map(|name| Given::Name(name.to_owned())),
    };
    given.ok_or_else(|| {
        Error::input(format!("cannot use {} = {value} as an option of a figure", flag.name)).detail(flag.help)
    })
}

/// An option of a kind.
#[derive(Serialize)]
struct Taken {
    name: &'static str,
    help: &'static str,
    takes: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<&'static [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Value>,
}

impl Taken {
    fn of(flag: &Description) -> Self {
        let (takes, names, default) = match flag.takes {
            Takes::Nothing => ("switch", None, None),
            Takes::Count { default, .. } => ("count", None, default.map(Value::from)),
            Takes::Step => ("step", None, None),
            Takes::Temperatures => ("temperatures", None, None),
            Takes::Name { names, default, .. } => ("name", Some(names), Some(default.into())),
        };
        Self { name: flag.name, help: flag.help, takes, names, default }
    }
}
