//! The tokens that each stage of the sampler left, and the random number.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::validate::{Check, MASS_TOLERANCE, Problem, prob, require};
use super::{Candidate, Step};
use crate::sampling::{Candidates, Criterion, Description, Distribution, InPlay, Stage};

/// The way of a step's candidates through the sampler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// The outputs of the stages in the order in which they ran. The first one, `logits`, is the model's own
    /// distribution.
    pub outputs: Vec<StageOutput>,
    /// The number that chose the token. `None` if the choice was not random.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub draw: Option<Draw>,
}

/// The tokens that one stage left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageOutput {
    /// The name of the stage as [`crate::sampling`] lists it, such as `top_p`, or `logits` before all stages.
    pub stage: String,
    /// The stage's own description. `None` for `logits`, and in records of older versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<Description>,
    /// The number of remaining tokens of the whole vocabulary.
    pub num_left: usize,
    /// An entry for each of [`Step::candidates`], in their order. `None` if this stage or one before it removed the
    /// token.
    pub tokens: Vec<Option<TokenLeft>>,
}

/// A token after a stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TokenLeft {
    /// The rank among the remaining tokens, counted from 1.
    pub rank: usize,
    /// The logit. After `temperature`, it is the difference from the greatest logit, divided by the temperature.
    pub logit: f64,
    /// The share of the remaining mass of the whole vocabulary.
    pub prob: f64,
    /// The sum of `prob` over this token and all more probable ones.
    pub cumulative: f64,
}

/// The number that the sampler's generator drew, and the shares of the tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draw {
    /// The number, which is uniform in `0..1`.
    pub number: f64,
    /// An entry for each of [`Step::candidates`]: where its share of `0..1` begins. `None` if it was cut. A share is as
    /// long as `prob_final`, and the remaining tokens stand in the order of their ids. The chosen token is the one
    /// whose share holds `number`.
    pub starts: Vec<Option<f64>>,
}

/// A stage's output over the whole vocabulary. It is kept until the listed tokens are known.
pub(super) struct Seen {
    stage: String,
    description: Option<Description>,
    ranked: Vec<(InPlay, f64)>,
}

impl Seen {
    pub(super) fn new(stage: Option<&dyn Stage>, candidates: &Candidates) -> Self {
        let name = stage.map_or("logits", Stage::name).to_owned();
        Self { stage: name, description: stage.map(Stage::describe), ranked: candidates.ranked() }
    }

    fn output(self, ids: &[u32]) -> StageOutput {
        let listed: HashMap<u32, usize> = ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
        let mut tokens = vec![None; ids.len()];
        for (index, (token, cumulative)) in self.ranked.iter().enumerate() {
            if let Some(&listed) = listed.get(&token.id) {
                let (logit, prob) = (token.logit, token.prob);
                // The mass of all tokens is 1, in spite of rounding.
                let is_last = index + 1 == self.ranked.len();
                let cumulative = if is_last { 1.0 } else { cumulative.min(1.0) };
                tokens[listed] = Some(TokenLeft { rank: index + 1, logit, prob, cumulative });
            }
        }
        StageOutput { stage: self.stage, description: self.description, num_left: self.ranked.len(), tokens }
    }
}

impl Stages {
    /// Returns the stages with the number of tokens that each left, and the random number, such as `logits 2948 → top_k
    /// 5, u = 0.4312`.
    pub fn summary(&self) -> String {
        let outputs: Vec<String> =
            self.outputs.iter().map(|output| format!("{} {}", output.stage, output.num_left)).collect();
        let draw = self.draw.as_ref().map(|draw| format!(", u = {:.4}", draw.number));
        outputs.join(" → ") + &draw.unwrap_or_default()
    }

    pub(super) fn new(seen: Vec<Seen>, draw: Option<f64>, ids: &[u32], next: &Distribution<'_>) -> Self {
        let starts = || ids.iter().map(|&id| next.share_start(id)).collect();
        Self {
            outputs: seen.into_iter().map(|seen| seen.output(ids)).collect(),
            draw: draw.map(|number| Draw { number, starts: starts() }),
        }
    }

