//! Tries shapes and kernels of products.

use web_time::{Duration, Instant};

use super::Tuning;
use super::trial::{Trial, are_close};
use crate::device::Device;
use crate::error::Result;
use crate::kernels::{GemmKernel, GemvShape, Matmul, MatmulShape, gemv_shaped, multiply_by};

/// The number of copies of small weights. With these, a run does not find in a cache what the last run read.
const MAX_COPIES: usize = 16;
/// The number of tokens in a pass of a prompt.
const PROMPT_TOKENS: usize = 64;
/// A candidate replaces the default if it takes at most this share of the default's time.
pub(super) const GAIN: f64 = 0.97;

/// Finds the fastest shape for each of `products` on `device` in about `budget`. A product that is not tried by then
/// keeps the default. Every result is compared with that of the default. `progress` gets the number of finished
/// products and of all products.
///
/// # Errors
/// If the device fails.
pub async fn tune(
    device: &Device,
    products: &[MatmulShape],
    budget: Duration,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Tuning> {
    let mut tuning = Tuning::default();
    let candidates = GemvShape::candidates(device);
    let mut shares = Shares::new(products, budget);
    while let Some((product, deadline)) = shares.next(progress) {
        let trial = Trial::new(device, product, (1, MAX_COPIES))?;
        let mut fastest = Fastest::new(product);
        for &shape in &candidates {
            if fastest.best.is_some() && Instant::now() >= deadline {
                break;
            }
            fastest.consider(shape, try_shape(&trial, shape).await?);
        }
        if let Some((shape, _)) = fastest.best {
            tuning.set(*product, shape);
        }
    }
    Ok(tuning)
}

/// Finds the fastest [`GemmKernel`] for each of `products` on `device`. Results are compared with those of
/// [`GemmKernel::Gemm`].
///
/// # Errors
/// If the device fails.
pub async fn tune_gemm(
    device: &Device,
    products: &[MatmulShape],
    budget: Duration,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Tuning> {
    let mut tuning = Tuning::default();
    let candidates = GemmKernel::candidates(device);
    let mut shares = Shares::new(products, budget);
    while let Some((product, deadline)) = shares.next(progress) {
        // With so many tokens, the multiplication takes longer than reading the weights.
        let trial = Trial::new(device, product, (PROMPT_TOKENS, 1))?;
        let run = |kernel| trial.run(move |plan, x, weight, y| multiply_by(plan, kernel, x, weight, y));
        let plain = run(GemmKernel::Gemm).await?;
        let mut fastest = Fastest { wanted: Some(plain.0.clone()), ..Fastest::new(product) };
        for &kernel in &candidates {
            if fastest.best.is_some() && Instant::now() >= deadline {
                break;
            }
            let found = if kernel == GemmKernel::Gemm { plain.clone() } else { run(kernel).await? };
            fastest.consider(kernel, found);
        }
        if let Some((kernel, _)) = fastest.best {
            tuning.set_gemm_kernel(*product, kernel);
        }
    }
    Ok(tuning)
}

/// The result of [`Trial::run`] for a shape.
async fn try_shape(trial: &Trial, shape: GemvShape) -> Result<(Vec<f32>, f64)> {
    let run = trial.run(|plan, x, weight, y| {
        let matmul = Matmul::new(x, weight, None, y);
        gemv_shaped(plan, shape, &matmul);
    });
    run.await
}

/// Products, each of which gets a share of the time.
struct Shares<'a> {
    products: &'a [MatmulShape],
    next: usize,
    end: Instant,
}

impl<'a> Shares<'a> {
    fn new(products: &'a [MatmulShape], budget: Duration) -> Self {
        Self { products, next: 0, end: Instant::now() + budget }
    }

    /// Returns the next product and its deadline. The remaining time is divided into equal parts. Returns `None` if no
    /// product or no time is left.
    fn next(&mut self, progress: &mut dyn FnMut(usize, usize)) -> Option<(&'a MatmulShape, Instant)> {
        let now = Instant::now();
        let left = self.products.len() - self.next;
        let product = self.products.get(self.next).filter(|_| now < self.end);
        let done = if product.is_some() { self.next } else { self.products.len() };
        progress(done, self.products.len());
        self.next += 1;
        product.map(|product| (product, now + (self.end - now) / left as u32))
    }
}

/// The fastest correct candidate so far.
struct Fastest<'a, T> {
    product: &'a MatmulShape,
    /// The correct results. Without a reference, these are the first results.
    wanted: Option<Vec<f32>>,
    best: Option<(T, f64)>,
}

