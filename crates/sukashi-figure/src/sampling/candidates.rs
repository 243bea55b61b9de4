//! The tokens that are still in play, with their logits and probabilities.

use std::cmp::Ordering;

use super::softmax::Softmax;
use crate::error::{Error, ErrorKind, Result};

/// A token that is still in play, in the form that a [`Stage`](super::Stage) gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InPlay {
    /// The index into the vocabulary.
    pub id: u32,
    /// The logit after the stages so far. After `temperature`, only differences of logits have a meaning.
    pub logit: f64,
    /// The token's share of the mass that the stages before this one left. All shares sum to 1.
    pub prob: f64,
}

/// The tokens that are still in play, in the order of their ids.
///
/// The probabilities are those at the start of the running stage. They change when the stage ends.
#[derive(Debug)]
pub struct Candidates {
    entries: Vec<Entry>,
    /// A buffer for partial sorts. `entries` itself stays in the order of ids, so that sums and draws do not depend on
    /// the order of a selection.
    scratch: Vec<Entry>,
    softmax: Softmax,
    /// Whether logits or members changed after `softmax` and the weights were computed.
    stale: bool,
    /// The first value that [`Self::set_logit`] refused.
    refused: Option<(u32, f64)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    id: u32,
    logit: f64,
    weight: f64,
}

/// The order of tokens: the higher logit first, then the lower id.
fn by_logit(a: &Entry, b: &Entry) -> Ordering {
    b.logit.partial_cmp(&a.logit).unwrap_or(Ordering::Equal).then(a.id.cmp(&b.id))
}

/// The difference comes before the division, so that a tiny temperature makes no infinities.
fn divided(logit: f64, max: f64, temperature: f64) -> f64 {
    (logit - max) / temperature
}

/// The error if `logit` of token `id` is NaN or infinite.
pub(super) fn impossible_logit(id: u32, logit: f32) -> Error {
    Error::new(ErrorKind::Computation, format!("cannot sample: the logit of token {id} is {logit}"))
        .detail("expected a finite value, or -inf for an impossible token")
        .hint("the model overflowed or a kernel is wrong; compare with the CPU device")
}

/// The error if all of `num_logits` logits are minus infinity.
pub(super) fn no_possible_token(num_logits: usize) -> Error {
    Error::new(ErrorKind::Computation, "cannot sample: every logit is -inf")
        .detail(format!("expected at least one finite value among {num_logits}"))
}

impl Candidates {
    pub(super) fn new(vocab_size: usize) -> Self {
        Self {
            entries: Vec::with_capacity(vocab_size),
            scratch: Vec::with_capacity(vocab_size),
            softmax: Softmax::empty(0.0, 1.0),
            stale: false,
            refused: None,
        }
    }

    /// Starts again from the model's logits, each with its id. These are all tokens of a vocabulary of `vocab_size`, or
    /// some of them.
    pub(super) fn load(&mut self, logits: impl Iterator<Item = (u32, f32)>, vocab_size: usize) -> Result<()> {
        self.entries.clear();
        self.refused = None;
        for (id, logit) in logits {
            if logit.is_nan() || logit == f32::INFINITY {
                return Err(impossible_logit(id, logit));
            }
            if logit != f32::NEG_INFINITY {
                self.entries.push(Entry { id, logit: f64::from(logit), weight: 0.0 });
            }
        }
        if self.entries.is_empty() {
            return Err(no_possible_token(vocab_size));
        }
        if !self.entries.is_sorted_by_key(|entry| entry.id) {
            self.entries.sort_unstable_by_key(|entry| entry.id);
        }
        self.stale = true;
        Ok(())
    }

