//! Tests `tokens`, `attention` and `lens`: the numbers in the pictures, hazards, layout, bad input and speed.

use std::time::Instant;

use proptest::prelude::*;
use sukashi::ErrorKind;
use sukashi::figure::{
    AttentionOptions, ColorBy, Figure, Lang, Metric, Style, TextMode, Tokens, Width, attention, example,
    lens, percent, tokens,
};
use sukashi::trace::{Attention, Lens, Score};

use super::kinds::some;
use super::layout::{assert_laid_out, token_text};
use super::{style, texts};

/// The figures that show these tokens.
fn all(words: &[&str], style: &Style) -> Vec<(&'static str, Figure)> {
    some(words, style, |kind| ["tokens", "attention", "lens"].contains(&kind))
}

#[test]
fn numbers_in_the_picture_are_the_records() {
    let svg = |figure: Figure| figure.svg_with(TextMode::Text);
    let score = example::score_of(&example::WORDS);
    let shown = texts(&svg(tokens(&score, &Tokens { by: ColorBy::Prob, ids: true }, &style()).unwrap()));
    for token in &score.tokens {
        assert!(shown.contains(&format!("#{}", token.token.id)));
        if let Some(prediction) = token.prediction {
            assert!(shown.contains(&percent(prediction.prob)), "{}", prediction.prob);
        }
    }
    let record = example::attention_of(&example::WORDS);
    let options = AttentionOptions { layer: 2, head: Some(3), query: Some(6) };
    let shown = texts(&svg(attention(&record, &options, &style()).unwrap()));
    for weight in &record.heads[3].weights[6] {
        assert!(shown.contains(&percent(f64::from(*weight))));
    }
    let record = example::lens_of(&example::WORDS, 6);
    let shown = texts(&svg(lens(&record, Metric::Kl, &style()).unwrap()));
    for cell in record.layers.iter().flat_map(|layer| &layer.cells) {
        assert!(shown.contains(&format!("{:.1}", cell.kl_bits)));
    }
}

#[test]
fn data_holds_every_number() {
    let lines = |figure: &Figure| figure.data_csv().lines().count() - 1;
    let count = example::WORDS.len();
    for (name, figure) in all(&example::WORDS, &style()) {
        let want = match name {
            "attention" => 4 * count * (count + 1) / 2,
            "attention-head" => count * (count + 1) / 2,
            "attention-query" => count / 2 + 1,
            name if name.starts_with("lens") => 7 * count,
            _ => count,
        };
        // A line feed in a token is in quotation marks.
        assert!(lines(&figure) >= want, "{name}");
        let json: serde_json::Value = serde_json::from_str(&figure.data_json()).unwrap();
        assert_eq!(json["rows"].as_array().unwrap().len(), want, "{name}");
        assert!(
            json["provenance"]["model"]["weights_sha256"].is_string()
                && json["provenance"]["sampling"].is_null()
        );
    }
}

#[test]
fn what_was_left_out_is_said() {
    let mut score = example::score();
    score.model.left_out = vec!["head 3.2".to_owned(), "mlp 4".to_owned()];
    for (lang, expected) in [(Lang::Ja, "ヘッド 3.2、MLP 4 を除外"), (Lang::En, "without head 3.2, mlp 4")]
    {
        let figure = tokens(&score, &Tokens::default(), &Style { lang, ..style() }).unwrap();
        let shown = texts(&figure.svg_with(TextMode::Text)).concat();
        assert!(shown.contains(expected), "{shown}");
        assert!(figure.data_json().contains("head 3.2"));
    }
}

