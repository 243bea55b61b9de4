//! Rasterising: the SVG with outlines becomes pixels, so that SVG and PNG show the same.

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter, PixelDimensions, Unit};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use crate::{Error, ErrorKind, Result};

/// A picture of more pixels than this is refused.
const MAX_PIXELS: f64 = 100e6;
/// An animation of more pixels in all its frames is refused.
const MAX_ANIMATION_PIXELS: f64 = 500e6;

/// The texts and the density that a picture has in its metadata.
pub(super) struct Description<'a> {
    /// Keywords of the PNG specification, such as `Title`, and their texts.
    pub(super) texts: &'a [(&'static str, &'a str)],
    /// Pixels per metre at scale 1, if the figure has a size on paper.
    pub(super) density: Option<f64>,
}

/// A drawing. If it is one of several, it is shown for so many milliseconds.
pub(super) struct Drawing {
    /// The SVG, in which text is outlines.
    pub(super) svg: String,
    pub(super) milliseconds: u16,
}

/// Makes a PNG of one drawing, or an APNG of several. All drawings are `size` pixels large at scale 1. Viewers that do
/// not animate show the last one.
pub(super) fn render(
    drawings: &[Drawing],
    size: (f64, f64),
    scale: f32,
    description: &Description<'_>,
) -> Result<Vec<u8>> {
    let (columns, rows) = pixels(size, scale, drawings.len())?;
    let Some(last) = drawings.last() else { return Err(failed("there is nothing to draw")) };
    let still = Raster::new(&last.svg, columns, rows)?;
    let mut png = Vec::new();
    encode(&mut png, &still, drawings, scale, description)?;
    Ok(png)
}

fn failed(what: &str) -> Error {
    Error::new(ErrorKind::Computation, format!("cannot draw the figure as PNG: {what}"))
}

/// The numbers of the picture's columns and rows.
fn pixels((width, height): (f64, f64), scale: f32, num_drawings: usize) -> Result<(u32, u32)> {
    let (columns, rows) = (width * f64::from(scale), height * f64::from(scale));
    if !(scale > 0.0 && columns >= 1.0 && rows >= 1.0 && columns * rows <= MAX_PIXELS) {
        return Err(Error::input("cannot draw the figure at this scale")
            .detail(format!("found scale {scale} for {width:.0} x {height:.0} px"))
            .detail("expected a positive scale that gives at most 100 million pixels"));
    }
    if num_drawings > 1 && columns * rows * num_drawings as f64 > MAX_ANIMATION_PIXELS {
        return Err(Error::input("cannot draw the animation at this scale")
            .detail(format!("found scale {scale} for {num_drawings} frames of {width:.0} x {height:.0} px"))
            .detail("expected a scale that gives at most 500 million pixels in all"));
    }
    Ok((columns.round().max(1.0) as u32, rows.round().max(1.0) as u32))
}

fn encode(
    out: &mut Vec<u8>,
    still: &Raster,
    drawings: &[Drawing],
    scale: f32,
    description: &Description<'_>,
) -> Result<()> {
    let wrong = |error: EncodingError| failed("encoding failed").caused_by(error);
    let mut encoder = Encoder::new(out, still.columns, still.rows);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(Filter::Sub);
    for (keyword, text) in description.texts {
        encoder.add_itxt_chunk((*keyword).to_owned(), (*text).to_owned()).map_err(wrong)?;
    }
    if let Some(density) = description.density {
        let density = (density * f64::from(scale)).round() as u32;
        let dimensions = PixelDimensions { xppu: density, yppu: density, unit: Unit::Meter };
        encoder.set_pixel_dims(Some(dimensions));
    }
    let is_animated = drawings.len() > 1;
    if is_animated {
        encoder.set_animated(drawings.len() as u32, 0).map_err(wrong)?;
        encoder.set_sep_def_img(true).map_err(wrong)?;
    }
    let mut writer = encoder.write_header().map_err(wrong)?;
    writer.write_image_data(&still.pixels).map_err(wrong)?;
    let mut previous: Option<Raster> = None;
    for drawing in drawings.iter().filter(|_| is_animated) {
        let raster = Raster::new(&drawing.svg, still.columns, still.rows)?;
        // A frame writes only what changes. The first frame of a round writes everything.
        let part = match &previous {
            Some(previous) => raster.difference(previous),
            None => Part { left: 0, top: 0, columns: raster.columns, rows: raster.rows },
        };
        // The encoder checks each of these together with the values before.
        writer.set_frame_position(0, 0).map_err(wrong)?;
        writer.set_frame_dimension(part.columns, part.rows).map_err(wrong)?;
        writer.set_frame_position(part.left, part.top).map_err(wrong)?;
        writer.set_frame_delay(drawing.milliseconds, 1000).map_err(wrong)?;
        writer.write_image_data(&raster.cut(&part)).map_err(wrong)?;
        previous = Some(raster);
    }
    writer.finish().map_err(wrong)
}

