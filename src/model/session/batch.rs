//! Reads and continues several sequences of one model together.

use super::logit_rows::LogitRows;
use super::pass::PassLimits;
use super::pieces::Pieces;
use super::window::Window;
use crate::device::{Program, Readback, Tensor};
use crate::dispatch::Batch;
use crate::error::{Error, Result};
use crate::kernels::Plan;
use crate::model::forward::{self, Activations};
use crate::model::kv_cache::KvCache;
use crate::model::load::Model;
use crate::model::prompt_pass::PromptPass;
use crate::model::taps::{Span, Taps};
use crate::text::check_ids;

/// Reads and continues several sequences of one model. A step reads the weights once for all of them.
///
/// A sequence has an index, from 0 on. Sequences may begin at different times and have different lengths.
/// [`BatchSession::reset`] makes room for a new sequence while the others continue.
///
/// The logits of a sequence are those of a [`Session`](crate::Session) up to the rounding of sums. They are
/// bit-identical for any index of the sequence and any neighbours, so a sampler for each sequence gives the same text.
///
/// ```
/// # pollster::block_on(async {
/// use sukashi::sampling::{Sampler, Settings};
/// use sukashi::{BatchSession, Device, Model};
///
/// let model = Model::embedded(&Device::Cpu)?;
/// let vocab_size = model.spec().vocab_size;
/// let mut batch = BatchSession::new(&model, 2, 16)?;
/// let mut samplers = Vec::new();
/// let mut next = Vec::new();
/// for (text, prompt) in ["吾輩は", "先生"].into_iter().enumerate() {
///     let mut sampler = Sampler::new(Settings { seed: 7, ..Settings::default() }, vocab_size)?;
///     let logits = batch.prefill(text, &model.encode(prompt)?).await?;
///     next.push((text, sampler.sample(logits, &[])?.id));
///     samplers.push(sampler);
/// }
/// for _ in 0..4 {
///     let tokens = std::mem::take(&mut next);
///     for (&(text, _), logits) in tokens.iter().zip(batch.decode(&tokens).await?) {
///         next.push((text, samplers[text].sample(logits, &[])?.id));
///     }
/// }
/// assert_eq!((batch.ids(0).len(), batch.ids(1).len()), (7, 6));
/// # Ok::<(), sukashi::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct BatchSession {
    pub(super) model: Model,
    pub(super) texts: Vec<Text>,
    /// The most tokens of each window.
    pub(super) max_seq_len: usize,
    /// The body for many tokens of one sequence.
    pub(super) prompt: PromptPass,
    /// The body and the head for one token of each of some sequences.
    decode: Program,
    /// The head for one row of a prefill.
    last_row: Program,
    logits: Tensor,
    pub(super) readback: Readback,
    /// The number of weights of a step's largest product.
    largest_product: u64,
    limits: PassLimits,
    /// The tokens to keep when a window is full.
    window: Window,
    /// The logits of a step that takes several passes.
    several_passes: Vec<u32>,
    pub(super) cache: KvCache,
    /// What only a caller needs that reads prompts in pieces.
    pub(super) pieces: Pieces,
}

#[derive(Debug, Default)]
pub(super) struct Text {
    /// The tokens in the window.
    pub(super) ids: Vec<u32>,
    /// The number of tokens at the start of the window that were read as parts of a prompt, several at a time.
    pub(super) num_prompt: usize,
    /// The number of tokens that have left the window.
    num_dropped: usize,
}

impl Text {
    /// Appends tokens that were read several at a time.
    fn append_prompt(&mut self, ids: &[u32]) {
        if self.num_prompt == self.ids.len() {
            self.num_prompt += ids.len();
        }
        self.ids.extend_from_slice(ids);
    }
}

impl BatchSession {
    /// The most sequences.
    pub const MAX_TEXTS: usize = 64;

