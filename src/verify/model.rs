//! Computes a model on a device and with the twins along the same tokens.

use super::Row;
use super::compare::compare;
use crate::device::Device;
use crate::dispatch::Tolerance;
use crate::error::{Error, Result};
use crate::kernels::Choices;
use crate::model::{Capture, CaptureRequest, Model, Session};

/// The embedded model.
pub(super) const NAME: &str = "soseki-mini";

/// The number of rows of [`check`]: hidden states, attention, logits and decoding.
pub(super) const NUM_ROWS: usize = 4;

/// The number of tokens of the prompt, and of decoded tokens after it.
const PROMPT_TOKENS: usize = 13;
const DECODED_TOKENS: usize = 20;

/// How far the numbers of a device may be from those of the twins. Absolute parts are shares of the largest value of a
/// layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tolerances {
    hidden_states: f32,
    attentions: f32,
    logits: f32,
}

impl Tolerances {
    /// The tolerance of f32 sums along six layers. On llvmpipe through Vulkan and GL, the measured errors are 1.3e-6,
    /// 2e-6 and 4e-6.
    pub const EMBEDDED: Self = Self { hidden_states: 5e-6, attentions: 5e-6, logits: 3e-5 };
    /// The tolerance of f32 sums along some dozens of layers, whose residual streams have a few very large channels.
    /// With the 18 layers of Gemma 3 270M on llvmpipe, the measured errors are 4e-6, 1e-5 and 4e-6.
    pub const ANY: Self = Self { hidden_states: 5e-5, attentions: 1e-4, logits: 5e-5 };
}

/// The two models to compare.
pub(super) struct Pair<'a> {
    pub name: &'a str,
    /// The model on the device.
    pub tested: &'a Model,
    /// The model on the CPU.
    pub twin: &'a Model,
    pub tolerances: Tolerances,
}

/// The embedded model.
pub(super) async fn check_embedded(device: &Device, choices: &Choices) -> Result<Vec<Row>> {
    let tested = Model::embedded(device)?.with_choices(choices.clone())?;
    let twin = Model::embedded(&Device::Twins)?;
    check(Pair { name: NAME, tested: &tested, twin: &twin, tolerances: Tolerances::EMBEDDED }).await
}

/// Computes a model layer by layer over a text, and reads and decodes the same text in a session.
pub(super) async fn check(Pair { name, tested, twin, tolerances }: Pair<'_>) -> Result<Vec<Row>> {
    // The ids are arbitrary. They are spread over the vocabulary.
    let vocab_size = twin.spec().vocab_size;
    let num_tokens = (PROMPT_TOKENS + DECODED_TOKENS).min(twin.spec().max_seq_len);
    let ids: Vec<u32> =
        (0..num_tokens).map(|index| ((index * index * 311 + 17 * index + 5) % vocab_size) as u32).collect();

    let mut hidden_states = Row::new(format!("{name}: hidden states"));
    let mut attentions = Row::new(format!("{name}: attention"));
    let mut logits = Row::new(format!("{name}: logits"));
    // One token uses the kernels of decoding. Many tokens use those of a prompt.
    for ids in [&ids[..1], &ids[..]] {
        let all = CaptureRequest::new(twin.spec(), ["hidden_states", "attentions", "logits"])?;
        let got = Capture::run(tested, ids, &all).await?;
        let want = Capture::run(twin, ids, &all).await?;
        let tokens = ids.len();
        let layers = (
            layers(&got, "hidden_states", tokens * twin.spec().hidden_size)?,
            layers(&want, "hidden_states", tokens * twin.spec().hidden_size)?,
        );
        add_layers(&mut hidden_states, tolerances.hidden_states, layers, |layer| {
            format!("{tokens} tokens, hidden state {layer}")
        });
        let size = twin.spec().num_heads * tokens * tokens;
        let layers = (self::layers(&got, "attentions", size)?, self::layers(&want, "attentions", size)?);
        add_layers(&mut attentions, tolerances.attentions, layers, |layer| {
            format!("{tokens} tokens, layer {layer}")
        });
        let size = tokens * vocab_size;
        let layers = (self::layers(&got, "logits", size)?, self::layers(&want, "logits", size)?);
        add_layers(&mut logits, tolerances.logits, layers, |_| format!("{tokens} tokens"));
    }
    Ok(vec![hidden_states, attentions, logits, decoding(name, tested, twin, &ids, tolerances.logits).await?])
}

async fn decoding(name: &str, tested: &Model, twin: &Model, ids: &[u32], tolerance: f32) -> Result<Row> {
    let mut row = Row::new(format!("{name}: decoding"));
    let (mut tested, mut twin) = (Session::new(tested)?, Session::new(twin)?);
    let (prompt, rest) = ids.split_at(PROMPT_TOKENS.min(ids.len()));
    let got = tested.prefill(prompt).await?;
    let want = twin.prefill(prompt).await?;
    add_layers(&mut row, tolerance, (vec![got], vec![want]), |_| "prefill".into());
    for (step, &id) in rest.iter().enumerate() {
        let got = tested.decode(id).await?;
        let want = twin.decode(id).await?;
        add_layers(&mut row, tolerance, (vec![got], vec![want]), |_| format!("decoded token {}", step + 1));
    }
    Ok(row)
}

fn layers<'a>(capture: &'a Capture, name: &str, size: usize) -> Result<Vec<&'a [f32]>> {
    let captured = capture.get(name).ok_or_else(|| Error::input("what was asked for was not captured"))?;
    Ok(captured.values.chunks(size).collect())
}

/// Adds a case for each layer. After the first layer that diverges, no more layers are compared.
fn add_layers(
    row: &mut Row,
    tolerance: f32,
    (got, want): (Vec<&[f32]>, Vec<&[f32]>),
    name: impl Fn(usize) -> String,
) {
    if !row.passed {
        return;
    }
    for (layer, want) in want.iter().enumerate() {
        let largest = want.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let tolerance = Tolerance { atol: tolerance * largest, rtol: 0.0 };
        let got: &[u32] = bytemuck::cast_slice(got.get(layer).copied().unwrap_or_default());
        let want: &[u32] = bytemuck::cast_slice(want);
        // Every element is written here, so no value has this pattern.
        let initial = vec![crate::kernels::POISON; want.len()];
        let worst = compare(tolerance, &initial, got, want);
        row.add(worst.error, || format!("{}: {}", name(layer), worst.place));
        if !row.passed {
            return;
        }
    }
}
