//! Subsets of the embedded faces inside an SVG, as data URLs.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::fonts::{Fonts, Role, Weight};

/// The family name of a subset inside the figure.
pub(super) fn family(role: Role) -> &'static str {
    match role {
        Role::Embedded(Weight::Bold) => "SukashiGothic-Bold",
        _ => "SukashiGothic-Regular",
    }
}

/// The `@font-face` rule for the characters `used` of a face. `None` if no subset of the face can be made.
pub(super) fn font_face(fonts: &Fonts, face: usize, used: &BTreeSet<char>) -> Option<String> {
    let face = fonts.face(face);
    // Only the crate's own faces come here. They are sound, and their licence allows subsets.
    let font = font_subset::Font::opentype(face.bytes()).ok()?;
    let subset = font.subset(used).ok()?.to_woff2();
    let data = STANDARD.encode(subset);
    Some(format!(
        "@font-face{{font-family:\"{}\";src:url(data:font/woff2;base64,{data})format(\"woff2\")}}",
        family(face.role)
    ))
}
