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

/// Products of a weight and an activation that a dispatch of `gemm_rows` may compute on a software adapter: 72 ms.
const PRODUCT_WORK_OF_ROWS: u64 = 3 << 28;

/// The same of `gemm`, which software adapters without subgroups run: 70 ms.
const PRODUCT_WORK: u64 = 3 << 26;

/// How much more a GPU may do, be it a small one: none says how fast it is, and large ones want many tokens at a time.
const GPU_FACTOR: u64 = 64;

/// How much work each dispatch of a pass may do.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct PassLimits {
    /// The most tokens of a prompt that a pass computes together.
    pub max_tokens: usize,
    /// Channels of keys that attention goes over.
    pub attention_work: u64,
    /// Products of a weight and an activation.
    pub product_work: u64,
}

impl PassLimits {
    /// Of a software adapter whose prompts `gemm_rows` computes.
    const SOFTWARE: Self =
        Self { max_tokens: MAX_TOKENS, attention_work: ATTENTION_WORK, product_work: PRODUCT_WORK_OF_ROWS };

    /// The limits of `device`. No watchdog stops work on the CPU.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Gpu(gpu) if !gpu.is_software() => Self {
                max_tokens: MAX_TOKENS_OF_GPU,
                attention_work: GPU_FACTOR * ATTENTION_WORK,
                product_work: GPU_FACTOR * PRODUCT_WORK,
            },
            Device::Gpu(_) if GemmKernel::of(device) == GemmKernel::GemmRows => Self::SOFTWARE,
            Device::Gpu(_) => Self { product_work: PRODUCT_WORK, ..Self::SOFTWARE },
            Device::Cpu | Device::Twins => {
                Self { max_tokens: MAX_TOKENS, attention_work: u64::MAX, product_work: u64::MAX }
            }
        }
    }

    /// How many tokens of a prompt a pass computes together from `position` on.
    pub fn prefill_tokens(self, spec: &DecoderSpec, position: usize) -> usize {
        self.fitting(spec, position + self.max_tokens, product_work(spec)).min(self.max_tokens)
    }

    /// How many tokens keep a pass's dispatches short: attention over `kv_len` positions, and a product of so many weights.
    pub fn fitting(self, spec: &DecoderSpec, kv_len: usize, product_work: u64) -> usize {
        let attention = self.attention_work / attention_work(spec, kv_len);
        let product = self.product_work / product_work / STEP * STEP;
        let fitting = attention.min(product.max(STEP));
        let whole_steps = fitting / STEP * STEP;
        if whole_steps > 0 { whole_steps as usize } else { fitting.max(1) as usize }
    }
}

/// How many tokens of a prompt a pass computes together from `position` on: 64, on a GPU 512, or as many as keep each of its dispatches
/// short.
pub fn prefill_tokens(device: &Device, spec: &DecoderSpec, position: usize) -> usize {
    PassLimits::of(device).prefill_tokens(spec, position)
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
        let tokens = |spec: &DecoderSpec, position| PassLimits::SOFTWARE.prefill_tokens(spec, position);
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
