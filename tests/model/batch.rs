//! Sequences that are decoded together get the same logits as alone, with any neighbours.

use sukashi::model::Window;
use sukashi::sampling::{Sampler, Settings};
use sukashi::{BatchSession, Device, Model, Session};

use crate::common::{assert_close, devices, embedded, golden_folder, load};

/// A model of each family, among them models with windows, caps and odd sizes, and the embedded one.
fn models(device: &Device) -> Vec<(&'static str, Model)> {
    let mut models = vec![("embedded", embedded(device))];
    for golden in
        ["gpt2-tiny", "llama-odd", "gemma3-softcap", "gemma3-tiny", "mistral-window", "qwen2-window"]
    {
        models.push((golden, load(device, &golden_folder(golden))));
    }
    models
}

/// Some ids that every vocabulary has.
fn ids(seed: usize, num_tokens: usize) -> Vec<u32> {
    (0..num_tokens).map(|index| ((index * index * 7 + 5 * index + 11 * seed) % 53) as u32).collect()
}

/// The logits of one sequence alone, after its prompt and after each token.
fn alone(model: &Model, room: usize, prompt: &[u32], rest: &[u32]) -> Vec<Vec<f32>> {
    alone_in(&mut Session::with_max_seq_len(model, room).unwrap(), prompt, rest)
}

fn alone_in(session: &mut Session, prompt: &[u32], rest: &[u32]) -> Vec<Vec<f32>> {
    pollster::block_on(async {
        let mut logits = vec![session.prefill(prompt).await.unwrap().to_vec()];
        for &id in rest {
            logits.push(session.decode(id).await.unwrap().to_vec());
        }
        logits
    })
}

/// The logits as in [`alone`], for the given sequence in a batch of `num_texts`.
fn in_batch(
    model: &Model,
    (text, num_texts): (usize, usize),
    room: usize,
    prompt: &[u32],
    rest: &[u32],
) -> Vec<Vec<f32>> {
    let mut batch = BatchSession::new(model, num_texts, room).unwrap();
    pollster::block_on(async {
        let mut logits = vec![batch.prefill(text, prompt).await.unwrap().to_vec()];
        for &id in rest {
            logits.push(batch.decode(&[(text, id)]).await.unwrap().next().unwrap().to_vec());
        }
        logits
    })
}

/// The tolerance grows with the greatest logit.
fn tolerance(logits: &[f32]) -> f32 {
    2e-5 * logits.iter().fold(1.0_f32, |most, logit| most.max(logit.abs()))
}

/// Sequences of different lengths that begin at different times: a prompt, tokens, and the step before which the
/// sequence begins.
fn texts() -> Vec<(Vec<u32>, Vec<u32>, usize)> {
    [(3, 9, 0), (1, 4, 0), (17, 12, 0), (2, 6, 2), (11, 5, 4), (5, 8, 6)]
        .into_iter()
        .enumerate()
        .map(|(seed, (prompt, rest, start))| (ids(seed, prompt), ids(seed + 20, rest), start))
        .collect()
}

/// Decodes all of [`texts`] in a batch of `num_texts`. Each gets a place as soon as its time has come and one is free.
/// The last place is used first.
fn together(model: &Model, num_texts: usize, room: usize) -> Vec<Vec<Vec<f32>>> {
    let texts = texts();
    let mut batch = BatchSession::new(model, num_texts, room).unwrap();
    let mut logits: Vec<Vec<Vec<f32>>> = vec![Vec::new(); texts.len()];
    // The sequence in each place.
    let mut places: Vec<Option<usize>> = vec![None; num_texts];
    let mut waiting = 0;
    pollster::block_on(async {
        for step in 0.. {
            while let Some(place) = places.iter().rposition(Option::is_none)
                && waiting < texts.len()
                && (texts[waiting].2 <= step || places.iter().all(Option::is_none))
            {
                batch.reset(place);
                logits[waiting].push(batch.prefill(place, &texts[waiting].0).await.unwrap().to_vec());
                places[place] = Some(waiting);
                waiting += 1;
            }
            let tokens: Vec<(usize, u32)> = (0..num_texts)
                .filter_map(|place| places[place].map(|text| (place, texts[text].1[logits[text].len() - 1])))
                .collect();
            if tokens.is_empty() {
                break;
            }
            let rows = batch.decode(&tokens).await.unwrap();
            assert_eq!(rows.len(), tokens.len());
            for (&(place, _), row) in tokens.iter().zip(rows) {
                let text = places[place].unwrap();
                logits[text].push(row.to_vec());
                if logits[text].len() > texts[text].1.len() {
                    places[place] = None;
                }
            }
        }
    });
    logits
}

