//! Flags that several commands share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::civil::DateTime;
use sukashi::bigram::Unit;
use sukashi::model::{Ablation, DecoderSpec, spec};
use sukashi::sampling::{Choice, Settings};
use sukashi::text::{Variable, python_word};
use sukashi::weights::ModelFiles;
use sukashi::{Error, Result};

use super::device::DeviceArgs;
use super::model::open_model;
use super::terminal::Terminal;

/// A flag that takes one of `names`, which `T` reads.
pub fn names<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = Error> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

/// What runs where, on what.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// What to continue; `-` reads the standard input, less one line end at its end
    pub prompt: Option<String>,
    /// Token ids instead of a text, such as 1,2,3
    #[arg(long, value_name = "IDS", conflicts_with = "prompt", allow_hyphen_values = true)]
    pub ids: Option<String>,
    /// Feed characters that the vocabulary lacks as its unknown token
    #[arg(long)]
    pub allow_unknown: bool,
    /// Of a prompt longer than the model's context, keep the end
    #[arg(long)]
    pub truncate_prompt: bool,
    /// A .gguf file, a folder with config.json, model.safetensors and tokenizer.json, or a model to download: owner/name,
    /// owner/name@revision, owner/name:file.gguf [default: the model in the program]
    #[arg(long, value_name = "MODEL", help_heading = "Model")]
    pub model: Option<PathBuf>,
    /// Load a model whose files have tensors that no part of it uses, and only warn of them
    #[arg(long, help_heading = "Model")]
    pub allow_unused_tensors: bool,
    /// Continue by counts of pairs in this text instead of by a model: the most primitive language model there is
    #[arg(long, value_name = "FILE", conflicts_with = "model", help_heading = "Model")]
    pub bigram: Option<PathBuf>,
    /// What the pairs of --bigram are of: char or word
    #[arg(
        long,
        value_name = "UNIT",
        default_value = "char",
        value_parser = names::<Unit>(&["char", "word"]),
        hide_possible_values = true,
        requires = "bigram",
        help_heading = "Model"
    )]
    pub unit: Unit,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Do not look for faster kernels when a large model meets an adapter for the first time, and use none that were found
    #[arg(long, help_heading = "Model")]
    pub no_tune: bool,
    /// Give the prompt as a user's message, in the form that the model's chat template makes of it
    #[arg(long, help_heading = "Chat", conflicts_with_all = ["ids", "bigram"])]
    pub chat: bool,
    /// What the model is told before the conversation
    #[arg(long, help_heading = "Chat", value_name = "TEXT", requires = "chat")]
    pub system: Option<String>,
    /// Earlier messages, before the prompt: a JSON array of {"role": "user", "content": "…"}
    #[arg(long, help_heading = "Chat", value_name = "FILE", requires = "chat")]
    pub messages: Option<PathBuf>,
    /// The date for templates that tell it, such as 2025-03-09 [default: now]
    #[arg(long, help_heading = "Chat", value_name = "DATE", requires = "chat", value_parser = str::parse::<DateTime>)]
    pub date: Option<DateTime>,
    /// Tell the template something by a name that it knows, such as enable_thinking=false; may be repeated. The value is JSON, or else
    /// a text
    #[arg(long, help_heading = "Chat", value_name = "NAME=VALUE", requires = "chat", value_parser = chat_variable)]
    pub chat_variable: Vec<(String, Variable)>,
}

impl RunArgs {
    /// The model's files, which may be those in the program.
    pub fn files(&self, terminal: &Terminal) -> Result<ModelFiles> {
        let mut files = open_model(self.model.as_deref(), terminal)?;
        files.allow_unused_tensors = self.allow_unused_tensors;
        Ok(files)
    }

    /// The model's sizes and choices.
    pub fn spec(&self, terminal: &Terminal) -> Result<DecoderSpec> {
        let files = self.files(terminal)?;
        spec::from_files(&files)
    }
}

/// What is left out of the model.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model")]
pub struct AblationArgs {
    /// Leave out head H of layer L, both counted from 0; may be repeated
    #[arg(long, value_name = "L.H", value_parser = layer_and_head)]
    zero_head: Vec<(usize, usize)>,
    /// Leave out the feed-forward part of layer L, counted from 0; may be repeated
    #[arg(long, value_name = "L")]
    zero_mlp: Vec<usize>,
}

impl AblationArgs {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.ablation().is_empty()
    }

    /// The parts.
    pub fn ablation(&self) -> Ablation {
        let (heads, mlps) = (self.zero_head.iter().copied(), self.zero_mlp.iter().copied());
        Ablation { heads: heads.collect(), mlps: mlps.collect() }
    }
}

fn layer_and_head(text: &str) -> std::result::Result<(usize, usize), String> {
    let parsed =
        text.split_once('.').and_then(|(layer, head)| Some((layer.parse().ok()?, head.parse().ok()?)));
    parsed.ok_or_else(|| "expected LAYER.HEAD, such as 3.0".to_owned())
}

