//! The slot of a new text, and the prefix that it shares with texts that the slots hold.

use super::job::{Event, Failure, Job};
use super::slot::{Slot, Stage, Text};
use super::worker::Worker;
use crate::{BatchSession, Sampler};

impl Worker {
    /// Gives a text the free slot with the longest common prefix, or else the one that was used least recently.
    pub(super) fn admit(&mut self, job: Job) {
        if job.events.is_closed() {
            return;
        }
        let slots = self.slots.iter().enumerate();
        let free = slots.filter(|(_, slot)| slot.text.is_none()).max_by_key(|(index, slot)| {
            (shared(&self.batch, *index, &job.prompt), std::cmp::Reverse(slot.last_used))
        });
        let Some(index) = free.map(|(index, _)| index) else { return };
        match Sampler::new(job.settings.clone(), self.model.spec().vocab_size) {
            Ok(sampler) => {
                self.num_begun += 1;
                self.slots[index] = Slot { text: Some(Text::new(job, sampler)), last_used: self.num_begun };
            }
            Err(error) => {
                // A listener that is gone misses nothing.
                let _ = job.events.try_send(Event::Failed(Failure::Error(error)));
            }
        }
    }

    /// The number of the prompt's tokens that some slot holds, and the slot. Its own slot comes first, since it needs no
    /// copy.
    pub(super) fn longest_prefix(&self, own: usize, prompt: &[u32]) -> (usize, usize) {
        let others = (0..self.slots.len()).filter(|index| *index != own);
        [own].into_iter().chain(others).fold((0, own), |best, index| {
            let found = shared(&self.batch, index, prompt);
            if found > best.0 { (found, index) } else { best }
        })
    }

    /// Whether another text is just reading more of this prompt than `known` tokens, so that waiting for it saves
    /// reading them again.
    pub(super) fn is_being_read(&self, own: usize, prompt: &[u32], known: usize) -> bool {
        self.slots.iter().enumerate().any(|(index, slot)| {
            let Some(text) = slot.text.as_ref().filter(|text| text.stage == Stage::Reading) else {
                return false;
            };
            index != own && usable(common(&text.job.prompt, prompt), prompt) > known
        })
    }
}

/// The number of the prompt's tokens that a slot holds with the bits that reading them would give.
fn shared(batch: &BatchSession, slot: usize, prompt: &[u32]) -> usize {
    let held = &batch.ids(slot)[..batch.num_shareable(slot)];
    usable(common(held, prompt), prompt)
}

/// The tokens that need not be read: not the last two. Reading gives the logits, and one token alone would go through
/// other kernels than a prompt.
fn usable(known: usize, prompt: &[u32]) -> usize {
    known.min(prompt.len().saturating_sub(2))
}

/// The number of tokens at the start that both have.
fn common(one: &[u32], other: &[u32]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}
