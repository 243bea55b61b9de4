//! Measures single kernels at several shapes, on every adapter and the CPU: `cargo bench --bench kernels [--
//! NAME]`.
//!
//! Attention has its own benchmark. A line shows the kernel, its shape, the median time of a dispatch (from
//! the adapter's timestamps if it has them) and, for products, bytes of weights and multiply-adds per second.
//! `NAME` selects lines that contain it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]

use sukashi::device::{Matrix, Tensor};
use sukashi::dispatch::Batch;
use sukashi::format::Format;
use sukashi::kernels::{
    self, Choices, DeviceSampling, FOUND_WORDS, GemvShape, Matmul, MatmulShape, Plan, SearchShape,
};
use sukashi::model::prefill_tokens;
use sukashi::{Device, bench};

/// The number of timed runs per line.
const RUNS: usize = 9;

/// The shapes `[out_features, in_features]`: attention and MLP of Gemma 3 1B, Llama 3.2 1B, and a small
/// model.
const PRODUCTS: [(usize, usize); 5] = [(1536, 1280), (6912, 1280), (1280, 6912), (8192, 2048), (768, 256)];

struct Bench {
    device: Device,
    filter: Option<String>,
}

impl Bench {
    /// Times the kernels that `record` adds to a plan for `batch`, and prints a line.
    fn line(&self, name: &str, batch: Batch, product: Option<MatmulShape>, record: impl FnOnce(&mut Plan)) {
        if self.filter.as_ref().is_some_and(|filter| !name.contains(filter.as_str())) {
            return;
        }
        let mut plan = Plan::new(&self.device, &Choices::of(&self.device), batch.num_tokens as usize);
        record(&mut plan);
        let program = self.device.compile(&plan.lower().unwrap().recording).unwrap();
        let mut times: Vec<f64> = (0..=RUNS)
            .map(|_| pollster::block_on(program.profile(batch)).unwrap().iter().sum())
            .skip(1)
            .collect();
        times.sort_by(f64::total_cmp);
        let seconds = times[RUNS / 2];
        let rates = product.map_or_else(String::new, |product| {
            let tokens = f64::from(batch.num_tokens);
            format!(
                "{:8.2} GB/s {:8.2} G multiply-adds/s",
                product.weight_bytes as f64 / seconds * 1e-9,
                product.multiply_adds() as f64 * tokens / seconds * 1e-9
            )
        });
        println!("{name:48} {:10.3} ms {rates}", 1e3 * seconds);
    }

    fn tensor(&self, rows: usize, columns: usize) -> Tensor {
        let values: Vec<f32> =
            (0..rows * columns).map(|index| ((index * 37 % 101) as f32 - 50.0) / 50.0).collect();
        Tensor::from_slice(&self.device, "bench", &values, rows, columns).unwrap()
    }

    fn products(&self) {
        for format in [Format::F16, Format::Q8_0, Format::Q4_0, Format::Q4K, Format::Q6K] {
            for (rows, columns) in PRODUCTS {
                let product = MatmulShape::new(rows, columns, format);
                // The time does not depend on the values, so zeros are enough.
                let words = vec![0; product.weight_bytes / 4];
                let weight = Matrix::upload(&self.device, "bench", &words, (rows, columns), format).unwrap();
                let label = format!("[{rows}, {columns}] {}", format.name());
                let (x, y) = (self.tensor(64, columns), self.tensor(64, rows));
                let one = Batch { num_tokens: 1, ..Batch::default() };
                let shapes: Vec<GemvShape> =
                    GemvShape::ALL.into_iter().filter(|shape| self.device.runs(shape.kernel())).collect();
                let shapes = if matches!(self.device, Device::Cpu) { &shapes[..1] } else { &shapes[..] };
                for &shape in shapes {
                    self.line(&format!("{shape} {label}"), one, Some(product), |plan| {
                        kernels::gemv_shaped(plan, shape, &Matmul::new(&x, &weight, None, &y));
                    });
                }
                for num_tokens in [2, 4, 8, 64] {
                    let many = Batch { num_tokens, ..Batch::default() };
                    self.line(&format!("gemm {label} x {num_tokens}"), many, Some(product), |plan| {
                        kernels::gemm(plan, &x, &weight, None, &y);
                    });
                    if !matches!(self.device, Device::Gpu(_)) {
                        continue;
                    }
                    if kernels::kernels().any(|kernel| kernel.name == "gemm_rows" && self.device.runs(kernel))
                    {
                        self.line(
                            &format!("gemm_rows {label} x {num_tokens}"),
                            many,
                            Some(product),
                            |plan| {
                                kernels::gemm_rows(plan, &x, &weight, None, &y);
                            },
                        );
                    }
                    self.line(&format!("gemv_tokens {label} x {num_tokens}"), many, Some(product), |plan| {
                        kernels::gemv_tokens(plan, &x, &weight, None, &y);
                    });
                }
            }
        }
    }