    /// Makes a session with `num_texts` empty sequences. Each has a window of `max_seq_len` tokens, at most as long as
    /// the model's context.
    ///
    /// # Errors
    /// If `num_texts` is 0 or more than [`BatchSession::MAX_TEXTS`]; if the device has no room for the KV cache or
    /// cannot compile a shader.
    pub fn new(model: &Model, num_texts: usize, max_seq_len: usize) -> Result<Self> {
        if num_texts == 0 || num_texts > Self::MAX_TEXTS {
            return Err(Error::input(format!("cannot decode {num_texts} texts together"))
                .detail(format!("expected 1 to {}", Self::MAX_TEXTS)));
        }
        let (device, spec, choices) = (model.device(), model.spec(), model.choices());
        let max_seq_len = max_seq_len.clamp(1, spec.max_seq_len);
        // A step has at least two rows. One token goes through other kernels, and the number of sequences must not
        // change the numbers.
        let num_rows = num_texts.max(2);
        let cache = KvCache::new(device, spec, (num_texts, max_seq_len), num_rows).map_err(|error| {
            error.hint("decode fewer texts together, or leave room for fewer tokens in each")
        })?;
        let max_tokens = PassLimits::of(device).max_tokens;
        let activations = Activations::new(device, spec, max_tokens.max(num_rows))?;
        let logits = Tensor::zeros(device, "logits", num_rows, spec.vocab_size)?;
        let normed = Tensor::zeros(device, "normed", num_rows, spec.hidden_size)?;
        let no_taps = Taps::default();

        let mut decode = Plan::of_texts(device, choices, num_rows);
        forward::body(&mut decode, model, &cache, &activations, &no_taps, spec.num_layers);
        forward::head(&mut decode, model, &activations.resid, &normed, &logits);
        let decode = decode.lower()?;

        let layers = (max_tokens, spec.num_layers);
        let prompt = PromptPass::new(model, &cache, activations, &no_taps, layers)?;

        let products = decode.steps.iter().filter_map(|step| step.matmul);
        let largest_product = products.map(|product| product.multiply_adds()).max().unwrap_or(1) as u64;

        let limits = PassLimits::of(device);
        let in_one_pass = limits.fitting(spec, max_seq_len, largest_product);
        let several_passes = if num_texts > in_one_pass { num_texts * logits.stride() } else { 0 };

        let text = || Text { ids: Vec::with_capacity(max_seq_len), ..Text::default() };
        Ok(Self {
            model: model.clone(),
            texts: (0..num_texts).map(|_| text()).collect(),
            max_seq_len,
            decode: device.compile(&decode.recording)?,
            last_row: forward::last_row(model, prompt.activations(), &logits)?,
            readback: Readback::new(device, num_texts * logits.stride())?,
            prompt,
            logits,
            largest_product,
            limits,
            window: Window::default(),
            several_passes: Vec::with_capacity(several_passes),
            cache,
            pieces: Pieces::default(),
        })
    }

    /// The model that reads the sequences.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The number of sequences.
    pub fn num_texts(&self) -> usize {
        self.texts.len()
    }

    /// The tokens in a sequence's window. These are all its tokens, or those that [`Window`] keeps once it has outgrown
    /// the window.
    ///
    /// # Panics
    /// If there is no such sequence.
    pub fn ids(&self, text: usize) -> &[u32] {
        &self.texts[text].ids
    }

    /// The number of tokens that have left a sequence's window.
    ///
    /// # Panics
    /// If there is no such sequence.
    pub fn num_dropped(&self, text: usize) -> usize {
        self.texts[text].num_dropped
    }

    /// Sets which tokens of a sequence to keep when its window is full.
    pub fn set_window(&mut self, window: Window) {
        self.window = window;
    }

    /// The number of dispatched kernels for each call of [`BatchSession::decode`].
    pub fn dispatches_per_step(&self) -> usize {
        self.decode.num_dispatches()
    }

    /// Forgets a sequence.
    ///
    /// # Panics
    /// If there is no such sequence.
    pub fn reset(&mut self, text: usize) {
        let Text { ids, num_prompt, num_dropped } = &mut self.texts[text];
        ids.clear();
        (*num_prompt, *num_dropped) = (0, 0);
    }

