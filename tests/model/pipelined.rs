//! The tokens that the device chooses are those that a sampler takes from all logits. Discarded passes have no effect.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Waker};

use safetensors::SafeTensors;
use sukashi::model::{CaptureRequest, Window};
use sukashi::sampling::{Choice, Sampler, Settings};
use sukashi::{Device, Model, Session};

use crate::common::{devices, embedded, golden_folder, load};

/// A model of each family, and the embedded one, whose vocabulary has several parts.
fn models(device: &Device) -> Vec<(&'static str, Model)> {
    let mut models = vec![("embedded", embedded(device))];
    for golden in ["gpt2-tiny", "llama-odd", "gemma3-softcap", "mistral-window"] {
        models.push((golden, load(device, &golden_folder(golden))));
    }
    models
}

fn sampler(model: &Model, settings: &Settings) -> Sampler {
    Sampler::new(settings.clone(), model.spec().vocab_size).unwrap()
}

fn greedy() -> Settings {
    Settings { choice: Choice::Greedy, ..Settings::default() }
}

fn top_k(k: usize, temperature: f64, seed: u64) -> Settings {
    Settings { top_k: Some(k), temperature, seed, ..Settings::default() }
}

/// Settings with which the device chooses, and some with which it does not.
fn all_settings() -> Vec<Settings> {
    vec![
        greedy(),
        Settings { temperature: 0.0, ..top_k(5, 1.0, 1) },
        top_k(40, 1.0, 2),
        Settings { top_p: Some(0.8), ..top_k(50, 1.3, 3) },
        Settings { min_p: Some(0.1), ..top_k(20, 2.0, 4) },
        Settings { top_p: Some(0.9), min_p: Some(0.05), ..top_k(128, 5.0, 5) },
        Settings { choice: Choice::Pick(3), ..top_k(8, 0.7, 6) },
        Settings { choice: Choice::Pick(9), ..top_k(4, 1.0, 7) },
        top_k(129, 1.5, 8),
        Settings { typical_p: Some(0.7), ..top_k(30, 1.0, 9) },
        Settings { repetition_penalty: 1.5, ..top_k(30, 1.0, 10) },
        Settings { seed: 11, ..Settings::default() },
    ]
}

/// Reads `id` and the tokens after it, `num_tokens` times, with all logits of each.
fn by_logits(session: &mut Session, id: u32, num_tokens: usize, sampler: &mut Sampler) -> Vec<u32> {
    let mut previous = [session.ids(), &[id]].concat();
    for _ in 0..num_tokens {
        let logits = pollster::block_on(session.decode(previous[previous.len() - 1])).unwrap();
        previous.push(sampler.sample(logits, &previous).unwrap().id);
    }
    previous.split_off(previous.len() - num_tokens)
}

/// The tokens, and the number of corrections of the device's choices.
fn continued(session: &mut Session, id: u32, num_tokens: usize, sampler: &mut Sampler) -> (Vec<u32>, usize) {
    pollster::block_on(async {
        let mut continuation = session.pipelined(id, num_tokens, sampler).unwrap();
        let mut ids = Vec::new();
        while let Some(id) = continuation.next().await.unwrap() {
            ids.push(id);
        }
        (ids, continuation.num_corrected())
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
            let (mut plain, mut ahead) = (session(&model, 64, &[1, 5, 3]), session(&model, 64, &[1, 5, 3]));
            for settings in all_settings() {
                let label = format!("{golden} on {name}, {settings:?}");
                let [mut whole, mut few] = [(); 2].map(|()| sampler(&model, &settings));
                for session in [&mut plain, &mut ahead] {
                    session.reset();
                    pollster::block_on(session.prefill(&[1, 5, 3])).unwrap();
                }
                // The second call finds the chooser that the first one made, and draws continue.
                for (id, num_tokens) in [(2, 12), (9, 5)] {
                    let want = by_logits(&mut plain, id, num_tokens, &mut whole);
                    assert_eq!(continued(&mut ahead, id, num_tokens, &mut few).0, want, "{label}");
                    assert_eq!(ahead.ids(), plain.ids(), "{label}");
                }
            }
        }
    }
}

#[test]
fn every_seed_is_the_same_text_and_devices_choose_well() {
    for (name, device) in devices() {
        let model = embedded(&device);
        let (mut plain, mut ahead) = (session(&model, 64, &[1]), session(&model, 64, &[1]));
        let (mut num_tokens, mut num_corrected) = (0, 0);
        let num_seeds = if matches!(device, Device::Twins) { 5 } else { 40 };
        for seed in 0..num_seeds {
            let k = [2, 10, 40, 100, 128][seed as usize % 5];
            let settings = top_k(k, [0.5, 0.9, 1.0, 1.4, 30.0, 1e-3, 1e6][seed as usize % 7], seed);
            for session in [&mut plain, &mut ahead] {
                session.reset();
                pollster::block_on(session.prefill(&[1, 5, 3])).unwrap();
            }
            let want = by_logits(&mut plain, 2, 16, &mut sampler(&model, &settings));
            let (got, corrected) = continued(&mut ahead, 2, 16, &mut sampler(&model, &settings));
            assert_eq!(got, want, "{name}, {settings:?}");
            (num_tokens, num_corrected) = (num_tokens + 16, num_corrected + corrected);
        }
        println!("{name}: {num_corrected} of {num_tokens} corrected");
        assert!(100 * num_corrected <= num_tokens, "{name}: {num_corrected} of {num_tokens} corrected");
    }
}