#[test]
fn partial_characters_and_ids_are_shown() {
    let mut score = example::score();
    (score.tokens[2].token.text, score.tokens[2].token.bytes) =
        (Some("\u{FFFD}".into()), Some(vec![0xE6, 0x9D]));
    (score.tokens[3].token.text, score.tokens[3].token.bytes) = (None, None);
    let figure = tokens(&score, &Tokens::default(), &style()).unwrap();
    let shown = texts(&figure.svg_with(TextMode::Text));
    assert!(
        shown.contains(&"<E6 9D>".to_owned())
            && shown.contains(&"#13".to_owned())
            && shown.contains(&"↵".to_owned())
    );
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let refused = |figure: sukashi::Result<Figure>, expected: &str| {
        let error = figure.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(expected), "{error}");
    };
    let record = example::attention();
    let draw = |layer, head, query| attention(&record, &AttentionOptions { layer, head, query }, &style());
    refused(draw(1, None, None), "2.0, 2.1, 2.2, 2.3");
    refused(draw(2, Some(4), None), "layer 2, head 4");
    refused(draw(2, None, Some(8)), "expected 0 to 7");
    let many = |count: usize| vec!["あ"; count];
    refused(
        attention(
            &example::attention_of(&many(385)),
            &AttentionOptions { layer: 2, ..AttentionOptions::default() },
            &style(),
        ),
        "1 to 384",
    );
    refused(
        attention(
            &example::attention_of(&[]),
            &AttentionOptions { layer: 2, ..AttentionOptions::default() },
            &style(),
        ),
        "1 to 384",
    );
    refused(tokens(&example::score_of(&[]), &Tokens::default(), &style()), "at least one token");
    refused(tokens(&example::score_of(&many(4097)), &Tokens::default(), &style()), "4096");
    refused(lens(&example::lens_of(&many(2001), 9), Metric::Prob, &style()), "20000");

    let score_breaks: [fn(&mut Score); 3] = [
        |score| score.schema = "sukashi.trace/1".into(),
        |score| score.tokens[3].prediction.as_mut().unwrap().prob = f64::NAN,
        |score| score.totals.log_prob = f64::INFINITY,
    ];
    for make_broken in score_breaks {
        let mut score = example::score();
        make_broken(&mut score);
        refused(tokens(&score, &Tokens::default(), &style()), "score");
    }
    let attention_breaks: [fn(&mut Attention); 3] = [
        |record| record.heads[0].weights[2][0] = f32::NAN,
        |record| record.heads[1].weights[2].clear(),
        |record| record.prompt.tokens.clear(),
    ];
    for make_broken in attention_breaks {
        let mut record = example::attention();
        make_broken(&mut record);
        refused(
            attention(&record, &AttentionOptions { layer: 2, ..AttentionOptions::default() }, &style()),
            "attention",
        );
    }
    let lens_breaks: [fn(&mut Lens); 3] = [
        |record| record.layers[1].cells[2].kl_bits = f64::NAN,
        |record| record.layers[1].cells.clear(),
        |record| record.positions[0] = 99,
    ];
    for make_broken in lens_breaks {
        let mut record = example::lens();
        make_broken(&mut record);
        refused(lens(&record, Metric::Kl, &style()), "lens");
    }
}

/// A text of 60 tokens of all kinds.
fn sixty() -> Vec<&'static str> {
    ["吾輩", "は", " internationalization", "名前", "ま", "だ", " Привет", "안녕", "\n", "。", " a", "東京"]
        .repeat(5)
}

#[test]
fn large_figures_are_laid_out_in_time() {
    let words = sixty();
    for width in ["360px", "720px", "3400px"] {
        let own = Style { width: width.parse().unwrap(), ..style() };
        let record = example::lens_of(&words, 26);
        let started = Instant::now();
        let figure = lens(&record, Metric::Prob, &own).unwrap();
        let svg = figure.svg();
        let elapsed = started.elapsed();
        println!("lens of 26 layers × 60 positions at {width}: {elapsed:?}, {} kB", svg.len() / 1000);
        // Alone on a core, it takes less than a second. Tests share their cores.
        assert!(elapsed.as_secs_f64() < 4.0, "{elapsed:?}");
        assert_laid_out(&figure);
        let strip: Vec<&str> = words.iter().copied().cycle().take(200).collect();
        assert_laid_out(
            &tokens(&example::score_of(&strip), &Tokens { ids: true, ..Tokens::default() }, &own).unwrap(),
        );
        let heads = AttentionOptions { layer: 2, ..AttentionOptions::default() };
        assert_laid_out(&attention(&example::attention_of(&words), &heads, &own).unwrap());
        let one = AttentionOptions { layer: 2, head: Some(0), query: None };
        assert_laid_out(&attention(&example::attention_of(&strip), &one, &own).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_overlaps(
        words in prop_oneof![
            proptest::collection::vec(token_text(), 1..4),
            proptest::collection::vec(token_text(), 15..40),
        ],
        width in prop_oneof![Just(240.0), Just(360.0), Just(720.0), 240.0..2000.0],
        en in any::<bool>(),
        caption in any::<bool>(),
    ) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let lang = if en { Lang::En } else { Lang::Ja };
        let own = Style { lang, width: Width::px(width).unwrap(), caption, ..Style::default() };
        for (_, figure) in all(&words, &own) {
            assert_laid_out(&figure);
        }
    }
}
