//! Every kind of figure, of any tokens.

use sukashi::Trace;
use sukashi::figure::{
    AttentionOptions, Budget, ColorBy, Compare, Figure, LogChart, LogLine, Logits, Metric, NextToken, Style,
    Temperatures, Tokens, TopK, TraceOptions, attention, bpe, budget, compare, example, lens, log_chart,
    mixing, next_token, next_tokens, softmax, temperature, tokenizers, tokens, top_k, trace, trace_animation,
};
use sukashi::text::{TokenizerKind, Training};
use sukashi::trace::Mixing;

/// A trace that says the words wherever it can say something, as candidates of three steps.
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

/// What `tokens`, `attention` and `lens` show of these tokens.
pub fn inside(words: &[&str], style: &Style) -> Vec<(&'static str, Figure)> {
    let (score, record, lens_record) =
        (example::score_of(words), example::attention_of(words), example::lens_of(words, 6));
    let tokens = |by, ids| tokens(&score, &Tokens { by, ids }, style).unwrap();
    let heads = |head, query| attention(&record, &AttentionOptions { layer: 2, head, query }, style).unwrap();
    let lens = |metric| lens(&lens_record, metric, style).unwrap();
    vec![
        ("tokens", tokens(ColorBy::Prob, false)),
        ("tokens-rank", tokens(ColorBy::Rank, true)),
        ("tokens-entropy", tokens(ColorBy::Entropy, false)),
        ("attention", heads(None, None)),
        ("attention-head", heads(Some(2), None)),
        ("attention-query", heads(Some(1), Some(words.len() / 2))),
        ("lens", lens(Metric::Prob)),
        ("lens-rank", lens(Metric::Rank)),
        ("lens-entropy", lens(Metric::Entropy)),
        ("lens-kl", lens(Metric::Kl)),
    ]
}

/// What shows steps of a trace.
pub fn of_trace(words: &[&str], style: &Style) -> Vec<(&'static str, Figure)> {
    let record = saying(words);
    let count = words.len();
    let mut other = saying(&words.iter().rev().copied().collect::<Vec<_>>());
    other.steps[0].chosen = None;
    let mut cut = record.clone();
    cut.sampling.min_p = Some(0.1);
    let steps = TraceOptions { count, ..TraceOptions::default() };
    let names = Some([words[0].to_owned(), words[count / 2].to_owned()]);
    let plain = NextToken { count, ..NextToken::default() };
    let temperatures = Temperatures { count, ..Temperatures::default() };
    [
        ("next-token", next_token(&record, &plain, style)),
        ("next-token-log", next_token(&record, &NextToken { log: true, ids: true, ..plain.clone() }, style)),
        ("next-tokens", next_tokens(&[&record, &other, &example::english()], &plain, style)),
        ("compare", compare([&record, &other], &Compare { names, count, ..Compare::default() }, style)),
        ("top-k", top_k(&cut, &TopK { count, ..TopK::default() }, style)),
        ("temperature", temperature(&record, &temperatures, style)),
        ("temperature-log", temperature(&record, &Temperatures { log: true, ..temperatures.clone() }, style)),
        ("trace", trace(&record, &steps, style)),
        ("trace-animation", trace_animation(&record, &steps, 1.5, style)),
    ]
    .map(|(name, figure)| (name, figure.unwrap_or_else(|error| panic!("{name}: {error}"))))
    .into()
}

/// What shows a text, or numbers with names.
pub fn of_numbers(words: &[&str], style: &Style) -> Vec<(&'static str, Figure)> {
    let names: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let parts = names.iter().enumerate().map(|(index, name)| (name.clone(), 40 * index)).collect();
    let context = 12 * words.len() * words.len();
    let logits = (0..words.len()).map(|index| 4.0 - index as f32 * 0.4).collect();
    let size = words.len().min(16);
    let matrix = |columns: usize| vec![vec![0.25_f32; columns]; size];
    let mixed = Mixing {
        adapter: example::japanese().adapter,
        names: names[..size].to_vec(),
        q: matrix(2),
        k: matrix(2),
        v: matrix(3),
        scores: matrix(size),
        weights: matrix(size),
        output: matrix(3),
        causal: false,
    };
    let line = |(index, name): (usize, &String)| LogLine {
        name: name.clone(),
        points: (1..9).map(|x| [f64::from(x), f64::from(x) + index as f64]).collect(),
        is_reference: index % 3 == 1,
    };
    let chart = LogChart {
        title: names[0].clone(),
        notes: names.clone(),
        axes: [names[0].clone(), names[words.len() - 1].clone()],
        lines: names.iter().take(12).enumerate().map(line).collect(),
    };
    let logits = Logits { names, logits, temperatures: vec![0.5, 1.0, 2.0] };
    let mut figures = vec![
        ("budget", budget(&Budget { context, parts, tokenizer: Some(words[0].to_owned()) }, style).unwrap()),
        ("log-chart", log_chart(&chart, style).unwrap()),
        ("softmax", softmax(&logits, style).unwrap()),
    ];
    match mixing(&mixed, style) {
        Ok(figure) => figures.push(("mixing", figure)),
        // Many numbers on a narrow page.
        Err(error) => assert!(error.to_string().contains("wider"), "{error}"),
    }
    let text: String = words.concat().chars().take(500).collect();
    if text.is_empty() {
        return figures;
    }
    let cuts = [TokenizerKind::Byte, TokenizerKind::CharBpe, TokenizerKind::ByteBpe].map(|kind| {
        let tokenizer = Training { kind, vocab_size: 300, ..Training::default() }.run(["a 猫 b"]).unwrap();
        tokenizer.cut(words[0], &text, false).unwrap()
    });
    figures.push(("tokenizers", tokenizers(&text, &cuts, style).unwrap()));
    let word: String = text.chars().take(12).collect();
    let learnt = Training { kind: TokenizerKind::ByteBpe, vocab_size: 400, ..Training::default() };
    let tree = learnt.run([word.repeat(3).as_str()]).unwrap().merge_tree(words[0], &word).unwrap();
    match bpe(&tree, style) {
        Ok(figure) => figures.push(("bpe", figure)),
        // A token of many bytes on a narrow page.
        Err(error) => assert!(error.to_string().contains("wider"), "{error}"),
    }
    figures
}

/// Every kind.
pub fn all(words: &[&str], style: &Style) -> Vec<(&'static str, Figure)> {
    [of_trace(words, style), inside(words, style), of_numbers(words, style)].concat()
}
