//! The twin of `probe_read`.

use rayon::prelude::*;

/// `y[i]` becomes the lower 16 bits of the exclusive or of the words that thread `i` reads. If `n` threads take turns,
/// these are the vectors of four words `i`, `i + n`, `i + 2n`, … of `x`. Otherwise, each thread has a stretch.
pub fn probe_read(in_turns: bool, x: &[u32], y: &mut [f32]) {
    let num_threads = y.len();
    y.par_iter_mut().enumerate().for_each(|(thread, y)| *y = read(in_turns, x, (thread, num_threads)));
}

/// The function is inlined, so that it can be compiled for vectors that not every CPU has.
#[inline(always)]
pub(super) fn read(in_turns: bool, x: &[u32], (thread, num_threads): (usize, usize)) -> f32 {
    let num_vectors = x.len() / 4;
    let words = if in_turns {
        x.chunks_exact(4).skip(thread).step_by(num_threads).flatten().fold(0, |all, word| all ^ word)
    } else {
        let turns = num_vectors.div_ceil(num_threads.max(1));
        let first = (thread * turns).min(num_vectors);
        let end = (first + turns).min(num_vectors);
        x[4 * first..4 * end].iter().fold(0, |all, word| all ^ word)
    };
    (words & 0xffff) as f32
}
