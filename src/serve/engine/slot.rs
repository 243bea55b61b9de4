//! A slot: the place of a text while it is read and written.

use std::time::Instant;

use super::job::{Event, Failure, Finish, Job};
use super::scored::Scored;
use crate::Model;
use crate::error::{Error, Result};
use crate::sampling::Sampler;

/// A place for one text.
#[derive(Debug, Default)]
pub struct Slot {
    pub text: Option<Text>,
    /// The step in which a text last began here.
    pub last_used: u64,
}

/// A text in a slot.
#[derive(Debug)]
pub struct Text {
    pub job: Job,
    pub stage: Stage,
    sampler: Sampler,
    /// The tokens of the prompt, then the chosen ones.
    pub ids: Vec<u32>,
    /// The row of the text's logits in the running step.
    pub row: Option<usize>,
    /// How the text has ended.
    pub ending: Option<Ending>,
}

/// How far a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its prompt has not been begun.
    New,
    /// Parts of its prompt have been read.
    Reading,
    /// Its last token is read in the next step.
    Writing,
}

/// How a text ends.
#[derive(Debug)]
pub enum Ending {
    Finished(Finish),
    Failed(Failure),
    /// Nobody listens.
    Abandoned,
}

impl Text {
    /// Takes a job and its sampler, and makes all memory that it needs.
    pub fn new(job: Job, sampler: Sampler) -> Self {
        let mut ids = Vec::with_capacity(job.prompt.len() + job.max_tokens);
        ids.extend_from_slice(&job.prompt);
        Self { job, stage: Stage::New, sampler, ids, row: None, ending: None }
    }

    /// Tells the listener, whose channel has room for all events.
    pub fn tell(&mut self, event: Event) {
        if self.job.events.try_send(event).is_err() && self.ending.is_none() {
            self.ending = Some(Ending::Abandoned);
        }
    }

    /// Ends the text if nobody listens or the time is over.
    pub fn check(&mut self, now: Instant) {
        if self.job.events.is_closed() {
            self.ending = Some(Ending::Abandoned);
        } else if now >= self.job.deadline && self.ending.is_none() {
            self.ending = Some(Ending::Failed(Failure::TimedOut));
        }
    }

    /// Chooses the next token, and ends the text if it is the last one.
    pub fn choose(&mut self, model: &Model, logits: &[f32]) {
        if let Err(error) = self.try_choose(model, logits) {
            self.ending = Some(Ending::Failed(Failure::Error(error)));
        }
    }

    fn try_choose(&mut self, model: &Model, logits: &[f32]) -> Result<()> {
        // If the logits are sound, a failure is one of the settings, such as a temperature of 1e-300.
        let refused = |error: Error| match logits.iter().all(|logit| logit.is_finite()) {
            true => Error::input("no token can be chosen with these settings").caused_by(error),
            false => error,
        };
        let id = match &self.job.recorder {
            None => self.sampler.next_id(logits, &self.ids).map_err(refused)?,
            Some(recorder) => {
                let step = recorder.sample(&mut self.sampler, logits, &self.ids, |id| model.token(id));
                let step = step.map_err(refused)?;
                let id = step.chosen_id();
                self.tell(Event::Step(Box::new(step)));
                id.unwrap_or_default()
            }
        };
        let scored = match self.job.num_top {
            None => Scored::unscored(id),
            Some(num_top) => Scored::new(id, logits, num_top)?,
        };
        self.ids.push(id);
        self.stage = Stage::Writing;
        self.tell(Event::Token(scored));
        if self.ending.is_none() {
            self.ending = if self.job.ends.contains(&id) {
                Some(Ending::Finished(Finish::End))
            } else if self.num_chosen() >= self.job.max_tokens {
                Some(Ending::Finished(Finish::Length))
            } else {
                None
            };
        }
        Ok(())
    }

    /// The number of chosen tokens.
    pub fn num_chosen(&self) -> usize {
        self.ids.len() - self.job.prompt.len()
    }

    /// Tells the listener of the end.
    pub fn end(self) -> Ending {
        let ending = self.ending.unwrap_or(Ending::Abandoned);
        let event = match &ending {
            Ending::Finished(finish) => Event::Finished(*finish),
            Ending::Failed(failure) => Event::Failed(failure.clone()),
            Ending::Abandoned => return ending,
        };
        // A listener that is gone misses nothing.
        let _ = self.job.events.try_send(event);
        ending
    }
}
