//! The GPU, in a build without the feature `gpu`: there is no adapter, so no value of [`Gpu`] exists.

mod adapter_summary;

use std::path::Path;

pub use adapter_summary::AdapterSummary;

use crate::dispatch::{Batch, Entry, Requires};
use crate::error::{Error, ErrorKind, Result};
use crate::trace::AdapterInfo;

/// An open adapter. This build has none.
#[derive(Debug, Clone)]
pub enum Gpu {}

/// Commands that wait to be submitted.
#[derive(Debug)]
pub(crate) struct Encoder(Gpu);

/// A recording with its pipelines.
#[derive(Debug)]
pub enum Program {}

/// A buffer that the host reads.
#[derive(Debug)]
pub enum Staging {}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Buffer {}

#[derive(Debug)]
pub(crate) enum SubmissionIndex {}

/// Lists no adapters: this build knows none.
pub async fn adapters() -> Vec<AdapterSummary> {
    Vec::new()
}

impl Encoder {
    pub(crate) fn copy_words(&mut self, _: &Buffer, _: usize, _: &Buffer, _: usize, _: usize) {
        match self.0 {}
    }
}

impl Gpu {
    /// `None` for `auto`.
    ///
    /// # Errors
    /// If `selector` names an adapter.
    pub async fn request(selector: &str) -> Result<Option<Self>> {
        if selector.eq_ignore_ascii_case("auto") {
            return Ok(None);
        }
        Err(Error::new(ErrorKind::Device, "cannot open an adapter: this build has no GPU support")
            .detail(format!("found {selector:?}, expected cpu"))
            .hint("build with the feature `gpu`"))
    }

    #[expect(missing_docs, reason = "there is no value to call it on")]
    pub fn keep_pipelines(&self, _folder: &Path) -> Result<()> {
        match *self {}
    }

    #[expect(missing_docs, reason = "there is no value to call it on")]
    pub fn bound_loops(&self) {
        match *self {}
    }

    #[expect(missing_docs, reason = "there is no value to call it on")]
    pub fn info(&self) -> &AdapterInfo {
        match *self {}
    }

    #[expect(missing_docs, reason = "there is no value to call it on")]
    pub fn is_software(&self) -> bool {
        match *self {}
    }

    #[expect(missing_docs, reason = "there is no value to call it on")]
    pub fn min_subgroup_size(&self) -> u32 {
        match *self {}
    }

    #[expect(missing_docs, reason = "there is no value to call it on")]
    pub fn matrix_size(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn max_subgroup_size(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn max_binding_words(&self) -> usize {
        match *self {}
    }

    pub(crate) fn create_buffer(&self, _label: &str, _words: usize, _contents: &[u32]) -> Result<Buffer> {
        match *self {}
    }

    pub(crate) fn write(&self, _buffer: &Buffer, _words: &[u32]) {
        match *self {}
    }

    pub(crate) fn upload_part(&self, _buffer: &Buffer, _first_word: usize, _words: &[u32]) -> Result<()> {
        match *self {}
    }

    pub(crate) fn encoder(&self) -> Encoder {
        match *self {}
    }

    pub(crate) fn submit(&self, _encoder: Encoder) -> Result<SubmissionIndex> {
        match *self {}
    }

    pub(crate) fn has(&self, _requires: &Requires) -> bool {
        match *self {}
    }

    pub(crate) fn staging(&self, _words: usize) -> Result<Staging> {
        match *self {}
    }
}

impl Buffer {
    pub fn size(&self) -> u64 {
        match *self {}
    }
}

impl Staging {
    pub(crate) fn copy_from(&self, _gpu: &Gpu, _encoder: &mut Encoder, _buffer: &Buffer, _words: usize) {
        match *self {}
    }

    pub(crate) async fn read(
        &self,
        _gpu: &Gpu,
        _submission: SubmissionIndex,
        _target: &mut [u32],
    ) -> Result<()> {
        match *self {}
    }
}

impl Program {
    pub(crate) fn new(gpu: &Gpu, _entries: &[Entry], _buffers: &[&Buffer]) -> Result<Self> {
        match *gpu {}
    }

    pub(crate) fn record(&self, _tokens: Batch, _encoder: &mut Encoder) {
        match *self {}
    }

    pub(crate) async fn profile(&self, _tokens: Batch) -> Result<Vec<f64>> {
        match *self {}
    }
}
