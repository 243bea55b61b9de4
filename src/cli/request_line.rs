//! A line of a batch file as JSON: a prompt, and fields that replace flags.

use std::collections::BTreeMap;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::error::Category;
use sukashi::sampling::{Choice, Settings};
use sukashi::text::{Message, python_word};
use sukashi::{Error, Result, shown};

/// More bytes than any context holds.
const MAX_LINE_BYTES: usize = 16 << 20;

/// The fields of a line. The flags decide where a field is absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestLine {
    #[serde(deserialize_with = "given")]
    pub prompt: Option<String>,
    #[serde(deserialize_with = "given")]
    pub ids: Option<Vec<u32>>,
    #[serde(deserialize_with = "given")]
    pub system: Option<String>,
    #[serde(deserialize_with = "given")]
    messages: Option<Value>,
    #[serde(deserialize_with = "given")]
    pub max_new_tokens: Option<usize>,
    #[serde(deserialize_with = "texts")]
    pub stop: Option<Vec<String>>,
    #[serde(deserialize_with = "token_ids")]
    pub stop_id: Option<Vec<u32>>,
    #[serde(deserialize_with = "given")]
    temperature: Option<f64>,
    // `null` removes the flag's value.
    #[serde(deserialize_with = "given")]
    top_k: Option<Option<usize>>,
    #[serde(deserialize_with = "given")]
    top_p: Option<Option<f64>>,
    #[serde(deserialize_with = "given")]
    min_p: Option<Option<f64>>,
    #[serde(deserialize_with = "given")]
    typical_p: Option<Option<f64>>,
    #[serde(deserialize_with = "given")]
    repetition_penalty: Option<f64>,
    #[serde(deserialize_with = "given")]
    frequency_penalty: Option<f64>,
    #[serde(deserialize_with = "given")]
    presence_penalty: Option<f64>,
    #[serde(deserialize_with = "biases")]
    logit_bias: Option<BTreeMap<u32, f64>>,
    #[serde(deserialize_with = "given")]
    greedy: Option<bool>,
    #[serde(deserialize_with = "given")]
    pick: Option<usize>,
    #[serde(deserialize_with = "given")]
    seed: Option<u64>,
}

impl RequestLine {
    /// Parses a line. A field that is unknown, given twice or of another type is an error that names it.
    pub fn parse(line: &str) -> Result<Self> {
        if line.len() > MAX_LINE_BYTES {
            return Err(Error::input("the line is too long")
                .detail(format!("found {} bytes, expected at most {MAX_LINE_BYTES}", line.len())));
        }
        let no_object = || {
            Error::input("the line is no JSON object")
                .detail(r#"expected one such as {"prompt": "吾輩は", "seed": 7}"#)
        };
        // serde would read an array as the fields in order.
        if !line.trim_start().starts_with('{') {
            return Err(hinted(no_object(), line));
        }
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let read = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            let cause = error.into_inner();
            match cause.classify() {
                Category::Data if path != "." => {
                    Error::input(format!("cannot use the field {}", shown::start(&path, 60))).caused_by(cause)
                }
                Category::Data => Error::input("cannot use the line").caused_by(cause),
                _ => hinted(no_object().caused_by(cause), line),
            }
        })?;
        deserializer.end().map_err(|cause| no_object().caused_by(cause))?;
        Ok(read)
    }

    /// The sampler's settings: those of the line, and `settings` for the rest.
    pub fn settings(&self, settings: Settings) -> Result<Settings> {
        let choice = match (self.greedy, self.pick) {
            (Some(true), Some(_)) => {
                return Err(
                    Error::input("cannot use the fields greedy and pick together").hint("leave one out")
                );
            }
            (_, Some(rank)) => Choice::Pick(rank),
            (Some(true), None) => Choice::Greedy,
            (Some(false), None) if settings.choice == Choice::Greedy => Choice::Sample,
            _ => settings.choice,
        };
        let settings = Settings {
            temperature: self.temperature.unwrap_or(settings.temperature),
            top_k: self.top_k.unwrap_or(settings.top_k),
            top_p: self.top_p.unwrap_or(settings.top_p),
            min_p: self.min_p.unwrap_or(settings.min_p),
            typical_p: self.typical_p.unwrap_or(settings.typical_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(settings.repetition_penalty),
            frequency_penalty: self.frequency_penalty.unwrap_or(settings.frequency_penalty),
            presence_penalty: self.presence_penalty.unwrap_or(settings.presence_penalty),
            logit_bias: self.logit_bias.clone().unwrap_or(settings.logit_bias),
            seed: self.seed.unwrap_or(settings.seed),
            choice,
            ..settings
        };
        settings.validate()?;
        Ok(settings)
    }

    /// The messages before the prompt; `None` if the line has none.
    pub fn messages(&self) -> Result<Option<Vec<Message>>> {
        let read = |messages: &Value| Message::list_from_json("the line", messages.to_string().as_bytes());
        self.messages.as_ref().map(read).transpose()
    }

    /// The name of a field that is allowed only with `--chat`, or only without it.
    pub fn misplaced(&self, is_chat: bool) -> Option<&'static str> {
        let fields = [
            ("ids", self.ids.is_some() && is_chat),
            ("system", self.system.is_some() && !is_chat),
            ("messages", self.messages.is_some() && !is_chat),
        ];
        fields.iter().find(|(_, is_misplaced)| *is_misplaced).map(|&(name, _)| name)
    }
}

fn hinted(error: Error, line: &str) -> Error {
    match python_word(line) {
        Some(word) => error.hint(format!("{word} is Python; JSON writes true, false and null")),
        None => error,
    }
}

/// Reads a field that is present. `null` counts as a value.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn biases<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<u32, f64>>, D::Error> {
    // serde_json takes a key that is no number for a fault of the JSON, and names no field.
    let biases = BTreeMap::<String, f64>::deserialize(deserializer)?;
    let bias = |(id, bias): (String, f64)| match id.parse() {
        Ok(id) => Ok((id, bias)),
        Err(_) => Err(D::Error::invalid_value(Unexpected::Str(&id), &"a token id in quotes such as \"42\"")),
    };
    biases.into_iter().map(bias).collect::<Result<_, _>>().map(Some)
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or an array of texts")]
enum Texts {
    One(String),
    More(Vec<String>),
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Ok(Some(match Texts::deserialize(deserializer)? {
        Texts::One(text) => vec![text],
        Texts::More(texts) => texts,
    }))
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a token id or an array of token ids")]
enum TokenIds {
    One(u32),
    More(Vec<u32>),
}

fn token_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u32>>, D::Error> {
    Ok(Some(match TokenIds::deserialize(deserializer)? {
        TokenIds::One(id) => vec![id],
        TokenIds::More(ids) => ids,
    }))
}
