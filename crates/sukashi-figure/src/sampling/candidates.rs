//! The tokens still in play, with their logits and probabilities.

use std::cmp::Ordering;

use super::softmax::Softmax;
use crate::error::{Error, ErrorKind, Result};

/// A token still in play, as a [`Stage`](super::Stage) sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InPlay {
    /// Index into the vocabulary.
    pub id: u32,
    /// Its logit after the stages so far. After `temperature` only differences of logits mean something.
    pub logit: f64,
    /// Its share of what the stages before this one left; these sum to 1.
    pub prob: f64,
}

/// The tokens still in play, in the order of their ids.
///
/// Probabilities are those at the start of the running stage: what it changes shows in them when it ends.
#[derive(Debug)]
pub struct Candidates {
    entries: Vec<Entry>,
    /// Room for partial sorts; `entries` itself stays in the order of ids, so that sums and draws do not
    /// depend on how a selection shuffles.
    scratch: Vec<Entry>,
    softmax: Softmax,
    /// Logits or members changed since `softmax` and the weights were computed.
    stale: bool,
    /// The first value refused by [`Self::set_logit`].
    refused: Option<(u32, f64)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    id: u32,
    logit: f64,
    weight: f64,
}

/// Higher logit first, then lower id.
fn by_logit(a: &Entry, b: &Entry) -> Ordering {
    b.logit.partial_cmp(&a.logit).unwrap_or(Ordering::Equal).then(a.id.cmp(&b.id))
}

/// The difference comes first: it keeps a tiny temperature from making infinities.
fn divided(logit: f64, max: f64, temperature: f64) -> f64 {
    (logit - max) / temperature
}

/// The error where `logit` of token `id` is NaN or infinite.
pub(super) fn impossible_logit(id: u32, logit: f32) -> Error {
    Error::new(ErrorKind::Computation, format!("cannot sample: the logit of token {id} is {logit}"))
        .detail("expected a finite value, or -inf for an impossible token")
        .hint("the model overflowed or a kernel is wrong; compare with the CPU device")
}

/// The error where all of `num_logits` logits are minus infinity.
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

    /// Starts over from the model's logits, each with its id: all of a vocabulary of `vocab_size`, or some of it.
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

    /// How many tokens are in play.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is left, which ends the sampling with an error when the stage ends.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The tokens in play, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = InPlay> {
        self.entries.iter().map(|entry| self.in_play(entry))
    }

    /// The tokens in play, most probable first, each with the mass of those up to it: the order and the sums that top-k and
    /// top-p go by.
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

    /// The token `id`, if it is in play.
    pub fn get(&self, id: u32) -> Option<InPlay> {
        self.find(id).map(|index| self.in_play(&self.entries[index]))
    }

    /// Gives the token `id` another logit; −∞ removes it. A token that is not in play stays out.
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

    /// Removes the tokens for which `keep` is false. Removing all ends the sampling with an error.
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
        // Until something is removed, a token's id is its index.
        match self.entries.get(id as usize) {
            Some(entry) if entry.id == id => Some(id as usize),
            _ => self.entries.binary_search_by_key(&id, |entry| entry.id).ok(),
        }
    }

    /// Checks what `stage` left, and drops what it made impossible.
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

    /// Replaces every logit by its difference from the greatest one, divided by `temperature` above 0.
    pub(super) fn divide_logits(&mut self, temperature: f64) {
        let max = self.entries.iter().fold(f64::NEG_INFINITY, |max, entry| max.max(entry.logit));
        for entry in &mut self.entries {
            entry.logit = divided(entry.logit, max, temperature);
        }
        self.stale = true;
    }

    /// Whether the logits that are left out of these, which are not above the least of them, stay below it when all are divided
    /// by `temperature`; or else rounding may make some equal to it, and a lower id go first.
    pub(super) fn stay_apart(&self, temperature: f64) -> bool {
        let bounds = self.entries.iter().map(|entry| entry.logit);
        let (least, max) = bounds.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, max), logit| {
            (least.min(logit), max.max(logit))
        });
        let edge = divided(least, max, temperature);
        // As logits are f32, the next one below is this. What is divided to minus infinity is out in any case.
        let below = f64::from((least as f32).next_down());
        edge == f64::NEG_INFINITY || divided(below, max, temperature) < edge
    }

    /// Keeps the `count` (at least 1) most probable tokens.
    pub(super) fn keep_most_probable(&mut self, count: usize) {
        if let Some(last) = self.nth_most_probable(count) {
            self.keep_up_to(&last, by_logit);
        }
    }

    /// The `n`-th most probable token, 1 being the first; `None` where fewer are in play.
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

    /// The id of the `n`-th most probable token, or of the last one where fewer are in play.
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

    /// The run is usually short, so the order is made in growing pieces and no further than it is needed.
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
        // Rounding may keep the sum just below a `mass` next to 1: everything stays.
    }

    fn keep_up_to(&mut self, last: &Entry, order: impl Fn(&Entry, &Entry) -> Ordering) {
        self.entries.retain(|entry| order(entry, last) != Ordering::Greater);
        self.stale = true;
    }

    fn fill_scratch(&mut self) {
        self.scratch.clear();
        self.scratch.extend_from_slice(&self.entries);
    }

    /// The mass of the tokens in play before `id`, in the order of ids: where [`Self::at`] begins to give it.
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
