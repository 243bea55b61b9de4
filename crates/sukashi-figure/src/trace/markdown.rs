//! A trace as Markdown, with a table for each step.

use std::io::{self, Write};

use super::json::unwritable;
use super::{Candidate, Step, Trace};
use crate::error::Result;
use crate::sampling::{Choice, Settings};

impl Trace {
    /// Writes a heading, the facts of the run, and a table for each step.
    ///
    /// Spaces, line ends and control characters of a token are visible. Text that Markdown would take for markup is
    /// escaped.
    ///
    /// # Errors
    ///
    /// The same as [`Self::write_json`].
    pub fn write_markdown(&self, mut out: impl Write) -> Result<()> {
        self.validate()?;
        self.markdown(&mut out).map_err(|cause| unwritable("Markdown", cause))
    }

    /// Returns a table for each step as Markdown. See [`Self::write_markdown`].
    ///
    /// # Errors
    ///
    /// The same as [`Self::to_json`].
    pub fn to_markdown(&self) -> Result<String> {
        super::to_text("Markdown", |out| self.write_markdown(out))
    }

    fn markdown(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { version, model, adapter, sampling, prompt, .. } = self;
        writeln!(out, "# {}\n", inline(&model.name))?;
        writeln!(out, "- model: {}, {}", inline(&model.family), inline(&model.precision))?;
        writeln!(out, "- adapter: {} ({})", inline(&adapter.name), inline(&adapter.backend))?;
        writeln!(out, "- sampling: {}", settings(sampling))?;
        writeln!(out, "- sukashi {}", inline(version))?;
        match &prompt.text {
            Some(text) => writeln!(out, "- prompt: {}", token_text(text))?,
            None => writeln!(out, "- prompt: {} tokens", prompt.tokens.len())?,
        }
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(out, "\n## Step {}, position {}\n", index + 1, step.position)?;
            step.markdown(out)?;
        }
        Ok(())
    }
}

impl Step {
    fn markdown(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "Entropy {:.3} bits.\n", self.entropy_bits)?;
        if let Some(stages) = &self.stages {
            writeln!(out, "Tokens left: {}\n", inline(&stages.summary()))?;
        }
        writeln!(out, "| rank | token | id | logit | prob | scaled | final | chosen |")?;
        writeln!(out, "|--:|:--|--:|--:|--:|--:|--:|:-:|")?;
        let chosen_id = self.chosen.as_ref().map(|chosen| chosen.id);
        for candidate in &self.candidates {
            let Candidate { rank, id, text, logit, prob, prob_scaled, prob_final, .. } = candidate;
            let token = text.as_deref().map_or_else(|| "—".to_owned(), token_text);
            let mark = if chosen_id == Some(*id) { "●" } else { "" };
            writeln!(
                out,
                "| {rank} | {token} | {id} | {logit:.4} | {prob:.6} | {prob_scaled:.6} | {prob_final:.6} | {mark} |",
            )?;
        }
        let num_others = self.vocab_size.saturating_sub(self.candidates.len());
        writeln!(out, "|  | *others: {num_others}* |  |  | {:.6} |  |  |  |", self.other_prob)
    }
}

fn settings(sampling: &Settings) -> String {
    let Settings { choice, temperature, seed, .. } = sampling;
    let mut parts = vec![match choice {
        Choice::Sample => format!("seed {seed}"),
        Choice::Greedy => "greedy".to_owned(),
        Choice::Pick(n) => format!("pick {n}"),
    }];
    parts.push(format!("temperature {temperature}"));
    parts.extend(sampling.truncation_words().map(|words| words.en));
    parts.join(", ")
}

/// A token's text for the cell of a table. It is one line, with every character visible.
fn token_text(text: &str) -> String {
    if text.is_empty() {
        return "*empty*".to_owned();
    }
    inline(&text.replace(' ', "␣"))
}

/// Text that does not end the line or the cell, and does not become markup.
pub(super) fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' => out.push('↵'),
            '\t' => out.push('⇥'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '$' | '#' => {
                out.push('\\');
                out.push(char);
            }
            // The control pictures stand 0x2400 above the controls.
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(char)).unwrap_or('\u{fffd}')),
            '\x7f' => out.push('␡'),
            _ if is_invisible(char) => out.push_str(&format!("U+{:04X}", u32::from(char))),
            _ => out.push(char),
        }
    }
    out
}

/// C1 controls, separators, joiners, marks of direction and of byte order, and tags. They would vanish, break the line,
/// or reorder the text around them.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{80}'..='\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_a_token_is_visible_and_none_is_markup() {
        assert_eq!(token_text(" a|b"), "␣a\\|b");
        assert_eq!(token_text("\\|"), "\\\\\\|");
        assert_eq!(token_text("`x`\r\n\t"), "\\`x\\`␍↵⇥");
        assert_eq!(token_text("\0\x1b\x7f\u{85}\u{202e}"), "␀␛␡U+0085U+202E");
        assert_eq!(token_text("<b>&amp;"), "\\<b\\>\\&amp;");
        assert_eq!(token_text(""), "*empty*");
        assert_eq!(token_text("吾輩は猫"), "吾輩は猫");
    }
}
