//! The forward pass of every family, from token ids to logits.

use super::kv_cache::KvCache;
use super::load::Model;
use super::point::{Part, Point};
use super::spec::{DecoderSpec, Position};
use super::taps::Taps;
use super::weights::{LayerWeights, Linear, NormWeights};
use crate::device::{Buffer, Device, Program, Tensor};
use crate::error::Result;
use crate::kernels::{self, AttentionShape, InputNorm, Lookup, Plan};

/// The buffers and tensors of a pass over up to `max_tokens` tokens.
#[derive(Debug)]
pub(super) struct Activations {
    /// Token ids, `[max_tokens]` words.
    pub ids: Buffer,
    /// Each token's position, `[max_tokens]` words.
    pub positions: Buffer,
    /// The row of each token's keys and values in the KV cache, `[max_tokens]` words.
    pub cache_rows: Buffer,
    /// The residual stream, `[max_tokens, hidden_size]`.
    pub resid: Tensor,
    /// The normed residual stream, `[max_tokens, hidden_size]`.
    normed: Tensor,
    /// Cosines and sines of each position for each rotation, `[max_tokens, head_dim]`.
    pub angles: Vec<Tensor>,
    /// Queries, keys and values, `[max_tokens, (num_heads + 2 * num_kv_heads) * head_dim]`.
    qkv: Tensor,
    /// The heads' outputs, `[max_tokens, num_heads * head_dim]`.
    heads: Tensor,
    /// What attention or the MLP adds to the residual stream, `[max_tokens, hidden_size]`.
    update: Tensor,
    /// The MLP's values before the activation, `[max_tokens, intermediate_size]`. A gated activation has the gates and
    /// then as many values, `[max_tokens, 2 * intermediate_size]`.
    up: Tensor,
    /// The MLP's values after the activation, `[max_tokens, intermediate_size]`.
    activated: Tensor,
}

impl Activations {
    pub(super) fn new(device: &Device, spec: &DecoderSpec, max_tokens: usize) -> Result<Self> {
        let tensor = |label: &str, columns: usize| Tensor::zeros(device, label, max_tokens, columns);
        let attention = attention_shape(spec, 0);
        let num_ropes = match &spec.position {
            Position::Learned => 0,
            Position::Rope(ropes) => ropes.len(),
        };
        let up_size =
            if spec.activation.is_gated() { 2 * spec.intermediate_size } else { spec.intermediate_size };
        Ok(Self {
            ids: device.zeros("ids", max_tokens)?,
            positions: device.zeros("positions", max_tokens)?,
            cache_rows: device.zeros("cache_rows", max_tokens)?,
            resid: tensor("resid", spec.hidden_size)?,
            normed: tensor("normed", spec.hidden_size)?,
            angles: (0..num_ropes).map(|_| tensor("angles", spec.head_dim)).collect::<Result<_>>()?,
            qkv: tensor("qkv", attention.qkv_size())?,
            heads: tensor("heads", spec.num_heads * spec.head_dim)?,
            update: tensor("update", spec.hidden_size)?,
            up: tensor("up", up_size)?,
            activated: tensor("activated", spec.intermediate_size)?,
        })
    }

    /// The most tokens of a pass.
    pub(super) fn max_tokens(&self) -> usize {
        self.ids.len()
    }

    /// Writes each token's position and its row in the KV cache. The positions have the form that the family needs. The
    /// caller keeps `scratch`, so that a decode loop does not allocate.
    pub(super) fn write_places(
        &self,
        device: &Device,
        spec: &DecoderSpec,
        places: impl Iterator<Item = (u32, u32)>,
        scratch: &mut Scratch,
    ) {
        let Scratch { positions, cache_rows, angles } = scratch;
        positions.clear();
        cache_rows.clear();
        for (position, cache_row) in places {
            positions.push(position);
            cache_rows.push(cache_row);
        }
        let num_tokens = positions.len();
        device.write(&self.cache_rows, cache_rows);
        match &spec.position {
            Position::Learned => device.write(&self.positions, positions),
            Position::Rope(ropes) => {
                for (rope, tensor) in ropes.iter().zip(&self.angles) {
                    angles.clear();
                    angles.resize(num_tokens * tensor.stride(), 0.0);
                    rope.angles(positions, tensor.stride(), angles);
                    device.write(tensor.buffer(), bytemuck::cast_slice(angles));
                }
            }
        }
    }
}

