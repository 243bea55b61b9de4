//! What `bench` and `tune` are about: a model, or a shape with random weights, on a device.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sukashi::{Device, Model, Result, bench};

use super::device::DeviceArgs;
use super::model::open_model;
use super::progress::Progress;
use super::terminal::Terminal;

/// Flags that name a model and a device, and no prompt.
#[derive(Debug, clap::Args)]
pub struct SubjectArgs {
    /// A .gguf file, a folder, or a model to download [default: the model in the program]
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// Load a model whose files have tensors that no part of it uses, and only warn of them
    #[arg(long)]
    allow_unused_tensors: bool,
    /// Random weights of a known shape instead of a model, such as gemma-3-1b:f16 or llama-3.2-1b:q4_k; no download
    #[arg(long, value_name = "SHAPE:FORMAT", conflicts_with = "model")]
    synthetic: Option<String>,
    #[command(flatten)]
    device: DeviceArgs,
}

impl SubjectArgs {
    /// Opens the device.
    pub fn device(&self, terminal: &Terminal) -> Result<Device> {
        self.device.open(terminal)
    }

    /// Puts the model there, and says how long that took from the first look at its files.
    pub fn load(&self, device: &Device, terminal: &Terminal) -> Result<(Model, Duration)> {
        let started = Instant::now();
        let mut files = match &self.synthetic {
            Some(name) => bench::synthetic(name)?,
            None => open_model(self.model.as_deref(), terminal)?,
        };
        files.allow_unused_tensors = self.allow_unused_tensors;
        let mut progress = Progress::new(terminal.words("読み込み中", "loading"));
        let model = Model::from_files(device, files, &mut |done, total| progress.set(done, total))?;
        Ok((model, started.elapsed()))
    }
}
