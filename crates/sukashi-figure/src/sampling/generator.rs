//! The seeded generator.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// PCG-64 (XSL-RR 128/64). It is small and fast, and gives the same stream on every platform.
#[derive(Debug, Clone)]
pub struct Generator(Pcg64);

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed))
    }

    /// Draws a number that is uniform over the multiples of 2⁻⁵³ in `0..1`.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_part_of_the_promise() {
        let mut generator = Generator::new(0);
        let bits: Vec<u64> = (0..3).map(|_| generator.uniform().to_bits()).collect();
        assert_eq!(bits, STREAM_OF_SEED_0);
    }

    const STREAM_OF_SEED_0: [u64; 3] = [0x3fc0_5712_ed6a_715c, 0x3fd6_3e4e_384a_efda, 0x3fe6_b646_bac1_9f1c];
}
