//! Draws every kind of figure with any tokens.

use sukashi::figure::kind::Picture;
use sukashi::figure::{Figure, KINDS, Style};

/// Every example of every kind, with these words. It leaves out figures that need a wider page.
pub fn all(words: &[&str], style: &Style) -> Vec<(&'static str, Figure)> {
    some(words, style, |_| true)
}

/// The examples of those kinds whose names `accept` accepts.
pub fn some(words: &[&str], style: &Style, accept: impl Fn(&str) -> bool) -> Vec<(&'static str, Figure)> {
    let kinds = KINDS.iter().filter(|kind| accept(kind.name));
    let mut figures = Vec::new();
    for example in kinds.flat_map(|kind| kind.examples) {
        match example.of_words(words, style) {
            Ok(figure) => figures.push((example.name, figure)),
            // Many numbers or a token of many bytes may not fit on a narrow page.
            Err(error) => assert!(error.to_string().contains("wider"), "{}: {error}", example.name),
        }
    }
    figures
}

#[test]
fn the_gallery_has_every_picture_and_no_other() {
    let files = |picture: &Picture| ["en", "ja"].map(|lang| format!("{}.{lang}.png", picture.name));
    let pictures: Vec<String> = KINDS.iter().flat_map(|kind| kind.pictures).flat_map(files).collect();
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/gallery")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let drawn: Vec<String> = names.filter(|name| name.ends_with(".png")).collect();
    let missing: Vec<&String> = pictures.iter().filter(|name| !drawn.contains(name)).collect();
    let unknown: Vec<&String> = drawn.iter().filter(|name| !pictures.contains(name)).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "missing: {missing:?}; drawn by no figure: {unknown:?}; run scripts/make_gallery.sh"
    );
}

#[test]
fn every_example_is_drawn_under_a_name_of_its_own() {
    let examples: Vec<_> =
        KINDS.iter().flat_map(|kind| kind.examples.iter().map(|example| example.name)).collect();
    for (index, name) in examples.iter().enumerate() {
        assert!(!examples[..index].contains(name), "{name}");
    }
    let drawn = all(&["猫", "犬", "鳥"], &Style::default());
    assert_eq!(drawn.iter().map(|(name, _)| *name).collect::<Vec<_>>(), examples);
}
