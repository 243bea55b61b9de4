//! Makes the records for figures of a model's inside: attention weights, and the logit lens.

use std::collections::BTreeSet;

use super::capture::{Capture, CaptureRequest};
use super::capture_pass::CapturePass;
use super::load::Model;
use super::point::{Part, Point};
use super::score::{rank, softmax};
use super::taps::Row;
use crate::error::{Error, Result};
use crate::sampling::Softmax;
use crate::trace::{Attention, HeadWeights, Lens, LensCell, LensLayer, Prompt, Record};

/// The most logits that are held in memory, in elements. Each position of a batch takes a row of the vocabulary.
const MAX_HELD: usize = 32 << 20;

/// Records the attention weights of `layer` over `ids`, for one head or for all heads.
///
/// ```
/// # pollster::block_on(async {
/// use sukashi::{Device, Model};
///
/// let model = Model::embedded(&Device::Cpu)?;
/// let record = sukashi::model::attention(&model, &model.encode("猫である")?, 2, None).await?;
/// assert_eq!((record.heads.len(), record.heads[0].weights[3].len()), (6, 4));
/// # Ok::<(), sukashi::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// If the model has no such layer or head; otherwise as [`Capture::run`].
pub async fn attention(model: &Model, ids: &[u32], layer: usize, head: Option<usize>) -> Result<Attention> {
    let spec = model.spec();
    check_layer_and_head(spec, layer, head)?;
    let name = Point::Layer(layer, Part::Probs).to_string();
    let request = CaptureRequest::new(spec, [&name])?;
    let capture = Capture::run(model, ids, &request).await?;
    let num_tokens = ids.len();
    let probs = capture.get(&name).map_or(&[][..], |captured| &captured.values);
    let rows = |probs: &[f32]| {
        let rows = probs.chunks_exact(num_tokens).enumerate();
        rows.map(|(token, row)| row[..=token].to_vec()).collect()
    };
    let heads = probs
        .chunks_exact(num_tokens * num_tokens)
        .enumerate()
        .filter(|(index, _)| head.is_none_or(|head| head == *index))
        .map(|(head, probs)| HeadWeights { layer, head, weights: rows(probs) })
        .collect();
    Ok(Attention {
        schema: Attention::SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model: model.info()?,
        adapter: model.device().info(),
        prompt: prompt(model, ids),
        num_layers: spec.num_layers,
        num_heads: spec.num_heads,
        heads,
    })
}

/// Checks that a model of this kind has this layer and this head.
///
/// # Errors
/// Bad input with the limit.
pub fn check_layer_and_head(spec: &super::DecoderSpec, layer: usize, head: Option<usize>) -> Result<()> {
    let refused = |what: &str, found: usize, count: usize| {
        Err(Error::input(format!("cannot look at {what} {found}: the model has no such {what}"))
            .detail(format!("expected 0 to {}", count - 1)))
    };
    match head {
        _ if layer >= spec.num_layers => refused("layer", layer, spec.num_layers),
        Some(head) if head >= spec.num_heads => refused("head", head, spec.num_heads),
        _ => Ok(()),
    }
}

