//! The figures that the server draws, with the options that they declare.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::ApiError;
use crate::figure::flag::{self, Description, Given, Options, Takes};
use crate::figure::{
    self, AttentionOptions, Figure, Metric, NextToken, Sampling, Style, Temperatures, Tokens, TopK,
    TraceOptions,
};
use crate::trace::{Attention, Lens, Record, Score};
use crate::{Result, Trace, shown};

/// A figure that the server draws.
pub struct Drawing {
    /// The name of its kind.
    pub name: &'static str,
    pub source: Source,
    pub flags: fn() -> Vec<Description>,
    /// Draws a record as JSON.
    pub draw: fn(&str, &[Option<Given>], &Style) -> Result<Figure>,
}

/// What a figure draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A trace of so many steps. With 0, nothing is chosen. The trace has `times` as many candidates as are drawn.
    Trace { times: usize, has_stages: bool, num_steps: usize },
    /// The score of a text.
    Score,
    /// The attention of a layer.
    Attention,
    /// The predictions of all layers.
    Lens,
}

/// The candidates that are recorded for each one that a figure of a distribution draws, as `sukashi figure` does.
const KEPT: usize = 20;

/// The figures of a run, in the order of [`figure::KINDS`].
pub const DRAWINGS: &[Drawing] = &[
    Drawing {
        name: "next-token",
        source: Source::Trace { times: 1, has_stages: false, num_steps: 0 },
        flags: flag::describe::<NextToken>,
        draw: |json, given, style| {
            figure::next_token(&Trace::from_json(json)?, &options::<NextToken>(given)?, style)
        },
    },
    Drawing {
        name: "top-k",
        source: Source::Trace { times: KEPT, has_stages: true, num_steps: 0 },
        flags: flag::describe::<TopK>,
        draw: |json, given, style| figure::top_k(&Trace::from_json(json)?, &options::<TopK>(given)?, style),
    },
    Drawing {
        name: "temperature",
        source: Source::Trace { times: KEPT, has_stages: false, num_steps: 0 },
        flags: flag::describe::<Temperatures>,
        draw: |json, given, style| {
            figure::temperature(&Trace::from_json(json)?, &options::<Temperatures>(given)?, style)
        },
    },
    Drawing {
        name: "sampling",
        source: Source::Trace { times: KEPT, has_stages: true, num_steps: 1 },
        flags: flag::describe::<Sampling>,
        draw: |json, given, style| {
            figure::sampling(&Trace::from_json(json)?, &options::<Sampling>(given)?, style)
        },
    },
    Drawing {
        name: "trace",
        source: Source::Trace { times: 1, has_stages: false, num_steps: 6 },
        flags: flag::describe::<TraceOptions>,
        draw: |json, given, style| {
            figure::trace(&Trace::from_json(json)?, &options::<TraceOptions>(given)?, style)
        },
    },
    Drawing {
        name: "tokens",
        source: Source::Score,
        flags: flag::describe::<Tokens>,
        draw: |json, given, style| {
            figure::tokens(&Score::from_json(json)?, &options::<Tokens>(given)?, style)
        },
    },
    Drawing {
        name: "attention",
        source: Source::Attention,
        flags: flag::describe::<AttentionOptions>,
        draw: |json, given, style| {
            figure::attention(&Attention::from_json(json)?, &options::<AttentionOptions>(given)?, style)
        },
    },
    Drawing {
        name: "lens",
        source: Source::Lens,
        flags: flag::describe::<Metric>,
        draw: |json, given, style| figure::lens(&Lens::from_json(json)?, options::<Metric>(given)?, style),
    },
];

fn options<T: Options>(given: &[Option<Given>]) -> Result<T> {
    flag::options(given)
}

/// What a request gives for each option of a figure.
///
/// # Errors
/// If an option is unknown, or has a value of another type.
pub fn given(
    drawing: &Drawing,
    options: Option<&BTreeMap<String, Value>>,
    has_record: bool,
) -> Result<Vec<Option<Given>>, ApiError> {
    let flags = (drawing.flags)();
    let options = options.into_iter().flatten();
    let mut all = vec![None; flags.len()];
    for (name, value) in options.filter(|(_, value)| !value.is_null()) {
        let refused = |what: String| {
            ApiError::field("options", format!("cannot use the option {}: {what}", shown::start(name, 40)))
        };
        let Some(index) = flags.iter().position(|flag| flag.name == name) else {
            let known = Vec::from_iter(flags.iter().map(|flag| flag.name)).join(", ");
            return Err(refused(format!("the figure {} has {known}", drawing.name)));
        };
        let text = value.to_string();
        let wrong =
            |expected: &str| refused(format!("found {}, expected {expected}", shown::start(&text, 40)));
        let whole = || value.as_u64().and_then(|count| usize::try_from(count).ok());
        all[index] = match flags[index].takes {
            Takes::Nothing => value.as_bool().ok_or_else(|| wrong("true or false"))?.then_some(Given::Switch),
            Takes::Count { .. } => Some(Given::Count(whole().ok_or_else(|| wrong("a whole number"))?)),
            Takes::Step if !has_record => return Err(refused("it is about a record".to_owned())),
            Takes::Step => {
                let index = whole().and_then(|step| step.checked_sub(1));
                Some(Given::Count(index.ok_or_else(|| wrong("a whole number from 1 on"))?))
            }
            Takes::Temperatures => {
                let list =
                    value.as_array().map(|list| list.iter().map(Value::as_f64).collect::<Option<Vec<_>>>());
                let list = list.flatten().filter(|list| list.iter().all(|t| t.is_finite() && *t > 0.0));
                Some(Given::Temperatures(list.ok_or_else(|| wrong("an array of numbers above 0"))?))
            }
            Takes::Name { names, .. } => {
                let name = value.as_str().filter(|name| names.contains(name));
                Some(Given::Name(name.ok_or_else(|| wrong(&names.join(", ")))?.to_owned()))
            }
        };
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::KINDS;

    #[test]
    fn every_figure_of_a_run_is_drawn_or_needs_more_than_one() {
        // These compare several prompts.
        let several = ["next-tokens", "compare"];
        for kind in KINDS.iter().filter(|kind| kind.runs_model) {
            let is_drawn = DRAWINGS.iter().any(|drawing| drawing.name == kind.name);
            assert_ne!(is_drawn, several.contains(&kind.name), "{}", kind.name);
        }
    }
}
