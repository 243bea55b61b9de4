//! The lines of a batch: a prompt each, and what is to be done otherwise than the flags say.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use sukashi::sampling::{Choice, Sampler, Settings};
use sukashi::text::{Message, python_word};
use sukashi::{Error, Result, shown};

use super::args::{RunArgs, at_least_one};
use super::prompt::{Prompt, Said};
use super::run::Opened;
use super::stop::Stops;
use super::terminal::Terminal;

/// Far more than any context holds.
const MAX_LINE_BYTES: usize = 16 << 20;

/// What a line may say.
const FIELDS: &str = "prompt, ids, system, messages, max_new_tokens, stop, stop_id, temperature, top_k, top_p, min_p, typical_p, \
                      repetition_penalty, frequency_penalty, presence_penalty, logit_bias, greedy, pick, seed";

/// A text to be written.
#[derive(Debug, Clone)]
pub struct Request {
    /// Counted from 1.
    pub line: usize,
    /// As it was given.
    pub typed: Option<String>,
    pub prompt: Prompt,
    pub max_new_tokens: usize,
    pub stop: Stops,
    pub settings: Settings,
}

/// What the flags say.
#[derive(Debug, Clone)]
pub struct Defaults<'a> {
    pub run: &'a RunArgs,
    pub max_new_tokens: usize,
    pub stop: &'a Stops,
    pub settings: Settings,
}

/// Names a line in an error.
pub fn at(label: &str, line: usize, error: Error) -> Error {
    Error::new(error.kind(), format!("cannot use {label}:{line}")).caused_by(error)
}

