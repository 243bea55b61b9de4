//! The work that waits for the engine.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::job::{Event, Failure, Job};
use crate::Model;
use crate::error::Error;
use crate::serve::limits::MAX_TASKS;

/// A function of the model that the engine runs between two steps.
pub type Task = Box<dyn FnOnce(&Model) + Send>;

/// What the engine is doing.
#[derive(Debug, Clone)]
pub enum Status {
    /// It loads the model.
    Loading,
    /// It takes work.
    Ready,
    /// It ends what runs, and takes no work.
    Stopping,
    /// The device or the program has failed, and there will be no more answers.
    Failed(Error),
}

/// Why work is refused.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// Too much work waits.
    Full {
        /// The number of texts or tasks that wait.
        found: usize,
        /// The most that may wait.
        limit: usize,
    },
    /// The engine takes no work.
    Status(Status),
}

pub struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
    max_jobs: usize,
}

struct State {
    status: Status,
    jobs: VecDeque<Job>,
    tasks: VecDeque<Task>,
    /// When running texts have to be ended.
    deadline: Option<Instant>,
}

/// What the engine takes out at once.
pub struct Taken {
    pub jobs: Vec<Job>,
    pub task: Option<Task>,
    /// When running texts have to be ended, once the engine stops.
    pub deadline: Option<Instant>,
}

impl Inbox {
    pub fn new(max_jobs: usize) -> Self {
        let state =
            State { status: Status::Loading, jobs: VecDeque::new(), tasks: VecDeque::new(), deadline: None };
        Self { state: Mutex::new(state), changed: Condvar::new(), max_jobs }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn status(&self) -> Status {
        self.lock().status.clone()
    }

    pub fn num_waiting(&self) -> usize {
        self.lock().jobs.len()
    }

    pub fn set_ready(&self) {
        let mut state = self.lock();
        if let Status::Loading = state.status {
            state.status = Status::Ready;
        }
    }

    pub fn push_jobs(&self, jobs: Vec<Job>) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.check()?;
        // Those that nobody listens to make room.
        state.jobs.retain(|job| !job.events.is_closed());
        let found = state.jobs.len();
        if found + jobs.len() > self.max_jobs {
            return Err(Refusal::Full { found, limit: self.max_jobs });
        }
        state.jobs.extend(jobs);
        self.changed.notify_all();
        Ok(())
    }

    pub fn push_task(&self, task: Task) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.check()?;
        let found = state.tasks.len();
        if found >= MAX_TASKS {
            return Err(Refusal::Full { found, limit: MAX_TASKS });
        }
        state.tasks.push_back(task);
        self.changed.notify_all();
        Ok(())
    }

    /// Refuses what waits and what comes. Running texts may go on until `deadline`.
    pub fn stop(&self, deadline: Instant) {
        let mut state = self.lock();
        if !matches!(state.status, Status::Failed(_)) {
            state.status = Status::Stopping;
        }
        let earlier = state.deadline.map_or(deadline, |known| known.min(deadline));
        state.deadline = Some(earlier);
        state.refuse(&Failure::Stopping);
        self.changed.notify_all();
    }

    /// Refuses what waits and what comes, because of an error.
    pub fn fail(&self, error: Error) {
        let mut state = self.lock();
        state.refuse(&Failure::Error(error.clone()));
        state.status = Status::Failed(error);
        self.changed.notify_all();
    }

    /// Takes a task and up to `num_free` texts. If the engine has nothing else to do, this waits for them.
    pub fn take(&self, num_free: usize, is_idle: bool) -> Taken {
        let mut state = self.lock();
        while is_idle && state.jobs.is_empty() && state.tasks.is_empty() && state.deadline.is_none() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let State { jobs, tasks, deadline, .. } = &mut *state;
        let now = Instant::now();
        jobs.retain(|job| {
            let is_late = now >= job.deadline;
            if is_late {
                // A listener that is gone misses nothing.
                let _ = job.events.try_send(Event::Failed(Failure::TimedOut));
            }
            !is_late && !job.events.is_closed()
        });
        let mut taken = Taken { jobs: Vec::new(), task: tasks.pop_front(), deadline: *deadline };
        while taken.jobs.len() < num_free
            && let Some(job) = jobs.pop_front()
        {
            // Nothing is allocated while nothing waits.
            taken.jobs.push(job);
        }
        taken
    }
}

impl State {
    fn check(&self) -> Result<(), Refusal> {
        match &self.status {
            Status::Ready => Ok(()),
            other => Err(Refusal::Status(other.clone())),
        }
    }

    fn refuse(&mut self, failure: &Failure) {
        self.tasks.clear();
        for job in self.jobs.drain(..) {
            let _ = job.events.try_send(Event::Failed(failure.clone()));
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("status", &self.status()).finish_non_exhaustive()
    }
}
