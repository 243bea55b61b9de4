//! What a request may ask for at most. docs/trust.md lists these numbers.

use std::time::Duration;

/// The bytes of a request's body.
pub const MAX_BODY_BYTES: usize = 8 << 20;
/// The time for a request's header, and for its body.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The time in which a client takes the next part of an answer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// The connections that are open at the same time. Others wait.
pub const MAX_CONNECTIONS: usize = 512;
/// The texts that one request may have written: its prompts times `n`.
pub const MAX_SEQUENCES: usize = 128;
/// The answers to one prompt, `n`.
pub const MAX_CHOICES: usize = 16;
/// The alternatives of a token, `logprobs` and `top_logprobs`.
pub const MAX_TOP: usize = 20;
/// The texts of `stop`.
pub const MAX_STOPS: usize = 16;
/// The bytes of a text of `stop`.
pub const MAX_STOP_BYTES: usize = 1024;
/// The tokens of `stop_token_ids`.
pub const MAX_STOP_IDS: usize = 64;
/// The tokens that a request which looks inside the model may have: it holds up all others.
pub const MAX_INSIDE_TOKENS: usize = 512;
/// The tokens of a text whose layers are all asked for their predictions.
pub const MAX_LENS_TOKENS: usize = 64;
/// The values of a capture.
pub const MAX_CAPTURED: usize = 32 << 20;
/// The candidates that a trace records at a step.
pub const MAX_TRACED: usize = 1000;
/// The requests that look inside the model and wait.
pub const MAX_TASKS: usize = 16;
/// The pixels of a picture.
pub const MAX_PIXELS: usize = 16 << 20;
/// The figures that are drawn at the same time.
pub const MAX_DRAWN: usize = 2;
/// The bytes of the file of API keys.
pub const MAX_KEY_FILE_BYTES: u64 = 1 << 20;