#[test]
fn logits_are_those_of_each_text_alone() {
    for (name, device) in devices() {
        for (golden, model) in models(&device) {
            for num_texts in [1, 3, 6] {
                let got = together(&model, num_texts, 64);
                for (index, ((prompt, rest, _), got)) in texts().iter().zip(&got).enumerate() {
                    let want = alone(&model, 64, prompt, rest);
                    assert_eq!(got.len(), want.len());
                    for (step, (got, want)) in got.iter().zip(&want).enumerate() {
                        let label = format!("{golden} on {name}, text {index} of {num_texts}, step {step}");
                        assert_close(&label, got, want, tolerance(want));
                        // The CPU device does not fuse, and the sums of a row are those of a token alone.
                        assert!(name != "cpu" || got == want, "{label}: bits");
                    }
                }
            }
        }
    }
}

#[test]
fn neighbours_and_places_change_no_bit() {
    for (name, device) in devices() {
        for (golden, model) in models(&device) {
            let got = together(&model, 4, 64);
            for (index, ((prompt, rest, _), got)) in texts().iter().zip(&got).enumerate() {
                for text in [0, 3] {
                    let want = in_batch(&model, (text, 4), 64, prompt, rest);
                    assert_eq!(got, &want, "{golden} on {name}, text {index} alone in place {text}");
                }
            }
        }
    }
}

#[test]
fn long_texts_are_split_as_they_are_alone() {
    // Rotary positions have no end.
    let folder = tempfile::tempdir().unwrap();
    let golden = golden_folder("llama-odd");
    let config = std::fs::read_to_string(golden.join("config.json")).unwrap();
    let longer = config.replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 1024");
    assert_ne!(longer, config);
    std::fs::write(folder.path().join("config.json"), longer).unwrap();
    std::fs::copy(golden.join("model.safetensors"), folder.path().join("model.safetensors")).unwrap();
    for (name, device) in devices() {
        if name == "twins" {
            continue;
        }
        let model = load(&device, folder.path());
        // Some prompts take several passes, and one ends with a pass of one token. Some positions are in two splits,
        // and others in one.
        let texts = [(ids(1, 250), ids(2, 9)), (ids(3, 65), ids(4, 9)), (ids(5, 130), ids(6, 9))];
        let mut batch = BatchSession::new(&model, 3, 300).unwrap();
        let mut got = vec![Vec::new(); 3];
        pollster::block_on(async {
            for (text, (prompt, _)) in texts.iter().enumerate() {
                got[text].push(batch.prefill(text, prompt).await.unwrap().to_vec());
            }
            for step in 0..9 {
                let tokens: Vec<_> =
                    texts.iter().enumerate().map(|(text, (_, rest))| (text, rest[step])).collect();
                for (got, row) in got.iter_mut().zip(batch.decode(&tokens).await.unwrap()) {
                    got.push(row.to_vec());
                }
            }
        });
        for (text, ((prompt, rest), got)) in texts.iter().zip(&got).enumerate() {
            for (step, (got, want)) in got.iter().zip(alone(&model, 300, prompt, rest)).enumerate() {
                assert_close(&format!("{name}, text {text}, step {step}"), got, &want, tolerance(&want));
            }
        }
    }
}

#[test]
fn past_its_room_the_start_of_a_text_is_dropped_and_the_others_go_on() {
    for (name, device) in devices() {
        let model = embedded(&device);
        for (room, window) in
            [(1, Window::Exact), (9, Window::Exact), (1, Window::Half), (2, Window::Half), (9, Window::Half)]
        {
            let texts = [(ids(1, 1), ids(2, 14)), (ids(3, room), ids(4, 14))];
            let mut batch = BatchSession::new(&model, 2, room).unwrap();
            batch.set_window(window);
            pollster::block_on(async {
                for (text, (prompt, _)) in texts.iter().enumerate() {
                    batch.prefill(text, prompt).await.unwrap();
                }
            });
            let mut sessions = [(); 2].map(|()| Session::with_max_seq_len(&model, room).unwrap());
            sessions.iter_mut().for_each(|session| session.set_window(window));
            let want: Vec<_> = (sessions.iter_mut().zip(&texts))
                .map(|(session, (prompt, rest))| alone_in(session, prompt, rest))
                .collect();
            for step in 0..14 {
                let tokens = [(0, texts[0].1[step]), (1, texts[1].1[step])];
                let rows = pollster::block_on(batch.decode(&tokens)).unwrap();
                for (text, row) in rows.enumerate() {
                    let want = &want[text][step + 1];
                    assert_close(&format!("{name}, text {text}, step {step}"), row, want, tolerance(want));
                }
            }
            for (text, session) in sessions.iter().enumerate() {
                assert_eq!(batch.num_dropped(text), session.num_dropped(), "{name}, text {text}");
                assert_eq!(batch.ids(text), session.ids(), "{name}, text {text}");
            }
            if window == Window::Exact {
                assert_eq!((batch.num_dropped(0), batch.num_dropped(1)), (15 - room, 14), "{name}");
                assert_eq!(batch.ids(1), &texts[1].1[14 - room..], "{name}");
            }
        }
    }
}

