//! `attention`: causal attention of new tokens over the KV cache.

use super::attention_tile::AttentionTile;
use super::{attention_merge, attention_subgroups};
use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::error::Result;
use crate::kernels::sweep::{Case, KernelSweep, Output, Padding, Scene, cases};
use crate::kernels::{Caches, Plan};

/// The layout of heads in rows, and the treatment of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionShape {
    /// The number of query heads.
    pub num_heads: usize,
    /// The number of key and value heads, a divisor of `num_heads`.
    pub num_kv_heads: usize,
    /// The channels of a head.
    pub head_dim: usize,
    /// The factor of scores, usually `1 / sqrt(head_dim)`.
    pub scale: f32,
    /// The number of positions that a token sees, its own included: 1 or more; `None` for all.
    pub window: Option<usize>,
    /// The soft cap of scores, a number above 0; `None` for no cap.
    pub softcap: Option<f32>,
}

impl AttentionShape {
    /// The columns of rows with queries, keys and values.
    pub fn qkv_size(&self) -> usize {
        (self.num_heads + 2 * self.num_kv_heads) * self.head_dim
    }

    /// The columns of a cache.
    pub fn kv_size(&self) -> usize {
        self.num_kv_heads * self.head_dim
    }

    /// The uniforms `window` and `softcap`. 0 stands for none.
    ///
    /// # Panics
    /// If the window is 0, or if the cap is not a positive number.
    pub(super) fn window_and_softcap(&self, kernel: &str) -> (u32, f32) {
        assert!(self.window != Some(0), "{kernel}: window");
        assert!(self.softcap.is_none_or(|cap| cap > 0.0), "{kernel}: softcap");
        // A window that does not fit into a u32 is wider than any sequence.
        let window = self.window.map_or(0, |window| u32::try_from(window).unwrap_or(u32::MAX));
        (window, self.softcap.unwrap_or(0.0))
    }
}

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Params {
    num_heads: u32,
    num_kv_heads: u32,
    head_dim: u32,
    qkv_stride: u32,
    kv_stride: u32,
    y_stride: u32,
    scale: f32,
    window: u32,
    softcap: f32,
    split_len: u32,
    max_splits: u32,
    block_tokens: u32,
    max_seq_len: u32,
}

pub(super) const BUFFERS: &[Access] =
    &[Access::Read, Access::Read, Access::Read, Access::Read, Access::ReadWrite, Access::ReadWrite];

