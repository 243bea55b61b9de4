//! A vertical axis of probabilities: linear or logarithmic, with round ticks; and labels kept apart.

/// Maps probabilities to heights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    log: bool,
    low: f64,
    high: f64,
    top: f64,
    bottom: f64,
}

/// A logarithmic axis shows no less than this.
const LOG_FLOOR: f64 = 1e-6;

impl Axis {
    /// An axis from `top` to `bottom` (in pixels) that holds all `values`.
    pub(super) fn new(values: impl Iterator<Item = f64> + Clone, log: bool, top: f64, bottom: f64) -> Self {
        let greatest = values.clone().fold(0.0, f64::max);
        if log {
            let least = values.filter(|value| *value > 0.0).fold(1.0, f64::min).max(LOG_FLOOR);
            // At least one decade, from a power of ten to 100 %.
            let low = libm::pow(10.0, libm::log10(least).floor().min(-1.0));
            return Self { log, low, high: 1.0, top, bottom };
        }
        let step = linear_step(greatest);
        let high = ((greatest / step - 1e-9).ceil() * step).clamp(step, 1.0);
        Self { log, low: 0.0, high, top, bottom }
    }

    /// The height at which a probability stands; below the axis's least value it stands on the floor.
    pub(super) fn y(&self, probability: f64) -> f64 {
        let value = probability.clamp(self.low, self.high);
        let fraction = if self.log {
            (libm::log10(value) - libm::log10(self.low)) / (libm::log10(self.high) - libm::log10(self.low))
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.bottom - fraction * (self.bottom - self.top)
    }

    /// The marked probabilities and their names, from below.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let values: Vec<f64> = if self.log {
            let decades = libm::round(-libm::log10(self.low)) as i32;
            (0..=decades).rev().map(|decade| libm::pow(10.0, f64::from(-decade))).collect()
        } else {
            let step = linear_step(self.high);
            (0..=(self.high / step + 1e-9) as usize).map(|index| index as f64 * step).collect()
        };
        // Rounding takes the noise of binary fractions off 0.30000000000000004.
        values.into_iter().map(|value| (value, format!("{}%", libm::round(value * 1e8) / 1e6))).collect()
    }
}

/// The distance of ticks on an axis of probabilities, about five to the axis.
fn linear_step(high: f64) -> f64 {
    round_step(high.clamp(1e-6, 1.0), 5.0)
}

/// 1, 2 or 5 times a power of ten, so that `most` of them at most make `high`.
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
        Axis::new([high, high / 50.0].into_iter(), log, 0.0, 100.0)
            .ticks()
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
            let axis = Axis::new([0.4, 0.01].into_iter(), log, 20.0, 220.0);
            for value in [0.0, 1e-300, 0.01, 0.4, 1.0] {
                assert!((20.0..=220.0).contains(&axis.y(value)), "{value} at {}", axis.y(value));
            }
            assert!(axis.y(0.4) < axis.y(0.01));
        }
    }

    #[test]
    fn labels_are_kept_apart() {
        let placed = spread(&[100.0, 99.0, 98.0, 10.0], 15.0, 0.0, 100.0);
        assert_eq!(placed, [100.0, 85.0, 70.0, 10.0]);
    }
}
