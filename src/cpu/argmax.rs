//! The twin of `argmax`.

/// For each token and part, the id of the greatest of `x` among the part's candidates, the lowest of equals: `ids` is
/// `[2, num_tokens, num_parts]`, the ids and then why nothing can be chosen: 0 for no reason, 1 for NaN and 2 for infinity,
/// whose first id is then given, 3 where all are minus infinity.
///
/// Candidates are `listed`, `[num_tokens, num_candidates]` in rising order, or else `0..num_candidates`; a part has
/// `part_size` of them, and the last what is left. Rows of `x` are `x_stride` apart.
pub fn argmax(
    num_tokens: usize,
    (num_candidates, part_size): (usize, usize),
    listed: Option<&[u32]>,
    (x, x_stride): (&[f32], usize),
    ids: &mut [u32],
) {
    let num_parts = num_candidates.div_ceil(part_size);
    let (ids, reasons) = ids.split_at_mut(num_tokens * num_parts);
    for token in 0..num_tokens {
        let x = &x[token * x_stride..];
        let candidate = |place: usize| match listed {
            Some(listed) => listed[token * num_candidates + place],
            None => place as u32,
        };
        for part in 0..num_parts {
            let places = part * part_size..num_candidates.min((part + 1) * part_size);
            let (id, reason) = greatest(x, places.map(candidate));
            ids[token * num_parts + part] = id;
            reasons[token * num_parts + part] = reason;
        }
    }
}

fn greatest(x: &[f32], candidates: impl Iterator<Item = u32>) -> (u32, u32) {
    let mut best: Option<(u32, f32)> = None;
    for id in candidates {
        let value = x[id as usize];
        if value.is_nan() {
            return (id, 1);
        }
        if value == f32::INFINITY {
            return (id, 2);
        }
        if best.is_none_or(|(_, greatest)| value > greatest) {
            best = Some((id, value));
        }
    }
    match best {
        Some((id, value)) if value > f32::NEG_INFINITY => (id, 0),
        best => (best.map_or(0, |(id, _)| id), 3),
    }
}
