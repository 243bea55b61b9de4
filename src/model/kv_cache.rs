//! Keys and values of the tokens so far.

use super::spec::DecoderSpec;
use crate::device::Device;
use crate::error::Result;
use crate::kernels::AttentionTile;
use crate::tensor::Tensor;

/// What attention reads of the tokens before.
#[derive(Debug)]
pub(crate) struct KvCache {
    /// One pair of tensors per layer, each `[max_seq_len, num_kv_heads * head_dim]`.
    pub layers: Vec<(Tensor, Tensor)>,
    /// What a decoded token's attention finds in each split of a long text, one layer after the other.
    pub partials: Tensor,
}

impl KvCache {
    pub(crate) fn new(device: &Device, spec: &DecoderSpec, max_seq_len: usize) -> Result<Self> {
        let kv_size = spec.num_kv_heads * spec.head_dim;
        let mut layers = Vec::with_capacity(spec.num_layers);
        for _ in 0..spec.num_layers {
            layers.push((
                Tensor::zeros(device, "k_cache", max_seq_len, kv_size)?,
                Tensor::zeros(device, "v_cache", max_seq_len, kv_size)?,
            ));
        }
        let partials = AttentionTile::partials(device, spec.num_heads, spec.head_dim, max_seq_len);
        let partials = Tensor::zeros(device, "partials", 1, partials)?;
        Ok(Self { layers, partials })
    }
}
