//! Signals that end the program. No temporary file stays behind.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use sukashi::output::remove_unfinished;

/// Removes the temporary files of unfinished writes when a signal ends the program. The program then ends by that signal, so
/// that a shell sees 128 and the signal's number. Unfinished downloads stay, and the next run continues them.
pub fn watch() {
    let watched: Vec<i32> =
        [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| !is_ignored(*signal)).collect();
    // Signals keep their default action if the thread cannot start.
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

/// Whether the parent process made this one ignore `signal`, as `nohup` does. Only Linux tells. On other systems SIGHUP counts
/// as ignored, so that `nohup` keeps its effect.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return signal == SIGHUP };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
