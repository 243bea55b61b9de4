//! A decoder's weights on a device.

use crate::device::{Matrix, Tensor};

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

impl DecoderWeights {
    /// The formats of all matrices, each named once: `f16`, or `q8_0+q5_0+q4_k`.
    pub fn precision(&self) -> String {
        Matrix::precision([&self.embedding].into_iter().chain(self.matrices()))
    }

    /// What a token is multiplied by.
    pub fn matrices(&self) -> impl Iterator<Item = &Matrix> {
        let of_layers = self.layers.iter().flat_map(|layer| {
            [&layer.qkv_proj, &layer.o_proj, &layer.up_proj, &layer.down_proj].map(|linear| &linear.weight)
        });
        std::iter::once(&self.lm_head).chain(of_layers)
    }
}

/// One layer.
#[derive(Debug)]
pub(crate) struct LayerWeights {
    pub attn_norm: NormWeights,
    /// `[(num_heads + 2 * num_kv_heads) * head_dim, hidden_size]`: queries, keys, values.
    pub qkv_proj: Linear,
    /// Norm weights of query heads and of key heads, `[1, head_dim]` each.
    pub qk_norm: Option<(Tensor, Tensor)>,
    /// `[hidden_size, num_heads * head_dim]`
    pub o_proj: Linear,
    pub post_attn_norm: Option<NormWeights>,
    pub mlp_norm: NormWeights,
    /// `[intermediate_size, hidden_size]`; where the activation is gated, the gate's rows come before.
    pub up_proj: Linear,
    /// `[hidden_size, intermediate_size]`
    pub down_proj: Linear,
    pub post_mlp_norm: Option<NormWeights>,
}

/// `y = weight x + bias`
#[derive(Debug)]
pub(crate) struct Linear {
    pub weight: Matrix,
    /// `[1, out_features]`
    pub bias: Option<Tensor>,
}

/// Both `[1, hidden_size]`.
#[derive(Debug)]
pub(crate) struct NormWeights {
    pub weight: Tensor,
    /// RMSNorm has none.
    pub bias: Option<Tensor>,
}
