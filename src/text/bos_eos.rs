//! The special tokens that a tokenizer adds before and after a text.

use serde_json::{Map, Value, json};
use tokenizers::processors::PostProcessorWrapper;

use super::tokenizer::guarded;

/// The tokens to add before and after every text, each with its id.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct BosEos {
    pub bos: Option<(String, u32)>,
    pub eos: Option<(String, u32)>,
}

/// Which of the two a post-processor adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Adds {
    pub bos: bool,
    pub eos: bool,
}

/// The post-processor that adds these tokens, or `None` if there are none to add.
///
/// It is built from JSON because the crate's builder misreads a token that contains a space or a colon.
pub(super) fn post_processor(tokens: &BosEos) -> Result<Option<PostProcessorWrapper>, String> {
    let BosEos { bos, eos } = tokens;
    if bos.is_none() && eos.is_none() {
        return Ok(None);
    }
    let special = |token: &Option<(String, u32)>| {
        token.as_ref().map(|(text, _)| json!({"SpecialToken": {"id": text, "type_id": 0}}))
    };
    let text = |name: &str| Some(json!({"Sequence": {"id": name, "type_id": 0}}));
    let pieces = |texts: &[&str]| -> Vec<Value> {
        texts.iter().flat_map(|name| [special(bos), text(name), special(eos)]).flatten().collect()
    };
    let used: Map<String, Value> = bos
        .iter()
        .chain(eos)
        .map(|(text, id)| (text.clone(), json!({"id": text, "ids": [id], "tokens": [text]})))
        .collect();
    let template = json!({
        "type": "TemplateProcessing", "single": pieces(&["A"]), "pair": pieces(&["A", "B"]), "special_tokens": used,
    });
    serde_json::from_value(template).map(Some).map_err(|error| crate::json_cause::plain(&error))
}

/// Finds out which of the two the tokenizer's own post-processor adds, by running it on one token.
pub(super) fn added_by(inner: &tokenizers::Tokenizer) -> Adds {
    let one = || {
        let token = (0, String::new(), (0, 1), Some(0), 0);
        let encoding = inner.post_process(std::iter::once(token).collect(), None, true)?;
        Ok(encoding.get_special_tokens_mask().to_vec())
    };
    let is_special = guarded(one).unwrap_or_default();
    match is_special.iter().position(|mask| *mask == 0) {
        Some(index) => Adds { bos: index > 0, eos: index + 1 < is_special.len() },
        None => Adds { bos: false, eos: false },
    }
}