    /// Returns how many tokens are in play.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether no token is left. The sampling then ends with an error when the stage ends.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the tokens in play, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = InPlay> {
        self.entries.iter().map(|entry| self.in_play(entry))
    }

    /// Returns the tokens in play, the most probable first, each with the mass of the tokens up to it. Top-k and top-p
    /// use this order and these sums.
    pub fn ranked(&self) -> Vec<(InPlay, f64)> {
        let mut entries = self.entries.clone();
        entries.sort_unstable_by(by_logit);
        let mut reached = 0.0;
        let ranked = entries.iter().map(|entry| {
            reached += entry.weight;
            (self.in_play(entry), reached / self.softmax.sum())
        });
        ranked.collect()
    }

    /// Returns the token `id` if it is in play.
    pub fn get(&self, id: u32) -> Option<InPlay> {
        self.find(id).map(|index| self.in_play(&self.entries[index]))
    }

    /// Gives the token `id` another logit. −∞ removes the token. A token that is not in play stays out.
    ///
    /// NaN and +∞ end the sampling with an error that names the stage, the token and the value.
    pub fn set_logit(&mut self, id: u32, logit: f64) {
        if let Some(index) = self.find(id) {
            if logit.is_nan() || logit == f64::INFINITY {
                self.refused.get_or_insert((id, logit));
                return;
            }
            self.entries[index].logit = logit;
            self.stale = true;
        }
    }

    /// Removes the tokens for which `keep` is false. If no token is left, the sampling ends with an error.
    pub fn retain(&mut self, mut keep: impl FnMut(&InPlay) -> bool) {
        let sum = self.softmax.sum();
        self.entries
            .retain(|entry| keep(&InPlay { id: entry.id, logit: entry.logit, prob: entry.weight / sum }));
        self.stale = true;
    }

    fn in_play(&self, entry: &Entry) -> InPlay {
        InPlay { id: entry.id, logit: entry.logit, prob: entry.weight / self.softmax.sum() }
    }

    fn find(&self, id: u32) -> Option<usize> {
        // As long as no token is removed, a token's id is its index.
        match self.entries.get(id as usize) {
            Some(entry) if entry.id == id => Some(id as usize),
            _ => self.entries.binary_search_by_key(&id, |entry| entry.id).ok(),
        }
    }

    /// Checks the tokens that `stage` left, and drops those that it made impossible.
    pub(super) fn settle(&mut self, stage: &str) -> Result<()> {
        if let Some((id, logit)) = self.refused {
            return Err(Error::new(
                ErrorKind::Computation,
                format!("cannot sample: stage {stage} made the logit of token {id} {logit}"),
            )
            .detail("expected a finite value, or -inf to remove the token"));
        }
        if self.stale {
            self.entries.retain(|entry| entry.logit > f64::NEG_INFINITY);
        }
        if self.entries.is_empty() {
            return Err(Error::new(
                ErrorKind::Computation,
                format!("cannot sample: stage {stage} removed every token"),
            )
            .hint("a stage has to leave at least one token to choose from"));
        }
        Ok(())
    }

    /// Brings weights and normaliser up to date with the logits and members.
    pub(super) fn refresh(&mut self) -> Softmax {
        if self.stale {
            let max = self.entries.iter().fold(f64::NEG_INFINITY, |max, entry| max.max(entry.logit));
            let mut softmax = Softmax::empty(max, 1.0);
            for entry in &mut self.entries {
                entry.weight = softmax.add(entry.logit);
            }
            self.softmax = softmax;
            self.stale = false;
        }
        self.softmax
    }

    /// The normaliser at the start of the running stage.
    pub(super) fn softmax(&self) -> Softmax {
        self.softmax
    }

    /// Replaces every logit by its difference from the greatest one, divided by `temperature`, which is above 0.
    pub(super) fn divide_logits(&mut self, temperature: f64) {
        let max = self.entries.iter().fold(f64::NEG_INFINITY, |max, entry| max.max(entry.logit));
        for entry in &mut self.entries {
            entry.logit = divided(entry.logit, max, temperature);
        }
        self.stale = true;
    }

    /// Whether the logits that are left out of these stay below the least of them after all are divided by
    /// `temperature`. They are not above it before the division. Rounding may make some of them equal to it, and then a
    /// lower id would go first.
    pub(super) fn stay_apart(&self, temperature: f64) -> bool {
        let bounds = self.entries.iter().map(|entry| entry.logit);
        let (least, max) = bounds.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, max), logit| {
            (least.min(logit), max.max(logit))
        });
        let edge = divided(least, max, temperature);
        // Logits are f32, so this is the next logit below. A logit that becomes minus infinity is out in any case.
        let below = f64::from((least as f32).next_down());
        edge == f64::NEG_INFINITY || divided(below, max, temperature) < edge
    }

    /// Keeps the `count` (at least 1) most probable tokens.
    pub(super) fn keep_most_probable(&mut self, count: usize) {
        if let Some(last) = self.nth_most_probable(count) {
            self.keep_up_to(&last, by_logit);
        }
    }

    /// The `n`-th most probable token, counted from 1. `None` if fewer tokens are in play.
    fn nth_most_probable(&mut self, n: usize) -> Option<Entry> {
        if n == 0 || n > self.entries.len() {
            return None;
        }
        if n == 1 {
            return self.entries.iter().copied().min_by(by_logit);
        }
        self.fill_scratch();
        let (_, nth, _) = self.scratch.select_nth_unstable_by(n - 1, by_logit);
        Some(*nth)
    }

    /// The id of the `n`-th most probable token, or of the last one if fewer tokens are in play.
    pub(super) fn pick(&mut self, n: usize) -> u32 {
        let n = n.clamp(1, self.entries.len().max(1));
        self.nth_most_probable(n).map_or(0, |entry| entry.id)
    }

    /// Keeps the shortest run of most probable tokens whose mass reaches `mass`.
    pub(super) fn keep_mass_by_logit(&mut self, mass: f64) {
        self.keep_mass(mass, by_logit);
    }

    /// Keeps the shortest run of tokens by rising `key` of the logit whose mass reaches `mass`.
    pub(super) fn keep_mass_by_key(&mut self, mass: f64, key: impl Fn(f64) -> f64) {
        self.keep_mass(mass, |a, b| {
            key(a.logit).partial_cmp(&key(b.logit)).unwrap_or(Ordering::Equal).then(a.id.cmp(&b.id))
        });
    }

    /// The run is usually short, so the tokens are sorted in growing pieces, and only as far as needed.
    fn keep_mass(&mut self, mass: f64, order: impl Fn(&Entry, &Entry) -> Ordering) {
        self.fill_scratch();
        let target = mass * self.softmax.sum();
        let mut reached = 0.0;
        let mut rest = &mut self.scratch[..];
        let mut piece_len = 64;
        while !rest.is_empty() {
            let piece_end = piece_len.min(rest.len());
            if piece_end < rest.len() {
                rest.select_nth_unstable_by(piece_end - 1, &order);
            }
            let (piece, after) = rest.split_at_mut(piece_end);
            piece.sort_unstable_by(&order);
            for entry in piece.iter() {
                reached += entry.weight;
                if reached >= target {
                    let last = *entry;
                    self.keep_up_to(&last, order);
                    return;
                }
            }
            rest = after;
            piece_len *= 4;
        }
        // Rounding may keep the sum just below a `mass` next to 1. Then all tokens stay.
    }

    fn keep_up_to(&mut self, last: &Entry, order: impl Fn(&Entry, &Entry) -> Ordering) {
        self.entries.retain(|entry| order(entry, last) != Ordering::Greater);
        self.stale = true;
    }

    fn fill_scratch(&mut self) {
        self.scratch.clear();
        self.scratch.extend_from_slice(&self.entries);
    }

    /// The mass of the tokens in play before `id`, in the order of ids. From this number on, [`Self::at`] gives `id`.
    pub(super) fn mass_before(&self, id: u32) -> f64 {
        let before = self.entries.iter().take_while(|entry| entry.id < id);
        before.map(|entry| entry.weight).sum::<f64>() / self.softmax.sum()
    }

    /// Inverts the cumulative distribution at `uniform` in `0..1`, in the order of ids.
    pub(super) fn at(&self, uniform: f64) -> u32 {
        let target = uniform * self.softmax.sum();
        let mut reached = 0.0;
        let mut last = 0;
        for entry in self.entries.iter().filter(|entry| entry.weight > 0.0) {
            reached += entry.weight;
            last = entry.id;
            if reached > target {
                break;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(logits: &[f32]) -> Candidates {
        let mut candidates = Candidates::new(logits.len());
        candidates.load((0..).zip(logits.iter().copied()), logits.len()).unwrap();
        candidates.refresh();
        candidates
    }

    #[test]
    fn the_normaliser_is_the_softmax_of_the_logits_to_the_last_bit() {
        let logits = [0.3, -7.25, 4.125, f32::NEG_INFINITY, 0.3];
        assert_eq!(loaded(&logits).softmax(), Softmax::new(&logits, 1.0));
    }

    #[test]
    fn the_draw_covers_the_whole_interval() {
        let candidates = loaded(&[f32::NEG_INFINITY, 0.0, 0.0, -2000.0]);
        assert_eq!(candidates.at(0.0), 1);
        assert_eq!(candidates.at(0.499_999), 1);
        assert_eq!(candidates.at(0.5), 2);
        // The greatest value that the generator gives; token 3 has weight 0 and is never drawn.
        assert_eq!(candidates.at(1.0 - 1.0 / (1u64 << 53) as f64), 2);
        assert_eq!(candidates.at(1.0), 2, "rounding up to the whole mass still gives a possible token");
    }

    #[test]
    fn ids_are_found_after_removals() {
        let mut candidates = loaded(&[0.0, 1.0, 2.0, 3.0]);
        candidates.retain(|token| token.id != 1);
        assert_eq!(candidates.get(1), None);
        assert_eq!(candidates.get(3).map(|token| token.logit), Some(3.0));
        assert_eq!(candidates.get(9), None);
    }

    #[test]
    fn a_long_run_is_ordered_in_pieces() {
        let logits = vec![1.0; 1000];
        let mut candidates = loaded(&logits);
        candidates.keep_mass_by_logit(0.75);
        assert_eq!(candidates.len(), 750);
        assert_eq!(candidates.iter().map(|token| token.id).max(), Some(749));
    }
}
