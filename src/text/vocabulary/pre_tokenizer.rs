//! The pre-tokenizers of the model families: how a text is split into words before a byte-level BPE sees it.
//!
//! A GGUF file contains only a name. The patterns are those of each family's `tokenizer.json`.

use crate::{Error, Result, shown};

/// A family's pre-tokenizer.
#[derive(Debug)]
pub(super) struct PreTokenizer {
    /// Each match is a word. Later patterns split the words of earlier ones. Text without a match stays
    /// whole.
    pub patterns: &'static [&'static str],
    /// Whether a text is normalised to Unicode NFC first.
    pub composes: bool,
    /// Whether a word that is in the vocabulary becomes that token without merging.
    pub ignores_merges: bool,
    /// Whether a text begins with `<bos>` if the file does not say.
    pub adds_bos: bool,
}

const GPT2_PATTERN: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

static GPT2: PreTokenizer =
    PreTokenizer { patterns: &[GPT2_PATTERN], composes: false, ignores_merges: false, adds_bos: false };

static SMOLLM: PreTokenizer = PreTokenizer {
    patterns: &[r"\p{N}", GPT2_PATTERN],
    composes: false,
    ignores_merges: false,
    adds_bos: false,
};

static LLAMA3: PreTokenizer = PreTokenizer {
    patterns: &[
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ],
    composes: false,
    ignores_merges: true,
    adds_bos: true,
};

const QWEN2_PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

static QWEN2: PreTokenizer =
    PreTokenizer { patterns: &[QWEN2_PATTERN], composes: true, ignores_merges: false, adds_bos: false };

/// Mistral's Tekken.
static TEKKEN: PreTokenizer = PreTokenizer {
    patterns: &[
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ],
    composes: false,
    ignores_merges: true,
    adds_bos: true,
};

/// The pre-tokenizers by their names in `tokenizer.ggml.pre`.
static RULES: &[(&str, &PreTokenizer)] = &[
    ("gpt-2", &GPT2),
    ("smollm", &SMOLLM),
    ("llama-bpe", &LLAMA3),
    ("llama3", &LLAMA3),
    ("llama-v3", &LLAMA3),
    ("qwen2", &QWEN2),
    ("deepseek-r1-qwen", &QWEN2),
    ("tekken", &TEKKEN),
];

/// The pre-tokenizer of that name. Files that are older than the field contain relatives of GPT-2.
pub(super) fn pre_tokenizer(label: &str, name: Option<&str>) -> Result<&'static PreTokenizer> {
    let Some(name) = name.filter(|&name| name != "default") else {
        tracing::warn!(
            "{} does not name its pre-tokenizer (tokenizer.ggml.pre); GPT-2's is used",
            shown::excerpt(label)
        );
        return Ok(&GPT2);
    };
    match RULES.iter().find(|(known, _)| *known == name) {
        Some((_, rule)) => Ok(rule),
        None => {
            let known: Vec<&str> = RULES.iter().map(|(known, _)| *known).collect();
            Err(Error::input(format!("cannot use {label}: its pre-tokenizer is not supported")).detail(
                format!("found {name:?} in tokenizer.ggml.pre, expected one of {}", known.join(", ")),
            ))
        }
    }
}
