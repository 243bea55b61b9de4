//! Figures: bytes and pixels against goldens, numbers read back, texts that try to break out, and layout.
//!
//! `UPDATE_GOLDENS=1 cargo test --test figures` writes the goldens anew; look at the pictures before
//! committing them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed, also in its helpers"
)]

use std::path::PathBuf;

use proptest::prelude::*;
use resvg::usvg::roxmltree;
use sukashi::figure::{
    Bounds, Figure, Fonts, Lang, NextToken, Stage, Steps, Style, Temperatures, TextMode, Theme, Width,
    example, next_token, percent, temperature, trace,
};
use sukashi::{ErrorKind, Trace};

fn style() -> Style {
    Style::default()
}

fn draw(name: &str, trace_: &Trace, style: &Style) -> Figure {
    match name {
        "next-token" => next_token(trace_, &NextToken::default(), style),
        "temperature" => temperature(trace_, &Temperatures::default(), style),
        "trace" => trace(trace_, &Steps::default(), style),
        _ => panic!("no figure {name}"),
    }
    .expect("a figure of a sound trace")
}

const FIGURES: [&str; 3] = ["next-token", "temperature", "trace"];

fn source(lang: Lang) -> Trace {
    match lang {
        Lang::Ja => example::japanese(),
        Lang::En => example::english(),
    }
}

// Goldens

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/figures").join(name)
}

/// The golden's bytes, or `fresh` after writing it where that is asked for.
fn golden_bytes(name: &str, fresh: &[u8]) -> Vec<u8> {
    let path = golden(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, fresh).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; make it with UPDATE_GOLDENS=1 cargo test --test figures", path.display())
    })
}

fn assert_golden(name: &str, fresh: &str) {
    let golden = golden_bytes(name, fresh.as_bytes());
    let golden = String::from_utf8(golden).unwrap();
    if golden != fresh {
        let line = golden.lines().zip(fresh.lines()).position(|(old, new)| old != new);
        panic!(
            "{name} differs from its golden at line {line:?}; if that is meant, run \
             UPDATE_GOLDENS=1 cargo test --test figures and look at the picture"
        );
    }
}

#[test]
fn svg_bytes_equal_the_goldens() {
    for name in FIGURES {
        for (lang, lang_name) in [(Lang::Ja, "ja"), (Lang::En, "en")] {
            for (theme, theme_name) in
                [(Theme::Light, "light"), (Theme::Dark, "dark"), (Theme::Print, "print")]
            {
                let figure = draw(name, &source(lang), &Style { theme, lang, caption: true, ..style() });
                assert_golden(
                    &format!("{name}-{theme_name}-{lang_name}.svg"),
                    &figure.svg_with(TextMode::Text),
                );
            }
        }
        let figure = draw(name, &source(Lang::Ja), &style());
        assert_golden(&format!("{name}-paths.svg"), &figure.svg_with(TextMode::Paths));
        assert_golden(&format!("{name}-embed.svg"), &figure.svg_with(TextMode::Embed));
        assert_golden(&format!("{name}.csv"), &figure.data_csv());
        assert_golden(&format!("{name}.json"), &figure.data_json());
    }
}

#[test]
fn svg_bytes_repeat() {
    for name in FIGURES {
        let svg = || draw(name, &source(Lang::Ja), &style()).svg();
        assert_eq!(svg(), svg());
    }
}

/// The share of colour channels that differ by more than a shade, and whether the sizes agree.
fn difference(got: &[u8], want: &[u8]) -> f64 {
    let read = |bytes| image::load_from_memory(bytes).expect("a readable PNG").to_rgb8();
    let (got, want) = (read(got), read(want));
    if got.dimensions() != want.dimensions() {
        return 1.0;
    }
    let differing = got.as_raw().iter().zip(want.as_raw()).filter(|(a, b)| a.abs_diff(**b) > 24).count();
    differing as f64 / got.as_raw().len() as f64
}

/// Rasterisers round the coverage of an edge differently; no glyph is this small.
const PIXEL_TOLERANCE: f64 = 2e-4;

#[test]
fn png_pixels_match_the_goldens() {
    for name in FIGURES {
        let png = draw(name, &source(Lang::Ja), &style()).png(1.0).unwrap();
        let golden = golden_bytes(&format!("{name}.png"), &png);
        let differing = difference(&png, &golden);
        assert!(differing <= PIXEL_TOLERANCE, "{name}: {:.4}% of the pixels differ", differing * 100.0);
    }
}