impl<'a, T: Copy + std::fmt::Display> Fastest<'a, T> {
    fn new(product: &'a MatmulShape) -> Self {
        Self { product, wanted: None, best: None }
    }

    fn consider(&mut self, candidate: T, (got, seconds): (Vec<f32>, f64)) {
        let Self { product, wanted, best } = self;
        let wanted = wanted.get_or_insert_with(|| got.clone());
        if !are_close(product, &got, wanted) {
            tracing::warn!("{candidate} computes {product:?} wrongly on this adapter and is not used");
        } else if best.is_none_or(|(_, fastest)| seconds < GAIN * fastest) {
            *best = Some((candidate, seconds));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{BLOCK, Format};

    #[test]
    fn products_of_every_format_are_tuned() {
        let products = Format::ALL.map(|format| MatmulShape::new(9, 8 * BLOCK, format));
        let budget = Duration::from_secs(20);
        let mut steps = Vec::new();
        let mut progress = |done, total| steps.push((done, total));
        let mut tuning = pollster::block_on(tune(&Device::Cpu, &products, budget, &mut progress)).unwrap();
        assert!(tuning.covers(&products));
        assert!(!tuning.covers_gemm(&products));
        let found = tune_gemm(&Device::Cpu, &products, budget, &mut progress);
        tuning.extend(pollster::block_on(found).unwrap());
        assert!(tuning.covers(&products) && tuning.covers_gemm(&products));
        let all: Vec<_> = (0..=products.len()).map(|done| (done, products.len())).collect();
        assert_eq!(steps, [all.clone(), all].concat());
        // Without time, no product is tried, and no weights are made up.
        let none = pollster::block_on(tune(&Device::Cpu, &products, Duration::ZERO, &mut |_, _| {})).unwrap();
        assert_eq!(none, Tuning::default());
        let none = pollster::block_on(tune_gemm(&Device::Cpu, &products, Duration::ZERO, &mut |_, _| {}));
        assert_eq!(none.unwrap(), Tuning::default());
    }

    #[test]
    fn what_is_wrong_is_not_taken_however_fast() {
        let product = MatmulShape::new(2, 32, Format::F32);
        let mut fastest = Fastest { wanted: Some(vec![1.0, -2.0]), ..Fastest::new(&product) };
        let mut best_after = |kernel, got: &[f32], seconds| {
            fastest.consider(kernel, (got.to_vec(), seconds));
            fastest.best.map(|(kernel, _)| kernel)
        };
        assert_eq!(best_after(GemmKernel::GemmShared, &[1.0, f32::NAN], 0.1), None, "NaN is not right");
        assert_eq!(best_after(GemmKernel::GemmShared, &[1.0, -2.001], 0.1), None);
        assert_eq!(best_after(GemmKernel::GemmShared, &[1.0], 0.1), None, "a part");
        assert_eq!(best_after(GemmKernel::Gemm, &[1.0, -2.0], 1.0), Some(GemmKernel::Gemm));
        assert_eq!(
            best_after(GemmKernel::GemmRows, &[1.0, -2.0], 0.98),
            Some(GemmKernel::Gemm),
            "next to no gain"
        );
        assert_eq!(best_after(GemmKernel::GemmRows, &[1.0, -2.0], 0.9), Some(GemmKernel::GemmRows));
    }
}
