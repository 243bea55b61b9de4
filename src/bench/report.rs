//! What a benchmark found.

use serde::Serialize;

use super::Rates;
use crate::kernels::{Choices, MatmulShape, Step};
use crate::trace::AdapterInfo;

/// Several measurements of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The one in the middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of at least one value; of none, all are NaN.
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

/// What a decoded token costs whatever runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Kernels that are dispatched.
    pub dispatches: usize,
    /// Bytes of weights that products read.
    pub weight_bytes: usize,
    /// Multiply-adds of products.
    pub multiply_adds: usize,
}

impl Cost {
    /// Of a token that goes through `steps`.
    pub fn of(steps: &[Step]) -> Self {
        let products = || steps.iter().filter_map(|step| step.matmul);
        Self {
            dispatches: steps.len(),
            weight_bytes: products().map(|product| product.weight_bytes).sum(),
            multiply_adds: products().map(|product| product.multiply_adds()).sum(),
        }
    }
}

/// How fast decoding could be if nothing but the weights had to be read and multiplied, at the rates that the probes reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Roofline {
    /// Tokens a second.
    pub tokens_per_second: f64,
    /// `read` or `f32`: what takes longer.
    pub bound_by: &'static str,
    /// What decoding reaches of it.
    pub fraction: f64,
}

impl Roofline {
    /// Of a token of this `cost` on a device of these `rates`, where decoding gives `tokens_per_second`.
    pub fn of(cost: Cost, rates: Rates, tokens_per_second: f64) -> Self {
        let read = cost.weight_bytes as f64 / rates.read_bytes;
        let compute = cost.multiply_adds as f64 / rates.f32_multiply_adds;
        let (seconds, bound_by) = if read >= compute { (read, "read") } else { (compute, "f32") };
        Self { tokens_per_second: 1.0 / seconds, bound_by, fraction: tokens_per_second * seconds }
    }
}

/// The kernels that [`Choices`] name for a model's products, each once, in the form that `SUKASHI_VARIANT` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// The fusion level of a decoded token's dispatches.
    pub fusion: String,
    /// How threads share the rows of products with one token.
    pub gemv: Vec<String>,
    /// The kernels of products with the tokens of a prompt.
    pub prefill: Vec<String>,
}

impl Chosen {
    /// Of `choices`, for these products.
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

/// What the dispatches of one kernel on one shape cost, of a decoded token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelTime {
    /// The kernel's name.
    pub kernel: &'static str,
    /// `[out_features, in_features]` and format of a product's weights.
    pub shape: Option<String>,
    /// Dispatches for a token.
    pub dispatches: usize,
    /// All of them, in milliseconds: the median of the profiled tokens.
    pub ms: f64,
    /// Of all dispatches' time.
    pub share: f64,
    /// Bytes of weights read a second; `None` for what is no product.
    pub read_bytes: Option<f64>,
}

impl KernelTime {
    /// Of `steps`, of which each profile has the seconds; the dearest first.
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

/// Several texts that are decoded together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Together {
    /// How many.
    pub texts: usize,
    /// Tokens of all of them decoded a second, with all logits read back.
    pub decode_tokens_per_second: Spread,
    /// How many times that of one text alone.
    pub gain: f64,
}

/// How fast a model runs on a device, and how fast the device could.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`super::SCHEMA`].
    pub schema: &'static str,
    /// Of the program that measured.
    pub version: &'static str,
    /// What the model calls itself.
    pub model: String,
    /// How its weights are stored on the device.
    pub precision: String,
    /// The device.
    pub adapter: AdapterInfo,
    /// Tokens of the prompt that is read.
    pub prompt_tokens: usize,
    /// Tokens decoded after it.
    pub new_tokens: usize,
    /// How often both were done.
    pub runs: usize,
    /// From the first look at the files until the weights were on the device, in milliseconds.
    pub load_ms: f64,
    /// Until all pipelines were there, in milliseconds; drivers keep what they have compiled, so a second time is faster.
    pub compile_ms: f64,
    /// From a prompt to its logits, in milliseconds.
    pub first_token_ms: Spread,
    /// Tokens of the prompt read a second.
    pub prefill_tokens_per_second: Spread,
    /// Tokens decoded a second, with all logits read back for each.
    pub decode_tokens_per_second: Spread,
    /// How the model was computed where there are several ways.
    pub choices: Chosen,
    /// Several texts, if they were asked for.
    pub together: Option<Together>,
    /// What a decoded token costs.
    pub cost: Cost,
    /// What the device can do.
    pub rates: Rates,
    /// What that allows.
    pub roofline: Roofline,
    /// Time by kernel, if it was asked for.
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
