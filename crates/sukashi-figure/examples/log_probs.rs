//! The next token's distribution as a chart, from log-probabilities that another program computed.
//!
//! Run: `cargo run -p sukashi-figure --example log_probs -- FOLDER`
//! (without FOLDER, the files go to the system's temporary folder.)

use std::error::Error;
use std::path::PathBuf;

use sukashi_figure::Trace;
use sukashi_figure::figure::{Lang, NextToken, Style, next_token};

/// The most probable next tokens and the natural logarithms of their probabilities, as an API returns them.
const LOG_PROBS: [(&str, f64); 6] = [
    (" lazy", -0.31),
    (" fence", -2.12),
    (" moon", -2.60),
    (" wall", -3.41),
    (" dog", -3.63),
    (" log", -4.90),
];
const VOCAB_SIZE: usize = 50_257;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let prompt = "The quick brown fox jumps over the";
    let trace = Trace::from_log_probs("a model elsewhere", prompt, VOCAB_SIZE, &LOG_PROBS)?;

    let style = Style { lang: Lang::En, caption: true, ..Style::default() };
    let figure = next_token(&trace, &NextToken::default(), &style)?;
    println!("{}", figure.alt_text());
    for (name, bytes) in [("log-probs.svg", figure.svg().into_bytes()), ("log-probs.png", figure.png(2.0)?)] {
        let path = folder.join(name);
        std::fs::write(&path, bytes)?;
        println!("{}", path.display());
    }
    Ok(())
}
