//! Reads a sequence in batches and captures values on the way.

use std::collections::BTreeSet;

use super::forward::Activations;
use super::kv_cache::KvCache;
use super::load::Model;
use super::point::Point;
use super::prompt_pass::PromptPass;
use super::session::prefill_tokens;
use super::taps::{Reader, Span, words_per_token};
use crate::error::Result;
use crate::text::check_prompt;

/// The device memory for the captured values of one batch, in 32-bit words.
const MAX_WORDS: usize = 32 << 20;

/// Runs a sequence through a model with a cache of its own, and captures values. It computes as many layers as the points need.
#[derive(Debug)]
pub(super) struct CapturePass {
    batch: usize,
    prompt: PromptPass,
    pub reader: Reader,
}

impl CapturePass {
    /// Makes a pass over `ids` that captures `points`.
    ///
    /// # Errors
    /// If `ids` is empty, has an id outside the vocabulary, or is longer than the context; if the device has no room.
    pub(super) fn new(model: &Model, ids: &[u32], points: BTreeSet<Point>) -> Result<Self> {
        let (device, spec) = (model.device(), model.spec());
        check_prompt(ids, spec.vocab_size, spec.max_seq_len)?;
        let num_tokens = ids.len();
        let (words, largest) = words_per_token(model, &points, num_tokens);
        // A batch has one token only if the sequence has one. One token and several go through different kernels, and
        // the request must not change the numbers.
        let batch = prefill_tokens(device, spec, num_tokens)
            .min(MAX_WORDS / words.max(1))
            .min(device.max_binding_words() / (largest + 8))
            .max(2)
            .min(num_tokens);

        let cache = KvCache::new(device, spec, (1, num_tokens), 1)?;
        let activations = Activations::new(device, spec, batch)?;
        let num_layers = points.iter().map(|point| point.num_layers(spec)).max().unwrap_or(0);
        let reader = Reader::new(model, points, &activations, (batch, num_tokens))?;
        let prompt = PromptPass::new(model, &cache, activations, reader.taps(), (batch, num_layers))?;
        Ok(Self { batch, prompt, reader })
    }

    /// The most tokens of a batch.
    pub(super) fn batch(&self) -> usize {
        self.batch
    }

    /// Submits the next batch. Its first token is at `position`.
    pub(super) fn submit(&mut self, ids: &[u32], position: usize) -> Result<Span> {
        self.prompt.submit(ids, position, 0)
    }
}