/// Reads every line of `text`, which errors call `label`; all are checked before any is used.
pub fn read(
    (label, text): (&str, &str),
    defaults: &Defaults<'_>,
    model: &Opened,
    terminal: &Terminal,
) -> Result<Vec<Request>> {
    let mut requests = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if !line.trim().is_empty() {
            let request = request(index + 1, line, defaults, model, terminal);
            requests.push(request.map_err(|error| at(label, index + 1, error))?);
        }
    }
    if requests.is_empty() {
        return Err(Error::input(format!("there are no prompts in {label}"))
            .detail("found no line that is not blank, expected a JSON object a line")
            .hint(r#"such as {"prompt": "吾輩は", "seed": 7}"#));
    }
    Ok(requests)
}

fn request(
    number: usize,
    line: &str,
    defaults: &Defaults<'_>,
    model: &Opened,
    terminal: &Terminal,
) -> Result<Request> {
    if line.len() > MAX_LINE_BYTES {
        return Err(Error::input("the line is too long")
            .detail(format!("found {} bytes, expected at most {MAX_LINE_BYTES}", line.len())));
    }
    let Fields(fields) = serde_json::from_str(line).map_err(|cause| {
        let error = Error::input("the line is no JSON object")
            .detail(r#"expected one such as {"prompt": "吾輩は", "seed": 7}"#)
            .caused_by(cause);
        match python_word(line) {
            Some(word) => error.hint(format!("{word} is Python; JSON writes true, false and null")),
            None => error,
        }
    })?;
    let Defaults { run, max_new_tokens, stop, settings } = defaults.clone();
    let mut said = Said::default();
    let (mut ids, mut system) = (None, None);
    let (mut greedy, mut pick) = (None, None);
    let mut request = Request {
        line: number,
        typed: None,
        prompt: Prompt::default(),
        max_new_tokens,
        stop: stop.clone(),
        settings,
    };
    let of = &mut request.settings;
    for (name, value) in fields {
        let field = Field { name: &name, value: &value };
        if run.chat && name == "ids" || !run.chat && ["system", "messages"].contains(&name.as_str()) {
            let hint = if run.chat { "leave --chat out" } else { "give --chat" };
            return Err(Error::input(format!("cannot use the field {name} here")).hint(hint));
        }
        match name.as_str() {
            "prompt" => said.text = Some(field.text()?),
            "ids" => ids = Some(field.ids()?),
            "system" => system = Some(field.text()?),
            "messages" => {
                said.messages = Some(Message::list_from_json("the line", value.to_string().as_bytes())?)
            }
            "max_new_tokens" => request.max_new_tokens = field.count()?,
            "stop" => request.stop.texts = field.texts()?,
            "stop_id" => request.stop.ids = field.one_or_more_ids()?,
            "temperature" => of.temperature = field.number()?,
            "top_k" => of.top_k = field.or_none(Field::count)?,
            "top_p" => of.top_p = field.or_none(Field::number)?,
            "min_p" => of.min_p = field.or_none(Field::number)?,
            "typical_p" => of.typical_p = field.or_none(Field::number)?,
            "repetition_penalty" => of.repetition_penalty = field.number()?,
            "frequency_penalty" => of.frequency_penalty = field.number()?,
            "presence_penalty" => of.presence_penalty = field.number()?,
            "logit_bias" => of.logit_bias = field.biases()?.into_iter().collect(),
            "greedy" => greedy = Some(field.switch()?),
            "pick" => pick = Some(field.count()?),
            "seed" => {
                of.seed = field.value.as_u64().ok_or_else(|| field.wrong("a whole number, 0 or more"))?
            }
            _ => {
                return Err(Error::input(format!("the field {} is unknown", shortened(&name)))
                    .detail(format!("expected {FIELDS}")));
            }
        }
    }
    of.choice = match (greedy, pick) {
        (Some(true), Some(_)) => {
            return Err(Error::input("cannot use the fields greedy and pick together").hint("leave one out"));
        }
        (_, Some(rank)) => Choice::Pick(rank),
        (Some(true), None) => Choice::Greedy,
        (Some(false), None) if of.choice == Choice::Greedy => Choice::Sample,
        _ => of.choice,
    };
    check(&request, model)?;
    let mut args = RunArgs { prompt: None, ids: None, ..run.clone() };
    args.system = system.or(args.system);
    if ids.is_some() && said.text.is_some() {
        return Err(Error::input("cannot use the fields prompt and ids together").hint("leave one out"));
    }
    request.typed.clone_from(&said.text);
    request.prompt = model.prompt(&args, said, ids, terminal)?;
    Ok(request)
}

/// Whether what a line says can be done.
fn check(request: &Request, model: &Opened) -> Result<()> {
    at_least_one("max_new_tokens", request.max_new_tokens)?;
    request.stop.check(model.has_tokenizer(), model.spec().vocab_size)?;
    request.settings.validate()?;
    if !request.settings.logit_bias.is_empty() {
        // It knows the vocabulary.
        Sampler::new(request.settings.clone(), model.spec().vocab_size)?;
    }
    Ok(())
}

/// A field of a line.
struct Field<'a> {
    name: &'a str,
    value: &'a Value,
}

impl Field<'_> {
    fn wrong(&self, expected: &str) -> Error {
        Error::input(format!("cannot use the field {}", self.name))
            .detail(format!("found {}, expected {expected}", shortened(&self.value.to_string())))
    }

    fn text(&self) -> Result<String> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| self.wrong("a text"))
    }

    /// One text, or several.
    fn texts(&self) -> Result<Vec<String>> {
        let wrong = || self.wrong("a text or an array of texts");
        match self.value {
            Value::String(text) => Ok(vec![text.clone()]),
            Value::Array(texts) => {
                texts.iter().map(|text| text.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            _ => Err(wrong()),
        }
    }

    fn number(&self) -> Result<f64> {
        self.value.as_f64().ok_or_else(|| self.wrong("a number"))
    }

    fn count(&self) -> Result<usize> {
        let count = self.value.as_u64().and_then(|count| usize::try_from(count).ok());
        count.ok_or_else(|| self.wrong("a whole number, 0 or more"))
    }

    fn switch(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// `null` takes back what the flags say.
    fn or_none<T>(&self, read: impl FnOnce(&Self) -> Result<T>) -> Result<Option<T>> {
        if self.value.is_null() { Ok(None) } else { read(self).map(Some) }
    }

    fn ids(&self) -> Result<Vec<u32>> {
        let wrong = || self.wrong("an array of token ids such as [1, 2, 3]");
        let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok()).ok_or_else(wrong);
        self.value.as_array().ok_or_else(wrong)?.iter().map(id).collect()
    }

    /// One token id, or several.
    fn one_or_more_ids(&self) -> Result<Vec<u32>> {
        match self.value {
            Value::Array(_) => self.ids(),
            one => one
                .as_u64()
                .and_then(|id| u32::try_from(id).ok())
                .map(|id| vec![id])
                .ok_or_else(|| self.wrong("a token id or an array of token ids")),
        }
    }

    fn biases(&self) -> Result<Vec<(u32, f64)>> {
        let wrong = || self.wrong(r#"an object of token ids and numbers such as {"42": -1.5}"#);
        let bias = |(id, value): (&String, &Value)| Some((id.parse().ok()?, value.as_f64()?));
        self.value.as_object().ok_or_else(wrong)?.iter().map(|field| bias(field).ok_or_else(wrong)).collect()
    }
}

/// The start of what was found.
fn shortened(text: &str) -> String {
    shown::start(text, 60).into_owned()
}

/// More fields than there are names for.
const MAX_FIELDS: usize = 32;

/// An object whose fields have different names. Past [`MAX_FIELDS`], of which some name must be unknown, the rest is left out.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Fields, A::Error> {
        let mut fields: Vec<(String, Value)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if fields.len() == MAX_FIELDS {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                break;
            }
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(A::Error::custom(format!("the field {} is there twice", shortened(&name))));
            }
            fields.push((name, value));
        }
        Ok(Fields(fields))
    }
}
