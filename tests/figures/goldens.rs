//! Bytes and pixels against goldens.

use std::path::PathBuf;

use sukashi::Trace;
use sukashi::figure::{Lang, Style, TextMode, Theme, example};

use super::{FIGURES, draw, source, style};

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/figures").join(name)
}

/// The golden's bytes, or `fresh` after writing it where that is asked for.
pub fn golden_bytes(name: &str, fresh: &[u8]) -> Vec<u8> {
    let path = golden(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, fresh).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; make it with UPDATE_GOLDENS=1 cargo test --test figures", path.display())
    })
}

pub fn assert_golden(name: &str, fresh: &str) {
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
use crate::skip::skip;

#[test]
fn svg_bytes_repeat() {
    for name in FIGURES {
        let svg = || draw(name, &source(Lang::Ja), &style()).svg();
        assert_eq!(svg(), svg());
    }
}

/// The share of colour channels that differ by more than a shade, and whether the sizes agree.
pub fn difference(got: &[u8], want: &[u8]) -> f64 {
    let read = |bytes| image::load_from_memory(bytes).expect("a readable PNG").to_rgb8();
    let (got, want) = (read(got), read(want));
    if got.dimensions() != want.dimensions() {
        return 1.0;
    }
    let differing = got.as_raw().iter().zip(want.as_raw()).filter(|(a, b)| a.abs_diff(**b) > 24).count();
    differing as f64 / got.as_raw().len() as f64
}

/// Rasterisers round the coverage of an edge differently; no glyph is this small.
pub const PIXEL_TOLERANCE: f64 = 2e-4;

pub fn assert_golden_png(name: &str, png: &[u8]) {
    let golden = golden_bytes(&format!("{name}.png"), png);
    let differing = difference(png, &golden);
    assert!(differing <= PIXEL_TOLERANCE, "{name}: {:.4}% of the pixels differ", differing * 100.0);
}

#[test]
fn png_pixels_match_the_goldens() {
    for name in FIGURES {
        assert_golden_png(name, &draw(name, &source(Lang::Ja), &style()).png(1.0).unwrap());
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
        skip("rsvg-convert is not installed");
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
