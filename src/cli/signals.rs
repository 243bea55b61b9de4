//! Signals that end the program: no temporary file stays behind.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use sukashi::output::remove_unfinished;

/// Removes the temporary files of writes under way when a signal asks the program to end, and ends it by that signal, so
/// that a shell sees 128 and its number. Downloads stay for the next run, which goes on with them.
pub fn watch() {
    let watched: Vec<i32> =
        [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| !is_ignored(*signal)).collect();
    // Without a thread, signals keep what they do by themselves: the thread takes them over.
    let waiting = move || {
        let Ok(mut signals) = Signals::new(watched) else { return };
        if let Some(signal) = signals.forever().next() {
            remove_unfinished(|| {
                let _ = emulate_default_handler(signal);
            });
        }
    };
    let _ = std::thread::Builder::new().name("signals".into()).spawn(waiting);
}

/// Whether whoever started the program wants it to live through `signal`, as `nohup` does. Only Linux tells; elsewhere
/// SIGHUP counts as ignored, so that `nohup` is never undone.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return signal == SIGHUP };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
