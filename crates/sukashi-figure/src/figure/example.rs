//! Small traces made up for the documentation's examples and the tests; no model was run for them.

use super::Lang;
use crate::sampling::{Sampler, Settings};
use crate::trace::{
    AdapterInfo, Attention, Candidate, Chosen, HeadWeights, Lens, LensCell, LensLayer, ModelInfo, Prediction,
    Prompt, Record, SCHEMA, Score, ScoredToken, Step, StepRecorder, Temperature, Token, Totals,
};
use crate::{Result, Trace};

pub use super::example_words::{
    WORDS, all_stages, budget, cuts, log_chart, logits, merges, saying, saying_backwards, some_stages,
    text_of,
};

/// 「吾輩は」 and three characters after it, from a vocabulary of characters.
pub fn japanese() -> Trace {
    let words = [
        ("猫", 6.1),
        ("、", 5.4),
        ("此", 4.7),
        ("ま", 4.2),
        ("こ", 4.0),
        ("、\n", 3.4),
        ("\u{3000}", 3.1),
        ("無", 2.9),
        ("「", 2.7),
        ("主", 2.2),
        ("又", 1.9),
        ("何", 1.6),
        ("決", 1.2),
        ("一", 1.1),
        ("寝", 0.7),
        ("笑", 0.4),
    ];
    let first = step(3, &words, 4_096, 1.2e3, Some(0));
    let second = step(
        4,
        &[("で", 8.1), ("の", 5.9), ("が", 5.1), ("を", 4.6), ("に", 4.4), ("と", 4.0), ("は", 3.8)],
        4_096,
        60.0,
        Some(0),
    );
    let third = step(
        5,
        &[("あ", 7.8), ("は", 6.6), ("な", 5.0), ("す", 4.1), ("も", 3.9), ("、", 3.7)],
        4_096,
        200.0,
        Some(1),
    );
    trace("soseki-mini", "吾輩は", &["吾", "輩", "は"], vec![first, second, third])
}

/// “The quick brown fox jumps over the” and its next words, from a vocabulary of words and parts of words.
pub fn english() -> Trace {
    let words = [
        (" lazy", 14.2),
        (" fence", 12.4),
        (" moon", 11.9),
        (" top", 11.3),
        (" wall", 11.1),
        (" dog", 10.9),
        (" other", 10.2),
        ("\n", 9.9),
        (" edge", 9.8),
        (" hedge", 9.3),
        (" rainbow", 8.8),
        (" obstacle", 8.6),
    ];
    let step = step(7, &words, 50_257, 9.0e5, Some(3));
    trace(
        "gpt2",
        "The quick brown fox jumps over the",
        &["The", " quick", " brown", " fox", " jumps", " over", " the"],
        vec![step],
    )
}

/// A step over `words` and their logits, highest first. `rest` is Σ exp(logit) over all other tokens, whose logits are
/// equal.
pub fn step(
    position: usize,
    words: &[(&str, f32)],
    vocab_size: usize,
    rest: f64,
    chosen: Option<usize>,
) -> Step {
    let others = (vocab_size - words.len()) as f64;
    let rest_logit = if others > 0.0 && rest > 0.0 { libm::log(rest / others) } else { 0.0 };
    let normaliser = |temperature: f64| {
        let own = |exponent: &dyn Fn(f64) -> f64| -> f64 {
            words.iter().map(|(_, logit)| exponent(f64::from(*logit))).sum::<f64>()
        };
        let tail = if rest > 0.0 { others * libm::exp(rest_logit / temperature) } else { 0.0 };
        let sum = own(&|logit| libm::exp(logit / temperature)) + tail;
        let log_sum_exp = libm::log(sum);
        let surprise = |logit: f64| {
            let log_prob = logit / temperature - log_sum_exp;
            -libm::exp(log_prob) * log_prob / std::f64::consts::LN_2
        };
        let entropy_bits = own(&surprise) + if rest > 0.0 { others * surprise(rest_logit) } else { 0.0 };
        Temperature { temperature, log_sum_exp, entropy_bits }
    };
    let plain = normaliser(1.0);
    let scaled = normaliser(0.8);
    let prob = |logit: f32, at: &Temperature| libm::exp(f64::from(logit) / at.temperature - at.log_sum_exp);
    const KEPT: usize = 6;
    let kept: f64 = words.iter().take(KEPT).map(|(_, logit)| prob(*logit, &scaled)).sum();
    let candidates: Vec<Candidate> = words
        .iter()
        .enumerate()
        .map(|(index, (text, logit))| Candidate {
            rank: index + 1,
            id: 100 + index as u32 * 7,
            text: Some((*text).to_owned()),
            bytes: Some(text.as_bytes().to_vec()),
            logit: *logit,
            prob: prob(*logit, &plain),
            prob_scaled: prob(*logit, &scaled),
            prob_final: if index < KEPT { prob(*logit, &scaled) / kept } else { 0.0 },
        })
        .collect();
    let chosen = chosen.and_then(|index| candidates.get(index)).map(|candidate| Chosen {
        id: candidate.id,
        text: candidate.text.clone(),
        prob: candidate.prob,
        prob_scaled: candidate.prob_scaled,
        prob_final: candidate.prob_final,
    });
    Step {
        position,
        other_prob: (1.0 - candidates.iter().map(|candidate| candidate.prob).sum::<f64>()).max(0.0),
        entropy_bits: plain.entropy_bits,
        vocab_size,
        temperatures: [0.5, 1.0, 2.0, 5.0, 100.0].map(normaliser).to_vec(),
        stages: None,
        candidates,
        chosen,
    }
}

