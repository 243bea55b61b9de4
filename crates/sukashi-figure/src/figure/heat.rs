//! Heat: a number becomes a shade of viridis, or of grey on paper. A legend shows the scale.

use std::sync::LazyLock;

use super::fonts::Weight;
use super::page::Page;
use super::scene::{ASCENT, Anchor, Bounds, Item, NOTE};
use super::style::Theme;

/// Viridis (Smith and van der Walt 2015) at every tenth. It grows lighter throughout, in grey, too.
const VIRIDIS: [u32; 11] = [
    0x440154, 0x482475, 0x414487, 0x355f8d, 0x2a788e, 0x21918c, 0x22a884, 0x44bf70, 0x7ad151, 0xbddf26,
    0xfde725,
];
/// On paper, a greater number is darker.
const GREYS: [u32; 2] = [0xf7f7f7, 0x2b2b2b];

/// The number of shades. The eye cannot tell so many apart.
const SHADES: usize = 128;

/// A background and a text that can be read on it.
#[derive(Debug)]
pub(super) struct Shade {
    pub(super) fill: String,
    pub(super) text: &'static str,
}

static ON_SCREEN: LazyLock<Vec<Shade>> = LazyLock::new(|| shades(&VIRIDIS));
static ON_PAPER: LazyLock<Vec<Shade>> = LazyLock::new(|| shades(&GREYS));

/// The shade of a number from 0 to 1.
pub(super) fn shade(theme: Theme, value: f64) -> &'static Shade {
    let shades: &'static [Shade] = if theme == Theme::Print { &ON_PAPER } else { &ON_SCREEN };
    let index = (value.clamp(0.0, 1.0) * (SHADES - 1) as f64).round() as usize;
    &shades[index.min(SHADES - 1)]
}

fn shades(anchors: &[u32]) -> Vec<Shade> {
    let channel = |color: u32, shift: u32| f64::from(color >> shift & 0xff);
    let at = |index: usize| {
        let place = index as f64 / (SHADES - 1) as f64 * (anchors.len() - 1) as f64;
        let before = (place as usize).min(anchors.len() - 2);
        let part = place - before as f64;
        let mixed = [16, 8, 0].map(|shift| {
            let (from, to) = (channel(anchors[before], shift), channel(anchors[before + 1], shift));
            from + (to - from) * part
        });
        let [red, green, blue] = mixed.map(|channel| channel.round() as u8);
        let text = if luminance(mixed) > TURN { "#000000" } else { "#ffffff" };
        Shade { fill: format!("#{red:02x}{green:02x}{blue:02x}"), text }
    };
    (0..SHADES).map(at).collect()
}

/// Above this luminance, black contrasts more than white.
const TURN: f64 = 0.179;

/// Relative luminance as WCAG defines it.
fn luminance(channels: [f64; 3]) -> f64 {
    let [red, green, blue] = channels.map(|channel| {
        let value = channel / 255.0;
        if value <= 0.04045 { value / 12.92 } else { libm::pow((value + 0.055) / 1.055, 2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// Draws a bar of all shades, with a name before it and numbers at their places (0 to 1) below it.
pub(super) fn legend(page: &mut Page<'_>, name: &str, ticks: &[(f64, String)]) {
    const STEPS: usize = 64;
    const HEIGHT: f64 = 10.0;
    const GAP: f64 = 12.0;
    let palette = page.palette;
    let name_width = page.measure(name, NOTE, Weight::Regular);
    let right = ticks.last().map_or(0.0, |(_, text)| page.measure(text, NOTE, Weight::Regular) / 2.0);
    // The bar stands below the name if there is no room beside the name.
    let beside = name_width + GAP + 160.0 <= page.inner();
    let first = ticks.first().map_or(0.0, |(_, text)| page.measure(text, NOTE, Weight::Regular) / 2.0);
    if beside {
        let y = page.y + NOTE * ASCENT;
        page.text(name.to_owned(), page.margin, y, Anchor::Start, NOTE, Weight::Regular, palette.muted);
    } else {
        page.note(&[name.to_owned()]);
    }
    let start = page.margin + if beside { name_width + GAP + first } else { first };
    let width = (page.width - page.margin - right - start).min(260.0);
    let theme = page.style.theme;
    for step in 0..STEPS {
        // Each shade reaches under the next one, so that no seam shows.
        let x = start + width * step as f64 / STEPS as f64;
        let bounds = Bounds { x, y: page.y, width: start + width - x, height: HEIGHT };
        let fill = &shade(theme, step as f64 / (STEPS - 1) as f64).fill;
        page.items.push(Item::Rect { bounds, fill });
    }
    let y = page.y + HEIGHT + 3.0 + NOTE * ASCENT;
    let mut end = f64::NEG_INFINITY;
    for (place, text) in ticks {
        let (x, half) = (start + width * place, page.measure(text, NOTE, Weight::Regular) / 2.0);
        if x - half >= end + 4.0 {
            page.text(text.clone(), x, y, Anchor::Middle, NOTE, Weight::Regular, palette.muted);
            end = x + half;
        }
    }
    page.y += HEIGHT + 3.0 + NOTE + 10.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(fill: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| f64::from(u8::from_str_radix(&fill[at..at + 2], 16).unwrap()))
    }

    #[test]
    fn more_is_lighter_or_on_paper_darker_and_text_can_be_read() {
        for theme in [Theme::Light, Theme::Print] {
            let shades: Vec<_> = (0..=100).map(|step| shade(theme, f64::from(step) / 100.0)).collect();
            let lights: Vec<f64> = shades.iter().map(|shade| luminance(channels(&shade.fill))).collect();
            let rises = |pair: &[f64]| pair[0] <= pair[1];
            assert!(
                lights.windows(2).all(|pair| rises(pair) == (theme == Theme::Light) || pair[0] == pair[1])
            );
            for (shade, light) in shades.iter().zip(lights) {
                let text = luminance(channels(shade.text));
                let contrast = (light.max(text) + 0.05) / (light.min(text) + 0.05);
                assert!(contrast >= 4.5, "{} on {}", shade.text, shade.fill);
            }
        }
    }

    #[test]
    fn what_is_no_number_from_0_to_1_has_a_shade() {
        assert_eq!(shade(Theme::Light, f64::NAN).fill, shade(Theme::Light, -1.0).fill);
        assert_eq!(shade(Theme::Light, 7.0).fill, "#fde725");
    }
}
