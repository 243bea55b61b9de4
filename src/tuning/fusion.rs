//! Tries the fusion levels of a decoded token.

use web_time::Instant;

use super::measure::GAIN;
use crate::error::Result;
use crate::kernels::Fusion;
use crate::model::{Model, Session};

/// The number of tokens on which a candidate is timed, after a first one that warms up. The fastest token counts.
const TOKENS: usize = 6;
/// How far logits may be from those without fusion, as a share of the largest logit. Correct ones differ because sums
/// have another order.
const LOGIT_SHARE: f32 = 1e-3;

/// Finds the fastest [`Fusion`] for a token of `model` with the kernels that it has chosen for products. Candidates
/// after `deadline` are not tried. Without a result, the default of the device's kind is taken. Logits are compared
/// with those without fusion.
///
/// # Errors
/// If the device fails, or has no room for a session of a few tokens.
pub async fn tune_fusion(model: &Model, deadline: Instant) -> Result<Fusion> {
    let default = Fusion::of(model.device());
    let plain = run(model, Fusion::None).await?;
    let mut fastest = Fastest { want: plain.logits.clone(), best: None };
    let others = Fusion::ALL.into_iter().filter(|&fusion| fusion != default);
    for fusion in std::iter::once(default).chain(others) {
        if fastest.best.is_some() && Instant::now() >= deadline {
            break;
        }
        if fusion == Fusion::None {
            fastest.consider(fusion, &plain);
        } else {
            fastest.consider(fusion, &run(model, fusion).await?);
        }
    }
    Ok(fastest.best.map_or(Fusion::None, |(fusion, _)| fusion))
}

/// The result of a candidate.
struct Trial {
    /// The logits of the last token.
    logits: Vec<f32>,
    /// The seconds for a token.
    seconds: f64,
}

/// The fastest candidate so far with correct logits.
struct Fastest {
    want: Vec<f32>,
    best: Option<(Fusion, f64)>,
}

impl Fastest {
    fn consider(&mut self, fusion: Fusion, Trial { logits, seconds }: &Trial) {
        let limit = LOGIT_SHARE * self.want.iter().fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
        // NaN is not close to any number.
        let is_right = logits.iter().zip(&self.want).all(|(got, want)| (got - want).abs() <= limit);
        if !is_right {
            tracing::warn!("fused as {fusion}, a token comes out wrongly on this adapter; it is not used");
        } else if self.best.is_none_or(|(_, fastest)| *seconds < GAIN * fastest) {
            self.best = Some((fusion, *seconds));
        }
    }
}

async fn run(model: &Model, fusion: Fusion) -> Result<Trial> {
    let model = model.with_choices(model.choices().clone().with_fusion(fusion))?;
    let mut session = Session::with_max_seq_len(&model, 2 + TOKENS)?;
    let vocab_size = model.spec().vocab_size as u32;
    let mut best = f64::INFINITY;
    for index in 0..=TOKENS as u32 {
        let started = Instant::now();
        session.decode((1 + 7 * index) % vocab_size).await?;
        if index > 0 {
            best = best.min(started.elapsed().as_secs_f64());
        }
    }
    Ok(Trial { logits: session.decode(0).await?.to_vec(), seconds: best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_that_is_right_is_taken() {
        let mut fastest = Fastest { want: vec![10.0, -20.0], best: None };
        let mut best_after = |fusion, logits: [f32; 2], seconds| {
            fastest.consider(fusion, &Trial { logits: logits.to_vec(), seconds });
            fastest.best.map(|(fusion, _)| fusion)
        };
        assert_eq!(best_after(Fusion::All, [10.0, f32::NAN], 0.1), None, "NaN is not right");
        assert_eq!(best_after(Fusion::All, [10.0, -20.03], 0.1), None, "off by more than the share");
        assert_eq!(best_after(Fusion::None, [10.0, -20.0], 1.0), Some(Fusion::None));
        assert_eq!(best_after(Fusion::All, [10.0, -20.01], 0.98), Some(Fusion::None), "next to no gain");
        assert_eq!(best_after(Fusion::All, [10.0, -20.01], 0.9), Some(Fusion::All));
    }
}
