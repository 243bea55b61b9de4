//! A case: the sizes and the values of one comparison of a kernel with its twin.

use std::fmt;

use crate::format::Format;
use crate::kernels::{AttentionTile, Epilogue, GemvShape};

/// The magnitude of a case's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Around 1. For an activation, between -8 and 8.
    Ordinary,
    /// A thousand times as large. In attention it is 16 times, so scores are about a hundred. Gates and the values that
    /// they gate are between -100 and 100.
    Large,
    /// A million times as large, more than f16 can hold.
    Huge,
    /// A thousandth of the ordinary values, so an epsilon counts. For `softcap` a tenth.
    Small,
    /// A millionth of the ordinary values, less than f16 can hold with all digits.
    Tiny,
    /// Around 1000, with ordinary differences.
    MeanHeavy,
    /// Multiples of a half, so that many are equal.
    Equal,
    /// Zeros of both signs.
    Zeros,
    /// Values with NaN, infinity and minus infinity among them.
    Broken,
    /// Minus infinity alone.
    Impossible,
}

impl Values {
    /// Makes a value from an ordinary one.
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

/// The norm at the start of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// No norm.
    Nothing,
    /// `rms_norm`. For `gemv_residual`, of a sum with a normed update.
    RmsNorm,
    /// `layer_norm`.
    LayerNorm,
}

/// The sizes and the values of one comparison of a kernel with its twin.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the fields have the usual names")]
pub enum Case {
    /// `add`, `add_norm`, `argmax`, `choose`, `gelu_erf`, `gelu_tanh`, `layer_norm`, `rms_norm`, `select_rows`, `softcap`, `top_k`,
    /// `zero_columns`, and `geglu` and `swiglu`, whose `columns` are those of the output.
    Rows { num_tokens: usize, columns: usize, values: Values },
    /// `embedding`. One id in three is outside the table. The rows are `added` to the values in the output, or else
    /// scaled.
    Lookup {
        num_tokens: usize,
        vocab_size: usize,
        hidden_size: usize,
        format: Format,
        rows_per_part: Option<usize>,
        added: bool,
    },
    /// `gemv`, which may have a `shape`; `gemv_rows`, which needs one; `gemv_tokens`, `gemm`, `gemm_matrix`,
    /// `gemm_rows` and `gemm_shared`.
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
    /// `gemv` and `gemv_rows` with a norm and an epilogue, and `gemv_residual`. `out_features` are those of the output.
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
    /// `attention`, `attention_merge` (one token of each sequence) and `attention_subgroups`, which share their work by
    /// `tile`; `attention_probs` (one sequence), `kv_write` and `qk_norm`; and, if `head_dim` is even,
    /// `norm_rope_write` and `rope`.
    Attention(AttentionCase),
    /// `probe_f32`, in which each thread computes `rounds` rounds; and `probe_read`, whose threads read in turns if
    /// `rounds` is 1. `x` has `num_blocks` blocks of 32 words.
    Probe { num_blocks: usize, num_threads: usize, rounds: usize },
}

/// See [`Case::Attention`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the fields have the usual names")]
pub struct AttentionCase {
    pub position: usize,
    pub num_tokens: usize,
    pub num_heads: usize,
    pub num_kv_heads: usize,
    pub head_dim: usize,
    pub window: Option<usize>,
    pub softcap: Option<f32>,
    pub tile: AttentionTile,
    /// Whether each token is in a sequence of its own, the first at `position`. Otherwise the tokens are consecutive
    /// from `position` on.
    pub own_texts: bool,
    pub values: Values,
}

impl AttentionCase {
    /// The tile of kernels without a tile.
    pub const TILE: AttentionTile = AttentionTile { rows: 4, split_len: None, subgroups: false };

    /// A case of `num_tokens` of one sequence from `position` on, without a window or a cap.
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
    /// The number of tokens of the pass.
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

    /// The factor of a tolerance's absolute part. It grows with the terms of the sums.
    pub(in crate::kernels) fn atol_factor(&self) -> f32 {
        match self {
            Self::Product { values, .. } => values.of(1.0),
            Self::Projection { before: Before::Nothing, values: Values::Large, .. } => 1000.0,
            // The gate's error is multiplied by the value, and the value's error by the gate. Both are sums of up to
            // some tens.
            Self::Projection { epilogue, values: Values::Ordinary | Values::Small, .. }
                if epilogue.is_gated() =>
            {
                20.0
            }
            // A large mean takes digits from the differences. A gate multiplies two of these errors with values.
            // Measured on llvmpipe through Vulkan and GL: 0.07 in a value of 200.
            Self::Projection { epilogue, values: Values::MeanHeavy, .. } if epilogue.is_gated() => 3000.0,
            Self::Rows { values: Values::MeanHeavy, .. }
            | Self::Projection { values: Values::MeanHeavy, .. } => 1000.0,
            _ => 1.0,
        }
    }

    /// The factor for rotated values. They can cancel to any size, so the error is relative to the values before the
    /// rotation.
    pub(in crate::kernels) fn atol_factor_of_rotation(&self) -> f32 {
        if matches!(self, Self::Attention(AttentionCase { values: Values::Large, .. })) { 16.0 } else { 1.0 }
    }

    /// The factor for the partial results of split attention. They are not divided by the sum of their weights, which
    /// is at most the length of a split. Their error is larger by this factor. Measured on llvmpipe through GL: 4.3e-5
    /// in splits of 46 with capped scores.
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
