//! What all handlers share.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use tokio::sync::Semaphore;

use super::engine::{Engine, EngineSettings, Ready, Status};
use super::error::ApiError;
use super::guard::Guard;
use super::limits::MAX_DRAWN;
use crate::text::DateTime;

/// How the server works.
#[derive(Debug, Clone)]
pub struct Config {
    /// How much the engine does at a time.
    pub engine: EngineSettings,
    /// The name of the model; by default that of its files.
    pub model_id: Option<String>,
    /// The most time for an answer, in the queue and after it.
    pub timeout: Duration,
    /// The time that running answers have after the server was told to stop.
    pub grace: Duration,
    /// Who may ask.
    pub guard: Guard,
    /// The origins of pages that may ask, for CORS.
    pub origins: Vec<String>,
    /// The date for chat templates that ask for it.
    pub now: fn() -> DateTime,
}

/// What all handlers share.
#[derive(Debug)]
pub struct State {
    pub config: Config,
    pub engine: Engine,
    /// The requests by the class of their status, from 100 on.
    pub answers: [AtomicU64; 5],
    /// The turns of those who draw figures.
    pub drawing: Semaphore,
    /// When the server started, in seconds since 1970.
    pub started: u64,
    next_id: AtomicU64,
}

impl State {
    pub fn new(config: Config, engine: Engine) -> Self {
        Self {
            config,
            engine,
            answers: Default::default(),
            drawing: Semaphore::new(MAX_DRAWN),
            started: seconds(),
            next_id: AtomicU64::new(0),
        }
    }

    /// The model, once it is loaded.
    ///
    /// # Errors
    /// If the engine takes no work.
    pub fn ready(&self) -> Result<&Ready, ApiError> {
        match (self.engine.status(), self.engine.ready()) {
            (Status::Ready, Some(ready)) => Ok(ready),
            (status, _) => Err(status.into()),
        }
    }

    /// The name of the model.
    pub fn model_id<'a>(&'a self, ready: &'a Ready) -> &'a str {
        self.config.model_id.as_deref().unwrap_or_else(|| ready.model.name())
    }

    /// A new name for an answer.
    pub fn answer_id(&self, kind: &str) -> String {
        format!("{kind}-{:x}-{:x}", self.started, self.next_id.fetch_add(1, Relaxed))
    }

    /// Counts an answer.
    pub fn count(&self, status: StatusCode) {
        if let Some(count) = self.answers.get(usize::from(status.as_u16() / 100).saturating_sub(1)) {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// Seconds since 1970.
pub fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
