//! The record of a run: every number on the way to each next token, as data.
//!
//! A [`Trace`] is the versioned record `sukashi.trace/1`. Figures are pure functions of it. They can be drawn again
//! later, on another machine, and without a GPU.
//!
//! Three other [`Record`]s have schemas of their own: a [`Score`] of a given text, [`Attention`] weights, and a [`Lens`]
//! on every layer.
//!
//! A [`StepRecorder`] makes the steps. A trace can be written and read as JSON and JSON lines, and written as CSV and
//! Markdown. Readers ignore fields that they do not know. Readers and writers check every number ([`Trace::validate`]).
//!
//! ```
//! use sukashi_figure::Trace;
//!
//! let json = r#"{
//!     "schema": "sukashi.trace/1", "version": "0.1.0",
//!     "model": {"name": "tiny", "family": "gpt2", "weights_sha256": "", "precision": "f32"},
//!     "adapter": {"name": "CPU", "backend": "cpu", "driver": "", "kind": "cpu"},
//!     "sampling": {"temperature": 0.8}, "prompt": {"text": "a", "tokens": []}, "steps": []
//! }"#;
//! let trace = Trace::from_json(json)?;
//! assert_eq!(trace.sampling.temperature, 0.8);
//! assert_eq!(Trace::from_json(&trace.to_json()?)?, trace);
//!
//! let error = Trace::from_json(&json.replace("trace/1", "trace/9")).unwrap_err();
//! assert!(error.to_string().starts_with("cannot read a trace of schema \"sukashi.trace/9\""));
//! # Ok::<(), sukashi_figure::Error>(())
//! ```

mod attention;
mod csv;
pub mod csv_text;
mod json;
mod jsonl;
mod lens;
mod log_probs;
mod markdown;
mod merge_tree;
mod mixing;
mod record;
mod score;
mod segmentation;
mod stages;
mod step;
mod validate;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::sampling::Settings;

pub use crate::visible;
pub use attention::{Attention, HeadWeights};
pub use lens::{Lens, LensCell, LensLayer};
pub use merge_tree::{Merge, MergeTree, Node};
pub use mixing::Mixing;
pub use record::Record;
pub use score::{Prediction, Score, ScoredToken, Totals};
pub use segmentation::{Piece, Segmentation, TextCost};
pub use stages::{Draw, StageOutput, Stages, TokenLeft};
pub use step::StepRecorder;

/// The value of [`Trace::schema`] that this version reads and writes.
pub const SCHEMA: &str = "sukashi.trace/1";

/// The record of one prompt and of every token chosen after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The version of sukashi that made the record.
    pub version: String,
    /// The model.
    pub model: ModelInfo,
    /// The adapter on which the model ran.
    pub adapter: AdapterInfo,
    /// The settings by which tokens were chosen.
    pub sampling: Settings,
    /// The prompt.
    pub prompt: Prompt,
    /// An entry for each predicted position.
    pub steps: Vec<Step>,
    /// The prompt and every chosen token as one text. `None` without a tokenizer.
    pub text: Option<String>,
}

/// The model that made the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// The folder's or file's name, such as `soseki-mini`.
    pub name: String,
    /// The family, such as `gpt2`.
    pub family: String,
    /// SHA-256 of the weight files' bytes in the order of their names, in hexadecimal. It is empty if the files were not
    /// hashed.
    pub weights_sha256: String,
    /// How the weights are stored on the device, such as `f16`.
    pub precision: String,
    /// The parts that were left out, such as `head 3.2` or `mlp 4`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub left_out: Vec<String>,
}

/// The adapter that computed the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterInfo {
    /// The driver's name for the adapter.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, `gl`, `webgpu` or `cpu`.
    pub backend: String,
    /// The driver's name and version. In a browser, which hides them, what the browser calls itself.
    pub driver: String,
    /// `discrete`, `integrated`, `virtual`, `software`, `other`, or `cpu`.
    pub kind: String,
}

/// The input of the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The prompt's text. `None` if only ids were given and there is no tokenizer.
    pub text: Option<String>,
    /// The prompt's tokens.
    pub tokens: Vec<Token>,
}

/// A token: its id and its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The index into the vocabulary.
    pub id: u32,
    /// The text of the token alone, in which incomplete UTF-8 is U+FFFD. `None` without a tokenizer.
    pub text: Option<String>,
    /// The token's own bytes, which may be only part of a character. `None` without a tokenizer.
    pub bytes: Option<Vec<u8>>,
}

/// The distribution over the next token at one position, and the choice made there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The number of tokens before the predicted one.
    pub position: usize,
    /// The most probable tokens by `prob`, the highest first. The chosen token is among them even if it ranks lower. A
    /// token whose logit is −∞ is impossible and never listed.
    pub candidates: Vec<Candidate>,
    /// The mass (by `prob`) of all tokens that `candidates` does not list.
    pub other_prob: f64,
    /// The entropy of `prob` over the whole vocabulary, in bits.
    pub entropy_bits: f64,
    /// The size of the vocabulary over which the probabilities are.
    pub vocab_size: usize,
    /// The normalisers of other temperatures. They turn a candidate's logit into its probability over the whole
    /// vocabulary.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub temperatures: Vec<Temperature>,
    /// The candidates after each stage of the sampler. `None` if they were not recorded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stages: Option<Stages>,
    /// The chosen token. `None` if none was chosen.
    pub chosen: Option<Chosen>,
}

impl Step {
    /// The id of the chosen token, if one was chosen.
    pub fn chosen_id(&self) -> Option<u32> {
        self.chosen.as_ref().map(|chosen| chosen.id)
    }
}

/// A possible next token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The rank among all tokens of the vocabulary, counted from 1.
    pub rank: usize,
    /// The index into the vocabulary.
    pub id: u32,
    /// The same as [`Token::text`].
    pub text: Option<String>,
    /// The same as [`Token::bytes`].
    pub bytes: Option<Vec<u8>>,
    /// The model's own output before any stage.
    pub logit: f32,
    /// The probability by softmax over the whole vocabulary at temperature 1.
    pub prob: f64,
    /// The probability after penalties, bias, a caller's own stages and temperature, still over the whole vocabulary.
    pub prob_scaled: f64,
    /// The probability after truncation and renormalisation. It is 0 for a cut token.
    pub prob_final: f64,
}

/// The token that was chosen at a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// The index into the vocabulary.
    pub id: u32,
    /// The same as [`Token::text`].
    pub text: Option<String>,
    /// The same as [`Candidate::prob`].
    pub prob: f64,
    /// The same as [`Candidate::prob_scaled`].
    pub prob_scaled: f64,
    /// The same as [`Candidate::prob_final`].
    pub prob_final: f64,
}

/// The whole vocabulary's normaliser at one temperature.
///
/// A candidate's probability there is `exp(logit / temperature - log_sum_exp)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// The temperature, which is above 0.
    pub temperature: f64,
    /// `ln Σ_v exp(logit_v / temperature)` over the vocabulary.
    pub log_sum_exp: f64,
    /// The entropy of the distribution at this temperature, in bits.
    pub entropy_bits: f64,
}

/// Returns the output of `write` as text.
fn to_text(format: &str, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<String> {
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    String::from_utf8(bytes)
        .map_err(|cause| Error::input(format!("cannot write the trace as {format}")).caused_by(cause))
}
