//! Tests `sampling` and top-p in `top-k`, with the views of `temperature`: numbers in pictures, goldens, layout and bad
//! input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use resvg::usvg::roxmltree;
use sukashi::figure::{
    Figure, Lang, Sampling, Style, TemperatureView, Temperatures, TextMode, TopK, Width, example, percent,
    sampling, temperature, top_k,
};
use sukashi::sampling::{Choice, Criterion, Description, Settings};
use sukashi::{ErrorKind, Result, Trace};

use super::hazards::hazards;
use super::layout::{assert_laid_out, token_text};
use super::{style, texts};

fn sampled(settings: Settings) -> Trace {
    example::sampled(settings).unwrap()
}

/// The texts of a table figure by row. A row has the texts of one baseline from left to right.
fn rows(svg: &str) -> Vec<Vec<String>> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let mut all: Vec<(f64, f64, String)> = document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .map(|node| {
            let number = |name| node.attribute(name).unwrap().parse::<f64>().unwrap();
            (number("y"), number("x"), node.text().unwrap_or_default().to_owned())
        })
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let lines = all.chunk_by(|a, b| (a.0 - b.0).abs() < 0.5);
    lines.map(|line| line.iter().map(|text| text.2.clone()).collect()).collect()
}

#[test]
fn the_table_holds_the_stages_numbers() {
    let trace = sampled(example::some_stages());
    let step = &trace.steps[0];
    let stages = step.stages.as_ref().unwrap();
    let names: Vec<&str> = stages.outputs.iter().map(|output| output.stage.as_str()).collect();
    assert_eq!(names, ["logits", "temperature", "top_k", "top_p"]);
    let figure = sampling(&trace, &Sampling::default(), &style()).unwrap();
    let rows = rows(&figure.svg_with(TextMode::Text));
    let chosen = step.chosen.as_ref().unwrap().id;
    let decimal = |value: f64| format!("{value:.2}").replace('-', "−").replace("−0.00", "0.00");
    let mut found = 0;
    for (index, candidate) in step.candidates.iter().enumerate().take(10) {
        let left = |output: usize| stages.outputs[output].tokens[index];
        let scaled = left(1).unwrap();
        let mut want = vec![
            sukashi::trace::visible::token(
                candidate.id,
                candidate.text.as_deref(),
                candidate.bytes.as_deref(),
            ),
            decimal(candidate.logit.into()),
            decimal(scaled.logit),
            percent(candidate.prob_scaled),
            scaled.rank.to_string(),
        ];
        match (left(2), left(3)) {
            (None, _) => want.push("×".to_owned()),
            (Some(before), None) => want.extend([percent(before.cumulative), "×".to_owned()]),
            (Some(before), Some(_)) => {
                want.extend([percent(before.cumulative), percent(candidate.prob_final)])
            }
        }
        if candidate.id == chosen {
            want.push("●".to_owned());
        }
        assert!(rows.contains(&want), "no {want:?} in {rows:?}");
        found += 1;
    }
    assert_eq!(found, 10);
    let counts: Vec<String> =
        [0, 1, 1, 2, 3, 3].map(|output| stages.outputs[output].num_left.to_string()).into();
    assert!(rows.iter().any(|row| row[0] == "残った数" && row[1..] == counts), "{rows:?}");
    let draw = format!("u = {:.4}", stages.draw.as_ref().unwrap().number);
    assert!(rows.iter().any(|row| row.contains(&draw)), "{rows:?}");
    assert!(figure.alt_text().contains(&draw), "{}", figure.alt_text());
}

