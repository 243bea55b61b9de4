//! The twin of `choose`.

/// How the next token is chosen, as shaders read it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct DeviceSampling {
    /// How many of the greatest logits there are to choose from: at least 1, and what [`super::top_k`] finds at most.
    pub count: u32,
    /// The n-th greatest; or 0, and it is drawn.
    pub pick: u32,
    /// Divides the logits; above 0.
    pub temperature: f32,
    /// Keeps the shortest run of the greatest whose mass reaches this; above 1 all.
    pub top_p: f32,
    /// Drops what is less probable than this fraction of the greatest.
    pub min_p: f32,
    /// Drawn, in `0..1`.
    pub draw: f32,
    /// Fills two vectors.
    pub unused: [u32; 2],
}

/// For each token takes one of its candidates, `found[token, 1..]` of `[num_tokens, 1 + max_candidates, 2]`, greatest first,
/// each as its id and its bits, into `found[token, 0]`, and its id into `ids`.
///
/// Those that top-p and min-p leave stand in the order of their ids, each with a share of 0..1 as its weight
/// `exp((x - max) / temperature)` says, and the one whose share has the draw in it is taken; or, where `pick` is not 0, the
/// `pick`-th greatest. Where the greatest is NaN or infinity, that is taken.
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

/// Which of the candidates, by its rank.
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
