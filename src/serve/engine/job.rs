//! A text to write, and what the engine says of it.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::scored::Scored;
use crate::error::Error;
use crate::sampling::Settings;
use crate::trace::{Step, StepRecorder};

/// A text to write.
#[derive(Debug)]
pub struct Job {
    /// The tokens of the prompt, at least one.
    pub prompt: Arc<[u32]>,
    /// The most tokens after it. The context has room for both.
    pub max_tokens: usize,
    /// How tokens are chosen. The settings fit the vocabulary.
    pub settings: Settings,
    /// The tokens that end the text.
    pub ends: Arc<[u32]>,
    /// The number of alternatives to score with each token. `None` scores no token.
    pub num_top: Option<usize>,
    /// Whether the prompt's tokens are scored, too.
    pub scores_prompt: bool,
    /// Records each step.
    pub recorder: Option<StepRecorder>,
    /// When the text has to be finished.
    pub deadline: Instant,
    /// Where the engine says what happens. It has room for everything. The engine drops a text that nobody listens to.
    pub events: mpsc::Sender<Event>,
}

/// What happens to a text.
#[derive(Debug)]
pub enum Event {
    /// The engine begins to read the prompt, of which it knows so many tokens from an earlier text.
    Begun {
        /// The number of known tokens.
        num_reused: usize,
    },
    /// A token of the prompt, in order.
    Prompt(Scored),
    /// A token that was chosen.
    Token(Scored),
    /// The record of the step that chose the next token.
    Step(Box<Step>),
    /// The text is finished.
    Finished(Finish),
    /// The text cannot be finished.
    Failed(Failure),
}

/// Why a text is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The last token ends the text.
    End,
    /// The text has as many tokens as were asked for.
    Length,
}

/// Why a text cannot be finished.
#[derive(Debug, Clone)]
pub enum Failure {
    /// The computation failed.
    Error(Error),
    /// The server stops.
    Stopping,
    /// The time is over.
    TimedOut,
}

impl Job {
    /// The most events of a text.
    pub fn num_events(prompt: &[u32], max_tokens: usize) -> usize {
        // Each token may come with its step, and there are a beginning and an end.
        prompt.len() + 2 * max_tokens + 4
    }
}
