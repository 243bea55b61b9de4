//! Trying shapes.

use std::time::{Duration, Instant};

use super::Tuning;
use crate::device::{Buffer, Device, Readback};
use crate::error::Result;
use crate::kernels::{
    Batch, GemvShape, Int8Shapes, Plan, Product, Program, Projection, TOLERANCE_OF_PRODUCTS, Tolerance,
    project_int8, project_shaped, quantize, quantized_words,
};
use crate::tensor::{BLOCK, Matrix, Tensor};
use crate::verify::Inputs;

/// Weights that a candidate is timed on, in bytes: past the caches of a GPU; on a software adapter a fraction of it, as a run takes
/// a hundred times as long.
const GPU_BYTES: usize = 48 << 20;
const SOFTWARE_BYTES: usize = 4 << 20;
/// How much more is read to see what rounding brings: it costs each product a dispatch, which a small part of one would overstate.
const INT8_FACTOR: usize = 4;
/// Copies of small weights, so that one run does not find what the last one read.
const MAX_COPIES: usize = 16;
/// Rows of weights that differ; a prime, so that no candidate's share of them repeats.
const DISTINCT_ROWS: usize = 61;
/// Columns of the longest sum that the tolerance of products was measured with.
const MEASURED_COLUMNS: f32 = 2948.0;
/// Timed runs of a candidate; the fastest counts.
const RUNS: usize = 4;
/// How often the fastest with rounded activations is timed once more.
const REPEATS: usize = 5;
/// A candidate takes the default's place if it needs at most this share of its time.
pub(super) const GAIN: f64 = 0.97;

