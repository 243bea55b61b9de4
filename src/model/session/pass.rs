//! How many tokens of a prompt are computed together.

use crate::device::Device;
use crate::kernels::GemmKernel;
use crate::model::DecoderSpec;

/// The most on a CPU, whether it calls itself an adapter or not, and wherever values are captured: these take much memory.
pub(super) const MAX_TOKENS: usize = 64;

/// The most on a GPU, whose cores all get a tile of a product only where there are many tokens.
const MAX_TOKENS_OF_GPU: usize = 512;

/// So many tokens share what a product's threads read of the weights; fewer take as long.
const STEP: u64 = 4;

/// Channels of keys that a dispatch of attention may go over on a software adapter, in all heads of all tokens. Measured on two
/// busy cores: 75 ms, so that a watchdog does not take any dispatch for hung.
const ATTENTION_WORK: u64 = 1 << 27;

/// Products of a weight and an activation in a dispatch of `gemm_rows`, likewise: 72 ms.
const PRODUCT_WORK_OF_ROWS: u64 = 3 << 28;

/// The same of `gemm`, which software adapters without subgroups run: 70 ms.
const PRODUCT_WORK: u64 = 3 << 26;

/// How much more a GPU may do, be it a small one: none says how fast it is, and large ones want many tokens at a time.
const GPU_FACTOR: u64 = 64;

/// The most tokens of a prompt that a pass on `device` computes together.
pub(super) fn max_tokens(device: &Device) -> usize {
    match device {
        Device::Gpu(gpu) if !gpu.is_software() => MAX_TOKENS_OF_GPU,
        Device::Gpu(_) | Device::Cpu | Device::Twins => MAX_TOKENS,
    }
}

/// How many tokens of a prompt a pass computes together from `position` on: 64, on a GPU 512, or as many as keep each of its dispatches
/// short.
pub fn prefill_tokens(device: &Device, spec: &DecoderSpec, position: usize) -> usize {
    let most = max_tokens(device);
    fitting(device, spec, position + most, product_work(spec)).min(most)
}

/// How many tokens keep a pass's dispatches short: attention over `kv_len` positions, and a product of so many weights.
pub(super) fn fitting(device: &Device, spec: &DecoderSpec, kv_len: usize, product_work: u64) -> usize {
    let (factor, of_products) = match device {
        Device::Gpu(gpu) if !gpu.is_software() => (GPU_FACTOR, PRODUCT_WORK),
        Device::Gpu(_) if GemmKernel::of(device) == GemmKernel::GemmRows => (1, PRODUCT_WORK_OF_ROWS),
        Device::Gpu(_) => (1, PRODUCT_WORK),
        // Nobody watches the CPU.
        Device::Cpu | Device::Twins => return usize::MAX,
    };
    let attention = factor * ATTENTION_WORK / attention_work(spec, kv_len);
    let product = factor * of_products / product_work / STEP * STEP;
    let fitting = attention.min(product.max(STEP));
    let whole_steps = fitting / STEP * STEP;
    if whole_steps > 0 { whole_steps as usize } else { fitting.max(1) as usize }
}

/// What a pass of up to `most` tokens takes of `ids`, and the rest. Never a last one alone if that can be: one token goes through other
/// kernels, and how a prompt is cut must not change the numbers.
pub(in crate::model) fn split(ids: &[u32], most: usize) -> (&[u32], &[u32]) {
    let leaves_one = ids.len() == most + 1 && most > 2;
    ids.split_at(if leaves_one { most - 1 } else { most.min(ids.len()) })
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
    fn no_last_token_is_left_alone() {
        let ids: Vec<u32> = (0..200).collect();
        for len in 1..=ids.len() {
            for most in 1..=70 {
                let (mut rest, mut lengths) = (&ids[..len], Vec::new());
                while !rest.is_empty() {
                    let chunk;
                    (chunk, rest) = split(rest, most);
                    lengths.push(chunk.len());
                }
                assert_eq!(lengths.iter().sum::<usize>(), len);
                assert!(lengths.iter().all(|&tokens| (1..=most).contains(&tokens)), "{lengths:?}");
                assert!(most <= 2 || len == 1 || lengths.last() != Some(&1), "{len} by {most}: {lengths:?}");
            }
        }
    }

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
