//! Reads consecutive tokens of a sequence. `Session`, `BatchSession` and `CapturePass` use it.

use super::forward::{self, Activations, Scratch};
use super::kv_cache::KvCache;
use super::load::Model;
use super::session::{PassLimits, split};
use super::taps::{Span, Taps};
use crate::device::{Program, Recorder};
use crate::dispatch::Batch;
use crate::error::Result;
use crate::kernels::Plan;

/// Computes tokens of a sequence, from ids to the residual stream. It limits the tokens of a pass so that each dispatch
/// is short.
#[derive(Debug)]
pub(super) struct PromptPass {
    model: Model,
    activations: Activations,
    scratch: Scratch,
    body: Program,
    /// The most tokens of a pass.
    max_tokens: usize,
    limits: PassLimits,
}

impl PromptPass {
    /// Makes a pass over up to `max_tokens` tokens through the first `num_layers` layers. `activations` have as many
    /// rows.
    ///
    /// # Errors
    /// If the device cannot compile a shader, or has no more memory.
    pub(super) fn new(
        model: &Model,
        cache: &KvCache,
        activations: Activations,
        taps: &Taps,
        (max_tokens, num_layers): (usize, usize),
    ) -> Result<Self> {
        let mut body = Plan::new(model.device(), model.choices(), max_tokens);
        forward::body(&mut body, model, cache, &activations, taps, num_layers);
        let body = model.device().compile(&body.lower()?.recording)?;
        let (scratch, limits) = (Scratch::default(), PassLimits::of(model.device()));
        Ok(Self { model: model.clone(), activations, scratch, body, max_tokens, limits })
    }

    /// The buffers and tensors of a pass.
    pub(super) fn activations(&self) -> &Activations {
        &self.activations
    }

    /// Splits `ids` into the tokens of the next pass and the rest. The first id is at `position` of its sequence.
    pub(super) fn split<'a>(&self, ids: &'a [u32], position: usize) -> (&'a [u32], &'a [u32]) {
        let most = self.limits.prefill_tokens(self.model.spec(), position);
        split(ids, most.min(self.max_tokens))
    }

    /// Writes the inputs of a pass over `ids`. The first id is at `position` of a sequence whose rows in the KV cache
    /// begin at `first_row`.
    pub(super) fn write(&mut self, ids: &[u32], position: usize, first_row: usize) -> Batch {
        let places = (position..position + ids.len()).map(|at| (at as u32, (first_row + at) as u32));
        self.write_ids(ids);
        self.write_places(places);
        Batch { position: position as u32, num_tokens: ids.len() as u32, ..Batch::default() }
    }

    /// Writes the ids of a pass.
    pub(super) fn write_ids(&self, ids: &[u32]) {
        self.model.device().write(&self.activations.ids, ids);
    }

    /// Writes the position of each token of a pass, and its row in the caches.
    pub(super) fn write_places(&mut self, places: impl Iterator<Item = (u32, u32)>) {
        let (device, spec) = (self.model.device(), self.model.spec());
        self.activations.write_places(device, spec, places, &mut self.scratch);
    }

    /// Computes the pass that [`PromptPass::write`] prepared.
    pub(super) fn run(&self, batch: Batch, recorder: &mut Recorder) {
        self.body.run(batch, recorder);
    }

    /// Submits a pass over `ids`, and does not wait for it.
    ///
    /// # Errors
    /// If the device is lost.
    pub(super) fn submit(&mut self, ids: &[u32], position: usize, first_row: usize) -> Result<Span> {
        let batch = self.write(ids, position, first_row);
        let mut recorder = self.model.device().record();
        self.run(batch, &mut recorder);
        self.model.device().submit(recorder)?;
        Ok(Span { position, num_tokens: ids.len() })
    }
}
