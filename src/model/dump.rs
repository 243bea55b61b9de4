//! Captured values as a safetensors file.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView};

use super::capture::Capture;
use super::load::Model;
use crate::error::{Error, ErrorKind, Result};

impl Capture {
    /// The captured values as a safetensors file, little-endian on every platform.
    ///
    /// | Tensor | Shape | Type |
    /// |---|---|---|
    /// | `input_ids` | `[T]` | `I64` |
    /// | `logits` | `[T, vocab_size]` | `F32` |
    /// | `hidden_states` | `[num_layers + 1, T, hidden_size]` | `F32` |
    /// | `attentions` | `[num_layers, num_heads, T, T]` | `F32` |
    ///
    /// What was not captured is left out. The file's metadata have one entry, `sukashi`: a JSON object with the
    /// version, the model and the adapter. `model` is the one that the values were captured from.
    ///
    /// ```
    /// # pollster::block_on(async {
    /// use sukashi::model::{Capture, CaptureRequest};
    /// use sukashi::{Device, Model};
    ///
    /// let model = Model::embedded(&Device::Cpu)?;
    /// let request = CaptureRequest { logits: true, ..CaptureRequest::default() };
    /// let bytes = Capture::run(&model, &model.encode("猫である")?, request).await?.to_safetensors(&model)?;
    /// let file = safetensors::SafeTensors::deserialize(&bytes).expect("a sound file");
    /// assert_eq!(file.tensor("logits").expect("it was asked for").shape(), [4, 2948]);
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// If the model's files cannot be read any more; if the values are not those of `model`.
    pub fn to_safetensors(&self, model: &Model) -> Result<Vec<u8>> {
        let spec = model.spec();
        let num_tokens = self.input_ids.len();
        let ids: Vec<u8> = self.input_ids.iter().flat_map(|&id| i64::from(id).to_le_bytes()).collect();
        let captured = [
            ("logits", &self.logits, vec![num_tokens, spec.vocab_size]),
            ("hidden_states", &self.hidden_states, vec![spec.num_layers + 1, num_tokens, spec.hidden_size]),
            ("attentions", &self.attentions, vec![spec.num_layers, spec.num_heads, num_tokens, num_tokens]),
        ];
        let mut tensors = vec![("input_ids", Dtype::I64, vec![num_tokens], ids)];
        for (name, values, shape) in captured {
            if let Some(values) = values {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                tensors.push((name, Dtype::F32, shape, bytes));
            }
        }

        let failed = |cause| Error::new(ErrorKind::Computation, "cannot write the tensors").caused_by(cause);
        let views = tensors
            .iter()
            .map(|(name, dtype, shape, bytes)| Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?)))
            .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(failed)?;
        let source = serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "model": model.info()?,
            "adapter": model.device().info(),
        });
        // One entry only: their order in the file is that of a hash map, and the same values shall give the same
        // bytes.
        let metadata = HashMap::from([("sukashi".to_owned(), source.to_string())]);
        safetensors::serialize(views, Some(metadata)).map_err(failed)
    }
}