/// What is done to the distribution.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sampling")]
pub struct StageArgs {
    /// Divide the logits by this; 0 leaves the most probable token alone [default: 1]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    temperature: Option<f64>,
    /// Keep the K most probable tokens
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Keep the most probable tokens whose mass reaches P
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    top_p: Option<f64>,
    /// Drop tokens less probable than this fraction of the most probable one
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    min_p: Option<f64>,
    /// Keep the tokens whose information is closest to the entropy, up to mass P
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    typical_p: Option<f64>,
    /// Divide the logits of tokens already present by this [default: 1]
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    repetition_penalty: Option<f64>,
    /// Subtract this from a logit for each time that its token is present [default: 0]
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    frequency_penalty: Option<f64>,
    /// Subtract this from the logits of tokens already present [default: 0]
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    presence_penalty: Option<f64>,
    /// Add VALUE to the logit of token ID; may be repeated
    #[arg(long, value_name = "ID=VALUE", value_parser = logit_bias, allow_hyphen_values = true)]
    logit_bias: Vec<(u32, f64)>,
}

/// How a token is chosen from it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sampling")]
pub struct ChoiceArgs {
    /// Always take the most probable token
    #[arg(long, conflicts_with = "pick")]
    greedy: bool,
    /// Always take the N-th most probable token
    #[arg(long, value_name = "N")]
    pick: Option<usize>,
    /// Seed of the random choice: the same seed gives the same text
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
}

impl StageArgs {
    /// The settings, checked.
    pub fn settings(&self, choice: Option<&ChoiceArgs>) -> Result<Settings> {
        let plain = Settings::default();
        let settings = Settings {
            choice: choice.map_or(plain.choice, ChoiceArgs::choice),
            temperature: self.temperature.unwrap_or(plain.temperature),
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            typical_p: self.typical_p,
            repetition_penalty: self.repetition_penalty.unwrap_or(plain.repetition_penalty),
            frequency_penalty: self.frequency_penalty.unwrap_or(plain.frequency_penalty),
            presence_penalty: self.presence_penalty.unwrap_or(plain.presence_penalty),
            logit_bias: BTreeMap::from_iter(self.logit_bias.iter().copied()),
            custom_stages: Vec::new(),
            seed: choice.map_or(plain.seed, |choice| choice.seed),
        };
        settings.validate()?;
        Ok(settings)
    }
}

impl ChoiceArgs {
    fn choice(&self) -> Choice {
        match self.pick {
            _ if self.greedy => Choice::Greedy,
            Some(rank) => Choice::Pick(rank),
            None => Choice::Sample,
        }
    }
}

fn logit_bias(text: &str) -> std::result::Result<(u32, f64), String> {
    let parsed = text
        .split_once('=')
        .and_then(|(id, value)| Some((id.trim().parse().ok()?, value.trim().parse().ok()?)));
    parsed.ok_or_else(|| "expected ID=VALUE, such as 42=-1.5".to_owned())
}

/// The value is JSON, and a text where it is none.
fn chat_variable(text: &str) -> std::result::Result<(String, Variable), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => match Variable::from_json(value) {
            Ok(value) => Ok((name.to_owned(), value)),
            // A word in a sentence means itself.
            Err(_) if is_word(value) || value.trim_start().starts_with(['[', '{']) => {
                match python_word(value) {
                    Some(word) => Err(format!("{word} is Python; JSON writes true, false and null")),
                    None => Ok((name.to_owned(), value.into())),
                }
            }
            Err(_) => Ok((name.to_owned(), value.into())),
        },
        _ => Err("expected NAME=VALUE, such as enable_thinking=false".to_owned()),
    }
}

fn is_word(text: &str) -> bool {
    text.trim().chars().all(char::is_alphanumeric)
}

/// Refuses a number of things that is 0.
pub fn at_least_one(flag: &str, count: usize) -> Result<()> {
    match count {
        0 => Err(Error::input(format!("cannot work with {flag} 0")).detail("expected 1 or more")),
        _ => Ok(()),
    }
}

/// Reads `0,5-9`.
pub fn positions(text: &str) -> Result<Vec<usize>> {
    // Longer than any context, so that nobody counts to 10^18 before it is refused.
    const MOST: usize = 1 << 24;
    let refused = |part: &str| {
        Error::input("cannot read --positions")
            .detail(format!("found {part:?}, expected positions from 0 to {MOST} such as 0,5-9"))
    };
    let mut all = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let position = |number: &str| number.trim().parse::<usize>().ok().filter(|number| *number <= MOST);
        match (position(first), position(last)) {
            (Some(first), Some(last)) if first <= last => all.extend(first..=last),
            _ => return Err(refused(part)),
        }
    }
    Ok(all)
}
