//! Runs blocking work on its own thread and returns it as a future.

use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::Progress;
use crate::{Error, ErrorKind, Result};

#[derive(Default)]
struct State {
    progress: Option<Progress>,
    result: Option<Result<PathBuf>>,
    waker: Option<Waker>,
    has_ended: bool,
    /// Whether the future was dropped.
    is_abandoned: bool,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

/// The worker's end: it reports progress, and finds out whether the future still exists.
pub(super) struct Reporter(Shared);

/// The future's end.
struct Waiter(Shared);

/// Runs `work` on a thread. `progress` is called when the future is polled. If the future is dropped, the
/// work stops at its next report.
pub(super) async fn run(
    work: impl FnOnce(&Reporter) -> Result<PathBuf> + Send + 'static,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf> {
    let shared = Shared::default();
    let waiter = Waiter(shared.clone());
    let reporter = Reporter(shared);
    let thread = std::thread::Builder::new().name("sukashi-hub".to_owned());
    let started = thread.spawn(move || {
        let result = work(&reporter);
        reporter.0.lock().result = Some(result);
    });
    started.map_err(|cause| {
        Error::new(ErrorKind::Io, "cannot start a thread for the download").caused_by(cause)
    })?;
    poll_fn(|context| {
        let (news, result, has_ended) = {
            let mut state = waiter.0.lock();
            state.waker = Some(context.waker().clone());
            (state.progress.take(), state.result.take(), state.has_ended)
        };
        if let Some(news) = news {
            progress(news);
        }
        match result {
            Some(result) => Poll::Ready(result),
            None if has_ended => {
                Poll::Ready(Err(Error::new(ErrorKind::Computation, "the download ended without a result")))
            }
            None => Poll::Pending,
        }
    })
    .await
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter {
    /// Reports progress.
    ///
    /// # Errors
    ///
    /// If the future was dropped.
    pub fn report(&self, progress: Progress) -> Result<()> {
        let waker = {
            let mut state = self.0.lock();
            state.progress = Some(progress);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        self.check()
    }

    /// Like [`Self::report`], but without progress.
    pub fn check(&self) -> Result<()> {
        match self.0.lock().is_abandoned {
            true => Err(Error::new(ErrorKind::Io, "the download was cancelled")),
            false => Ok(()),
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.lock();
            state.has_ended = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.lock().is_abandoned = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::{Context, Waker};

    use super::*;

    const STEP: Progress = Progress { done_bytes: 1, total_bytes: 2 };

    #[test]
    fn reports_and_the_result_arrive() {
        let mut told = Vec::new();
        let work = |reporter: &Reporter| {
            reporter.report(STEP)?;
            Ok(PathBuf::from("done"))
        };
        let path = pollster::block_on(run(work, &mut |progress| told.push(progress))).unwrap();
        assert_eq!((path, told), (PathBuf::from("done"), vec![STEP]));
    }

    #[test]
    fn work_that_panics_is_an_error_and_not_an_endless_wait() {
        let error = pollster::block_on(run(|_| panic!("on purpose"), &mut |_| {})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Computation);
    }

    #[test]
    fn work_that_nobody_waits_for_stops() {
        let (go, gone) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let work = move |reporter: &Reporter| {
            gone.recv().unwrap();
            tell.send(reporter.report(STEP).is_err()).unwrap();
            Ok(PathBuf::new())
        };
        let mut progress = |_| {};
        let mut future = Box::pin(run(work, &mut progress));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(future);
        go.send(()).unwrap();
        assert!(told.recv().unwrap());
    }
}
