//! Reads results back without blocking the caller.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::fault::Fault;
use super::{Encoder, Gpu};
use crate::error::{Error, ErrorKind, Result};

/// A buffer that the host can map. It is made once and used for every read.
#[derive(Debug)]
pub struct Staging {
    buffer: wgpu::Buffer,
    /// Whether a read began and did not end, because it failed or because its caller dropped it.
    abandoned: bool,
}

#[derive(Debug, Default)]
struct Mapping {
    result: Option<std::result::Result<(), wgpu::BufferAsyncError>>,
    waker: Option<Waker>,
}

impl Staging {
    pub(super) fn new(gpu: &Gpu, words: usize) -> Result<Self> {
        let buffer = create(gpu, (words.max(1) * 4) as u64);
        gpu.0.fault.check()?;
        Ok(Self { buffer, abandoned: false })
    }

    /// Records the copy of the first `words` words of `source`.
    pub(crate) fn copy_from(
        &mut self,
        gpu: &Gpu,
        encoder: &mut Encoder,
        source: &wgpu::Buffer,
        words: usize,
    ) {
        if self.abandoned {
            // Otherwise, wgpu would map the old buffer for the next read as soon as the submission of the dropped read
            // is done. That is before the next copy.
            self.buffer = create(gpu, self.buffer.size());
            self.abandoned = false;
        }
        encoder.0.copy_buffer_to_buffer(source, 0, &self.buffer, 0, (words * 4) as u64);
    }

    /// Waits for `submission`, but not for later ones, and takes the words that it copied.
    pub(crate) async fn read(
        &mut self,
        gpu: &Gpu,
        submission: wgpu::SubmissionIndex,
        target: &mut [u32],
    ) -> Result<()> {
        let bytes = (target.len() * 4) as u64;
        self.abandoned = true;
        // This channel belongs to this read alone, since the callback of a dropped read may still come.
        let shared: Arc<Mutex<Mapping>> = Arc::default();
        let mapping = Arc::clone(&shared);
        self.buffer.map_async(wgpu::MapMode::Read, 0..bytes, move |result| {
            let mut mapping = lock(&mapping);
            mapping.result = Some(result);
            if let Some(waker) = mapping.waker.take() {
                waker.wake();
            }
        });
        gpu.0.poller.notify(submission);
        let result = poll_fn(|context| {
            let mut mapping = lock(&shared);
            if let Some(result) = mapping.result.take() {
                return Poll::Ready(Ok(result));
            }
            mapping.waker = Some(context.waker().clone());
            drop(mapping);
            gpu.0.fault.wake_on_loss(context.waker());
            match gpu.0.fault.check() {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await?;
        #[cfg(target_family = "wasm")]
        if gpu.0.pipelines.take_unproven() {
            super::browser::reports().await;
        }
        gpu.0.fault.check()?;
        result
            .map_err(|cause| Error::new(ErrorKind::Device, "cannot read a result back").caused_by(cause))?;
        let view = self
            .buffer
            .get_mapped_range(0..bytes)
            .map_err(|cause| Error::new(ErrorKind::Device, "cannot read a result back").caused_by(cause))?;
        target.copy_from_slice(bytemuck::cast_slice(&view));
        drop(view);
        self.buffer.unmap();
        self.abandoned = false;
        Ok(())
    }
}

fn create(gpu: &Gpu, size: u64) -> wgpu::Buffer {
    gpu.0.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("staging"),
        size,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// Drives the device from a thread of its own, so that awaiting a result blocks no thread of the caller and does not
/// spin.
///
/// In a browser, the event loop does this, and there is no thread.
#[derive(Debug)]
pub(super) struct Poller {
    shared: Arc<(Mutex<Request>, Condvar)>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Request {
    /// The submissions for whose callbacks somebody waits, in the order of the requests.
    pending: VecDeque<wgpu::SubmissionIndex>,
    closing: bool,
}

impl Poller {
    pub(super) fn new(device: &wgpu::Device, fault: &Arc<Fault>) -> Result<Self> {
        let shared = Arc::new((Mutex::new(Request::default()), Condvar::new()));
        let mut thread = None;
        if cfg!(not(target_arch = "wasm32")) {
            let (device, fault, shared) = (device.clone(), Arc::clone(fault), Arc::clone(&shared));
            let spawned = std::thread::Builder::new()
                .name("sukashi-poll".into())
                .spawn(move || poll(&device, &fault, &shared))
                .map_err(|cause| Error::new(ErrorKind::Device, "cannot start a thread").caused_by(cause))?;
            thread = Some(spawned);
        }
        Ok(Self { shared, thread })
    }

    /// Requests that the callbacks of `submission` run as soon as it is done.
    fn notify(&self, submission: wgpu::SubmissionIndex) {
        // In a browser, no thread would take them out.
        if self.thread.is_none() {
            return;
        }
        lock(&self.shared.0).pending.push_back(submission);
        self.shared.1.notify_one();
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        lock(&self.shared.0).closing = true;
        self.shared.1.notify_one();
        // The thread owns a handle of the device. If it were still closing the driver when the process ends, it would
        // race with the driver's own exit handlers.
        if let Some(thread) =
            self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id())
        {
            // The thread catches panics itself.
            let _ = thread.join();
        }
    }
}

fn poll(device: &wgpu::Device, fault: &Fault, (request, changed): &(Mutex<Request>, Condvar)) {
    loop {
        let mut guard = lock(request);
        while guard.pending.is_empty() && !guard.closing {
            guard = changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        if guard.closing {
            return;
        }
        let submission_index = guard.pending.pop_front();
        drop(guard);
        // A lost device can panic in here.
        let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            device.poll(wgpu::PollType::Wait { submission_index, timeout: None })
        }));
        match waited {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => fault.lose(error.to_string()),
            Err(_) => fault.lose("the driver failed while it was waited for".into()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
