//! The threads that share the CPU's work.

use std::sync::Once;

/// Starts them: one for each that the machine runs at once, or as many as can be had, or none, and then the caller's does
/// all of it. Results are the same for any number.
///
/// Without this, a machine that gives no thread would end the process when the first work is shared.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        let fewer = std::iter::successors(Some(available), |&count| (count > 1).then_some(count / 2));
        let with = |count| rayon::ThreadPoolBuilder::new().num_threads(count);
        let builders = std::iter::once(rayon::ThreadPoolBuilder::new())
            .chain(fewer.map(with))
            .chain([with(1).use_current_thread()]);
        // Where whoever embeds the crate has started them before, no attempt changes that.
        let _ = builders.map(rayon::ThreadPoolBuilder::build_global).any(|started| started.is_ok());
    });
}
