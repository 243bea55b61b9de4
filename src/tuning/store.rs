//! Stores a tuning between runs.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{SCHEMA, Tuning};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::file;
use crate::format::Format;
use crate::json_cause;
use crate::kernels::{MatmulShape, kernels};
use crate::output;
use crate::weights::hexadecimal;

/// The size in bytes from which on a file is refused. A real file has some kilobytes.
const MAX_BYTES: u64 = 1 << 20;
/// The most rows or columns of a product.
const MAX_FEATURES: usize = 1 << 24;

#[derive(Debug, Serialize, Deserialize)]
struct File {
    schema: String,
    key: String,
    products: Vec<Row>,
    prefills: Vec<Row>,
    fusions: Vec<ModelRow>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ModelRow {
    model: String,
    fusion: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    out_features: usize,
    in_features: usize,
    format: String,
    /// The name of the choice: a shape of a product, or the kernel of a prefill.
    choice: String,
}

impl Row {
    /// The choices for products, in the order of the products.
    fn all<'a, T: Display>(choices: impl Iterator<Item = (&'a MatmulShape, T)>) -> Vec<Self> {
        let mut rows: Vec<Self> = choices
            .map(|(product, choice)| Self {
                out_features: product.out_features,
                in_features: product.in_features,
                format: product.format.name().to_owned(),
                choice: choice.to_string(),
            })
            .collect();
        rows.sort_by(|a, b| {
            (a.out_features, a.in_features, &a.format).cmp(&(b.out_features, b.in_features, &b.format))
        });
        rows
    }

    fn read<T: FromStr<Err = Error>>(&self) -> Result<(MatmulShape, T)> {
        let Self { out_features, in_features, ref format, ref choice } = *self;
        let known = Format::ALL.into_iter().find(|known| known.name() == format);
        let format = known.ok_or_else(|| wrong(format!("found format = {format:?}")))?;
        let is_possible = (1..=MAX_FEATURES).contains(&out_features)
            && (1..=MAX_FEATURES).contains(&in_features)
            && in_features.is_multiple_of(format.block_columns());
        if !is_possible {
            let product = format!("[{out_features}, {in_features}] {}", format.name());
            return Err(wrong(format!("found a product of {product}")));
        }
        Ok((MatmulShape::new(out_features, in_features, format), choice.parse()?))
    }
}

fn wrong(what: String) -> Error {
    Error::input("cannot use the stored tuning").detail(what)
}

impl Tuning {
    /// Returns the key of the devices for which a tuning is valid. It is a hash of adapter, driver, backend, subgroups,
    /// matrices, and the text of every shader.
    pub fn key(device: &Device) -> String {
        let info = device.info();
        let (subgroups, matrices) = match device {
            Device::Gpu(gpu) => (gpu.min_subgroup_size(), gpu.matrix_size()),
            Device::Cpu | Device::Twins => (0, 0),
        };
        let mut hasher = Sha256::new();
        for part in [&info.name, &info.driver, &info.backend, &subgroups.to_string(), &matrices.to_string()] {
            hasher.update(part);
            hasher.update([0]);
        }
        for kernel in kernels() {
            hasher.update(kernel.wgsl);
        }
        hexadecimal(hasher)
    }

    /// Returns the tuning as the text of a file, for the device with this [`Tuning::key`].
    pub fn to_json(&self, key: &str) -> String {
        let mut fusions: Vec<ModelRow> = self
            .fusions
            .iter()
            .map(|(model, fusion)| ModelRow { model: model.clone(), fusion: fusion.to_string() })
            .collect();
        fusions.sort_by(|a, b| a.model.cmp(&b.model));
        let file = File {
            schema: SCHEMA.to_owned(),
            key: key.to_owned(),
            products: Row::all(self.shapes.iter()),
            prefills: Row::all(self.prefills.iter()),
            fusions,
        };
        // The file has only strings and numbers, so this cannot fail.
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }

    /// Reads the tuning from the text of a file.
    ///
    /// # Errors
    /// If the text is not a tuning for the device with this [`Tuning::key`], or has a value that no product can have.
    pub fn from_json(text: &str, key: &str) -> Result<Self> {
        let file: File = serde_json::from_str(text).map_err(|cause| wrong(json_cause::plain(&cause)))?;
        if file.schema != SCHEMA {
            return Err(wrong(format!("found schema = {:?}, expected {SCHEMA}", file.schema)));
        }
        if file.key != key {
            return Err(wrong("found another adapter's, driver's or version's key".to_owned()));
        }
        let mut tuning = Self {
            shapes: file.products.iter().map(Row::read).collect::<Result<_>>()?,
            prefills: file.prefills.iter().map(Row::read).collect::<Result<_>>()?,
            ..Self::default()
        };
        for ModelRow { model, fusion } in file.fusions {
            tuning.fusions.insert(model, fusion.parse()?);
        }
        Ok(tuning)
    }

    /// Reads the file that [`Tuning::write`] wrote to `path`. Returns `None` if there is no file.
    ///
    /// # Errors
    /// If the file cannot be read. Also the errors of [`Tuning::from_json`].
    pub fn read(path: &Path, key: &str) -> Result<Option<Self>> {
        if matches!(path.metadata(), Err(cause) if cause.kind() == std::io::ErrorKind::NotFound) {
            return Ok(None);
        }
        let bytes = file::read(path, MAX_BYTES)?;
        let text = String::from_utf8(bytes).map_err(|cause| wrong(cause.to_string()))?;
        Self::from_json(&text, key).map(Some)
    }

    /// Writes the tuning to `path`, as a whole or not at all. Missing folders are made.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path, key: &str) -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|cause| Error::file("store the tuning", path, cause))?;
        output::write_atomically(path, self.to_json(key).as_bytes(), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Fusion, GemmKernel, GemvShape};

    fn tuning() -> Tuning {
        let mut tuning = Tuning::default();
        tuning.set(MatmulShape::new(4096, 640, Format::Q5_0), GemvShape::GPU);
        let product = MatmulShape::new(640, 1024, Format::Q4K);
        tuning.set(product, GemvShape::SOFTWARE_SUBGROUPS);
        tuning.set_gemm_kernel(product, GemmKernel::GemmShared);
        tuning.set_fusion(&[product], Fusion::Epilogues);
        tuning
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some/tuning.json");
        assert_eq!(Tuning::read(&path, "key").unwrap(), None);
        tuning().write(&path, "key").unwrap();
        assert_eq!(Tuning::read(&path, "key").unwrap(), Some(tuning()));
        assert!(Tuning::read(&path, "another key").is_err());
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let text = tuning().to_json("key");
        let changes = [
            (SCHEMA, "sukashi.tuning/9"),
            ("4096", "0"),
            ("4096", "99999999999"),
            ("640", "641"),
            ("q5_0", "q3_k"),
            ("gemv:64x32x1", "gemv:63x32x1"),
            ("gemv:64x32x1", "rm -rf"),
            ("gemm_shared", "gemm_unknown"),
            ("\"products\"", "\"product\""),
            ("\"prefills\"", "\"prefill\""),
            ("epilogues", "everything"),
            ("\"fusions\"", "\"fusion\""),
        ];
        for (from, to) in changes {
            let damaged = text.replace(from, to);
            assert_ne!(damaged, text);
            assert!(Tuning::from_json(&damaged, "key").is_err(), "{from} -> {to}");
        }
        for end in 0..text.len() {
            assert!(Tuning::from_json(&text[..end], "key").is_err(), "cut after {end} bytes");
        }
    }
}
