//! Outlines as SVG path data with relative integer coordinates, which are short.

use std::fmt::Write;

use skrifa::outline::OutlinePen;

use super::fonts::EM;

/// Path data in thousandths of the em, y downwards.
#[derive(Debug, Default)]
pub(super) struct PathData {
    data: String,
    /// Where the next glyph begins.
    origin: (f64, f64),
    /// The current point, rounded, so that rounding errors do not add up.
    at: (i64, i64),
    /// Where the current contour began. `z` returns there.
    start: (i64, i64),
    command: char,
}

impl PathData {
    /// Places the following glyphs at `x` and `y`.
    pub(super) fn origin(&mut self, x: f64, y: f64) {
        self.origin = (x, y);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.data
    }

    /// Adds an axis-parallel rectangle as a contour. `hole` reverses its direction.
    pub(super) fn rect(&mut self, left: f32, bottom: f32, right: f32, top: f32, hole: bool) {
        self.move_to(left, bottom);
        if hole {
            self.line_to(right, bottom);
        } else {
            self.line_to(left, top);
        }
        self.line_to(right, top);
        if hole {
            self.line_to(left, top);
        } else {
            self.line_to(right, bottom);
        }
        self.close();
    }

    fn round(&self, x: f32, y: f32) -> (i64, i64) {
        // A broken font may hold any coordinates. A coordinate that is NaN or very large is replaced here.
        let whole = |value: f64| value.clamp(-1e7, 1e7).round() as i64;
        (whole(self.origin.0 + f64::from(x)), whole(self.origin.1 - f64::from(y)))
    }

    fn push(&mut self, command: char, numbers: &[i64]) {
        let continues = self.command == command;
        if !continues {
            self.data.push(command);
            self.command = command;
        }
        for (index, number) in numbers.iter().enumerate() {
            if *number >= 0 && (continues || index > 0) {
                self.data.push(' ');
            }
            // Writing into a String cannot fail.
            let _ = write!(self.data, "{number}");
        }
    }
}

impl OutlinePen for PathData {
    fn move_to(&mut self, x: f32, y: f32) {
        let to = self.round(x, y);
        // The command is absolute only if there is no current point.
        if self.data.is_empty() {
            self.push('M', &[to.0, to.1]);
        } else {
            self.push('m', &[to.0 - self.at.0, to.1 - self.at.1]);
        }
        (self.at, self.start) = (to, to);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.round(x, y);
        let (dx, dy) = (to.0 - self.at.0, to.1 - self.at.1);
        match (dx, dy) {
            (0, 0) => {}
            (_, 0) => self.push('h', &[dx]),
            (0, _) => self.push('v', &[dy]),
            _ => self.push('l', &[dx, dy]),
        }
        self.at = to;
    }

    fn quad_to(&mut self, cx0: f32, cy0: f32, x: f32, y: f32) {
        let (from, control, to) = (self.at, self.round(cx0, cy0), self.round(x, y));
        self.push('q', &[control.0 - from.0, control.1 - from.1, to.0 - from.0, to.1 - from.1]);
        self.at = to;
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        let (from, to) = (self.at, self.round(x, y));
        let (first, second) = (self.round(cx0, cy0), self.round(cx1, cy1));
        let points = [first, second, to];
        self.push('c', &points.map(|point| [point.0 - from.0, point.1 - from.1]).concat());
        self.at = to;
    }

    fn close(&mut self) {
        self.push('z', &[]);
        self.at = self.start;
    }
}

/// Converts pixels to the unit of [`PathData`] at a text size of `size` pixels.
pub(super) fn scale(size: f64) -> f64 {
    size / f64::from(EM)
}