/// A trace of one step after 「吾輩は」, which a sampler with these settings made. The step records the sampler's stages.
///
/// # Errors
///
/// The same as [`Sampler::new`] and [`Sampler::sample`].
pub fn sampled(settings: Settings) -> Result<Trace> {
    let words = [
        "「", "、", "猫", "こ", "ま", "此", "\u{3000}", "、\n", "無", "主", "又", "何", "決", "一", "は",
        "輩",
    ];
    sampled_of(&words, settings)
}

/// The same as [`sampled`] of other tokens, each with a made-up logit.
///
/// # Errors
///
/// The same as [`sampled`].
pub fn sampled_of(words: &[&str], settings: Settings) -> Result<Trace> {
    const OTHERS: usize = 80;
    let made_up = |index: usize| ((index * 7 + 3) % 17) as f32 * 0.35;
    let logits: Vec<f32> = (0..words.len() + OTHERS)
        .map(|index| if index < words.len() { made_up(index) } else { -3.0 - (index % 9) as f32 * 0.25 })
        .collect();
    let token = |id: u32| {
        let text = words.get(id as usize).map_or_else(|| format!("{id}"), |word| (*word).to_owned());
        Token { id, bytes: Some(text.as_bytes().to_vec()), text: Some(text) }
    };
    let mut sampler = Sampler::new(settings, logits.len())?;
    let recorder = StepRecorder::new(words.len()).with_stages();
    // The first tokens are already in the text, so that penalties lower some logits.
    let previous: Vec<u32> = (0..3.min(words.len() as u32)).collect();
    let step = recorder.sample(&mut sampler, &logits, &previous, token)?;
    let mut trace = trace("soseki-mini", "吾輩は", &["吾", "輩", "は"], vec![step]);
    trace.sampling = sampler.settings().clone();
    Ok(trace)
}

/// A trace around `steps`.
pub fn trace(model: &str, prompt: &str, tokens: &[&str], steps: Vec<Step>) -> Trace {
    let chosen: String = steps.iter().filter_map(|step| step.chosen.as_ref()?.text.clone()).collect();
    Trace {
        schema: SCHEMA.to_owned(),
        version: "0.1.0".to_owned(),
        model: ModelInfo {
            name: model.to_owned(),
            family: "gpt2".to_owned(),
            weights_sha256: "5ca1ab1e".repeat(8),
            precision: "f16".to_owned(),
            left_out: Vec::new(),
        },
        adapter: AdapterInfo {
            name: "Example GPU".to_owned(),
            backend: "vulkan".to_owned(),
            driver: "example 1.0".to_owned(),
            kind: "discrete".to_owned(),
        },
        sampling: Settings { temperature: 0.8, top_k: Some(6), seed: 7, ..Settings::default() },
        prompt: Prompt { text: Some(prompt.to_owned()), tokens: self::tokens(tokens) },
        steps,
        text: Some(format!("{prompt}{chosen}")),
    }
}

/// A score of these tokens, with made-up numbers.
pub fn score_of(texts: &[&str]) -> Score {
    let number = |index: usize| {
        let prob = libm::exp(-((index * 7 % 11) as f64) * 0.8 - 0.02);
        let rank = 1 + index * 7 % 11 * (index % 5 + 1);
        Prediction {
            prob,
            log_prob: libm::log(prob),
            rank,
            entropy_bits: 0.5 + (index * 5 % 13) as f64 * 0.4,
        }
    };
    let tokens: Vec<ScoredToken> = tokens(texts)
        .into_iter()
        .enumerate()
        .map(|(index, token)| ScoredToken { token, prediction: (index > 0).then(|| number(index)) })
        .collect();
    let Trace { version, model, adapter, .. } = trace("soseki-mini", "", &[], Vec::new());
    Score {
        schema: Score::SCHEMA.to_owned(),
        version,
        model,
        adapter,
        text: Some(texts.concat()),
        vocab_size: 4_096,
        totals: Totals::of(&tokens),
        tokens,
    }
}

