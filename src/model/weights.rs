//! A decoder's weights on a device.

use crate::tensor::{Matrix, Tensor};

/// All of them. Projections are `[out_features, in_features]`.
#[derive(Debug)]
pub(crate) struct DecoderWeights {
    /// `[vocab_size, hidden_size]`
    pub embedding: Matrix,
    /// `[max_seq_len, hidden_size]`, where positions are learned.
    pub positions: Option<Matrix>,
    pub layers: Vec<LayerWeights>,
    pub final_norm: NormWeights,
    /// `[vocab_size, hidden_size]`; shares the embedding's memory where the head is tied.
    pub lm_head: Matrix,
}

/// One layer.
#[derive(Debug)]
pub(crate) struct LayerWeights {
    pub attn_norm: NormWeights,
    /// `[(num_heads + 2 * num_kv_heads) * head_dim, hidden_size]`: queries, keys, values.
    pub qkv_proj: Linear,
    /// `[hidden_size, num_heads * head_dim]`
    pub o_proj: Linear,
    pub mlp_norm: NormWeights,
    /// `[intermediate_size, hidden_size]`
    pub up_proj: Linear,
    /// `[hidden_size, intermediate_size]`
    pub down_proj: Linear,
}

/// `y = weight x + bias`
#[derive(Debug)]
pub(crate) struct Linear {
    pub weight: Matrix,
    /// `[1, out_features]`
    pub bias: Tensor,
}

/// Both `[1, hidden_size]`.
#[derive(Debug)]
pub(crate) struct NormWeights {
    pub weight: Tensor,
    pub bias: Tensor,
}
