//! Tests the glyphs of the embedded faces. Each is the sign that Unicode means, and no two look alike as tokens.

use std::collections::BTreeMap;
use std::collections::HashMap;

use resvg::tiny_skia::{Color, FillRule, Paint, Path, PathBuilder, Pixmap, Transform};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, MetadataProvider};
use sukashi::trace::visible;

const REGULAR: &[u8] = include_bytes!("../../crates/sukashi-figure/assets/fonts/SukashiGothic-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../crates/sukashi-figure/assets/fonts/SukashiGothic-Bold.ttf");

/// An outline in thousandths of the em. The y axis points upwards.
struct Outline {
    path: Path,
    num_contours: usize,
}

#[derive(Default)]
struct Pen {
    builder: PathBuilder,
    num_contours: usize,
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.num_contours += 1;
        self.builder.move_to(x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.builder.line_to(x, y);
    }
    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.builder.quad_to(cx, cy, x, y);
    }
    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        self.builder.cubic_to(ax, ay, bx, by, x, y);
    }
    fn close(&mut self) {
        self.builder.close();
    }
}

/// Every character of a face with a visible glyph.
fn outlines(bytes: &[u8]) -> BTreeMap<char, Outline> {
    let font = FontRef::new(bytes).unwrap();
    let glyphs = font.outline_glyphs();
    let mut outlines = BTreeMap::new();
    for (code, id) in font.charmap().mappings() {
        let mut pen = Pen::default();
        let settings = DrawSettings::unhinted(Size::new(1000.0), LocationRef::default());
        glyphs.get(id).unwrap().draw(settings, &mut pen).unwrap();
        if let (Some(character), Some(path)) = (char::from_u32(code), pen.builder.finish()) {
            outlines.insert(character, Outline { path, num_contours: pen.num_contours });
        }
    }
    outlines
}

const SIDE: u32 = 48;

/// The ink of a glyph, stretched to a square, and mirrored if `mirrored` is set.
fn ink(outline: &Outline, mirrored: bool) -> Vec<bool> {
    let bounds = outline.path.bounds();
    let side = SIDE as f32;
    let (x, y) = (side / bounds.width().max(1.0), side / bounds.height().max(1.0));
    let (x, left) = if mirrored { (-x, bounds.right()) } else { (x, bounds.left()) };
    let transform = Transform::from_row(x, 0.0, 0.0, -y, -left * x, bounds.bottom() * y);
    let mut pixmap = Pixmap::new(SIDE, SIDE).unwrap();
    let mut paint = Paint::default();
    paint.set_color(Color::BLACK);
    pixmap.fill_path(&outline.path, &paint, FillRule::Winding, transform, None);
    pixmap.pixels().iter().map(|pixel| pixel.alpha() >= 128).collect()
}

/// The share of ink that both have; 1 for equal glyphs.
fn overlap(a: &[bool], b: &[bool]) -> f64 {
    let count = |both: fn(bool, bool) -> bool| a.iter().zip(b).filter(|(a, b)| both(**a, **b)).count() as f64;
    count(|a, b| a && b) / count(|a, b| a || b).max(1.0)
}

#[test]
fn both_weights_draw_the_same_signs() {
    let (regular, bold) = (outlines(REGULAR), outlines(BOLD));
    let mut num_compared = 0;
    for (character, outline) in &bold {
        let shared = overlap(&ink(&regular[character], false), &ink(outline, false));
        assert!(shared > 0.4, "{character} U+{:04X} differs: {shared:.2}", u32::from(*character));
        num_compared += 1;
    }
    assert!(num_compared > 4700, "{num_compared}");
}

#[test]
fn signs_point_where_their_names_say() {
    for (weight, bytes) in [("regular", REGULAR), ("bold", BOLD)] {
        let outlines = outlines(bytes);
        for pair in [
            "()", "[]", "{}", "<>", "«»", "‹›", "≪≫", "⊂⊃", "⊆⊇", "∈∋", "≤≥", "≦≧", "〈〉", "《》", "【】",
            "〔〕", "（）", "［］", "｛｝", "＜＞", "←→", "⇐⇒", "◀▶", "◁▷",
        ] {
            let characters = Vec::from_iter(pair.chars());
            let [Some(left), Some(right)] = [0, 1].map(|at| outlines.get(&characters[at])) else { continue };
            let (left, mirrored) = (ink(left, false), ink(right, true));
            let (same, other) = (overlap(&left, &mirrored), overlap(&left, &ink(right, false)));
            assert!(
                same > 0.75 && same > other,
                "{weight}: {pair} are no mirror images: {same:.2}, {other:.2}"
            );
        }
        // The glyphs of each pair are not exchanged.
        let (less, greater) = (ink(&outlines[&'<'], false), ink(&outlines[&'>'], false));
        for pair in ["≤≥", "≦≧", "≪≫", "«»", "‹›", "〈〉", "《》", "＜＞"] {
            let characters = Vec::from_iter(pair.chars());
            for (character, own, other) in
                [(characters[0], &less, &greater), (characters[1], &greater, &less)]
            {
                let Some(outline) = outlines.get(&character) else { continue };
                let drawn = ink(outline, false);
                let (own, other) = (overlap(&drawn, own), overlap(&drawn, other));
                assert!(own > other, "{weight}: {character} is drawn the other way: {own:.2}, {other:.2}");
            }
        }
    }
}