/// The memory that [`Activations::write_places`] reuses.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    positions: Vec<u32>,
    cache_rows: Vec<u32>,
    angles: Vec<f32>,
}

/// Records everything but the head, from ids to the residual stream after the last of `num_layers` layers, which is in
/// `a.resid`. `taps` gets copies of the requested values.
pub(super) fn body(
    plan: &mut Plan,
    model: &Model,
    cache: &KvCache,
    a: &Activations,
    taps: &Taps,
    num_layers: usize,
) {
    let (spec, weights) = (model.spec(), model.weights());
    kernels::embedding(plan, &a.ids, &weights.embedding, Lookup::Scaled(spec.embedding_scale), &a.resid);
    if let Some(positions) = &weights.positions {
        kernels::embedding(plan, &a.positions, positions, Lookup::Added, &a.resid);
    }
    taps.copy(plan, Point::Embed, &a.resid);
    for (index, layer) in weights.layers.iter().enumerate().take(num_layers) {
        attention(plan, model, (index, layer), cache, a, taps);
        if !model.ablation().mlps.contains(&index) {
            mlp(plan, spec, (index, layer), a, taps);
        }
        taps.copy(plan, Point::Layer(index, Part::Resid), &a.resid);
    }
}

fn attention(
    plan: &mut Plan,
    model: &Model,
    (index, layer): (usize, &LayerWeights),
    cache: &KvCache,
    a: &Activations,
    taps: &Taps,
) {
    let spec = model.spec();
    let shape = attention_shape(spec, index);
    let caches = cache.layer(index, &a.cache_rows);
    norm(plan, spec, &a.resid, &layer.attn_norm, &a.normed);
    product(plan, &a.normed, &layer.qkv_proj, &a.qkv);
    let qk_norm = layer.qk_norm.as_ref().map(|(q_norm, k_norm)| (q_norm, k_norm, spec.norm.eps()));
    let angles = a.angles.get(spec.layers[index].rope);
    kernels::write_heads(plan, &shape, qk_norm, angles, &a.qkv, caches);
    taps.copy(plan, Point::Layer(index, Part::Q), &a.qkv);
    kernels::attention(plan, &shape, &a.qkv, caches, &cache.partials, &a.heads);
    if let Some(tap) = taps.at(Point::Layer(index, Part::Probs)) {
        kernels::attention_probs(plan, &shape, &a.qkv, caches.k_cache, taps.kv_len(), tap);
    }
    for columns in model.ablation().head_columns(index, spec.head_dim) {
        kernels::zero_columns(plan, &a.heads, columns);
    }
    taps.copy(plan, Point::Layer(index, Part::Heads), &a.heads);
    product(plan, &a.heads, &layer.o_proj, &a.update);
    add_update(plan, spec, layer.post_attn_norm.as_ref(), a, taps.at(Point::Layer(index, Part::AttnOut)));
}

fn mlp(
    plan: &mut Plan,
    spec: &DecoderSpec,
    (index, layer): (usize, &LayerWeights),
    a: &Activations,
    taps: &Taps,
) {
    norm(plan, spec, &a.resid, &layer.mlp_norm, &a.normed);
    product(plan, &a.normed, &layer.up_proj, &a.up);
    plan.activate(spec.activation.epilogue(), &a.up, &a.activated);
    product(plan, &a.activated, &layer.down_proj, &a.update);
    add_update(plan, spec, layer.post_mlp_norm.as_ref(), a, taps.at(Point::Layer(index, Part::MlpOut)));
}

/// Adds `a.update` to the residual stream. Some families norm it before. `tap` gets the added values.
fn add_update(
    plan: &mut Plan,
    spec: &DecoderSpec,
    post_norm: Option<&NormWeights>,
    a: &Activations,
    tap: Option<&Tensor>,
) {
    let mut update = &a.update;
    if let Some(weights) = post_norm {
        norm(plan, spec, update, weights, &a.normed);
        update = &a.normed;
    }
    if let Some(tap) = tap {
        plan.copy(update, tap);
    }
    plan.add(&a.resid, update);
}

/// Compiles the head for one row of a prefill. `Batch::first_row` names the row.
pub(super) fn last_row(model: &Model, a: &Activations, logits: &Tensor) -> Result<Program> {
    let (device, hidden_size) = (model.device(), model.spec().hidden_size);
    let last = Tensor::zeros(device, "last", 1, hidden_size)?;
    let normed = Tensor::zeros(device, "last_normed", 1, hidden_size)?;
    let mut plan = Plan::new(device, model.choices(), 1);
    kernels::select_rows(&mut plan, &a.resid, &last);
    head(&mut plan, model, &last, &normed, logits);
    device.compile(&plan.lower()?.recording)
}

