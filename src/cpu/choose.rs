//! The twin of `choose`.

/// The settings by which the next token is chosen, in the layout of the shaders.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct DeviceSampling {
    /// The number of candidates: at least 1, and at most as many as [`super::top_k`] finds.
    pub count: u32,
    /// The n of the n-th greatest candidate. 0 stands for a random choice.
    pub pick: u32,
    /// The temperature, which divides the logits and is above 0.
    pub temperature: f32,
    /// The mass that the shortest run of the greatest candidates must reach. Above 1, all are kept.
    pub top_p: f32,
    /// The fraction of the greatest probability below which candidates are dropped.
    pub min_p: f32,
    /// The random number in `0..1`.
    pub draw: f32,
    /// Fills up two vectors.
    pub unused: [u32; 2],
}

/// Takes one of the candidates of each token, and writes it to `found[token, 0]` and its id to `ids`. The candidates
/// are `found[token, 1..]` of `[num_tokens, 1 + max_candidates, 2]`, the greatest first, each as its id and its bits.
///
/// The candidates that top-p and min-p leave stand in the order of their ids. Each has a share of 0..1 in proportion to
/// its weight `exp((x - max) / temperature)`. The candidate whose share holds the draw is taken. If `pick` is not 0,
/// the `pick`-th greatest is taken. If the greatest is NaN or infinity, it is taken.
pub fn choose(all: &[DeviceSampling], (found, max_candidates): (&mut [u32], usize), ids: &mut [u32]) {
    for ((how, row), id) in all.iter().zip(found.chunks_mut(2 * (1 + max_candidates))).zip(ids) {
        let (taken, candidates) = row.split_at_mut(2);
        let count = (how.count as usize).min(max_candidates);
        let candidates: Vec<(u32, u32)> =
            candidates.chunks_exact(2).take(count).map(|pair| (pair[0], pair[1])).collect();
        let (taken_id, bits) = candidates[take(how, &candidates)];
        taken.copy_from_slice(&[taken_id, bits]);
        *id = taken_id;
    }
}

/// Returns the rank of the candidate to take.
fn take(how: &DeviceSampling, candidates: &[(u32, u32)]) -> usize {
    let value = |rank: usize| f64::from(f32::from_bits(candidates[rank].1));
    let max = value(0);
    if max.is_nan() || max == f64::INFINITY {
        return 0;
    }
    let weights: Vec<f64> = (0..candidates.len())
        .map(|rank| match value(rank) {
            f64::NEG_INFINITY => 0.0,
            value => ((value - max) / f64::from(how.temperature)).max(-80.0).exp(),
        })
        .collect();
    let whole: f64 = weights.iter().sum();
    let mut reached = 0.0;
    let mut num_left = 0;
    for &weight in &weights {
        let is_cut =
            weight == 0.0 || weight < f64::from(how.min_p) || reached >= f64::from(how.top_p) * whole;
        if num_left > 0 && is_cut {
            break;
        }
        reached += weight;
        num_left += 1;
    }
    if how.pick > 0 {
        return (how.pick as usize).min(num_left) - 1;
    }
    let draw = f64::from(how.draw) * reached;
    let mut by_id: Vec<usize> = (0..num_left).collect();
    by_id.sort_unstable_by_key(|&rank| candidates[rank].0);
    let mut end = 0.0;
    let past = by_id.iter().find(|&&rank| {
        end += weights[rank];
        end > draw
    });
    past.or(by_id.last()).copied().unwrap_or(0)
}
