//! Reading prompts, a piece at a time.

use std::time::Instant;

use super::counters::{add, add_time};
use super::job::{Event, Finish};
use super::scored::Scored;
use super::slot::{Ending, Stage};
use super::worker::Worker;
use crate::error::Result;

impl Worker {
    /// Reads a piece of a prompt, if there is one to read. The texts take turns.
    pub(super) fn read_piece(&mut self) -> Result<()> {
        let (num_slots, last) = (self.slots.len(), self.last_read);
        for index in (1..=num_slots).map(|step| (last + step) % num_slots) {
            let stage = self.slots[index].text.as_ref().filter(|text| text.ending.is_none());
            match stage.map(|text| text.stage) {
                Some(Stage::New) if self.begin(index)? => {}
                Some(Stage::Reading) => {}
                _ => continue,
            }
            self.last_read = index;
            return self.read_piece_of(index);
        }
        Ok(())
    }

    /// Begins a text with the longest prefix that a slot holds. Returns whether the prompt has to be read now: not if
    /// another text is just reading the same prefix, or if nothing is asked for.
    fn begin(&mut self, index: usize) -> Result<bool> {
        let Some(text) = &self.slots[index].text else { return Ok(false) };
        let scores_prompt = text.job.scores_prompt && text.job.num_top.is_some();
        let prompt = text.job.prompt.clone();
        // Its logits are wanted, so a scored prompt is read as a whole.
        let (known, from) = if scores_prompt { (0, index) } else { self.longest_prefix(index, &prompt) };
        if !scores_prompt && self.is_being_read(index, &prompt, known) {
            return Ok(false);
        }
        if from == index {
            self.batch.truncate(index, known);
        } else {
            self.batch.copy_prefix(from, index, known)?;
        }
        add(&self.shared.counters.reused_tokens, known);
        let Some(text) = &mut self.slots[index].text else { return Ok(false) };
        text.stage = Stage::Reading;
        text.tell(Event::Begun { num_reused: known });
        if scores_prompt {
            text.tell(Event::Prompt(Scored::unscored(prompt[0])));
        }
        if text.job.max_tokens == 0 && !scores_prompt {
            text.ending = Some(Ending::Finished(Finish::Length));
        }
        Ok(text.ending.is_none())
    }

    fn read_piece_of(&mut self, index: usize) -> Result<()> {
        let Self { batch, slots, model, shared, .. } = self;
        let Some(text) = &mut slots[index].text else { return Ok(()) };
        let started = Instant::now();
        let prompt = text.job.prompt.clone();
        let num_read = batch.ids(index).len();
        let rest = &prompt[num_read..];
        let mut is_heard = true;
        let (num_left, logits) = match text.job.num_top.filter(|_| text.job.scores_prompt) {
            None => {
                let (rest, logits) = pollster::block_on(batch.prefill_piece(index, rest, None))?;
                (rest.len(), logits)
            }
            Some(num_top) => {
                let events = &text.job.events;
                let mut see = |position: usize, logits: &[f32]| {
                    let scored = Scored::new(prompt[position + 1], logits, num_top)?;
                    is_heard &= events.try_send(Event::Prompt(scored)).is_ok();
                    Ok(())
                };
                let (rest, logits) = pollster::block_on(batch.prefill_piece(index, rest, Some(&mut see)))?;
                (rest.len(), logits)
            }
        };
        if let Some(logits) = logits {
            if text.job.max_tokens == 0 {
                text.ending = Some(Ending::Finished(Finish::Length));
            } else {
                text.choose(model, logits);
                add(&shared.counters.chosen_tokens, 1);
            }
        }
        if !is_heard {
            text.ending = Some(Ending::Abandoned);
        }
        add(&shared.counters.prompt_tokens, prompt.len() - num_read - num_left);
        add(&shared.counters.pieces, 1);
        add_time(&shared.counters.piece_micros, started.elapsed());
        Ok(())
    }
}
