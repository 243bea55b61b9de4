//! Scores a given text: the probability that a model gives it.

use super::capture_pass::CapturePass;
use super::load::Model;
use super::point::Point;
use super::taps::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::sampling::Softmax;
use crate::trace::{Prediction, Record, Score, ScoredToken, Totals};

/// Scores `ids`: the probability of each token after the tokens before it. `progress` gets the number of finished
/// tokens and the number of all tokens.
///
/// Logits are read batch by batch, so a long text takes no more memory than a short one.
///
/// ```
/// # pollster::block_on(async {
/// use sukashi::{Device, Model};
///
/// let model = Model::embedded(&Device::Cpu)?;
/// let score = sukashi::model::score(&model, &model.encode("吾輩は猫である")?, &mut |_, _| {}).await?;
/// assert_eq!((score.tokens.len(), score.totals.num_tokens), (7, 6));
/// assert!(score.tokens[0].prediction.is_none() && score.totals.perplexity > Some(1.0));
/// # Ok::<(), sukashi::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// If `ids` is empty, has an id outside the vocabulary, or is longer than the context; if the device fails; if a logit
/// is not a finite number.
pub async fn score(model: &Model, ids: &[u32], progress: &mut dyn FnMut(usize, usize)) -> Result<Score> {
    let mut reading = CapturePass::new(model, ids, [Point::Logits].into())?;
    let mut predictions = vec![None];
    let batch = reading.batch();
    for (index, chunk) in ids.chunks(batch).enumerate() {
        progress(index * batch, ids.len());
        let span = reading.submit(chunk, index * batch)?;
        // No token follows the last one, so its logits are not needed.
        let wanted = |position: usize| position + 1 < ids.len();
        let see = |Row { position, values }: Row<'_>| {
            predictions.push(Some(prediction(values, ids[position + 1])?));
            Ok(())
        };
        reading.reader.read(Point::Logits, span, wanted, see).await?;
    }
    let tokens = ids.iter().zip(predictions);
    let tokens: Vec<ScoredToken> =
        tokens.map(|(&id, prediction)| ScoredToken { token: model.token(id), prediction }).collect();
    Ok(Score {
        schema: Score::SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model: model.info()?,
        adapter: model.device().info(),
        text: model.decode(ids),
        vocab_size: model.spec().vocab_size,
        totals: Totals::of(&tokens),
        tokens,
    })
}

fn prediction(logits: &[f32], id: u32) -> Result<Prediction> {
    let softmax = softmax(logits)?;
    let logit = f64::from(logits[id as usize]);
    Ok(Prediction {
        prob: softmax.prob(logit),
        log_prob: -softmax.information(logit),
        rank: rank(logits, id),
        // Rounding can make the entropy negative.
        entropy_bits: softmax.entropy_bits().max(0.0),
    })
}

/// The distribution over tokens with these logits.
pub(super) fn softmax(logits: &[f32]) -> Result<Softmax> {
    match logits.iter().find(|logit| !logit.is_finite()) {
        Some(logit) => Err(Error::new(ErrorKind::Computation, "cannot make probabilities of the logits")
            .detail(format!("found a logit that is {logit}, expected finite numbers"))),
        None => Ok(Softmax::new(logits, 1.0)),
    }
}

/// The rank of `id`, which is 1 for the greatest logit. Of equal logits, the lowest id has the lowest rank.
pub(super) fn rank(logits: &[f32], id: u32) -> usize {
    let own = logits[id as usize];
    let before = |(other, logit): (u32, &f32)| *logit > own || (*logit == own && other < id);
    1 + (0u32..).zip(logits).filter(|pair| before(*pair)).count()
}
