//! Tests options and traces that no figure can draw.

use sukashi::figure::{
    Figure, Fonts, NextToken, Style, Temperatures, Theme, TraceOptions, Width, example, next_token,
    temperature, trace,
};
use sukashi::{ErrorKind, Trace};

use super::{draw, style};

#[test]
fn bad_options_are_refused() {
    let record = example::japanese();
    for width in ["0", "1e9px", "-5mm", "NaN", "inf", "wide", "", "10em", "84 cm"] {
        let error = width.parse::<Width>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{width}");
    }
    let message = "1000000000px".parse::<Width>().unwrap_err().to_string();
    assert!(message.contains("1000000000px") && message.contains("8192.0px"), "{message}");
    let refused = |figure: sukashi::Result<Figure>, expected: &str| {
        let error = figure.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused(next_token(&record, &NextToken { count: 0, ..NextToken::default() }, &style()), "0 candidates");
    refused(next_token(&record, &NextToken { step: 3, ..NextToken::default() }, &style()), "found 3 steps");
    refused(
        trace(&record, &TraceOptions { steps: 0, ..TraceOptions::default() }, &style()),
        "this many steps",
    );
    refused(
        trace(&record, &TraceOptions { first: usize::MAX, ..TraceOptions::default() }, &style()),
        "found 3 steps",
    );
    for wanted in [0.7, 0.0, -1.0, f64::NAN, f64::INFINITY] {
        let options = Temperatures { temperatures: vec![1.0, wanted], ..Temperatures::default() };
        refused(temperature(&record, &options, &style()), "found 0.5, 1, 2, 5, 100");
    }
    let figure = draw("next-token", &record, &style());
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e6, 1e-6] {
        assert_eq!(figure.png(scale).unwrap_err().kind(), ErrorKind::Input, "scale {scale}");
    }
    for theme in ["Light", "", "solarized"] {
        assert!(theme.parse::<Theme>().unwrap_err().to_string().contains("light, dark, print"));
    }
}

#[test]
fn broken_traces_are_refused() {
    let breaks: [fn(&mut Trace); 8] = [
        |record| record.steps.clear(),
        |record| record.steps[0].candidates.clear(),
        |record| record.steps[0].candidates[2].prob = f64::NAN,
        |record| record.steps[0].candidates[0].prob = -0.5,
        |record| record.steps[0].candidates[1].prob = 0.99,
        |record| record.steps[0].other_prob = f64::INFINITY,
        |record| record.steps[0].vocab_size = 3,
        |record| record.steps[0].candidates[0].logit = f32::NEG_INFINITY,
    ];
    for (index, make_broken) in breaks.iter().enumerate() {
        let mut record = example::japanese();
        make_broken(&mut record);
        for figure in [
            next_token(&record, &NextToken::default(), &style()),
            temperature(&record, &Temperatures::default(), &style()),
            trace(&record, &TraceOptions::default(), &style()),
        ] {
            assert_eq!(figure.map(|_| ()).unwrap_err().kind(), ErrorKind::Input, "break {index}");
        }
    }
    let mut record = example::japanese();
    record.steps[0].temperatures[0].log_sum_exp = f64::NAN;
    assert!(temperature(&record, &Temperatures::default(), &style()).is_err());
}

#[test]
fn a_style_without_fonts_is_refused() {
    let style = Style { fonts: Fonts::none(), ..style() };
    let error = next_token(&example::japanese(), &NextToken::default(), &style).unwrap_err().to_string();
    assert!(error.contains("without a font") && error.contains("embedded-fonts"), "{error}");

    let own =
        concat!(env!("CARGO_MANIFEST_DIR"), "/crates/sukashi-figure/assets/fonts/SukashiGothic-Regular.ttf");
    let style = Style { fonts: Fonts::none().with_file(own).unwrap(), ..style };
    assert_eq!(next_token(&example::japanese(), &NextToken::default(), &style).unwrap().warnings(), [""; 0]);
}
