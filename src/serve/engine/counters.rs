//! What the engine counts for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Numbers that grow, and gauges.
#[derive(Debug, Default)]
pub struct Counters {
    /// Tokens of prompts that were read.
    pub prompt_tokens: AtomicU64,
    /// Tokens of prompts that earlier texts had left in the KV cache.
    pub reused_tokens: AtomicU64,
    /// Tokens that were chosen.
    pub chosen_tokens: AtomicU64,
    /// Texts that were finished.
    pub finished: AtomicU64,
    /// Texts that nobody listened to any more: a stop text was found, or the client went away.
    pub abandoned: AtomicU64,
    /// Texts that could not be finished.
    pub failed: AtomicU64,
    /// Steps, each of which decodes a token of every running text.
    pub steps: AtomicU64,
    /// The time of these steps, in microseconds.
    pub step_micros: AtomicU64,
    /// Pieces of prompts.
    pub pieces: AtomicU64,
    /// The time of these pieces, in microseconds.
    pub piece_micros: AtomicU64,
    /// Texts that are being read or written.
    pub running: AtomicU64,
}

/// Adds to a counter.
pub fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(amount as u64, Relaxed);
}

/// Adds a time to a counter of microseconds.
pub fn add_time(counter: &AtomicU64, time: Duration) {
    counter.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
}

/// The value of a counter.
pub fn get(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}
