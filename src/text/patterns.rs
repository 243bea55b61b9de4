//! Detects regular expressions that exceed their step limit.
//!
//! A pattern with nested repetitions can take exponentially many steps. The engine stops after a million and
//! returns an error. The `tokenizers` crate treats that error as the end of the matches and leaves the rest
//! of the text unsplit, which would silently change the tokens.
use fancy_regex::Regex;
use tokenizers::PreTokenizedString;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::{OffsetReferential, OffsetType};

/// Shorter texts cannot take a million steps.
const SHORT_BYTES: usize = 16;

const TOO_MANY_STEPS: &str = "its regular expression takes too many steps on the text";

/// Checks that `pattern` finds all its matches in `text`.
pub(super) fn check(pattern: &str, text: &str) -> Result<(), String> {
    let Some(regex) = Some(pattern).filter(|_| text.len() >= SHORT_BYTES).map(Regex::new) else {
        return Ok(());
    };
    match regex {
        // It compiled before.
        Ok(regex) if regex.find_iter(text).any(|found| found.is_err()) => Err(TOO_MANY_STEPS.to_owned()),
        _ => Ok(()),
    }
}

/// Checks that a step has split the whole text. If its pattern hit the limit, text is left after the last
/// match.
pub(super) fn check_split(split: &Split, text: &PreTokenizedString) -> Result<(), String> {
    let SplitPattern::Regex(pattern) = &split.pattern else { return Ok(()) };
    for (part, _, tokens) in text.get_splits(OffsetReferential::Original, OffsetType::None) {
        let has_rest = || split.regex.find_iter(part).last().is_none_or(|(_, end)| end != part.len());
        if tokens.is_none() && part.len() >= SHORT_BYTES && has_rest() {
            check(pattern, part)?;
        }
    }
    Ok(())
}
