//! Rasterising: the SVG with outlines becomes pixels, so that both show the same.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use crate::{Error, ErrorKind, Result};

/// A picture of more pixels than this is refused.
const MAX_PIXELS: f64 = 100e6;

/// What a picture says about itself.
pub(super) struct Description<'a> {
    /// Keywords of the PNG specification, such as `Title`, and their texts.
    pub(super) texts: &'a [(&'static str, &'a str)],
    /// Pixels per metre, where the size on paper matters.
    pub(super) density: Option<f64>,
}

/// Draws `svg`, which is `width` by `height` pixels at scale 1, as PNG.
pub(super) fn render(
    svg: &str,
    (width, height): (f64, f64),
    scale: f32,
    description: &Description<'_>,
) -> Result<Vec<u8>> {
    let (columns, rows) = (width * f64::from(scale), height * f64::from(scale));
    if !(scale > 0.0 && columns >= 1.0 && rows >= 1.0 && columns * rows <= MAX_PIXELS) {
        return Err(Error::input("cannot draw the figure at this scale")
            .detail(format!("found scale {scale} for {width:.0} x {height:.0} px"))
            .detail("expected a positive scale that gives at most 100 million pixels"));
    }
    let failed =
        |what: &str| Error::new(ErrorKind::Computation, format!("cannot draw the figure as PNG: {what}"));
    let tree = Tree::from_str(svg, &Options::default())
        .map_err(|error| failed("its SVG is not readable").caused_by(error))?;
    let (columns, rows) = (columns.round().max(1.0) as u32, rows.round().max(1.0) as u32);
    let mut pixmap = Pixmap::new(columns, rows).ok_or_else(|| failed("no room for its pixels"))?;
    // The SVG's own size may be in millimetres; here it fills the pixels.
    let size = tree.size();
    let transform = Transform::from_scale(columns as f32 / size.width(), rows as f32 / size.height());
    resvg::render(&tree, transform, &mut pixmap.as_mut());

    // The ground is opaque, so colour without alpha says it all.
    let pixels: Vec<u8> =
        pixmap.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Sub)
        .write_image(&pixels, columns, rows, ExtendedColorType::Rgb8)
        .map_err(|error| failed("encoding failed").caused_by(error))?;
    describe(&mut png, scale, description);
    Ok(png)
}

/// Inserts chunks behind the header, which is always the first and of one size.
fn describe(png: &mut Vec<u8>, scale: f32, description: &Description<'_>) {
    const HEADER_END: usize = 8 + 12 + 13;
    let mut chunks = Vec::new();
    if let Some(density) = description.density {
        let density = ((density * f64::from(scale)).round() as u32).to_be_bytes();
        push_chunk(&mut chunks, *b"pHYs", &[&density, &density, &[1]]);
    }
    for (keyword, text) in description.texts {
        // Keyword, then: not compressed, no language, no translated keyword.
        push_chunk(&mut chunks, *b"iTXt", &[keyword.as_bytes(), &[0, 0, 0, 0, 0], text.as_bytes()]);
    }
    png.splice(HEADER_END..HEADER_END, chunks);
}

fn push_chunk(out: &mut Vec<u8>, name: [u8; 4], parts: &[&[u8]]) {
    let data = parts.concat();
    out.extend((data.len() as u32).to_be_bytes());
    let start = out.len();
    out.extend(name);
    out.extend(data);
    let sum = crc32(&out[start..]);
    out.extend(sum.to_be_bytes());
}

/// The checksum of PNG chunks: CRC-32, ISO 3309.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8)
            .fold(crc ^ u32::from(*byte), |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn checksum_is_the_standard_one() {
        assert_eq!(super::crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(super::crc32(b"IEND"), 0xAE42_6082);
    }
}
