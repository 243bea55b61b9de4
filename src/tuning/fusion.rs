//! Trying what the dispatches of a decoded token bring together.

use std::time::Instant;

use super::measure::GAIN;
use crate::error::Result;
use crate::kernels::Fusion;
use crate::model::{Model, Session};

/// Tokens that a candidate is timed on, after one for what only the first run does; the fastest counts.
const TOKENS: usize = 6;
/// How far logits may be from those of every kernel alone, as a share of the largest: right ones differ in the order of their sums.
const LOGIT_SHARE: f32 = 1e-3;

/// Finds the fastest [`Fusion`] for a token of `model`, in the shapes that its device is tuned with, until `deadline`: what is not
/// tried by then loses to what suits the device's kind. Logits are checked against those of every kernel alone.
///
/// # Errors
/// If the device fails, or has no room for a session of a few tokens.
pub async fn tune_fusion(model: &Model, deadline: Instant) -> Result<Fusion> {
    let default = Fusion::of(model.device());
    let (want, seconds) = run(model, Fusion::None).await?;
    let limit = LOGIT_SHARE * want.iter().fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
    let mut best: Option<(Fusion, f64)> = None;
    let others = Fusion::ALL.into_iter().filter(|&fusion| fusion != default);
    for fusion in std::iter::once(default).chain(others) {
        if best.is_some() && Instant::now() >= deadline {
            break;
        }
        let (got, seconds) =
            if fusion == Fusion::None { (want.clone(), seconds) } else { run(model, fusion).await? };
        // Of what is NaN, nothing is close.
        let is_right = got.iter().zip(&want).all(|(got, want)| (got - want).abs() <= limit);
        if !is_right {
            tracing::warn!("fused as {fusion}, a token comes out wrongly on this adapter; it is not used");
        } else if best.is_none_or(|(_, fastest)| seconds < GAIN * fastest) {
            best = Some((fusion, seconds));
        }
    }
    Ok(best.map_or(Fusion::None, |(fusion, _)| fusion))
}

/// The last token's logits, and the seconds that one took.
async fn run(model: &Model, fusion: Fusion) -> Result<(Vec<f32>, f64)> {
    let mut session = Session::with_fusion(model, 2 + TOKENS, None, fusion)?;
    let vocab_size = model.spec().vocab_size as u32;
    let mut best = f64::INFINITY;
    for index in 0..=TOKENS as u32 {
        let started = Instant::now();
        session.decode((1 + 7 * index) % vocab_size).await?;
        if index > 0 {
            best = best.min(started.elapsed().as_secs_f64());
        }
    }
    Ok((session.decode(0).await?.to_vec(), best))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    #[test]
    fn where_nothing_is_fused_nothing_is_found() {
        let model = Model::embedded(&Device::Cpu).unwrap();
        let found = pollster::block_on(tune_fusion(&model, Instant::now())).unwrap();
        assert_eq!(found, Fusion::None);
    }
}
