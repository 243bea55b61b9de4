//! The probabilities of the tokens of a given text, as a record.

use std::io::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::record::check_schema;
use super::validate::{Check, Problem, entropy, prob, require};
use super::{AdapterInfo, ModelInfo, Record, Token, csv_text, visible};
use crate::error::{Error, ErrorKind, Result};
use crate::json_cause;

/// How far a total may be from the sum over the tokens. A writer may round to a few digits.
const TOTAL_TOLERANCE: f64 = 1e-3;

/// The probability that a model gives to each token of a text after the tokens before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Always [`Record::SCHEMA`], `sukashi.score/1`.
    pub schema: String,
    /// The version of sukashi that made the record.
    pub version: String,
    /// The model.
    pub model: ModelInfo,
    /// The adapter on which the model ran.
    pub adapter: AdapterInfo,
    /// The text. `None` if only ids were given and there is no tokenizer.
    pub text: Option<String>,
    /// The size of the vocabulary over which the probabilities are.
    pub vocab_size: usize,
    /// The numbers of the whole text.
    pub totals: Totals,
    /// The tokens of the text.
    pub tokens: Vec<ScoredToken>,
}

/// A token of the text, and the model's prediction of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredToken {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// The prediction. `None` for the first token, since no token precedes it.
    pub prediction: Option<Prediction>,
}

/// The model's prediction of a token of the text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The probability by softmax over the whole vocabulary at temperature 1.
    pub prob: f64,
    /// The natural logarithm of the probability. It is finite even if `prob` underflows to 0.
    pub log_prob: f64,
    /// The rank, which is 1 for the most probable token.
    pub rank: usize,
    /// The entropy of the distribution before the token, in bits.
    pub entropy_bits: f64,
}

/// The numbers of a whole text, over the predicted tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// The number of predicted tokens.
    pub num_tokens: usize,
    /// The number of characters of these tokens.
    pub num_characters: usize,
    /// The sum of the natural logarithms of the probabilities.
    pub log_prob: f64,
    /// The perplexity, `exp(-log_prob / num_tokens)`. `None` if no token was predicted.
    pub perplexity: Option<f64>,
    /// The mean of `-log2` of the probability over the tokens.
    pub bits_per_token: Option<f64>,
    /// The sum of `-log2` of the probabilities, divided by the number of characters.
    pub bits_per_character: Option<f64>,
}

impl Totals {
    /// Computes the numbers of these tokens.
    pub fn of(tokens: &[ScoredToken]) -> Self {
        let predicted = || tokens.iter().filter_map(|token| Some((token, token.prediction?)));
        let log_prob: f64 = predicted().map(|(_, prediction)| prediction.log_prob).sum();
        let num_tokens = predicted().count();
        // Tokens may be parts of characters, so the first bytes of characters are counted.
        let bytes = predicted().filter_map(|(token, _)| token.token.bytes.as_deref()).flatten();
        let num_characters = bytes.filter(|byte| **byte & 0xC0 != 0x80).count();
        let bits = -log_prob / std::f64::consts::LN_2;
        let each = |count: usize| (count > 0).then(|| bits / count as f64);
        Self {
            num_tokens,
            num_characters,
            log_prob,
            perplexity: (num_tokens > 0)
                .then(|| libm::exp(-log_prob / num_tokens as f64))
                .filter(|perplexity| perplexity.is_finite()),
            bits_per_token: each(num_tokens),
            bits_per_character: each(num_characters),
        }
    }
}

impl Record for Score {
    const SCHEMA: &'static str = "sukashi.score/1";
    const NAME: &'static str = "score";

    fn schema(&self) -> &str {
        &self.schema
    }

    fn check(&self) -> Result<()> {
        self.check_fields().map_err(|problem| problem.error(Self::NAME))
    }
}

impl Score {
    fn check_fields(&self) -> Check {
        if self.tokens.is_empty() {
            return Err(Problem::new("tokens", "empty", "at least one token"));
        }
        for (index, token) in self.tokens.iter().enumerate() {
            if let Some(prediction) = &token.prediction {
                let place = format!("tokens[{index}].prediction");
                prediction.validate(self.vocab_size).map_err(|problem| problem.within(&place))?;
            }
        }
        let found = self.totals.log_prob;
        let expected = Totals::of(&self.tokens).log_prob;
        let close = (found - expected).abs() <= TOTAL_TOLERANCE * (1.0 + expected.abs());
        require("totals.log_prob", found, close, &format!("the sum of the tokens' log_prob, {expected}"))
    }

    /// Reads a score from JSON lines. The first line has everything but the tokens, then each token has a line.
    ///
    /// # Errors
    ///
    /// The errors of [`Record::from_json`], with the number of the line.
    pub fn from_jsonl(jsonl: &str) -> Result<Self> {
        let at_line = |number: usize, cause: serde_json::Error| {
            Error::input("cannot read the score as JSON lines")
                .detail(json_cause::plain(&cause))
                .detail(format!("in line {number}"))
        };
        let mut lines = (1..).zip(jsonl.lines()).filter(|(_, line)| !line.trim().is_empty());
        let Some((number, line)) = lines.next() else {
            return Err(Error::input("cannot read the score as JSON lines: there is no line"));
        };
        let mut header: Map<String, Value> =
            serde_json::from_str(line).map_err(|cause| at_line(number, cause))?;
        check_schema::<Self>(header.get("schema").and_then(Value::as_str))?;
        header.insert("tokens".to_owned(), Value::Array(Vec::new()));
        let mut score: Self =
            serde_json::from_value(Value::Object(header)).map_err(|cause| at_line(number, cause))?;
        for (number, line) in lines {
            score.tokens.push(serde_json::from_str(line).map_err(|cause| at_line(number, cause))?);
        }
        score.check()?;
        Ok(score)
    }

