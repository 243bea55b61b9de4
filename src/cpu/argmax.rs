//! The twin of `argmax`.

/// Writes the id of the greatest of `x` in each part of each token, and of equals the lowest id. `ids` is `[num_tokens,
/// num_parts]`. NaN and infinity are equal and come before all numbers, so that they are found.
///
/// A part has `part_size` of `num_columns` columns, and the last part has the rest. Rows of `x` are `x_stride` apart.
pub fn argmax(
    num_tokens: usize,
    (num_columns, part_size): (usize, usize),
    (x, x_stride): (&[f32], usize),
    ids: &mut [u32],
) {
    let num_parts = num_columns.div_ceil(part_size);
    for token in 0..num_tokens {
        let x = &x[token * x_stride..][..num_columns];
        for (part, values) in x.chunks(part_size).enumerate() {
            // The first of equals stays.
            let mut best = 0;
            for (index, &value) in values.iter().enumerate() {
                if order(value) > order(values[best]) {
                    best = index;
                }
            }
            ids[token * num_parts + part] = (part * part_size + best) as u32;
        }
    }
}

/// The rank of `value` among logits.
pub(super) fn order(value: f32) -> f32 {
    if value.is_nan() { f32::INFINITY } else { value }
}