    pub(super) fn validate(&self, step: &Step) -> Check {
        let first = self.outputs.first().map_or("none", |output| output.stage.as_str());
        if first != "logits" {
            return Err(Problem::new("outputs[0].stage", first, "\"logits\", the model's own distribution"));
        }
        let mut before: Option<&StageOutput> = None;
        for (index, output) in self.outputs.iter().enumerate() {
            let place = format!("outputs[{index}]");
            output.validate(step, before).map_err(|problem| problem.within(&place))?;
            before = Some(output);
        }
        let ends = [(self.outputs.first(), 0), (self.outputs.last(), self.outputs.len().saturating_sub(1))];
        let of: [fn(&Candidate) -> f64; 2] = [|candidate| candidate.prob, |candidate| candidate.prob_final];
        for ((output, index), of) in ends.into_iter().zip(of) {
            let tokens = output.iter().flat_map(|output| &output.tokens);
            for (at, (token, candidate)) in tokens.zip(&step.candidates).enumerate() {
                let (found, own) = (token.map_or(0.0, |token| token.prob), of(candidate));
                if (found - own).abs() > MASS_TOLERANCE {
                    let field = format!("outputs[{index}].tokens[{at}].prob");
                    return Err(Problem::new(field, found, format!("the candidate's own, {own}")));
                }
            }
        }
        let Some(draw) = &self.draw else { return Ok(()) };
        draw.validate(step).map_err(|problem| problem.within("draw"))
    }
}

impl StageOutput {
    fn validate(&self, step: &Step, before: Option<&Self>) -> Check {
        let most = before.map_or(step.vocab_size, |before| before.num_left);
        let listed = self.tokens.iter().flatten().count().max(1);
        if !(listed..=most).contains(&self.num_left) {
            let expected =
                format!("at least the {listed} listed, and at most the {most} that were left before");
            return Err(Problem::new("num_left", self.num_left, expected));
        }
        let criterion = self.description.as_ref().map(|description| description.criterion);
        if let Some(Criterion::Prob { ratio: share } | Criterion::Cumulative { mass: share }) = criterion {
            prob("description.criterion", share)?;
        }
        check_len("tokens", self.tokens.len(), step)?;
        let mut mass = 0.0;
        for (index, token) in self.tokens.iter().enumerate() {
            let Some(token) = token else { continue };
            let check = || {
                if before.is_some_and(|before| before.tokens.get(index).is_none_or(Option::is_none)) {
                    return Err(Problem::new(
                        "rank",
                        token.rank,
                        "null: a stage before it removed the token",
                    ));
                }
                if !(1..=self.num_left).contains(&token.rank) {
                    let expected = format!("a rank from 1 to num_left, {}", self.num_left);
                    return Err(Problem::new("rank", token.rank, expected));
                }
                require("logit", token.logit, true, "a finite number")?;
                prob("prob", token.prob)?;
                prob("cumulative", token.cumulative)?;
                let holds = token.cumulative >= token.prob - MASS_TOLERANCE;
                require("cumulative", token.cumulative, holds, "no less than the token's own prob")
            };
            check().map_err(|problem: Problem| problem.within(&format!("tokens[{index}]")))?;
            mass += token.prob;
        }
        let holds = mass <= 1.0 + MASS_TOLERANCE;
        require("tokens", mass, holds, "a mass of at most 1 in all")
    }
}

impl Draw {
    fn validate(&self, step: &Step) -> Check {
        let number = self.number;
        require("number", number, (0.0..1.0).contains(&number), "a number in 0..1")?;
        check_len("starts", self.starts.len(), step)?;
        for (index, start) in self.starts.iter().enumerate() {
            prob(&format!("starts[{index}]"), start.unwrap_or(0.0))?;
        }
        let Some(chosen) = &step.chosen else {
            return Err(Problem::new("number", number, "no draw where nothing was chosen"));
        };
        let own = step.candidates.iter().zip(&self.starts).find(|(own, _)| own.id == chosen.id);
        let Some((own, Some(start))) = own else {
            return Err(Problem::new("number", number, "a share of 0..1 for the chosen token"));
        };
        let end = start + own.prob_final;
        let holds = (start - MASS_TOLERANCE..=end + MASS_TOLERANCE).contains(&number);
        let expected = format!("a number in the share of the chosen token, {start} to {end}");
        require("number", number, holds, &expected)
    }
}

/// Refuses a list that does not have an entry for each candidate.
fn check_len(field: &str, len: usize, step: &Step) -> Check {
    if len == step.candidates.len() {
        return Ok(());
    }
    let expected = format!("one for each of {} candidates", step.candidates.len());
    Err(Problem::new(field, format!("a list of {len}"), expected))
}
