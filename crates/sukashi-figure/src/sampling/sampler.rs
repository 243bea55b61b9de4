//! The sampler: the chain of stages, its buffers and its generator.

use super::candidates::Candidates;
use super::distribution::{Distribution, Sampled};
use super::generator::Generator;
use super::greatest;
use super::stages::{ADJUSTING, StageKind, TRUNCATING, Temperature};
use super::{Choice, Context, Settings, Softmax, Stage};
use crate::error::{Error, Result};

/// Chooses the next token from logits.
///
/// [`Self::new`] makes all buffers. [`Self::sample`] allocates nothing, unless a caller's own stage does.
///
/// ```
/// use sukashi_figure::sampling::{Choice, Sampler, Settings};
///
/// let settings = Settings { top_k: Some(2), choice: Choice::Pick(2), ..Settings::default() };
/// let mut sampler = Sampler::new(settings, 3)?;
/// assert_eq!(sampler.sample(&[3.0, 1.5, 0.5], &[])?.id, 1);
/// # Ok::<(), sukashi_figure::Error>(())
/// ```
pub struct Sampler {
    settings: Settings,
    vocab_size: usize,
    /// Penalties and bias.
    adjusting: Vec<Box<dyn Stage>>,
    /// The caller's own stages.
    custom: Vec<Box<dyn Stage>>,
    temperature: Option<Temperature>,
    /// Top-k, top-p, min-p, typical-p.
    truncating: Vec<Box<dyn Stage>>,
    /// Whether a truncation depends on more than the most probable tokens.
    needs_all: bool,
    candidates: Candidates,
    scaled_logits: Vec<f64>,
    /// The greatest logits, if these decide alone.
    deciding: Vec<(u32, f32)>,
    generator: Generator,
}

/// A function that gets each stage and the candidates after it. Without a stage, it gets the model's own distribution.
type Observer<'a> = &'a mut dyn FnMut(Option<&dyn Stage>, &Candidates);

impl Sampler {
    /// Makes a sampler over a vocabulary of `vocab_size` tokens, at the start of its seed's stream.
    ///
    /// # Errors
    ///
    /// The errors of [`Settings::validate`]. Also a bias for a token outside the vocabulary, an empty vocabulary, or
    /// names in [`Settings::custom_stages`], since a name does not bring the stage.
    pub fn new(settings: Settings, vocab_size: usize) -> Result<Self> {
        settings.validate()?;
        if vocab_size == 0 || u32::try_from(vocab_size).is_err() {
            return Err(Error::input(format!("cannot sample from a vocabulary of {vocab_size} tokens"))
                .detail("expected a size in 1..=4294967295"));
        }
        if let Some(id) = settings.logit_bias.keys().find(|&&id| id as usize >= vocab_size) {
            return Err(Error::input(format!("cannot use logit_bias for token {id}"))
                .detail(format!("expected an id below the size of the vocabulary, {vocab_size}")));
        }
        if !settings.custom_stages.is_empty() {
            return Err(Error::input(format!(
                "cannot rebuild the custom_stages {:?} from their names",
                settings.custom_stages
            ))
            .hint("clear custom_stages and give the stages themselves to Sampler::with_stage"));
        }
        let make = |kinds: &[&StageKind]| -> Vec<Box<dyn Stage>> {
            let stages = kinds.iter().filter_map(|kind| (kind.make)(&settings));
            stages.filter_map(|mut stage| stage.prepare(vocab_size).then_some(stage)).collect()
        };
        let mut sampler = Self {
            adjusting: make(&ADJUSTING),
            custom: Vec::new(),
            temperature: Temperature::new(&settings),
            truncating: make(&TRUNCATING),
            needs_all: TRUNCATING.iter().any(|kind| kind.needs_all && kind.is_set(&settings)),
            candidates: Candidates::new(vocab_size),
            scaled_logits: vec![f64::NEG_INFINITY; vocab_size],
            deciding: Vec::new(),
            generator: Generator::new(settings.seed),
            settings,
            vocab_size,
        };
        sampler.deciding.reserve_exact(sampler.num_deciding().map_or(0, greatest::room));
        Ok(sampler)
    }

    /// Adds a caller's own stage after those added before it.
    ///
    /// It runs after penalties and bias, and before temperature and truncation. So no truncation can leave only tokens that
    /// the stage removed. The stage sees probabilities at temperature 1.
    #[must_use]
    pub fn with_stage(mut self, mut stage: impl Stage + 'static) -> Self {
        if stage.prepare(self.vocab_size) {
            self.settings.custom_stages.push(stage.name().to_owned());
            self.custom.push(Box::new(stage));
        }
        self
    }

