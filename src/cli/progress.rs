//! Progress bars for work that takes long.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sukashi::shown;

use super::terminal;

/// Shorter work shows no bar.
const PATIENCE: Duration = Duration::from_millis(400);

/// A bar on the standard error. It appears only on a terminal and only if the work takes long, and it disappears when dropped.
pub struct Progress {
    label: String,
    started: Instant,
    is_bytes: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), started: Instant::now(), is_bytes: false, bar: None }
    }

    /// A bar that counts bytes, with their rate.
    #[cfg(feature = "hub")]
    pub fn of_bytes(label: impl Into<String>) -> Self {
        Self { label: label.into(), started: Instant::now(), is_bytes: true, bar: None }
    }

    /// Sets the bar to `done` of `total`.
    pub fn set(&mut self, done: usize, total: usize) {
        if self.bar.is_none() && self.started.elapsed() >= PATIENCE && done < total {
            self.bar = Some(self.bar(done, total));
        }
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    }

    fn bar(&self, done: usize, total: usize) -> ProgressBar {
        let bar = ProgressBar::new(total as u64).with_elapsed(self.started.elapsed());
        // The rate must not count the bytes that an earlier download left.
        bar.set_position(done as u64);
        bar.reset_eta();
        bar.set_message(shown::excerpt(&self.label).into_owned());
        let bar_style = if terminal::stderr_has_colors() { "{wide_bar:.cyan/dim}" } else { "{wide_bar}" };
        let numbers = match self.is_bytes {
            true => "{decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}",
            false => "{pos}/{len}",
        };
        match ProgressStyle::with_template(&format!("{{msg}} {bar_style} {numbers}")) {
            Ok(style) => bar.with_style(style.progress_chars("━━─")),
            Err(_) => bar,
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
