//! The twin of `top_k`.

use super::argmax::order;

/// The id of missing candidates.
const NONE: u32 = u32::MAX;

/// Writes the greatest of `x` for each token to `found`. `x` is `[num_tokens, num_columns]`, with rows `x_stride`
/// apart. `counts` gives the number of candidates for each token. `found` is `[num_tokens, 1 + max_candidates, 2]`, and
/// the candidates stand from `[.., 1, ..]` on, each as its id and its bits. Of equals, the lowest id comes first.
/// Missing candidates are `u32::MAX` and minus infinity. NaN and infinity are equal and come before all numbers.
pub fn top_k(
    counts: impl Iterator<Item = usize>,
    num_columns: usize,
    (x, x_stride): (&[f32], usize),
    (found, max_candidates): (&mut [u32], usize),
) {
    for (token, count) in counts.enumerate() {
        let x = &x[token * x_stride..][..num_columns];
        let mut ids: Vec<u32> = (0..num_columns as u32).collect();
        let count = count.min(max_candidates);
        let greatest_first = |a: &u32, b: &u32| {
            let [a_value, b_value] = [a, b].map(|id| order(x[*id as usize]));
            b_value.partial_cmp(&a_value).unwrap_or(std::cmp::Ordering::Equal).then(a.cmp(b))
        };
        if count < ids.len() {
            ids.select_nth_unstable_by(count, greatest_first);
            ids.truncate(count);
        }
        ids.sort_unstable_by(greatest_first);
        let row = &mut found[2 * token * (1 + max_candidates)..][2..];
        for (rank, pair) in row.chunks_exact_mut(2).take(count).enumerate() {
            let (id, value) = match ids.get(rank) {
                Some(&id) => (id, x[id as usize]),
                None => (NONE, f32::NEG_INFINITY),
            };
            pair.copy_from_slice(&[id, value.to_bits()]);
        }
    }
}
