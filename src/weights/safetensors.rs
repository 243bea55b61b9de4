//! Weights in one safetensors file, or in several with an index.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::arriving::{self, ByteSource};
use super::header::{self, Entry};
use super::source::Source;
use super::{TensorInfo, causes, excerpt, shards, wrappers};
use crate::{Error, Result};

pub(super) const SINGLE: &str = "model.safetensors";
pub(super) const INDEX: &str = "model.safetensors.index.json";

/// The tensors of a model, read on demand. Name prefixes that training wrappers add (`_orig_mod.`, `module.`)
/// are removed. Threads may share it.
///
/// ```
/// use sukashi::weights::{Dtype, Safetensors};
///
/// let weights = Safetensors::open("assets/soseki-mini".as_ref())?;
/// let info = weights.info("wte.weight").expect("a GPT-2 has token embeddings");
/// assert_eq!(info.dtype, Dtype::F16);
/// assert_eq!(info.shape, [2948, 192]);
///
/// let mut bytes = Vec::new();
/// weights.read("wte.weight", &mut bytes)?;
/// assert_eq!(bytes.len(), 2948 * 192 * 2);
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug)]
pub struct Safetensors {
    /// Sorted by name.
    files: Vec<Source>,
    tensors: BTreeMap<String, Tensor>,
}

#[derive(Debug)]
struct Tensor {
    info: TensorInfo,
    file_index: usize,
    offset: u64,
    num_bytes: u64,
}

impl Safetensors {
    /// Opens a safetensors file, an index (`….index.json`), or a folder with `model.safetensors` or
    /// `model.safetensors.index.json`, and checks every header.
    ///
    /// # Errors
    ///
    /// Bad input if a file is missing or its header does not describe the file exactly.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            let is_index = path.extension().is_some_and(|extension| extension == "json");
            return if is_index {
                Self::open_index(path)
            } else {
                Self::from_files(vec![Source::open(path)?])
            };
        }
        let (single, index) = (path.join(SINGLE), path.join(INDEX));
        if single.exists() {
            return Self::from_files(vec![Source::open(&single)?]);
        }
        if index.exists() {
            return Self::open_index(&index);
        }
        Err(causes::no_weights(path, SINGLE, INDEX))
    }

    /// Reads a safetensors file from memory; error messages call it `label`.
    ///
    /// # Errors
    ///
    /// See [`Self::open`].
    pub fn from_bytes(label: &str, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        Self::from_files(vec![Source::from_bytes(label, bytes)])
    }

    /// Opens a safetensors file whose bytes may arrive later; error messages call it `label`.
    ///
    /// # Errors
    ///
    /// See [`Self::open`].
    pub async fn from_source(label: &str, bytes: Box<dyn ByteSource>) -> Result<Self> {
        arriving::open(label, bytes, |source| Self::from_files(vec![source])).await
    }

    fn from_files(files: Vec<Source>) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        for (file_index, file) in files.iter().enumerate() {
            for entry in header::read(file)? {
                let (name, tensor) = located(entry, file_index);
                tensors.insert(name, tensor);
            }
        }
        Self::new(files, tensors)
    }

    fn new(files: Vec<Source>, tensors: BTreeMap<String, Tensor>) -> Result<Self> {
        Ok(Self {
            tensors: wrappers::unwrapped(tensors, files.first().map_or("", |file| &file.label))?,
            files,
        })
    }

    fn open_index(index: &Path) -> Result<Self> {
        let folder = match index.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut by_file: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (tensor, file) in shards::read_index(index)? {
            by_file.entry(file).or_default().push(tensor);
        }
        let (mut files, mut tensors) = (Vec::new(), BTreeMap::new());
        for (file_name, names) in by_file {
            let file = Source::open(&shards::locate(folder, index, &file_name)?)?;
            let mut held: HashMap<_, _> =
                header::read(&file)?.into_iter().map(|entry| located(entry, files.len())).collect();
            for name in names {
                let tensor = held.remove(&name).ok_or_else(|| {
                    Error::input(format!("cannot load {}: it is not in {}", excerpt(&name), file.label))
                        .detail(format!("{} says that it is", index.display()))
                        .hint("do the index and the shards belong to one model?")
                })?;
                tensors.insert(name, tensor);
            }
            files.push(file);
        }
        Self::new(files, tensors)
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The type and shape of a tensor; `None` if there is no tensor of this name.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name).map(|tensor| &tensor.info)
    }

    /// The file that contains a tensor, for messages; all files if there is no tensor of this name.
    pub fn file_of(&self, name: &str) -> String {
        match self.tensors.get(name) {
            Some(tensor) => self.files[tensor.file_index].label.clone(),
            None => self.files.iter().map(|file| file.label.as_str()).collect::<Vec<_>>().join(", "),
        }
    }

    /// Replaces the contents of `buffer` with the tensor's bytes: its elements in order, little-endian.
    ///
    /// # Errors
    ///
    /// Bad input if there is no tensor of this name; also if the file can no longer be read, or if the bytes
    /// do not fit into memory.
    pub fn read(&self, name: &str, buffer: &mut Vec<u8>) -> Result<()> {
        let tensor = self.tensor(name)?;
        self.files[tensor.file_index].read_vec(tensor.offset, tensor.num_bytes, buffer)
    }

    /// Like [`Self::read`], but only `num_bytes` from `start` on.
    ///
    /// # Errors
    ///
    /// See [`Self::read`]; also if the tensor has fewer bytes.
    pub fn read_part(&self, name: &str, part: (u64, u64), buffer: &mut Vec<u8>) -> Result<()> {
        arriving::at_once(self.fetch_part(name, part, buffer))
    }

    /// Like [`Self::read_part`], for bytes that may arrive later.
    ///
    /// # Errors
    ///
    /// See [`Self::read_part`].
    pub async fn fetch_part(
        &self,
        name: &str,
        (start, num_bytes): (u64, u64),
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        let tensor = self.tensor(name)?;
        if start.checked_add(num_bytes).is_none_or(|end| end > tensor.num_bytes) {
            return Err(Error::input(format!("cannot load {name} from {}", self.file_of(name)))
                .detail(format!("found {} bytes, expected {num_bytes} from {start} on", tensor.num_bytes)));
        }
        self.files[tensor.file_index].fetch_vec(tensor.offset + start, num_bytes, buffer).await
    }

    fn tensor(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| {
            Error::input(format!("cannot load {name} from {}: no such tensor", self.file_of(name)))
                .hint("do config.json and the weights belong to one model?")
        })
    }

    /// The SHA-256 of all files in the order of their names, in hexadecimal. Reads every file once. Of a
    /// [`ByteSource`], it is what the source knows, or empty.
    ///
    /// # Errors
    ///
    /// If a file can no longer be read.
    pub fn sha256(&self) -> Result<String> {
        match self.files.iter().find_map(Source::as_arriving) {
            Some(arriving) => Ok(arriving.bytes.sha256().unwrap_or_default()),
            None => Ok(super::hexadecimal(self.hash()?)),
        }
    }

    /// A hash of all files in the order of their names.
    pub(super) fn hash(&self) -> Result<Sha256> {
        let mut hasher = Sha256::new();
        for file in &self.files {
            file.hash_into(&mut hasher)?;
        }
        Ok(hasher)
    }
}

fn located(entry: Entry, file_index: usize) -> (String, Tensor) {
    let Entry { name, info, offset, num_bytes } = entry;
    (name, Tensor { info, file_index, offset, num_bytes })
}
