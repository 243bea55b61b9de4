//! A product with made-up weights, on which kernels are tried.

use web_time::Instant;

use crate::device::{Device, Matrix, Program, Readback, Tensor};
use crate::dispatch::{Batch, Tolerance};
use crate::error::Result;
use crate::format::BLOCK;
use crate::kernels::Inputs;
use crate::kernels::{Choices, MatmulShape, Plan, TOLERANCE_OF_PRODUCTS};

/// The bytes of weights on which a candidate is timed. They are more than the caches of a GPU hold. A software adapter
/// gets a fraction of them, since a run takes a hundred times as long there.
const GPU_BYTES: usize = 48 << 20;
const SOFTWARE_BYTES: usize = 4 << 20;
/// The number of different rows of weights. It is a prime, so that no candidate's share of them repeats.
const DISTINCT_ROWS: usize = 61;
/// The columns of the longest sum with which the tolerance of products was measured.
const MEASURED_COLUMNS: f32 = 2948.0;
/// The number of timed runs of a candidate. The fastest counts.
const RUNS: usize = 4;

pub(super) struct Trial {
    device: Device,
    x: Tensor,
    y: Tensor,
    copies: Vec<Matrix>,
}

impl Trial {
    /// Makes a trial of `product` with `num_tokens`, and with up to `max_copies` copies of small weights.
    pub(super) fn new(
        device: &Device,
        product: &MatmulShape,
        (num_tokens, max_copies): (usize, usize),
    ) -> Result<Self> {
        let is_software = matches!(device, Device::Gpu(gpu) if gpu.is_software());
        let bytes = if is_software { SOFTWARE_BYTES } else { GPU_BYTES };
        let MatmulShape { in_features, format, .. } = *product;
        let row_words = format.words_per_row(in_features);
        let rows = (bytes / 4 / row_words).clamp(1, product.out_features);
        let num_copies = (bytes / (4 * rows * row_words).max(1)).clamp(1, max_copies);
        let mut inputs = Inputs::new(device);
        // Rows repeat, because making them takes longer than computing with them.
        let some = inputs.weight_words((rows.min(DISTINCT_ROWS), in_features), format);
        let words: Vec<u32> = some.iter().copied().cycle().take(rows * row_words).collect();
        let copies = (0..num_copies)
            .map(|_| Matrix::upload(device, "trial", &words, (rows, in_features), format))
            .collect::<Result<_>>()?;
        let byte = |index| if index % BLOCK == 0 { 127.0 } else { (index * 37 % 255) as f32 - 127.0 };
        let values: Vec<f32> = (0..num_tokens * in_features).map(|index| byte(index) / 127.0).collect();
        let x = Tensor::from_slice(device, "trial", &values, num_tokens, in_features)?;
        let y = Tensor::zeros(device, "trial", num_tokens, rows)?;
        Ok(Self { device: device.clone(), x, y, copies })
    }

    /// Returns the result of the dispatches that `record` makes of x, weights and y, and the seconds of a run over all
    /// copies.
    pub(super) async fn run(
        &self,
        record: impl Fn(&mut Plan, &Tensor, &Matrix, &Tensor),
    ) -> Result<(Vec<f32>, f64)> {
        let Self { device, x, y, copies, .. } = self;
        let mut plan = Plan::new(device, &Choices::of(device), x.rows());
        for weight in copies {
            record(&mut plan, x, weight, y);
        }
        let program = device.compile(&plan.lower()?.recording)?;
        // What another candidate left there is no result.
        device.upload_part(y.buffer(), 0, &vec![f32::NAN.to_bits(); y.buffer().len()])?;
        let mut readback = Readback::new(device, 1)?;
        let mut best = f64::INFINITY;
        // An untimed run warms up.
        for _ in 0..=RUNS {
            best = best.min(self.seconds(&program, &mut readback).await?);
        }
        Ok((y.read(device).await?, best))
    }

    async fn seconds(&self, program: &Program, readback: &mut Readback) -> Result<f64> {
        let mut recorder = self.device.record();
        let start = Instant::now();
        program.run(Batch { num_tokens: self.x.rows() as u32, ..Batch::default() }, &mut recorder);
        readback.submit_and_read(recorder, self.y.buffer(), 1).await?;
        Ok(start.elapsed().as_secs_f64())
    }
}

/// Whether two results of a product are within the tolerance of a kernel and its twin. Longer sums have a larger
/// tolerance.
pub(super) fn are_close(product: &MatmulShape, got: &[f32], want: &[f32]) -> bool {
    let Tolerance { atol, rtol } = TOLERANCE_OF_PRODUCTS;
    let longer = (product.in_features as f32 / MEASURED_COLUMNS).max(1.0);
    let tolerance = Tolerance { atol: atol * longer, rtol };
    got.len() == want.len() && got.iter().zip(want).all(|(&got, &want)| tolerance.error(got, want) <= 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use crate::kernels::{GemmKernel, GemvShape, Matmul, gemv_shaped, multiply_by};

    #[test]
    fn made_up_weights_are_numbers() {
        for format in Format::ALL {
            let product = MatmulShape::new(3, 8 * BLOCK, format);
            let trial = Trial::new(&Device::Cpu, &product, (1, 2)).unwrap();
            let project = |plan: &mut Plan, x: &Tensor, weight: &Matrix, y: &Tensor| {
                gemv_shaped(plan, GemvShape::GPU, &Matmul::new(x, weight, None, y));
            };
            let (one, seconds) = pollster::block_on(trial.run(project)).unwrap();
            assert!(seconds > 0.0);
            let trial = Trial::new(&Device::Cpu, &product, (2, 1)).unwrap();
            let multiply = |plan: &mut Plan, x: &Tensor, weight: &Matrix, y: &Tensor| {
                multiply_by(plan, GemmKernel::Gemm, x, weight, y);
            };
            let (two, _) = pollster::block_on(trial.run(multiply)).unwrap();
            assert!(two.iter().all(|value| value.is_finite() && *value != 0.0), "{}: {two:?}", format.name());
            assert_eq!((one.len(), two.len()), (3, 6));
            assert!(are_close(&product, &one, &two[..3]), "{}: {one:?}, {two:?}", format.name());
        }
    }
}
