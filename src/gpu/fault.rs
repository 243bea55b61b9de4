//! Turns wgpu's asynchronous reports of errors and of a lost device into [`Error`] values.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::error::{Error, ErrorKind, Result};

/// The reports of the callbacks, which are kept until the next check.
#[derive(Debug, Default)]
pub(super) struct Fault(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Why the device is lost. It stays lost.
    lost: Option<String>,
    /// The first error since the last check.
    error: Option<(ErrorKind, String)>,
    /// The wakers of tasks that wait for a result, which a lost device will not give.
    waiting: Vec<Waker>,
    /// The fault that a test injects, and after how many more checks.
    planned: Option<(usize, Planned)>,
}

/// A fault that a test injects.
#[derive(Debug)]
pub(super) enum Planned {
    Lost(wgpu::Device),
    OutOfMemory,
}

impl Fault {
    /// Installs the two callbacks on a new device.
    pub(super) fn install(fault: &Arc<Self>, device: &wgpu::Device) {
        let on_error = Arc::clone(fault);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let kind = match &error {
                wgpu::Error::OutOfMemory { .. } => ErrorKind::OutOfMemory,
                wgpu::Error::Validation { .. } | wgpu::Error::Internal { .. } => ErrorKind::Device,
            };
            tracing::error!(%error, "wgpu");
            on_error.state().error.get_or_insert((kind, error.to_string()));
        }));
        let on_lost = Arc::clone(fault);
        device.set_device_lost_callback(move |reason, message| {
            // Dropping the last handle ends a run and is not a fault.
            if reason != wgpu::DeviceLostReason::Destroyed {
                on_lost.lose(message);
            }
        });
    }

    /// Notes that the device is lost, and wakes the tasks that wait for it.
    pub(super) fn lose(&self, message: String) {
        let mut state = self.state();
        state.lost.get_or_insert(message);
        for waker in state.waiting.drain(..) {
            waker.wake();
        }
    }

    /// Wakes `waker` when the device is lost.
    pub(super) fn wake_on_loss(&self, waker: &Waker) {
        let mut state = self.state();
        if !state.waiting.iter().any(|known| known.will_wake(waker)) {
            state.waiting.push(waker.clone());
        }
    }

    /// Injects a fault at the check after the next `after` ones.
    pub(super) fn plan(&self, after: usize, planned: Planned) {
        self.state().planned = Some((after, planned));
    }

    /// Returns the first report since the last call as an error.
    pub(super) fn check(&self) -> Result<()> {
        let mut state = self.state();
        match state.planned.take() {
            None => {}
            Some((0, Planned::OutOfMemory)) => {
                state.error.get_or_insert((ErrorKind::OutOfMemory, "planned by a test".to_owned()));
            }
            Some((0, Planned::Lost(device))) => {
                drop(state);
                self.lose("planned by a test".to_owned());
                device.destroy();
                state = self.state();
            }
            Some((after, planned)) => state.planned = Some((after - 1, planned)),
        }
        if let Some(message) = &state.lost {
            return Err(Error::new(ErrorKind::DeviceLost, "the adapter was lost").detail(message.clone()));
        }
        match state.error.take() {
            None => Ok(()),
            Some((kind @ ErrorKind::OutOfMemory, message)) => {
                Err(Error::new(kind, "the adapter has no memory left").detail(message))
            }
            Some((kind, message)) => Err(Error::new(kind, "the adapter refused a command").detail(message)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
