//! The result of a benchmark.

use serde::Serialize;

use super::Rates;
use crate::kernels::{Choices, MatmulShape, Step};
use crate::trace::AdapterInfo;

/// Several measurements of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Summarises the values. Without a value, all three numbers are NaN.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let (half, last) = (values.len() / 2, values.len().saturating_sub(1));
        let median = if values.len().is_multiple_of(2) && !values.is_empty() {
            (at(half - 1) + at(half)) / 2.0
        } else {
            at(half)
        };
        Self { median, min: at(0), max: at(last) }
    }
}

/// The work of a decoded token, which is the same on any device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// The number of dispatched kernels.
    pub dispatches: usize,
    /// The bytes of weights that products read.
    pub weight_bytes: usize,
    /// The multiply-adds of products.
    pub multiply_adds: usize,
}

impl Cost {
    /// Sums up the work of a token over `steps`.
    pub fn of(steps: &[Step]) -> Self {
        let products = || steps.iter().filter_map(|step| step.matmul);
        Self {
            dispatches: steps.len(),
            weight_bytes: products().map(|product| product.weight_bytes).sum(),
            multiply_adds: products().map(|product| product.multiply_adds()).sum(),
        }
    }
}

/// The speed of decoding if a device only read and multiplied the weights, at the rates of the probes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Roofline {
    /// Tokens per second.
    pub tokens_per_second: f64,
    /// The work that takes longer: `read` or `f32`.
    pub bound_by: &'static str,
    /// The speed of decoding as a fraction of this speed.
    pub fraction: f64,
}

impl Roofline {
    /// Computes the roofline of a token with this `cost` on a device with these `rates`. `tokens_per_second` is the
    /// measured speed.
    pub fn of(cost: Cost, rates: Rates, tokens_per_second: f64) -> Self {
        let read = cost.weight_bytes as f64 / rates.read_bytes;
        let compute = cost.multiply_adds as f64 / rates.f32_multiply_adds;
        let (seconds, bound_by) = if read >= compute { (read, "read") } else { (compute, "f32") };
        Self { tokens_per_second: 1.0 / seconds, bound_by, fraction: tokens_per_second * seconds }
    }
}

/// The kernels that [`Choices`] names for a model's products, each once, in the form of `SUKASHI_VARIANT`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// The fusion level of a decoded token's dispatches.
    pub fusion: String,
    /// The shapes of products with one token: how threads share the rows.
    pub gemv: Vec<String>,
    /// The kernels of products with the tokens of a prompt.
    pub prefill: Vec<String>,
}

impl Chosen {
    /// Takes the kernels from `choices` for these products.
    pub fn of(choices: &Choices, products: &[MatmulShape]) -> Self {
        let distinct = |names: &mut dyn Iterator<Item = String>| {
            let mut seen: Vec<String> = Vec::new();
            for name in names {
                if !seen.contains(&name) {
                    seen.push(name);
                }
            }
            seen
        };
        Self {
            fusion: choices.fusion().to_string(),
            gemv: distinct(&mut products.iter().map(|product| choices.gemv_shape(product).to_string())),
            prefill: distinct(&mut products.iter().map(|product| choices.gemm_kernel(product).to_string())),
        }
    }
}

/// The cost of the dispatches of one kernel on one shape for a decoded token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelTime {
    /// The kernel's name.
    pub kernel: &'static str,
    /// The shape `[out_features, in_features]` and the format of a product's weights.
    pub shape: Option<String>,
    /// The number of dispatches for a token.
    pub dispatches: usize,
    /// The time of all of them in milliseconds. It is the median over the profiled tokens.
    pub ms: f64,
    /// The share of the time of all dispatches.
    pub share: f64,
    /// The bytes of weights that are read per second. `None` if the kernel is not a product.
    pub read_bytes: Option<f64>,
}

