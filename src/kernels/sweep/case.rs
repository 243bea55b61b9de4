//! A case: the sizes and values that a kernel is tried with.

use std::fmt;

use crate::format::Format;
use crate::kernels::{AttentionTile, Epilogue, GemvShape};

/// How large a case's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Around 1, or for an activation within -8 and 8.
    Ordinary,
    /// A thousand times that; in attention 16 times, which takes scores to about a hundred; where an activation gates a
    /// value, both within -100 and 100.
    Large,
    /// A million times that: more than f16 holds.
    Huge,
    /// A thousandth of the ordinary: an epsilon counts. For `softcap` a tenth.
    Small,
    /// A millionth of it: less than f16 holds with all its digits.
    Tiny,
    /// Around 1000, with ordinary differences.
    MeanHeavy,
    /// Halves, so that many are equal.
    Equal,
    /// Zeros of both signs.
    Zeros,
    /// With NaN, infinity and minus infinity among them.
    Broken,
    /// Minus infinity.
    Impossible,
}

impl Values {
    /// Makes one out of an ordinary value.
    pub(in crate::kernels) fn of(self, ordinary: f32) -> f32 {
        match self {
            Self::Ordinary => ordinary,
            Self::Large => 1000.0 * ordinary,
            Self::Huge => 1e6 * ordinary,
            Self::Small => 0.001 * ordinary,
            Self::Tiny => 1e-6 * ordinary,
            Self::MeanHeavy => 1000.0 + ordinary,
            Self::Equal => (2.0 * ordinary).round() / 2.0,
            Self::Zeros => 0.0 * ordinary,
            Self::Broken => match ordinary {
                0.995.. => f32::NAN,
                0.99.. => f32::INFINITY,
                ..-0.995 => -f32::NAN,
                ..-0.5 => f32::NEG_INFINITY,
                _ => ordinary,
            },
            Self::Impossible => f32::NEG_INFINITY,
        }
    }
}

/// The norm that a product begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// None.
    Nothing,
    /// `rms_norm`; of a sum and a normed update for `gemv_residual`.
    RmsNorm,
    /// `layer_norm`.
    LayerNorm,
}

/// The sizes and values that a kernel is tried with.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the fields are named as everywhere")]
pub enum Case {
    /// `add`, `add_norm`, `argmax`, `choose`, `gelu_erf`, `gelu_tanh`, `layer_norm`, `rms_norm`, `select_rows`, `softcap`, `top_k`,
    /// `zero_columns`, and `geglu` and `swiglu`, whose `columns` are those of the output.
    Rows { num_tokens: usize, columns: usize, values: Values },
    /// `embedding`; an id in three lies outside the table. `added` to values that are there, or else scaled.
    Lookup {
        num_tokens: usize,
        vocab_size: usize,
        hidden_size: usize,
        format: Format,
        rows_per_part: Option<usize>,
        added: bool,
    },
    /// `gemv`, for which a `shape` can be given, `gemv_rows`, which needs one, `gemv_tokens`, `gemm`,
    /// `gemm_matrix`, `gemm_rows` and `gemm_shared`.
    Product {
        num_tokens: usize,
        out_features: usize,
        in_features: usize,
        format: Format,
        bias: bool,
        rows_per_part: Option<usize>,
        shape: Option<GemvShape>,
        values: Values,
    },
    /// `gemv` and `gemv_rows` with what may come before and after, and `gemv_residual`. `out_features` are those of the output.
    Projection {
        num_tokens: usize,
        out_features: usize,
        in_features: usize,
        format: Format,
        bias: bool,
        before: Before,
        epilogue: Epilogue,
        shape: GemvShape,
        values: Values,
    },
    /// `attention`, `attention_merge` (one token of a text) and `attention_subgroups`, which share their work out by `tile`;
    /// `attention_probs` (one text), `kv_write`, `qk_norm`; and, for an even `head_dim`, `norm_rope_write` and `rope`.
    Attention(AttentionCase),
    /// `probe_f32`, whose `rounds` are how long each thread computes, and `probe_read`, whose threads take turns
    /// where that is 1. `x` has `num_blocks` of 32 words.
    Probe { num_blocks: usize, num_threads: usize, rounds: usize },
}

/// See [`Case::Attention`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the fields are named as everywhere")]
pub struct AttentionCase {
    pub position: usize,
    pub num_tokens: usize,
    pub num_heads: usize,
    pub num_kv_heads: usize,
    pub head_dim: usize,
    pub window: Option<usize>,
    pub softcap: Option<f32>,
    pub tile: AttentionTile,
    /// Each token stands in a text of its own, the first at `position`; otherwise they stand there one after the other.
    pub own_texts: bool,
    pub values: Values,
}

impl AttentionCase {
    /// Where the kernel does not ask how attention shares out its work.
    pub const TILE: AttentionTile = AttentionTile { rows: 4, split_len: None, subgroups: false };

    /// `num_tokens` of one text from `position` on, without a window or a cap.
    pub fn new(
        (position, num_tokens): (usize, usize),
        (num_heads, num_kv_heads, head_dim): (usize, usize, usize),
    ) -> Self {
        Self {
            position,
            num_tokens,
            num_heads,
            num_kv_heads,
            head_dim,
            window: None,
            softcap: None,
            tile: Self::TILE,
            own_texts: false,
            values: Values::Ordinary,
        }
    }
}

