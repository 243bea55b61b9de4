//! Writes captured values as a safetensors file.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView};

use super::capture::Capture;
use super::load::Model;
use crate::error::{Error, ErrorKind, Result};

impl Capture {
    /// The captured values as a safetensors file, little-endian on every platform.
    ///
    /// Each tensor has its own name and shape, and is `F32`. `input_ids`, `[S]`, and `positions`, `[T]`, are `I64`. The
    /// metadata of the file have one entry, `sukashi`. It is a JSON object with the version, the model and the adapter.
    /// `model` has to be the model that the values were captured from.
    ///
    /// ```
    /// # pollster::block_on(async {
    /// use sukashi::model::{Capture, CaptureRequest};
    /// use sukashi::{Device, Model};
    ///
    /// let model = Model::embedded(&Device::Cpu)?;
    /// let request = CaptureRequest::new(model.spec(), ["logits"])?;
    /// let bytes = Capture::run(&model, &model.encode("猫である")?, &request).await?.to_safetensors(&model)?;
    /// let file = safetensors::SafeTensors::deserialize(&bytes).expect("a sound file");
    /// assert_eq!(file.tensor("logits").expect("it was asked for").shape(), [4, 2948]);
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// If the model's files can no longer be read.
    pub fn to_safetensors(&self, model: &Model) -> Result<Vec<u8>> {
        let ids = self.input_ids.iter().flat_map(|&id| i64::from(id).to_le_bytes()).collect();
        let positions = self.positions.iter().flat_map(|&at| (at as i64).to_le_bytes()).collect();
        let mut tensors: Vec<(&str, Dtype, &[usize], Vec<u8>)> = Vec::new();
        let (num_ids, num_positions) = ([self.input_ids.len()], [self.positions.len()]);
        tensors.push(("input_ids", Dtype::I64, &num_ids, ids));
        tensors.push(("positions", Dtype::I64, &num_positions, positions));
        for captured in &self.tensors {
            let bytes = captured.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensors.push((&captured.name, Dtype::F32, &captured.shape, bytes));
        }

        let failed = |cause| Error::new(ErrorKind::Computation, "cannot write the tensors").caused_by(cause);
        let views = tensors
            .iter()
            .map(|(name, dtype, shape, bytes)| Ok((*name, TensorView::new(*dtype, shape.to_vec(), bytes)?)))
            .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(failed)?;
        let source = serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "model": model.info()?,
            "adapter": model.device().info(),
        });
        // The metadata have only one entry. Several would be in the order of a hash map, and equal values have to give
        // equal bytes.
        let metadata = HashMap::from([("sukashi".to_owned(), source.to_string())]);
        safetensors::serialize(views, Some(metadata)).map_err(failed)
    }
}
