//! A model whose weights are not yet on a device.

use super::load::Model;
use super::spec::{self, DecoderSpec};
use crate::device::Device;
use crate::error::Result;
use crate::weights::{ModelFiles, at_once};

/// A model's files and the spec that they describe. No device has loaded the weights yet.
///
/// ```
/// use sukashi::Device;
/// use sukashi::model::UnloadedModel;
/// use sukashi::weights::ModelFiles;
///
/// let model = UnloadedModel::read(ModelFiles::embedded()?)?;
/// assert_eq!(model.spec().num_layers, 6);
/// let model = model.load(&Device::Cpu, &mut |_, _| {})?;
/// assert_eq!(model.spec().num_layers, 6);
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug)]
pub struct UnloadedModel {
    pub(super) files: ModelFiles,
    pub(super) spec: DecoderSpec,
}

impl UnloadedModel {
    /// Reads the spec of these files.
    ///
    /// # Errors
    /// As [`spec::from_files`].
    pub fn read(files: ModelFiles) -> Result<Self> {
        Ok(Self { spec: spec::from_files(&files)?, files })
    }

    /// Takes files that were made for this spec.
    pub(crate) fn of(files: ModelFiles, spec: DecoderSpec) -> Self {
        Self { files, spec }
    }

    /// The model's sizes and the choices of its architecture.
    pub fn spec(&self) -> &DecoderSpec {
        &self.spec
    }

    /// The model's files.
    pub fn files(&self) -> &ModelFiles {
        &self.files
    }

    /// Loads the weights. `progress` gets the number of loaded tensors and the number of all tensors.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load(self, device: &Device, progress: &mut dyn FnMut(usize, usize)) -> Result<Model> {
        at_once(Model::of_files(device, self, progress))
    }

    /// Loads the weights as [`UnloadedModel::load`] does, and waits for bytes that arrive later.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub async fn load_arriving(
        self,
        device: &Device,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Model> {
        Model::of_files(device, self, progress).await
    }
}
