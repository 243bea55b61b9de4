//! Capturing what is on the way from ids to logits.

use super::forward::{self, Activations, Scratch, Taps};
use super::kv_cache::KvCache;
use super::load::Model;
use crate::device::{Device, Readback};
use crate::error::{Error, Result};
use crate::kernels::{Batch, Plan};
use crate::tensor::Tensor;

/// Tokens that are computed together, at most.
const MAX_BATCH: usize = 64;

/// Device memory that captured values of one batch may take, in 32-bit words.
const MAX_TAP_WORDS: usize = 32 << 20;

/// What to capture. Nothing is computed or copied for what is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaptureRequest {
    /// Logits at every position.
    pub logits: bool,
    /// The residual stream before each layer, and after the final norm.
    pub hidden_states: bool,
    /// Attention weights of every head.
    pub attentions: bool,
}

/// What was captured over a text of `T` tokens. Tensors are f32, the last dimension contiguous.
#[derive(Debug, Clone, PartialEq)]
pub struct Capture {
    /// The text, `[T]`.
    pub input_ids: Vec<u32>,
    /// `[T, vocab_size]`: row `t` is about the token after token `t`.
    pub logits: Option<Vec<f32>>,
    /// `[num_layers + 1, T, hidden_size]`: the embedding, the residual stream after each layer but the last, and the
    /// output of the final norm, as Hugging Face's `output_hidden_states`.
    pub hidden_states: Option<Vec<f32>>,
    /// `[num_layers, num_heads, T, T]`: rows are queries.
    pub attentions: Option<Vec<f32>>,
}

impl Capture {
    /// Runs `model` over `ids` in a cache of its own and keeps what `request` asks for.
    ///
    /// ```
    /// # pollster::block_on(async {
    /// use sukashi::model::{Capture, CaptureRequest};
    /// use sukashi::{Device, Model};
    ///
    /// let model = Model::embedded(&Device::Cpu)?;
    /// let ids = model.encode("猫である")?;
    /// let request = CaptureRequest { attentions: true, ..CaptureRequest::default() };
    /// let capture = Capture::run(&model, &ids, request).await?;
    /// assert_eq!(capture.attentions.map(|values| values.len()), Some(6 * 6 * 4 * 4));
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If `ids` is empty, has an id outside the vocabulary, or is longer than the context; if the device fails.
    pub async fn run(model: &Model, ids: &[u32], request: CaptureRequest) -> Result<Self> {
        let (device, spec) = (model.device(), model.spec());
        crate::text::check_prompt(ids, spec.vocab_size, spec.max_seq_len)?;
        let num_tokens = ids.len();
        let hidden_size = spec.hidden_size;
        let attention_row = spec.num_heads * num_tokens;

        let words_per_token = [
            if request.logits { spec.vocab_size } else { 0 },
            if request.hidden_states { (spec.num_layers + 1) * hidden_size } else { 0 },
            if request.attentions { spec.num_layers * attention_row } else { 0 },
        ];
        let largest = words_per_token[0].max(attention_row).max(1);
        let batch = MAX_BATCH
            .min(MAX_TAP_WORDS / words_per_token.iter().sum::<usize>().max(1))
            .min(device.max_binding_words() / (largest + 8))
            .clamp(1, num_tokens);

        let cache = KvCache::new(device, spec, num_tokens)?;
        let activations = Activations::new(device, spec, batch)?;
        let taps = taps(device, model, (batch, num_tokens), request)?;
        let logits =
            Tensor::zeros(device, "logits", if request.logits { batch } else { 1 }, spec.vocab_size)?;

        let mut plan = Plan::new(device, batch);
        forward::body(&mut plan, spec, model.weights(), &cache, &activations, &taps);
        if request.logits {
            forward::head(&mut plan, spec, model.weights(), &activations.resid, &activations.normed, &logits);
        } else if request.hidden_states {
            forward::final_norm(&mut plan, spec, model.weights(), &activations.resid, &activations.normed);
        }
        let program = plan.compile()?;

        let mut capture = Self::zeros(model, ids, request)?;
        let mut readback =
            Readback::new(device, batch * (logits.stride().max(attention_row)).max(hidden_size + 8))?;
        let mut scratch = Scratch::default();
        for (index, chunk) in ids.chunks(batch).enumerate() {
            let start = index * batch;
            activations.write(device, spec, (chunk, start), &mut scratch);
            let mut recorder = device.record();
            let tokens = Batch { position: start as u32, num_tokens: chunk.len() as u32, ..Batch::default() };
            program.run(tokens, &mut recorder);
            device.submit(recorder)?;

            if let Some(all) = &mut capture.logits {
                let rows = &mut all[start * spec.vocab_size..][..chunk.len() * spec.vocab_size];
                read_rows(&mut readback, device, &logits, rows).await?;
            }
            if let Some(all) = &mut capture.hidden_states {
                for (layer, tap) in taps.hidden_states.iter().chain([&activations.normed]).enumerate() {
                    let at = (layer * num_tokens + start) * hidden_size;
                    read_rows(&mut readback, device, tap, &mut all[at..][..chunk.len() * hidden_size])
                        .await?;
                }
            }
            if let Some(all) = &mut capture.attentions {
                for (layer, tap) in taps.attentions.iter().enumerate() {
                    let words = chunk.len() * attention_row;
                    let values = readback.submit_and_read(device.record(), tap.buffer(), words).await?;
                    let values: &[f32] = bytemuck::cast_slice(values);
                    // [token, head, column] on the device, [head, token, column] here.
                    for (row, probs) in values.chunks_exact(num_tokens).enumerate() {
                        let (token, head) = (start + row / spec.num_heads, row % spec.num_heads);
                        let at = ((layer * spec.num_heads + head) * num_tokens + token) * num_tokens;
                        all[at..at + num_tokens].copy_from_slice(probs);
                    }
                }
            }
        }
        Ok(capture)
    }

