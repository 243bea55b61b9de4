//! The fields that all requests for a text share, and their limits.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use serde::Deserialize;
use utoipa::ToSchema;

use super::error::{ApiError, one_line};
use super::limits::{MAX_CHOICES, MAX_STOP_BYTES, MAX_STOP_IDS, MAX_STOPS, MAX_TOP};
use crate::sampling::Settings;
use crate::shown;

/// A text, or several.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or an array of texts")]
pub enum Texts {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

impl Texts {
    /// All of them.
    pub fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::More(texts) => texts,
        }
    }
}

/// What a stream ends with.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamOptions {
    /// Whether the last event before the end counts the tokens.
    #[serde(default)]
    pub include_usage: bool,
}

/// Makes the type of a request: its own fields, and those that all requests for a text share.
macro_rules! generation_request {
    ($(#[$attribute:meta])* pub struct $name:ident { $($(#[$own:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$own])* pub $field: $type,)*
            /// The model's name, as `/v1/models` lists it. It may be left out, since there is one.
            #[serde(default)]
            pub model: Option<String>,
            /// Tokens before which the answer ends.
            #[serde(default)]
            pub stop_token_ids: Option<Vec<u32>>,
            /// Whether the model's own end of a text does not end the answer.
            #[serde(default)]
            pub ignore_eos: Option<bool>,
            /// The seed of the choices. Text `i` of `n` has the seed `seed + i`. Without it, each answer has another one.
            #[serde(default)]
            pub seed: Option<i64>,
            /// Divides the logits. 0 chooses the most probable token.
            #[serde(default)]
            #[schema(minimum = 0)]
            pub temperature: Option<f64>,
            /// Keeps the most probable tokens up to this mass.
            #[serde(default)]
            #[schema(exclusive_minimum = 0, maximum = 1)]
            pub top_p: Option<f64>,
            /// Keeps this many of the most probable tokens.
            #[serde(default)]
            #[schema(minimum = 1)]
            pub top_k: Option<usize>,
            /// Drops tokens less probable than this part of the most probable one.
            #[serde(default)]
            #[schema(minimum = 0, maximum = 1)]
            pub min_p: Option<f64>,
            /// Keeps the tokens with the most typical information up to this mass.
            #[serde(default)]
            #[schema(exclusive_minimum = 0, maximum = 1)]
            pub typical_p: Option<f64>,
            /// Divides the logits of tokens that the text has.
            #[serde(default)]
            #[schema(exclusive_minimum = 0)]
            pub repetition_penalty: Option<f64>,
            /// Is subtracted from a logit for each time that the text has its token.
            #[serde(default)]
            pub frequency_penalty: Option<f64>,
            /// Is subtracted from the logits of tokens that the text has.
            #[serde(default)]
            pub presence_penalty: Option<f64>,
            /// Numbers that are added to the logits of these tokens.
            #[serde(default)]
            pub logit_bias: Option<std::collections::BTreeMap<String, f64>>,
            /// A name of the user, which is ignored.
            #[serde(default)]
            #[expect(dead_code, reason = "clients send it, and it has no effect")]
            pub user: Option<String>,
        }

        impl $name {
            /// The fields that all requests for a text share, checked.
            ///
            /// # Errors
            /// If a value is out of range.
            fn sampling(
                &self,
                vocab_size: usize,
            ) -> Result<$crate::serve::generation::Sampling, $crate::serve::error::ApiError> {
                use $crate::serve::generation::{biases, checked, seed, stop_ids};
                let defaults = $crate::sampling::Settings::default();
                let settings = $crate::sampling::Settings {
                    temperature: self.temperature.unwrap_or(defaults.temperature),
                    top_k: self.top_k,
                    top_p: self.top_p,
                    min_p: self.min_p,
                    typical_p: self.typical_p,
                    repetition_penalty: self.repetition_penalty.unwrap_or(defaults.repetition_penalty),
                    frequency_penalty: self.frequency_penalty.unwrap_or(defaults.frequency_penalty),
                    presence_penalty: self.presence_penalty.unwrap_or(defaults.presence_penalty),
                    logit_bias: biases(self.logit_bias.as_ref(), vocab_size)?,
                    seed: seed(self.seed),
                    ..defaults
                };
                Ok($crate::serve::generation::Sampling {
                    settings: checked(settings)?,
                    stop_ids: stop_ids(self.stop_token_ids.as_deref(), vocab_size)?,
                    ignores_end: self.ignore_eos.unwrap_or(false),
                })
            }
        }
    };
}
pub(super) use generation_request;

