//! The twin of `probe_int8`.

use rayon::prelude::*;

/// Chains of a thread.
const CHAINS: usize = 32;

/// `y[i]` becomes the lower 16 bits of the exclusive or of 32 words that go `rounds` times through `w = dot(w, s) + s`, a product
/// of four signed bytes each, where `s` is one of the four words of vector `i mod (len / 4)` of `x` in turn, and word `4 k + j` starts
/// as `s + k`.
pub fn probe_int8(rounds: usize, x: &[u32], y: &mut [f32]) {
    y.par_iter_mut().enumerate().for_each(|(thread, y)| {
        let vector = &x[thread % (x.len() / 4) * 4..][..4];
        let mut words: [u32; CHAINS] =
            std::array::from_fn(|chain| vector[chain % 4].wrapping_add((chain / 4) as u32));
        let starts: [u32; CHAINS] = std::array::from_fn(|chain| vector[chain % 4]);
        for _ in 0..rounds {
            for (word, &start) in words.iter_mut().zip(&starts) {
                *word = dot(*word, start).wrapping_add(start);
            }
        }
        *y = (words.iter().fold(0, |all, word| all ^ word) & 0xffff) as f32;
    });
}

fn dot(a: u32, b: u32) -> u32 {
    let byte = |word: u32, place: u32| i32::from((word >> (8 * place)) as i8);
    (0..4).map(|place| byte(a, place) * byte(b, place)).sum::<i32>() as u32
}
