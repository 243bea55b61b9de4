//! The results of a prompt do not depend on how many of its tokens share a pass.

use sukashi::model::prefill_tokens;
use sukashi::{Device, Session};

use crate::common::{devices, embedded, golden_folder, load};

#[test]
fn logits_are_the_same_bits_however_a_prompt_is_cut() {
    for (name, device) in devices() {
        for golden in [None, Some("gemma3-softcap"), Some("mistral-window")] {
            let model = match golden {
                None => embedded(&device),
                Some(golden) => load(&device, &golden_folder(golden)),
            };
            let spec = model.spec();
            let len = spec.max_seq_len.min(160) / 20 * 20;
            let ids: Vec<u32> = (0..len as u32).map(|id| id * 7 % spec.vocab_size as u32).collect();
            let mut session = Session::new(&model).unwrap();
            let whole = pollster::block_on(session.prefill(&ids)).unwrap().to_vec();
            for piece in [2, 4, 8, 20, 60] {
                // A pass over one token would use other kernels, so no piece may have one token.
                if ids.len() % piece == 1 {
                    continue;
                }
                session.reset();
                let mut logits = Vec::new();
                for part in ids.chunks(piece) {
                    logits = pollster::block_on(session.prefill(part)).unwrap().to_vec();
                }
                assert_eq!(logits, whole, "{golden:?} on {name}, {piece} of {len} at a time");
            }
        }
    }
}

#[test]
fn a_token_more_than_a_pass_takes_is_not_computed_alone() {
    for (name, device) in devices() {
        let model = embedded(&device);
        let one_more = prefill_tokens(&device, model.spec(), 0).min(model.spec().max_seq_len - 1) + 1;
        let ids: Vec<u32> = (0..one_more as u32).collect();
        let mut session = Session::new(&model).unwrap();
        let whole = pollster::block_on(session.prefill(&ids)).unwrap().to_vec();
        session.reset();
        pollster::block_on(session.prefill(&ids[..32])).unwrap();
        assert_eq!(pollster::block_on(session.prefill(&ids[32..])).unwrap(), whole, "{name}");
    }
}

#[test]
fn passes_are_as_long_as_they_can_be_where_nothing_is_slow() {
    let model = embedded(&Device::Cpu);
    for (name, device) in devices() {
        let is_gpu = !["cpu", "software"].contains(&device.info().kind.as_str());
        let most = if is_gpu { 512 } else { 64 };
        assert_eq!(prefill_tokens(&device, model.spec(), 0), most, "{name}");
    }
}

#[test]
fn decoding_that_is_compiled_later_gives_the_same_bits() {
    for (name, device) in devices() {
        let model = embedded(&device);
        let mut early = Session::with_max_seq_len(&model, 16).unwrap();
        let mut late = Session::prompt_first(&model, 16).unwrap();
        assert_eq!(early.dispatches_per_token(), late.dispatches_per_token());
        let bits = |logits: &[f32]| logits.iter().map(|logit| logit.to_bits()).collect::<Vec<_>>();
        pollster::block_on(async {
            let want = bits(early.prefill(&[5, 9, 2]).await.unwrap());
            assert_eq!(bits(late.prefill(&[5, 9, 2]).await.unwrap()), want, "{name}");
            late.compile_rest().unwrap();
            let want = bits(early.decode(7).await.unwrap());
            assert_eq!(bits(late.decode(7).await.unwrap()), want, "{name}");
            // Without the call, the first decoded token compiles.
            let mut unready = Session::prompt_first(&model, 16).unwrap();
            unready.prefill(&[5, 9, 2]).await.unwrap();
            assert_eq!(bits(unready.decode(7).await.unwrap()), want, "{name}");
        });
        assert_eq!(early.dispatches_per_token(), late.dispatches_per_token());
    }
}