    fn rows(&self) {
        for columns in [640, 2048, 8192] {
            let one = Batch { num_tokens: 1, ..Batch::default() };
            let (x, weight, y) = (self.tensor(1, columns), self.tensor(1, columns), self.tensor(1, columns));
            self.line(&format!("rms_norm {columns}"), one, None, |plan| {
                kernels::rms_norm(plan, &x, &weight, 1e-6, &y);
            });
            self.line(&format!("add {columns}"), one, None, |plan| kernels::add(plan, &x, &y));
        }
    }

    /// The largest product of a prompt's pass, with as many tokens as a session reads together.
    fn passes(&self) {
        for (shape, format) in
            [("gemma-3-270m", Format::Q8_0), ("llama-3.2-1b", Format::Q4K), ("llama-3.1-8b", Format::Q4K)]
        {
            let model = bench::synthetic(shape).unwrap();
            let spec = model.spec();
            // gate_proj and up_proj are one matrix.
            let (rows, columns) = (2 * spec.intermediate_size, spec.hidden_size);
            let product = MatmulShape::new(rows, columns, format);
            let words = vec![0; product.weight_bytes / 4];
            let weight = Matrix::upload(&self.device, "bench", &words, (rows, columns), format).unwrap();
            let num_tokens = prefill_tokens(&self.device, spec, 0);
            let (x, y) = (self.tensor(num_tokens, columns), self.tensor(num_tokens, rows));
            let batch = Batch { num_tokens: num_tokens as u32, ..Batch::default() };
            let label = format!("a pass of {shape}: [{rows}, {columns}] {} x {num_tokens}", format.name());
            self.line(&label, batch, Some(product), |plan| kernels::multiply(plan, &x, &weight, None, &y));
        }
    }

    /// Sampling on the device: the largest logits of a vocabulary, and the choice of one of them.
    fn choices(&self) {
        for (vocab_size, count) in [(8192, 40), (262_144, 1), (262_144, 40), (262_144, 128)] {
            let words = |words| Tensor::zeros(&self.device, "bench", 1, words).unwrap();
            let how = DeviceSampling {
                count,
                pick: 0,
                temperature: 1.0,
                top_p: 2.0,
                min_p: 0.0,
                draw: 0.5,
                unused: [0; 2],
            };
            let how: Vec<f32> = bytemuck::cast_slice(&[how]).to_vec();
            let choosing = Tensor::from_slice(&self.device, "choosing", &how, 1, how.len()).unwrap();
            let shape = SearchShape::of(&self.device, vocab_size);
            let (x, parts) = (self.tensor(1, vocab_size), words(shape.num_parts(vocab_size)));
            let (found, ids) = (words(FOUND_WORDS), words(1));
            let one = Batch { num_tokens: 1, ..Batch::default() };
            let [choosing, parts, found, ids] = [&choosing, &parts, &found, &ids].map(Tensor::buffer);
            self.line(&format!("top_k and choose, {count} of {vocab_size}"), one, None, |plan| {
                kernels::top_k(plan, shape, &x, choosing, parts, found);
                kernels::choose(plan, choosing, found, ids);
            });
        }
    }
}

fn main() {
    // Cargo adds --bench.
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let count = pollster::block_on(sukashi::gpu::adapters()).len();
    let names = (0..count).map(|index| index.to_string()).chain(["cpu".to_owned()]);
    for name in names {
        let device = pollster::block_on(Device::request(&name)).unwrap();
        let info = device.info();
        println!("\n{} · {} · {}", info.name, info.backend, info.driver);
        let benchmark = Bench { device, filter: filter.clone() };
        benchmark.products();
        benchmark.rows();
        benchmark.choices();
        benchmark.passes();
    }
}