/// Records the logit lens: the prediction that each layer's residual stream would give, at `positions` of `ids`. An
/// empty list stands for all positions. `progress` gets the number of finished rows of logits and the number of all
/// rows.
///
/// ```
/// # pollster::block_on(async {
/// use sukashi::{Device, Model};
///
/// let model = Model::embedded(&Device::Cpu)?;
/// let lens = sukashi::model::lens(&model, &model.encode("猫である")?, &[2, 3], &mut |_, _| {}).await?;
/// assert_eq!((lens.layers.len(), lens.layers[0].cells.len()), (1 + 6, 2));
/// // After the last layer, the model says what it says.
/// assert!(lens.layers[6].cells.iter().all(|cell| cell.rank == 1 && cell.kl_bits == 0.0));
/// # Ok::<(), sukashi::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// As [`super::score`]; also if a position is past the end of `ids`.
pub async fn lens(
    model: &Model,
    ids: &[u32],
    positions: &[usize],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Lens> {
    let spec = model.spec();
    let mut points = vec![Point::EmbedLens];
    points.extend((0..spec.num_layers).map(|layer| Point::Layer(layer, Part::Lens)));
    let mut reading = CapturePass::new(model, ids, points.iter().copied().collect())?;
    let positions: BTreeSet<usize> =
        if positions.is_empty() { (0..ids.len()).collect() } else { positions.iter().copied().collect() };
    let Some(&last) = positions.last().filter(|last| **last < ids.len()) else {
        let past = positions.last().copied().unwrap_or_default();
        return Err(Error::input(format!("cannot look at position {past}: the text ends before it"))
            .detail(format!("found {} tokens, expected a position from 0 to {}", ids.len(), ids.len() - 1)));
    };

    let name = |point: &Point| point.tap().map_or_else(String::new, |tap| tap.to_string());
    let mut layers: Vec<LensLayer> =
        points.iter().map(|point| LensLayer { point: name(point), cells: Vec::new() }).collect();
    let batch = reading.batch().min(MAX_HELD / spec.vocab_size).max(1);
    let total = points.len() * positions.len();
    let mut done = 0;
    for (index, chunk) in ids[..=last].chunks(batch).enumerate() {
        let span = reading.submit(chunk, index * batch)?;
        let wanted = |position: usize| positions.contains(&position);
        // The last layer comes first, since the other layers are compared with it.
        let mut finals: Vec<Final> = Vec::new();
        for (&point, layer) in points.iter().zip(&mut layers).rev() {
            let is_final = finals.is_empty();
            let mut row = 0;
            let see = |Row { values, .. }: Row<'_>| {
                if is_final {
                    finals.push(Final::new(values)?);
                }
                layer.cells.push(finals[row].cell(model, values)?);
                row += 1;
                Ok(())
            };
            reading.reader.read(point, span, wanted, see).await?;
            done += row;
            progress(done, total);
        }
    }
    Ok(Lens {
        schema: Lens::SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model: model.info()?,
        adapter: model.device().info(),
        prompt: prompt(model, ids),
        vocab_size: spec.vocab_size,
        positions: positions.into_iter().collect(),
        layers,
    })
}

/// The model's own distribution at a position.
struct Final {
    logits: Vec<f32>,
    softmax: Softmax,
    best: u32,
}

impl Final {
    fn new(logits: &[f32]) -> Result<Self> {
        Ok(Self { logits: logits.to_vec(), softmax: softmax(logits)?, best: argmax(logits) })
    }

    /// Compares a layer's logits with the model's.
    fn cell(&self, model: &Model, logits: &[f32]) -> Result<LensCell> {
        let softmax = softmax(logits)?;
        let best = argmax(logits);
        let kl: f64 = self
            .logits
            .iter()
            .zip(logits)
            .map(|(&own, &other)| {
                let (own, other) = (f64::from(own), f64::from(other));
                let prob = self.softmax.prob(own);
                if prob > 0.0 {
                    prob * (softmax.information(other) - self.softmax.information(own))
                } else {
                    0.0
                }
            })
            .sum();
        Ok(LensCell {
            token: model.token(best),
            prob: softmax.prob(f64::from(logits[best as usize])),
            rank: rank(logits, self.best),
            entropy_bits: softmax.entropy_bits().max(0.0),
            kl_bits: (kl / std::f64::consts::LN_2).max(0.0),
        })
    }
}

/// The lowest id among the greatest logits.
fn argmax(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = id;
        }
    }
    best as u32
}

fn prompt(model: &Model, ids: &[u32]) -> Prompt {
    Prompt { text: model.decode(ids), tokens: ids.iter().map(|&id| model.token(id)).collect() }
}
