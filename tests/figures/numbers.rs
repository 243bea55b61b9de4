//! Tests figures of given numbers and of several traces: goldens, exact values, layout and bad input.

use sukashi::figure::KINDS;
use sukashi::figure::{
    Budget, Compare, Figure, Lang, LogChart, LogLine, Logits, NextToken, Style, TextMode, TopK, budget,
    compare, example, log_chart, mixing, next_tokens, softmax, top_k,
};
use sukashi::model::{Head, mix};
use sukashi::trace::Mixing;
use sukashi::{Device, ErrorKind, Result};

use super::goldens::assert_goldens;
use super::layout::assert_laid_out;
use super::{style, texts};

/// The results of the CPU twins for X = [[1, 0], [0, 1], [1, 1]] as Q, K and V.
fn mixed(causal: bool) -> Mixing {
    let x = vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 1.0]];
    let names = ["猫", "が", "</svg>"].map(str::to_owned).to_vec();
    let head = Head { names, q: x.clone(), k: x.clone(), v: x, causal };
    pollster::block_on(mix(&Device::Twins, head)).unwrap()
}

#[test]
fn a_mixture_equals_its_goldens() {
    assert_goldens("mixing", |style| {
        // Devices round differently, and this test only concerns the drawing.
        let row = |values: [f32; 3]| values.to_vec();
        let weights =
            vec![row([0.401, 0.198, 0.401]), row([0.198, 0.401, 0.401]), row([0.248, 0.248, 0.503])];
        mixing(&Mixing { weights, ..mixed(false) }, &Style { caption: false, ..style.clone() })
    });
}

#[test]
fn they_are_laid_out_at_every_width() {
    let kinds = ["budget", "compare", "log-chart", "mixing", "next-token", "next-tokens", "softmax", "top-k"];
    for example in KINDS.iter().filter(|kind| kinds.contains(&kind.name)).flat_map(|kind| kind.examples) {
        for width in ["240px", "360px", "84mm", "720px", "1600px"] {
            for lang in [Lang::Ja, Lang::En] {
                for caption in [false, true] {
                    let style = Style { width: width.parse().unwrap(), lang, caption, ..style() };
                    match example.of_words(&example::WORDS[..5], &style) {
                        Ok(figure) => assert_laid_out(&figure),
                        Err(error) => assert!(error.to_string().contains("wider"), "{error}"),
                    }
                }
            }
        }
    }
}

#[test]
fn softmax_gives_the_textbooks_numbers() {
    let figure = softmax(&example::logits(), &style()).unwrap();
    let shown = texts(&figure.svg_with(TextMode::Text));
    for number in ["0.9465", "0.0471", "0.0064", "0.7662", "0.1710", "0.0629", "0.5685", "0.2686", "0.1629"] {
        assert!(shown.iter().any(|text| text == number), "no {number} in {shown:?}");
    }
}

#[test]
fn mixing_gives_the_textbooks_numbers() {
    let want = [[0.401, 0.198, 0.401], [0.198, 0.401, 0.401], [0.248, 0.248, 0.503]];
    let mixed_ = mixed(false);
    for (row, want) in mixed_.weights.iter().zip(want) {
        for (got, want) in row.iter().zip(want) {
            assert!((got - want).abs() < 6e-4, "{row:?}, expected {want:?}");
        }
    }
    assert!((mixed_.scores[2][2] - 2.0_f32.sqrt()).abs() < 1e-6, "{:?}", mixed_.scores);
    // The output is the average of the values by the weights.
    for (weights, output) in mixed_.weights.iter().zip(&mixed_.output) {
        assert!((output[0] - weights[0] - weights[2]).abs() < 1e-6);
        assert!((output[1] - weights[1] - weights[2]).abs() < 1e-6);
    }
    let shown = texts(&mixing(&mixed_, &style()).unwrap().svg_with(TextMode::Text));
    for number in ["0.401", "0.198", "0.248", "0.503"] {
        assert!(shown.iter().any(|text| text == number), "no {number} in {shown:?}");
    }
    let causal = mixed(true);
    assert_eq!(causal.weights[0], [1.0, 0.0, 0.0]);
    assert_eq!(causal.weights[1][2], 0.0);
    assert_eq!(causal.weights[2], mixed_.weights[2]);
}

