//! Tests texts that try to break out of a figure's markup.

use resvg::usvg::roxmltree;
use sukashi::figure::{
    Figure, Lang, Metric, NextToken, Style, TextMode, Theme, Tokens, example, lens, next_token, tokens,
};

use super::layout::assert_laid_out;
use super::{draw, kinds, style, texts};

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
    hazards.extend("\0\t\n\r\u{1B}\u{7F}\u{85}".chars().map(String::from));
    hazards.push((0..0xA0).filter_map(char::from_u32).filter(|c| c.is_control()).collect());
    hazards.push("w".repeat(5_000));
    hazards.push("長".repeat(100_000));
    hazards
}

#[test]
fn no_text_breaks_out() {
    for text in hazards() {
        // As captions, the longest texts take a while, and are harmless.
        let style = Style { caption: text.len() < 1_000, ..style() };
        for (name, figure) in kinds::all(&[&text, "猫", &text], &style) {
            let modes = [TextMode::Paths, TextMode::Text, TextMode::Embed];
            // Subsets of a face take a while, and all figures have the same.
            let num_modes = if name == "next-token" { 3 } else { 2 };
            for mode in &modes[..num_modes] {
                let svg = figure.svg_with(*mode);
                let document = roxmltree::Document::parse(&svg)
                    .unwrap_or_else(|error| panic!("{name}: {text:?}: {error}"));
                let known =
                    ["svg", "title", "desc", "metadata", "style", "rect", "path", "circle", "text", "g"];
                for node in document.descendants().filter(roxmltree::Node::is_element) {
                    let tag = node.tag_name().name();
                    assert!(known.contains(&tag), "{name}: {text:?} made a {tag}");
                    assert!(!node.attributes().any(|attribute| attribute.name().starts_with("on")));
                }
                assert!(
                    svg.chars().all(|c| !c.is_control() || c == '\n'),
                    "{name}: {text:?} left a control character"
                );
            }
            if name == "next-token" {
                figure.png(1.0).unwrap();
            }
        }
    }
}

/// Tokens, each with one difficulty.
pub const DIFFICULTIES: [(&str, &[&str]); 11] = [
    ("kanji", &["首都", "三大", "海", "都市", "最大"]),
    (
        "long",
        &[
            " internationalization",
            "supercalifragilisticexpialidocious",
            "東京特許許可局長今日急遽休暇許可拒否",
        ],
    ),
    ("emoji", &["😀", "👨\u{200D}👩\u{200D}👧", "❤\u{FE0F}", "🇯🇵", "👍🏽"]),
    ("cyrillic", &[" Привет", "өнья", "ғылым", "їжак", "Љубав"]),
    ("hangul", &["안녕하세요", " 한국어", "가", "\u{1112}\u{1161}\u{11AB}"]),
    ("whitespace", &["\n", "\n\n", " ", "    ", "\t", "\u{3000}", "\r\n", "\u{A0}"]),
    ("right-to-left", &["שלום", " مرحبا", "\u{202E}evil\u{202C}", "עולם (1)"]),
    ("control", &["\0", "\u{7}", "\u{1B}[31m", "\u{85}", "\u{2028}", "\u{FFFE}"]),
    ("combining", &["e\u{301}\u{327}", "がｶﾞか\u{3099}", "नमस्ते", "ไทย", "𠮷野家"]),
    ("markup", &["</svg>", "&amp;", "\"'", "<script>", "]]>"]),
    ("sub-words", &["▁the", "##ing", "Ġword", "</s>", "<0xE6>", "…", "#12"]),
];

fn cycled<'a>(tokens: &[&'a str], count: usize) -> Vec<&'a str> {
    tokens.iter().copied().cycle().take(count).collect()
}

/// Checks that all labels are in their places, in each frame too.
fn assert_kind_laid_out(what: &str, figure: &Figure) {
    for frame in figure.frames() {
        let laid_out = std::panic::catch_unwind(|| assert_laid_out(&frame));
        assert!(laid_out.is_ok(), "{what} is not laid out");
    }
}

