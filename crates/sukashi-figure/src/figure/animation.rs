//! Frames that follow each other in an SVG. A style sheet of key frames moves them, without a script.
//!
//! Without the style sheet, only the last frame is visible. Viewers that do not animate show it, and so do printers,
//! and browsers whose reader wants little motion.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::scene::Frame;
use super::svg::number;
use crate::{Error, Result};

/// An animation of more frames than this is too long to wait for.
const MAX_FRAMES: usize = 100;

/// The times that a step can take, in seconds. Nobody can read faster changes.
const SECONDS: std::ops::RangeInclusive<f64> = 0.25..=30.0;

/// Checks before a long run that an animation can have this many steps at this speed.
///
/// # Errors
///
/// If there are no steps or more than 100, or if a step takes less than 0.25 or more than 30 seconds.
pub fn check_animation(num_steps: usize, seconds_per_step: f64) -> Result<()> {
    if !(1..=MAX_FRAMES).contains(&num_steps) {
        return Err(Error::input("cannot animate this many steps")
            .detail(format!("found {num_steps}, expected 1 to {MAX_FRAMES}"))
            .hint("without the animation there is room for more"));
    }
    if !SECONDS.contains(&seconds_per_step) {
        let (low, high) = (SECONDS.start(), SECONDS.end());
        return Err(Error::input("cannot animate at this speed")
            .detail(format!("found {seconds_per_step} seconds per step, expected {low} to {high}")));
    }
    Ok(())
}

/// A frame's place in the style sheet. The name of a rule holds all of the rule's numbers, so that several figures in
/// one page can share a rule.
fn name(frames: &[Frame], milliseconds: u16) -> String {
    format!("sukashi-{milliseconds}-of-{}", whole(frames))
}

/// The time that all frames take together, in milliseconds.
fn whole(frames: &[Frame]) -> u32 {
    frames.iter().map(|frame| u32::from(frame.milliseconds)).sum()
}

fn seconds(milliseconds: u32) -> String {
    format!("{}s", number(f64::from(milliseconds) / 1000.0))
}

/// The attributes of the group that holds the frame's items.
pub(super) fn attributes(frames: &[Frame], index: usize) -> String {
    if frames.len() == 1 {
        return String::new();
    }
    let before = whole(&frames[..index]);
    // A negative delay starts each frame in the middle of its round.
    let delay = if before == 0 { 0 } else { whole(frames) - before };
    let is_seen_at_rest = index + 1 == frames.len();
    format!(
        "class=\"{}\" style=\"animation-delay:{}{}\"{}",
        name(frames, frames[index].milliseconds),
        if delay == 0 { "" } else { "-" },
        seconds(delay),
        if is_seen_at_rest { "" } else { " visibility=\"hidden\"" }
    )
}

/// The rules that show one frame after the other, without end.
pub(super) fn rules(frames: &[Frame]) -> String {
    if frames.len() < 2 {
        return String::new();
    }
    let whole = whole(frames);
    let mut key_frames = String::new();
    let mut classes = String::new();
    let mut all = Vec::new();
    for time in frames.iter().map(|frame| frame.milliseconds).collect::<BTreeSet<_>>() {
        let name = name(frames, time);
        let share = 100.0 * f64::from(time) / f64::from(whole);
        // Writing into a String cannot fail.
        let _ = write!(
            key_frames,
            "@keyframes {name}{{0%{{visibility:visible}}{share:.4}%,to{{visibility:hidden}}}}"
        );
        let _ = write!(classes, ".{name}{{animation:{name} {} step-end infinite}}", seconds(whole));
        all.push(format!("svg:not(:root):hover .{name}"));
    }
    // In a page, a pointer on the figure stops the animation, so that the reader has time.
    format!(
        "{key_frames}@media screen and (prefers-reduced-motion:no-preference){{{classes}{}{{animation-play-state:paused}}}}",
        all.join(",")
    )
}
