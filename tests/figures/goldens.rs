//! Compares bytes and pixels with goldens.

use std::path::PathBuf;

use sukashi::figure::kind::{Example, Golden};
use sukashi::figure::{Figure, KINDS, Lang, Style, TextMode, Theme, example};
use sukashi::{Result, Trace};

use crate::skip::skip;

use super::{FIGURES, draw, source, style};

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/figures").join(name)
}

/// The bytes of the golden. In an update, `fresh` is written and returned.
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

/// The files that goldens of this name can have, and how each is made from the figure.
fn files(name: &str) -> Vec<(String, Style, Make)> {
    let mut files: Vec<(String, Style, Make)> = Vec::new();
    for (theme, theme_name) in [(Theme::Light, "light"), (Theme::Dark, "dark"), (Theme::Print, "print")] {
        for lang in [Lang::Ja, Lang::En] {
            let style = Style { theme, lang, caption: true, ..style() };
            files.push((format!("{name}-{theme_name}-{}.svg", lang.code()), style, |figure| {
                figure.svg_with(TextMode::Text).into_bytes()
            }));
        }
    }
    let plain: [(&str, Make); 5] = [
        (".csv", |figure| figure.data_csv().into_bytes()),
        (".png", |figure| figure.png(1.0).unwrap()),
        (".json", |figure| figure.data_json().into_bytes()),
        ("-paths.svg", |figure| figure.svg_with(TextMode::Paths).into_bytes()),
        ("-embed.svg", |figure| figure.svg_with(TextMode::Embed).into_bytes()),
    ];
    files.extend(plain.map(|(end, make)| (format!("{name}{end}"), style(), make)));
    files
}

type Make = fn(&Figure) -> Vec<u8>;

/// The number of goldens of a new figure: the pictures of all themes and languages, CSV, and PNG.
const NUM_NEW: usize = 8;

/// Compares the goldens of this name that exist.
pub fn assert_goldens(name: &str, draw: impl Fn(&Style) -> Result<Figure>) {
    let files = files(name);
    let is_new = !files.iter().any(|(file, ..)| golden(file).exists());
    for (index, (file, style, make)) in files.iter().enumerate() {
        if !(golden(file).exists() || is_new && index < NUM_NEW) {
            continue;
        }
        let fresh = make(&draw(style).unwrap());
        match file.strip_suffix(".png") {
            Some(name) => assert_golden_png(name, &fresh),
            None => assert_golden(file, std::str::from_utf8(&fresh).unwrap()),
        }
    }
    assert_eq!(draw(&style()).unwrap().svg(), draw(&style()).unwrap().svg(), "{name}");
}

/// The examples with goldens.
fn examples() -> impl Iterator<Item = &'static Example> {
    let all = KINDS.iter().flat_map(|kind| kind.examples);
    all.filter(|example| example.golden != Golden::None)
}

/// The examples are divided among several tests, which run in parallel.
fn assert_examples(part: usize) {
    let here = examples().filter(|example| example.golden != Golden::Elsewhere);
    for example in here.skip(part).step_by(4) {
        assert_goldens(example.name, |style| example.of_golden(style));
    }
}

#[test]
fn examples_equal_their_goldens_0() {
    assert_examples(0);
}

#[test]
fn examples_equal_their_goldens_1() {
    assert_examples(1);
}

#[test]
fn examples_equal_their_goldens_2() {
    assert_examples(2);
}

#[test]
fn examples_equal_their_goldens_3() {
    assert_examples(3);
}

#[test]
fn every_golden_is_compared() {
    let known: Vec<String> =
        examples().flat_map(|example| files(example.name).into_iter().map(|file| file.0)).collect();
    for entry in std::fs::read_dir(golden("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name), "nothing draws {name}");
    }
}

#[test]
fn svg_bytes_repeat() {
    for name in FIGURES {
        let svg = || draw(name, &source(Lang::Ja), &style()).svg();
        assert_eq!(svg(), svg());
    }
}

/// The share of colour channels that differ by more than a shade; 1 if the sizes differ.
pub fn difference(got: &[u8], want: &[u8]) -> f64 {
    let read = |bytes| image::load_from_memory(bytes).expect("a readable PNG").to_rgb8();
    let (got, want) = (read(got), read(want));
    if got.dimensions() != want.dimensions() {
        return 1.0;
    }
    let differing = got.as_raw().iter().zip(want.as_raw()).filter(|(a, b)| a.abs_diff(**b) > 24).count();
    differing as f64 / got.as_raw().len() as f64
}

/// The allowed share. Rasterisers round the coverage of an edge differently, and no glyph is this small.
pub const PIXEL_TOLERANCE: f64 = 2e-4;

pub fn assert_golden_png(name: &str, png: &[u8]) {
    let golden = golden_bytes(&format!("{name}.png"), png);
    let differing = difference(png, &golden);
    assert!(differing <= PIXEL_TOLERANCE, "{name}: {:.4}% of the pixels differ", differing * 100.0);
}

#[test]
fn pixel_comparison_rejects_another_picture() {
    let png = |trace_: &Trace| draw("next-token", trace_, &style()).png(1.0).unwrap();
    let original = example::japanese();
    let mut other = original.clone();
    // Changes one digit of one percentage.
    other.steps[0].candidates[1].prob += 0.001;
    assert!(difference(&png(&original), &png(&other)) > PIXEL_TOLERANCE);
    assert_eq!(difference(&png(&original), &png(&original)), 0.0);
}

/// librsvg is a second implementation that draws the outlines.
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
    // Another rasteriser shades edges differently. A missing label would be ten times as much.
    let differing = difference(&output.stdout, &figure.png(1.0).unwrap());
    assert!(differing < 2e-3, "{:.3}% of the pixels differ", differing * 100.0);
}
