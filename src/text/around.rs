//! What a tokenizer puts around a text.

use serde_json::{Map, Value, json};
use tokenizers::processors::PostProcessorWrapper;

use super::tokenizer::guarded;

/// The tokens that begin and end every text, each with its id.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Around {
    pub bos: Option<(String, u32)>,
    pub eos: Option<(String, u32)>,
}

/// Whether something stands before and behind a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Has {
    pub bos: bool,
    pub eos: bool,
}

/// What puts them there; none where there is nothing to put.
///
/// Built from data: the crate's builder reads a token with a space or a colon in it as something else.
pub(super) fn template(around: &Around) -> Result<Option<PostProcessorWrapper>, String> {
    let Around { bos, eos } = around;
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

/// What the tokenizer's own post-processor puts around a text.
pub(super) fn of(inner: &tokenizers::Tokenizer) -> Has {
    let one = || {
        let token = (0, String::new(), (0, 1), Some(0), 0);
        let encoding = inner.post_process(std::iter::once(token).collect(), None, true)?;
        Ok(encoding.get_special_tokens_mask().to_vec())
    };
    let is_special = guarded(one).unwrap_or_default();
    match is_special.iter().position(|mask| *mask == 0) {
        Some(index) => Has { bos: index > 0, eos: index + 1 < is_special.len() },
        None => Has { bos: false, eos: false },
    }
}
