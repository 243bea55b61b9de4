//! The special tokens' spellings and the chat template in a model's folder.

use std::path::Path;

use serde_json::{Map, Value};

use super::message::kind;
use super::{ChatTemplate, file};
use crate::{Error, Result};

/// Files with thousands of added tokens have about one megabyte.
const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// How a model spells its special tokens. Chat templates write them into a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Begins a text.
    pub bos_token: Option<String>,
    /// Ends a text.
    pub eos_token: Option<String>,
    /// Stands for characters that are not in the vocabulary.
    pub unk_token: Option<String>,
    /// Pads the shorter texts of a batch.
    pub pad_token: Option<String>,
}

impl ChatTemplate {
    /// Reads the template of a model's folder: `chat_template.jinja`, or else `chat_template` in
    /// `tokenizer_config.json`. The special tokens' spellings come from `tokenizer_config.json` in both
    /// cases. Of several named templates, the one named `default` is used.
    ///
    /// `None` if the folder has no template.
    ///
    /// # Errors
    ///
    /// See [`Self::new`]; also if a file cannot be read, or if a field has the wrong type.
    pub fn from_folder(folder: &Path) -> Result<Option<Self>> {
        let config_path = folder.join("tokenizer_config.json");
        let config_label = config_path.display().to_string();
        let config = if config_path.exists() {
            let bytes = file::read(&config_path, MAX_CONFIG_BYTES)?;
            serde_json::from_slice::<Map<String, Value>>(&bytes)
                .map_err(|cause| Error::input(format!("cannot read {config_label}")).caused_by(cause))?
        } else {
            Map::new()
        };
        let config = Config { fields: config, label: config_label };

        let path = folder.join("chat_template.jinja");
        let (label, source) = if path.exists() {
            let label = path.display().to_string();
            let bytes = file::read(&path, Self::MAX_BYTES as u64)?;
            let source = file::plain_text(&label, bytes)?;
            (label, source)
        } else {
            match config.template()? {
                Some(source) => (config.label.clone(), source.to_owned()),
                None => return Ok(None),
            }
        };
        Self::new(&label, &source, config.special_tokens()?).map(Some)
    }
}

/// `tokenizer_config.json`.
struct Config {
    fields: Map<String, Value>,
    label: String,
}

impl Config {
    fn template(&self) -> Result<Option<&str>> {
        let templates = match self.fields.get("chat_template") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(source)) => return Ok(Some(source)),
            Some(Value::Array(templates)) => templates,
            Some(other) => {
                return Err(self.wrong("chat_template", other, "a text or an array of named templates"));
            }
        };
        let default = templates.iter().find(|template| template["name"] == "default");
        match default.map(|template| &template["template"]) {
            Some(Value::String(source)) => Ok(Some(source)),
            Some(other) => Err(self.wrong("chat_template \"default\"", other, "a text as template")),
            None => {
                let names: Vec<_> =
                    templates.iter().filter_map(|template| template["name"].as_str()).take(20).collect();
                Err(Error::input(format!("cannot use {}: it has no default chat template", self.label))
                    .detail(format!("found templates named {names:?}, expected one named \"default\"")))
            }
        }
    }

    fn special_tokens(&self) -> Result<SpecialTokens> {
        Ok(SpecialTokens {
            bos_token: self.token("bos_token")?,
            eos_token: self.token("eos_token")?,
            unk_token: self.token("unk_token")?,
            pad_token: self.token("pad_token")?,
        })
    }

    /// A token's spelling, given as a string or as an object that describes the token.
    fn token(&self, key: &str) -> Result<Option<String>> {
        let Some(value) = self.fields.get(key) else { return Ok(None) };
        match (value, &value["content"]) {
            (Value::Null, _) => Ok(None),
            (Value::String(text), _) | (_, Value::String(text)) => Ok(Some(text.clone())),
            _ => Err(self.wrong(key, value, "a text or an object with a text as content")),
        }
    }

    fn wrong(&self, field: &str, found: &Value, expected: &str) -> Error {
        Error::input(format!("cannot use {}: {field} has the wrong type", self.label))
            .detail(format!("found {}, expected {expected}", kind(found)))
    }
}