    /// Returns the settings, with the names of the caller's own stages.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the size of the vocabulary.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Returns how many of the greatest logits are enough to choose a token: 1 for greedy choice, k for top-k. Returns `None`
    /// if other logits or previous tokens matter too.
    ///
    /// ```
    /// use sukashi_figure::sampling::{Sampler, Settings};
    ///
    /// let sampler = |settings| Sampler::new(settings, 500);
    /// assert_eq!(sampler(Settings::default())?.num_deciding(), None);
    /// assert_eq!(sampler(Settings { temperature: 0.0, ..Settings::default() })?.num_deciding(), Some(1));
    /// let settings = Settings { top_k: Some(40), top_p: Some(0.9), ..Settings::default() };
    /// assert_eq!(sampler(settings)?.num_deciding(), Some(40));
    /// # Ok::<(), sukashi_figure::Error>(())
    /// ```
    pub fn num_deciding(&self) -> Option<usize> {
        if !self.adjusting.is_empty() || !self.custom.is_empty() {
            return None;
        }
        if self.settings.temperature == 0.0 {
            return Some(1);
        }
        if self.needs_all {
            return None;
        }
        match self.settings.choice {
            // None of the remaining stages can remove the most probable token, or put another before it.
            Choice::Greedy | Choice::Pick(1) => Some(1),
            // Top-k is the first truncation, and the others get only the tokens that it left.
            Choice::Sample | Choice::Pick(_) => self.settings.top_k.map(|k| k.min(self.vocab_size)),
        }
    }

    /// Returns the names of the stages that run, in their order.
    pub fn stage_names(&self) -> impl Iterator<Item = &str> {
        let temperature = self.temperature.iter().map(|stage| stage.name());
        self.adjusting
            .iter()
            .chain(&self.custom)
            .map(|stage| stage.name())
            .chain(temperature)
            .chain(self.truncating.iter().map(|stage| stage.name()))
    }

    /// Restarts the generator from the seed.
    pub fn restart(&mut self) {
        self.generator = Generator::new(self.settings.seed);
    }

    /// Chooses the next token from `logits`, which has one entry for each token of the vocabulary. `previous` has the
    /// ids of all tokens before it, with those of the prompt.
    ///
    /// # Errors
    ///
    /// The same as [`Self::distribution`].
    pub fn sample(&mut self, logits: &[f32], previous: &[u32]) -> Result<Sampled> {
        Ok(self.distribution(logits, previous)?.choose())
    }

    /// Returns the id of the token that [`Self::sample`] would take, without its probabilities. If only the greatest logits
    /// matter, this is far cheaper than a distribution over a large vocabulary.
    ///
    /// # Errors
    ///
    /// The same as [`Self::distribution`].
    pub fn next_id(&mut self, logits: &[f32], previous: &[u32]) -> Result<u32> {
        if let Some(count) = self.num_deciding()
            && logits.len() == self.vocab_size
        {
            let mut deciding = std::mem::take(&mut self.deciding);
            let found = greatest::find(logits, count, &mut deciding);
            let id = found.and_then(|()| self.choose_among(deciding.iter().copied()));
            self.deciding = deciding;
            if let Some(id) = id? {
                return Ok(id);
            }
        }
        Ok(self.sample(logits, previous)?.id)
    }

    /// Returns the id of the token that [`Self::sample`] would take. The arguments are the [`Self::num_deciding`]
    /// greatest logits in any order, each with its id. The arithmetic is the same on the same numbers. Returns `None`,
    /// and draws nothing, if rounding may make another token one of them.
    ///
    /// # Errors
    ///
    /// The same as [`Self::distribution`].
    #[doc(hidden)]
    pub fn choose_among(&mut self, deciding: impl Iterator<Item = (u32, f32)>) -> Result<Option<u32>> {
        let candidates = &mut self.candidates;
        candidates.load(deciding, self.vocab_size)?;
        if self.temperature.as_ref().is_some_and(|stage| !stage.keeps_order(candidates)) {
            return Ok(None);
        }
        let context = Context { previous: &[], vocab_size: self.vocab_size };
        let temperature = self.temperature.iter_mut().map(|stage| stage as &mut dyn Stage);
        for stage in
            temperature.chain(self.truncating.iter_mut().map(|stage| stage.as_mut() as &mut dyn Stage))
        {
            candidates.refresh();
            stage.apply(candidates, &context)?;
            candidates.settle(stage.name())?;
        }
        candidates.refresh();
        Ok(Some(self.settings.choice.take(candidates, &mut self.generator).0))
    }

    /// A copy of the generator, which shows what it will draw.
    #[doc(hidden)]
    pub fn generator(&self) -> Generator {
        self.generator.clone()
    }

