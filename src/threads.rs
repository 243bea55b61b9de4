//! The threads that share the CPU's work.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, Once};
use std::thread::JoinHandle;

use rayon::{ThreadBuilder, ThreadPoolBuilder};

/// Starts `num_threads` threads. Where the system gives fewer, half of them are kept; where it gives none, the caller's
/// thread does all the work. Results are the same for any number.
///
/// Without this, rayon starts as many threads as the machine runs at once when work is first shared, and panics where the
/// system refuses one. A second call changes nothing.
pub fn start(num_threads: usize) {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // Once it has failed to start its threads, rayon has none for ever; so they are there before it is asked.
        let mut waiting: Vec<_> = (0..num_threads).map_while(|_| waiting_thread()).collect();
        if waiting.len() < num_threads {
            // Not even these, or whatever comes next would find no room.
            for (told, thread) in waiting.split_off(waiting.len() / 2) {
                drop(told);
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
                        let sent = next.and_then(|(told, _)| told.send(thread).ok());
                        sent.ok_or_else(|| std::io::ErrorKind::Other.into())
                    })
                    .build_global()
            }
        };
    });
}

/// A thread that becomes one of rayon's when it is told to, and ends when it is told nothing.
fn waiting_thread() -> Option<(Sender<ThreadBuilder>, JoinHandle<()>)> {
    let (sender, receiver) = channel::<ThreadBuilder>();
    let thread = std::thread::Builder::new().name("sukashi-work".to_owned());
    let wait = move || {
        if let Ok(thread) = receiver.recv() {
            thread.run();
        }
    };
    Some((sender, thread.spawn(wait).ok()?))
}