#[test]
fn matrices_that_do_not_go_together_are_refused() {
    let x = || vec![vec![1.0, 0.0], vec![0.0, 1.0]];
    let head = || Head { names: vec!["a".to_owned(), "b".to_owned()], q: x(), k: x(), v: x(), causal: false };
    let refused = |head: Head, expected: &str| {
        let error = pollster::block_on(mix(&Device::Cpu, head)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused(Head::default(), "0 tokens");
    refused(Head { q: vec![vec![1.0, 0.0], vec![1.0]], ..head() }, "row 2 of Q has 1 numbers");
    refused(Head { k: vec![vec![1.0, f32::NAN]; 2], ..head() }, "row 1 of K holds NaN");
    refused(Head { v: vec![vec![1.0]], ..head() }, "V has 1 rows");
    refused(Head { v: vec![vec![], vec![]], ..head() }, "V has 0 columns");
    refused(Head { k: vec![vec![1.0]; 2], ..head() }, "Q has 2 columns and K has 1");
    refused(Head { names: vec!["a".to_owned(); 65], ..head() }, "65 tokens");
    let values = vec![vec![1.0, 2.0, 3.0]; 2];
    let wide = pollster::block_on(mix(&Device::Cpu, Head { v: values, ..head() })).unwrap();
    assert_eq!(wide.output[0], [1.0, 2.0, 3.0]);
    let mut ragged = mixed(false);
    ragged.weights[1].pop();
    assert_eq!(mixing(&ragged, &style()).map(|_| ()).unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn matrices_wider_than_the_figure_are_refused() {
    let row = || vec![0.0624_f32; 16];
    let sixteen = Mixing {
        names: (1..=16).map(|index| format!("token {index}")).collect(),
        q: vec![vec![0.5]; 16],
        k: vec![vec![0.5]; 16],
        v: vec![vec![0.5]; 16],
        scores: vec![row(); 16],
        weights: vec![row(); 16],
        output: vec![vec![0.5]; 16],
        ..mixed(false)
    };
    let at = |width: &str| mixing(&sixteen, &Style { width: width.parse().unwrap(), ..style() });
    for (width, number) in [("840px", "0.062"), ("720px", "0.06")] {
        let figure = at(width).unwrap();
        assert_laid_out(&figure);
        let shown = texts(&figure.svg_with(TextMode::Text));
        assert_eq!(shown.iter().filter(|text| *text == number).count(), 2 * 256, "{shown:?}");
    }
    let error = at("360px").unwrap_err().to_string();
    assert!(error.contains("wider than the figure") && error.contains("found a figure of 360 px"), "{error}");
    let needed = error.split("at least ").nth(1).unwrap().split(' ').next().unwrap();
    assert_laid_out(&at(&format!("{needed}px")).unwrap());
}

#[test]
fn renormalised_numbers_sum_to_one() {
    let mut trace = example::japanese();
    trace.sampling.min_p = Some(0.03);
    let figure = top_k(&trace, &TopK::default(), &style()).unwrap();
    let data = figure.data_csv();
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(data.as_bytes()).records().map(std::result::Result::unwrap).collect();
    for column in [5, 6, 7] {
        let sum: f64 = rows.iter().map(|row| row[column].parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "column {column} sums to {sum}");
    }
    for (row, candidate) in rows.iter().zip(&trace.steps[0].candidates[..12]) {
        assert_eq!(row[7].parse::<f64>().unwrap(), candidate.prob_final);
        assert_eq!(row[8].parse::<bool>().unwrap(), candidate.prob_final > 0.0);
    }
}

#[test]
fn what_a_trace_does_not_list_is_bounded() {
    let compared = KINDS.iter().find(|kind| kind.name == "compare").unwrap();
    let figure = compared.examples[0].of_golden(&style()).unwrap();
    let shown = texts(&figure.svg_with(TextMode::Text));
    assert!(shown.iter().any(|text| text.starts_with("≦ ")), "{shown:?}");
    let same = compare([&example::english(); 2], &Compare::default(), &style()).unwrap();
    assert!(texts(&same.svg_with(TextMode::Text)).iter().filter(|text| *text == "±0 pt").count() > 10);
}

#[test]
fn an_overfull_context_says_so() {
    let figure = budget(&example::budget(3_000), &style()).unwrap();
    assert!(figure.alt_text().contains("280 トークン超過"), "{}", figure.alt_text());
    assert!(figure.data_csv().contains("too many,280,"));
    assert!(budget(&example::budget(3_280), &style()).unwrap().data_csv().contains("free,0,"));
}

#[test]
fn logarithmic_axes_hold_any_span() {
    for (low, high) in [(1.0, 1.0), (3.0, 4.0), (1e-9, 1e12), (f64::MIN_POSITIVE, f64::MAX)] {
        let points: Vec<[f64; 2]> = (0..40).map(|step| [1.0 + f64::from(step), low]).collect();
        let steep =
            LogLine { name: "a".repeat(300), points: vec![[low, low], [high, high]], is_reference: true };
        let lines = vec![LogLine { name: String::new(), points, is_reference: false }, steep];
        let figure = log_chart(&LogChart { lines, ..example::log_chart() }, &style()).unwrap();
        assert_laid_out(&figure);
        assert!(!figure.svg().contains("NaN"), "{low} to {high}");
    }
}

#[test]
fn bad_numbers_are_refused() {
    let refused = |figure: Result<Figure>, expected: &str| {
        let error = figure.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(expected), "{error}");
    };
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        refused(softmax(&Logits { logits: vec![1.0, bad, 0.0], ..example::logits() }, &style()), "logit 2");
    }
    refused(softmax(&Logits { logits: vec![], ..example::logits() }, &style()), "0 logits");
    refused(
        softmax(&Logits { logits: vec![0.0; 2], ..example::logits() }, &style()),
        "2 logits with 3 names",
    );
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(softmax(&Logits { temperatures: vec![bad], ..example::logits() }, &style()), "temperature");
    }
    refused(budget(&example::budget(0), &style()), "0 tokens");
    refused(budget(&Budget { context: 1, ..Budget::default() }, &style()), "0 parts");
    let parts = vec![("a".to_owned(), usize::MAX), ("b".to_owned(), 1)];
    refused(budget(&Budget { context: 1, parts, tokenizer: None }, &style()), "too large");
    refused(log_chart(&LogChart::default(), &style()), "0 lines");
    refused(
        log_chart(&LogChart { lines: vec![LogLine::default(); 13], ..example::log_chart() }, &style()),
        "13 lines",
    );
    refused(
        log_chart(&LogChart { lines: vec![LogLine::default()], ..example::log_chart() }, &style()),
        "found 0 points",
    );
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for axis in [0, 1] {
            let mut chart = example::log_chart();
            chart.lines[1].points[2][axis] = bad;
            refused(log_chart(&chart, &style()), &format!("found {bad}, expected finite numbers above 0"));
        }
    }
    let mut plain = example::japanese();
    plain.sampling.top_k = None;
    refused(top_k(&plain, &TopK::default(), &style()), "--top-k 5");
    refused(next_tokens(&[], &NextToken::default(), &style()), "0 traces");
    let traces = [&example::japanese(), &example::english()];
    refused(compare(traces, &Compare::default(), &style()), "4096 and 50257");
}
