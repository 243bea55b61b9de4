//! Rasterising: the SVG with outlines becomes pixels, so that both show the same.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use crate::{Error, ErrorKind, Result};

/// A picture of more pixels than this is refused.
const MAX_PIXELS: f64 = 100e6;

pub(super) fn render(svg: &str, width: f64, height: f64, scale: f32) -> Result<Vec<u8>> {
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
    // The size on paper may be in millimetres; pixels follow the view box alone.
    let (columns, rows) = (columns.round().max(1.0) as u32, rows.round().max(1.0) as u32);
    let mut pixmap = Pixmap::new(columns, rows).ok_or_else(|| failed("no room for its pixels"))?;
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
    Ok(png)
}