/// Finds the fastest shape for each of `products` on `device`, in about `budget`: what is not tried by then keeps its default, which is
/// what every result is checked against. `progress` is told how many products of how many are done.
///
/// # Errors
/// If the device fails.
pub async fn tune(
    device: &Device,
    products: &[Product],
    budget: Duration,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Tuning> {
    let started = Instant::now();
    let mut tuning = Tuning::default();
    let candidates = GemvShape::candidates(device);
    for (index, product) in products.iter().enumerate() {
        progress(index, products.len());
        // What is left, in equal parts.
        let share = budget.saturating_sub(started.elapsed()) / (products.len() - index) as u32;
        if share.is_zero() {
            break;
        }
        let trial = Trial::new(device, product, 1)?;
        let shape = fastest(&trial, product, &candidates, Instant::now() + share).await?;
        tuning.set(*product, shape);
    }
    progress(products.len(), products.len());
    Ok(tuning)
}

/// Finds the fastest shape with activations rounded to eight bits for each of `products`, after [`tune`] and as that does; a product that
/// is not faster so than in the shape that `device` is tuned with has none. Rounding itself counts as part of a product.
///
/// # Errors
/// If the device fails.
pub async fn tune_int8(
    device: &Device,
    products: &[Product],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Int8Shapes> {
    let mut shapes = Int8Shapes::default();
    for (index, product) in products.iter().enumerate() {
        progress(index, products.len());
        if !product.is_of_quants() {
            continue;
        }
        let trial = Trial::new(device, product, INT8_FACTOR)?;
        if let Some(shape) = faster_rounded(&trial, product, device.gemv_shape(*product)).await? {
            shapes.set(*product, shape);
        }
    }
    progress(products.len(), products.len());
    Ok(shapes)
}

/// The fastest shape with rounded activations, if it is faster than `default`. Gains are small next to what a device's speed changes by
/// meanwhile, so each is timed beside the default, and the best of them several times.
async fn faster_rounded(trial: &Trial, product: &Product, default: GemvShape) -> Result<Option<GemvShape>> {
    let (wanted, _) = trial.run(default).await?;
    let mut best = None;
    let mut best_share = GAIN;
    for shape in GemvShape::int8_candidates(&trial.device) {
        let (got, seconds) = trial.run(shape).await?;
        let share = seconds / trial.run(default).await?.1;
        if !is_right(product, &got, &wanted) {
            tracing::warn!("{shape} computes {product:?} wrongly on this adapter and is not used");
        } else if share < best_share {
            (best, best_share) = (Some(shape), share);
        }
    }
    let Some(shape) = best else { return Ok(None) };
    let mut shares = Vec::with_capacity(REPEATS);
    for _ in 0..REPEATS {
        let (_, seconds) = trial.run(shape).await?;
        shares.push(seconds / trial.run(default).await?.1);
    }
    shares.sort_by(f64::total_cmp);
    Ok(best.filter(|_| shares[REPEATS / 2] < GAIN))
}

/// The fastest of `candidates`, the first of which is the default, as far as they can be tried until `deadline`.
async fn fastest(
    trial: &Trial,
    product: &Product,
    candidates: &[GemvShape],
    deadline: Instant,
) -> Result<GemvShape> {
    let mut best: Option<(GemvShape, f64)> = None;
    let mut wanted = Vec::new();
    for &shape in candidates {
        let Some((_, fastest)) = best else {
            let (got, seconds) = trial.run(shape).await?;
            (wanted, best) = (got, Some((shape, seconds)));
            continue;
        };
        if Instant::now() >= deadline {
            break;
        }
        let (got, seconds) = trial.run(shape).await?;
        if !is_right(product, &got, &wanted) {
            tracing::warn!("{shape} computes {product:?} wrongly on this adapter and is not used");
        } else if seconds < GAIN * fastest {
            best = Some((shape, seconds));
        }
    }
    Ok(best.map_or_else(|| GemvShape::of(&trial.device), |(shape, _)| shape))
}

/// A product with made-up weights.
struct Trial {
    device: Device,
    x: Tensor,
    /// `x` rounded to eight bits.
    quantized: Buffer,
    y: Tensor,
    copies: Vec<Matrix>,
}

impl Trial {
    /// On `factor` times the bytes that are usual.
    fn new(device: &Device, product: &Product, factor: usize) -> Result<Self> {
        let is_software = matches!(device, Device::Gpu(gpu) if gpu.is_software());
        let bytes = factor * if is_software { SOFTWARE_BYTES } else { GPU_BYTES };
        let Product { in_features, format, .. } = *product;
        let row_words = format.words_per_row(in_features);
        let rows = (bytes / 4 / row_words).clamp(1, product.out_features);
        let num_copies = (bytes / (4 * rows * row_words).max(1)).clamp(1, MAX_COPIES);
        let mut inputs = Inputs::new(device);
        // Rows repeat, as making them takes longer than computing with them.
        let some = inputs.weight_words((rows.min(DISTINCT_ROWS), in_features), format);
        let words: Vec<u32> = some.iter().copied().cycle().take(rows * row_words).collect();
        let copies = (0..num_copies)
            .map(|_| Matrix::upload(device, "trial", &words, (rows, in_features), format))
            .collect::<Result<_>>()?;
        // Rounding leaves these as they are: a shape that takes them rounded has to give the same.
        let byte = |index| if index % BLOCK == 0 { 127.0 } else { (index * 37 % 255) as f32 - 127.0 };
        let values: Vec<f32> = (0..in_features).map(|index| byte(index) / 127.0).collect();
        let x = Tensor::from_slice(device, "trial", &values, 1, in_features)?;
        let quantized = device.zeros("trial", quantized_words(1, in_features))?;
        let y = Tensor::zeros(device, "trial", 1, rows)?;
        Ok(Self { device: device.clone(), x, quantized, y, copies })
    }

    /// The result, and the seconds of a run over all copies.
    async fn run(&self, shape: GemvShape) -> Result<(Vec<f32>, f64)> {
        let mut plan = Plan::new(&self.device, 1);
        for weight in &self.copies {
            let projection = Projection::new(&self.x, weight, None, &self.y);
            if shape.int8 {
                quantize(&mut plan, &self.x, &self.quantized);
                project_int8(&mut plan, shape, &projection, &self.quantized);
            } else {
                project_shaped(&mut plan, shape, &projection);
            }
        }
        let program = plan.compile()?;
        let mut readback = Readback::new(&self.device, self.y.columns())?;
        let mut best = f64::INFINITY;
        // Once more for what only the first run does.
        for _ in 0..=RUNS {
            best = best.min(self.seconds(&program, &mut readback).await?);
        }
        let recorder = self.device.record();
        let words = readback.submit_and_read(recorder, self.y.buffer(), self.y.columns()).await?;
        Ok((bytemuck::cast_slice(words).to_vec(), best))
    }

    async fn seconds(&self, program: &Program, readback: &mut Readback) -> Result<f64> {
        let mut recorder = self.device.record();
        let start = Instant::now();
        program.run(Batch { num_tokens: 1, ..Batch::default() }, &mut recorder);
        readback.submit_and_read(recorder, self.y.buffer(), 1).await?;
        Ok(start.elapsed().as_secs_f64())
    }
}

fn is_right(product: &Product, got: &[f32], wanted: &[f32]) -> bool {
    let is_close = |(&got, &want): (&f32, &f32)| tolerance(product).error(got, want) <= 1.0;
    got.len() == wanted.len() && got.iter().zip(wanted).all(is_close)
}

/// How far two right results of a product may be apart: as far as from the twin, and in longer sums by as much more.
fn tolerance(product: &Product) -> Tolerance {
    let Tolerance { atol, rtol } = TOLERANCE_OF_PRODUCTS;
    Tolerance { atol: atol * (product.in_features as f32 / MEASURED_COLUMNS).max(1.0), rtol }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Format;

    #[test]
    fn products_of_every_format_are_tuned() {
        let products = Format::ALL.map(|format| Product::new(9, 8 * BLOCK, format));
        let tuning =
            pollster::block_on(tune(&Device::Cpu, &products, Duration::from_secs(20), &mut |_, _| {}));
        let tuning = tuning.unwrap();
        assert!(tuning.covers(&products));
        // Nothing is tried where there is no time, and nothing is made up for it.
        let none = pollster::block_on(tune(&Device::Cpu, &products, Duration::ZERO, &mut |_, _| {})).unwrap();
        assert_eq!(none, Tuning::default());
    }

    #[test]
    fn rounding_leaves_what_is_tried_as_it_is() {
        for format in Format::QUANTS {
            let product = Product::new(70, 8 * BLOCK, format);
            let trial = Trial::new(&Device::Cpu, &product, 1).unwrap();
            let run = |shape| pollster::block_on(trial.run(shape)).unwrap().0;
            let want = run(GemvShape::GPU);
            for (got, want) in run(GemvShape { int8: true, ..GemvShape::GPU }).into_iter().zip(want) {
                assert!(tolerance(&product).error(got, want) <= 1.0, "{}: {got} {want}", format.name());
            }
        }
    }

    #[test]
    fn only_products_of_quants_are_rounded() {
        let products = [Format::F16, Format::Q5K].map(|format| Product::new(70, 8 * BLOCK, format));
        let shapes = pollster::block_on(tune_int8(&Device::Cpu, &products, &mut |_, _| {})).unwrap();
        assert!(shapes.get(&products[0]).is_none());
    }

    #[test]
    fn made_up_weights_are_numbers() {
        for format in Format::ALL {
            let product = Product::new(3, 8 * BLOCK, format);
            let trial = Trial::new(&Device::Cpu, &product, 1).unwrap();
            let (values, seconds) = pollster::block_on(trial.run(GemvShape::GPU)).unwrap();
            assert!(seconds > 0.0);
            assert!(
                values.iter().all(|value| value.is_finite() && *value != 0.0),
                "{}: {values:?}",
                format.name()
            );
        }
    }
}
