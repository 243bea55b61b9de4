//! How many tokens of a prompt are computed together.

use crate::device::Device;
use crate::model::DecoderSpec;

/// The most.
pub(super) const MAX_TOKENS: usize = 64;

/// So many tokens share what a product's threads read of the weights; fewer take as long.
const STEP: u64 = 4;

/// Channels of keys that a dispatch of attention may go over on a software adapter, in all heads of all tokens. Measured on two
/// busy cores: 75 ms, so that a watchdog does not take any dispatch for hung.
const ATTENTION_WORK: u64 = 1 << 27;

/// Products of a weight and an activation in a dispatch, likewise: 70 ms.
const PRODUCT_WORK: u64 = 3 << 26;

/// How much more a GPU may do, be it a small one: none says how fast it is, and large ones want many tokens at a time.
const GPU_FACTOR: u64 = 64;

/// How many tokens of a prompt a pass computes together from `position` on: 64, or as many as keep each of its dispatches short.
/// What is computed does not depend on it, but for the rounding of a last token that is computed alone.
pub fn prefill_tokens(device: &Device, spec: &DecoderSpec, position: usize) -> usize {
    let factor = match device {
        Device::Gpu(gpu) if gpu.is_software() => 1,
        Device::Gpu(_) => GPU_FACTOR,
        // Nobody watches the CPU.
        Device::Cpu | Device::Twins => return MAX_TOKENS,
    };
    let attention = factor * ATTENTION_WORK / attention_work(spec, position + MAX_TOKENS);
    let product = factor * PRODUCT_WORK / product_work(spec) / STEP * STEP;
    let fitting = attention.min(product.max(STEP));
    let whole_steps = fitting / STEP * STEP;
    let num_tokens = if whole_steps > 0 { whole_steps } else { fitting.max(1) };
    num_tokens.min(MAX_TOKENS as u64) as usize
}

/// Channels of keys that attention of one token goes over in the layer that sees most, where there are `kv_len` positions.
fn attention_work(spec: &DecoderSpec, kv_len: usize) -> u64 {
    let seen = |window: Option<usize>| window.unwrap_or(usize::MAX).min(kv_len);
    let most = spec.layers.iter().map(|layer| seen(layer.window)).max().unwrap_or(0);
    (most as u64 * (spec.num_heads * spec.head_dim) as u64).max(1)
}

/// Weights of the largest matrix of a layer.
fn product_work(spec: &DecoderSpec) -> u64 {
    let heads = spec.num_heads * spec.head_dim;
    let qkv = heads + 2 * spec.num_kv_heads * spec.head_dim;
    let up = if spec.activation.is_gated() { 2 } else { 1 } * spec.intermediate_size;
    (spec.hidden_size as u64 * qkv.max(heads).max(up) as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    #[test]
    fn passes_grow_shorter_where_the_text_is_long_or_the_model_wide() {
        let mut spec = Model::embedded(&Device::Cpu).unwrap().spec().clone();
        assert_eq!(prefill_tokens(&Device::Cpu, &spec, 1 << 20), MAX_TOKENS);
        let Ok(device) = pollster::block_on(Device::request("vulkan")) else { return };
        let tokens = |spec: &DecoderSpec, position| prefill_tokens(&device, spec, position);
        assert_eq!(tokens(&spec, 0), MAX_TOKENS);
        let mut last = MAX_TOKENS;
        for position in (0..28).map(|log| 1 << log) {
            let now = tokens(&spec, position);
            assert!(
                now <= last && now >= 1 && (now < STEP as usize || now.is_multiple_of(STEP as usize)),
                "{now}"
            );
            last = now;
        }
        assert_eq!(last, 1, "however long");
        let whole = tokens(&spec, 1 << 16);
        assert!(whole < MAX_TOKENS);
        spec.layers.iter_mut().for_each(|layer| layer.window = Some(512));
        assert_eq!(tokens(&spec, 1 << 16), MAX_TOKENS, "a window is all that is seen");
        spec.layers[0].window = None;
        assert_eq!(tokens(&spec, 1 << 16), whole, "one layer that sees all");
        spec.intermediate_size = 1 << 18;
        assert!(tokens(&spec, 0) < MAX_TOKENS);
        spec.hidden_size = 1 << 17;
        assert_eq!(tokens(&spec, 0), STEP as usize, "fewer would take as long");
    }
}
