//! Regular expressions that give up.
//!
//! A pattern with repetitions within repetitions takes more steps than there is time for; after a million, the engine
//! gives up with an error. The `tokenizers` crate takes that for the end of the matches, and leaves the rest of the text
//! as it is: it would be cut otherwise than its authors meant.

use fancy_regex::Regex;
use tokenizers::PreTokenizedString;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::{OffsetReferential, OffsetType};

/// Shorter texts have too few ways to match for a million steps.
const SHORT_BYTES: usize = 16;

const GIVES_UP: &str = "its regular expression takes too many steps on the text";

/// Checks that `pattern` finds all its matches in `text`.
pub(super) fn check(pattern: &str, text: &str) -> Result<(), String> {
    let Some(regex) = Some(pattern).filter(|_| text.len() >= SHORT_BYTES).map(Regex::new) else {
        return Ok(());
    };
    match regex {
        // That it compiles is known.
        Ok(regex) if regex.find_iter(text).any(|found| found.is_err()) => Err(GIVES_UP.to_owned()),
        _ => Ok(()),
    }
}

/// Checks that a step has cut all that it was to cut: where it gave up, a part is left behind the last match.
pub(super) fn check_split(split: &Split, text: &PreTokenizedString) -> Result<(), String> {
    let SplitPattern::Regex(pattern) = &split.pattern else { return Ok(()) };
    for (part, _, tokens) in text.get_splits(OffsetReferential::Original, OffsetType::None) {
        let is_left = || split.regex.find_iter(part).last().is_none_or(|(_, end)| end != part.len());
        if tokens.is_none() && part.len() >= SHORT_BYTES && is_left() {
            check(pattern, part)?;
        }
    }
    Ok(())
}