#[test]
fn every_kind_is_laid_out_with_every_difficulty() {
    for (difficulty, tokens) in DIFFICULTIES {
        for width in ["360px", "720px"] {
            let style = Style { width: width.parse().unwrap(), lang: Lang::En, ..style() };
            for (name, figure) in kinds::all(&cycled(tokens, 15), &style) {
                assert_kind_laid_out(&format!("{name} of {difficulty} at {width}"), &figure);
            }
        }
    }
}

#[test]
fn every_kind_is_laid_out_in_every_theme() {
    let mixed: Vec<&str> = (0..30)
        .map(|index| DIFFICULTIES[index % 11].1[index / 11 % DIFFICULTIES[index % 11].1.len()])
        .collect();
    for (theme, lang) in [(Theme::Light, Lang::Ja), (Theme::Dark, Lang::En), (Theme::Print, Lang::Ja)] {
        for width in ["240px", "360px", "720px"] {
            for count in [3, 15, 30] {
                let style = Style { theme, lang, caption: true, width: width.parse().unwrap(), ..style() };
                for (name, figure) in kinds::all(&mixed[..count], &style) {
                    assert_kind_laid_out(&format!("{name} of {count} at {width}, {theme:?}"), &figure);
                }
            }
        }
    }
}

#[test]
fn the_largest_are_laid_out_in_every_theme() {
    let mixed: Vec<&str> = DIFFICULTIES.iter().flat_map(|(_, tokens)| tokens.iter().copied()).collect();
    for theme in [Theme::Light, Theme::Dark, Theme::Print] {
        for width in ["360px", "720px"] {
            let style = Style { theme, width: width.parse().unwrap(), ..style() };
            for ids in [false, true] {
                let strip = example::score_of(&cycled(&mixed, 200));
                let figure = tokens(&strip, &Tokens { ids, ..Tokens::default() }, &style).unwrap();
                assert_kind_laid_out(&format!("200 tokens at {width}"), &figure);
            }
            for metric in [Metric::Prob, Metric::Rank] {
                let figure = lens(&example::lens_of(&cycled(&mixed, 60), 26), metric, &style).unwrap();
                assert_kind_laid_out(&format!("the lens at {width}"), &figure);
            }
        }
    }
}

/// A character that no face has is drawn as its code point, and a warning names it. Other characters have no warning.
#[test]
fn scripts_without_a_face_are_boxed_and_told() {
    assert_eq!(tokens_of(&["Привет", "Ёж", "首都", "Αθήνα"]).warnings(), [""; 0]);
    let figure = tokens_of(&["안녕", "ө", "👨\u{200D}👩", "שלום"]);
    let warnings = figure.warnings().join("\n");
    for code in ["U+C548", "U+B155", "U+04E9", "U+1F468", "U+05E9"] {
        assert!(warnings.contains(code), "no {code} in {warnings}");
    }
    let shown = texts(&figure.svg_with(TextMode::Text));
    // A joiner has no glyph, so its code point is drawn.
    assert!(shown.contains(&"👨<U+200D>👩".to_owned()), "{shown:?}");
}

fn tokens_of(tokens: &[&str]) -> Figure {
    sukashi::figure::tokens(&example::score_of(tokens), &Tokens::default(), &style()).unwrap()
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
    // 杏 is E6 9D 8F. The first step chooses its first two bytes, and the second step chooses the last.
    for (step, bytes) in [(0, vec![0xE6, 0x9D]), (1, vec![0x8F])] {
        record.steps[step].candidates[0].bytes = Some(bytes);
        record.steps[step].candidates[0].text = Some("\u{FFFD}".to_owned());
    }
    let figure = next_token(&record, &NextToken { step: 2, ..NextToken::default() }, &style()).unwrap();
    assert_eq!(figure.title(), "「吾輩は杏」の次に来るトークン");
}
