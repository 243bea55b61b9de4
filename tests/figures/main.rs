//! Tests figures: bytes and pixels against goldens, the numbers in pictures, texts that try to break out, and layout.
//!
//! `UPDATE_GOLDENS=1 cargo test --test figures` writes the goldens again. Look at the pictures before you commit them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed, also in its helpers"
)]

mod animation;
mod bad_input;
mod faces;
mod fonts;
mod goldens;
mod hazards;
mod inside;
mod kinds;
mod layout;
mod metadata;
mod numbers;
mod reading;
mod sampling;
#[path = "../skip/mod.rs"]
mod skip;
mod snippets;
mod stages;
mod temperature_views;
mod tokenizers;

use resvg::usvg::roxmltree;
use sukashi::Trace;
use sukashi::figure::{
    Figure, Lang, NextToken, Style, Temperatures, TraceOptions, example, next_token, temperature, trace,
};

fn style() -> Style {
    Style::default()
}

fn draw(name: &str, trace_: &Trace, style: &Style) -> Figure {
    match name {
        "next-token" => next_token(trace_, &NextToken::default(), style),
        "temperature" => temperature(trace_, &Temperatures::default(), style),
        "trace" => trace(trace_, &TraceOptions::default(), style),
        _ => panic!("no figure {name}"),
    }
    .expect("a figure of a sound trace")
}

const FIGURES: [&str; 3] = ["next-token", "temperature", "trace"];

fn source(lang: Lang) -> Trace {
    match lang {
        Lang::Ja => example::japanese(),
        Lang::En => example::english(),
    }
}

/// The labels of a figure that contains text.
fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).expect("well-formed XML");
    document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .map(|node| node.text().unwrap_or_default().to_owned())
        .collect()
}