    fn zeros(model: &Model, ids: &[u32], request: CaptureRequest) -> Result<Self> {
        let (spec, num_tokens) = (model.spec(), ids.len());
        let tensor = |wanted: bool, what: &str, elements: usize| -> Result<Option<Vec<f32>>> {
            if !wanted {
                return Ok(None);
            }
            let mut values = Vec::new();
            values.try_reserve_exact(elements).map_err(|cause| {
                Error::new(
                    crate::ErrorKind::OutOfMemory,
                    format!("no room for {elements} elements of {what}"),
                )
                .caused_by(cause)
            })?;
            values.resize(elements, 0.0);
            Ok(Some(values))
        };
        Ok(Self {
            input_ids: ids.to_vec(),
            logits: tensor(request.logits, "logits", num_tokens * spec.vocab_size)?,
            hidden_states: tensor(
                request.hidden_states,
                "hidden_states",
                (spec.num_layers + 1) * num_tokens * spec.hidden_size,
            )?,
            attentions: tensor(
                request.attentions,
                "attentions",
                spec.num_layers * spec.num_heads * num_tokens * num_tokens,
            )?,
        })
    }
}

fn taps(
    device: &Device,
    model: &Model,
    (batch, num_tokens): (usize, usize),
    request: CaptureRequest,
) -> Result<Taps> {
    let spec = model.spec();
    let mut taps = Taps { columns: num_tokens, ..Taps::default() };
    for _ in 0..spec.num_layers {
        if request.hidden_states {
            taps.hidden_states.push(Tensor::zeros(device, "hidden_states", batch, spec.hidden_size)?);
        }
        if request.attentions {
            taps.attentions.push(Tensor::zeros(
                device,
                "attentions",
                1,
                batch * spec.num_heads * num_tokens,
            )?);
        }
    }
    Ok(taps)
}

/// Reads the first rows of a tensor, as many as fill `rows`, without their padding.
async fn read_rows(
    readback: &mut Readback,
    device: &Device,
    tensor: &Tensor,
    rows: &mut [f32],
) -> Result<()> {
    let (columns, stride) = (tensor.columns(), tensor.stride());
    let words = rows.len() / columns * stride;
    let values = readback.submit_and_read(device.record(), tensor.buffer(), words).await?;
    let values: &[f32] = bytemuck::cast_slice(values);
    for (to, from) in rows.chunks_exact_mut(columns).zip(values.chunks_exact(stride)) {
        to.copy_from_slice(&from[..columns]);
    }
    Ok(())
}
