//! Keys and values of the tokens so far.

use super::spec::DecoderSpec;
use crate::device::Device;
use crate::error::Result;
use crate::tensor::Tensor;

/// One pair of tensors per layer, each `[max_seq_len, num_kv_heads * head_dim]`.
#[derive(Debug)]
pub(crate) struct KvCache {
    pub layers: Vec<(Tensor, Tensor)>,
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
        Ok(Self { layers })
    }
}
