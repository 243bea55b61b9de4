//! The record of what the model predicts after each layer.

use serde::{Deserialize, Serialize};

use super::validate::{Check, Problem, entropy, prob, require};
use super::{AdapterInfo, ModelInfo, Prompt, Record, Token};
use crate::error::Result;

/// How far below 0 a divergence may be by rounding.
const KL_TOLERANCE: f64 = 1e-6;

/// The logit lens: the model's own final norm and head on the residual stream of every layer.
///
/// Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lens {
    /// Always [`Record::SCHEMA`], `sukashi.lens/1`.
    pub schema: String,
    /// The version of sukashi that made the record.
    pub version: String,
    /// The model.
    pub model: ModelInfo,
    /// The adapter on which the model ran.
    pub adapter: AdapterInfo,
    /// The text.
    pub prompt: Prompt,
    /// The size of the vocabulary over which the probabilities are.
    pub vocab_size: usize,
    /// The positions of the cells of each layer, in rising order, counted from 0.
    pub positions: Vec<usize>,
    /// All layers, from the embedding to the last one. The cells of the last layer are the model's own predictions.
    pub layers: Vec<LensLayer>,
}

/// The cells after one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LensLayer {
    /// The point to which the head was applied: `embed` or `layers.N.resid`.
    pub point: String,
    /// A cell for each of the positions.
    pub cells: Vec<LensCell>,
}

/// The distribution over the token after one position, after one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LensCell {
    /// The most probable token.
    #[serde(flatten)]
    pub token: Token,
    /// The probability of this token over the whole vocabulary.
    pub prob: f64,
    /// The rank, in this cell, of the token that the model finally ranks first. It counts from 1.
    pub rank: usize,
    /// The entropy in bits.
    pub entropy_bits: f64,
    /// The Kullback–Leibler divergence of the model's final distribution from this one, in bits.
    pub kl_bits: f64,
}

impl Record for Lens {
    const SCHEMA: &'static str = "sukashi.lens/1";
    const NAME: &'static str = "record of a lens";

    fn schema(&self) -> &str {
        &self.schema
    }

    fn check(&self) -> Result<()> {
        self.check_fields().map_err(|problem| problem.error(Self::NAME))
    }
}

impl Lens {
    fn check_fields(&self) -> Check {
        let num_tokens = self.prompt.tokens.len();
        let rising = self.positions.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || self.positions.last().is_none_or(|last| *last >= num_tokens) {
            let expected = format!("rising positions below {num_tokens}, at least one");
            return Err(Problem::new("positions", format!("{:?}", self.positions), expected));
        }
        if self.layers.is_empty() {
            return Err(Problem::new("layers", "empty", "at least one layer"));
        }
        for (index, layer) in self.layers.iter().enumerate() {
            let place = format!("layers[{index}]");
            if layer.cells.len() != self.positions.len() {
                let expected = format!("one for each of {} positions", self.positions.len());
                return Err(Problem::new("cells", layer.cells.len(), expected).within(&place));
            }
            for (index, cell) in layer.cells.iter().enumerate() {
                let place = format!("{place}.cells[{index}]");
                cell.validate(self.vocab_size).map_err(|problem| problem.within(&place))?;
            }
        }
        Ok(())
    }
}

impl LensCell {
    fn validate(&self, vocab_size: usize) -> Check {
        prob("prob", self.prob)?;
        entropy("entropy_bits", self.entropy_bits)?;
        require("kl_bits", self.kl_bits, self.kl_bits >= -KL_TOLERANCE, "a finite number of bits >= 0")?;
        let in_vocabulary = (1..=vocab_size).contains(&self.rank);
        require("rank", self.rank as f64, in_vocabulary, &format!("a rank from 1 to {vocab_size}"))
    }
}
