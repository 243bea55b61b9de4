//! The decode loop does not make a buffer, a bind group, a pipeline or a shader. The test has a binary of its own,
//! since the logger listens to the whole process.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

mod adapters;
mod skip;

use std::sync::Mutex;

use adapters::{device, gpus, name};
use sukashi::sampling::{Sampler, Settings};
use sukashi::{BatchSession, Model, Session};

/// The calls that wgpu logged.
static CALLS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl log::Log for Listener {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("wgpu_core")
    }

    fn log(&self, record: &log::Record<'_>) {
        let message = record.args().to_string();
        if message.starts_with("Device::create_") && !message.contains("command_encoder") {
            CALLS.lock().unwrap().push(message);
        }
    }

    fn flush(&self) {}
}

fn calls() -> Vec<String> {
    std::mem::take(&mut CALLS.lock().unwrap())
}

async fn continued(session: &mut Session, num_tokens: usize, sampler: &mut Sampler) {
    let mut continuation = session.pipelined(7, num_tokens, sampler).unwrap();
    for _ in 0..num_tokens {
        continuation.next().await.unwrap().unwrap();
    }
}

#[test]
fn decoding_makes_nothing_on_the_device() {
    log::set_logger(&Listener).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    for gpu in gpus() {
        let model = Model::embedded(&device(&gpu)).unwrap();
        let mut session = Session::new(&model).unwrap();
        let made = calls();
        for what in ["buffer", "bind_group", "compute_pipeline", "shader_module"] {
            // The listener has to hear such a call at all, or the test would prove nothing.
            let call = format!("Device::create_{what}");
            assert!(made.iter().any(|made| made.starts_with(&call)), "the log lacks {call}: {made:?}");
        }
        pollster::block_on(session.prefill(&[1, 2, 3])).unwrap();
        for id in 0..20 {
            pollster::block_on(session.decode(id)).unwrap();
        }
        assert_eq!(calls(), [""; 0], "{}", name(&gpu));
        // The chooser is made once, and the next text uses it again.
        let [mut greedy, mut top_k] = [1, 40].map(|k| {
            let settings = Settings { top_k: Some(k), ..Settings::default() };
            Sampler::new(settings, model.spec().vocab_size).unwrap()
        });
        pollster::block_on(continued(&mut session, 1, &mut greedy));
        assert_ne!(calls(), [""; 0], "{}", name(&gpu));
        for sampler in [&mut greedy, &mut top_k] {
            pollster::block_on(continued(&mut session, 30, sampler));
            assert_eq!(calls(), [""; 0], "{}", name(&gpu));
        }
        session.reset();
        pollster::block_on(session.prefill(&[4; 100])).unwrap();
        assert_eq!(calls(), [""; 0], "{}", name(&gpu));

        let mut batch = BatchSession::new(&model, 3, 64).unwrap();
        assert_ne!(calls(), [""; 0], "{}", name(&gpu));
        pollster::block_on(async {
            batch.prefill(2, &[1, 2, 3]).await.unwrap();
            for id in 0..20 {
                assert_eq!(batch.decode(&[(2, id), (0, id + 1)]).await.unwrap().len(), 2);
            }
            batch.reset(0);
            batch.prefill(0, &[4; 60]).await.unwrap();
        });
        assert_eq!(calls(), [""; 0], "{}: texts together", name(&gpu));
    }
}
