//! The model that `bench` and `tune` run: one from files, or a known shape with random weights.

use std::time::{Duration, Instant};

use sukashi::model::UnloadedModel;
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

    /// Reads the model's files, then opens the device and loads the model onto it. Gives the time of reading and loading, too.
    pub fn load(
        &self,
        open_device: impl FnOnce() -> Result<Device>,
        terminal: &Terminal,
    ) -> Result<(Model, Duration)> {
        let started = Instant::now();
        let model = match &self.synthetic {
            Some(name) => bench::synthetic(name)?,
            None => UnloadedModel::read(self.model.open(terminal)?)?,
        };
        let reading = started.elapsed();
        let device = open_device()?;
        let started = Instant::now();
        let mut progress = Progress::new(terminal.words("読み込み中", "loading"));
        let model = model.load(&device, &mut |done, total| progress.set(done, total))?;
        Ok((model, reading + started.elapsed()))
    }
}
