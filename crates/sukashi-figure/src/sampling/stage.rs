//! The trait of all stages.

use super::{Candidates, Criterion, Description};
use crate::error::Result;

/// The input of a stage besides the candidates.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Context<'a> {
    /// Every token before the one to choose, with those of the prompt, the oldest first.
    pub previous: &'a [u32],
    /// The size of the vocabulary.
    pub vocab_size: usize,
}

/// A step on the way from logits to the distribution from which a token is chosen.
///
/// A caller's own stage changes logits or removes tokens. [`Sampler::with_stage`](super::Sampler::with_stage)
/// adds it to the chain.
///
/// ```
/// use sukashi_figure::sampling::{Candidates, Context, Sampler, Settings, Stage};
///
/// /// Forbids a token right after itself.
/// struct NoRepeat;
///
/// impl Stage for NoRepeat {
///     fn name(&self) -> &str {
///         "no_repeat"
///     }
///
///     fn apply(&mut self, candidates: &mut Candidates, context: &Context<'_>) -> sukashi_figure::Result<()> {
///         if let Some(&last) = context.previous.last() {
///             candidates.retain(|token| token.id != last);
///         }
///         Ok(())
///     }
/// }
///
/// let greedy = Settings { temperature: 0.0, ..Settings::default() };
/// let mut sampler = Sampler::new(greedy, 3)?.with_stage(NoRepeat);
/// assert_eq!(sampler.sample(&[3.0, 1.5, 0.5], &[])?.id, 0);
/// assert_eq!(sampler.sample(&[3.0, 1.5, 0.5], &[0])?.id, 1);
/// # Ok::<(), sukashi_figure::Error>(())
/// ```
pub trait Stage: Send {
    /// Returns a plain name, which [`Settings::custom_stages`](super::Settings::custom_stages) and errors have.
    fn name(&self) -> &str;

    /// Returns the description for records and figures: the name with the setting, and the rule of the stage.
    ///
    /// By default, this is the plain name and a stage that changes logits.
    fn describe(&self) -> Description {
        Description::new(self.name(), Criterion::Logits)
    }

    /// Reserves what the stage needs for a vocabulary of this size. `false` leaves the stage out, because it changes nothing
    /// in such a vocabulary.
    fn prepare(&mut self, vocab_size: usize) -> bool {
        let _ = vocab_size;
        true
    }

    /// Changes logits or removes tokens.
    ///
    /// # Errors
    ///
    /// Anything that keeps the stage from working. Sampling ends with this error.
    fn apply(&mut self, candidates: &mut Candidates, context: &Context<'_>) -> Result<()>;
}