#[test]
fn what_was_computed_too_far_has_never_been() {
    for (name, device) in devices() {
        for (golden, model) in models(&device) {
            for settings in [greedy(), top_k(20, 1.5, 3)] {
                for num_taken in 0..5 {
                    let label = format!("{golden} on {name}, {num_taken} taken");
                    let (mut plain, mut stopped) =
                        (session(&model, 64, &[4, 2]), session(&model, 64, &[4, 2]));
                    let [mut whole, mut few] = [(); 2].map(|()| sampler(&model, &settings));
                    let mut id = 7;
                    pollster::block_on(async {
                        let mut continuation = stopped.pipelined(id, 40, &mut few).unwrap();
                        for _ in 0..num_taken {
                            id = continuation.next().await.unwrap().unwrap();
                        }
                    });
                    let ids = by_logits(&mut plain, 7, num_taken, &mut whole);
                    assert_eq!(ids.last().copied().unwrap_or(7), id, "{label}");
                    assert_eq!(stopped.ids(), plain.ids(), "{label}");
                    // The sequence continues with another token than the discarded one, and draws continue where they
                    // were.
                    for next in [(id + 1) % 60, 3, 8] {
                        let want = pollster::block_on(plain.decode(next)).unwrap();
                        let got = pollster::block_on(stopped.decode(next)).unwrap();
                        assert_eq!(got, want, "{label}");
                        let taken = few.sample(got, &[]).unwrap();
                        assert_eq!(taken, whole.sample(want, &[]).unwrap(), "{label}");
                    }
                }
            }
        }
    }
}

#[test]
fn past_the_room_the_start_is_dropped() {
    for (name, device) in devices() {
        let model = embedded(&device);
        for settings in [greedy(), top_k(30, 1.1, 5), Settings { presence_penalty: 2.0, ..greedy() }] {
            for (window, num_dropped) in [(Window::Half, 10), (Window::Exact, 8)] {
                let (mut plain, mut ahead) = (session(&model, 9, &[1, 5, 3]), session(&model, 9, &[1, 5, 3]));
                plain.set_window(window);
                ahead.set_window(window);
                let [mut whole, mut few] = [(); 2].map(|()| sampler(&model, &settings));
                let want = by_logits(&mut plain, 2, 14, &mut whole);
                assert_eq!(
                    continued(&mut ahead, 2, 14, &mut few).0,
                    want,
                    "{name}, {window:?}, {settings:?}"
                );
                assert_eq!(ahead.ids(), plain.ids(), "{name}");
                let dropped = (ahead.num_dropped(), plain.num_dropped());
                assert_eq!(dropped, (num_dropped, num_dropped), "{name}, {window:?}");
            }
        }
    }
}

#[test]
fn a_session_that_captures_captures_each_token() {
    for (name, device) in devices() {
        let model = embedded(&device);
        let request = CaptureRequest::new(model.spec(), ["layers.*.resid"]).unwrap();
        let mut captured = Session::capturing(&model, 32, request).unwrap();
        pollster::block_on(captured.prefill(&[1, 5, 3])).unwrap();
        let mut sampler = sampler(&model, &top_k(10, 1.0, 1));
        let want = by_logits(&mut session(&model, 32, &[1, 5, 3]), 2, 6, &mut sampler);
        sampler.restart();
        let mut got = Vec::new();
        for position in 3..9 {
            let id = got.last().copied().unwrap_or(2);
            got.extend(continued(&mut captured, id, 1, &mut sampler).0);
            assert_eq!(captured.capture().unwrap().positions, [position], "{name}");
        }
        assert_eq!(got, want, "{name}");
    }
}

#[test]
fn a_call_that_is_given_up_ends_it_and_leaves_the_session_whole() {
    for (name, device) in devices() {
        let model = embedded(&device);
        let (mut plain, mut session) = (session(&model, 32, &[1, 5, 3]), session(&model, 32, &[1, 5, 3]));
        let mut sampler = sampler(&model, &top_k(10, 1.0, 1));
        let mut continuation = session.pipelined(2, 10, &mut sampler).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let is_done = pin!(continuation.next()).as_mut().poll(&mut context).is_ready();
        if !is_done {
            assert_eq!(pollster::block_on(continuation.next()).unwrap(), None, "{name}");
            assert_eq!(session.ids(), [1, 5, 3], "{name}");
            let got = continued(&mut session, 2, 8, &mut sampler).0;
            // The sampler has not drawn for it.
            sampler.restart();
            assert_eq!(got, by_logits(&mut plain, 2, 8, &mut sampler), "{name}");
        }
    }
}

