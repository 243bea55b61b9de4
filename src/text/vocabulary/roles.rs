//! The role of each token of a vocabulary.

use super::Vocabulary;
use crate::{Error, Result};

/// A token's role, from `tokenizer.ggml.token_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A piece of text.
    Normal,
    /// Stands for unknown characters.
    Unknown,
    /// Controls a model, as `<bos>` does, and is not text.
    Control,
    /// Text that is never split or merged.
    UserDefined,
    /// An unused id.
    Unused,
    /// One byte, such as `<0x0A>`, for characters without a token.
    Byte,
}

/// The role of every token.
///
/// In a file without types, the spelling shows which tokens are bytes, and the id fields name the special
/// tokens.
pub(super) fn roles(label: &str, vocabulary: &Vocabulary) -> Result<Vec<Role>> {
    let Vocabulary { tokens, token_types, .. } = vocabulary;
    if token_types.is_empty() {
        let mut roles: Vec<Role> = tokens
            .iter()
            .map(
                |token| if vocabulary.model == "llama" && is_byte(token) { Role::Byte } else { Role::Normal },
            )
            .collect();
        for id in [vocabulary.bos_token_id, vocabulary.eos_token_id].into_iter().flatten() {
            roles[id as usize] = Role::Control;
        }
        if let Some(id) = vocabulary.unknown_token_id {
            roles[id as usize] = Role::Unknown;
        }
        return Ok(roles);
    }
    let wrong = |id: usize, why: String| {
        Error::input(format!("cannot use {label}: a token of its vocabulary has an invalid type")).detail(
            format!(
                "found {} in tokenizer.ggml.token_type for token {id}, {:?}, {why}",
                token_types[id], tokens[id]
            ),
        )
    };
    token_types
        .iter()
        .enumerate()
        .map(|(id, token_type)| match token_type {
            1 => Ok(Role::Normal),
            2 => Ok(Role::Unknown),
            3 => Ok(Role::Control),
            4 => Ok(Role::UserDefined),
            5 => Ok(Role::Unused),
            6 if is_byte(&tokens[id]) => Ok(Role::Byte),
            6 => Err(wrong(id, "expected a byte token to be spelled <0x00> to <0xFF>".to_string())),
            _ => Err(wrong(id, "expected 1 to 6".to_string())),
        })
        .collect()
}

/// Whether a token is spelled `<0x00>` to `<0xFF>`.
fn is_byte(token: &str) -> bool {
    let digits = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    digits.is_some_and(|digits| {
        digits.len() == 2 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'))
    })
}
