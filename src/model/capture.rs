//! Captures values of the forward pass.

use std::collections::BTreeSet;

use super::capture_pass::CapturePass;
use super::load::Model;
use super::point::{self, Part, Point};
use super::spec::DecoderSpec;
use super::taps::{Reader, Row, Span};
use crate::error::{Error, ErrorKind, Result};

/// The values to capture, and the positions to capture them at. A pass computes and copies only the requested values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaptureRequest {
    tensors: Vec<Wanted>,
    positions: Option<BTreeSet<usize>>,
}

/// A requested tensor: the values at one point, or those at several points, stacked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    name: String,
    points: Vec<Point>,
    is_stack: bool,
}

/// Hugging Face's names for several points together. A [`Capture`] uses them as names of tensors.
const STACKS: [&str; 2] = ["hidden_states", "attentions"];

impl CaptureRequest {
    /// Makes a request for the points that `patterns` name. [`Point`] lists the points, and `*` stands for any
    /// characters, as in `layers.*.attn.probs` or `layers.3.*`. `hidden_states` and `attentions` are one tensor each,
    /// as in Hugging Face's outputs. `hidden_states` stacks `embed`, the output of each layer but the last, and
    /// `final_norm`. `attentions` stacks `layers.*.attn.probs`.
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
    /// If a pattern names no point.
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

    /// Restricts the request to these positions, which count from 0. The model does not compute the positions after the
    /// last of them.
    #[must_use]
    pub fn at(mut self, positions: impl IntoIterator<Item = usize>) -> Self {
        self.positions = Some(positions.into_iter().collect());
        self
    }

    /// The name of each tensor.
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

    /// Whether the request includes `position`.
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

/// The values that were captured over a sequence.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Capture {
    /// The token ids of the sequence.
    pub input_ids: Vec<u32>,
    /// The position of each row, counted from 0.
    pub positions: Vec<usize>,
    /// The tensors in the order of the request.
    pub tensors: Vec<Captured>,
}

/// A tensor of a [`Capture`].
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    /// The point's name, `hidden_states` or `attentions`.
    pub name: String,
    /// The shape of [`Point::shape`]. If several points are stacked, their number comes before it.
    pub shape: Vec<usize>,
    /// The elements in row-major order.
    pub values: Vec<f32>,
}

impl Capture {
    /// Runs `model` over `ids` with a KV cache of its own, and keeps the values that `request` names.
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
    /// If `ids` is empty, has an id outside the vocabulary, or is longer than the context; if a requested position is
    /// past the end of `ids`; if the device fails.
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

    /// The tensor with this name, if the request named it.
    pub fn get(&self, name: &str) -> Option<&Captured> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

/// Puts captured rows at their places in the tensors.
#[derive(Debug)]
pub(super) struct Collector {
    pub capture: Capture,
    num_heads: usize,
}

impl Collector {
    /// Makes a collector for the points of `request`, at those of `positions` that the pass over `ids` computes.
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

    /// Reads the values that the pass over `span` captured.
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
                            // The tap has [head, column] for one token. The tensor has [head, token, column].
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
