//! Tests the views of `temperature`: numbers in the pictures, and the texts about renormalised ones.

use std::collections::BTreeMap;

use resvg::usvg::roxmltree;
use sukashi::Result;
use sukashi::figure::{
    Figure, Lang, Style, TemperatureView, Temperatures, TextMode, example, percent, temperature,
};
use sukashi::trace::StepRecorder;

use super::{style, texts};

/// Draws a view of the example.
fn view(view: TemperatureView, renormalise_shown: bool, style: &Style) -> Result<Figure> {
    let options = Temperatures { view, renormalise_shown, ..Temperatures::default() };
    temperature(&example::japanese(), &options, style)
}

#[test]
fn temperatures_in_the_picture_are_the_traces() {
    let trace = example::japanese();
    let step = &trace.steps[0];
    for figure in [TemperatureView::Temperatures, TemperatureView::Bars] {
        let shown = texts(&view(figure, false, &style()).unwrap().svg_with(TextMode::Text));
        for at in &step.temperatures {
            for candidate in &step.candidates[..8] {
                let prob = (f64::from(candidate.logit) / at.temperature - at.log_sum_exp).exp();
                assert!(shown.contains(&percent(prob)), "no {prob} at {}", at.temperature);
            }
            let bits = format!("{:.2}", at.entropy_bits);
            assert_eq!(shown.contains(&bits), figure == TemperatureView::Temperatures, "{bits}");
        }
    }
}

#[test]
fn lines_and_bars_stand_at_their_numbers() {
    let trace = example::japanese();
    let step = &trace.steps[0];
    let prob = |index: usize, temperature: f64| {
        let at = step.temperatures.iter().find(|at| at.temperature == temperature).unwrap();
        (f64::from(step.candidates[index].logit) / at.temperature - at.log_sum_exp).exp()
    };
    let document = |figure: TemperatureView| view(figure, true, &style()).unwrap().svg();
    let total = |temperature: f64| (0..8).map(|index| prob(index, temperature)).sum::<f64>();
    let share = |index: usize, temperature: f64| prob(index, temperature) / total(temperature);
    let number = |node: roxmltree::Node<'_, '_>, name: &str| node.attribute(name)?.parse::<f64>().ok();

    let svg = document(TemperatureView::Bars);
    let parsed = roxmltree::Document::parse(&svg).unwrap();
    let heights: Vec<f64> = parsed
        .descendants()
        .filter(|node| node.has_tag_name("g"))
        .filter_map(|group| number(group.children().find(|child| child.has_tag_name("rect"))?, "height"))
        .collect();
    assert_eq!(heights.len(), 5 * 8);
    for (at, temperature) in [0.5, 1.0, 2.0, 5.0, 100.0].into_iter().enumerate() {
        for index in 0..8 {
            // A bar is at least one unit high, so that it is visible.
            let want = (heights[0] * share(index, temperature) / share(0, 0.5)).max(1.0);
            let got = heights[at * 8 + index];
            assert!((got - want).abs() < 0.02, "{got} for {index} at {temperature}, expected {want}");
        }
    }

    let svg = document(TemperatureView::Temperatures);
    let parsed = roxmltree::Document::parse(&svg).unwrap();
    let dots: Vec<(f64, f64)> = parsed
        .descendants()
        .filter(|node| node.has_tag_name("circle"))
        .filter_map(|node| Some((number(node, "cx")?, number(node, "cy")?)))
        .collect();
    assert_eq!(dots.len(), 5 * 8 + 5);
    // On a logarithmic axis, the distance from 0.5 to 1 equals that from 1 to 2.
    assert!((dots[1].0 - dots[0].0 - (dots[2].0 - dots[1].0)).abs() < 0.02, "{dots:?}");
    let per_prob = (dots[8 * 5 - 5].1 - dots[0].1) / (share(0, 0.5) - share(7, 0.5));
    for (at, temperature) in [0.5, 1.0, 2.0, 5.0, 100.0].into_iter().enumerate() {
        for index in 0..8 {
            let want = dots[0].1 + per_prob * (share(0, 0.5) - share(index, temperature));
            let got = dots[index * 5 + at].1;
            assert!((got - want).abs() < 0.1, "{got} for {index} at {temperature}, expected {want}");
        }
    }
}

#[test]
fn renormalised_numbers_are_said_to_be() {
    for figure in [TemperatureView::Candidates, TemperatureView::Temperatures, TemperatureView::Bars] {
        for (lang, words) in
            [(Lang::Ja, "表示した 8 個の候補だけで"), (Lang::En, "renormalised to 100% over the 8 shown")]
        {
            let style = Style { lang, ..style() };
            let drawn = view(figure, true, &style).unwrap();
            let shown = texts(&drawn.svg_with(TextMode::Text));
            assert!(shown.iter().any(|text| text.contains(words)), "{shown:?}");
            assert!(drawn.alt_text().contains(words), "{}", drawn.alt_text());
            let other = if lang == Lang::Ja { "その他" } else { "others" };
            assert!(!shown.contains(&other.to_owned()));
            let whole = view(figure, false, &style).unwrap();
            assert!(!whole.alt_text().contains(words));
            assert!(texts(&whole.svg_with(TextMode::Text)).contains(&other.to_owned()));
            let data = drawn.data_csv();
            assert!(
                data.starts_with("temperature,rank,id,token,prob,entropy_bits,prob_renormalised\n"),
                "{data}"
            );
            let mut sums = BTreeMap::<String, f64>::new();
            let mut reader = csv::Reader::from_reader(data.as_bytes());
            for row in reader.records().map(std::result::Result::unwrap) {
                *sums.entry(row[0].to_owned()).or_default() += row[6].parse::<f64>().unwrap_or(0.0);
            }
            assert!(sums.len() == 5 && sums.values().all(|sum| (sum - 1.0).abs() < 1e-9), "{sums:?}");
        }
    }
}

#[test]
fn smooth_lines_pass_what_was_asked_for() {
    let marked = [0.5, 1.0, 5.0, 100.0];
    let all = Temperatures::smooth(&marked);
    assert!(all.len() > 40 && all.is_sorted_by(|a, b| a < b), "{all:?}");
    assert!(marked.iter().all(|at| all.contains(at)), "{all:?}");
    assert_eq!((all[0], all[all.len() - 1]), (0.5, 100.0));
    // Over less than a decade, the points are equidistant.
    let even = Temperatures::smooth(&[1.0, 2.0]);
    let steps: Vec<f64> = even.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| (step - steps[0]).abs() < 1e-9), "{steps:?}");
    assert_eq!(Temperatures::smooth(&[2.0]), [2.0]);
    assert!(Temperatures::smooth(&[]).is_empty());
    assert_eq!(Temperatures::smooth(&[0.0, 1.0]), [0.0, 1.0]);
    // The data have every recorded temperature, and the table has the requested ones.
    assert!(StepRecorder::new(3).with_temperatures(all).is_ok());
}