/// A score of 「吾輩は猫である。\n名前はまだ無い。」.
pub fn score() -> Score {
    score_of(&SENTENCE)
}

const SENTENCE: [&str; 17] =
    ["吾", "輩", "は", "猫", "で", "あ", "る", "。", "\n", "名", "前", "は", "ま", "だ", "無", "い", "。"];

/// Four heads of layer 2 over these tokens, with made-up weights.
pub fn attention_of(texts: &[&str]) -> Attention {
    let row = |query: usize, head: usize| -> Vec<f32> {
        // One head looks at the start, one at the token itself, one at the token before, and one everywhere.
        let weight = |key: usize| match head {
            0 => {
                if key == 0 {
                    6.0
                } else {
                    0.5
                }
            }
            1 => {
                if key == query {
                    8.0
                } else {
                    0.3
                }
            }
            2 => {
                if key + 1 == query {
                    20.0
                } else {
                    0.1
                }
            }
            _ => 1.0 + (key * 3 % 5) as f32,
        };
        let sum: f32 = (0..=query).map(weight).sum();
        (0..=query).map(|key| weight(key) / sum).collect()
    };
    let head = |head| HeadWeights {
        layer: 2,
        head,
        weights: (0..texts.len()).map(|query| row(query, head)).collect(),
    };
    let Trace { version, model, adapter, .. } = trace("soseki-mini", "", &[], Vec::new());
    Attention {
        schema: Attention::SCHEMA.to_owned(),
        version,
        model,
        adapter,
        prompt: Prompt { text: Some(texts.concat()), tokens: tokens(texts) },
        num_layers: 6,
        num_heads: 4,
        heads: (0..4).map(head).collect(),
    }
}

/// The same as [`attention_of`] of 「吾輩は猫である。」.
pub fn attention() -> Attention {
    attention_of(&SENTENCE[..8])
}

/// A lens of so many layers on these tokens, with made-up numbers. The cells name the tokens that come next.
pub fn lens_of(texts: &[&str], num_layers: usize) -> Lens {
    let all = tokens(texts);
    let cell = |depth: usize, position: usize| {
        let certainty = depth as f64 / num_layers as f64;
        let ends = depth + 1 + position % 3 > num_layers;
        let token = &all[if ends { (position + 1) % all.len() } else { (position * 3 + depth) % all.len() }];
        LensCell {
            token: token.clone(),
            prob: (certainty * certainty * 0.9 + 0.01 * (position % 7) as f64).min(1.0),
            rank: if ends { 1 } else { 2 + (num_layers - depth) * (position % 60 + 1) },
            entropy_bits: 12.0 * (1.0 - certainty) + 0.3,
            kl_bits: if depth == num_layers { 0.0 } else { 9.0 * (1.0 - certainty) },
        }
    };
    let layer = |depth: usize| LensLayer {
        point: if depth == 0 { "embed".to_owned() } else { format!("layers.{}.resid", depth - 1) },
        cells: (0..all.len()).map(|position| cell(depth, position)).collect(),
    };
    let Trace { version, model, adapter, .. } = trace("soseki-mini", "", &[], Vec::new());
    Lens {
        schema: Lens::SCHEMA.to_owned(),
        version,
        model,
        adapter,
        prompt: Prompt { text: Some(texts.concat()), tokens: all.clone() },
        vocab_size: 4_096,
        positions: (0..all.len()).collect(),
        layers: (0..=num_layers).map(layer).collect(),
    }
}

/// The same as [`lens_of`] with six layers on 「吾輩は猫である。」.
pub fn lens() -> Lens {
    lens_of(&SENTENCE[..8], 6)
}

fn tokens(texts: &[&str]) -> Vec<Token> {
    let token = |(index, text): (usize, &&str)| Token {
        id: index as u32 + 10,
        text: Some((*text).to_owned()),
        bytes: Some(text.as_bytes().to_vec()),
    };
    texts.iter().enumerate().map(token).collect()
}

/// The example of a language.
pub fn of(lang: Lang) -> Trace {
    match lang {
        Lang::Ja => japanese(),
        Lang::En => english(),
    }
}
