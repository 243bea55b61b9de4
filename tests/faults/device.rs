//! An adapter is lost, or has no memory left, at any point of every phase.

use std::sync::mpsc;
use std::time::Duration;

use sukashi::model::{Capture, CaptureRequest};
use sukashi::{Error, ErrorKind, Gpu, Model, Session};

use super::adapters::{device, gpus, name};

/// One phase of work on an adapter that works until the phase begins.
type Phase = (&'static str, fn(&Gpu, &dyn Fn()) -> Result<(), Error>);

const PHASES: [Phase; 6] = [
    ("load", |gpu, begin| {
        begin();
        Model::embedded(&device(gpu)).map(|_| ())
    }),
    ("session", |gpu, begin| {
        let model = Model::embedded(&device(gpu))?;
        begin();
        Session::new(&model).map(|_| ())
    }),
    ("prefill", |gpu, begin| {
        let mut session = Session::new(&Model::embedded(&device(gpu))?)?;
        begin();
        pollster::block_on(session.prefill(&[1, 2, 3])).map(|_| ())
    }),
    ("decode", |gpu, begin| {
        let mut session = Session::new(&Model::embedded(&device(gpu))?)?;
        pollster::block_on(session.prefill(&[1, 2, 3]))?;
        begin();
        for id in 4..7 {
            pollster::block_on(session.decode(id))?;
        }
        Ok(())
    }),
    ("capture", |gpu, begin| {
        let model = Model::embedded(&device(gpu))?;
        let request = CaptureRequest::new(model.spec(), ["hidden_states", "attentions", "logits"])?;
        begin();
        pollster::block_on(Capture::run(&model, &[1, 2, 3], &request)).map(|_| ())
    }),
    ("verify", |gpu, begin| {
        begin();
        let sweep = sukashi::kernels::REGISTRY[0];
        pollster::block_on(sukashi::verify::sweep_kernel(&device(gpu), sweep)).map(|_| ())
    }),
];

/// The result of `phase` on the adapter with this index. It has to come within five minutes.
fn run(index: usize, (what, phase): Phase, plan: fn(&Gpu, usize), after: usize) -> Result<(), Error> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let gpu = pollster::block_on(Gpu::request(&index.to_string())).unwrap().unwrap();
        let _ = sender.send(phase(&gpu, &|| plan(&gpu, after)));
    });
    match receiver.recv_timeout(Duration::from_secs(300)) {
        Ok(result) => result,
        Err(error) => panic!("{what}, after {after} checks: {error}"),
    }
}

/// Makes the fault happen at the first check of each phase, then at the next, and so on until it comes too late. The
/// steps grow, since a load has a hundred checks.
fn at_every_check(plan: fn(&Gpu, usize), expected: ErrorKind) {
    for (index, gpu) in gpus().iter().enumerate().take(1) {
        for phase in PHASES {
            let mut after = 0;
            let mut num_failed = 0;
            while let Err(error) = run(index, phase, plan, after) {
                let what = format!("{}: {} after {after} checks", name(gpu), phase.0);
                assert_eq!(error.kind(), expected, "{what}: {error:?}");
                assert_eq!(error.exit_code(), 1);
                num_failed += 1;
                after += 1 + after / 2;
                assert!(after < 100_000, "{what}: it never comes too late");
            }
            assert!(num_failed > 0, "{} has no check", phase.0);
            println!("{}: {num_failed} places, up to {after} checks", phase.0);
        }
    }
}

#[test]
fn a_device_lost_in_any_phase_is_an_error() {
    at_every_check(Gpu::lose_after, ErrorKind::DeviceLost);
}

#[test]
fn no_memory_left_in_any_phase_is_an_error() {
    at_every_check(Gpu::refuse_after, ErrorKind::OutOfMemory);
}
