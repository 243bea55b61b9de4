//! Opens the files of a model, given the path of a folder or of a GGUF file.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::arriving;
use super::source::Source;
use super::{Architecture, ByteSource, Gguf, Safetensors, Weights, causes, json};
use crate::text::{ChatTemplate, Tokenizer};
use crate::{Error, Result, file};

/// Most have a few kilobytes. Those with many class labels reach one megabyte.
const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// A model's files, opened and checked. No tensor has been read yet.
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
    /// The name of the folder, or the one in the GGUF file; `owner/name` for a model in the hub's cache.
    pub name: String,
    /// `config.json`, or a GGUF file's metadata in the same form; always an object.
    pub config: Value,
    /// The name in error messages of `config.json`, or of the GGUF file.
    pub config_label: String,
    /// The tensors.
    pub weights: Weights,
    /// The tokenizer from `tokenizer.json` or from the GGUF file.
    pub tokenizer: Option<Tokenizer>,
    /// `generation_config.json`, if the folder has one.
    pub generation_config: Option<GenerationConfig>,
    /// The chat template from `chat_template.jinja`, `tokenizer_config.json` or the GGUF file. An invalid
    /// template only matters in a chat, so its error is kept here.
    pub chat: Result<Option<ChatTemplate>>,
    /// Whether tensors that no part of the model uses cause a warning instead of an error.
    pub allow_unused_tensors: bool,
}

/// The contents of a model's folder with one file of weights.
#[derive(Debug)]
pub struct FolderContents {
    /// `config.json`.
    pub config: Vec<u8>,
    /// `tokenizer.json`, without which the model cannot read text.
    pub tokenizer: Option<Vec<u8>>,
    /// `tokenizer_config.json`, which says whether a text begins with a special token.
    pub tokenizer_config: Option<Vec<u8>>,
    /// `model.safetensors`.
    pub weights: Box<dyn ByteSource>,
}

/// The sampler settings that a model's authors recommend.
#[derive(Debug)]
pub struct GenerationConfig {
    /// The name of the file in error messages.
    pub label: String,
    /// Its contents; always an object.
    pub value: Value,
}

