//! The embedded model on a device, and with the twins, along the same tokens.

use super::Row;
use super::compare::compare;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernels::Tolerance;
use crate::model::{Capture, CaptureRequest, Model, Session};

/// The embedded model.
pub(super) const NAME: &str = "soseki-mini";

/// What [`check`] gives: hidden states, attention, logits and decoding.
pub(super) const NUM_ROWS: usize = 4;

/// Tokens of the prompt, and tokens decoded after it.
const PROMPT_TOKENS: usize = 13;
const DECODED_TOKENS: usize = 20;

/// f32 sums along six layers; measured on llvmpipe through Vulkan and GL: 2.7e-6 of 2.1.
const HIDDEN_STATES: Tolerance = Tolerance { atol: 1e-5, rtol: 5e-6 };
/// Measured: 7.2e-7 of 0.35.
const ATTENTIONS: Tolerance = Tolerance { atol: 1e-6, rtol: 1e-5 };
/// Measured: 4e-6 of 1.1.
const LOGITS: Tolerance = Tolerance { atol: 3e-5, rtol: 5e-6 };

/// Computes the model layer by layer over a text, and reads and decodes the same text in a session.
pub(super) async fn check(device: &Device) -> Result<Vec<Row>> {
    let tested = Model::embedded(device)?;
    let twin = Model::embedded(&Device::Cpu)?;
    // Any ids do; these are spread over the vocabulary.
    let vocab_size = twin.spec().vocab_size;
    let ids: Vec<u32> = (0..PROMPT_TOKENS + DECODED_TOKENS)
        .map(|index| ((index * index * 311 + 17 * index + 5) % vocab_size) as u32)
        .collect();

    let mut hidden_states = Row::new(format!("{NAME}: hidden states"));
    let mut attentions = Row::new(format!("{NAME}: attention"));
    let mut logits = Row::new(format!("{NAME}: logits"));
    // One token goes through the kernels of decoding, many through those of reading a prompt.
    for ids in [&ids[..1], &ids[..]] {
        let all = CaptureRequest::new(twin.spec(), ["hidden_states", "attentions", "logits"])?;
        let got = Capture::run(&tested, ids, &all).await?;
        let want = Capture::run(&twin, ids, &all).await?;
        let tokens = ids.len();
        let layers = (
            layers(&got, "hidden_states", tokens * twin.spec().hidden_size)?,
            layers(&want, "hidden_states", tokens * twin.spec().hidden_size)?,
        );
        add_layers(&mut hidden_states, HIDDEN_STATES, layers, |layer| {
            format!("{tokens} tokens, hidden state {layer}")
        });
        let size = twin.spec().num_heads * tokens * tokens;
        let layers = (self::layers(&got, "attentions", size)?, self::layers(&want, "attentions", size)?);
        add_layers(&mut attentions, ATTENTIONS, layers, |layer| format!("{tokens} tokens, layer {layer}"));
        let size = tokens * vocab_size;
        let layers = (self::layers(&got, "logits", size)?, self::layers(&want, "logits", size)?);
        add_layers(&mut logits, LOGITS, layers, |_| format!("{tokens} tokens"));
    }
    Ok(vec![hidden_states, attentions, logits, decoding(&tested, &twin, &ids).await?])
}

async fn decoding(tested: &Model, twin: &Model, ids: &[u32]) -> Result<Row> {
    let mut row = Row::new(format!("{NAME}: decoding"));
    let (mut tested, mut twin) = (Session::new(tested)?, Session::new(twin)?);
    let (prompt, rest) = ids.split_at(PROMPT_TOKENS);
    let got = tested.prefill(prompt).await?;
    let want = twin.prefill(prompt).await?;
    add_layers(&mut row, LOGITS, (vec![got], vec![want]), |_| "prefill".into());
    for (step, &id) in rest.iter().enumerate() {
        let got = tested.decode(id).await?;
        let want = twin.decode(id).await?;
        add_layers(&mut row, LOGITS, (vec![got], vec![want]), |_| format!("decoded token {}", step + 1));
    }
    Ok(row)
}

fn layers<'a>(capture: &'a Capture, name: &str, size: usize) -> Result<Vec<&'a [f32]>> {
    let captured = capture.get(name).ok_or_else(|| Error::input("what was asked for was not captured"))?;
    Ok(captured.values.chunks(size).collect())
}

/// Adds a case for each layer. The first that diverges is the one to look at: what comes after it is not compared.
fn add_layers(
    row: &mut Row,
    tolerance: Tolerance,
    (got, want): (Vec<&[f32]>, Vec<&[f32]>),
    name: impl Fn(usize) -> String,
) {
    if !row.passed {
        return;
    }
    for (layer, want) in want.iter().enumerate() {
        let got: &[u32] = bytemuck::cast_slice(got.get(layer).copied().unwrap_or_default());
        let want: &[u32] = bytemuck::cast_slice(want);
        // Nothing is left alone here: no value has this pattern.
        let initial = vec![super::inputs::POISON; want.len()];
        let worst = compare(tolerance, &initial, got, want);
        row.add(worst.error, || format!("{}: {}", name(layer), worst.place));
        if !row.passed {
            return;
        }
    }
}
