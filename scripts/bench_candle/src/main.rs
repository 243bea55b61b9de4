//! Benchmarks candle's CPU path: `bench-candle MODEL.gguf PROMPT_TOKENS NEW_TOKENS`.
//!
//! Reads a prompt, decodes greedily, and prints the milliseconds to the first token and the tokens per second
//! as JSON.

use std::error::Error;
use std::fs::File;
use std::time::Instant;

use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Tensor};
use candle_transformers::models::{quantized_gemma3, quantized_llama, quantized_qwen2, quantized_qwen3};

enum Model {
    Gemma3(quantized_gemma3::ModelWeights),
    Llama(quantized_llama::ModelWeights),
    Qwen2(quantized_qwen2::ModelWeights),
    Qwen3(quantized_qwen3::ModelWeights),
}

impl Model {
    fn load(path: &str, device: &Device) -> Result<Self, Box<dyn Error>> {
        let mut file = File::open(path)?;
        let content = Content::read(&mut file)?;
        let architecture = content
            .metadata
            .get("general.architecture")
            .ok_or("no general.architecture")?
            .to_string()?
            .clone();
        Ok(match architecture.as_str() {
            "gemma3" => Self::Gemma3(quantized_gemma3::ModelWeights::from_gguf(content, &mut file, device)?),
            "llama" => Self::Llama(quantized_llama::ModelWeights::from_gguf(content, &mut file, device)?),
            "qwen2" => Self::Qwen2(quantized_qwen2::ModelWeights::from_gguf(content, &mut file, device)?),
            "qwen3" => Self::Qwen3(quantized_qwen3::ModelWeights::from_gguf(content, &mut file, device)?),
            other => return Err(format!("candle has no quantised {other}").into()),
        })
    }

    /// The most probable token after `ids`; the first id has this `position`.
    fn next(&mut self, ids: &[u32], position: usize, device: &Device) -> candle_core::Result<u32> {
        let x = Tensor::new(ids, device)?.unsqueeze(0)?;
        let logits = match self {
            Self::Gemma3(model) => model.forward(&x, position),
            Self::Llama(model) => model.forward(&x, position),
            Self::Qwen2(model) => model.forward(&x, position),
            Self::Qwen3(model) => model.forward(&x, position),
        }?;
        logits.flatten_all()?.argmax(0)?.to_scalar()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, prompt_tokens, new_tokens] = arguments.as_slice() else {
        return Err("usage: bench-candle MODEL.gguf PROMPT_TOKENS NEW_TOKENS".into());
    };
    let (prompt_tokens, new_tokens): (usize, usize) = (prompt_tokens.parse()?, new_tokens.parse()?);
    let device = Device::Cpu;
    let start = Instant::now();
    let mut model = Model::load(path, &device)?;
    // These are the ids that the other programs read.
    let ids: Vec<u32> = (0..prompt_tokens as u64)
        .map(|index| (5 + (index * index * 311 + 17 * index) % 10_000) as u32)
        .collect();
    let before_prompt = Instant::now();
    let mut id = model.next(&ids, 0, &device)?;
    let first = Instant::now();
    for index in 0..new_tokens {
        id = model.next(&[id], prompt_tokens + index, &device)?;
    }
    let (to_first, prompt) = (first - start, first - before_prompt);
    let decoding = first.elapsed();
    println!(
        "{{\"first\": {}, \"prefill\": {}, \"decode\": {}, \"last\": {id}}}",
        1e3 * to_first.as_secs_f64(),
        prompt_tokens as f64 / prompt.as_secs_f64(),
        new_tokens as f64 / decoding.as_secs_f64(),
    );
    Ok(())
}
