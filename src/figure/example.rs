//! Small traces made up for the documentation's examples and the tests; no model was run for them.

use crate::Trace;
use crate::sampling::Settings;
use crate::trace::{AdapterInfo, Candidate, Chosen, ModelInfo, Prompt, SCHEMA, Step, Temperature, Token};

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

/// A step over `words` and their logits, highest first; `rest` is Σ exp(logit) over all other tokens, as if
/// those were equal.
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
        candidates,
        chosen,
    }
}

/// A trace around `steps`.
pub fn trace(model: &str, prompt: &str, tokens: &[&str], steps: Vec<Step>) -> Trace {
    let token = |(index, text): (usize, &&str)| Token {
        id: index as u32 + 10,
        text: Some((*text).to_owned()),
        bytes: Some(text.as_bytes().to_vec()),
    };
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
        prompt: Prompt {
            text: Some(prompt.to_owned()),
            tokens: tokens.iter().enumerate().map(token).collect(),
        },
        steps,
        text: Some(format!("{prompt}{chosen}")),
    }
}