    /// Runs the stages without a choice. Nothing is drawn from the generator until [`Distribution::choose`].
    ///
    /// ```
    /// use sukashi_figure::sampling::{Sampler, Settings};
    ///
    /// let settings = Settings { top_p: Some(0.9), ..Settings::default() };
    /// let mut sampler = Sampler::new(settings, 3)?;
    /// let mut next = sampler.distribution(&[3.0, 1.5, 0.5], &[])?;
    /// assert_eq!(next.num_left(), 2);
    /// assert_eq!(next.prob_final(2), 0.0);
    /// let token = next.choose();
    /// assert!(token.id < 2);
    /// # Ok::<(), sukashi_figure::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Input: the number of logits differs from that of tokens, or with penalties, a previous id is outside the
    /// vocabulary. Computation: a logit is NaN or +∞, all logits are −∞, or a stage leaves no token or no finite logit.
    /// Also the errors of a caller's own stage.
    pub fn distribution<'a>(&'a mut self, logits: &'a [f32], previous: &[u32]) -> Result<Distribution<'a>> {
        self.run(logits, previous, None)
    }

    /// Does the same as [`Self::distribution`], and shows the candidates after each stage. `see` first gets `"logits"`
    /// with the model's own distribution, then each stage's name with the candidates after it.
    ///
    /// ```
    /// use sukashi_figure::sampling::{Sampler, Settings};
    ///
    /// let settings = Settings { temperature: 0.5, top_k: Some(1), ..Settings::default() };
    /// let mut seen = Vec::new();
    /// Sampler::new(settings, 3)?.observe(&[3.0, 1.5, 0.5], &[], |stage, candidates| {
    ///     seen.push((stage.to_owned(), candidates.len()));
    /// })?;
    /// assert_eq!(seen, [("logits".to_owned(), 3), ("temperature".to_owned(), 3), ("top_k".to_owned(), 1)]);
    /// # Ok::<(), sukashi_figure::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The same as [`Self::distribution`].
    pub fn observe<'a>(
        &'a mut self,
        logits: &'a [f32],
        previous: &[u32],
        mut see: impl FnMut(&str, &Candidates),
    ) -> Result<Distribution<'a>> {
        self.run(logits, previous, Some(&mut |stage, left| see(stage.map_or("logits", Stage::name), left)))
    }

    /// Does the same as [`Self::observe`], and also gives the stage.
    pub(crate) fn observe_stages<'a>(
        &'a mut self,
        logits: &'a [f32],
        previous: &[u32],
        mut see: impl FnMut(Option<&dyn Stage>, &Candidates),
    ) -> Result<Distribution<'a>> {
        self.run(logits, previous, Some(&mut see))
    }

    fn run<'a>(
        &'a mut self,
        logits: &'a [f32],
        previous: &[u32],
        mut observer: Option<Observer<'_>>,
    ) -> Result<Distribution<'a>> {
        if logits.len() != self.vocab_size {
            return Err(Error::input(format!("cannot sample from {} logits", logits.len()))
                .detail(format!("expected one for each of {} tokens", self.vocab_size)));
        }
        let context = Context { previous, vocab_size: self.vocab_size };
        let candidates = &mut self.candidates;
        candidates.load((0..).zip(logits.iter().copied()), logits.len())?;
        let raw = candidates.refresh();
        if let Some(see) = observer.as_deref_mut() {
            see(None, candidates);
        }
        let mut apply = |stage: &mut dyn Stage, candidates: &mut Candidates| -> Result<()> {
            stage.apply(candidates, &context)?;
            candidates.settle(stage.name())?;
            if let Some(see) = observer.as_deref_mut() {
                candidates.refresh();
                see(Some(stage), candidates);
            }
            Ok(())
        };
        for stage in &mut self.adjusting {
            apply(stage.as_mut(), candidates)?;
        }
        for stage in &mut self.custom {
            candidates.refresh();
            apply(stage.as_mut(), candidates)?;
        }
        if let Some(stage) = &mut self.temperature {
            apply(stage, candidates)?;
        }
        let scaled: Softmax = candidates.refresh();
        self.scaled_logits.fill(f64::NEG_INFINITY);
        for token in candidates.iter() {
            self.scaled_logits[token.id as usize] = token.logit;
        }
        for stage in &mut self.truncating {
            apply(stage.as_mut(), candidates)?;
            candidates.refresh();
        }
        Ok(Distribution {
            logits,
            raw,
            scaled_logits: &self.scaled_logits,
            scaled,
            candidates,
            generator: &mut self.generator,
            choice: self.settings.choice,
        })
    }
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sampler")
            .field("settings", &self.settings)
            .field("vocab_size", &self.vocab_size)
            .finish_non_exhaustive()
    }
}
