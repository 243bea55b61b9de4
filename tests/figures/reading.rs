//! Reads numbers back from pictures and data.

use resvg::usvg::roxmltree;
use sukashi::figure::{
    NextToken, ProbKind, Temperatures, TextMode, example, next_token, percent, temperature,
};

use super::{style, texts};

#[test]
fn numbers_in_the_picture_are_the_traces() {
    let record = example::japanese();
    let step = &record.steps[0];
    let figure = next_token(&record, &NextToken { count: 6, ..NextToken::default() }, &style()).unwrap();
    let shown: Vec<f64> = texts(&figure.svg_with(TextMode::Text))
        .iter()
        .filter_map(|text| text.strip_suffix('%').and_then(|number| number.parse().ok()))
        .collect();
    let hidden: f64 = step.candidates[6..].iter().map(|candidate| candidate.prob).sum();
    let want: Vec<f64> = step.candidates[..6]
        .iter()
        .map(|candidate| candidate.prob)
        .chain([step.other_prob + hidden])
        .collect();
    assert_eq!(shown.len(), want.len());
    for (shown, want) in shown.iter().zip(&want) {
        assert!((shown - want * 100.0).abs() <= 0.05 + 1e-9, "{shown}% is drawn for {want}");
    }
    // The shown probabilities sum to 1.
    assert!((want.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn bar_lengths_are_in_proportion() {
    let record = example::japanese();
    let svg = next_token(&record, &NextToken::default(), &style()).unwrap().svg();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let width = |node: roxmltree::Node<'_, '_>| -> Option<f64> {
        node.children().find(|child| child.has_tag_name("rect"))?.attribute("width")?.parse().ok()
    };
    let lengths: Vec<f64> =
        document.descendants().filter(|node| node.has_tag_name("g")).filter_map(width).collect();
    let candidates = &record.steps[0].candidates;
    assert_eq!(lengths.len(), 11);
    for (length, candidate) in lengths.iter().zip(&candidates[..10]) {
        let want = lengths[0] * candidate.prob / candidates[0].prob;
        assert!((length - want).abs() < 0.011, "{length} px for {}, expected {want}", candidate.prob);
    }
}

#[test]
fn data_holds_the_traces_numbers() {
    let record = example::japanese();
    let figure = next_token(&record, &NextToken::default(), &style()).unwrap();
    let data = figure.data_csv();
    let mut reader = csv::Reader::from_reader(data.as_bytes());
    for (row, candidate) in reader.records().zip(&record.steps[0].candidates[..10]) {
        let row = row.unwrap();
        assert_eq!(row[1].parse::<usize>().unwrap(), candidate.rank);
        assert_eq!(row[2].parse::<u32>().unwrap(), candidate.id);
        assert_eq!(Some(&row[4]), candidate.text.as_deref());
        assert_eq!(row[5].parse::<f32>().unwrap(), candidate.logit);
        assert_eq!(row[6].parse::<f64>().unwrap(), candidate.prob);
        assert_eq!(row[7].parse::<f64>().unwrap(), candidate.prob_scaled);
        assert_eq!(row[8].parse::<f64>().unwrap(), candidate.prob_final);
    }
    let json: serde_json::Value = serde_json::from_str(&figure.data_json()).unwrap();
    assert_eq!(json["figure"], "next-token");
    assert_eq!(json["rows"].as_array().unwrap().len(), 11);
    assert_eq!(json["rows"][0]["prob"].as_f64().unwrap(), record.steps[0].candidates[0].prob);
    assert_eq!(json["provenance"]["model"]["weights_sha256"], record.model.weights_sha256);
    assert_eq!(json["provenance"]["sampling"]["seed"], 7);
}

#[test]
fn temperatures_follow_from_logits() {
    let record = example::english();
    let options = Temperatures { temperatures: vec![2.0, 1.0], count: 3, ..Temperatures::default() };
    let figure = temperature(&record, &options, &style()).unwrap();
    let step = &record.steps[0];
    let at_two = step.temperatures.iter().find(|known| known.temperature == 2.0).unwrap();
    let data = figure.data_csv();
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(data.as_bytes()).records().map(Result::unwrap).collect();
    // The rows are ascending. Each step has three candidates and the rest.
    assert_eq!(rows.iter().map(|row| &row[0]).collect::<Vec<_>>(), ["1", "1", "1", "1", "2", "2", "2", "2"]);
    for index in 0..3 {
        let candidate = &step.candidates[index];
        assert_eq!(rows[index][4].parse::<f64>().unwrap(), candidate.prob);
        let want = (f64::from(candidate.logit) / 2.0 - at_two.log_sum_exp).exp();
        assert!((rows[4 + index][4].parse::<f64>().unwrap() - want).abs() < 1e-12);
    }
    for lines in rows.chunks(4) {
        let sum: f64 = lines.iter().map(|row| row[4].parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-12, "a temperature sums to {sum}");
    }
}

#[test]
fn the_chosen_token_is_shown_however_rare() {
    let mut record = example::japanese();
    let rare = record.steps[0].candidates[12].clone();
    record.steps[0].chosen.as_mut().unwrap().id = rare.id;
    let figure = next_token(&record, &NextToken { count: 3, ..NextToken::default() }, &style()).unwrap();
    let texts = texts(&figure.svg_with(TextMode::Text));
    assert!(texts.contains(&"決".to_owned()) && texts.contains(&percent(rare.prob)));
    assert!(figure.alt_text().contains("選ばれたのは「決」"));
}

#[test]
fn every_stage_tells_the_remaining_mass() {
    let record = example::japanese();
    for (stage, cut) in [(ProbKind::Model, false), (ProbKind::Scaled, false), (ProbKind::Final, true)] {
        let figure =
            next_token(&record, &NextToken { count: 8, stage, ..NextToken::default() }, &style()).unwrap();
        let data = figure.data_csv();
        let shown: f64 = csv::Reader::from_reader(data.as_bytes())
            .records()
            .map(|row| row.unwrap()[10].parse::<f64>().unwrap())
            .sum();
        assert!((shown - 1.0).abs() < 1e-9, "{stage:?} sums to {shown}");
        assert_eq!(texts(&figure.svg_with(TextMode::Text)).contains(&"0%".to_owned()), cut);
    }
}
