//! Queries, keys and values on their way to attention, by the kernels that suit.

use crate::device::Tensor;
use crate::kernels::{AttentionShape, Caches, Plan, kv_write, norm_rope_write, qk_norm, rope};

/// Records the norm of queries and keys in `qkv`, `[max_tokens, qkv_size]`, in place, where there are weights `(q_weight, k_weight)`,
/// `[1, head_dim]` each, with an epsilon; their rotation where there are `angles`, `[max_tokens, head_dim]`; and the copy of keys and
/// values into the tokens' rows of `caches`. It is one kernel where the plan's [`crate::kernels::Choices`] say so, or one for each.
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
