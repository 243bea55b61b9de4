//! The CPU device computes the same bits with any number of threads, for single tokens and for many.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

use sukashi::{Device, Model, Session};

const IDS: [u32; 70] = {
    let mut ids = [0; 70];
    let mut index = 0;
    while index < ids.len() {
        ids[index] = (index as u32 * 311 + 17) % 2948;
        index += 1;
    }
    ids
};

/// The logits after a prompt, and after each of some further tokens.
fn logits(model: &Model, prompt: usize) -> Vec<Vec<u32>> {
    let bits = |logits: &[f32]| logits.iter().map(|logit| logit.to_bits()).collect();
    let mut session = Session::new(model).unwrap();
    let mut all = vec![bits(pollster::block_on(session.prefill(&IDS[..prompt])).unwrap())];
    for &id in &IDS[prompt..] {
        all.push(bits(pollster::block_on(session.decode(id)).unwrap()));
    }
    all
}

#[test]
fn threads_and_batches_change_no_bit() {
    let model = Model::embedded(&Device::Cpu).unwrap();
    let want = logits(&model, 60);
    for num_threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(num_threads).build().unwrap();
        assert!(pool.install(|| logits(&model, 60)) == want, "{num_threads} threads");
    }
    for prompt in [1, 2, 33, 64, 65] {
        let last = *logits(&model, prompt).last().unwrap() == *want.last().unwrap();
        assert!(last, "a prompt of {prompt} and the rest token by token");
    }
}
