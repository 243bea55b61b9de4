//! The figures of one record.

use sukashi::figure::flag::{self, Description, Given, Options};
use sukashi::figure::{
    self, AttentionOptions, Figure, Metric, NextToken, Sampling, Style, Temperatures, Tokens, TopK,
    TraceOptions,
};
use sukashi::trace::{Attention, Lens, Record as _, Score};
use sukashi::{Result, Trace};

/// A kind of figure.
pub struct Kind {
    pub name: &'static str,
    /// What it draws: `trace`, `score`, `attention` or `lens`.
    pub record: &'static str,
    /// Whether a trace needs what every stage of the sampler leaves.
    pub needs_stages: bool,
    pub flags: fn() -> Vec<Description>,
    /// Draws a record as JSON.
    pub draw: fn(&str, &[Option<Given>], &Style) -> Result<Figure>,
}

/// All kinds, by the names of the program's figures.
pub const KINDS: [Kind; 8] = [
    Kind {
        name: "next-token",
        record: "trace",
        needs_stages: false,
        flags: flag::describe::<NextToken>,
        draw: |json, given, style| {
            figure::next_token(&Trace::from_json(json)?, &options::<NextToken>(given)?, style)
        },
    },
    Kind {
        name: "top-k",
        record: "trace",
        needs_stages: true,
        flags: flag::describe::<TopK>,
        draw: |json, given, style| figure::top_k(&Trace::from_json(json)?, &options::<TopK>(given)?, style),
    },
    Kind {
        name: "temperature",
        record: "trace",
        needs_stages: false,
        flags: flag::describe::<Temperatures>,
        draw: |json, given, style| {
            figure::temperature(&Trace::from_json(json)?, &options::<Temperatures>(given)?, style)
        },
    },
    Kind {
        name: "sampling",
        record: "trace",
        needs_stages: true,
        flags: flag::describe::<Sampling>,
        draw: |json, given, style| {
            figure::sampling(&Trace::from_json(json)?, &options::<Sampling>(given)?, style)
        },
    },
    Kind {
        name: "trace",
        record: "trace",
        needs_stages: false,
        flags: flag::describe::<TraceOptions>,
        draw: |json, given, style| {
            figure::trace(&Trace::from_json(json)?, &options::<TraceOptions>(given)?, style)
        },
    },
    Kind {
        name: "tokens",
        record: "score",
        needs_stages: false,
        flags: flag::describe::<Tokens>,
        draw: |json, given, style| {
            figure::tokens(&Score::from_json(json)?, &options::<Tokens>(given)?, style)
        },
    },
    Kind {
        name: "attention",
        record: "attention",
        needs_stages: false,
        flags: flag::describe::<AttentionOptions>,
        draw: |json, given, style| {
            figure::attention(&Attention::from_json(json)?, &options::<AttentionOptions>(given)?, style)
        },
    },
    Kind {
        name: "lens",
        record: "lens",
        needs_stages: false,
        flags: flag::describe::<Metric>,
        draw: |json, given, style| figure::lens(&Lens::from_json(json)?, options::<Metric>(given)?, style),
    },
];

fn options<T: Options>(given: &[Option<Given>]) -> Result<T> {
    flag::options(given)
}
