//! The twin of `swiglu`.

/// `y = silu(gate) * value` for rows that hold `columns` gates, then as many values.
pub fn swiglu(
    num_tokens: usize,
    columns: usize,
    (x, x_stride): (&[f32], usize),
    (y, y_stride): (&mut [f32], usize),
) {
    for token in 0..num_tokens {
        let (gates, values) = x[token * x_stride..][..2 * columns].split_at(columns);
        for ((y, &gate), &value) in y[token * y_stride..].iter_mut().zip(gates).zip(values) {
            *y = (silu_of(f64::from(gate)) * f64::from(value)) as f32;
        }
    }
}

pub(super) fn silu_of(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}
