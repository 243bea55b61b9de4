//! The threads that share the CPU's work.

use std::num::NonZero;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, Once};
use std::thread::{self, JoinHandle};

use rayon::{ThreadBuilder, ThreadPoolBuilder};

/// The address space that must be left before another thread is started: its stack (2 MiB), and what the standard library
/// asks for within the thread, where a refusal ends the process.
const BYTES_A_THREAD: usize = 4 << 20;

/// Starts `num_threads` threads. Where the system gives fewer, half of them are kept, and no more than the machine runs at
/// once; where it gives none, the caller's thread does all the work. Results are the same for any number.
///
/// Without this, rayon starts as many threads as the machine runs at once when work is first shared, and panics where the
/// system refuses one. A second call changes nothing.
pub fn start(num_threads: usize) {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // Once it has failed to start its threads, rayon has none for ever; so they are there before it is asked.
        let mut waiting: Vec<_> = (0..num_threads).map_while(|_| waiting_thread()).collect();
        if waiting.len() < num_threads {
            // Not all of these, or the model would find no room.
            let at_once = thread::available_parallelism().map_or(1, NonZero::get);
            let kept = at_once.min(waiting.len() / 2);
            for (start, thread) in waiting.split_off(kept) {
                drop(start);
                // Only when it has ended is its room free.
                let _ = thread.join();
            }
        }
        // Where whoever embeds the crate has started rayon's threads before, these end.
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

/// A thread that has started, becomes one of rayon's when it is told to, and ends when it is told nothing.
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
    // The next thread is counted against what this one has left.
    has_started.recv().ok()?;
    Some((sender, thread))
}
