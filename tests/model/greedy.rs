//! Tokens that are chosen on the device are those of the logits, and leave no trace where they are not wanted.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use safetensors::SafeTensors;
use sukashi::model::CaptureRequest;
use sukashi::sampling::{Choice, Sampler, Settings};
use sukashi::{Device, Model, Session};

use crate::common::{devices, golden_folder};

/// One of each family, and the embedded one, whose vocabulary has several parts.
fn models(device: &Device) -> Vec<(&'static str, Model)> {
    let mut models = vec![("embedded", Model::embedded(device).unwrap())];
    for golden in ["gpt2-tiny", "llama-odd", "gemma3-softcap", "mistral-window"] {
        models.push((golden, Model::load(device, &golden_folder(golden)).unwrap()));
    }
    models
}

fn sampler(model: &Model) -> Sampler {
    let settings = Settings { choice: Choice::Greedy, ..Settings::default() };
    let sampler = Sampler::new(settings, model.spec().vocab_size).unwrap();
    assert!(sampler.is_greedy());
    sampler
}

/// Reads `id` and what follows by its logits, `num_tokens` times.
fn by_logits(session: &mut Session, id: u32, num_tokens: usize) -> Vec<u32> {
    let mut sampler = sampler(session.model());
    let mut ids = vec![id];
    for index in 0..num_tokens {
        let logits = pollster::block_on(session.decode(ids[index])).unwrap();
        ids.push(sampler.sample(logits, &ids).unwrap().id);
    }
    ids.split_off(1)
}

fn on_the_device(session: &mut Session, id: u32, num_tokens: usize) -> Vec<u32> {
    pollster::block_on(async {
        let mut greedy = session.greedy(id, num_tokens).unwrap();
        let mut ids = Vec::new();
        while let Some(id) = greedy.next().await.unwrap() {
            ids.push(id);
        }
        ids
    })
}

fn session(model: &Model, max_seq_len: usize, prompt: &[u32]) -> Session {
    let mut session = Session::with_max_seq_len(model, max_seq_len).unwrap();
    pollster::block_on(session.prefill(prompt)).unwrap();
    session
}

#[test]
fn the_tokens_are_those_of_the_logits() {
    for (name, device) in devices() {
        for (golden, model) in models(&device) {
            let label = format!("{golden} on {name}");
            let (mut plain, mut greedy) = (session(&model, 64, &[1, 5, 3]), session(&model, 64, &[1, 5, 3]));
            // Twice, as what is made at the first call is there at the second.
            for (id, num_tokens) in [(2, 12), (9, 5)] {
                let want = by_logits(&mut plain, id, num_tokens);
                assert_eq!(on_the_device(&mut greedy, id, num_tokens), want, "{label}");
                assert_eq!(greedy.ids(), plain.ids(), "{label}");
            }
        }
    }
}

#[test]
fn what_was_computed_too_far_has_never_been() {
    for (name, device) in devices() {
        for (golden, model) in models(&device) {
            for num_taken in 0..5 {
                let label = format!("{golden} on {name}, {num_taken} taken");
                let (mut plain, mut stopped) = (session(&model, 64, &[4, 2]), session(&model, 64, &[4, 2]));
                let mut id = 7;
                pollster::block_on(async {
                    let mut greedy = stopped.greedy(id, 40).unwrap();
                    for _ in 0..num_taken {
                        id = greedy.next().await.unwrap().unwrap();
                    }
                });
                let ids = by_logits(&mut plain, 7, num_taken);
                assert_eq!(ids.last().copied().unwrap_or(7), id, "{label}");
                assert_eq!(stopped.ids(), plain.ids(), "{label}");
                // Another token than the one that was thrown away.
                for next in [(id + 1) % 60, 3, 8] {
                    let want = pollster::block_on(plain.decode(next)).unwrap();
                    assert_eq!(pollster::block_on(stopped.decode(next)).unwrap(), want, "{label}");
                }
            }
        }
    }
}