/// Records the head, from rows of the residual stream to logits. `normed` holds the values in between.
pub(super) fn head(plan: &mut Plan, model: &Model, resid: &Tensor, normed: &Tensor, logits: &Tensor) {
    final_norm(plan, model, resid, normed);
    // The norm is not fused into the product. The head is the largest of all products, and each of its many workgroups
    // would compute the norm again.
    kernels::multiply(plan, normed, &model.weights().lm_head, None, logits);
    if let Some(cap) = model.spec().logit_softcap {
        kernels::softcap(plan, cap, logits);
    }
}

/// Records the norm after the last layer.
pub(super) fn final_norm(plan: &mut Plan, model: &Model, resid: &Tensor, normed: &Tensor) {
    norm(plan, model.spec(), resid, &model.weights().final_norm, normed);
}

fn attention_shape(spec: &DecoderSpec, layer_index: usize) -> AttentionShape {
    AttentionShape {
        num_heads: spec.num_heads,
        num_kv_heads: spec.num_kv_heads,
        head_dim: spec.head_dim,
        scale: spec.layers[layer_index].attention_scale,
        window: spec.layers[layer_index].window,
        softcap: spec.attention_softcap,
    }
}

fn norm(plan: &mut Plan, spec: &DecoderSpec, x: &Tensor, weights: &NormWeights, y: &Tensor) {
    let NormWeights { weight, bias } = weights;
    plan.norm(x, InputNorm { weight: weight.clone(), bias: bias.clone(), eps: spec.norm.eps() }, y);
}

fn product(plan: &mut Plan, x: &Tensor, Linear { weight, bias }: &Linear, y: &Tensor) {
    plan.matmul(x, weight, bias.as_ref(), y);
}

#[cfg(all(test, feature = "embedded-model"))]
mod tests {
    use super::*;
    use crate::device::Recording;
    use crate::kernels::variants::{Coverage, Hardware, Variant, variants};
    use crate::kernels::{Choices, Fusion, GemvShape};

    /// The kernels of a plan that `tests/compilers` does not give to compilers.
    fn unknown(recording: &Recording, known: &[Variant]) -> Vec<String> {
        let dispatches = recording.entries.iter().filter_map(|entry| entry.dispatch());
        let unknown = dispatches.filter(|dispatch| {
            !known.iter().any(|known| {
                std::ptr::eq(known.kernel, dispatch.kernel) && known.constants == dispatch.constants
            })
        });
        unknown.map(|dispatch| format!("{} {:?}", dispatch.kernel.name, dispatch.constants)).collect()
    }

    #[test]
    fn compilers_are_given_all_that_a_model_records() {
        let device = &Device::Cpu;
        let model = Model::embedded(device).unwrap();
        let hardware = Hardware { min_subgroup_size: 32, max_subgroup_size: 32, matrix_size: 16 };
        let known = variants(&hardware, Coverage::Some).unwrap();
        for fusion in Fusion::ALL {
            let mut choices = Choices::of(device).with_fusion(fusion);
            // What GPUs have.
            model
                .matmul_shapes()
                .into_iter()
                .for_each(|product| choices.set_gemv_shape(product, GemvShape::GPU));
            let model = model.with_choices(choices.clone()).unwrap();
            let cache = KvCache::new(device, model.spec(), (1, 16), 1).unwrap();
            let a = Activations::new(device, model.spec(), 8).unwrap();
            let normed = Tensor::zeros(device, "normed", 8, model.spec().hidden_size).unwrap();
            let logits = Tensor::zeros(device, "logits", 8, model.spec().vocab_size).unwrap();
            let mut plan = Plan::fused(device, &choices);
            body(&mut plan, &model, &cache, &a, &Taps::default(), model.spec().num_layers);
            head(&mut plan, &model, &a.resid, &normed, &logits);
            assert_eq!(unknown(&plan.lower().unwrap().recording, &known), [""; 0], "{fusion}");
            let mut plan = Plan::new(device, &choices, 8);
            body(&mut plan, &model, &cache, &a, &Taps::default(), model.spec().num_layers);
            head(&mut plan, &model, &a.resid, &normed, &logits);
            assert_eq!(unknown(&plan.lower().unwrap().recording, &known), [""; 0], "{fusion}, of a prompt");
        }
    }
}
