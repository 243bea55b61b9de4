//! The weights of a decoder on a device.

use crate::device::{Matrix, Tensor};

/// The weights of a decoder. Projections are `[out_features, in_features]`.
#[derive(Debug)]
pub(crate) struct DecoderWeights {
    /// The token embedding, `[vocab_size, hidden_size]`.
    pub embedding: Matrix,
    /// The position embedding, `[max_seq_len, hidden_size]`, if positions are learned.
    pub positions: Option<Matrix>,
    pub layers: Vec<LayerWeights>,
    pub final_norm: NormWeights,
    /// The head, `[vocab_size, hidden_size]`. A tied head shares the embedding's memory.
    pub lm_head: Matrix,
}

impl DecoderWeights {
    /// The formats of all matrices. Each appears once: `f16`, or `q8_0+q5_0+q4_k`.
    pub fn precision(&self) -> String {
        Matrix::precision([&self.embedding].into_iter().chain(self.matrices()))
    }

    /// The matrices of the products of a token.
    pub fn matrices(&self) -> impl Iterator<Item = &Matrix> {
        let of_layers = self.layers.iter().flat_map(|layer| {
            [&layer.qkv_proj, &layer.o_proj, &layer.up_proj, &layer.down_proj].map(|linear| &linear.weight)
        });
        std::iter::once(&self.lm_head).chain(of_layers)
    }
}

/// The weights of one layer.
#[derive(Debug)]
pub(crate) struct LayerWeights {
    pub attn_norm: NormWeights,
    /// The projection to queries, keys and values, `[(num_heads + 2 * num_kv_heads) * head_dim, hidden_size]`.
    pub qkv_proj: Linear,
    /// The norm weights of query heads and of key heads, `[1, head_dim]` each.
    pub qk_norm: Option<(Tensor, Tensor)>,
    /// The output projection, `[hidden_size, num_heads * head_dim]`.
    pub o_proj: Linear,
    pub post_attn_norm: Option<NormWeights>,
    pub mlp_norm: NormWeights,
    /// The projection before the activation, `[intermediate_size, hidden_size]`. For a gated activation, the gate's
    /// rows come before.
    pub up_proj: Linear,
    /// The projection after the activation, `[hidden_size, intermediate_size]`.
    pub down_proj: Linear,
    pub post_mlp_norm: Option<NormWeights>,
}

/// A projection, `y = weight x + bias`.
#[derive(Debug)]
pub(crate) struct Linear {
    pub weight: Matrix,
    /// The bias, `[1, out_features]`.
    pub bias: Option<Tensor>,
}

/// The weights of a norm, `[1, hidden_size]` each.
#[derive(Debug)]
pub(crate) struct NormWeights {
    pub weight: Tensor,
    /// The bias. RMSNorm has none.
    pub bias: Option<Tensor>,
}
