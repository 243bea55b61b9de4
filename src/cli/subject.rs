//! The model that `bench` and `tune` run: one from files, or a known shape with random weights.

use std::time::{Duration, Instant};

use sukashi::{Device, Model, Result, bench};

use super::device::DeviceArgs;
use super::model::ModelArgs;
use super::progress::Progress;
use super::terminal::Terminal;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Model")]
pub struct SubjectArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Use random weights of a known shape, such as gemma-3-1b:f16 or llama-3.2-1b:q4_k, instead of a model; needs no download
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

    /// Loads the model onto the device; gives the time from the first look at its files, too.
    pub fn load(&self, device: &Device, terminal: &Terminal) -> Result<(Model, Duration)> {
        let started = Instant::now();
        let files = match &self.synthetic {
            Some(name) => bench::synthetic(name)?,
            None => self.model.open(terminal)?,
        };
        let mut progress = Progress::new(terminal.words("読み込み中", "loading"));
        let model = Model::from_files(device, files, &mut |done, total| progress.set(done, total))?;
        Ok((model, started.elapsed()))
    }
}
