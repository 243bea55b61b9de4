//! Layout: no two labels overlap, and nothing leaves the picture.

use proptest::prelude::*;
use resvg::usvg::roxmltree;
use sukashi::figure::{
    Bounds, Compare, Figure, Lang, NextToken, Style, Temperatures, TopK, TraceOptions, Width, compare,
    example, next_token, next_tokens, temperature, top_k, trace,
};

/// The margin of narrow figures; wide ones have more.
const MARGIN: f64 = 16.0;

pub fn assert_laid_out(figure: &Figure) {
    let (width, height) = figure.size();
    let labels = figure.labels();
    for (index, (text, bounds)) in labels.iter().enumerate() {
        let inside = bounds.x >= MARGIN - 0.01
            && bounds.y >= MARGIN - 0.01
            && bounds.x + bounds.width <= width - MARGIN + 0.01
            && bounds.y + bounds.height <= height - MARGIN + 0.01;
        assert!(inside, "{text:?} at {bounds:?} leaves {width} x {height} less its margin");
        for (other_text, other) in &labels[..index] {
            assert!(
                !bounds.overlaps(other, 0.5),
                "{text:?} at {bounds:?} lies on {other_text:?} at {other:?}"
            );
        }
    }
    let svg = figure.svg();
    let document = roxmltree::Document::parse(&svg).unwrap();
    for rect in document.descendants().filter(|node| node.has_tag_name("rect")) {
        let value = |name: &str| rect.attribute(name).map_or(0.0, |text| text.parse::<f64>().unwrap());
        assert!(value("x") + value("width") <= width + 0.01 && value("y") + value("height") <= height + 0.01);
    }
}

#[test]
fn overlaps_are_noticed() {
    let bounds = |x: f64, y: f64| Bounds { x, y, width: 10.0, height: 10.0 };
    assert!(bounds(0.0, 0.0).overlaps(&bounds(9.0, 9.0), 0.5));
    assert!(!bounds(0.0, 0.0).overlaps(&bounds(10.0, 0.0), 0.5));
    assert!(!bounds(0.0, 0.0).overlaps(&bounds(0.0, 30.0), 0.5));
}

pub fn token_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ぁ-んァ-ヶ一-龠]{1,3}",
        " ?[a-zA-Z]{1,12}",
        "[ \\n\\t\u{3000}]{1,3}",
        "[!-/]{1,4}",
        "\\PC{1,40}",
        "[😀-😎]{1,3}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_overlaps(
        tokens in prop_oneof![
            proptest::collection::vec((token_text(), 0.0f32..12.0), 3),
            proptest::collection::vec((token_text(), 0.0f32..12.0), 30),
        ],
        prompt in "\\PC{0,80}",
        width in prop_oneof![Just(240.0), Just(360.0), Just(720.0), 240.0..2000.0],
        rest in prop_oneof![Just(0.0), 1.0..1e6],
        chosen in proptest::option::of(0usize..30),
        en in any::<bool>(),
        log in any::<bool>(),
        caption in any::<bool>(),
    ) {
        let mut words: Vec<(&str, f32)> = tokens.iter().map(|(text, logit)| (text.as_str(), *logit)).collect();
        words.sort_by(|a, b| b.1.total_cmp(&a.1));
        let vocab_size = if rest > 0.0 { 50_000 } else { words.len() };
        let step = example::step(1, &words, vocab_size, rest, chosen.filter(|index| *index < words.len()));
        let record = example::trace("some-model-270m", &prompt, &[&prompt], vec![step.clone(), step]);
        let lang = if en { Lang::En } else { Lang::Ja };
        let style = Style { lang, width: Width::px(width).unwrap(), caption, ..Style::default() };
        let count = words.len();
        assert_laid_out(&next_token(&record, &NextToken { count, ids: en, ..NextToken::default() }, &style).unwrap());
        assert_laid_out(&next_token(&record, &NextToken { count, log: true, ..NextToken::default() }, &style).unwrap());
        let panels = NextToken { count, log, ..NextToken::default() };
        assert_laid_out(&next_tokens(&[&record, &record, &example::english()], &panels, &style).unwrap());
        let mut other = record.clone();
        other.steps[0].candidates.truncate(2);
        other.steps[0].other_prob = 1.0 - other.steps[0].candidates.iter().map(|candidate| candidate.prob).sum::<f64>();
        other.steps[0].chosen = None;
        assert_laid_out(&compare([&record, &other], &Compare { count, ..Compare::default() }, &style).unwrap());
        let mut cut = record.clone();
        cut.sampling.min_p = log.then_some(0.2);
        assert_laid_out(&top_k(&cut, &TopK { count, ..TopK::default() }, &style).unwrap());
        assert_laid_out(&temperature(&record, &Temperatures { count, log, ..Temperatures::default() }, &style).unwrap());
        assert_laid_out(&trace(&record, &TraceOptions { count, ..TraceOptions::default() }, &style).unwrap());
    }
}
