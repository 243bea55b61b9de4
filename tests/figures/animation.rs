//! Tests the animated trace: its frames, its times, its look at rest, its layout and bad input.

use std::collections::BTreeMap;
use std::io::Cursor;

use image::AnimationDecoder;
use image::codecs::png::PngDecoder;
use resvg::usvg::{self, roxmltree};
use sukashi::figure::{
    Figure, Lang, Style, TextMode, TraceOptions, check_animation, example, percent, trace, trace_animation,
};
use sukashi::{ErrorKind, Trace};

use super::goldens::{PIXEL_TOLERANCE, difference};
use super::layout::assert_laid_out;
use super::{style, texts};

fn animated(record: &Trace, style: &Style) -> Figure {
    trace_animation(record, &TraceOptions::default(), 1.5, style).unwrap()
}

/// A record with so many steps.
fn long(num_steps: usize) -> Trace {
    let record = example::japanese();
    let step = |index: usize| {
        let mut step = record.steps[index % 3].clone();
        step.position = 3 + index;
        step
    };
    example::trace("soseki-mini", "吾輩は", &["吾", "輩", "は"], (0..num_steps).map(step).collect())
}

/// The frames of an SVG: the seconds of a round in which each is visible, and whether it is visible at rest.
fn timing(svg: &str) -> (Vec<(f64, f64)>, Vec<bool>) {
    let document = roxmltree::Document::parse(svg).unwrap();
    let rules = document.descendants().find(|node| node.has_tag_name("style")).unwrap().text().unwrap();
    let between = |text: &str, start: &str, end: &str| -> String {
        let from = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}")) + start.len();
        text[from..][..text[from..].find(end).unwrap()].to_owned()
    };
    let mut frames = Vec::new();
    let mut at_rest = Vec::new();
    for group in document.root_element().children().filter(|node| node.has_tag_name("g")) {
        let class = group.attribute("class").unwrap();
        let delay = between(group.attribute("style").unwrap(), "animation-delay:", "s");
        let rule = between(rules, &format!(".{class}{{animation:{class} "), "}");
        assert!(rule.ends_with(" step-end infinite"), "{rule}");
        let whole: f64 = rule.split('s').next().unwrap().parse().unwrap();
        let key_frames = between(rules, &format!("@keyframes {class}{{"), "}}");
        let share: f64 = between(&key_frames, "visible}", "%").parse().unwrap();
        // A negative delay says how far the frame is at the start.
        let progress: f64 = -delay.parse::<f64>().unwrap();
        let start = if progress == 0.0 { 0.0 } else { whole - progress };
        frames.push((start, start + whole * share / 100.0));
        at_rest.push(group.attribute("visibility") != Some("hidden"));
    }
    (frames, at_rest)
}

/// The chunks of a PNG.
fn chunks(png: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut chunks = Vec::new();
    let mut at = 8;
    while at < png.len() {
        let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
        let name = String::from_utf8(png[at + 4..at + 8].to_vec()).unwrap();
        chunks.push((name, png[at + 8..at + 8 + length].to_vec()));
        at += 12 + length;
    }
    chunks
}

fn named<'a>(chunks: &'a [(String, Vec<u8>)], name: &str) -> Vec<&'a [u8]> {
    chunks.iter().filter(|chunk| chunk.0 == name).map(|chunk| &chunk.1[..]).collect()
}

#[test]
fn frames_follow_each_other_without_a_gap() {
    for mode in [TextMode::Paths, TextMode::Embed, TextMode::Text] {
        let (frames, at_rest) = timing(&animated(&long(7), &style()).svg_with(mode));
        assert_eq!(frames.len(), 7);
        for (index, (start, end)) in frames.iter().enumerate() {
            assert!((start - index as f64 * 1.5).abs() < 1e-9, "frame {index} begins at {start}");
            // The last frame stays twice as long.
            let want = if index == 6 { 12.0 } else { start + 1.5 };
            assert!((end - want).abs() < 1e-3, "frame {index} ends at {end}");
        }
        assert_eq!(at_rest, [false, false, false, false, false, false, true]);
    }
}