#[test]
fn pixel_comparison_rejects_another_picture() {
    let png = |trace_: &Trace| draw("next-token", trace_, &style()).png(1.0).unwrap();
    let original = example::japanese();
    let mut other = original.clone();
    // One digit of one percentage.
    other.steps[0].candidates[1].prob += 0.001;
    assert!(difference(&png(&original), &png(&other)) > PIXEL_TOLERANCE);
    assert_eq!(difference(&png(&original), &png(&original)), 0.0);
}

/// librsvg as a second opinion on the outlines.
#[test]
fn librsvg_draws_the_same() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let started = Command::new("rsvg-convert").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = started else {
        eprintln!("SKIP: rsvg-convert is not installed");
        return;
    };
    let figure = draw("next-token", &source(Lang::Ja), &style());
    child.stdin.take().unwrap().write_all(figure.svg().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    // Another rasteriser shades edges in its own way; a missing label would be ten times this.
    let differing = difference(&output.stdout, &figure.png(1.0).unwrap());
    assert!(differing < 2e-3, "{:.3}% of the pixels differ", differing * 100.0);
}

// Reading back

fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).expect("well-formed XML");
    document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .map(|node| node.text().unwrap_or_default().to_owned())
        .collect()
}

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
    // All of it is told: nothing is lost between the bars.
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
    // Ascending, three candidates and the rest each.
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
    for (stage, cut) in [(Stage::Model, false), (Stage::Scaled, false), (Stage::Final, true)] {
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

// Metadata

#[test]
fn figures_describe_themselves() {
    for name in FIGURES {
        for mode in [TextMode::Paths, TextMode::Embed, TextMode::Text] {
            let figure = draw(name, &source(Lang::En), &Style { lang: Lang::En, ..style() });
            let svg = figure.svg_with(mode);
            let document = roxmltree::Document::parse(&svg).unwrap();
            let root = document.root_element();
            assert_eq!(root.attribute("role"), Some("img"));
            assert_eq!(root.attribute("lang"), Some("en"));
            let child =
                |tag: &str| root.children().find(|node| node.has_tag_name(tag)).and_then(|node| node.text());
            assert_eq!(child("title"), Some(figure.title()));
            assert_eq!(child("desc"), Some(figure.alt_text()));
            let metadata: serde_json::Value = serde_json::from_str(child("metadata").unwrap()).unwrap();
            assert_eq!(metadata["model"]["name"], "gpt2");
            assert_eq!(metadata["generator"], "sukashi 0.1.0");
            assert_eq!(metadata["adapter"]["backend"], "vulkan");
        }
    }
}

#[test]
fn png_carries_its_description() {
    let figure = draw("next-token", &source(Lang::Ja), &Style { width: "84mm".parse().unwrap(), ..style() });
    let png = figure.png(2.0).unwrap();
    let holds = |bytes: &[u8]| png.windows(bytes.len()).any(|window| window == bytes);
    assert!(holds(figure.alt_text().as_bytes()) && holds(b"weights_sha256"));
    // 2 * 96 dots per inch.
    assert!(holds(&[b"pHYs", &7559u32.to_be_bytes()[..]].concat()));
    let picture = image::load_from_memory(&png).expect("decoders accept the added chunks");
    assert_eq!(picture.width(), 635);
}

#[test]
fn sizes_stay_small() {
    let text = "吾輩猫名前無生見当薄暗泣記憶人間始書生種族獰悪話捕煮食考恐掌載持上";
    let candidates: Vec<(String, f32)> = text
        .chars()
        .take(30)
        .enumerate()
        .map(|(index, character)| (character.to_string(), 5.0 - index as f32 / 5.0))
        .collect();
    let words: Vec<(&str, f32)> = candidates.iter().map(|(text, logit)| (text.as_str(), *logit)).collect();
    let record =
        example::trace("model", "漢字の", &["漢字の"], vec![example::step(3, &words, 9000, 500.0, None)]);
    let figure = next_token(&record, &NextToken { count: 30, ..NextToken::default() }, &style()).unwrap();
    let (paths, embed) = (figure.svg_with(TextMode::Paths).len(), figure.svg_with(TextMode::Embed).len());
    assert!(paths < 90_000, "{paths} bytes as paths");
    assert!(embed < 35_000, "{embed} bytes with an embedded subset");
    let figure = draw("next-token", &source(Lang::Ja), &style());
    assert!(figure.svg_with(TextMode::Embed).len() < 25_000);
}

#[test]
fn widths_are_as_asked() {
    for (width, want) in [("720px", "720"), ("360", "360"), ("84mm", "84mm")] {
        let figure =
            draw("next-token", &source(Lang::Ja), &Style { width: width.parse().unwrap(), ..style() });
        let svg = figure.svg();
        let document = roxmltree::Document::parse(&svg).unwrap();
        assert_eq!(document.root_element().attribute("width"), Some(want));
    }
}

// Bad input

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
    refused(trace(&record, &Steps { steps: 0, ..Steps::default() }, &style()), "this many steps");
    refused(trace(&record, &Steps { first: usize::MAX, ..Steps::default() }, &style()), "found 3 steps");
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
            trace(&record, &Steps::default(), &style()),
        ] {
            assert_eq!(figure.map(|_| ()).unwrap_err().kind(), ErrorKind::Input, "break {index}");
        }
    }
    let mut record = example::japanese();
    record.steps[0].temperatures[0].log_sum_exp = f64::NAN;
    assert!(temperature(&record, &Temperatures::default(), &style()).is_err());
}

