//! The engine's loop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::counters::{add, add_time};
use super::inbox::Taken;
use super::job::Failure;
use super::slot::{Ending, Slot, Stage};
use super::{Counters, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::{BatchSession, Model};

/// The thread that owns the sequences.
pub(super) struct Worker {
    pub(super) model: Model,
    pub(super) batch: BatchSession,
    pub(super) slots: Vec<Slot>,
    pub(super) shared: Arc<Shared>,
    /// The tokens of the next step, `(slot, id)`.
    tokens: Vec<(usize, u32)>,
    /// The slot whose prompt was read last.
    pub(super) last_read: usize,
    /// Counts the texts that have begun.
    pub(super) num_begun: u64,
}

impl Worker {
    /// Makes the sequences, and announces that the engine is ready.
    pub(super) fn new(model: Model, shared: Arc<Shared>) -> Result<Self> {
        let ready = shared.sizes(&model)?;
        let batch = BatchSession::new(&model, ready.num_slots, ready.max_seq_len)?;
        let worker = Self {
            batch,
            slots: (0..ready.num_slots).map(|_| Slot::default()).collect(),
            tokens: Vec::with_capacity(ready.num_slots),
            last_read: 0,
            num_begun: 0,
            shared: shared.clone(),
            model,
        };
        // `ready` is set once, here.
        let _ = shared.ready.set(ready);
        shared.inbox.set_ready();
        Ok(worker)
    }

    /// Works until the server stops.
    pub(super) fn run(mut self) {
        loop {
            let num_free = self.slots.iter().filter(|slot| slot.text.is_none()).count();
            let is_idle = num_free == self.slots.len();
            let taken = self.shared.inbox.take(num_free, is_idle);
            let is_stopping = taken.deadline.is_some();
            if is_stopping && is_idle && taken.jobs.is_empty() && taken.task.is_none() {
                return;
            }
            match catch_unwind(AssertUnwindSafe(|| self.turn(taken))) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let is_lost = matches!(error.kind(), ErrorKind::DeviceLost | ErrorKind::Device);
                    self.end_all(&Failure::Error(error.clone()));
                    if is_lost {
                        return self.shared.inbox.fail(error);
                    }
                }
                Err(_) => {
                    // The state of the sequences is unknown now.
                    let error =
                        Error::new(ErrorKind::Computation, "the server has a bug: its engine panicked");
                    self.end_all(&Failure::Error(error.clone()));
                    return self.shared.inbox.fail(error);
                }
            }
        }
    }

    /// Lets texts join, reads a piece of a prompt, decodes a token of each running text, and lets texts leave.
    fn turn(&mut self, taken: Taken) -> Result<()> {
        let Taken { jobs, task, deadline } = taken;
        for job in jobs {
            self.admit(job);
        }
        if let Some(task) = task {
            // It changes nothing of the sequences, so a panic is its caller's alone.
            let _ = catch_unwind(AssertUnwindSafe(|| task(&self.model)));
        }
        let now = Instant::now();
        if deadline.is_some_and(|deadline| now >= deadline) {
            self.end_all(&Failure::Stopping);
        }
        for text in self.slots.iter_mut().filter_map(|slot| slot.text.as_mut()) {
            text.check(now);
        }
        self.free();
        self.read_piece()?;
        self.step()?;
        self.free();
        Ok(())
    }

    /// Decodes a token of each text that is being written. Nothing is allocated but the channels' blocks of 32 events.
    fn step(&mut self) -> Result<()> {
        let Self { model, batch, slots, tokens, shared, .. } = self;
        tokens.clear();
        for (index, slot) in slots.iter_mut().enumerate() {
            let Some(text) = &mut slot.text else { continue };
            text.row = None;
            if let (Stage::Writing, None, Some(&last)) = (text.stage, &text.ending, text.ids.last()) {
                text.row = Some(tokens.len());
                tokens.push((index, last));
            }
        }
        if tokens.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let rows = pollster::block_on(batch.decode_rows(tokens))?;
        // In parallel: sampling from a large vocabulary takes long beside decoding a token.
        slots.par_iter_mut().filter_map(|slot| slot.text.as_mut()).for_each(|text| {
            if let Some(row) = text.row.take() {
                text.choose(model, rows.row(row));
            }
        });
        let Counters { steps, step_micros, chosen_tokens, .. } = &shared.counters;
        add(steps, 1);
        add(chosen_tokens, tokens.len());
        add_time(step_micros, started.elapsed());
        Ok(())
    }

    /// Frees the slots of texts that have ended. What they leave in the KV cache may be the prefix of a later text.
    fn free(&mut self) {
        let counters = &self.shared.counters;
        for slot in &mut self.slots {
            let Some(text) = slot.text.take_if(|text| text.ending.is_some()) else { continue };
            match text.end() {
                Ending::Finished(_) => add(&counters.finished, 1),
                Ending::Failed(_) => add(&counters.failed, 1),
                Ending::Abandoned => add(&counters.abandoned, 1),
            }
        }
        let running = self.slots.iter().filter(|slot| slot.text.is_some()).count();
        counters.running.store(running as u64, std::sync::atomic::Ordering::Relaxed);
    }

    /// Ends all texts, and forgets what the slots hold.
    fn end_all(&mut self, failure: &Failure) {
        for text in self.slots.iter_mut().filter_map(|slot| slot.text.as_mut()) {
            if text.ending.is_none() {
                text.ending = Some(Ending::Failed(failure.clone()));
            }
        }
        self.free();
        (0..self.slots.len()).for_each(|slot| self.batch.reset(slot));
    }
}
