//! Computes how many tokens of a prompt share a pass.

use crate::device::Device;
use crate::kernels::GemmKernel;
use crate::model::DecoderSpec;

/// The most tokens of a pass on a CPU, with or without a software adapter, and of a pass that captures, since captured
/// values take much memory.
pub(super) const MAX_TOKENS: usize = 64;

/// The most tokens of a pass on a GPU. Each of its cores gets a tile of a product only if there are many tokens.
const MAX_TOKENS_OF_GPU: usize = 512;

/// The number of tokens that share each read of a weight in a product. Fewer tokens take as long.
const STEP: u64 = 4;

/// The channels of keys that a dispatch of attention may read on a software adapter, over all heads of all tokens. A
/// dispatch took 75 ms on two busy cores, so a watchdog does not take it for hung.
const ATTENTION_WORK: u64 = 1 << 27;

/// The products of a weight and an activation that a dispatch of `gemm_rows` may compute on a software adapter. They
/// took 72 ms.
const PRODUCT_WORK_OF_ROWS: u64 = 3 << 28;

/// The same number for `gemm`, which runs on software adapters without subgroups. The products took 70 ms.
const PRODUCT_WORK: u64 = 3 << 26;

/// The factor between these limits and those of any GPU. GPUs do not report their speed, and large ones need many
/// tokens at a time.
const GPU_FACTOR: u64 = 64;

/// The limits to the work of a pass's dispatches.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct PassLimits {
    /// The most tokens of a prompt that a pass computes together.
    pub max_tokens: usize,
    /// The channels of keys that attention reads.
    pub attention_work: u64,
    /// The products of a weight and an activation.
    pub product_work: u64,
}

impl PassLimits {
    /// The limits of a software adapter that computes prompts with `gemm_rows`.
    const SOFTWARE: Self =
        Self { max_tokens: MAX_TOKENS, attention_work: ATTENTION_WORK, product_work: PRODUCT_WORK_OF_ROWS };

    /// The limits for `device`. The CPU has no watchdog.
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

    /// The number of tokens that a pass computes together from `position` on.
    pub fn prefill_tokens(self, spec: &DecoderSpec, position: usize) -> usize {
        self.fitting(spec, position + self.max_tokens, product_work(spec)).min(self.max_tokens)
    }

    /// The number of tokens that keep a pass's dispatches short, for attention over `kv_len` positions and a product of
    /// so many weights.
    pub fn fitting(self, spec: &DecoderSpec, kv_len: usize, product_work: u64) -> usize {
        let attention = self.attention_work / attention_work(spec, kv_len);
        let product = self.product_work / product_work / STEP * STEP;
        let fitting = attention.min(product.max(STEP));
        let whole_steps = fitting / STEP * STEP;
        if whole_steps > 0 { whole_steps as usize } else { fitting.max(1) as usize }
    }
}

/// The number of a prompt's tokens that a pass computes together from `position` on. It is 64, and 512 on a GPU, or
/// fewer so that each dispatch is short.
pub fn prefill_tokens(device: &Device, spec: &DecoderSpec, position: usize) -> usize {
    PassLimits::of(device).prefill_tokens(spec, position)
}

/// Splits `ids` into the tokens of a pass of up to `most` tokens and the rest. If possible, the rest is not one token.
/// One token goes through other kernels, and the split of a prompt must not change the numbers.
pub(in crate::model) fn split(ids: &[u32], most: usize) -> (&[u32], &[u32]) {
    let leaves_one = ids.len() == most + 1 && most > 2;
    ids.split_at(if leaves_one { most - 1 } else { most.min(ids.len()) })
}

/// The channels of keys that attention reads for one token, over `kv_len` positions, in the layer with the largest
/// window.
fn attention_work(spec: &DecoderSpec, kv_len: usize) -> u64 {
    let seen = |window: Option<usize>| window.unwrap_or(usize::MAX).min(kv_len);
    let most = spec.layers.iter().map(|layer| seen(layer.window)).max().unwrap_or(0);
    (most as u64 * (spec.num_heads * spec.head_dim) as u64).max(1)
}

/// The number of weights of a layer's largest matrix.
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