#[test]
fn files_that_are_no_fonts_are_refused() {
    for bytes in [&b""[..], b"not a font", &[0; 4096], b"\x00\x01\x00\x00\xff\xff"] {
        assert_eq!(Fonts::embedded().with_bytes(bytes.to_vec()).unwrap_err().kind(), ErrorKind::Input);
    }
    let error = Fonts::embedded().with_file("no/such/font.ttf").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("no/such/font.ttf"));
}

#[test]
fn a_callers_font_comes_first_or_last() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/fonts/SukashiGothic-Regular.ttf");
    let svg = |fonts: Fonts, mode| {
        draw("next-token", &example::japanese(), &Style { fonts, ..style() }).svg_with(mode)
    };
    let plain = svg(Fonts::embedded(), TextMode::Embed);
    assert_eq!(svg(Fonts::embedded().with_fallback_file(file).unwrap(), TextMode::Embed), plain);
    // Its licence is unknown, so it is drawn and not embedded.
    let preferred = Fonts::embedded().with_file(file).unwrap();
    let own = svg(preferred.clone(), TextMode::Embed);
    assert!(plain.contains("@font-face") && !own.contains("@font-face"));
    assert_eq!(
        own,
        svg(preferred, TextMode::Paths).replacen("lang=\"ja\"", "lang=\"ja\" xml:space=\"preserve\"", 1)
    );
}

/// A font cut short or overwritten anywhere may draw nonsense, but nothing worse.
#[test]
fn damaged_fonts_do_no_harm() {
    let font = include_bytes!("../assets/fonts/SukashiGothic-Bold.ttf");
    for length in (0..40).map(|step| step * font.len() / 40) {
        let mut overwritten = font.to_vec();
        overwritten[length..(length + 5000).min(font.len())].fill(0xA5);
        for bytes in [font[..length].to_vec(), overwritten] {
            if let Ok(fonts) = Fonts::embedded().with_bytes(bytes) {
                let figure = draw("next-token", &example::japanese(), &Style { fonts, ..style() });
                figure.png(1.0).unwrap();
                figure.svg_with(TextMode::Embed);
            }
        }
    }
}

// Texts that try to break out

fn hazards() -> Vec<String> {
    let mut hazards: Vec<String> = [
        "</svg><script>alert(1)</script>",
        "\" onload=\"alert(1)",
        "]]><!--&amp;&#0;",
        "😀👨‍👩‍👧",
        "Привет",
        "안녕하세요",
        "שלום עולם",
        "مرحبا",
        "\u{202E}evil\u{202C}",
        "e\u{301}\u{327}",
        "\u{FFFE}\u{FFFF}\u{FDD0}",
        "𠮷野家",
        "",
        " ",
        "\u{3000}",
        "…",
    ]
    .map(str::to_owned)
    .into();
    hazards.extend((0..0xA0).filter_map(char::from_u32).filter(|c| c.is_control()).map(String::from));
    hazards.push((0..0x20).filter_map(char::from_u32).collect());
    hazards.push("w".repeat(5_000));
    hazards.push("長".repeat(100_000));
    hazards
}

/// A trace that says `text` wherever it can say something.
fn saying(text: &str) -> Trace {
    let words = [(text, 4.0), ("b", 3.0), (text, 2.0)];
    let mut record = example::trace(text, text, &[text], vec![example::step(1, &words, 300, 20.0, Some(0))]);
    record.adapter.name = text.to_owned();
    record.model.weights_sha256 = text.to_owned();
    record.sampling.custom_stages = vec![text.to_owned()];
    record
}