/// A GPT-2 whose final norm has a weight and a bias that begin with these numbers.
fn model_with_final_norm(folder: &Path, [weight, bias]: [&[f32]; 2]) {
    let golden = golden_folder("gpt2-tiny");
    std::fs::copy(golden.join("config.json"), folder.join("config.json")).unwrap();
    let mut bytes = std::fs::read(golden.join("model.safetensors")).unwrap();
    for (suffix, numbers) in [("ln_f.weight", weight), ("ln_f.bias", bias)] {
        let at = {
            let file = SafeTensors::deserialize(&bytes).unwrap();
            let name = file.names().into_iter().find(|name| name.ends_with(suffix)).unwrap().to_owned();
            let data = file.tensor(&name).unwrap().data();
            assert!(data.len() >= 4 * numbers.len(), "{name}");
            data.as_ptr() as usize - bytes.as_ptr() as usize
        };
        for (index, number) in numbers.iter().enumerate() {
            bytes[at + 4 * index..][..4].copy_from_slice(&number.to_le_bytes());
        }
    }
    std::fs::write(folder.join("model.safetensors"), bytes).unwrap();
}

/// All logits are equal, and rounding may make further logits equal to them, so the session reads all logits.
#[test]
fn what_few_logits_cannot_decide_is_decided_by_all() {
    let folder = tempfile::tempdir().unwrap();
    let spec = load(&Device::Cpu, &golden_folder("gpt2-tiny")).spec().clone();
    let zeros = vec![0.0; spec.hidden_size];
    model_with_final_norm(folder.path(), [&zeros, &zeros]);
    for (name, device) in devices() {
        let model = load(&device, folder.path());
        for (temperature, is_doubtful) in [(1.0, false), (0.5, false), (1e300, true)] {
            let (mut plain, mut ahead) = (session(&model, 32, &[1, 5, 3]), session(&model, 32, &[1, 5, 3]));
            let settings = top_k(20, temperature, 3);
            let want = by_logits(&mut plain, 2, 9, &mut sampler(&model, &settings));
            let (got, num_corrected) = continued(&mut ahead, 2, 9, &mut sampler(&model, &settings));
            assert_eq!(got, want, "{name}, {temperature}");
            let on_device = !matches!(device, Device::Cpu);
            assert_eq!(num_corrected, if is_doubtful && on_device { 9 } else { 0 }, "{name}, {temperature}");
            assert_eq!(ahead.ids(), plain.ids(), "{name}");
        }
    }
}

#[test]
fn what_cannot_be_chosen_from_is_an_error_as_the_samplers() {
    let folder = tempfile::tempdir().unwrap();
    model_with_final_norm(folder.path(), [&[f32::NAN], &[]]);
    for (name, device) in devices() {
        let model = load(&device, folder.path());
        let mut session = session(&model, 16, &[1, 5, 3]);
        let logits = pollster::block_on(session.decode(2)).unwrap().to_vec();
        for settings in [greedy(), top_k(20, 0.8, 1)] {
            let mut sampler = sampler(&model, &settings);
            let want = sampler.sample(&logits, &[]).unwrap_err().to_string();
            assert!(want.contains("the logit of token 0 is NaN"), "{want}");
            pollster::block_on(async {
                let mut continuation = session.pipelined(2, 8, &mut sampler).unwrap();
                assert_eq!(continuation.next().await.unwrap_err().to_string(), want, "{name}");
                assert_eq!(continuation.next().await.unwrap(), None, "{name}");
            });
        }
    }
}

#[test]
fn ids_outside_the_vocabulary_are_refused_and_no_token_is_none() {
    let model = embedded(&Device::Cpu);
    let mut session = session(&model, 8, &[1]);
    let mut sampler = sampler(&model, &greedy());
    let refused = session.pipelined(u32::MAX, 3, &mut sampler).unwrap_err().to_string();
    assert!(refused.contains("4294967295"), "{refused}");
    let mut none = session.pipelined(2, 0, &mut sampler).unwrap();
    assert_eq!(pollster::block_on(none.next()).unwrap(), None);
    assert_eq!(session.ids(), [1]);
}

#[test]
fn a_sampler_of_another_vocabulary_is_refused() {
    for (name, device) in devices() {
        let model = embedded(&device);
        for vocab_size in [3, 1_000_000] {
            let mut session = session(&model, 8, &[1]);
            let mut sampler = Sampler::new(top_k(2, 1.0, 0), vocab_size).unwrap();
            let mut continuation = session.pipelined(2, 3, &mut sampler).unwrap();
            let error = pollster::block_on(continuation.next()).unwrap_err().to_string();
            assert!(error.contains(&format!("one for each of {vocab_size} tokens")), "{name}: {error}");
        }
    }
}
