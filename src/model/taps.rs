//! Copies values of the forward pass on the device, and reads them back.

use std::collections::{BTreeMap, BTreeSet};

use super::forward::{self, Activations};
use super::load::Model;
use super::point::{Part, Point};
use crate::device::{Device, Program, Readback, Tensor};
use crate::dispatch::Batch;
use crate::error::Result;
use crate::kernels::{self, Plan};

/// The tensors into which a pass copies values. The default has none.
#[derive(Debug, Default)]
pub(super) struct Taps {
    tensors: BTreeMap<Point, Tensor>,
    kv_len: usize,
}

impl Taps {
    /// Makes tensors for `points`, for batches of up to `max_tokens` tokens of a sequence of up to `kv_len` tokens.
    fn new(model: &Model, points: &BTreeSet<Point>, (max_tokens, kv_len): (usize, usize)) -> Result<Self> {
        let (device, spec) = (model.device(), model.spec());
        let mut tensors = BTreeMap::new();
        for point in points.iter().filter_map(|point| point.tap()) {
            let (rows, columns) = match point {
                // Rows have the length of the sequence, without padding.
                Point::Layer(_, Part::Probs) => (1, max_tokens * spec.num_heads * kv_len),
                Point::Layer(_, Part::Q) => {
                    (max_tokens, (spec.num_heads + 2 * spec.num_kv_heads) * spec.head_dim)
                }
                Point::Layer(_, Part::Heads) => (max_tokens, spec.num_heads * spec.head_dim),
                _ => (max_tokens, spec.hidden_size),
            };
            if let std::collections::btree_map::Entry::Vacant(entry) = tensors.entry(point) {
                entry.insert(Tensor::zeros(device, &point.to_string(), rows, columns)?);
            }
        }
        Ok(Self { tensors, kv_len })
    }

    /// The tensor for the values at `point`, if the request needs it.
    pub(super) fn at(&self, point: Point) -> Option<&Tensor> {
        self.tensors.get(&point)
    }

    /// Records a copy of the values at `point`, if the request needs it.
    pub(super) fn copy(&self, plan: &mut Plan, point: Point, value: &Tensor) {
        if let Some(tap) = self.at(point) {
            plan.copy(value, tap);
        }
    }

    /// The columns of a row of attention weights.
    pub(super) fn kv_len(&self) -> usize {
        self.kv_len
    }
}

/// The tokens of a submitted pass: the position of the first one, and their number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub position: usize,
    pub num_tokens: usize,
}

/// The captured values at one position: `[num_heads, kv_len]` for attention weights, and one row for other points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub position: usize,
    pub values: &'a [f32],
}

/// Reads captured values back, batch by batch.
#[derive(Debug)]
pub(super) struct Reader {
    device: Device,
    points: BTreeSet<Point>,
    taps: Taps,
    /// The programs that compute `normed` or `logits` from the rows of a tap.
    heads: BTreeMap<Point, Program>,
    normed: Tensor,
    logits: Tensor,
    readback: Readback,
    head_size: usize,
    kv_size: usize,
    num_heads: usize,
}

/// The 32-bit words for a token of `points` on the device, in a sequence of up to `kv_len` tokens. The first number
/// counts all taps, and the second counts the largest tensor of a binding.
pub(super) fn words_per_token(model: &Model, points: &BTreeSet<Point>, kv_len: usize) -> (usize, usize) {
    let spec = model.spec();
    let (mut all, mut largest) = (0, spec.hidden_size);
    for point in points {
        let words = match point {
            Point::Layer(_, Part::Probs) => spec.num_heads * kv_len,
            Point::Layer(_, Part::Q) => (spec.num_heads + 2 * spec.num_kv_heads) * spec.head_dim,
            Point::Layer(_, Part::Heads) => spec.num_heads * spec.head_dim,
            point if point.is_logits() => spec.vocab_size,
            _ => spec.hidden_size,
        };
        // The logits of all points share one tensor.
        all += if point.is_logits() { spec.hidden_size } else { words };
        largest = largest.max(words);
    }
    if points.iter().any(|point| point.is_logits()) {
        all += spec.vocab_size;
    }
    (all, largest)
}

