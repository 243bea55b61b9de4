//! The logits of several sequences after a pass.

/// The logits of several sequences.
#[derive(Debug, Clone, Copy)]
pub struct LogitRows<'a> {
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
    pub(super) vocab_size: usize,
}

impl<'a> LogitRows<'a> {
    /// The logits of a sequence, `[vocab_size]`. Its index counts the sequences of the call.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(self, index: usize) -> &'a [f32] {
        &self.values[index * self.stride..][..self.vocab_size]
    }

    pub(super) fn into_iter(self) -> impl ExactSizeIterator<Item = &'a [f32]> {
        self.values.chunks_exact(self.stride).map(move |row| &row[..self.vocab_size])
    }
}
