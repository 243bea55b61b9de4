//! Compares outputs of a kernel with those of its twin.

use crate::dispatch::Tolerance;

/// The largest error of a comparison.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Worst {
    /// The error as a fraction of the tolerance. A case above 1 fails.
    pub error: f64,
    /// The element and its values.
    pub place: String,
}

/// Compares the words of an f32 output with the twin's, with the padding.
///
/// An element that the twin left at its `initial` pattern must still have it. All other elements must be within
/// `tolerance`. If the tolerance is 0, equal words are right, whatever they mean. A different length is an infinite
/// error.
pub fn compare(tolerance: Tolerance, initial: &[u32], got: &[u32], want: &[u32]) -> Worst {
    if got.len() != want.len() || initial.len() != want.len() {
        let place = format!("has {} elements, expected {}", got.len(), want.len());
        return Worst { error: f64::INFINITY, place };
    }
    let mut worst = (0.0, 0);
    for (index, ((&initial, &got), &want)) in initial.iter().zip(got).zip(want).enumerate() {
        let error = if want == initial {
            if got == initial { 0.0 } else { f64::INFINITY }
        } else if tolerance == Tolerance::NONE && got == want {
            0.0
        } else {
            tolerance.error(f32::from_bits(got), f32::from_bits(want))
        };
        if error > worst.0 {
            worst = (error, index);
        }
    }
    let (error, index) = worst;
    if error == 0.0 {
        return Worst { error, place: "is the same".into() };
    }
    let (got_word, want_word) = (got[index], want[index]);
    let (got, want) = (f32::from_bits(got_word), f32::from_bits(want_word));
    let place = if want_word == initial[index] {
        format!("element {index} is {got:e}, and was not to be written")
    } else if got_word == initial[index] {
        format!("element {index} was not written, expected {want:e}")
    } else {
        format!("element {index} is {got:e}, expected {want:e}")
    };
    Worst { error, place }
}