    /// Appends `ids` to a sequence, and returns the logits of the token after the last, `[vocab_size]`. The other
    /// sequences wait.
    ///
    /// # Errors
    /// If `ids` is empty, has an id outside the vocabulary, or does not fit into the window; if the device fails.
    ///
    /// # Panics
    /// If there is no such sequence.
    pub async fn prefill(&mut self, text: usize, ids: &[u32]) -> Result<&[f32]> {
        self.check_room(text, ids)?;
        let mut rest = ids;
        // The last pass gives the logits.
        let last = loop {
            let (chunk, after) = self.prompt.split(rest, self.texts[text].ids.len());
            if after.is_empty() {
                break chunk;
            }
            self.read(text, chunk)?;
            rest = after;
        };
        self.read_last(text, last).await
    }

    /// Checks that `ids` may be appended to a sequence.
    pub(super) fn check_room(&self, text: usize, ids: &[u32]) -> Result<()> {
        check_ids(ids, self.model.spec().vocab_size)?;
        let (num_tokens, max_seq_len) = (self.texts[text].ids.len() + ids.len(), self.max_seq_len);
        if num_tokens > max_seq_len {
            let of_model = self.model.spec().max_seq_len;
            return Err(Error::input("the prompt is longer than the text has room for").detail(format!(
                "found {num_tokens} tokens, expected at most {max_seq_len}; the model's context is {of_model}"
            )));
        }
        Ok(())
    }

    /// Reads the last tokens of a prompt in one pass, and returns the logits after them. A pass over one token is a
    /// decoding pass.
    pub(super) async fn read_last(&mut self, text: usize, last: &[u32]) -> Result<&[f32]> {
        let vocab_size = self.model.spec().vocab_size;
        let words = if let &[id] = last {
            self.step(&[(text, id)]).await?
        } else {
            let device = self.model.device().clone();
            let mut recorder = device.record();
            let (position, first_row) = (self.texts[text].ids.len(), text * self.max_seq_len);
            let batch = self.prompt.write(last, position, first_row);
            self.texts[text].append_prompt(last);
            self.prompt.run(batch, &mut recorder);
            let row = Batch { num_tokens: 1, first_row: last.len() as u32 - 1, ..Batch::default() };
            self.last_row.run(row, &mut recorder);
            self.readback.submit_and_read(recorder, self.logits.buffer(), vocab_size).await?
        };
        Ok(&bytemuck::cast_slice(words)[..vocab_size])
    }

    /// Appends one token to each of these sequences, `(text, id)`, in one pass. It returns the logits of each next
    /// token, `[vocab_size]`.
    ///
    /// If a window is full, the session drops tokens as [`Session::decode`](crate::Session::decode) does, and reads the
    /// tokens after the dropped ones again before the pass.
    ///
    /// # Errors
    /// If `tokens` is empty, an id is outside the vocabulary, or the device fails.
    ///
    /// # Panics
    /// If there is no such sequence, or if a sequence appears twice.
    pub async fn decode(&mut self, tokens: &[(usize, u32)]) -> Result<impl ExactSizeIterator<Item = &[f32]>> {
        Ok(self.decode_rows(tokens).await?.into_iter())
    }