#[test]
fn no_text_breaks_out() {
    for text in hazards() {
        // The longest take a while as captions; they are no danger there.
        let caption = text.len() < 1_000;
        let mut record = saying(&text);
        if !caption {
            record.model.name = "model".to_owned();
            record.sampling.custom_stages.clear();
        }
        for name in FIGURES {
            let figure = draw(name, &record, &Style { caption, ..style() });
            for mode in [TextMode::Paths, TextMode::Embed, TextMode::Text] {
                let svg = figure.svg_with(mode);
                let document =
                    roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{text:?}: {error}"));
                let known =
                    ["svg", "title", "desc", "metadata", "style", "rect", "path", "circle", "text", "g"];
                for node in document.descendants().filter(roxmltree::Node::is_element) {
                    assert!(known.contains(&node.tag_name().name()), "{text:?} made a {:?}", node.tag_name());
                    assert!(!node.attributes().any(|attribute| attribute.name().starts_with("on")));
                }
                assert!(
                    svg.chars().all(|c| !c.is_control() || c == '\n'),
                    "{text:?} left a control character"
                );
            }
            figure.png(1.0).unwrap();
        }
    }
}

#[test]
fn partial_characters_show_their_bytes() {
    let mut record = example::japanese();
    let candidate = &mut record.steps[0].candidates[1];
    candidate.text = Some("\u{FFFD}".to_owned());
    candidate.bytes = Some(vec![0xE6, 0x9D]);
    let candidate = &mut record.steps[0].candidates[2];
    (candidate.text, candidate.bytes) = (None, None);
    let figure = draw("next-token", &record, &style());
    let texts = texts(&figure.svg_with(TextMode::Text));
    assert!(texts.contains(&"<E6 9D>".to_owned()));
    assert!(texts.contains(&format!("#{}", record.steps[0].candidates[2].id)));
}

#[test]
fn characters_joined_from_parts_are_read_whole() {
    let mut record = example::japanese();
    // 杏 is E6 9D 8F: its first two bytes are chosen first, then the last.
    for (step, bytes) in [(0, vec![0xE6, 0x9D]), (1, vec![0x8F])] {
        record.steps[step].candidates[0].bytes = Some(bytes);
        record.steps[step].candidates[0].text = Some("\u{FFFD}".to_owned());
    }
    let figure = next_token(&record, &NextToken { step: 2, ..NextToken::default() }, &style()).unwrap();
    assert_eq!(figure.title(), "「吾輩は杏」の次に来るトークン");
}

#[test]
fn missing_characters_are_boxed_and_told() {
    let record = saying("😀");
    let figure = draw("next-token", &record, &style());
    assert_eq!(figure.warnings().len(), 1);
    assert!(figure.warnings()[0].contains("U+1F600"), "{:?}", figure.warnings());
    // Drawn larger than the other label, so not left out.
    let labels = figure.labels();
    let width = |text: &str| labels.iter().find(|(label, _)| label == text).unwrap().1.width;
    assert!(width("😀") > 2.0 * width("b"));
    assert!(draw("next-token", &saying("猫"), &style()).warnings().is_empty());
    // A label is left to the reader's fonts where the figure holds text.
    let own = Style { text_mode: TextMode::Text, ..style() };
    assert!(draw("next-token", &record, &own).warnings().is_empty());
}

#[test]
fn embedded_faces_have_every_character_of_the_model() {
    let tokenizer: serde_json::Value =
        serde_json::from_str(include_str!("../assets/soseki-mini/tokenizer.json")).unwrap();
    let fonts = Fonts::embedded();
    let vocab = tokenizer["model"]["vocab"].as_object().unwrap();
    assert!(vocab.len() > 1000);
    for (text, id) in vocab {
        let shown = sukashi::trace::visible::token(id.as_u64().unwrap() as u32, Some(text), None);
        assert_eq!(fonts.missing(&shown), [], "token {id} is {text:?}");
    }
    assert_eq!(fonts.missing("▁▂▃▄▅▆▇█░▒▓␣⎵↵⇥�…“”「」〈〉ΑЯžŒ①℃㎏"), []);
}

// Layout

/// The margin of narrow figures; wide ones have more.
const MARGIN: f64 = 16.0;

fn assert_laid_out(figure: &Figure) {
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

fn token_text() -> impl Strategy<Value = String> {
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
        assert_laid_out(&temperature(&record, &Temperatures { count, log, ..Temperatures::default() }, &style).unwrap());
        assert_laid_out(&trace(&record, &Steps { count, ..Steps::default() }, &style).unwrap());
    }
}
