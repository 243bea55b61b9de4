//! A batch whose prompts are read in pieces, between the others' tokens, and whose sequences share prefixes.

use std::ops::Range;

use super::batch::BatchSession;
use crate::device::{Buffer, Device};
use crate::error::Result;
use crate::model::kv_cache::KvCache;
use crate::model::load::Model;
use crate::model::point::Point;
use crate::model::taps::{Reader, Row, Span};

/// The most logits that are read back together, in elements.
const MAX_LOGITS: usize = 4 << 20;

/// What the methods of this file need beyond a batch.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// The memory by way of which keys and values are copied.
    scratch: Option<Buffer>,
    /// The head for several rows, and the number of rows.
    reader: Option<(Reader, usize)>,
}

/// A function that gets the logits after a token of a prompt, and the token's position.
pub type SeeLogits<'a> = &'a mut dyn FnMut(usize, &[f32]) -> Result<()>;

impl BatchSession {
    /// Reads the next piece of a prompt: as many tokens of `ids` as share a pass. Returns the tokens after them, and the
    /// logits of the next token, `[vocab_size]`, if no tokens are left. Other sequences may be read between two pieces.
    ///
    /// The pieces are those of [`BatchSession::prefill`], so the logits are the same bits.
    ///
    /// `see` gets the logits after each token of the piece but the prompt's last, in order. They are those from which
    /// [`crate::model::score`] computes.
    ///
    /// ```
    /// # pollster::block_on(async {
    /// use sukashi::{BatchSession, Device, Model};
    ///
    /// let model = Model::embedded(&Device::Cpu)?;
    /// let mut batch = BatchSession::new(&model, 2, 100)?;
    /// let prompt = vec![7; 90];
    /// let (rest, logits) = batch.prefill_piece(0, &prompt, None).await?;
    /// assert_eq!((rest.len(), logits), (26, None));
    /// let (rest, logits) = batch.prefill_piece(0, rest, None).await?;
    /// assert!(rest.is_empty() && logits.is_some());
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`BatchSession::prefill`], and the errors of `see`.
    ///
    /// # Panics
    /// If there is no such sequence.
    pub async fn prefill_piece<'a>(
        &mut self,
        text: usize,
        ids: &'a [u32],
        mut see: Option<SeeLogits<'_>>,
    ) -> Result<(&'a [u32], Option<&[f32]>)> {
        self.check_room(text, ids)?;
        let position = self.texts[text].ids.len();
        let (piece, rest) = self.prompt.split(ids, position);
        let end = position + ids.len();
        if rest.is_empty() {
            if let (Some(see), [_, _, ..]) = (&mut see, piece) {
                let span = Span { position, num_tokens: piece.len() };
                self.read_last(text, piece).await?;
                self.see_logits(span, end, *see).await?;
                // What was read last is still there.
                let vocab_size = self.model.spec().vocab_size;
                let logits = bytemuck::cast_slice(self.readback.read(vocab_size).await?);
                return Ok((rest, Some(logits)));
            }
            return Ok((rest, Some(self.read_last(text, piece).await?)));
        }
        let span = self.read(text, piece)?;
        if let Some(see) = see {
            self.see_logits(span, end, see).await?;
        }
        Ok((rest, None))
    }

    /// Shows the logits of a pass to `see`, but not those of the token before `end`.
    async fn see_logits(&mut self, span: Span, end: usize, see: SeeLogits<'_>) -> Result<()> {
        if self.pieces.reader.is_none() {
            self.pieces.reader = Some(self.reader()?);
        }
        let Some((reader, most)) = &mut self.pieces.reader else { return Ok(()) };
        let past = (span.position + span.num_tokens).min(end.saturating_sub(1));
        for first in (span.position..past).step_by(*most) {
            let some: Range<usize> = first..past.min(first + *most);
            let row = |Row { position, values }: Row<'_>| see(position, values);
            reader.read(Point::Logits, span, |position| some.contains(&position), row).await?;
        }
        Ok(())
    }

    /// A reader of logits, and the most rows that it reads at a time.
    fn reader(&self) -> Result<(Reader, usize)> {
        let (spec, activations) = (self.model.spec(), self.prompt.activations());
        let fitting = self.model.device().max_binding_words() / (spec.vocab_size + 32);
        // Not one: a single row goes through other kernels.
        let most = (MAX_LOGITS / spec.vocab_size).min(fitting).min(activations.max_tokens()).max(2);
        let sizes = (most, self.max_seq_len);
        Ok((Reader::new(&self.model, [Point::Logits].into(), activations, sizes)?, most))
    }

    /// The number of tokens at the start of a sequence that another sequence may share without a change of its bits:
    /// on a GPU those that were read as a prompt, since decoded tokens go through other kernels.
    ///
    /// # Panics
    /// If there is no such sequence.
    pub fn num_shareable(&self, text: usize) -> usize {
        match self.model.device() {
            Device::Cpu => self.texts[text].ids.len(),
            _ => self.texts[text].num_prompt,
        }
    }

    /// Keeps only the first `num_tokens` tokens of a sequence.
    ///
    /// # Panics
    /// If there is no such sequence.
    pub fn truncate(&mut self, text: usize, num_tokens: usize) {
        let text = &mut self.texts[text];
        text.ids.truncate(num_tokens);
        text.num_prompt = text.num_prompt.min(num_tokens);
    }

    /// Makes the first `num_tokens` tokens of a sequence, keys and values included, the whole of another one. Nothing is
    /// computed.
    ///
    /// # Errors
    /// If the device is lost, or has no room for the copy's scratch memory, which the first call makes.
    ///
    /// # Panics
    /// If there is no such sequence, if both are the same, or if the first one is shorter.
    pub fn copy_prefix(&mut self, from: usize, to: usize, num_tokens: usize) -> Result<()> {
        assert!(from != to, "a text is no prefix of itself");
        assert!(num_tokens <= self.texts[from].ids.len(), "a prefix longer than its text");
        let device = self.model.device();
        if self.pieces.scratch.is_none() {
            self.pieces.scratch = Some(self.cache.scratch(device)?);
        }
        if let Some(scratch) = &self.pieces.scratch {
            self.cache.copy(device, (from, to), num_tokens, scratch)?;
        }
        self.reset(to);
        // Its memory is kept.
        let mut ids = std::mem::take(&mut self.texts[to].ids);
        ids.extend_from_slice(&self.texts[from].ids[..num_tokens]);
        self.texts[to].num_prompt = self.texts[from].num_prompt.min(num_tokens);
        self.texts[to].ids = ids;
        Ok(())
    }

    /// The bytes of the keys and values of a token.
    pub fn kv_bytes_per_token(model: &Model) -> usize {
        KvCache::bytes_per_token(model.spec())
    }
}