#[test]
fn only_stages_that_ran_have_columns() {
    let shown = |settings: Settings| {
        let figure = sampling(&sampled(settings), &Sampling::default(), &style()).unwrap();
        texts(&figure.svg_with(TextMode::Text))
    };
    let plain = shown(Settings::default());
    for absent in ["T = 0.8", "top-k 9", "再正規化", "ペナルティ", "バイアス", "累積確率"] {
        assert!(!plain.contains(&absent.to_owned()), "{absent} in {plain:?}");
    }
    assert!(plain.contains(&"softmax".to_owned()));
    let wide = Style { lang: Lang::En, width: Width::px(1600.0).unwrap(), ..style() };
    let figure = sampling(&sampled(example::all_stages()), &Sampling::default(), &wide).unwrap();
    let all = texts(&figure.svg_with(TextMode::Text));
    for name in [
        "logit",
        "penalties",
        "bias",
        "T = 0.8",
        "softmax",
        "top-k 9",
        "top-p 0.9",
        "min-p 0.05",
        "typical-p 0.97",
        "renormalised",
        "chosen",
    ] {
        assert_eq!(all.iter().filter(|text| *text == name).count(), 1, "{name} in {all:?}");
    }
    let greedy = shown(Settings { choice: Choice::Greedy, ..Settings::default() });
    assert!(greedy.contains(&"最大のもの".to_owned()) && !greedy.iter().any(|text| text.starts_with("u = ")));
    let cold = shown(Settings { temperature: 0.0, ..Settings::default() });
    assert!(cold.contains(&"T = 0".to_owned()) && cold.contains(&"×".to_owned()), "{cold:?}");
}

