//! Reads and checks prompts given as token ids.

use crate::{Error, Result, shown};

/// Reads token ids such as `1,2,3`. Spaces are allowed around them.
///
/// ```
/// assert_eq!(sukashi::text::parse_ids("1, 2,3")?, [1, 2, 3]);
/// # Ok::<(), sukashi::Error>(())
/// ```
///
/// # Errors
///
/// Bad input that names the first part that is not an id; also if the text is empty.
pub fn parse_ids(text: &str) -> Result<Vec<u32>> {
    if text.trim().is_empty() {
        return Err(empty());
    }
    text.split(',')
        .enumerate()
        .map(|(index, part)| {
            part.trim().parse().map_err(|error: std::num::ParseIntError| {
                Error::input(format!("cannot read the token ids: number {} is not an id", index + 1))
                    .detail(format!(
                        "found {:?}, expected a whole number from 0 to {}",
                        shortened(part),
                        u32::MAX
                    ))
                    .hint("separate ids by commas: 1,2,3")
                    .caused_by(error)
            })
        })
        .collect()
}

/// Checks that a model with `vocab_size` tokens and `max_seq_len` positions can read `ids`.
///
/// # Errors
///
/// Bad input if there are no ids, if an id is not in the vocabulary, or if there are more ids than positions.
pub fn check_prompt(ids: &[u32], vocab_size: usize, max_seq_len: usize) -> Result<()> {
    check_ids(ids, vocab_size)?;
    if ids.len() > max_seq_len {
        return Err(Error::input("cannot use the prompt: it is longer than the model's context")
            .detail(format!("found {} tokens, expected at most {max_seq_len}", ids.len()))
            .hint("shorten the prompt, or keep only its end with --truncate-prompt"));
    }
    Ok(())
}

/// Checks that there are ids, and that all are in a vocabulary of `vocab_size`.
pub(crate) fn check_ids(ids: &[u32], vocab_size: usize) -> Result<()> {
    if ids.is_empty() {
        return Err(empty());
    }
    if let Some(index) = ids.iter().position(|&id| id as usize >= vocab_size) {
        return Err(Error::input(format!(
            "cannot use the prompt: token {} is not in the vocabulary",
            index + 1
        ))
        .detail(format!(
            "found id {}, expected at most {}",
            ids[index],
            vocab_size.saturating_sub(1)
        )));
    }
    Ok(())
}

fn empty() -> Error {
    Error::input("cannot use the prompt: it is empty").hint("give a text or token ids to continue")
}

fn shortened(part: &str) -> String {
    shown::start(part, 40).into_owned()
}