impl KernelTime {
    /// Groups `steps`, of which each profile has the seconds. The most expensive group comes first.
    pub fn table(steps: &[Step], profiles: &[Vec<f64>]) -> Vec<Self> {
        let mut rows: Vec<(Step, Vec<usize>)> = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            match rows.iter_mut().find(|(known, _)| known == step) {
                Some((_, indices)) => indices.push(index),
                None => rows.push((*step, vec![index])),
            }
        }
        let median = |indices: &[usize]| {
            let sum = |profile: &Vec<f64>| indices.iter().filter_map(|&index| profile.get(index)).sum();
            Spread::of(profiles.iter().map(sum).collect()).median
        };
        let total: f64 = rows.iter().map(|(_, indices)| median(indices)).sum();
        let mut table: Vec<Self> = rows
            .iter()
            .map(|(step, indices)| {
                let seconds = median(indices);
                let shape = step
                    .matmul
                    .map(|of| format!("[{}, {}] {}", of.out_features, of.in_features, of.format.name()));
                let bytes = step.matmul.map(|product| (product.weight_bytes * indices.len()) as f64);
                Self {
                    kernel: step.kernel,
                    shape,
                    dispatches: indices.len(),
                    ms: 1e3 * seconds,
                    share: seconds / total,
                    read_bytes: bytes.map(|bytes| bytes / seconds),
                }
            })
            .collect();
        table.sort_by(|a, b| b.ms.total_cmp(&a.ms));
        table
    }
}

/// Several sequences that are decoded together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Together {
    /// The number of sequences.
    pub texts: usize,
    /// The decoded tokens of all sequences per second, with all logits read back.
    pub decode_tokens_per_second: Spread,
    /// This rate divided by that of one sequence alone.
    pub gain: f64,
}

/// How fast a model runs on a device, and how fast the device could run it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The schema, [`super::SCHEMA`].
    pub schema: &'static str,
    /// The version of the program that measured.
    pub version: &'static str,
    /// The name of the model.
    pub model: String,
    /// The format of the weights on the device.
    pub precision: String,
    /// The device.
    pub adapter: AdapterInfo,
    /// The number of tokens of the prompt.
    pub prompt_tokens: usize,
    /// The number of tokens that are decoded after the prompt.
    pub new_tokens: usize,
    /// The number of runs of both.
    pub runs: usize,
    /// The time until the weights are on the device, from opening the files on, in milliseconds.
    pub load_ms: f64,
    /// The time until all pipelines are ready, in milliseconds. Drivers keep compiled pipelines, so a second time is
    /// faster.
    pub compile_ms: f64,
    /// The time from a prompt to its logits, in milliseconds.
    pub first_token_ms: Spread,
    /// Tokens of the prompt per second.
    pub prefill_tokens_per_second: Spread,
    /// Decoded tokens per second, with all logits read back for each token.
    pub decode_tokens_per_second: Spread,
    /// The kernels that were chosen among several.
    pub choices: Chosen,
    /// The result for several sequences, if the settings ask for it.
    pub together: Option<Together>,
    /// The work of a decoded token.
    pub cost: Cost,
    /// The best rates of the device.
    pub rates: Rates,
    /// The speed that these rates allow.
    pub roofline: Roofline,
    /// The time by kernel, if the settings ask for it.
    pub profile: Option<Vec<KernelTime>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_two_is_between_them() {
        assert_eq!(Spread::of(vec![3.0, 1.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]).median, 2.0);
        assert!(Spread::of(Vec::new()).median.is_nan());
    }

    #[test]
    fn the_roofline_is_what_takes_longer() {
        let cost = Cost { dispatches: 1, weight_bytes: 100, multiply_adds: 400 };
        let rates = Rates { read_bytes: 1000.0, f32_multiply_adds: 8000.0 };
        let roofline = Roofline::of(cost, rates, 4.0);
        assert_eq!((roofline.tokens_per_second, roofline.bound_by), (10.0, "read"));
        assert!((roofline.fraction - 0.4).abs() < 1e-12);
        let slow = Rates { f32_multiply_adds: 2000.0, ..rates };
        assert_eq!(Roofline::of(cost, slow, 4.0).bound_by, "f32");
    }

    #[test]
    fn equal_steps_are_one_row() {
        let step = |kernel| Step { kernel, matmul: None };
        let table = KernelTime::table(
            &[step("add"), step("rope"), step("add")],
            &[vec![1.0, 8.0, 2.0], vec![1.0, 10.0, 3.0], vec![2.0, 9.0, 3.0]],
        );
        assert_eq!(table.len(), 2);
        assert_eq!((table[0].kernel, table[0].dispatches, table[0].ms), ("rope", 1, 9000.0));
        assert_eq!((table[1].kernel, table[1].dispatches, table[1].ms), ("add", 2, 4000.0));
    }
}