    /// Returns the score as JSON lines. The first line has everything but the tokens, then each token has a line.
    ///
    /// # Errors
    ///
    /// The same as [`Record::to_json`].
    pub fn to_jsonl(&self) -> Result<String> {
        self.validate()?;
        let failed = |cause| unwritable("JSON lines", cause);
        let mut header = serde_json::to_value(Self { tokens: Vec::new(), ..self.clone() }).map_err(failed)?;
        header.as_object_mut().map(|fields| fields.remove("tokens"));
        let mut out = header.to_string() + "\n";
        for token in &self.tokens {
            out += &serde_json::to_string(token).map_err(failed)?;
            out.push('\n');
        }
        Ok(out)
    }

    /// Returns a row for each token as CSV, after a row with the columns' names. Positions count from 0, and texts have
    /// the form of [`csv_text`].
    ///
    /// # Errors
    ///
    /// The same as [`Record::to_json`].
    pub fn to_csv(&self) -> Result<String> {
        self.validate()?;
        let failed = |cause: csv::Error| unwritable("CSV", cause);
        let mut writer = csv::Writer::from_writer(Vec::new());
        let columns = ["position", "id", "text", "prob", "log_prob", "rank", "entropy_bits"];
        writer.write_record(columns).map_err(failed)?;
        for (position, ScoredToken { token, prediction }) in self.tokens.iter().enumerate() {
            // The form is that of Debug, because Display writes 1e-30 with thirty zeros.
            let number = |of: fn(&Prediction) -> f64| {
                prediction.as_ref().map(|prediction| format!("{:?}", of(prediction))).unwrap_or_default()
            };
            let rank = prediction.map(|prediction| prediction.rank.to_string()).unwrap_or_default();
            let row = [
                position.to_string(),
                token.id.to_string(),
                csv_text::to_cell(token.text.as_deref().unwrap_or_default()).into_owned(),
                number(|prediction| prediction.prob),
                number(|prediction| prediction.log_prob),
                rank,
                number(|prediction| prediction.entropy_bits),
            ];
            writer.write_record(row).map_err(failed)?;
        }
        writer.flush().map_err(|cause| unwritable("CSV", cause))?;
        let bytes = writer.into_inner().map_err(|cause| unwritable("CSV", cause.into_error()))?;
        String::from_utf8(bytes).map_err(|cause| unwritable("CSV", cause))
    }

    /// Returns a list of the totals and a table of the tokens as Markdown.
    ///
    /// # Errors
    ///
    /// The same as [`Record::to_json`].
    pub fn to_markdown(&self) -> Result<String> {
        self.validate()?;
        let mut out = Vec::new();
        self.markdown(&mut out).map_err(|cause| unwritable("Markdown", cause))?;
        String::from_utf8(out).map_err(|cause| unwritable("Markdown", cause))
    }

    fn markdown(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let Self { model, adapter, totals, .. } = self;
        let number = |value: Option<f64>| value.map_or_else(|| "—".to_owned(), |value| format!("{value:.4}"));
        writeln!(out, "# {}\n", super::markdown::inline(&model.name))?;
        writeln!(out, "- adapter: {} ({})", super::markdown::inline(&adapter.name), adapter.backend)?;
        writeln!(out, "- tokens: {}, characters: {}", totals.num_tokens, totals.num_characters)?;
        writeln!(out, "- log-probability: {:.4}", totals.log_prob)?;
        writeln!(out, "- perplexity: {}", number(totals.perplexity))?;
        let (per_token, per_character) = (number(totals.bits_per_token), number(totals.bits_per_character));
        writeln!(out, "- bits per token: {per_token}, per character: {per_character}\n")?;
        writeln!(out, "| position | token | id | prob | log prob | rank | entropy (bits) |")?;
        writeln!(out, "|--:|:--|--:|--:|--:|--:|--:|")?;
        for (position, ScoredToken { token, prediction }) in self.tokens.iter().enumerate() {
            let name = visible::token(token.id, token.text.as_deref(), token.bytes.as_deref());
            let name = super::markdown::inline(&name);
            match prediction {
                Some(Prediction { prob, log_prob, rank, entropy_bits }) => writeln!(
                    out,
                    "| {position} | {name} | {} | {prob:.6} | {log_prob:.4} | {rank} | {entropy_bits:.4} |",
                    token.id
                )?,
                None => writeln!(out, "| {position} | {name} | {} |  |  |  |  |", token.id)?,
            }
        }
        Ok(())
    }
}

impl Prediction {
    fn validate(&self, vocab_size: usize) -> Check {
        prob("prob", self.prob)?;
        require("log_prob", self.log_prob, self.log_prob <= 1e-9, "a finite number <= 0")?;
        entropy("entropy_bits", self.entropy_bits)?;
        let in_vocabulary = (1..=vocab_size).contains(&self.rank);
        require("rank", self.rank as f64, in_vocabulary, &format!("a rank from 1 to {vocab_size}"))
    }
}

fn unwritable(format: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write the score as {format}")).caused_by(cause)
}
