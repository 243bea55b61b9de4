//! Starts the threads that share the CPU's work.

use std::num::NonZero;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, Once};
use std::thread::{self, JoinHandle};

use rayon::{ThreadBuilder, ThreadPoolBuilder};

/// The address space that must be free before a thread is started. It covers the stack (2 MiB) and what the
/// standard library allocates in the thread, where a failure would end the process.
const BYTES_A_THREAD: usize = 4 << 20;

/// Starts `num_threads` threads for rayon. If the system refuses some of them, half of those that started are
/// kept, but no more than the machine runs in parallel. If it refuses all, the caller's thread does all the
/// work. The results do not depend on the number of threads.
///
/// Without this call, rayon starts its threads when work is first shared, and panics if the system refuses
/// one. A second call has no effect.
pub fn start(num_threads: usize) {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // Rayon never recovers from a thread that it cannot start, so the threads are started before it is
        // built.
        let mut waiting: Vec<_> = (0..num_threads).map_while(|_| waiting_thread()).collect();
        if waiting.len() < num_threads {
            // Keep only some of them, so that memory is left for the model.
            let at_once = thread::available_parallelism().map_or(1, NonZero::get);
            let kept = at_once.min(waiting.len() / 2);
            for (start, thread) in waiting.split_off(kept) {
                drop(start);
                // Its memory is free only after it has ended.
                let _ = thread.join();
            }
        }
        // If the embedding program has already started rayon, these threads end.
        let _ = match waiting.len() {
            0 => ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global(),
            count => {
                let waiting = Mutex::new(waiting);
                ThreadPoolBuilder::new()
                    .num_threads(count)
                    .spawn_handler(move |thread| {
                        let next = waiting.lock().ok().and_then(|mut waiting| waiting.pop());
                        let sent = next.and_then(|(start, _)| start.send(thread).ok());
                        sent.ok_or_else(|| std::io::ErrorKind::Other.into())
                    })
                    .build_global()
            }
        };
    });
}

/// Starts a thread that waits. It becomes one of rayon's when it receives a builder, and ends when the sender
/// is dropped.
fn waiting_thread() -> Option<(Sender<ThreadBuilder>, JoinHandle<()>)> {
    Vec::<u8>::new().try_reserve_exact(BYTES_A_THREAD).ok()?;
    let (sender, receiver) = channel::<ThreadBuilder>();
    let (started, has_started) = channel();
    let wait = move || {
        let _ = started.send(());
        if let Ok(thread) = receiver.recv() {
            thread.run();
        }
    };
    let thread = thread::Builder::new().name("sukashi-work".to_owned()).spawn(wait).ok()?;
    // Wait for its allocations, so that the next check of free memory includes them.
    has_started.recv().ok()?;
    Some((sender, thread))
}