impl ModelFiles {
    /// [`Self::open`], given the architectures of all families.
    pub(crate) fn open_as(path: &Path, known: &[&'static Architecture]) -> Result<Self> {
        if is_gguf(path) {
            return Self::gguf(path, known);
        }
        let config_path = path.join("config.json");
        check_folder(path, &config_path)?;
        let config_label = config_path.display().to_string();
        let config = parse_config(&config_label, &file::read(&config_path, MAX_CONFIG_BYTES)?)?;

        let tokenizer_path = path.join("tokenizer.json");
        let tokenizer = match tokenizer_path.exists() {
            true => Some(Tokenizer::from_file(&tokenizer_path)?.with_config_of(path)?),
            false => None,
        };
        let generation_path = path.join("generation_config.json");
        let generation_config =
            if generation_path.exists() { Some(GenerationConfig::read(&generation_path)?) } else { None };
        Ok(Self {
            name: name_of(path),
            config,
            config_label,
            weights: Weights::Safetensors(Safetensors::open(path)?),
            tokenizer,
            generation_config,
            chat: ChatTemplate::from_folder(path),
            allow_unused_tensors: false,
        })
    }

    fn gguf(path: &Path, known: &[&'static Architecture]) -> Result<Self> {
        let files = Self::of_gguf(Gguf::open_as(path, known)?)?;
        Ok(Self { name: hub_name(path).unwrap_or(files.name), ..files })
    }

    /// Opens a GGUF file whose bytes may arrive later, given the architectures of all families.
    pub(crate) async fn gguf_from_source_as(
        label: &str,
        bytes: Box<dyn ByteSource>,
        known: &[&'static Architecture],
    ) -> Result<Self> {
        let read = |source: Source| Self::of_gguf(Gguf::read(source, known)?);
        arriving::open(label, bytes, read).await
    }

    /// Opens the contents of a model's folder, whose weights may arrive later. `name` is the folder's.
    ///
    /// # Errors
    ///
    /// Bad input if one of the contents is invalid.
    pub async fn from_sources(name: &str, contents: FolderContents) -> Result<Self> {
        let label = |file: &str| format!("{name}/{file}");
        let config_label = label("config.json");
        let tokenizer = match contents.tokenizer {
            Some(bytes) => Some(Tokenizer::from_bytes(&label("tokenizer.json"), &bytes)?),
            None => None,
        };
        let tokenizer = match (tokenizer, contents.tokenizer_config) {
            (Some(tokenizer), Some(bytes)) => {
                Some(tokenizer.with_config(label("tokenizer_config.json"), &bytes)?)
            }
            (tokenizer, _) => tokenizer,
        };
        let weights = Safetensors::from_source(&label("model.safetensors"), contents.weights).await?;
        Ok(Self {
            name: name.to_owned(),
            config: parse_config(&config_label, &contents.config)?,
            config_label,
            weights: Weights::Safetensors(weights),
            tokenizer,
            generation_config: None,
            chat: Ok(None),
            allow_unused_tensors: false,
        })
    }

    fn of_gguf(file: Gguf) -> Result<Self> {
        Ok(Self {
            name: file.model_name(),
            config: file.config()?,
            config_label: file.label().to_owned(),
            tokenizer: file.tokenizer()?,
            generation_config: None,
            chat: file.chat_template(),
            allow_unused_tensors: false,
            weights: Weights::Gguf(Box::new(file)),
        })
    }

    /// The model that is embedded in the program: soseki-mini, a character-level GPT-2.
    ///
    /// # Errors
    ///
    /// In a build without the feature `embedded-model`.
    #[cfg(not(feature = "embedded-model"))]
    pub fn embedded() -> Result<Self> {
        Err(Error::input("cannot open the embedded model: this build has none")
            .hint("name a model, or build with the feature embedded-model"))
    }

    /// The model that is part of the program: soseki-mini, a character-level GPT-2.
    ///
    /// # Errors
    ///
    /// In a build without the feature `embedded-model`.
    #[cfg(feature = "embedded-model")]
    pub fn embedded() -> Result<Self> {
        let config_label = "soseki-mini/config.json (embedded)".to_string();
        let config = include_bytes!("../../assets/soseki-mini/config.json");
        let weights = include_bytes!("../../assets/soseki-mini/model.safetensors");
        let tokenizer = include_bytes!("../../assets/soseki-mini/tokenizer.json");
        Ok(Self {
            name: "soseki-mini".to_string(),
            config: parse_config(&config_label, config)?,
            config_label,
            weights: Weights::Safetensors(Safetensors::from_bytes(
                "soseki-mini/model.safetensors (embedded)",
                weights.as_slice(),
            )?),
            tokenizer: Some(Tokenizer::from_bytes("soseki-mini/tokenizer.json (embedded)", tokenizer)?),
            generation_config: None,
            chat: Ok(None),
            allow_unused_tensors: false,
        })
    }

    /// The chat template.
    ///
    /// # Errors
    ///
    /// Bad input if the model has no template, or has an invalid one.
    pub fn chat_template(&self) -> Result<&ChatTemplate> {
        ChatTemplate::required(&self.chat, &self.name)
    }
}

impl GenerationConfig {
    fn read(path: &Path) -> Result<Self> {
        let label = path.display().to_string();
        let value = parse_config(&label, &file::read(path, MAX_CONFIG_BYTES)?)?;
        Ok(Self { label, value })
    }
}

/// Recognises a GGUF file by its name or by its first bytes.
fn is_gguf(path: &Path) -> bool {
    let named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    let has_magic = || {
        let mut magic = [0; 4];
        std::fs::File::open(path)
            .is_ok_and(|mut file| file.read_exact(&mut magic).is_ok() && magic == *b"GGUF")
    };
    // Opening a named pipe would wait for a writer.
    path.is_file() && (named || has_magic())
}

/// The name of the model at `path` in traces and messages: the name of the folder or file. In the hub's
/// cache, where a folder's name is a hash, it is `owner/name`, or `owner/name:file` for a file.
fn name_of(path: &Path) -> String {
    let resolved = resolved(path);
    let own_name = resolved.file_name().unwrap_or(resolved.as_os_str()).to_string_lossy();
    name_on_hub(&resolved).unwrap_or_else(|| own_name.into_owned())
}

fn hub_name(path: &Path) -> Option<String> {
    name_on_hub(&resolved(path))
}

fn resolved(path: &Path) -> PathBuf {
    // "." and ".." have no name of their own. A file in the cache is a link to one that is named by its hash,
    // so only its folder may be resolved.
    let resolved = match (path.is_dir(), path.parent(), path.file_name()) {
        (false, Some(folder), Some(file)) => folder.canonicalize().map(|folder| folder.join(file)),
        _ => path.canonicalize(),
    };
    resolved.unwrap_or_else(|_| path.to_path_buf())
}

/// Parses `…/models--OWNER--NAME/snapshots/COMMIT`, optionally followed by the path of a file.
fn name_on_hub(path: &Path) -> Option<String> {
    let snapshot = path
        .ancestors()
        .find(|folder| folder.parent().and_then(Path::file_name).is_some_and(|name| name == "snapshots"))?;
    let repo = snapshot.parent()?.parent()?.file_name()?.to_str()?;
    let (owner, name) = repo.strip_prefix("models--")?.split_once("--")?;
    let file = path.strip_prefix(snapshot).ok()?;
    let parts = Vec::from_iter(file.components().map(|part| part.as_os_str().to_string_lossy()));
    Some(match parts.is_empty() {
        true => format!("{owner}/{name}"),
        false => format!("{owner}/{name}:{}", parts.join("/")),
    })
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
                _ if path.file_name().and_then(|name| name.to_str()).is_some_and(causes::is_pickle) => {
                    format!("it can run code when it is read; {expected}")
                }
                _ => expected.to_string(),
            }))
        }
        Ok(_) if !config_path.exists() => Err(causes::no_config(path, expected)),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_cache_are_those_of_the_hub() {
        let name = |path: &str| name_on_hub(Path::new(path));
        let snapshot = "/c/models--google--gemma-3-1b-pt/snapshots/0123";
        assert_eq!(name(snapshot).as_deref(), Some("google/gemma-3-1b-pt"));
        assert_eq!(name(&format!("{snapshot}/q4/a.gguf")).as_deref(), Some("google/gemma-3-1b-pt:q4/a.gguf"));
        assert_eq!(name("/c/models--gpt2/snapshots/0123"), None);
        assert_eq!(name("/c/google--gemma/snapshots/0123"), None);
        assert_eq!(name("/c/models--google--gemma"), None);
        assert_eq!(name_of(Path::new("src/..")), name_of(Path::new(".")));
        assert_eq!(name_of(Path::new("src/weights/files.rs")), "files.rs");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_in_a_cache_is_not_called_by_its_hash() {
        let cache = tempfile::tempdir().unwrap();
        let snapshot = cache.path().join("models--a--b/snapshots/0123");
        std::fs::create_dir_all(&snapshot).unwrap();
        std::fs::write(cache.path().join("models--a--b/4567"), "").unwrap();
        std::os::unix::fs::symlink("../../4567", snapshot.join("c.gguf")).unwrap();
        assert_eq!(name_of(&snapshot.join("c.gguf")), "a/b:c.gguf");
        assert_eq!(name_of(&snapshot), "a/b");
    }
}
