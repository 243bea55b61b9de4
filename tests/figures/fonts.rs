//! Tests fonts: damaged ones, callers' own, and characters that no font has.

use sukashi::ErrorKind;
use sukashi::figure::{Fonts, Style, TextMode, example};

use super::{draw, style};
use sukashi::figure::example::saying;

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
    let file =
        concat!(env!("CARGO_MANIFEST_DIR"), "/crates/sukashi-figure/assets/fonts/SukashiGothic-Regular.ttf");
    let svg = |fonts: Fonts, mode| {
        draw("next-token", &example::japanese(), &Style { fonts, ..style() }).svg_with(mode)
    };
    let plain = svg(Fonts::embedded(), TextMode::Embed);
    assert_eq!(svg(Fonts::embedded().with_fallback_file(file).unwrap(), TextMode::Embed), plain);
    // The licence of the font is unknown, so it is used for drawing but not embedded.
    let preferred = Fonts::embedded().with_file(file).unwrap();
    let own = svg(preferred.clone(), TextMode::Embed);
    assert!(plain.contains("@font-face") && !own.contains("@font-face"));
    assert_eq!(
        own,
        svg(preferred, TextMode::Paths).replacen("lang=\"ja\"", "lang=\"ja\" xml:space=\"preserve\"", 1)
    );
}

/// A damaged font may give wrong glyphs, but no other harm.
#[test]
fn damaged_fonts_do_no_harm() {
    let font = include_bytes!("../../crates/sukashi-figure/assets/fonts/SukashiGothic-Bold.ttf");
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

#[test]
fn missing_characters_are_boxed_and_told() {
    let record = saying(&["😀", "b"]);
    let figure = draw("next-token", &record, &style());
    assert_eq!(figure.warnings().len(), 1);
    assert!(figure.warnings()[0].contains("U+1F600"), "{:?}", figure.warnings());
    // The label is drawn larger than the other label, so it is present.
    let labels = figure.labels();
    let width = |text: &str| labels.iter().find(|(label, _)| label == text).unwrap().1.width;
    assert!(width("😀") > 2.0 * width("b"));
    assert!(draw("next-token", &saying(&["猫", "b"]), &style()).warnings().is_empty());
    // In a figure that contains text, the viewer's fonts draw the label.
    let own = Style { text_mode: TextMode::Text, ..style() };
    assert!(draw("next-token", &record, &own).warnings().is_empty());
}

#[test]
fn embedded_faces_have_every_character_of_the_model() {
    let tokenizer: serde_json::Value =
        serde_json::from_str(include_str!("../../assets/soseki-mini/tokenizer.json")).unwrap();
    let fonts = Fonts::embedded();
    let vocab = tokenizer["model"]["vocab"].as_object().unwrap();
    assert!(vocab.len() > 1000);
    for (text, id) in vocab {
        let shown = sukashi::trace::visible::token(id.as_u64().unwrap() as u32, Some(text), None);
        assert_eq!(fonts.missing(&shown), [], "token {id} is {text:?}");
    }
    assert_eq!(fonts.missing("▁▂▃▄▅▆▇█░▒▓␣⎵↵⇥�…“”「」〈〉ΑЯžŒ①℃㎏"), []);
}