#[test]
fn past_the_room_the_window_slides() {
    for (name, device) in devices() {
        let model = Model::embedded(&device).unwrap();
        let (mut plain, mut greedy) = (session(&model, 9, &[1, 5, 3]), session(&model, 9, &[1, 5, 3]));
        let want = by_logits(&mut plain, 2, 14);
        assert_eq!(on_the_device(&mut greedy, 2, 14), want, "{name}");
        assert_eq!(greedy.ids(), plain.ids(), "{name}");
        assert_eq!((greedy.num_dropped(), plain.num_dropped()), (8, 8), "{name}");
    }
}

#[test]
fn a_session_that_captures_captures_each_token() {
    for (name, device) in devices() {
        let model = Model::embedded(&device).unwrap();
        let request = CaptureRequest::new(model.spec(), ["layers.*.resid"]).unwrap();
        let mut captured = Session::capturing(&model, 32, request).unwrap();
        pollster::block_on(captured.prefill(&[1, 5, 3])).unwrap();
        let want = by_logits(&mut session(&model, 32, &[1, 5, 3]), 2, 6);
        let mut got = Vec::new();
        for position in 3..9 {
            let id = got.last().copied().unwrap_or(2);
            got.extend(on_the_device(&mut captured, id, 1));
            assert_eq!(captured.capture().unwrap().positions, [position], "{name}");
        }
        assert_eq!(got, want, "{name}");
    }
}

#[test]
fn a_call_that_is_given_up_ends_it_and_leaves_the_session_whole() {
    for (name, device) in devices() {
        let model = Model::embedded(&device).unwrap();
        let (mut plain, mut session) = (session(&model, 32, &[1, 5, 3]), session(&model, 32, &[1, 5, 3]));
        let mut greedy = session.greedy(2, 10).unwrap();
        let is_done = pin!(greedy.next()).as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        if !is_done {
            assert_eq!(pollster::block_on(greedy.next()).unwrap(), None, "{name}");
            assert_eq!(session.ids(), [1, 5, 3], "{name}");
            assert_eq!(on_the_device(&mut session, 2, 8), by_logits(&mut plain, 2, 8), "{name}");
        }
    }
}

#[test]
fn what_cannot_be_chosen_from_is_an_error_as_the_samplers() {
    let folder = tempfile::tempdir().unwrap();
    let golden = golden_folder("gpt2-tiny");
    std::fs::copy(golden.join("config.json"), folder.path().join("config.json")).unwrap();
    let mut bytes = std::fs::read(golden.join("model.safetensors")).unwrap();
    let at = {
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let name = file.names().into_iter().find(|name| name.ends_with("ln_f.weight")).unwrap().to_owned();
        file.tensor(&name).unwrap().data().as_ptr() as usize - bytes.as_ptr() as usize
    };
    bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    for (name, device) in devices() {
        let model = Model::load(&device, folder.path()).unwrap();
        let mut session = session(&model, 16, &[1, 5, 3]);
        let logits = pollster::block_on(session.decode(2)).unwrap().to_vec();
        let want = sampler(&model).sample(&logits, &[]).unwrap_err().to_string();
        assert!(want.contains("the logit of token 0 is NaN"), "{want}");
        pollster::block_on(async {
            let mut greedy = session.greedy(2, 8).unwrap();
            assert_eq!(greedy.next().await.unwrap_err().to_string(), want, "{name}");
            assert_eq!(greedy.next().await.unwrap(), None, "{name}");
        });
    }
}

#[test]
fn ids_outside_the_vocabulary_are_refused_and_no_token_is_none() {
    let model = Model::embedded(&Device::Cpu).unwrap();
    let mut session = session(&model, 8, &[1]);
    assert!(session.greedy(u32::MAX, 3).unwrap_err().to_string().contains("4294967295"));
    assert_eq!(pollster::block_on(session.greedy(2, 0).unwrap().next()).unwrap(), None);
    assert_eq!(session.ids(), [1]);
}
