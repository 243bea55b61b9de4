//! The forward pass, once for every family: from token ids to logits.

use super::kv_cache::KvCache;
use super::spec::{Activation, DecoderSpec, Norm};
use super::weights::{DecoderWeights, Linear, NormWeights};
use crate::device::{Buffer, Device};
use crate::error::Result;
use crate::kernels::{self, AttentionShape, Lookup, Plan};
use crate::tensor::{Matrix, Tensor};

/// What a pass reads and writes on its way, for up to `max_tokens` tokens.
#[derive(Debug)]
pub(super) struct Activations {
    /// Token ids, `[max_tokens]` words.
    pub ids: Buffer,
    /// Each token's position, `[max_tokens]` words.
    pub positions: Buffer,
    /// The residual stream, `[max_tokens, hidden_size]`.
    pub resid: Tensor,
    /// What a norm leaves of it, `[max_tokens, hidden_size]`.
    pub normed: Tensor,
    /// Queries, keys and values, `[max_tokens, (num_heads + 2 * num_kv_heads) * head_dim]`.
    qkv: Tensor,
    /// What the heads bring together, `[max_tokens, num_heads * head_dim]`.
    heads: Tensor,
    /// What attention or the MLP adds to the residual stream, `[max_tokens, hidden_size]`.
    update: Tensor,
    /// Inside the MLP before and after the activation, `[max_tokens, intermediate_size]`.
    up: Tensor,
    activated: Tensor,
}

impl Activations {
    pub(super) fn new(device: &Device, spec: &DecoderSpec, max_tokens: usize) -> Result<Self> {
        let tensor = |label: &str, columns: usize| Tensor::zeros(device, label, max_tokens, columns);
        let attention = attention_shape(spec, 0);
        Ok(Self {
            ids: device.zeros("ids", max_tokens)?,
            positions: device.zeros("positions", max_tokens)?,
            resid: tensor("resid", spec.hidden_size)?,
            normed: tensor("normed", spec.hidden_size)?,
            qkv: tensor("qkv", attention.qkv_size())?,
            heads: tensor("heads", spec.num_heads * spec.head_dim)?,
            update: tensor("update", spec.hidden_size)?,
            up: tensor("up", spec.intermediate_size)?,
            activated: tensor("activated", spec.intermediate_size)?,
        })
    }
}

/// Where a pass leaves copies of what is on its way, if somebody asked for them.
#[derive(Debug, Default)]
pub(super) struct Taps {
    /// Entry `l` takes what enters layer `l`, `[max_tokens, hidden_size]`; empty if not asked for.
    pub hidden_states: Vec<Tensor>,
    /// Entry `l` takes the attention weights of layer `l`, `[max_tokens * num_heads * columns]`; empty if not asked for.
    pub attentions: Vec<Tensor>,
    /// Columns of an attention row.
    pub columns: usize,
}

/// Records everything but the head: ids to the residual stream after the last layer.
pub(super) fn body(
    plan: &mut Plan,
    spec: &DecoderSpec,
    weights: &DecoderWeights,
    cache: &KvCache,
    a: &Activations,
    taps: &Taps,
) {
    kernels::embedding(plan, &a.ids, &weights.embedding, Lookup::Scaled(1.0), &a.resid);
    if let Some(positions) = &weights.positions {
        kernels::embedding(plan, &a.positions, positions, Lookup::Added, &a.resid);
    }
    for (index, layer) in weights.layers.iter().enumerate() {
        if let Some(tap) = taps.hidden_states.get(index) {
            plan.copy(&a.resid, tap);
        }
        let attention = attention_shape(spec, index);
        let (k_cache, v_cache) = &cache.layers[index];
        norm(plan, spec, &a.resid, &layer.attn_norm, &a.normed);
        linear(plan, &a.normed, &layer.qkv_proj, &a.qkv);
        kernels::kv_write(plan, &a.qkv, k_cache, v_cache);
        kernels::attention(plan, &attention, &a.qkv, (k_cache, v_cache), &a.heads);
        if let Some(tap) = taps.attentions.get(index) {
            kernels::attention_probs(plan, &attention, &a.qkv, k_cache, taps.columns, tap);
        }
        linear(plan, &a.heads, &layer.o_proj, &a.update);
        kernels::add(plan, &a.resid, &a.update);

        norm(plan, spec, &a.resid, &layer.mlp_norm, &a.normed);
        linear(plan, &a.normed, &layer.up_proj, &a.up);
        match spec.activation {
            Activation::GeluTanh => kernels::gelu_tanh(plan, &a.up, &a.activated),
            Activation::GeluErf => kernels::gelu_erf(plan, &a.up, &a.activated),
        }
        linear(plan, &a.activated, &layer.down_proj, &a.update);
        kernels::add(plan, &a.resid, &a.update);
    }
}

/// Records the head: rows of the residual stream to logits, by way of `normed`.
pub(super) fn head(
    plan: &mut Plan,
    spec: &DecoderSpec,
    weights: &DecoderWeights,
    resid: &Tensor,
    normed: &Tensor,
    logits: &Tensor,
) {
    final_norm(plan, spec, weights, resid, normed);
    product(plan, normed, &weights.lm_head, None, logits);
}

/// Records the norm after the last layer.
pub(super) fn final_norm(
    plan: &mut Plan,
    spec: &DecoderSpec,
    weights: &DecoderWeights,
    resid: &Tensor,
    normed: &Tensor,
) {
    norm(plan, spec, resid, &weights.final_norm, normed);
}

fn attention_shape(spec: &DecoderSpec, layer_index: usize) -> AttentionShape {
    AttentionShape {
        num_heads: spec.num_heads,
        num_kv_heads: spec.num_kv_heads,
        head_dim: spec.head_dim,
        scale: spec.attention_scales[layer_index],
    }
}

fn norm(plan: &mut Plan, spec: &DecoderSpec, x: &Tensor, weights: &NormWeights, y: &Tensor) {
    match spec.norm {
        Norm::LayerNorm { eps } => kernels::layer_norm(plan, x, &weights.weight, &weights.bias, eps, y),
    }
}

fn linear(plan: &mut Plan, x: &Tensor, linear: &Linear, y: &Tensor) {
    product(plan, x, &linear.weight, Some(&linear.bias), y);
}

/// One token reads every weight once and is done; many tokens share what they read.
fn product(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    if plan.max_tokens() == 1 {
        kernels::gemv(plan, x, weight, bias, y);
    } else {
        kernels::gemm(plan, x, weight, bias, y);
    }
}