impl Case {
    /// How many tokens the pass has.
    pub fn num_tokens(&self) -> usize {
        match *self {
            Self::Rows { num_tokens, .. }
            | Self::Lookup { num_tokens, .. }
            | Self::Product { num_tokens, .. }
            | Self::Projection { num_tokens, .. }
            | Self::Attention(AttentionCase { num_tokens, .. }) => num_tokens,
            Self::Probe { .. } => 1,
        }
    }

    /// The factor of a tolerance's absolute part, which grows with what is summed.
    pub(in crate::kernels) fn atol_factor(&self) -> f32 {
        match self {
            Self::Product { values, .. } => values.of(1.0),
            Self::Projection { before: Before::Nothing, values: Values::Large, .. } => 1000.0,
            // A gate's error grows with the value, and the other way round: sums of up to some tens.
            Self::Projection { epilogue, values: Values::Ordinary | Values::Small, .. }
                if epilogue.is_gated() =>
            {
                20.0
            }
            // The digits that the mean takes are missing in the differences; a gate multiplies two of these errors with values.
            // Measured on llvmpipe through Vulkan and GL: 0.07 in a value of 200.
            Self::Projection { epilogue, values: Values::MeanHeavy, .. } if epilogue.is_gated() => 3000.0,
            Self::Rows { values: Values::MeanHeavy, .. }
            | Self::Projection { values: Values::MeanHeavy, .. } => 1000.0,
            _ => 1.0,
        }
    }

    /// The factor for rotated values: they cancel to any size, so the error is relative to what they were before.
    pub(in crate::kernels) fn atol_factor_of_rotation(&self) -> f32 {
        if matches!(self, Self::Attention(AttentionCase { values: Values::Large, .. })) { 16.0 } else { 1.0 }
    }

    /// The factor for the partial results of split attention. They are not divided by the sum of their weights, which is up to the
    /// length of a split, and their error is larger by as much. Measured on llvmpipe through GL: 4.3e-5 in splits of 46 with capped
    /// scores.
    pub(in crate::kernels) fn atol_factor_of_partials(&self) -> f32 {
        match self {
            Self::Attention(AttentionCase {
                num_tokens,
                own_texts,
                tile: AttentionTile { split_len: Some(split_len), .. },
                ..
            }) if *num_tokens == 1 || *own_texts => (*split_len as f32 / 8.0).max(1.0),
            _ => 1.0,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = match self {
            Self::Rows { num_tokens, columns, values } => {
                write!(f, "{num_tokens} x {columns}")?;
                *values
            }
            Self::Lookup { num_tokens, vocab_size, hidden_size, format, rows_per_part, added } => {
                write!(f, "{num_tokens} of [{vocab_size}, {hidden_size}] {}", format.name())?;
                write_parts(f, *rows_per_part)?;
                f.write_str(if *added { ", added" } else { "" })?;
                Values::Ordinary
            }
            Self::Product {
                num_tokens,
                out_features,
                in_features,
                format,
                bias,
                rows_per_part,
                shape,
                values,
            } => {
                write!(f, "[{out_features}, {in_features}] {} x {num_tokens}", format.name())?;
                f.write_str(if *bias { ", bias" } else { "" })?;
                write_parts(f, *rows_per_part)?;
                if let Some(shape) = shape {
                    write!(f, ", {} threads, {} a row", shape.workgroup_size, shape.threads_per_row)?;
                }
                *values
            }
            Self::Projection {
                num_tokens,
                out_features,
                in_features,
                format,
                bias,
                before,
                epilogue,
                shape,
                values,
            } => {
                write!(f, "{before:?}, [{out_features}, {in_features}] {} x {num_tokens}", format.name())?;
                f.write_str(if *bias { ", bias" } else { "" })?;
                write!(f, ", {epilogue:?}, {} threads", shape.workgroup_size)?;
                write!(f, ", {} a row, {} rows", shape.threads_per_row, shape.rows_per_thread)?;
                *values
            }
            Self::Attention(AttentionCase {
                position,
                num_tokens,
                num_heads,
                num_kv_heads,
                head_dim,
                window,
                softcap,
                tile,
                own_texts,
                values,
            }) => {
                write!(f, "{num_tokens} at {position}, {num_heads}/{num_kv_heads} heads of {head_dim}")?;
                f.write_str(if *own_texts { ", in texts of their own" } else { "" })?;
                if let Some(window) = window {
                    write!(f, ", window {window}")?;
                }
                if let Some(cap) = softcap {
                    write!(f, ", capped at {cap}")?;
                }
                write!(f, ", {} rows", tile.rows)?;
                if let Some(split_len) = tile.split_len {
                    write!(f, " and splits of {split_len}")?;
                }
                *values
            }
            Self::Probe { num_blocks, num_threads, rounds } => {
                write!(f, "{num_threads} threads, {num_blocks} blocks, {rounds} rounds")?;
                Values::Ordinary
            }
        };
        f.write_str(match values {
            Values::Ordinary => "",
            Values::Large => ", large",
            Values::Huge => ", huge",
            Values::Small => ", small",
            Values::Tiny => ", tiny",
            Values::MeanHeavy => ", around 1000",
            Values::Equal => ", many equal",
            Values::Zeros => ", zeros",
            Values::Broken => ", with NaN and infinities",
            Values::Impossible => ", minus infinity",
        })
    }
}

fn write_parts(f: &mut fmt::Formatter<'_>, rows_per_part: Option<usize>) -> fmt::Result {
    match rows_per_part {
        None => Ok(()),
        Some(rows) => write!(f, " in parts of {rows}"),
    }
}