#[test]
fn samplers_with_the_same_seed_write_the_same_text() {
    let settings = |seed| Settings { seed, temperature: 0.9, top_k: Some(20), ..Settings::default() };
    for (name, device) in devices() {
        let model = embedded(&device);
        let prompts = ["吾輩は猫", "先生", "私は"].map(|prompt| model.encode(prompt).unwrap());
        let want: Vec<Vec<u32>> = (prompts.iter().zip(0..))
            .map(|(prompt, seed)| {
                let mut sampler = Sampler::new(settings(seed), model.spec().vocab_size).unwrap();
                let mut session = Session::with_max_seq_len(&model, 48).unwrap();
                pollster::block_on(async {
                    let mut id = sampler.next_id(session.prefill(prompt).await.unwrap(), &[]).unwrap();
                    let mut ids = vec![id];
                    for _ in 0..20 {
                        id = sampler.next_id(session.decode(id).await.unwrap(), &[]).unwrap();
                        ids.push(id);
                    }
                    ids
                })
            })
            .collect();
        let mut batch = BatchSession::new(&model, 3, 48).unwrap();
        let mut samplers: Vec<Sampler> =
            (0..3).map(|seed| Sampler::new(settings(seed), model.spec().vocab_size).unwrap()).collect();
        let mut got = vec![Vec::new(); 3];
        pollster::block_on(async {
            for (text, prompt) in prompts.iter().enumerate() {
                let logits = batch.prefill(text, prompt).await.unwrap();
                got[text].push(samplers[text].next_id(logits, &[]).unwrap());
            }
            for step in 0..20 {
                let tokens: Vec<_> = got.iter().enumerate().map(|(text, ids)| (text, ids[step])).collect();
                for (text, logits) in batch.decode(&tokens).await.unwrap().enumerate() {
                    got[text].push(samplers[text].next_id(logits, &[]).unwrap());
                }
            }
        });
        assert_eq!(got, want, "{name}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_the_texts_as_they_are() {
    let model = embedded(&Device::Cpu);
    let message = |error: sukashi::Error| error.to_string();
    assert!(message(BatchSession::new(&model, 0, 8).unwrap_err()).contains("1 to 64"));
    assert!(message(BatchSession::new(&model, 65, 8).unwrap_err()).contains("65 texts"));
    let mut batch = BatchSession::new(&model, 2, 8).unwrap();
    assert_eq!(batch.num_texts(), 2);
    pollster::block_on(async {
        batch.prefill(1, &[1, 2, 3]).await.unwrap();
        let error = message(batch.prefill(1, &[1; 6]).await.unwrap_err());
        assert!(error.contains("found 9 tokens, expected at most 8"), "{error}");
        assert!(message(batch.prefill(0, &[]).await.unwrap_err()).contains("empty"));
        assert!(message(batch.prefill(0, &[1 << 20]).await.unwrap_err()).contains("1048576"));
        assert!(batch.decode(&[]).await.is_err());
        let error = message(batch.decode(&[(0, 1), (1, u32::MAX)]).await.err().unwrap());
        assert!(error.contains("4294967295"), "{error}");
    });
    assert_eq!((batch.ids(0), batch.ids(1)), (&[][..], &[1, 2, 3][..]));
    batch.reset(1);
    assert!(batch.ids(1).is_empty());
}

#[test]
#[should_panic(expected = "text 1 twice")]
fn a_text_has_one_token_at_a_time() {
    let model = embedded(&Device::Cpu);
    let mut batch = BatchSession::new(&model, 2, 8).unwrap();
    let _ = pollster::block_on(batch.decode(&[(1, 1), (0, 1), (1, 2)])).map(|_| ());
}
