//! Capturing what is on the way from ids to logits.

use std::collections::BTreeSet;

use super::capture_pass::CapturePass;
use super::load::Model;
use super::point::{self, Part, Point};
use super::spec::DecoderSpec;
use super::taps::{Reader, Row, Span};
use crate::error::{Error, ErrorKind, Result};

/// What to capture, and where. Nothing is computed or copied for what is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaptureRequest {
    tensors: Vec<Wanted>,
    positions: Option<BTreeSet<usize>>,
}

/// A tensor that was asked for: what is at one point, or at several, stacked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    name: String,
    points: Vec<Point>,
    is_stack: bool,
}

/// Hugging Face's names for several points at once, which are what they are called in a [`Capture`].
const STACKS: [&str; 2] = ["hidden_states", "attentions"];

impl CaptureRequest {
    /// What `patterns` name: points ([`Point`] lists them) in which `*` stands for any characters, such as
    /// `layers.*.attn.probs` or `layers.3.*`. `hidden_states` (`embed`, what comes out of each layer but the last, and
    /// `final_norm`) and `attentions` (`layers.*.attn.probs`) are one tensor each, as in Hugging Face's outputs.
    ///
    /// ```
    /// use sukashi::model::CaptureRequest;
    /// use sukashi::{Device, Model};
    ///
    /// let model = Model::embedded(&Device::Cpu)?;
    /// let request = CaptureRequest::new(model.spec(), ["layers.*.attn.probs", "logits"])?;
    /// assert_eq!(request.names().count(), 6 + 1);
    /// let error = CaptureRequest::new(model.spec(), ["layers.6.resid"]).unwrap_err();
    /// assert!(error.to_string().contains("layers 0 to 5"));
    /// # Ok::<(), sukashi::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a pattern names nothing.
    pub fn new<P: AsRef<str>>(spec: &DecoderSpec, patterns: impl IntoIterator<Item = P>) -> Result<Self> {
        let all = Point::all(spec);
        let mut request = Self::default();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            if STACKS.contains(&pattern) {
                request.push(Wanted {
                    name: pattern.to_owned(),
                    points: stacked(spec, pattern),
                    is_stack: true,
                });
                continue;
            }
            let mut named = all.iter().filter(|point| point::matches(pattern, &point.to_string())).peekable();
            if named.peek().is_none() {
                return Err(unknown(spec, pattern));
            }
            for &point in named {
                request.push(Wanted { name: point.to_string(), points: vec![point], is_stack: false });
            }
        }
        Ok(request)
    }

    /// Only at these positions, counted from 0. What comes after the last of them is not computed.
    #[must_use]
    pub fn at(mut self, positions: impl IntoIterator<Item = usize>) -> Self {
        self.positions = Some(positions.into_iter().collect());
        self
    }

    /// What each tensor will be called.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().map(|wanted| wanted.name.as_str())
    }

    fn push(&mut self, wanted: Wanted) {
        if !self.tensors.contains(&wanted) {
            self.tensors.push(wanted);
        }
    }

    pub(super) fn points(&self) -> BTreeSet<Point> {
        self.tensors.iter().flat_map(|wanted| &wanted.points).copied().collect()
    }

    /// Whether what is at `position` is asked for.
    pub(super) fn is_wanted(&self, position: usize) -> bool {
        self.positions.as_ref().is_none_or(|positions| positions.contains(&position))
    }
}

fn stacked(spec: &DecoderSpec, name: &str) -> Vec<Point> {
    if name == "attentions" {
        return (0..spec.num_layers).map(|layer| Point::Layer(layer, Part::Probs)).collect();
    }
    let layers = (0..spec.num_layers.saturating_sub(1)).map(|layer| Point::Layer(layer, Part::Resid));
    [Point::Embed].into_iter().chain(layers).chain([Point::FinalNorm]).collect()
}

fn unknown(spec: &DecoderSpec, pattern: &str) -> Error {
    let parts: Vec<String> = Point::all(spec)
        .iter()
        .filter(|point| matches!(point, Point::Layer(0, _)))
        .map(|point| point.to_string().replacen("layers.0", "layers.N", 1))
        .collect();
    Error::input(format!("cannot capture {pattern:?}: nothing has this name"))
        .detail(format!(
            "expected embed, embed.lens, {}, final_norm, logits, {}",
            parts.join(", "),
            STACKS.join(", ")
        ))
        .detail(format!("the model has layers 0 to {}; * stands for any characters", spec.num_layers - 1))
}

/// What was captured over a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Capture {
    /// The text.
    pub input_ids: Vec<u32>,
    /// The position, counted from 0, that each row is about.
    pub positions: Vec<usize>,
    /// In the order in which they were asked for.
    pub tensors: Vec<Captured>,
}

/// A tensor of a [`Capture`].
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    /// The point's name, `hidden_states` or `attentions`.
    pub name: String,
    /// As [`Point::shape`], after the number of points where several are stacked.
    pub shape: Vec<usize>,
    /// The elements, the last dimension contiguous.
    pub values: Vec<f32>,
}

