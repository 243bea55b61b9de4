//! An axis: it maps numbers to pixels, linearly or logarithmically, and has round ticks. Also, labels that are kept
//! apart.

use super::fonts::Weight;
use super::page::Page;
use super::scene::{Anchor, Item, NOTE, Text};

/// Maps numbers to pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    is_log: bool,
    low: f64,
    high: f64,
    /// The pixels at `low` (`start`) and at `high` (`end`).
    start: f64,
    end: f64,
}

/// A logarithmic axis of probabilities shows no less than this.
const LOG_FLOOR: f64 = 1e-6;
/// More names than this have no room along a logarithmic axis.
pub(super) const MAX_TICKS: usize = 12;

impl Axis {
    /// An axis from `low` at the pixel `start` to `high` at `end`.
    pub(super) fn new((low, high): (f64, f64), is_log: bool, (start, end): (f64, f64)) -> Self {
        Self { is_log, low, high, start, end }
    }

    /// A logarithmic axis from the least to the greatest of these numbers above 0.
    pub(super) fn logarithmic(numbers: impl Iterator<Item = f64>, ends: (f64, f64)) -> Self {
        let range = numbers.fold((f64::INFINITY, 0.0_f64), |(low, high), n| (low.min(n), high.max(n)));
        Self::new(range, true, ends)
    }

    /// An upright axis from `top` to `bottom` that holds all these probabilities.
    pub(super) fn of_probs(
        values: impl Iterator<Item = f64> + Clone,
        is_log: bool,
        (top, bottom): (f64, f64),
    ) -> Self {
        if is_log {
            let least = values.filter(|value| *value > 0.0).fold(1.0, f64::min).max(LOG_FLOOR);
            // The axis has at least one decade, from a power of ten to 100 %.
            let low = libm::pow(10.0, libm::log10(least).floor().min(-1.0));
            return Self::new((low, 1.0), true, (bottom, top));
        }
        let greatest = values.fold(0.0, f64::max);
        let step = linear_step(greatest);
        let high = ((greatest / step - 1e-9).ceil() * step).clamp(step, 1.0);
        Self::new((0.0, high), false, (bottom, top))
    }

    /// The pixel at which a number stands. A number beyond an end of the axis stands at that end.
    pub(super) fn at(&self, number: f64) -> f64 {
        let number = number.clamp(self.low, self.high);
        // A single number stands in the middle.
        let fraction = match (self.high > self.low, self.is_log) {
            (false, _) => 0.5,
            (true, true) => {
                (libm::log10(number) - libm::log10(self.low))
                    / (libm::log10(self.high) - libm::log10(self.low))
            }
            (true, false) => (number - self.low) / (self.high - self.low),
        };
        self.start + fraction * (self.end - self.start)
    }

    pub(super) fn is_log(&self) -> bool {
        self.is_log
    }

    /// The number at a fraction of the axis.
    pub(super) fn number(&self, fraction: f64) -> f64 {
        if self.is_log {
            self.low * libm::pow(self.high / self.low, fraction)
        } else {
            self.low + (self.high - self.low) * fraction
        }
    }

    /// Round numbers on a logarithmic axis: 1, 2 and 5 times powers of ten. A long axis has only the powers, and a very
    /// long axis has only some of them.
    pub(super) fn log_ticks(&self) -> Vec<f64> {
        let decades = libm::log10(self.low).floor() as i32..=libm::log10(self.high).ceil() as i32;
        let count = decades.clone().count();
        let factors: &[f64] = if count > 4 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let all = decades
            .step_by(1 + count / MAX_TICKS)
            .flat_map(|power| factors.iter().map(move |f| f * libm::pow(10.0, f64::from(power))));
        all.filter(|tick| (self.low * 0.999..=self.high * 1.001).contains(tick)).collect()
    }

    /// The marked probabilities and their names, from below.
    pub(super) fn prob_ticks(&self) -> Vec<(f64, String)> {
        let values: Vec<f64> = if self.is_log {
            let decades = libm::round(-libm::log10(self.low)) as i32;
            (0..=decades).rev().map(|decade| libm::pow(10.0, f64::from(-decade))).collect()
        } else {
            let step = linear_step(self.high);
            (0..=(self.high / step + 1e-9) as usize).map(|index| index as f64 * step).collect()
        };
        // Rounding turns 0.30000000000000004 into 0.3.
        values.into_iter().map(|value| (value, format!("{}%", libm::round(value * 1e8) / 1e6))).collect()
    }

    /// Draws a line across the plot at each tick of an upright axis, with its name before it.
    pub(super) fn guides(
        &self,
        page: &mut Page<'_>,
        ticks: impl IntoIterator<Item = (f64, String)>,
        (left, right): (f64, f64),
    ) {
        let palette = page.palette;
        for (value, name) in ticks {
            let y = self.at(value);
            let stroke = if value == 0.0 { palette.hatch } else { palette.guide };
            let points = vec![(left, y), (right, y)];
            page.items.push(Item::Line { points, stroke, width: 1.0, dash: None });
            let baseline = Text::centred(y, NOTE);
            page.text(name, left - 8.0, baseline, Anchor::End, NOTE, Weight::Regular, palette.muted);
        }
    }
}

/// The distance of ticks on an axis of probabilities. The axis has about five of them.
fn linear_step(high: f64) -> f64 {
    round_step(high.clamp(1e-6, 1.0), 5.0)
}

/// The least step of 1, 2 or 5 times a power of ten of which at most `most` reach `high`.
pub(super) fn round_step(high: f64, most: f64) -> f64 {
    let power = libm::pow(10.0, libm::log10(high / most).floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| high / step <= most + 1e-9)
        .unwrap_or(high)
}

/// Moves `wanted` heights apart by at least `gap`, within `top` to `bottom`, keeping their order.
pub(super) fn spread(wanted: &[f64], gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut placed = wanted.to_vec();
    let mut least = top;
    for &index in &order {
        placed[index] = wanted[index].max(least);
        least = placed[index] + gap;
    }
    let mut most = bottom;
    for &index in order.iter().rev() {
        placed[index] = placed[index].min(most);
        most = placed[index] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(high: f64, log: bool) -> Vec<String> {
        Axis::of_probs([high, high / 50.0].into_iter(), log, (0.0, 100.0))
            .prob_ticks()
            .into_iter()
            .map(|tick| tick.1)
            .collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(names(0.97, false), ["0%", "20%", "40%", "60%", "80%", "100%"]);
        assert_eq!(names(0.23, false), ["0%", "5%", "10%", "15%", "20%", "25%"]);
        assert_eq!(names(0.0007, false), ["0%", "0.02%", "0.04%", "0.06%", "0.08%"]);
        assert_eq!(names(0.5, true), ["1%", "10%", "100%"]);
    }

    #[test]
    fn values_stay_on_the_axis() {
        for log in [false, true] {
            let axis = Axis::of_probs([0.4, 0.01].into_iter(), log, (20.0, 220.0));
            for value in [0.0, 1e-300, 0.01, 0.4, 1.0] {
                assert!((20.0..=220.0).contains(&axis.at(value)), "{value} at {}", axis.at(value));
            }
            assert!(axis.at(0.4) < axis.at(0.01));
        }
    }

    #[test]
    fn labels_are_kept_apart() {
        let placed = spread(&[100.0, 99.0, 98.0, 10.0], 15.0, 0.0, 100.0);
        assert_eq!(placed, [100.0, 85.0, 70.0, 10.0]);
    }
}
