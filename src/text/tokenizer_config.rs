//! The BOS and EOS settings of `tokenizer_config.json`.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::bos_eos::{self, BosEos};
use super::{Tokenizer, file};
use crate::{Error, Result, json_cause};

/// Files with thousands of added tokens have about one megabyte.
const MAX_BYTES: u64 = 16 << 20;

/// The fields that are read here. The others concern chat templates or Python.
#[derive(Debug, Default, Deserialize)]
struct Config {
    tokenizer_class: Option<String>,
    add_bos_token: Option<bool>,
    add_eos_token: Option<bool>,
    bos_token: Option<Value>,
    eos_token: Option<Value>,
}

/// A tokenizer class of transformers that builds its post-processor from its own fields.
struct Class {
    name: &'static str,
    adds_bos: bool,
    bos_token: &'static str,
    eos_token: &'static str,
}

/// These classes as of transformers 4.57. The others use the post-processor of `tokenizer.json` unchanged.
const CLASSES: [Class; 5] = [
    Class { name: "LlamaTokenizer", adds_bos: true, bos_token: "<s>", eos_token: "</s>" },
    Class { name: "CodeLlamaTokenizer", adds_bos: true, bos_token: "<s>", eos_token: "</s>" },
    Class { name: "GemmaTokenizer", adds_bos: true, bos_token: "<bos>", eos_token: "<eos>" },
    Class {
        name: "CohereTokenizer",
        adds_bos: true,
        bos_token: "<BOS_TOKEN>",
        eos_token: "<|END_OF_TURN_TOKEN|>",
    },
    Class {
        name: "GPTNeoXTokenizer",
        adds_bos: false,
        bos_token: "<|endoftext|>",
        eos_token: "<|endoftext|>",
    },
];

impl Tokenizer {
    /// Applies the BOS and EOS settings of `folder`'s `tokenizer_config.json`, if there is one.
    ///
    /// Classes that build their own post-processor, as Llama's and Gemma's do, add `<bos>` unless
    /// `add_bos_token` is false. For the others the post-processor of `tokenizer.json` decides, and
    /// `add_bos_token` and `add_eos_token` can add a token that it lacks, as they do in a GGUF file of the
    /// same model.
    ///
    /// # Errors
    ///
    /// Bad input if the file cannot be read, if a field has the wrong type, or if a token to be added is not
    /// in the vocabulary.
    pub(crate) fn with_config_of(self, folder: &Path) -> Result<Self> {
        let path = folder.join("tokenizer_config.json");
        if !path.exists() {
            return Ok(self);
        }
        self.with_config(path.display().to_string(), &file::read(&path, MAX_BYTES)?)
    }

    /// Applies the settings of a `tokenizer_config.json`; error messages call it `label`.
    ///
    /// # Errors
    ///
    /// As [`Tokenizer::with_config_of`].
    pub(crate) fn with_config(mut self, label: String, bytes: &[u8]) -> Result<Self> {
        let config: Config = serde_json::from_slice(bytes).map_err(|error| {
            Error::input(format!("cannot read {label}")).detail(json_cause::plain(&error))
        })?;
        let name = config.tokenizer_class.as_deref().unwrap_or_default();
        let class = CLASSES.iter().find(|class| class.name == name.strip_suffix("Fast").unwrap_or(name));
        let has = bos_eos::added_by(&self.inner);
        let wanted = |own: Option<bool>, of_class: Option<bool>, has: bool| match (of_class, own) {
            (Some(default), own) => own.unwrap_or(default),
            (None, own) => has || own == Some(true),
        };
        let adds_bos = wanted(config.add_bos_token, class.map(|class| class.adds_bos), has.bos);
        let adds_eos = wanted(config.add_eos_token, class.map(|_| false), has.eos);
        // Keep the post-processor, which may do more than add these tokens.
        if (adds_bos, adds_eos) == (has.bos, has.eos) {
            return Ok(self);
        }
        let token = |field: &str, spelled: &Option<Value>, of_class: Option<&'static str>| {
            let spelled = match spelled {
                Some(Value::String(text)) => Some(text.as_str()),
                Some(object) => object["content"].as_str(),
                None => of_class,
            };
            let id = spelled.and_then(|token| self.inner.token_to_id(token));
            let (Some(spelled), Some(id)) = (spelled, id) else {
                let found = spelled.map_or_else(
                    || "none".to_owned(),
                    |token| {
                        format!(
                            "{:?}, which is not in the vocabulary",
                            token.chars().take(40).collect::<String>()
                        )
                    },
                );
                return Err(Error::input(format!("cannot use {label}: {field} is not in the vocabulary"))
                    .detail(format!("found {field} = {found}, beside add_{field} = true")));
            };
            Ok((spelled.to_owned(), id))
        };
        // Only a class that builds its own post-processor needs the token. For the others the field has no
        // effect then.
        let token_to_add =
            |adds: bool, has: bool, own: Option<bool>, token: Result<(String, u32)>| match token {
                _ if !adds => Ok(None),
                Ok(token) => Ok(Some(token)),
                Err(error) if class.is_some() && (own == Some(true) || has) => Err(error),
                Err(_) => Ok(None),
            };
        let bos = token("bos_token", &config.bos_token, class.map(|class| class.bos_token));
        let eos = token("eos_token", &config.eos_token, class.map(|class| class.eos_token));
        let tokens = BosEos {
            bos: token_to_add(adds_bos, has.bos, config.add_bos_token, bos)?,
            eos: token_to_add(adds_eos, has.eos, config.add_eos_token, eos)?,
        };
        let is_lost = class.is_none() && (has.bos && tokens.bos.is_none() || has.eos && tokens.eos.is_none());
        if is_lost || (tokens.bos.is_some(), tokens.eos.is_some()) == (has.bos, has.eos) {
            return Ok(self);
        }
        let post_processor = bos_eos::post_processor(&tokens)
            .map_err(|why| Error::input(format!("cannot use {label}")).detail(why))?;
        self.inner.with_post_processor(post_processor);
        Ok(self)
    }
}
