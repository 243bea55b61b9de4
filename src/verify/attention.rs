//! Cases of attention and of what prepares it.

use super::case::{AttentionCase, Values};
use super::inputs::{Inputs, Padding};
use super::setup::{EPS, SPARE_ROWS, Setup, plan};
use crate::device::Device;
use crate::error::Result;
use crate::kernels::{self, AttentionShape, AttentionTile, Caches, Plan};

/// Where the tokens of a case stand in caches of several texts, of which the first is empty.
struct Places {
    /// Tokens of each text.
    lens: Vec<usize>,
    /// Rows of each text.
    max_seq_len: usize,
    /// Of each token.
    cache_rows: Vec<u32>,
}

impl Places {
    fn new(position: usize, num_tokens: usize, own_texts: bool) -> Self {
        let kv_len = position + num_tokens;
        let max_seq_len = kv_len + SPARE_ROWS;
        if !own_texts {
            let first = (max_seq_len + position) as u32;
            let cache_rows = (first..).take(num_tokens).collect();
            return Self { lens: vec![0, kv_len], max_seq_len, cache_rows };
        }
        // The first token in the last text, and all at different lengths.
        let mut lens = vec![0; 1 + num_tokens];
        let row = |token: usize| {
            let (text, position) = (num_tokens - token, (position + 13 * token) % kv_len);
            lens[text] = position + 1;
            (text * max_seq_len + position) as u32
        };
        let cache_rows = (0..num_tokens).map(row).collect();
        Self { lens, max_seq_len, cache_rows }
    }

    fn longest(&self) -> usize {
        self.lens.iter().copied().max().unwrap_or(0)
    }
}

pub(super) fn build(device: &Device, kernel: &str, case: &AttentionCase) -> Result<Setup> {
    let AttentionCase { position, num_tokens, num_heads, num_kv_heads, head_dim, window, softcap, .. } =
        *case;
    let AttentionCase { tile, own_texts, values, .. } = *case;
    let scale = 1.0 / (head_dim as f32).sqrt();
    let shape = AttentionShape { num_heads, num_kv_heads, head_dim, scale, window, softcap };
    let mut inputs = Inputs::new(device);
    let (mut plan, mut batch) = plan(device, num_tokens);
    let places = Places::new(position, num_tokens, own_texts);
    let (max_seq_len, num_texts) = (places.max_seq_len, places.lens.len());
    batch.position = position as u32;
    if own_texts {
        plan = Plan::of_texts(device, plan.choices(), num_tokens);
        batch.position = places.longest() as u32 - 1;
    }
    let cache_rows = &device.upload("cache_rows", &places.cache_rows)?;
    let rows = num_tokens + SPARE_ROWS;
    let kv_len = position + num_tokens;
    let value = |ordinary: f32| match values {
        Values::Large => 16.0 * ordinary,
        _ => values.of(ordinary),
    };
    let qkv = (rows, num_tokens, shape.qkv_size());
    let cache = (num_texts * max_seq_len, shape.kv_size());
    let texts = (&places.lens[..], max_seq_len);
    // Any numbers do for cosines and sines.
    let angles = |inputs: &mut Inputs<'_>| {
        inputs.tensor("angles", (rows, num_tokens, shape.head_dim), Padding::Poison, |value| value)
    };
    if ["norm_rope_write", "qk_norm", "rope"].contains(&kernel) {
        let qkv = inputs.in_place("qkv", qkv, value)?;
        if kernel == "rope" {
            let angles = angles(&mut inputs)?;
            kernels::rope(&mut plan, &shape, &angles, &qkv.tensor);
            return Ok(Setup { plan, batch, outputs: vec![qkv] });
        }
        let q_weight = inputs.vector("q_weight", shape.head_dim)?;
        let k_weight = inputs.vector("k_weight", shape.head_dim)?;
        if kernel == "qk_norm" {
            kernels::qk_norm(&mut plan, &shape, (&q_weight, &k_weight), EPS, &qkv.tensor);
            return Ok(Setup { plan, batch, outputs: vec![qkv] });
        }
        let angles = angles(&mut inputs)?;
        let k_cache = inputs.output("k_cache", cache.0, cache.1)?;
        let v_cache = inputs.output("v_cache", cache.0, cache.1)?;
        let caches = Caches { k_cache: &k_cache.tensor, v_cache: &v_cache.tensor, cache_rows, max_seq_len };
        // Heads without a window or a cap to tell them apart: half of them are normed.
        let norm = shape.num_heads.is_multiple_of(2).then_some((&q_weight, &k_weight, EPS));
        kernels::norm_rope_write(&mut plan, &shape, norm, &angles, &qkv.tensor, caches);
        return Ok(Setup { plan, batch, outputs: vec![qkv, k_cache, v_cache] });
    }
    if kernel == "attention_merge" {
        let split_len = tile.split_len.unwrap_or(1);
        let max_splits = kv_len.div_ceil(split_len as usize).max(2);
        let size = num_tokens * shape.num_heads * max_splits * (shape.head_dim + 2);
        // Sums of weights are positive.
        let partials =
            inputs.tensor("partials", (1, 1, size), Padding::Poison, |ordinary| value(ordinary).abs())?;
        let y = inputs.output("y", rows, shape.num_heads * shape.head_dim)?;
        let splits = (split_len, max_splits);
        kernels::attention_merge(&mut plan, &shape, splits, &partials, (cache_rows, max_seq_len), &y.tensor);
        return Ok(Setup { plan, batch, outputs: vec![y] });
    }
    let qkv = inputs.tensor("qkv", qkv, Padding::Poison, value)?;
    let outputs = match kernel {
        "attention" | "attention_subgroups" => {
            let k_cache = inputs.cache("k_cache", texts, cache.1)?;
            let v_cache = inputs.cache("v_cache", texts, cache.1)?;
            let y = inputs.output("y", rows, shape.num_heads * shape.head_dim)?;
            let tile = AttentionTile { subgroups: kernel == "attention_subgroups", ..tile };
            let max_splits = tile.max_splits(&shape, max_seq_len, plan.tokens_of_text());
            let size = num_tokens * shape.num_heads * max_splits * (shape.head_dim + 2);
            let partials = inputs.output("partials", 1, size)?;
            let caches = Caches { k_cache: &k_cache, v_cache: &v_cache, cache_rows, max_seq_len };
            kernels::attention_tiled(&mut plan, tile, &shape, &qkv, caches, &partials.tensor, &y.tensor);
            vec![y, partials]
        }
        "attention_probs" => {
            let cache = (kv_len + SPARE_ROWS, kv_len, cache.1);
            let k_cache = inputs.tensor("k_cache", cache, Padding::Poison, |value| value)?;
            let columns = kv_len + SPARE_ROWS;
            let probs = inputs.output("probs", 1, rows * shape.num_heads * columns)?;
            kernels::attention_probs(&mut plan, &shape, &qkv, &k_cache, columns, &probs.tensor);
            vec![probs]
        }
        "kv_write" => {
            let k_cache = inputs.output("k_cache", cache.0, cache.1)?;
            let v_cache = inputs.output("v_cache", cache.0, cache.1)?;
            let caches =
                Caches { k_cache: &k_cache.tensor, v_cache: &v_cache.tensor, cache_rows, max_seq_len };
            kernels::kv_write(&mut plan, &qkv, caches);
            vec![k_cache, v_cache]
        }
        _ => panic!("{kernel} is no attention"),
    };
    Ok(Setup { plan, batch, outputs })
}