#[test]
fn the_data_are_the_stages() {
    let trace = sampled(example::all_stages());
    let step = &trace.steps[0];
    let stages = step.stages.as_ref().unwrap();
    let figure = sampling(&trace, &Sampling { count: 30, ..Sampling::default() }, &style()).unwrap();
    let data = figure.data_csv();
    let mut reader = csv::Reader::from_reader(data.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(std::result::Result::unwrap).collect();
    let per_output = step.candidates.len() + 1;
    assert_eq!(rows.len(), stages.outputs.len() * per_output);
    for (output, rows) in stages.outputs.iter().zip(rows.chunks(per_output)) {
        let mut mass = 0.0;
        for row in rows {
            assert_eq!((&row[0], row[1].parse::<usize>().unwrap()), (output.stage.as_str(), output.num_left));
            mass += row[6].parse::<f64>().unwrap_or(0.0);
            let Ok(id) = row[2].parse::<u32>() else { continue };
            let index = step.candidates.iter().position(|candidate| candidate.id == id).unwrap();
            let token = output.tokens[index];
            assert_eq!(row[5].parse::<f64>().ok(), token.map(|token| token.logit));
            assert_eq!(row[6].parse::<f64>().ok(), token.map(|token| token.prob));
            assert_eq!(row[7].parse::<f64>().ok(), token.map(|token| token.cumulative));
            assert_eq!(row[8].parse::<bool>().unwrap(), token.is_some());
        }
        assert!((mass - 1.0).abs() < 1e-9, "{} sums to {mass}", output.stage);
    }
    let json: serde_json::Value = serde_json::from_str(&figure.data_json()).unwrap();
    assert_eq!(json["figure"], "sampling");
}

#[test]
fn what_a_bias_raised_is_shown() {
    // Token 15 is the least probable of the listed ones, and the penalty lowers token 2 most.
    let bias = BTreeMap::from([(15, 6.0)]);
    let trace = sampled(Settings { logit_bias: bias, presence_penalty: 9.0, ..Settings::default() });
    let shown = |count| {
        let figure = sampling(&trace, &Sampling { count, step: 0 }, &style()).unwrap();
        let data = figure.data_csv();
        let mut reader = csv::Reader::from_reader(data.as_bytes());
        let rows = reader.records().map(std::result::Result::unwrap);
        rows.filter(|row| &row[0] == "logits").filter_map(|row| row[2].parse().ok()).collect::<Vec<u32>>()
    };
    let raw: Vec<u32> = trace.steps[0].candidates[..4].iter().map(|candidate| candidate.id).collect();
    let ids = shown(4);
    assert!(raw.iter().all(|id| ids.contains(id)), "{raw:?} in {ids:?}");
    assert_eq!(ids[0], 15, "{ids:?}");
    assert!(ids.len() <= 8 && shown(16).len() == 16);
}

#[test]
fn the_draw_falls_into_the_share_of_the_chosen() {
    for seed in 0..40 {
        let trace = sampled(Settings { seed, ..example::some_stages() });
        let step = &trace.steps[0];
        let draw = step.stages.as_ref().unwrap().draw.as_ref().unwrap();
        let chosen = step.chosen.as_ref().unwrap();
        let at = step.candidates.iter().position(|candidate| candidate.id == chosen.id).unwrap();
        let start = draw.starts[at].unwrap();
        let end = start + step.candidates[at].prob_final;
        assert!((start - 1e-12..=end + 1e-12).contains(&draw.number), "{start}..{end} for {}", draw.number);
        // In the picture, the mark is on the highlighted share.
        let svg = sampling(&trace, &Sampling::default(), &style()).unwrap().svg();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let number =
            |node: roxmltree::Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
        let share = document
            .descendants()
            .find(|node| node.attribute("fill") == Some("#d55e00") && node.attribute("height") == Some("20"))
            .unwrap();
        let (x, width) = (number(share, "x"), number(share, "width"));
        let mark = 24.0 + 672.0 * draw.number;
        assert!((x - 0.02..=x + width + 1.02).contains(&mark), "{mark} beside {x} + {width}");
    }
}

#[test]
fn top_p_shows_what_it_goes_by() {
    let mut trace = sampled(example::some_stages());
    let column = |trace: &Trace| -> Vec<Option<f64>> {
        let data = top_k(trace, &TopK::default(), &style()).unwrap().data_csv();
        let mut reader = csv::Reader::from_reader(data.as_bytes());
        let at = reader.headers().unwrap().iter().position(|name| name == "cumulative");
        let rows = reader.records().map(std::result::Result::unwrap);
        at.map(|at| rows.map(|row| row[at].parse().ok()).collect()).unwrap_or_default()
    };
    let recorded = column(&trace);
    let before = &trace.steps[0].stages.as_ref().unwrap().outputs[2];
    for (value, token) in recorded.iter().zip(&before.tokens[..12]) {
        assert_eq!(*value, token.map(|token| token.cumulative));
    }
    let shown = texts(&top_k(&trace, &TopK::default(), &style()).unwrap().svg_with(TextMode::Text));
    assert!(shown.contains(&"累積確率".to_owned()), "{shown:?}");
    assert!(
        shown.iter().any(|text| text.starts_with("top-p: 累積確率は") && text.ends_with("≧ 85.0%")),
        "{shown:?}"
    );
    // Without stages, the figure has the column only if nothing but the temperature came before top-p.
    trace.steps[0].stages = None;
    assert!(column(&trace).is_empty());
    let mut plain = sampled(Settings { top_k: None, ..example::some_stages() });
    let recorded = column(&plain);
    plain.steps[0].stages = None;
    let summed = column(&plain);
    assert_eq!(recorded.len(), summed.len());
    for (recorded, summed) in recorded.iter().zip(&summed) {
        assert!((recorded.unwrap_or(0.0) - summed.unwrap_or(0.0)).abs() < 1e-12, "{recorded:?}, {summed:?}");
    }
    assert!(column(&sampled(Settings { top_p: None, ..example::some_stages() })).is_empty());
}

/// Draws every new form of the figures with these tokens.
fn all(words: &[&str], count: usize, settings: &Settings, style: &Style) -> Vec<Figure> {
    let trace = example::sampled_of(words, settings.clone()).unwrap();
    let mut figures = vec![
        sampling(&trace, &Sampling { count, step: 0 }, style).unwrap(),
        top_k(&trace, &TopK { count, step: 0 }, style).unwrap(),
    ];
    for view in [TemperatureView::Candidates, TemperatureView::Temperatures, TemperatureView::Bars] {
        for (renormalise_shown, log) in [(false, false), (true, false), (false, true)] {
            let options = Temperatures { count, view, renormalise_shown, log, ..Temperatures::default() };
            figures.push(temperature(&trace, &options, style).unwrap());
        }
    }
    figures
}

#[test]
fn no_text_breaks_out() {
    for text in hazards() {
        let words = [text.as_str(), "猫", text.as_str()];
        for figure in all(&words, 10, &example::some_stages(), &style()) {
            for mode in [TextMode::Paths, TextMode::Text] {
                let svg = figure.svg_with(mode);
                let document = roxmltree::Document::parse(&svg).unwrap();
                let known =
                    ["svg", "title", "desc", "metadata", "style", "rect", "path", "circle", "text", "g"];
                for node in document.descendants().filter(roxmltree::Node::is_element) {
                    assert!(known.contains(&node.tag_name().name()), "{text:?}");
                    assert!(!node.attributes().any(|attribute| attribute.name().starts_with("on")));
                }
            }
        }
        // The caller's own stage may have any name.
        let mut trace = sampled(example::some_stages());
        let name: String = text.chars().take(5_000).collect();
        let output = &mut trace.steps[0].stages.as_mut().unwrap().outputs[1];
        output.stage.clone_from(&name);
        output.description = None;
        assert_laid_out(&sampling(&trace, &Sampling::default(), &style()).unwrap());
        let note = Some(name.as_str().into());
        let description = Description { note, ..Description::new(name.as_str(), Criterion::Rank) };
        trace.steps[0].stages.as_mut().unwrap().outputs[1].description = Some(description);
        assert_laid_out(&sampling(&trace, &Sampling::default(), &style()).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_overlaps(
        words in prop_oneof![
            proptest::collection::vec(token_text(), 3),
            proptest::collection::vec(token_text(), 30),
        ],
        width in prop_oneof![Just(240.0), Just(360.0), Just(720.0), 240.0..2000.0],
        every in any::<bool>(),
        seed in any::<u64>(),
        en in any::<bool>(),
        caption in any::<bool>(),
    ) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let lang = if en { Lang::En } else { Lang::Ja };
        let style = Style { lang, width: Width::px(width).unwrap(), caption, ..Style::default() };
        let bias = BTreeMap::from([(words.len() as u32 - 1, 2.0)]);
        let settings = if every { Settings { logit_bias: bias, ..example::all_stages() } } else { example::some_stages() };
        for figure in all(&words, words.len(), &Settings { seed, ..settings }, &style) {
            assert_laid_out(&figure);
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let refused = |figure: Result<Figure>, expected: &str| {
        let error = figure.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(expected), "{error}");
    };
    let draw = |trace: &Trace| sampling(trace, &Sampling::default(), &style());
    refused(draw(&example::japanese()), "--record-stages");
    refused(draw(&example::saying(&["a"])), "step 1 of the trace has no stages");
    let sound = sampled(example::some_stages());
    refused(sampling(&sound, &Sampling { count: 0, step: 0 }, &style()), "0 candidates");
    refused(sampling(&sound, &Sampling { count: 5, step: 1 }, &style()), "found 1 steps");
    type Damage = fn(&mut sukashi::trace::Stages);
    let damages: [(Damage, &str); 6] = [
        (|stages| stages.outputs.clear(), "0 outputs"),
        (|stages| stages.outputs[1].tokens.truncate(3), "3 tokens after \"temperature\""),
        (
            |stages| stages.outputs[1].tokens[0].as_mut().unwrap().logit = f64::NAN,
            "a logit and probabilities",
        ),
        (|stages| stages.outputs[2].tokens[0].as_mut().unwrap().prob = 7.0, "a logit and probabilities"),
        (|stages| stages.draw.as_mut().unwrap().number = f64::NAN, "the draw NaN"),
        (|stages| stages.draw.as_mut().unwrap().starts[0] = Some(1e300), "shares"),
    ];
    for (damage, expected) in damages {
        let mut trace = sound.clone();
        damage(trace.steps[0].stages.as_mut().unwrap());
        refused(draw(&trace), expected);
    }
    // A trace that was not validated may give the model's own distribution any name.
    let mut renamed = sound.clone();
    renamed.steps[0].stages.as_mut().unwrap().outputs[0].stage = "top_k".to_owned();
    assert_laid_out(&draw(&renamed).unwrap());
    for text in ["", "Bars", "lines"] {
        let error = text.parse::<TemperatureView>().unwrap_err();
        assert!(error.to_string().contains("candidates, temperatures, bars"), "{error}");
    }
    // A later stage removes tokens from the model's own list. This must not show as 0 candidates.
    let one = Settings { top_k: Some(1), ..example::some_stages() };
    assert_laid_out(&draw(&sampled(one)).unwrap());
}
