//! Texts that try to break out.

use resvg::usvg::roxmltree;
use sukashi::Trace;
use sukashi::figure::{NextToken, Style, TextMode, example, next_token};

use super::{FIGURES, draw, style, texts};

pub fn hazards() -> Vec<String> {
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
pub fn saying(text: &str) -> Trace {
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
