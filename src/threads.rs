//! The threads that share the CPU's work.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, Once};

use rayon::{ThreadBuilder, ThreadPoolBuilder};

/// Starts them: one for each that the machine runs at once, or as many as can be had, or none, and then the caller's does
/// all of it. Results are the same for any number.
///
/// Without this, a machine that gives too few threads would end the process when work is first shared.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // Once it has failed to start its threads, rayon has none for ever; so they are there before it is asked.
        let count = count();
        let mut waiting: Vec<Sender<ThreadBuilder>> = (0..count).map_while(|_| waiting_thread()).collect();
        if waiting.len() < count {
            // Not even these, or whatever comes next would find no room.
            waiting.truncate(waiting.len() / 2);
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
                        let sent = next.and_then(|next| next.send(thread).ok());
                        sent.ok_or_else(|| std::io::ErrorKind::Other.into())
                    })
                    .build_global()
            }
        };
    });
}

/// As rayon counts.
fn count() -> usize {
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|count| count.parse().ok());
    asked
        .filter(|&count| count > 0)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// A thread that becomes one of rayon's when it is told to.
fn waiting_thread() -> Option<Sender<ThreadBuilder>> {
    let (sender, receiver) = channel::<ThreadBuilder>();
    let thread = std::thread::Builder::new().name("sukashi-work".to_owned());
    let wait = move || {
        if let Ok(thread) = receiver.recv() {
            thread.run();
        }
    };
    thread.spawn(wait).ok().map(|_| sender)
}
