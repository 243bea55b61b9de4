//! Attention weights as a record.

use serde::{Deserialize, Serialize};

use super::validate::{Check, Problem, require};
use super::{AdapterInfo, ModelInfo, Prompt, Record};
use crate::error::Result;

/// How far the sum of a row of weights may be from 1. Weights are f32, and a writer may round them.
const SUM_TOLERANCE: f32 = 1e-2;

/// The attention weights of heads over a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attention {
    /// Always [`Record::SCHEMA`], `sukashi.attention/1`.
    pub schema: String,
    /// The version of sukashi that made the record.
    pub version: String,
    /// The model.
    pub model: ModelInfo,
    /// The adapter on which the model ran.
    pub adapter: AdapterInfo,
    /// The text.
    pub prompt: Prompt,
    /// The number of layers of the model.
    pub num_layers: usize,
    /// The number of query heads of each layer.
    pub num_heads: usize,
    /// Some or all of the heads.
    pub heads: Vec<HeadWeights>,
}

/// The weights of one head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadWeights {
    /// The layer, counted from 0.
    pub layer: usize,
    /// The head within the layer, counted from 0.
    pub head: usize,
    /// Row `t` holds the weights that token `t` gives to the tokens `0 ..= t`. They sum to 1.
    pub weights: Vec<Vec<f32>>,
}

impl Record for Attention {
    const SCHEMA: &'static str = "sukashi.attention/1";
    const NAME: &'static str = "record of attention";

    fn schema(&self) -> &str {
        &self.schema
    }

    fn check(&self) -> Result<()> {
        let check = || -> Check {
            for (index, head) in self.heads.iter().enumerate() {
                let place = format!("heads[{index}]");
                head.validate(self).map_err(|problem| problem.within(&place))?;
            }
            Ok(())
        };
        check().map_err(|problem| problem.error(Self::NAME))
    }
}

impl HeadWeights {
    fn validate(&self, record: &Attention) -> Check {
        let below = |field: &str, value: usize, count: usize| {
            if value < count {
                Ok(())
            } else {
                Err(Problem::new(field, value, format!("a number below {count}")))
            }
        };
        below("layer", self.layer, record.num_layers)?;
        below("head", self.head, record.num_heads)?;
        let num_tokens = record.prompt.tokens.len();
        if self.weights.len() != num_tokens {
            let expected = format!("a row for each of {num_tokens} tokens");
            return Err(Problem::new("weights", format!("{} rows", self.weights.len()), expected));
        }
        for (token, row) in self.weights.iter().enumerate() {
            let field = format!("weights[{token}]");
            if row.len() != token + 1 {
                let expected = format!("{} weights, one for each token up to its own", token + 1);
                return Err(Problem::new(field, format!("{} weights", row.len()), expected));
            }
            for &weight in row {
                let holds = (0.0..=1.0 + SUM_TOLERANCE).contains(&weight);
                require(&field, f64::from(weight), holds, "weights from 0 to 1")?;
            }
            let sum: f32 = row.iter().sum();
            require(
                &field,
                f64::from(sum),
                (sum - 1.0).abs() <= SUM_TOLERANCE,
                "weights that make 1 in all",
            )?;
        }
        Ok(())
    }
}
