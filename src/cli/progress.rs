//! Progress bars, for what takes longer than one likes to wait.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::terminal;

/// What is over before this shows no bar.
const PATIENCE: Duration = Duration::from_millis(400);

/// A bar on the standard error, if that is a terminal and the work takes long; gone when dropped.
pub struct Progress {
    label: String,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), started: Instant::now(), bar: None }
    }

    /// `done` of `total` is done.
    pub fn set(&mut self, done: usize, total: usize) {
        if self.bar.is_none() && self.started.elapsed() >= PATIENCE && done < total {
            self.bar = Some(self.bar(total));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
        }
    }

    fn bar(&self, total: usize) -> ProgressBar {
        let bar = ProgressBar::new(total as u64).with_elapsed(self.started.elapsed());
        bar.set_message(self.label.clone());
        let template = match terminal::stderr_has_colors() {
            true => "{msg} {wide_bar:.cyan/dim} {pos}/{len}",
            false => "{msg} {wide_bar} {pos}/{len}",
        };
        match ProgressStyle::with_template(template) {
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
