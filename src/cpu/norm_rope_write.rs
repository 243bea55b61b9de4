//! The twin of `norm_rope_write`.

use super::{kv_write, qk_norm, rope};

/// The layout of a row of `qkv`, and of the caches for its keys and values.
#[derive(Debug, Clone, Copy)]
pub struct Projections {
    /// The number of query heads, which come first.
    pub num_heads: usize,
    /// The number of key heads, which come next, and of value heads, which come last.
    pub num_kv_heads: usize,
    /// The number of channels of a head.
    pub head_dim: usize,
    /// The elements from one row of `qkv` to the next.
    pub qkv_stride: usize,
    /// The elements from one row of a cache to the next.
    pub kv_stride: usize,
}

/// The epsilon, and the weights of query heads and of key heads, `[head_dim]` each.
type Norm<'a> = (f32, (&'a [f32], &'a [f32]));

/// Runs [`qk_norm`] if there are weights, with their epsilon, then [`rope`], then [`kv_write`].
pub fn norm_rope_write(
    cache_rows: &[u32],
    of: Projections,
    norm: Option<Norm<'_>>,
    (angles, angles_stride): (&[f32], usize),
    qkv: &mut [f32],
    (k_cache, v_cache): (&mut [f32], &mut [f32]),
) {
    let num_tokens = cache_rows.len();
    if let Some((eps, weights)) = norm {
        let heads = (of.num_heads, of.num_kv_heads, of.head_dim);
        qk_norm(num_tokens, heads, eps, weights, (&mut *qkv, of.qkv_stride));
    }
    let rotating = (of.num_heads + of.num_kv_heads, of.head_dim);
    rope(num_tokens, rotating, (angles, angles_stride), (&mut *qkv, of.qkv_stride));
    let sizes = (of.num_heads * of.head_dim, of.num_kv_heads * of.head_dim);
    let caches = (k_cache, v_cache, of.kv_stride);
    kv_write(cache_rows, sizes, (&*qkv, of.qkv_stride), caches);
}