impl Capture {
    /// Runs `model` over `ids` in a cache of its own and keeps what `request` asks for.
    ///
    /// ```
    /// # pollster::block_on(async {
    /// use sukashi::model::{Capture, CaptureRequest};
    /// use sukashi::{Device, Model};
    ///
    /// let model = Model::embedded(&Device::Cpu)?;
    /// let ids = model.encode("猫である")?;
    /// let request = CaptureRequest::new(model.spec(), ["layers.2.attn.probs", "logits"])?.at([3]);
    /// let capture = Capture::run(&model, &ids, &request).await?;
    /// let probs = capture.get("layers.2.attn.probs").expect("it was asked for");
    /// assert_eq!(probs.shape, [6, 1, 4]);
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If `ids` is empty, has an id outside the vocabulary, or is longer than the context; if a position is past its
    /// end; if the device fails.
    pub async fn run(model: &Model, ids: &[u32], request: &CaptureRequest) -> Result<Self> {
        let mut reading = CapturePass::new(model, ids, request.points())?;
        if let Some(past) = request.positions.iter().flatten().find(|position| **position >= ids.len()) {
            return Err(Error::input(format!("cannot capture at position {past}: the text ends before it"))
                .detail(format!(
                    "found {} tokens, expected a position from 0 to {}",
                    ids.len(),
                    ids.len() - 1
                )));
        }
        let num_needed = match &request.positions {
            Some(positions) => positions.last().map_or(0, |last| last + 1),
            None => ids.len(),
        };
        let mut collector = Collector::new(model, request, ids.to_vec(), 0..ids.len())?;
        let batch = reading.batch();
        for (index, chunk) in ids[..num_needed].chunks(batch).enumerate() {
            let span = reading.submit(chunk, index * batch)?;
            collector.read(request, &mut reading.reader, span).await?;
        }
        Ok(collector.capture)
    }

    /// The tensor of this name, if it was asked for.
    pub fn get(&self, name: &str) -> Option<&Captured> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

/// Puts rows at their places.
#[derive(Debug)]
pub(super) struct Collector {
    pub capture: Capture,
    num_heads: usize,
}

impl Collector {
    /// For what `request` wants at those of the `positions` that are computed of `ids`.
    pub(super) fn new(
        model: &Model,
        request: &CaptureRequest,
        input_ids: Vec<u32>,
        positions: std::ops::Range<usize>,
    ) -> Result<Self> {
        let spec = model.spec();
        let positions: Vec<usize> = positions.filter(|position| request.is_wanted(*position)).collect();
        let mut tensors = Vec::with_capacity(request.tensors.len());
        for Wanted { name, points, is_stack } in &request.tensors {
            let mut shape = points
                .first()
                .map_or_else(Vec::new, |point| point.shape(spec, positions.len(), input_ids.len()));
            if *is_stack {
                shape.insert(0, points.len());
            }
            tensors.push(Captured { name: name.clone(), values: zeros(name, &shape)?, shape });
        }
        Ok(Self { capture: Capture { input_ids, positions, tensors }, num_heads: spec.num_heads })
    }

    /// Reads what was captured in the pass over `span`.
    pub(super) async fn read(
        &mut self,
        request: &CaptureRequest,
        reader: &mut Reader,
        span: Span,
    ) -> Result<()> {
        let Self { capture: Capture { input_ids, positions, tensors }, num_heads } = self;
        for point in reader.points().clone() {
            let put = |row: Row<'_>| {
                let Ok(index) = positions.binary_search(&row.position) else { return Ok(()) };
                for (Captured { values, .. }, wanted) in tensors.iter_mut().zip(&request.tensors) {
                    let part_size = values.len() / wanted.points.len().max(1);
                    for (values, _) in values
                        .chunks_exact_mut(part_size.max(1))
                        .zip(&wanted.points)
                        .filter(|(_, wanted)| **wanted == point)
                    {
                        match point {
                            // [head, column] of one token, which is [head, token, column] of all.
                            Point::Layer(_, Part::Probs) => {
                                let kv_len = row.values.len() / *num_heads;
                                let rows = row.values.chunks_exact(kv_len);
                                for (head, probs) in rows.enumerate() {
                                    let at = (head * positions.len() + index) * input_ids.len();
                                    values[at..at + input_ids.len()]
                                        .copy_from_slice(&probs[..input_ids.len()]);
                                }
                            }
                            _ => {
                                let size = row.values.len();
                                values[index * size..][..size].copy_from_slice(row.values);
                            }
                        }
                    }
                }
                Ok(())
            };
            reader.read(point, span, |position| request.is_wanted(position), put).await?;
        }
        Ok(())
    }
}

fn zeros(name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    let size = shape.iter().try_fold(1_usize, |size, next| size.checked_mul(*next));
    let failed = || Error::new(ErrorKind::OutOfMemory, format!("no room for {name}, {shape:?} elements"));
    let size = size.ok_or_else(failed)?;
    let mut values = Vec::new();
    values.try_reserve_exact(size).map_err(|cause| failed().caused_by(cause))?;
    values.resize(size, 0.0);
    Ok(values)
}