/// Opaque pixels, three bytes each, row by row.
struct Raster {
    columns: u32,
    rows: u32,
    pixels: Vec<u8>,
}

/// A rectangle of pixels.
struct Part {
    left: u32,
    top: u32,
    columns: u32,
    rows: u32,
}

impl Raster {
    fn new(svg: &str, columns: u32, rows: u32) -> Result<Self> {
        let tree = Tree::from_str(svg, &Options::default())
            .map_err(|error| failed("its SVG is not readable").caused_by(error))?;
        let mut pixmap = Pixmap::new(columns, rows).ok_or_else(|| failed("no room for its pixels"))?;
        // The SVG's own size may be in millimetres. Here, the drawing fills the pixels.
        let size = tree.size();
        let transform = Transform::from_scale(columns as f32 / size.width(), rows as f32 / size.height());
        resvg::render(&tree, transform, &mut pixmap.as_mut());
        // The background is opaque, so no alpha is needed.
        let pixels = pixmap.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Ok(Self { columns, rows, pixels })
    }

    fn row(&self, row: u32) -> &[u8] {
        let length = self.columns as usize * 3;
        &self.pixels[row as usize * length..][..length]
    }

    /// The smallest part that holds all differences from `other`, which is as large. It has at least one pixel.
    fn difference(&self, other: &Self) -> Part {
        let (mut first, mut end) = (self.columns, 0);
        let (mut top, mut bottom) = (self.rows, 0);
        for row in 0..self.rows {
            let pairs = || self.row(row).chunks_exact(3).zip(other.row(row).chunks_exact(3));
            let differs = |(own, other): (&[u8], &[u8])| own != other;
            let ends = (pairs().position(differs), pairs().rposition(differs));
            let (Some(left), Some(right)) = ends else { continue };
            first = first.min(left as u32);
            end = end.max(right as u32 + 1);
            (top, bottom) = (top.min(row), row + 1);
        }
        if end == 0 {
            return Part { left: 0, top: 0, columns: 1, rows: 1 };
        }
        Part { left: first, top, columns: end - first, rows: bottom - top }
    }

    fn cut(&self, part: &Part) -> Vec<u8> {
        let (left, length) = (part.left as usize * 3, part.columns as usize * 3);
        (part.top..part.top + part.rows)
            .flat_map(|row| &self.row(row)[left..left + length])
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_written_again() {
        let raster = |marks: &[usize]| {
            let mut pixels = vec![0; 5 * 4 * 3];
            marks.iter().for_each(|at| pixels[*at] = 9);
            Raster { columns: 5, rows: 4, pixels }
        };
        let part = raster(&[]).difference(&raster(&[(5 + 1) * 3, (2 * 5 + 3) * 3 + 2]));
        assert_eq!((part.left, part.top, part.columns, part.rows), (1, 1, 3, 2));
        assert_eq!(raster(&[(5 + 1) * 3]).cut(&part)[0], 9);
        let part = raster(&[4]).difference(&raster(&[4]));
        assert_eq!((part.columns, part.rows), (1, 1));
        let part = raster(&[5 * 4 * 3 - 1]).difference(&raster(&[]));
        assert_eq!((part.left, part.top, part.columns, part.rows), (4, 3, 1, 1));
    }
}