impl Reader {
    /// Makes a reader for batches of up to `max_tokens` tokens of a sequence of up to `kv_len` tokens. The batches end
    /// at `resid`.
    pub(super) fn new(
        model: &Model,
        points: BTreeSet<Point>,
        activations: &Activations,
        (max_tokens, kv_len): (usize, usize),
    ) -> Result<Self> {
        let (device, spec) = (model.device(), model.spec());
        let taps = Taps::new(model, &points, (max_tokens, kv_len))?;
        let rows = |label, wanted: bool, columns| {
            Tensor::zeros(device, label, if wanted { max_tokens } else { 1 }, columns)
        };
        let has_logits = points.iter().any(|point| point.is_logits());
        let has_head = has_logits || points.contains(&Point::FinalNorm);
        let selected = rows("selected", has_head, spec.hidden_size)?;
        let normed = rows("normed", has_head, spec.hidden_size)?;
        let logits = rows("logits", has_logits, if has_logits { spec.vocab_size } else { 1 })?;
        let mut heads = BTreeMap::new();
        for &point in points.iter().filter(|point| point.is_logits() || **point == Point::FinalNorm) {
            let resid = point.tap().and_then(|tap| taps.at(tap)).unwrap_or(&activations.resid);
            let mut plan = Plan::new(device, model.choices(), max_tokens);
            kernels::select_rows(&mut plan, resid, &selected);
            match point {
                Point::FinalNorm => forward::final_norm(&mut plan, model, &selected, &normed),
                _ => forward::head(&mut plan, model, &selected, &normed, &logits),
            }
            heads.insert(point, device.compile(&plan.lower()?.recording)?);
        }
        let words = taps.tensors.values().chain([&normed, &logits]).map(|tensor| tensor.buffer().len());
        let readback = Readback::new(device, words.max().unwrap_or(0))?;
        Ok(Self {
            device: device.clone(),
            points,
            taps,
            heads,
            normed,
            logits,
            readback,
            head_size: spec.num_heads * spec.head_dim,
            kv_size: spec.num_kv_heads * spec.head_dim,
            num_heads: spec.num_heads,
        })
    }

    pub(super) fn taps(&self) -> &Taps {
        &self.taps
    }

    /// The points that the reader can read.
    pub(super) fn points(&self) -> &BTreeSet<Point> {
        &self.points
    }

    /// Calls `see` with the values at `point` that the pass over `span` captured, for the `wanted` positions in their
    /// order.
    ///
    /// # Panics
    /// If the reader was not made for `point`.
    pub(super) async fn read(
        &mut self,
        point: Point,
        span: Span,
        wanted: impl Fn(usize) -> bool,
        mut see: impl FnMut(Row<'_>) -> Result<()>,
    ) -> Result<()> {
        assert!(self.points.contains(&point), "{point} was not asked for");
        let mut first = 0;
        while first < span.num_tokens {
            // Neighbouring positions are read together.
            let is_wanted = |token: &usize| wanted(span.position + token);
            let Some(start) = (first..span.num_tokens).find(is_wanted) else { break };
            let end = (start..span.num_tokens).find(|token| !is_wanted(token)).unwrap_or(span.num_tokens);
            self.read_rows(point, (start, end), |token, values| {
                see(Row { position: span.position + token, values })
            })
            .await?;
            first = end;
        }
        Ok(())
    }

    /// Reads the rows `start..end` of the last pass.
    async fn read_rows(
        &mut self,
        point: Point,
        (start, end): (usize, usize),
        mut see: impl FnMut(usize, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let Self { device, taps, heads, normed, logits, readback, .. } = self;
        let mut recorder = device.record();
        let (tensor, first) = match (heads.get(&point), point.tap().and_then(|tap| taps.at(tap))) {
            (Some(head), _) => {
                let num_tokens = (end - start) as u32;
                head.run(Batch { num_tokens, first_row: start as u32, ..Batch::default() }, &mut recorder);
                (if point == Point::FinalNorm { &*normed } else { &*logits }, start)
            }
            (None, Some(tap)) => (tap, 0),
            (None, None) => return Ok(()),
        };
        let (stride, columns) = match point {
            Point::Layer(_, Part::Probs) => {
                let row = self.num_heads * taps.kv_len;
                (row, 0..row)
            }
            Point::Layer(_, Part::Q) => (tensor.stride(), 0..self.head_size),
            Point::Layer(_, Part::K) => (tensor.stride(), self.head_size..self.head_size + self.kv_size),
            Point::Layer(_, Part::V) => {
                (tensor.stride(), self.head_size + self.kv_size..self.head_size + 2 * self.kv_size)
            }
            _ => (tensor.stride(), 0..tensor.columns()),
        };
        let words = (end - first) * stride;
        let words = readback.submit_and_read(recorder, tensor.buffer(), words).await?;
        let values: &[f32] = bytemuck::cast_slice(words);
        for (token, row) in (first..end).zip(values.chunks_exact(stride)).filter(|(token, _)| *token >= start)
        {
            see(token, &row[columns.clone()])?;
        }
        Ok(())
    }
}
