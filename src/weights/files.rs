//! What a model path stands for.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Safetensors, json};
use crate::text::{ChatTemplate, Tokenizer};
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
    /// The folder's name.
    pub name: String,
    /// `config.json`; always an object.
    pub config: Value,
    /// What messages call `config.json`.
    pub config_label: String,
    /// The tensors.
    pub weights: Safetensors,
    /// From `tokenizer.json`; `None` where the folder has none.
    pub tokenizer: Option<Tokenizer>,
    /// `generation_config.json`; `None` where the folder has none.
    pub generation_config: Option<GenerationConfig>,
    /// From `chat_template.jinja` or `tokenizer_config.json`; `None` where they have none. One that cannot be used is
    /// an error for whoever wants to chat, and no hindrance to others.
    pub chat: Result<Option<ChatTemplate>>,
}

/// How the authors of a model want its texts to be made.
#[derive(Debug)]
pub struct GenerationConfig {
    /// What messages call the file.
    pub label: String,
    /// Its contents; always an object.
    pub value: Value,
}

impl ModelFiles {
    /// Opens a folder with `config.json`, `model.safetensors` (or its index) and perhaps `tokenizer.json`,
    /// `generation_config.json` and a chat template.
    ///
    /// # Errors
    ///
    /// Bad input where the path is no such folder, or one of its files is not what it has to be.
    pub fn open(path: &Path) -> Result<Self> {
        let config_path = path.join("config.json");
        check_folder(path, &config_path)?;
        let config_label = config_path.display().to_string();
        let config = parse_config(&config_label, &json::read(&config_path, MAX_CONFIG_BYTES)?)?;

        let tokenizer_path = path.join("tokenizer.json");
        let tokenizer =
            if tokenizer_path.exists() { Some(Tokenizer::from_file(&tokenizer_path)?) } else { None };
        let generation_path = path.join("generation_config.json");
        let generation_config =
            if generation_path.exists() { Some(GenerationConfig::read(&generation_path)?) } else { None };
        let chat = ChatTemplate::from_folder(path);
        // "." and ".." have no name of their own.
        let resolved = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let name = resolved.file_name().unwrap_or(resolved.as_os_str()).to_string_lossy().into_owned();
        let weights = Safetensors::open(path)?;
        Ok(Self { name, config, config_label, weights, tokenizer, generation_config, chat })
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
            weights: Safetensors::embedded("soseki-mini/model.safetensors (embedded)", weights)?,
            tokenizer: Some(Tokenizer::from_bytes("soseki-mini/tokenizer.json (embedded)", tokenizer)?),
            generation_config: None,
            chat: Ok(None),
        })
    }

    /// The chat template.
    ///
    /// # Errors
    ///
    /// Bad input where the model has none, or one that cannot be used.
    pub fn chat_template(&self) -> Result<&ChatTemplate> {
        ChatTemplate::of(&self.chat, &self.name)
    }
}

impl GenerationConfig {
    fn read(path: &Path) -> Result<Self> {
        let label = path.display().to_string();
        let value = parse_config(&label, &json::read(path, MAX_CONFIG_BYTES)?)?;
        Ok(Self { label, value })
    }
}

fn parse_config(label: &str, bytes: &[u8]) -> Result<Value> {
    json::parse::<Map<String, Value>>(label, bytes).map(Value::Object)
}

fn check_folder(path: &Path, config_path: &Path) -> Result<()> {
    let expected = "a model is a folder with config.json, model.safetensors and tokenizer.json";
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