/// The fields that all requests for a text share, checked.
#[derive(Debug, Clone)]
pub struct Sampling {
    /// How tokens are chosen.
    pub settings: Settings,
    /// Tokens before which an answer ends.
    pub stop_ids: Vec<u32>,
    /// Whether the model's own end of a text does not end the answer.
    pub ignores_end: bool,
}

pub fn checked(settings: Settings) -> Result<Settings, ApiError> {
    settings.validate().map_err(|error| {
        let message = one_line(&error);
        let fields = [
            "temperature",
            "top_k",
            "top_p",
            "min_p",
            "typical_p",
            "repetition_penalty",
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
        ];
        match fields.into_iter().find(|field| message.contains(field)) {
            Some(field) => ApiError::field(field, message),
            None => ApiError::bad_request(message),
        }
    })?;
    Ok(settings)
}

pub fn choices(n: Option<usize>) -> Result<usize, ApiError> {
    let n = n.unwrap_or(1);
    if (1..=MAX_CHOICES).contains(&n) {
        return Ok(n);
    }
    Err(ApiError::field("n", format!("cannot use n: found {n}, expected 1 to {MAX_CHOICES}")))
}

/// The given seed, or one that nobody knows.
pub fn seed(given: Option<i64>) -> u64 {
    // Programs that keep numbers as doubles can give it back.
    const BITS: u32 = 53;
    match given {
        Some(seed) => seed.cast_unsigned(),
        None => RandomState::new().build_hasher().finish() >> (u64::BITS - BITS),
    }
}

pub fn stops(stop: Option<Texts>) -> Result<Arc<[String]>, ApiError> {
    let stops = stop.map(Texts::into_vec).unwrap_or_default();
    let refused = |what: String| Err(ApiError::field("stop", format!("cannot use stop: {what}")));
    if stops.len() > MAX_STOPS {
        return refused(format!("found {} texts, expected at most {MAX_STOPS}", stops.len()));
    }
    match stops.iter().find(|stop| stop.is_empty() || stop.len() > MAX_STOP_BYTES) {
        Some(stop) => {
            refused(format!("found a text of {} bytes, expected 1 to {MAX_STOP_BYTES}", stop.len()))
        }
        None => Ok(stops.into()),
    }
}

pub fn stop_ids(ids: Option<&[u32]>, vocab_size: usize) -> Result<Vec<u32>, ApiError> {
    let ids = ids.unwrap_or_default();
    let refused =
        |what: String| Err(ApiError::field("stop_token_ids", format!("cannot use stop_token_ids: {what}")));
    if ids.len() > MAX_STOP_IDS {
        return refused(format!("found {} ids, expected at most {MAX_STOP_IDS}", ids.len()));
    }
    match ids.iter().find(|id| **id as usize >= vocab_size) {
        Some(id) => refused(format!("found id {id}, expected at most {}", vocab_size.saturating_sub(1))),
        None => Ok(ids.to_vec()),
    }
}

pub fn biases(
    biases: Option<&BTreeMap<String, f64>>,
    vocab_size: usize,
) -> Result<BTreeMap<u32, f64>, ApiError> {
    let bias = |(id, bias): (&String, &f64)| {
        let known = id.parse::<u32>().ok().filter(|id| (*id as usize) < vocab_size);
        let refused = || {
            let found = shown::start(id, 40);
            let expected = vocab_size.saturating_sub(1);
            let message =
                format!("cannot use logit_bias: found token {found:?}, expected an id from 0 to {expected}");
            ApiError::field("logit_bias", message)
        };
        Ok((known.ok_or_else(refused)?, *bias))
    };
    biases.into_iter().flatten().map(bias).collect()
}

/// Checks the number of alternatives of each token.
///
/// # Errors
/// If it is too large.
pub fn num_top(field: &str, count: usize) -> Result<usize, ApiError> {
    if count <= MAX_TOP {
        return Ok(count);
    }
    Err(ApiError::field(field, format!("cannot use {field}: found {count}, expected 0 to {MAX_TOP}")))
}
