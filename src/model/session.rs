//! A session: one sequence with its KV cache.

mod batch;
mod decode_program;
mod logit_rows;
mod pass;
mod pieces;
mod pipelined;
mod window;

pub use batch::BatchSession;
pub use logit_rows::LogitRows;
pub use pass::prefill_tokens;
pub(super) use pass::{PassLimits, split};
pub use pipelined::PipelinedDecode;
pub use window::Window;

use super::capture::{Capture, CaptureRequest, Collector};
use super::forward::{self, Activations};
use super::kv_cache::KvCache;
use super::load::Model;
use super::prompt_pass::PromptPass;
use super::taps::{Reader, Span, Taps};
use crate::device::{Program, Readback, Tensor};
use crate::dispatch::Batch;
use crate::error::{Error, Result};
use crate::kernels::{Plan, Step};
use crate::text::check_ids;
use decode_program::DecodeProgram;
use pipelined::Chooser;

/// The window's size if a caller gives none, in tokens.
const DEFAULT_MAX_SEQ_LEN: usize = 4096;

/// Reads and continues one sequence. The window is the part of it in the KV cache.
///
/// ```
/// # pollster::block_on(async {
/// use sukashi::{Device, Model, Session};
///
/// let model = Model::embedded(&Device::Cpu)?;
/// let mut session = Session::new(&model)?;
/// let ids = model.encode("吾輩は")?;
/// let logits = session.prefill(&ids).await?;
/// assert_eq!(logits.len(), model.spec().vocab_size);
/// # Ok::<(), sukashi::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Session {
    model: Model,
    /// The tokens in the window.
    ids: Vec<u32>,
    /// The most tokens in the window.
    max_seq_len: usize,
    /// The number of tokens that have left the window.
    num_dropped: usize,
    /// The tokens to keep when the window is full.
    window: Window,
    /// The body for many tokens.
    prompt: PromptPass,
    /// The body and the head for one token.
    decode: DecodeProgram,
    /// The dispatches of `decode`.
    decode_steps: Vec<Step>,
    /// The head for one row of a prefill.
    last_row: Program,
    logits: Tensor,
    readback: Readback,
    watch: Option<SessionCapture>,
    /// The chooser for [`Session::pipelined`]. The first call makes it.
    chooser: Option<Chooser>,
}

/// The state of a session that captures.
#[derive(Debug)]
struct SessionCapture {
    request: CaptureRequest,
    reader: Reader,
    /// The values of the last call.
    capture: Capture,
}

impl Session {
    /// Makes a session with an empty sequence. Its window has the length of the model's context, but at most 4,096
    /// tokens, since the KV cache of a longer one is large.
    ///
    /// # Errors
    /// If the device has no room for the cache or cannot compile a shader.
    pub fn new(model: &Model) -> Result<Self> {
        Self::with_max_seq_len(model, DEFAULT_MAX_SEQ_LEN)
    }

