//! The KV cache: keys and values of past tokens, for one sequence or several.

use super::spec::DecoderSpec;
use crate::device::{Buffer, Device, Tensor};
use crate::error::Result;
use crate::format::row_stride;
use crate::kernels::{AttentionTile, Caches};

/// The tokens whose keys or values of a layer are copied at once.
const COPIED_ROWS: usize = 256;

/// The keys and values that attention reads.
#[derive(Debug)]
pub(crate) struct KvCache {
    /// One pair of tensors per layer, each `[num_texts * max_seq_len, num_kv_heads * head_dim]`.
    layers: Vec<(Tensor, Tensor)>,
    max_seq_len: usize,
    /// The partial results of decoded tokens' attention, one for each split of a long sequence. The layers use it in
    /// turn.
    pub partials: Tensor,
}

impl KvCache {
    /// Makes a cache for `num_texts` sequences of up to `max_seq_len` tokens each, and for passes that decode up to
    /// `num_decoded` tokens.
    pub(crate) fn new(
        device: &Device,
        spec: &DecoderSpec,
        (num_texts, max_seq_len): (usize, usize),
        num_decoded: usize,
    ) -> Result<Self> {
        let num_rows = num_texts * max_seq_len;
        let kv_size = spec.num_kv_heads * spec.head_dim;
        let mut layers = Vec::with_capacity(spec.num_layers);
        for _ in 0..spec.num_layers {
            layers.push((
                Tensor::zeros(device, "k_cache", num_rows, kv_size)?,
                Tensor::zeros(device, "v_cache", num_rows, kv_size)?,
            ));
        }
        let partials = AttentionTile::partials(device, spec.num_heads, spec.head_dim, max_seq_len);
        let partials = Tensor::zeros(device, "partials", 1, num_decoded * partials)?;
        Ok(Self { layers, max_seq_len, partials })
    }

    /// The bytes of a token's keys and values in all layers.
    pub(crate) fn bytes_per_token(spec: &DecoderSpec) -> usize {
        2 * spec.num_layers * 4 * row_stride(spec.num_kv_heads * spec.head_dim)
    }

    /// A buffer by way of which [`KvCache::copy`] copies.
    pub(crate) fn scratch(&self, device: &Device) -> Result<Buffer> {
        let words = self.layers.first().map_or(0, |(keys, _)| COPIED_ROWS * keys.stride());
        device.zeros("kv_copy", words)
    }

    /// Copies the first `num_tokens` tokens of a sequence to another one.
    pub(crate) fn copy(
        &self,
        device: &Device,
        (from, to): (usize, usize),
        num_tokens: usize,
        scratch: &Buffer,
    ) -> Result<()> {
        for tensor in self.layers.iter().flat_map(|(keys, values)| [keys, values]) {
            let stride = tensor.stride();
            let [from, to] = [from, to].map(|text| text * self.max_seq_len * stride);
            for first in (0..num_tokens).step_by(COPIED_ROWS) {
                let rows = COPIED_ROWS.min(num_tokens - first);
                let at = first * stride;
                device.copy_within(tensor.buffer(), scratch, (from + at, to + at), rows * stride)?;
            }
        }
        Ok(())
    }

    /// The caches of a layer, for tokens whose rows are in `cache_rows`.
    pub(crate) fn layer<'a>(&'a self, index: usize, cache_rows: &'a Buffer) -> Caches<'a> {
        let (k_cache, v_cache) = &self.layers[index];
        Caches { k_cache, v_cache, cache_rows, max_seq_len: self.max_seq_len }
    }
}