pub(super) static KERNEL: Kernel = Kernel {
    name: "attention",
    wgsl: include_str!("../../shaders/resolved/attention.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: BUFFERS,
    twin: |call| compute(call, cpu::attention),
    fast: |call| compute(call, cpu::fast::attention),
    tolerance: TOLERANCE,
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::attended(true),
    set_up: |scene, case| set_up(scene, case, false),
    atol_factor: Case::atol_factor_of_partials,
    mistakes: &[
        (
            "vec4<u32>(first_position + 1u) + low / shared_by",
            "vec4<u32>(first_position + 2u) + low / shared_by",
            "sees the next token",
        ),
        (
            "vec4<u32>(first_position + 1u) + high / shared_by",
            "vec4<u32>(first_position) + high / shared_by",
            "does not see itself",
        ),
        ("vec4<u32>(kv_head * shared_by) + low", "vec4<u32>(kv_head) + low", "heads"),
        ("cache_rows[first_token]", "cache_rows[0]", "every token in the first one's place"),
        ("text_start + kv_head", "kv_head", "the first text's keys and values"),
        (
            "(token * params.num_heads + head) * params.max_splits + split)",
            "head * params.max_splits + split)",
            "splits of one token for all",
        ),
        ("sums.low * low_rescale", "sums.low", "the sum of earlier chunks not rescaled"),
        ("sum.row5 *= high_rescale.y;", "", "the values of earlier chunks not rescaled"),
        (
            "min(kv_len, vec4<u32>(params.window))",
            "min(kv_len, vec4<u32>(params.window + 1u))",
            "a window that is one too wide",
        ),
        ("params.window > 0u", "false", "no window"),
        ("if params.softcap > 0.0", "if false", "no cap"),
        ("(tile_end - 1u) / params.split_len", "tile_end / params.split_len", "a split too many"),
        ("min(tile_end, split_start + params.split_len)", "tile_end", "splits that overlap"),
        ("4u * vector + 12u", "4u * vector + 8u", "another vector of the key"),
        ("min(chunk + j3, last)", "min(chunk + j2, last)", "another position's value"),
        ("partials[end - 2u] = max_score", "partials[end - 2u] = 0.0", "a split's maximum"),
    ],
};

/// Sets up a case of `attention` or `attention_subgroups`.
pub(super) fn set_up(scene: &mut Scene<'_>, case: &Case, subgroups: bool) -> Result<Vec<Output>> {
    let of = scene.attention(case)?;
    let qkv = scene.inputs.tensor("qkv", of.qkv(), Padding::Poison, |value| of.value(value))?;
    let k_cache = scene.filled_cache("k_cache", &of)?;
    let v_cache = scene.filled_cache("v_cache", &of)?;
    let y = scene.inputs.output("y", of.rows, of.shape.num_heads * of.shape.head_dim)?;
    let tile = AttentionTile { subgroups, ..of.tile };
    let max_splits = tile.max_splits(&of.shape, of.max_seq_len, scene.plan.tokens_of_text());
    let size = of.num_tokens * of.shape.num_heads * max_splits * (of.shape.head_dim + 2);
    let partials = scene.inputs.output("partials", 1, size)?;
    let caches = of.caches(&k_cache, &v_cache);
    attention_tiled(&mut scene.plan, tile, &of.shape, &qkv, caches, &partials.tensor, &y.tensor);
    Ok(vec![y, partials])
}

// An average of values around 1. The arguments of exp in its weights have the error of an f32 product. Measured on
// llvmpipe through Vulkan and GL: 2.5e-6 if large queries make scores of tens, 3.9e-6 if these are capped at 50, which
// multiplies the rounding of tanh, and far less otherwise. The greatest score of a split is not averaged. Capped at 59,
// its error was 3.6e-5 through GL.
pub(super) const TOLERANCE: Tolerance = Tolerance { atol: 6e-5, rtol: 1e-6 };

pub(super) fn compute(
    call: &mut Call<'_>,
    attention: impl Fn(cpu::CacheRows<'_>, cpu::Heads, (&[f32], &[f32], &[f32]), (&mut [f32], usize)),
) {
    let params: Params = call.params();
    let [qkv, k_cache, v_cache, cache_rows, partials, y, ..] = &mut call.slots;
    let heads = cpu::Heads {
        num_heads: params.num_heads as usize,
        num_kv_heads: params.num_kv_heads as usize,
        head_dim: params.head_dim as usize,
        qkv_stride: params.qkv_stride as usize,
        kv_stride: params.kv_stride as usize,
        scale: params.scale,
        window: params.window as usize,
        softcap: params.softcap,
    };
    let splits = cpu::Splits { split_len: params.split_len as usize, max_splits: params.max_splits as usize };
    let tokens = cpu::CacheRows {
        rows: &cache_rows.words()[..call.batch.num_tokens as usize],
        max_seq_len: params.max_seq_len as usize,
    };
    let (qkv, k_cache, v_cache) = (qkv.floats(), k_cache.floats(), v_cache.floats());
    let y_stride = params.y_stride as usize;
    if params.max_splits == 1 {
        return attention(tokens, heads, (qkv, k_cache, v_cache), (y.floats_mut(), y_stride));
    }
    let partials_of_token = heads.num_heads * splits.max_splits * (heads.head_dim + 2);
    for token in 0..tokens.rows.len() {
        let (first_row, position) = tokens.place(token);
        let qkv = &qkv[token * heads.qkv_stride..];
        if splits.positions(position + 1, heads.window).count() > 1 {
            let first = first_row * heads.kv_stride;
            let inputs = (qkv, &k_cache[first..], &v_cache[first..]);
            let partials = &mut partials.floats_mut()[token * partials_of_token..];
            cpu::attention_partials(position, heads, splits, inputs, partials);
        } else {
            let y = &mut y.floats_mut()[token * y_stride..];
            attention(tokens.one(token), heads, (qkv, k_cache, v_cache), (y, y_stride));
        }
    }
}

/// Records attention of `qkv`, `[max_tokens, qkv_size]`, over `caches`. Each token sees the rows of its sequence up to
/// its own, which have to be written before. The output is `y`, `[max_tokens, num_heads * head_dim]`. If a long
/// sequence is split, `partials` holds the partial results, a row of [`AttentionTile::partials`].
///
/// # Panics
/// If the shapes disagree, or if the window or the cap is not above 0.
pub fn attention(
    plan: &mut Plan,
    shape: &AttentionShape,
    qkv: &Tensor,
    caches: Caches<'_>,
    partials: &Tensor,
    y: &Tensor,
) {
    let tile = AttentionTile::of(plan.device(), shape, plan.tokens_of_text());
    attention_tiled(plan, tile, shape, qkv, caches, partials, y);
}

/// Records [`attention`] with the tile `tile`.
///
/// # Panics
/// As [`attention`].
pub fn attention_tiled(
    plan: &mut Plan,
    tile: AttentionTile,
    shape: &AttentionShape,
    qkv: &Tensor,
    caches: Caches<'_>,
    partials: &Tensor,
    y: &Tensor,
) {
    assert_eq!(shape.num_heads % shape.num_kv_heads, 0, "attention: heads");
    assert_eq!(qkv.columns(), shape.qkv_size(), "attention: columns of qkv");
    caches.check("attention", plan, shape.kv_size());
    assert_eq!(y.columns(), shape.num_heads * shape.head_dim, "attention: columns of y");
    assert!(qkv.rows() >= plan.max_tokens() && y.rows() >= plan.max_tokens(), "attention: tokens");
    let tokens_of_text = plan.tokens_of_text();
    let max_splits = tile.max_splits(shape, caches.max_seq_len, tokens_of_text);
    let needed = match max_splits {
        1 => 1,
        _ => plan.max_tokens() * shape.num_heads * max_splits * (shape.head_dim + 2),
    };
    assert!(partials.columns() >= needed, "attention: columns of partials");
    let (window, softcap) = shape.window_and_softcap("attention");
    let shared_by = shape.num_heads / shape.num_kv_heads;
    let block_tokens = (tile.rows as usize / shared_by).clamp(1, tokens_of_text);
    let tiles_per_block = (block_tokens * shared_by).div_ceil(tile.rows as usize);
    let params = Params {
        num_heads: shape.num_heads as u32,
        num_kv_heads: shape.num_kv_heads as u32,
        head_dim: shape.head_dim as u32,
        qkv_stride: qkv.stride() as u32,
        kv_stride: caches.k_cache.stride() as u32,
        y_stride: y.stride() as u32,
        scale: shape.scale,
        window,
        softcap,
        // The shader divides by it even if nothing is split.
        split_len: tile.split_len.unwrap_or(1),
        max_splits: max_splits as u32,
        block_tokens: block_tokens as u32,
        max_seq_len: caches.max_seq_len as u32,
    };
    plan.dispatch(Dispatch {
        kernel: if tile.subgroups { &attention_subgroups::KERNEL } else { &KERNEL },
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: tile.constants(shape),
        buffers: vec![
            qkv.buffer().clone(),
            caches.k_cache.buffer().clone(),
            caches.v_cache.buffer().clone(),
            caches.cache_rows.clone(),
            partials.buffer().clone(),
            y.buffer().clone(),
        ],
        groups_per_block: (max_splits * shape.num_kv_heads * tiles_per_block) as u32,
        tokens_per_block: block_tokens as u32,
        min_kv_len: 0,
    });
    if let Some(split_len) = tile.split_len
        && max_splits > 1
    {
        attention_merge::attention_merge(
            plan,
            shape,
            (split_len, max_splits),
            partials,
            (caches.cache_rows, caches.max_seq_len),
            y,
        );
    }
}
