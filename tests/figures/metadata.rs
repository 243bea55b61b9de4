//! Tests the metadata of figures, and their sizes.

use resvg::usvg::roxmltree;
use sukashi::figure::{Lang, NextToken, Style, TextMode, example, next_token};

use super::{FIGURES, draw, source, style};

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
    // PNG stores pixels per metre. 7559 are 2 * 96 dots per inch.
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

    // Tokens that a model may predict after 東京は日本の.
    let likely = "首都 三大 海 都市 最大 最 国 最高 中心 伝統 主要 総 人口 文化 歴史";
    let words: Vec<(&str, f32)> =
        likely.split(' ').zip((0..15).map(|rank| 9.0 - rank as f32 / 3.0)).collect();
    let step = example::step(3, &words, 262_144, 900.0, None);
    let record = example::trace("Gemma 3 270m", "東京は日本の", &["東京", "は", "日本の"], vec![step]);
    let figure = next_token(&record, &NextToken { count: 15, ..NextToken::default() }, &style()).unwrap();
    let (paths, embed) = (figure.svg_with(TextMode::Paths).len(), figure.svg_with(TextMode::Embed).len());
    assert!(paths < 90_000, "{paths} bytes as paths");
    assert!(embed < 25_000, "{embed} bytes with an embedded subset");
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