#[test]
fn the_style_sheet_moves_only_those_who_want_it() {
    let svg = animated(&long(3), &style()).svg();
    let (before, moving) =
        svg.split_once("@media screen and (prefers-reduced-motion:no-preference){").unwrap();
    assert!(!before.contains("animation:") && moving.contains("animation:"), "{before}");
    assert!(!svg.contains("<script") && !svg.contains("<animate"));
    // A figure of one step does not move.
    let still = animated(&long(1), &style());
    assert!(!still.svg().contains("<style>") && !still.svg().contains("hidden"));
    assert!(chunks(&still.png(1.0).unwrap()).iter().all(|(name, _)| name != "acTL"));
}

#[test]
fn numbers_of_each_frame_are_the_steps() {
    let record = example::japanese();
    let frames = animated(&record, &style()).frames();
    let strip = trace(&record, &TraceOptions::default(), &style()).unwrap();
    assert_eq!(frames[0].data_csv(), strip.data_csv());
    for (index, frame) in frames.iter().enumerate() {
        let shown = texts(&frame.svg_with(TextMode::Text));
        for candidate in &record.steps[index].candidates[..5] {
            assert!(shown.contains(&percent(candidate.prob)), "{} in {shown:?}", candidate.prob);
        }
        assert!(shown.contains(&format!("ステップ {} / 3", index + 1)), "{shown:?}");
        for (step, token) in ["猫", "で", "は"].iter().enumerate() {
            // The token appears in the text, and as the label of a bar.
            let count = shown.iter().filter(|text| text == token).count();
            assert!(step > index || count >= 1, "step {step} in frame {index}: {shown:?}");
        }
        assert!(frame.alt_text().contains("3 コマ") && frame.alt_text().contains("「猫」"));
    }
}

/// An element that several frames share stays in the same place.
#[test]
fn nothing_jumps() {
    for width in ["240px", "720px"] {
        let own = Style { width: width.parse().unwrap(), caption: true, ..style() };
        let figure = animated(&long(12), &own);
        let mut places: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for frame in figure.frames() {
            assert_eq!(frame.size(), figure.size());
            for (text, bounds) in frame.labels() {
                if text.starts_with("その他") || text.starts_with("ステップ") || text.contains("soseki")
                {
                    let text = text.chars().take(3).collect();
                    places.entry(text).or_default().push(bounds.y);
                }
            }
        }
        assert!(places.len() >= 3, "{places:?}");
        for (text, ys) in places.iter().filter(|(text, _)| !text.starts_with("sos")) {
            assert!(ys.len() == 12 && ys.iter().all(|y| *y == ys[0]), "{text}: {ys:?}");
        }
    }
}

#[test]
fn every_frame_is_laid_out() {
    for width in ["240px", "360px", "84mm", "720px", "1600px"] {
        for (lang, caption) in [(Lang::Ja, true), (Lang::En, false)] {
            let own = Style { width: width.parse().unwrap(), lang, caption, ..style() };
            for frame in animated(&long(30), &own).frames() {
                assert_laid_out(&frame);
            }
        }
    }
}

/// The APNG has each frame's own picture, and the last one for viewers that do not animate.
#[test]
fn the_apng_shows_each_frame() {
    let figure = animated(&long(4), &style());
    let png = figure.png(1.0).unwrap();
    let frames = figure.frames();
    let decoder = PngDecoder::new(Cursor::new(&png)).unwrap();
    assert!(decoder.is_apng().unwrap());
    let decoded = decoder.apng().unwrap().into_frames().collect_frames().unwrap();
    assert_eq!(decoded.len(), 4);
    for (index, (got, want)) in decoded.iter().zip(&frames).enumerate() {
        let want = image::load_from_memory(&want.png(1.0).unwrap()).unwrap().to_rgba8();
        assert_eq!(got.buffer(), &want, "frame {index}");
        let (numerator, denominator) = got.delay().numer_denom_ms();
        assert_eq!(numerator / denominator, if index == 3 { 3000 } else { 1500 });
    }
    assert_eq!(difference(&png, &frames[3].png(1.0).unwrap()), 0.0);

    let chunks = chunks(&png);
    // There are four frames, and the animation has no end.
    assert_eq!(named(&chunks, "acTL"), [[0, 0, 0, 4, 0, 0, 0, 0]]);
    let controls = named(&chunks, "fcTL");
    assert_eq!((controls.len(), named(&chunks, "fdAT").len(), named(&chunks, "IDAT").len()), (4, 4, 1));
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    let mut sequence = chunks.iter().filter(|(name, _)| name == "fcTL" || name == "fdAT");
    assert!((0..8).all(|index| number(&sequence.next().unwrap().1[..4]) == index));
    let (width, height) = figure.size();
    assert_eq!((number(&controls[0][4..8]), number(&controls[0][8..12])), (width as u32, height as u32));
    // Later frames do not repeat the title.
    assert!(controls[1..].iter().all(|control| number(&control[16..20]) > 60));
    // A frame replaces the whole picture without blending. Times are in milliseconds.
    assert!(controls.iter().all(|control| control[22..] == [3, 232, 0, 0]));
    let position = |name: &str| chunks.iter().position(|chunk| chunk.0 == name).unwrap();
    assert!(position("IDAT") < position("fcTL"), "the default image is no frame");
    assert!(named(&chunks, "iTXt").iter().any(|text| text.starts_with(b"Description")));
}

