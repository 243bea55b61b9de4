//! Runs normalizers and pre-tokenizers with a limit on how long they may make a text.
//!
//! A `tokenizer.json` chooses the replacements. Four steps that each turn one letter into a thousand would
//! turn one word into a terabyte. So each step's output is estimated before the step runs, and checked
//! afterwards. The `tokenizers` crate discards a normalizer's error; this module keeps it.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokenizers::normalizer::Range;
use tokenizers::normalizers::{NormalizerWrapper, Precompiled, Replace};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::tokenizer::{OffsetReferential, OffsetType, PreTokenizer};
use tokenizers::utils::SysRegex;
use tokenizers::{NormalizedString, Normalizer, PreTokenizedString};

use super::parts::{Step, flat, pattern_of};
use super::patterns;
use super::tokenizer::guarded;

/// How many times longer the normalised text, and the text that the model sees, may be than the original.
/// Bytes spelled as characters double the length, and `▁` for a space triples it.
pub const GROWTH: usize = 8;
/// Extra room on top of [`GROWTH`], for short texts.
pub const GROWTH_BYTES: usize = 64 << 10;

/// No character becomes more than this many times longer through Unicode normalisation or a change of case.
const UNICODE_GROWTH: usize = 18;

/// The most bytes that a text of `len` bytes may become.
fn allowed(len: usize) -> usize {
    len.saturating_mul(GROWTH).saturating_add(GROWTH_BYTES)
}

/// A normalizer that runs its steps one by one and checks each against the limit.
pub(super) struct Limited<'a> {
    steps: Vec<&'a NormalizerWrapper>,
    allowed: usize,
    /// The bytes of the parts of the text that are already normalised.
    done: AtomicUsize,
    failure: OnceLock<String>,
    begins_with_nothing: OnceLock<&'static str>,
}

impl<'a> Limited<'a> {
    /// The limit applies to all parts together of a text of `len` bytes.
    pub fn new(normalizer: Option<&'a NormalizerWrapper>, len: usize) -> Self {
        Self {
            steps: normalizer.map(flat).unwrap_or_default(),
            allowed: allowed(len),
            done: AtomicUsize::new(0),
            failure: OnceLock::new(),
            begins_with_nothing: OnceLock::new(),
        }
    }

    /// Why a step failed, if one did. The normalised text must not be used then.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// The step that inserted text at the start that corresponds to nothing in the original. Some
    /// pre-tokenizers panic on that.
    pub fn begins_with_nothing(&self) -> Option<&'static str> {
        self.begins_with_nothing.get().copied()
    }

    fn run(&self, text: &mut NormalizedString) -> Result<(), String> {
        let room = self.allowed.saturating_sub(self.done.load(Ordering::Relaxed));
        for step in &self.steps {
            let name = step.name();
            let within =
                |bytes: usize| if bytes <= room { Ok(()) } else { Err(too_much(name, self.allowed)) };
            within(guarded(|| Ok(at_most(step, text.get(), room))).map_err(|why| failed(name, &why))?)?;
            if let NormalizerWrapper::Replace(replace) = step
                && let Some(Err(pattern)) = pattern_of(replace)
            {
                patterns::check(&pattern, text.get()).map_err(|why| failed(name, &why))?;
            }
            guarded(|| step.normalize(text)).map_err(|why| failed(name, &why))?;
            within(text.len())?;
            let stands_for = text.convert_offsets(Range::Normalized(..1));
            if !text.is_empty() && stands_for.is_none_or(|place| place.is_empty()) {
                self.begins_with_nothing.get_or_init(|| name);
            }
        }
        self.done.fetch_add(text.len(), Ordering::Relaxed);
        Ok(())
    }
}

impl Normalizer for Limited<'_> {
    fn normalize(&self, text: &mut NormalizedString) -> tokenizers::Result<()> {
        if self.failure.get().is_none()
            && let Err(why) = self.run(text)
        {
            // Only the first failure is kept.
            let _ = self.failure.set(why);
        }
        Ok(())
    }
}

