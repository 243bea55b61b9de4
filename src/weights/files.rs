//! What a model path stands for.

use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Gguf, Safetensors, Weights, json};
use crate::text::Tokenizer;
use crate::{Error, Result};

/// Real ones have a few kilobytes; those with many class labels reach one megabyte.
const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// A model's files, opened and checked, but with no tensor read yet.
///
/// ```
/// use sukashi::weights::ModelFiles;
///
/// let model = ModelFiles::embedded()?;
/// assert_eq!(model.name, "soseki-mini");
/// assert_eq!(model.config["model_type"], "gpt2");
/// assert!(model.tokenizer.is_some());
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug)]
pub struct ModelFiles {
    /// The folder's name, or that in a GGUF file.
    pub name: String,
    /// `config.json`, or what a GGUF file says in its place; always an object.
    pub config: Value,
    /// What messages call `config.json`, or the file whose metadata took its place.
    pub config_label: String,
    /// The tensors.
    pub weights: Weights,
    /// From `tokenizer.json` or a GGUF file; `None` where there is none.
    pub tokenizer: Option<Tokenizer>,
}

impl ModelFiles {
    /// Opens a GGUF file, or a folder with `config.json`, `model.safetensors` (or its index) and perhaps
    /// `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// Bad input where the path is neither, or a file is not what it has to be.
    pub fn open(path: &Path) -> Result<Self> {
        if is_gguf(path) {
            return Self::gguf(path);
        }
        let config_path = path.join("config.json");
        check_folder(path, &config_path)?;
        let config_label = config_path.display().to_string();
        let config = parse_config(&config_label, &json::read(&config_path, MAX_CONFIG_BYTES)?)?;

        let tokenizer_path = path.join("tokenizer.json");
        let tokenizer =
            if tokenizer_path.exists() { Some(Tokenizer::from_file(&tokenizer_path)?) } else { None };
        // "." and ".." have no name of their own.
        let resolved = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let name = resolved.file_name().unwrap_or(resolved.as_os_str()).to_string_lossy().into_owned();
        Ok(Self {
            name,
            config,
            config_label,
            weights: Weights::Safetensors(Safetensors::open(path)?),
            tokenizer,
        })
    }

    fn gguf(path: &Path) -> Result<Self> {
        let file = Gguf::open(path)?;
        Ok(Self {
            name: file.model_name(),
            config: file.config()?,
            config_label: file.label().to_owned(),
            tokenizer: file.tokenizer()?,
            weights: Weights::Gguf(Box::new(file)),
        })
    }

    /// The model that is part of the program: soseki-mini, a character-level GPT-2.
    ///
    /// # Errors
    ///
    /// None in a build that passes its tests.
    pub fn embedded() -> Result<Self> {
        let config_label = "soseki-mini/config.json (embedded)".to_string();
        let config = include_bytes!("../../assets/soseki-mini/config.json");
        let weights = include_bytes!("../../assets/soseki-mini/model.safetensors");
        let tokenizer = include_bytes!("../../assets/soseki-mini/tokenizer.json");
        Ok(Self {
            name: "soseki-mini".to_string(),
            config: parse_config(&config_label, config)?,
            config_label,
            weights: Weights::Safetensors(Safetensors::embedded(
                "soseki-mini/model.safetensors (embedded)",
                weights,
            )?),
            tokenizer: Some(Tokenizer::from_bytes("soseki-mini/tokenizer.json (embedded)", tokenizer)?),
        })
    }
}

/// By the name, or where that says nothing by the first bytes.
fn is_gguf(path: &Path) -> bool {
    let named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    let begins = || {
        let mut magic = [0; 4];
        std::fs::File::open(path)
            .is_ok_and(|mut file| file.read_exact(&mut magic).is_ok() && magic == *b"GGUF")
    };
    // A named pipe would wait for a writer.
    path.is_file() && (named || begins())
}

fn parse_config(label: &str, bytes: &[u8]) -> Result<Value> {
    json::parse::<Map<String, Value>>(label, bytes).map(Value::Object)
}

fn check_folder(path: &Path, config_path: &Path) -> Result<()> {
    let expected =
        "a model is a .gguf file, or a folder with config.json, model.safetensors and tokenizer.json";
    match std::fs::metadata(path) {
        Err(error) => Err(Error::file("open model", path, error).hint(expected)),
        Ok(metadata) if !metadata.is_dir() => {
            Err(Error::input(format!("cannot open model {}: it is a file", path.display())).hint(match path
                .parent()
            {
                Some(folder) if folder.join("config.json").exists() => {
                    format!("give its folder instead: {}", folder.display())
                }
                _ => expected.to_string(),
            }))
        }
        Ok(_) if !config_path.exists() => {
            Err(Error::input(format!("cannot open model {}: it has no config.json", path.display()))
                .hint(expected))
        }
        Ok(_) => Ok(()),
    }
}
