//! The engine: one thread that owns the model's sequences, and writes several texts at a time.
//!
//! A text joins between two steps, as soon as one of the slots is free, and leaves when it is finished or nobody listens
//! to it. A slot is a sequence of a [`BatchSession`](crate::BatchSession): its share of the KV memory is fixed, so a
//! text that is admitted has room until its end. Between two steps, a piece of one prompt is read.
//!
//! The bits of a text do not depend on the others. The kernels compute each row of a step by itself, the pieces of a
//! prompt do not depend on what else is read, each text has its own sampler, and keys and values are shared only where
//! computing them again would give the same bits ([`num_shareable`](crate::BatchSession::num_shareable)).

mod admission;
mod counters;
mod inbox;
mod job;
mod reading;
mod scored;
mod slot;
mod worker;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Instant;

pub use counters::{Counters, get};
pub use inbox::{Refusal, Status, Task};
pub use job::{Event, Failure, Finish, Job};
pub use scored::Scored;

use crate::error::{Error, ErrorKind, Result};
use crate::{BatchSession, Model};
use inbox::Inbox;
use worker::Worker;

/// How much the engine does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSettings {
    /// The most texts that are written at a time, at most [`BatchSession::MAX_TEXTS`].
    pub max_texts: usize,
    /// The most tokens of a text, with its prompt. The model may allow fewer.
    pub max_seq_len: usize,
    /// The most bytes of keys and values. There are as many slots as fit.
    pub kv_bytes: usize,
    /// The most texts that wait for a slot.
    pub max_queue: usize,
}

/// The engine for those who give it work.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the engine's thread and the others share.
#[derive(Debug)]
struct Shared {
    settings: EngineSettings,
    inbox: Inbox,
    counters: Counters,
    ready: OnceLock<Ready>,
}

/// A model that is loaded, and the sizes of the slots.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The model.
    pub model: Model,
    /// The number of slots.
    pub num_slots: usize,
    /// The most tokens of a text.
    pub max_seq_len: usize,
    /// The bytes of all keys and values.
    pub kv_bytes: usize,
}

impl Engine {
    /// Starts the engine's thread, which loads the model first.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(
        settings: EngineSettings,
        load: impl FnOnce() -> Result<Model> + Send + 'static,
    ) -> Result<Self> {
        let inbox = Inbox::new(settings.max_queue);
        let shared =
            Arc::new(Shared { settings, inbox, counters: Counters::default(), ready: OnceLock::new() });
        let own = shared.clone();
        let work = move || {
            let worker = load().and_then(|model| Worker::new(model, own.clone()));
            match worker {
                Ok(worker) => worker.run(),
                Err(error) => own.inbox.fail(error),
            }
        };
        let thread = std::thread::Builder::new().name("engine".into()).spawn(work).map_err(|cause| {
            Error::new(ErrorKind::Io, "cannot start the engine's thread").caused_by(cause)
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// What the engine is doing.
    pub fn status(&self) -> Status {
        self.shared.inbox.status()
    }

    /// The model and its slots, once the model is loaded.
    pub fn ready(&self) -> Option<&Ready> {
        self.shared.ready.get()
    }

    /// What the engine has counted.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The number of texts that wait for a slot.
    pub fn num_waiting(&self) -> usize {
        self.shared.inbox.num_waiting()
    }

    /// The number of texts that are read or written.
    pub fn num_running(&self) -> usize {
        self.shared.counters.running.load(Relaxed) as usize
    }

    /// Gives the engine texts to write: all of them, or none.
    ///
    /// # Errors
    /// If there is no room for all of them, or the engine takes no work.
    pub fn submit(&self, jobs: Vec<Job>) -> Result<(), Refusal> {
        self.shared.inbox.push_jobs(jobs)
    }

    /// Gives the engine a function to run between two steps. All texts wait for it.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub fn run(&self, task: Task) -> Result<(), Refusal> {
        self.shared.inbox.push_task(task)
    }

    /// Lets running texts end until `deadline`, and refuses all others.
    pub fn stop(&self, deadline: Instant) {
        self.shared.inbox.stop(deadline);
    }
}

impl Drop for Engine {
    /// Ends all texts and waits for the thread.
    fn drop(&mut self) {
        self.stop(Instant::now());
        if let Some(thread) = self.thread.take() {
            // A panic was reported to the inbox.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The number of slots, and their sizes.
    fn sizes(&self, model: &Model) -> Result<Ready> {
        let EngineSettings { max_texts, max_seq_len, kv_bytes, .. } = self.settings;
        let max_seq_len = max_seq_len.clamp(1, model.spec().max_seq_len);
        let bytes_per_text = max_seq_len.saturating_mul(BatchSession::kv_bytes_per_token(model)).max(1);
        let num_slots = (kv_bytes / bytes_per_text).min(max_texts).min(BatchSession::MAX_TEXTS);
        if num_slots == 0 {
            return Err(Error::input("the KV memory has no room for a text")
                .detail(format!(
                    "found {kv_bytes} bytes, expected at least {bytes_per_text} for {max_seq_len} tokens"
                ))
                .hint("give more with --kv-memory, or shorter texts with --context"));
        }
        Ok(Ready { model: model.clone(), num_slots, max_seq_len, kv_bytes: num_slots * bytes_per_text })
    }
}