    /// Does the same as [`BatchSession::decode`], and returns rows that can be read in any order, such as from several
    /// threads.
    ///
    /// # Errors
    /// As [`BatchSession::decode`].
    ///
    /// # Panics
    /// As [`BatchSession::decode`].
    pub async fn decode_rows(&mut self, tokens: &[(usize, u32)]) -> Result<LogitRows<'_>> {
        let vocab_size = self.model.spec().vocab_size;
        if tokens.is_empty() {
            return Err(Error::input("there is no token to read"));
        }
        for (index, &(text, id)) in tokens.iter().enumerate() {
            check_ids(&[id], vocab_size)?;
            assert!(text < self.texts.len(), "text {text} of {}", self.texts.len());
            assert!(tokens[..index].iter().all(|&(other, _)| other != text), "text {text} twice");
        }
        for &(text, _) in tokens {
            if self.texts[text].ids.len() == self.max_seq_len {
                let mut kept = self.texts[text].ids.clone();
                self.texts[text].num_dropped += self.window.cut(&mut kept, self.model.spec().bos_token_id);
                self.texts[text].ids.clear();
                self.texts[text].num_prompt = 0;
                let mut rest = &kept[..];
                while !rest.is_empty() {
                    let (chunk, after) = self.prompt.split(rest, self.texts[text].ids.len());
                    self.read(text, chunk)?;
                    rest = after;
                }
            }
        }
        let stride = self.logits.stride();
        let words = self.step(tokens).await?;
        Ok(LogitRows { values: bytemuck::cast_slice(words), stride, vocab_size })
    }

    /// Reads `ids` of one sequence in one pass, without logits.
    pub(super) fn read(&mut self, text: usize, ids: &[u32]) -> Result<Span> {
        let span = self.prompt.submit(ids, self.texts[text].ids.len(), text * self.max_seq_len)?;
        self.texts[text].append_prompt(ids);
        Ok(span)
    }

    /// Reads a token of each of these sequences, whose windows have room. It takes as few passes as keep each dispatch
    /// short, and returns a row of logits for each sequence.
    async fn step(&mut self, tokens: &[(usize, u32)]) -> Result<&[u32]> {
        let kv_len = tokens.iter().map(|&(text, _)| self.texts[text].ids.len() + 1).max().unwrap_or(1);
        let most = self.limits.fitting(self.model.spec(), kv_len, self.largest_product);
        if tokens.len() <= most {
            return self.pass(tokens).await;
        }
        let words = self.logits.stride();
        self.several_passes.resize(tokens.len() * words, 0);
        for (index, group) in tokens.chunks(most).enumerate() {
            let mut all = std::mem::take(&mut self.several_passes);
            let target = &mut all[index * most * words..][..group.len() * words];
            let result = self.pass(group).await.map(|words| target.copy_from_slice(words));
            self.several_passes = all;
            result?;
        }
        Ok(&self.several_passes)
    }

    /// Runs one pass over a token of each of these sequences.
    async fn pass(&mut self, tokens: &[(usize, u32)]) -> Result<&[u32]> {
        let device = self.model.device().clone();
        let mut ids = [0; Self::MAX_TEXTS];
        for (word, &(_, id)) in ids.iter_mut().zip(tokens) {
            *word = id;
        }
        self.prompt.write_ids(&ids[..tokens.len()]);
        let (texts, max_seq_len) = (&self.texts, self.max_seq_len);
        let places = tokens.iter().map(|&(text, _)| {
            let position = texts[text].ids.len();
            (position as u32, (text * max_seq_len + position) as u32)
        });
        let highest = places.clone().map(|(position, _)| position).max().unwrap_or(0);
        self.prompt.write_places(places);
        for &(text, id) in tokens {
            self.texts[text].ids.push(id);
        }
        let batch = Batch { position: highest, num_tokens: tokens.len() as u32, ..Batch::default() };
        let mut recorder = device.record();
        self.decode.run(batch, &mut recorder);
        let words = tokens.len() * self.logits.stride();
        self.readback.submit_and_read(recorder, self.logits.buffer(), words).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;

    #[test]
    fn several_passes_give_the_logits_of_one() {
        let model = Model::embedded(&Device::Cpu).unwrap();
        let mut batch = BatchSession::new(&model, 7, 16).unwrap();
        let mut steps = |limits: PassLimits| -> Vec<Vec<f32>> {
            batch.limits = limits;
            let mut all = Vec::new();
            for step in 0..3 {
                let tokens: Vec<(usize, u32)> =
                    (0..7).map(|text| (text, (31 * text + step) as u32)).collect();
                let logits = pollster::block_on(batch.decode(&tokens)).unwrap();
                all.extend(logits.map(<[f32]>::to_vec));
            }
            (0..7).for_each(|text| batch.reset(text));
            all
        };
        let limits = PassLimits::of(&Device::Cpu);
        let one = steps(limits);
        assert_eq!(one.len(), 21);
        let several = steps(PassLimits { product_work: 0, ..limits });
        assert_eq!(several, one, "a pass of four texts and one of three");
    }
}