/// Points along an outline that begins at x = 0.
fn points(outline: &Outline) -> Vec<(f32, f32)> {
    use resvg::tiny_skia::PathSegment;
    let mut points: Vec<(f32, f32)> = Vec::new();
    let mut last = (0.0, 0.0);
    let mut line = |from: (f32, f32), to: (f32, f32)| {
        let steps = ((to.0 - from.0).hypot(to.1 - from.1) / 15.0).ceil().max(1.0);
        for step in 0..steps as u32 {
            let share = step as f32 / steps;
            points.push((from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share));
        }
    };
    for segment in outline.path.segments() {
        match segment {
            PathSegment::MoveTo(to) => last = (to.x, to.y),
            PathSegment::LineTo(to) => {
                line(last, (to.x, to.y));
                last = (to.x, to.y);
            }
            PathSegment::QuadTo(by, to) => {
                let from = last;
                for step in 1..=6 {
                    let t = step as f32 / 6.0;
                    let at =
                        |a: f32, b: f32, c: f32| (1.0 - t).powi(2) * a + 2.0 * t * (1.0 - t) * b + t * t * c;
                    let next = (at(from.0, by.x, to.x), at(from.1, by.y, to.y));
                    line(last, next);
                    last = next;
                }
            }
            _ => {}
        }
    }
    let left = outline.path.bounds().left();
    points.iter().map(|(x, y)| (x - left, *y)).collect()
}

/// Whether no point of one outline is further than `most` from the other outline.
fn look_alike(a: &[(f32, f32)], b: &[(f32, f32)], most: f32) -> bool {
    let near = |point: &(f32, f32), others: &[(f32, f32)]| {
        others.iter().any(|other| (point.0 - other.0).hypot(point.1 - other.1) <= most)
    };
    a.iter().all(|point| near(point, b)) && b.iter().all(|point| near(point, a))
}

/// A distance in thousandths of the em. It is less than a fifth of a pixel in a label. Different signs differ by 30.
const ALIKE: f32 = 12.0;

#[test]
fn no_two_characters_of_the_face_look_alike_as_tokens() {
    let outlines = outlines(REGULAR);
    let mut buckets: BTreeMap<(usize, i32, i32), Vec<char>> = BTreeMap::new();
    let key = |outline: &Outline| {
        let bounds = outline.path.bounds();
        (outline.num_contours, (bounds.width() / ALIKE) as i32, (bounds.bottom() / ALIKE) as i32)
    };
    // A character that looks like an earlier one counts as that one.
    let mut looks: HashMap<char, char> = HashMap::new();
    let mut sampled: HashMap<char, Vec<(f32, f32)>> = HashMap::new();
    for (character, outline) in &outlines {
        let (contours, width, top) = key(outline);
        let own = points(outline);
        let mut look = *character;
        'search: for width in width - 1..=width + 1 {
            for top in top - 1..=top + 1 {
                for other in buckets.get(&(contours, width, top)).into_iter().flatten() {
                    // The lengths of most outlines already differ.
                    let lengths = own.len().abs_diff(sampled[other].len());
                    if lengths * 20 <= own.len() && look_alike(&own, &sampled[other], ALIKE) {
                        look = *other;
                        break 'search;
                    }
                }
            }
        }
        if look == *character {
            buckets.entry((contours, width, top)).or_default().push(*character);
            sampled.insert(*character, own);
        }
        looks.insert(*character, look);
    }
    let num_alike = looks.iter().filter(|(character, look)| character != look).count();
    assert!(num_alike > 120, "{num_alike} are alike; is the comparison blind?");

    let mut seen: HashMap<String, char> = HashMap::new();
    let mut same = Vec::new();
    for character in outlines.keys() {
        let shown = visible::on_shelves(&visible::token(0, Some(&character.to_string()), None));
        let look: String = shown.chars().map(|shown| *looks.get(&shown).unwrap_or(&shown)).collect();
        if let Some(other) = seen.insert(look, *character) {
            same.push(format!(
                "{other} U+{:04X} and {character} U+{:04X}",
                u32::from(other),
                u32::from(*character)
            ));
        }
    }
    assert!(same.is_empty(), "drawn alike:\n{}", same.join("\n"));
}