/// Splits `text` into words and checks the limit for a text of `len` bytes.
pub(super) fn pre_tokenize(
    pre_tokenizer: &PreTokenizerWrapper,
    text: &mut PreTokenizedString,
    len: usize,
) -> Result<(), String> {
    for step in flat(pre_tokenizer) {
        guarded(|| step.pre_tokenize(text)).map_err(|why| failed(step.name(), &why))?;
        if let PreTokenizerWrapper::Split(split) = step {
            patterns::check_split(split, text).map_err(|why| failed(step.name(), &why))?;
        }
        // All other steps only split. These two make one byte into at most five, so a check afterwards is
        // early enough.
        if matches!(step, PreTokenizerWrapper::ByteLevel(_) | PreTokenizerWrapper::Metaspace(_)) {
            let parts = text.get_splits(OffsetReferential::Original, OffsetType::None);
            if parts.iter().map(|(part, ..)| part.len()).sum::<usize>() > allowed(len) {
                return Err(too_much(step.name(), allowed(len)));
            }
        }
    }
    Ok(())
}

fn failed(step: &str, why: &str) -> String {
    format!("its step {step} fails: {why}")
}

fn too_much(step: &str, allowed: usize) -> String {
    format!(
        "its step {step} makes the text too long, expected at most {allowed} bytes \
         ({GROWTH} times the text plus {} KiB)",
        GROWTH_BYTES >> 10
    )
}

/// An upper bound on the bytes that `step` makes of `text`. If they exceed `room`, the result does too.
fn at_most(step: &NormalizerWrapper, text: &str, room: usize) -> usize {
    match step {
        NormalizerWrapper::Prepend(prepend) => text.len().saturating_add(prepend.prepend.len()),
        NormalizerWrapper::Replace(replace) => replaced(replace, text, room),
        NormalizerWrapper::Precompiled(map) => mapped(map, text, room),
        _ if text.len().saturating_mul(UNICODE_GROWTH) <= room => text.len(),
        _ => character_by_character(step, text),
    }
}

fn replaced(replace: &Replace, text: &str, room: usize) -> usize {
    let content = replace.content.len();
    let quick = (text.chars().count() + 1).saturating_mul(content).saturating_add(text.len());
    if quick <= room {
        return quick;
    }
    // Each match is replaced by the content.
    let with = |matched: usize, count: usize| {
        text.len().saturating_sub(matched).saturating_add(count.saturating_mul(content))
    };
    match pattern_of(replace) {
        Some(Ok(pattern)) => {
            with(text.matches(&pattern).count() * pattern.len(), text.matches(&pattern).count())
        }
        Some(Err(regex)) => match SysRegex::new(&regex) {
            Ok(regex) => {
                let matches = || regex.find_iter(text);
                with(matches().map(|(start, end)| end - start).sum(), matches().count())
            }
            Err(_) => quick,
        },
        None => quick,
    }
}

/// Adds up the entries of the map until `room` is exceeded. The file may define entries of any length.
fn mapped(map: &Precompiled, text: &str, room: usize) -> usize {
    // The crate looks longer groups up character by character.
    const LONGEST: usize = 5;
    let mut bytes = 0_usize;
    for (start, character) in text.char_indices() {
        let end = text.floor_char_boundary(start + LONGEST).max(start + character.len_utf8());
        let entry = map.transform(&text[start..end]).map_or(0, str::len);
        bytes = bytes.saturating_add(entry.max(character.len_utf8()));
        if bytes > room {
            break;
        }
    }
    bytes
}

fn character_by_character(step: &NormalizerWrapper, text: &str) -> usize {
    let mut lengths = HashMap::new();
    let length = |character: char| {
        let mut alone = NormalizedString::from(character.to_string());
        let _ = step.normalize(&mut alone);
        alone.len()
    };
    text.chars().map(|character| *lengths.entry(character).or_insert_with(|| length(character))).sum()
}
