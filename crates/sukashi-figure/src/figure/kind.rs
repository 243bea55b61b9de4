//! The kinds of figures, with what tests and benchmarks draw of each.

use super::{Figure, Style};
use crate::Result;

/// A kind of figure.
#[derive(Debug)]
pub struct FigureKind {
    /// Its name, as its data has it.
    pub name: &'static str,
    /// The kind with its options.
    pub examples: &'static [Example],
}

/// A kind with some of its options.
#[derive(Debug)]
pub struct Example {
    /// The name of its goldens.
    pub name: &'static str,
    /// Draws the figure of any words, at least two: as tokens, or as names.
    pub draw: fn(&[&str], &Style) -> Result<Figure>,
    /// Draws what the goldens show; `None` leaves goldens to a test of its own, or to none.
    pub golden: Option<fn(&Style) -> Result<Figure>>,
}