    /// Makes a session with an empty sequence and a window of `max_seq_len` tokens. The window is at most as long as
    /// the model's context.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn with_max_seq_len(model: &Model, max_seq_len: usize) -> Result<Self> {
        let mut session = Self::watching(model, max_seq_len, None)?;
        session.compile_rest()?;
        Ok(session)
    }

    /// Makes a session as [`Session::with_max_seq_len`] does, that can read a prompt sooner: it leaves the program of
    /// decoding to [`Session::compile_rest`], or else to the first decoded token. A browser compiles for a second or
    /// more, and can show the first logits before the rest is compiled.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn prompt_first(model: &Model, max_seq_len: usize) -> Result<Self> {
        Self::watching(model, max_seq_len, None)
    }

    /// Compiles what [`Session::prompt_first`] left. Without anything left, it does nothing.
    ///
    /// # Errors
    /// If the device cannot compile a shader, or has no more memory.
    pub fn compile_rest(&mut self) -> Result<()> {
        self.decode.get(self.model.device()).map(|_| ())
    }

    /// Makes a session that captures the values of `request` at each call. [`Session::capture`] returns them. The
    /// logits are bit-identical to those of [`Session::with_max_seq_len`].
    ///
    /// ```
    /// # pollster::block_on(async {
    /// use sukashi::model::CaptureRequest;
    /// use sukashi::{Device, Model, Session};
    ///
    /// let model = Model::embedded(&Device::Cpu)?;
    /// let request = CaptureRequest::new(model.spec(), ["layers.*.attn.probs"])?;
    /// let mut session = Session::capturing(&model, 16, request)?;
    /// session.prefill(&model.encode("吾輩は")?).await?;
    /// session.decode(577).await?;
    /// let capture = session.capture().expect("there was a call");
    /// assert_eq!(capture.positions, [3]);
    /// assert_eq!(capture.get("layers.0.attn.probs").expect("it was asked for").shape, [6, 1, 4]);
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn capturing(model: &Model, max_seq_len: usize, request: CaptureRequest) -> Result<Self> {
        let mut session = Self::watching(model, max_seq_len, Some(request))?;
        session.compile_rest()?;
        Ok(session)
    }

    /// Makes a session whose decoding is not compiled yet.
    fn watching(model: &Model, max_seq_len: usize, request: Option<CaptureRequest>) -> Result<Self> {
        let (device, spec, choices) = (model.device(), model.spec(), model.choices());
        let max_seq_len = max_seq_len.clamp(1, spec.max_seq_len);
        let cache = KvCache::new(device, spec, (1, max_seq_len), 1)?;
        let max_tokens = if request.is_some() { pass::MAX_TOKENS } else { PassLimits::of(device).max_tokens };
        let activations = Activations::new(device, spec, max_tokens)?;
        let watch = match request {
            None => None,
            Some(request) => {
                let sizes = (max_tokens, max_seq_len);
                let reader = Reader::new(model, request.points(), &activations, sizes)?;
                Some(SessionCapture { request, reader, capture: Capture::default() })
            }
        };
        let no_taps = Taps::default();
        let taps = watch.as_ref().map_or(&no_taps, |watch| watch.reader.taps());
        let logits = Tensor::zeros(device, "logits", 1, spec.vocab_size)?;
        let normed = Tensor::zeros(device, "normed", 1, spec.hidden_size)?;

        let mut decode = Plan::fused(device, choices);
        forward::body(&mut decode, model, &cache, &activations, taps, spec.num_layers);
        forward::head(&mut decode, model, &activations.resid, &normed, &logits);
        let decode = decode.lower()?;

        let prompt = PromptPass::new(model, &cache, activations, taps, (max_tokens, spec.num_layers))?;
        Ok(Self {
            model: model.clone(),
            ids: Vec::with_capacity(max_seq_len),
            max_seq_len,
            num_dropped: 0,
            window: Window::default(),
            decode: DecodeProgram::later(decode.recording),
            decode_steps: decode.steps,
            last_row: forward::last_row(model, prompt.activations(), &logits)?,
            readback: Readback::new(device, spec.vocab_size)?,
            prompt,
            logits,
            watch,
            chooser: None,
        })
    }

    /// The model that the session runs.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The tokens in the window. These are all tokens of the sequence, or those that its [`Window`] keeps once it has
    /// outgrown the window.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The most tokens of the window.
    pub fn max_seq_len(&self) -> usize {
        self.max_seq_len
    }

    /// The number of tokens that have left the window.
    pub fn num_dropped(&self) -> usize {
        self.num_dropped
    }

    /// Sets which tokens to keep when the window is full.
    pub fn set_window(&mut self, window: Window) {
        self.window = window;
    }

    /// The number of dispatched kernels for each decoded token.
    pub fn dispatches_per_token(&self) -> usize {
        self.decode.num_dispatches()
    }

    /// The dispatches for each decoded token, in order.
    pub fn decode_steps(&self) -> &[Step] {
        &self.decode_steps
    }

    /// Reads `id` as [`Session::decode`] does, and returns the seconds of each of [`Session::decode_steps`]. It gives
    /// no logits, and it does not drop tokens.
    ///
    /// # Errors
    /// As [`Session::decode`]; also if the window is full.
    pub async fn profile(&mut self, id: u32) -> Result<Vec<f64>> {
        check_ids(&[id], self.model.spec().vocab_size)?;
        let position = self.ids.len();
        if position >= self.max_seq_len {
            return Err(Error::input("cannot profile past the session's room")
                .detail(format!("found {position} tokens, expected less than {}", self.max_seq_len)));
        }
        let batch = self.prompt.write(&[id], position, 0);
        let seconds = self.decode.get(self.model.device())?.profile(batch).await?;
        self.ids.push(id);
        Ok(seconds)
    }

    /// The values that the last [`Session::prefill`] or [`Session::decode`] captured. They have a row for each token
    /// that it read. Rows of attention weights are as long as the sequence so far.
    pub fn capture(&self) -> Option<&Capture> {
        self.watch.as_ref().map(|watch| &watch.capture)
    }

    /// Forgets the sequence.
    pub fn reset(&mut self) {
        self.ids.clear();
        self.num_dropped = 0;
    }

    /// Appends `ids` to the sequence, and returns the logits of the token after the last, `[vocab_size]`.
    ///
    /// # Errors
    /// If `ids` is empty, has an id outside the vocabulary, or does not fit into the window; if the device fails.
    pub async fn prefill(&mut self, ids: &[u32]) -> Result<&[f32]> {
        check_ids(ids, self.model.spec().vocab_size)?;
        let max_seq_len = self.max_seq_len;
        if self.ids.len() + ids.len() > max_seq_len {
            let num_tokens = self.ids.len() + ids.len();
            let of_model = self.model.spec().max_seq_len;
            return Err(Error::input("the prompt is longer than the session has room for").detail(format!(
                "found {num_tokens} tokens, expected at most {max_seq_len}; the model's context is {of_model}"
            )));
        }
        self.append(ids).await
    }

    /// Appends one token to the sequence, and returns the logits of the next token, `[vocab_size]`.
    ///
    /// If the window is full, the session drops tokens as its [`Window`] says. It reads the tokens after the dropped
    /// ones again at their new positions.
    ///
    /// # Errors
    /// If `id` is outside the vocabulary, or the device fails.
    pub async fn decode(&mut self, id: u32) -> Result<&[f32]> {
        check_ids(&[id], self.model.spec().vocab_size)?;
        if self.ids.len() < self.max_seq_len {
            return self.append(&[id]).await;
        }
        let mut ids = self.ids.clone();
        self.num_dropped += self.window.cut(&mut ids, self.model.spec().bos_token_id);
        ids.push(id);
        self.ids.clear();
        self.append(&ids).await
    }

    async fn append(&mut self, ids: &[u32]) -> Result<&[f32]> {
        let mut collector = match &self.watch {
            None => None,
            Some(watch) => {
                let (before, all) = (self.ids.len(), [&self.ids, ids].concat());
                let positions = before..all.len();
                Some(Collector::new(&self.model, &watch.request, all, positions)?)
            }
        };
        let mut rest = ids;
        // The last pass gives the logits. A last pass over one token is a decoding pass.
        let last = loop {
            let (chunk, after) = self.prompt.split(rest, self.ids.len());
            if after.is_empty() {
                break chunk;
            }
            let span = self.prompt.submit(chunk, self.ids.len(), 0)?;
            self.ids.extend_from_slice(chunk);
            if let (Some(watch), Some(collector)) = (&mut self.watch, &mut collector) {
                collector.read(&watch.request, &mut watch.reader, span).await?;
            }
            rest = after;
        };
        if last.is_empty() {
            return Err(Error::input("the prompt is empty"));
        }
        let span = Span { position: self.ids.len(), num_tokens: last.len() };
        let batch = self.prompt.write(last, span.position, 0);
        let mut recorder = self.model.device().record();
        if last.len() == 1 {
            self.decode.get(self.model.device())?.run(batch, &mut recorder);
        } else {
            self.prompt.run(batch, &mut recorder);
            let row = Batch { num_tokens: 1, first_row: batch.num_tokens - 1, ..Batch::default() };
            self.last_row.run(row, &mut recorder);
        }
        self.ids.extend_from_slice(last);
        let vocab_size = self.model.spec().vocab_size;
        let words = self.readback.submit_and_read(recorder, self.logits.buffer(), vocab_size).await?;
        if let (Some(watch), Some(mut collector)) = (&mut self.watch, collector) {
            collector.read(&watch.request, &mut watch.reader, span).await?;
            watch.capture = collector.capture;
        }
        Ok(bytemuck::cast_slice(words))
    }
}
