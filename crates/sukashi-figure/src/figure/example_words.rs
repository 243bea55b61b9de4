//! Examples that hold given words in each of their texts. The words may be long, and may have signs and control
//! characters.

use std::collections::BTreeMap;

use super::{Budget, LogChart, LogLine, Logits, example};
use crate::Trace;
use crate::sampling::Settings;
use crate::trace::{Merge, MergeTree, Node, Piece, Segmentation, Token};

/// The tokens of the goldens that show a text.
pub const WORDS: [&str; 11] = ["吾", "輩", "は", "猫", "で", "あ", "る", "。", "\n", " name", "\u{3000}"];

/// A trace whose three steps have the words as candidates.
pub fn saying(words: &[&str]) -> Trace {
    let ranked: Vec<(&str, f32)> =
        words.iter().enumerate().map(|(index, word)| (*word, 6.0 - 0.3 * index as f32)).collect();
    let step = |index: usize, chosen| example::step(3 + index, &ranked, 300, 20.0, Some(chosen));
    let last = words.len() - 1;
    let steps =
        [0, last, last / 2].into_iter().enumerate().map(|(index, chosen)| step(index, chosen)).collect();
    let mut record = example::trace(words[0], &words.concat(), words, steps);
    record.adapter.name = words[last].to_owned();
    record.sampling.custom_stages = vec![words[last / 2].to_owned()];
    record
}

/// The same as [`saying`] with the words from the last to the first, and without a choice at the first step.
pub fn saying_backwards(words: &[&str]) -> Trace {
    let mut trace = saying(&words.iter().rev().copied().collect::<Vec<_>>());
    trace.steps[0].chosen = None;
    trace
}

/// The words as one text of at most so many characters, which is not empty.
pub fn text_of(words: &[&str], most: usize) -> String {
    let text: String = words.concat().chars().take(most).collect();
    if text.is_empty() { "a".to_owned() } else { text }
}

/// A text cut into bytes and into characters.
pub fn cuts(name: &str, text: &str) -> [Segmentation; 2] {
    let piece = |id: u32, text: Option<&str>, bytes: &[u8]| Piece {
        token: Token { id, text: text.map(str::to_owned), bytes: Some(bytes.to_vec()) },
        replaces: None,
    };
    let cut = |vocab_size, pieces| Segmentation {
        tokenizer: name.to_owned(),
        vocab_size,
        pieces,
        dropped: Vec::new(),
    };
    let bytes = text.bytes().map(|byte| piece(byte.into(), None, &[byte])).collect();
    let characters = text.split("").filter(|part| !part.is_empty());
    let characters = characters.map(|part| piece(0, Some(part), part.as_bytes())).collect();
    [cut(256, bytes), cut(300, characters)]
}

/// The merges that put a text together from left to right.
pub fn merges(tokenizer: &str, text: &str) -> MergeTree {
    let node = |text: &str, merge| {
        let token = Token { id: 0, text: Some(text.to_owned()), bytes: Some(text.as_bytes().to_vec()) };
        Node { token, merge }
    };
    let ends: Vec<usize> = text.char_indices().map(|(at, character)| at + character.len_utf8()).collect();
    let starts = [0].into_iter().chain(ends.iter().copied());
    let mut nodes: Vec<Node> = starts.zip(&ends).map(|(start, end)| node(&text[start..*end], None)).collect();
    for (index, end) in ends.iter().enumerate().skip(1) {
        let left = if index == 1 { 0 } else { nodes.len() - 1 };
        nodes.push(node(&text[..*end], Some(Merge { left, right: index, rank: index })));
    }
    let roots = vec![nodes.len() - 1];
    MergeTree {
        tokenizer: tokenizer.to_owned(),
        vocab_size: 400,
        num_merges: nodes.len(),
        text: text.to_owned(),
        nodes,
        roots,
    }
}

/// Settings that make the usual stages.
pub fn some_stages() -> Settings {
    Settings { temperature: 0.8, top_k: Some(9), top_p: Some(0.85), seed: 5, ..Settings::default() }
}

/// Settings that make every stage.
pub fn all_stages() -> Settings {
    Settings {
        repetition_penalty: 1.3,
        logit_bias: BTreeMap::from([(4, 1.5)]),
        temperature: 0.8,
        top_k: Some(9),
        top_p: Some(0.9),
        min_p: Some(0.05),
        typical_p: Some(0.97),
        seed: 5,
        ..Settings::default()
    }
}

/// Parts of a context window of so many tokens.
pub fn budget(context: usize) -> Budget {
    let parts = [("system", 300), ("history", 1_200), ("根拠", 900), ("</svg><script>", 80), ("answer", 800)];
    Budget { context, parts: parts.map(|(name, tokens)| (name.to_owned(), tokens)).to_vec(), tokenizer: None }
}

/// Three words and their logits.
pub fn logits() -> Logits {
    Logits {
        names: ["Beijing", "Shanghai", "Guangzhou"].map(str::to_owned).to_vec(),
        logits: vec![3.0, 1.5, 0.5],
        temperatures: vec![0.5, 1.0, 2.0],
    }
}

/// Two measured lines, and a reference for the first of them.
pub fn log_chart() -> LogChart {
    let line = |name: &str, costs: [f64; 4], is_reference| LogLine {
        name: name.to_owned(),
        points: [128.0, 512.0, 2048.0, 8192.0].into_iter().zip(costs).map(|(x, y)| [x, y]).collect(),
        is_reference,
    };
    LogChart {
        title: "注意機構の計算時間".to_owned(),
        notes: vec!["1 層".to_owned(), "<CPU>".to_owned()],
        axes: ["positions".to_owned(), "ms".to_owned()],
        lines: vec![
            line("Gemma", [0.21, 0.51, 3.05, 5.82], false),
            line("KV キャッシュに比例", [0.21, 0.84, 3.36, 13.44], true),
            line("</svg>", [0.39, 0.65, 3.08, 12.4], false),
        ],
    }
}
