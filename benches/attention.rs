//! What attention costs a token, by the length of the text: one layer, as `cargo bench --bench attention` prints it.
//!
//! `SUKASHI_DEVICE` chooses the device. Times are medians, by the adapter's timestamps where it has them; each includes what
//! one dispatch costs, and that of the merge where a text is split.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]

use sukashi::Device;
use sukashi::kernels::{self, AttentionShape, AttentionTile, Batch, Plan};
use sukashi::tensor::Tensor;

const LENGTHS: [usize; 7] = [128, 256, 512, 1024, 2048, 4096, 8192];
/// Of a prompt that are read together.
const PREFILL_TOKENS: usize = 64;
const RUNS: usize = 9;

/// Name, query heads, key-value heads, channels of a head.
const LAYERS: [(&str, usize, usize, usize); 2] = [("Gemma 3 270M", 4, 1, 256), ("Llama 3.2 1B", 32, 8, 64)];

fn main() {
    let selector = std::env::var("SUKASHI_DEVICE").unwrap_or_else(|_| "auto".into());
    let device = pollster::block_on(Device::request(&selector)).unwrap();
    let info = device.info();
    println!("{} · {} · {}", info.name, info.backend, info.driver);
    for (name, num_heads, num_kv_heads, head_dim) in LAYERS {
        let scale = 1.0 / (head_dim as f32).sqrt();
        let shape = AttentionShape { num_heads, num_kv_heads, head_dim, scale, window: None, softcap: None };
        for num_tokens in [1, PREFILL_TOKENS] {
            println!(
                "\n{name}, {num_heads} heads on {num_kv_heads} of {head_dim}, {num_tokens} tokens at a time"
            );
            println!("{:>6}  {:>10}  {:>12}  {:>8}", "length", "µs/token", "ns/position", "GB/s");
            for length in LENGTHS {
                let seconds = measure(&device, &shape, num_tokens, length) / num_tokens as f64;
                // Keys and values in f32.
                let bytes = 2 * 4 * shape.kv_size() * length;
                println!(
                    "{length:>6}  {:>10.1}  {:>12.1}  {:>8.2}",
                    1e6 * seconds,
                    1e9 * seconds / length as f64,
                    1e-9 * bytes as f64 / seconds
                );
            }
        }
    }
}

/// Seconds of a pass whose last token sees `length` positions.
fn measure(device: &Device, shape: &AttentionShape, num_tokens: usize, length: usize) -> f64 {
    // Scores between -1 and 1, as different as those of a text.
    let values = |rows: usize, columns: usize| {
        let values: Vec<f32> = (0..rows * columns).map(|index| (index % 1009) as f32 / 504.5 - 1.0).collect();
        Tensor::from_slice(device, "values", &values, rows, columns).unwrap()
    };
    let (k_cache, v_cache) = (values(length, shape.kv_size()), values(length, shape.kv_size()));
    let qkv = values(num_tokens, shape.qkv_size());
    let y = Tensor::zeros(device, "y", num_tokens, shape.num_heads * shape.head_dim).unwrap();
    let partials = AttentionTile::partials(device, shape.num_heads, shape.head_dim, length);
    let partials = Tensor::zeros(device, "partials", 1, partials).unwrap();
    let mut plan = Plan::new(device, num_tokens);
    kernels::attention(&mut plan, shape, &qkv, (&k_cache, &v_cache), &partials, &y);
    let program = plan.compile().unwrap();
    let position = (length - num_tokens) as u32;
    let batch = Batch { position, num_tokens: num_tokens as u32, ..Batch::default() };
    let mut seconds: Vec<f64> =
        (0..RUNS).map(|_| pollster::block_on(program.profile(batch)).unwrap().iter().sum()).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[RUNS / 2]
}
