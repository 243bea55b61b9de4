//! Prepares queries, keys and values for attention, with one kernel or several.

use crate::device::Tensor;
use crate::kernels::{AttentionShape, Caches, Plan, kv_write, norm_rope_write, qk_norm, rope};

/// Records three operations. If there are weights `(q_weight, k_weight)`, `[1, head_dim]` each, with an epsilon, it
/// norms the queries and keys in `qkv`, `[max_tokens, qkv_size]`, in place. If there are `angles`, `[max_tokens,
/// head_dim]`, it rotates them. It copies keys and values into the tokens' rows of `caches`. The plan's
/// [`crate::kernels::Choices`] say whether one kernel does it all.
///
/// # Panics
/// If the shapes disagree.
pub fn write_heads(
    plan: &mut Plan,
    shape: &AttentionShape,
    norm: Option<(&Tensor, &Tensor, f32)>,
    angles: Option<&Tensor>,
    qkv: &Tensor,
    caches: Caches<'_>,
) {
    if let Some(angles) = angles.filter(|_| plan.choices().fuses_heads()) {
        norm_rope_write(plan, shape, norm, angles, qkv, caches);
        return;
    }
    if let Some((q_weight, k_weight, eps)) = norm {
        qk_norm(plan, shape, (q_weight, k_weight), eps, qkv);
    }
    if let Some(angles) = angles {
        rope(plan, shape, angles, qkv);
    }
    kv_write(plan, qkv, caches);
}