/// Viewers that do not animate show the last frame, and not all frames on top of each other.
#[test]
fn viewers_that_do_not_animate_show_the_last_frame() {
    let figure = animated(&long(5), &style());
    let frames = figure.frames();
    let tree = usvg::Tree::from_str(&figure.svg(), &usvg::Options::default()).unwrap();
    let (width, height) = figure.size();
    let mut pixmap = resvg::tiny_skia::Pixmap::new(width as u32, height as u32).unwrap();
    resvg::render(&tree, resvg::tiny_skia::Transform::identity(), &mut pixmap.as_mut());
    let shown = pixmap.encode_png().unwrap();
    assert!(difference(&shown, &frames[4].png(1.0).unwrap()) <= PIXEL_TOLERANCE);
    assert!(difference(&shown, &frames[3].png(1.0).unwrap()) > PIXEL_TOLERANCE);
}

#[test]
fn texts_and_steps_of_all_kinds_fit() {
    let prompt = "吾輩は猫である。名前はまだ無い。".repeat(200);
    let wide = "w".repeat(300);
    let words = [(wide.as_str(), 4.0), ("\n", 3.5), ("😀", 3.0), (" ", 2.0), ("שלום", 1.0)];
    let step = |chosen| example::step(3, &words, 300, 20.0, Some(chosen));
    // If the chosen token is not among the bars, the step has one bar more.
    let record = example::trace("m", &prompt, &[&prompt], (0..5).map(step).collect());
    for width in ["240px", "720px"] {
        let own = Style { width: width.parse().unwrap(), ..style() };
        let options = TraceOptions { count: 2, ..TraceOptions::default() };
        let figure = trace_animation(&record, &options, 0.25, &own).unwrap();
        for frame in figure.frames() {
            assert_laid_out(&frame);
        }
        assert!(texts(&figure.svg_with(TextMode::Text)).iter().any(|text| text.starts_with('…')));
    }
    let mut looked = example::japanese();
    looked.steps[1].chosen = None;
    assert_eq!(animated(&looked, &style()).frames().len(), 3);
}

#[test]
fn what_cannot_be_animated_is_refused() {
    let record = example::japanese();
    let refused = |result: sukashi::Result<Figure>, expected: &str| {
        let error = result.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(expected), "{error}");
    };
    let many = |steps| {
        trace_animation(&long(101), &TraceOptions { steps, ..TraceOptions::default() }, 1.0, &style())
    };
    refused(many(101), "found 101, expected 1 to 100");
    refused(many(0), "found 0, expected 1 to 100");
    assert_eq!(many(100).unwrap().frames().len(), 100);
    for seconds in [0.0, -1.0, 0.2, 30.5, f64::NAN, f64::INFINITY] {
        let figure = trace_animation(&record, &TraceOptions::default(), seconds, &style());
        refused(figure, "seconds per step, expected 0.25 to 30");
    }
    let slowest = trace_animation(&record, &TraceOptions::default(), 30.0, &style()).unwrap();
    assert_eq!(timing(&slowest.svg()).0[2].1.round(), 120.0);
    assert!(check_animation(101, 1.0).is_err() && check_animation(100, 0.25).is_ok());
    refused(
        trace_animation(&record, &TraceOptions { first: 3, ..TraceOptions::default() }, 1.0, &style()),
        "found 3 steps",
    );
    let figure =
        trace_animation(&long(60), &TraceOptions { steps: 60, ..TraceOptions::default() }, 1.0, &style())
            .unwrap();
    let error = figure.png(8.0).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("60 frames") && error.to_string().contains("500 million"), "{error}");
}
