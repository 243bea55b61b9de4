//! `/v1/figure/{kind}`: a figure of a new run or of a record.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Request, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::answer::blocking;
use super::capture::{inside_tokens, on_engine};
use super::drawing::{DRAWINGS, Drawing, Source, given};
use super::error::{ApiError, ErrorBody, one_line};
use super::generation::generation_request;
use super::json::{self, RequestBody};
use super::limits::{MAX_LENS_TOKENS, MAX_PIXELS, MAX_TRACED};
use super::order::check_model;
use super::state::State;
use super::trace::{Prompt, Steps, record};
use crate::figure::flag::{Given, Takes};
use crate::figure::{Figure, KINDS, Lang, Style, TextMode, Theme, Width};
use crate::model::{self, check_layer_and_head};
use crate::trace::Record;
use crate::{Error, Model, shown};

/// The pixels of a PNG for each pixel of a figure.
const DEFAULT_SCALE: f32 = 2.0;
const MAX_SCALE: f32 = 8.0;

generation_request! {
    /// A request for a figure: of `prompt`, which is run, or of `record`.
    pub struct FigureRequest {
        /// The text.
        #[serde(default)]
        pub prompt: Option<Prompt>,
        /// The record to draw, such as one of `/v1/trace`.
        #[serde(default)]
        #[schema(value_type = Option<Object>)]
        pub record: Option<Value>,
        /// The most tokens of a run that has several steps.
        #[serde(default)]
        #[schema(minimum = 1)]
        pub max_tokens: Option<usize>,
        /// The form of the answer: `svg`, `png`, `csv` or `json`. The last two have the figure's numbers.
        #[serde(default)]
        pub format: Option<String>,
        /// The figure's options by the names that `sukashi figure` gives them, such as `{"top": 5}`.
        #[serde(default)]
        #[schema(value_type = Option<Object>)]
        pub options: Option<BTreeMap<String, Value>>,
        /// The colours: `light`, `dark` or `print`.
        #[serde(default)]
        pub theme: Option<String>,
        /// The language: `ja` or `en`.
        #[serde(default)]
        pub lang: Option<String>,
        /// The width, such as `720px` or `84mm`.
        #[serde(default)]
        pub width: Option<String>,
        /// The form of text in an SVG: `paths`, `embed` or `text`.
        #[serde(default)]
        pub text_mode: Option<String>,
        /// Whether the source of the numbers stands below the figure.
        #[serde(default)]
        pub caption: Option<bool>,
        /// The pixels of a PNG for each pixel of the figure.
        #[serde(default)]
        pub scale: Option<f32>,
    }
}

impl RequestBody for FigureRequest {
    const UNSUPPORTED: &'static [&'static str] = &["best_of", "n", "stop", "stream", "stream_options"];
}

/// Draws a figure.
#[utoipa::path(
    post,
    path = "/v1/figure/{kind}",
    params(("kind" = String, Path, description = "the kind of figure, such as `next-token`")),
    request_body = FigureRequest,
    responses(
        (status = 200, description = "the figure", content(
            (String = "image/svg+xml"), (Vec<u8> = "image/png"), (String = "text/csv"), (Object = "application/json")
        )),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn figure(
    Shared(state): Shared<Arc<State>>,
    Path(kind): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let drawing = find(&kind)?;
    let request: FigureRequest = json::read(request).await?;
    let format = Format::of(request.format.as_deref().unwrap_or("svg"))?;
    let style = style(&request)?;
    let scale = request.scale.unwrap_or(DEFAULT_SCALE);
    if !(scale > 0.0 && scale <= MAX_SCALE) {
        let message =
            format!("cannot use scale: found {scale}, expected a number above 0, at most {MAX_SCALE}");
        return Err(ApiError::field("scale", message));
    }
    let given = given(drawing, request.options.as_ref(), request.record.is_some())?;
    let json = match (&request.prompt, &request.record) {
        (None, Some(record)) => record.to_string(),
        (Some(_), None) => run(&state, drawing, &given, request).await?,
        _ => return Err(ApiError::field("prompt", "expected one of the fields prompt and record")),
    };
    let _turn = state.drawing.acquire().await.map_err(|_| super::answer::bug())?;
    let draw = move || {
        let figure = (drawing.draw)(&json, &given, &style)?;
        format.write(&figure, scale)
    };
    let (content_type, bytes) = blocking(draw).await??;
    Ok(json::answer(StatusCode::OK, content_type, bytes))
}

/// The kind of figure with this name.
fn find(kind: &str) -> Result<&'static Drawing, ApiError> {
    if let Some(drawing) = DRAWINGS.iter().find(|drawing| drawing.name == kind) {
        return Ok(drawing);
    }
    let all = Vec::from_iter(DRAWINGS.iter().map(|drawing| drawing.name)).join(", ");
    if KINDS.iter().any(|known| known.name == kind) {
        return Err(ApiError::with_status(
            StatusCode::BAD_REQUEST,
            "unsupported_kind",
            format!("the figure {kind} is known and not supported here: expected {all}"),
        ));
    }
    let found = shown::start(kind, 60);
    Err(ApiError::with_status(
        StatusCode::NOT_FOUND,
        "not_found",
        format!("there is no figure {found}: expected {all}"),
    ))
}

fn style(request: &FigureRequest) -> Result<Style, ApiError> {
    fn named<T: std::str::FromStr<Err = Error> + Default>(
        field: &str,
        text: Option<&String>,
    ) -> Result<T, ApiError> {
        let parsed = text.map(|text| text.parse().map_err(|error| ApiError::field(field, one_line(&error))));
        Ok(parsed.transpose()?.unwrap_or_default())
    }
    Ok(Style {
        theme: named::<Theme>("theme", request.theme.as_ref())?,
        lang: named::<Lang>("lang", request.lang.as_ref())?,
        width: named::<Width>("width", request.width.as_ref())?,
        text_mode: named::<TextMode>("text_mode", request.text_mode.as_ref())?,
        caption: request.caption.unwrap_or(false),
        ..Style::default()
    })
}

/// Runs the model for a figure, and gives the record as JSON.
async fn run(
    state: &State,
    drawing: &Drawing,
    given: &[Option<Given>],
    request: FigureRequest,
) -> Result<String, ApiError> {
    let Some(prompt) = request.prompt.clone() else { return Ok(String::new()) };
    let ready = check_model(state, request.model.as_deref())?;
    if let Source::Trace { times, has_stages, num_steps } = drawing.source {
        let mut sampling = request.sampling(ready.model.spec().vocab_size)?;
        // The same request gives the same figure.
        sampling.settings.seed = request.seed.map_or(0, i64::cast_unsigned);
        let steps = Steps {
            max_tokens: request.max_tokens.filter(|_| num_steps > 1).unwrap_or(num_steps.max(1)),
            top: count(drawing, given, "top").unwrap_or(10).saturating_mul(times).clamp(1, MAX_TRACED),
            has_stages,
        };
        let mut trace = record(state, &ready, prompt, sampling, steps).await?;
        if num_steps == 0 {
            // The figure is about the distribution, and nothing is chosen from it.
            for step in &mut trace.steps {
                step.chosen = None;
                step.stages.iter_mut().for_each(|stages| stages.draw = None);
            }
            trace.text = trace.prompt.text.clone();
        }
        return Ok(trace.to_json()?);
    }
    let (layer, head) = (count(drawing, given, "layer").unwrap_or(0), count(drawing, given, "head"));
    let source = drawing.source;
    let ids = {
        let ready = ready.clone();
        blocking(move || {
            let ids = inside_tokens(&ready, &prompt)?.ids;
            // The first call hashes the weights, for which no text should wait.
            ready.model.info()?;
            if matches!(source, Source::Attention) {
                check_layer_and_head(ready.model.spec(), layer, head)
                    .map_err(|error| ApiError::field("options", one_line(&error)))?;
            }
            if matches!(source, Source::Lens) && ids.len() > MAX_LENS_TOKENS {
                let found = ids.len();
                let message = format!(
                    "the prompt is too long: found {found} tokens, expected at most {MAX_LENS_TOKENS}"
                );
                return Err(ApiError::field("prompt", message));
            }
            Ok(ids)
        })
        .await??
    };
    let look = move |model: &Model| {
        pollster::block_on(async {
            match source {
                Source::Attention => model::attention(model, &ids, layer, head).await?.to_json(),
                Source::Lens => model::lens(model, &ids, &[], &mut |_, _| {}).await?.to_json(),
                _ => model::score(model, &ids, &mut |_, _| {}).await?.to_json(),
            }
        })
    };
    Ok(on_engine(state, look).await??)
}

/// The number that an option has.
fn count(drawing: &Drawing, given: &[Option<Given>], name: &str) -> Option<usize> {
    let flags = (drawing.flags)();
    let index = flags.iter().position(|flag| flag.name == name)?;
    match (given.get(index)?, flags[index].takes) {
        (Some(Given::Count(count)), _) => Some(*count),
        (_, Takes::Count { default, .. }) => default,
        _ => None,
    }
}

/// The form of a figure.
#[derive(Debug, Clone, Copy)]
enum Format {
    Svg,
    Png,
    Csv,
    Json,
}

impl Format {
    fn of(name: &str) -> Result<Self, ApiError> {
        match name {
            "svg" => Ok(Self::Svg),
            "png" => Ok(Self::Png),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            other => {
                let found = shown::start(other, 40);
                let message = format!("cannot use format: found {found:?}, expected svg, png, csv or json");
                Err(ApiError::field("format", message))
            }
        }
    }

    fn write(self, figure: &Figure, scale: f32) -> Result<(&'static str, Vec<u8>), ApiError> {
        Ok(match self {
            Self::Svg => ("image/svg+xml", figure.svg().into_bytes()),
            Self::Csv => ("text/csv; charset=utf-8", figure.data_csv().into_bytes()),
            Self::Json => ("application/json", figure.data_json().into_bytes()),
            Self::Png => {
                let (width, height) = figure.size();
                let pixels = width * height * f64::from(scale) * f64::from(scale);
                if pixels > MAX_PIXELS as f64 {
                    let message = format!(
                        "the picture is too large: found {pixels:.0} pixels, expected at most {MAX_PIXELS}"
                    );
                    return Err(ApiError::field("scale", message));
                }
                ("image/png", figure.png(scale)?)
            }
        })
    }
}
