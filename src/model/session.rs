//! A session: one text being read and continued, with its KV cache.

mod batch;
mod pass;
mod pipelined;
mod window;

pub use batch::BatchSession;
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
use pipelined::Chooser;

/// Room for tokens where nobody says how much is wanted.
const DEFAULT_MAX_SEQ_LEN: usize = 4096;

/// One text being read and continued.
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
    /// How many tokens have left the window.
    num_dropped: usize,
    /// What is kept past the room.
    window: Window,
    /// Many tokens: the body.
    prompt: PromptPass,
    /// One token: body and head in one pass.
    decode: Program,
    /// What `decode` dispatches.
    decode_steps: Vec<Step>,
    /// The head for one row of a prefill.
    last_row: Program,
    logits: Tensor,
    readback: Readback,
    watch: Option<SessionCapture>,
    /// Made when it is first needed.
    chooser: Option<Chooser>,
}

/// What a session captures on the way.
#[derive(Debug)]
struct SessionCapture {
    request: CaptureRequest,
    reader: Reader,
    /// Of the last call.
    capture: Capture,
}

impl Session {
    /// An empty text, with room for the model's context, but at most 4,096 tokens: the cache of a longer one is large.
    ///
    /// # Errors
    /// If the device has no room for the cache or cannot compile a shader.
    pub fn new(model: &Model) -> Result<Self> {
        Self::with_max_seq_len(model, DEFAULT_MAX_SEQ_LEN)
    }

    /// An empty text, with room for `max_seq_len` tokens, or as many as the model has positions for.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn with_max_seq_len(model: &Model, max_seq_len: usize) -> Result<Self> {
        Self::watching(model, max_seq_len, None)
    }

    /// As [`Session::with_max_seq_len`], capturing what `request` asks for at each call: [`Session::capture`] has it. The
    /// logits are those of a session without, bit by bit.
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
        Self::watching(model, max_seq_len, Some(request))
    }

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
            decode: device.compile(&decode.recording)?,
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

    /// The tokens in the window: all of the text, or its end once the text has outgrown the session's room.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The most tokens that the window has room for.
    pub fn max_seq_len(&self) -> usize {
        self.max_seq_len
    }

    /// How many tokens have left the window because the text outgrew the session's room.
    pub fn num_dropped(&self) -> usize {
        self.num_dropped
    }

    /// Sets what is kept of a text that outgrows the session's room.
    pub fn set_window(&mut self, window: Window) {
        self.window = window;
    }

    /// Kernels dispatched for each decoded token.
    pub fn dispatches_per_token(&self) -> usize {
        self.decode.num_dispatches()
    }

    /// What each decoded token goes through, in order.
    pub fn decode_steps(&self) -> &[Step] {
        &self.decode_steps
    }

    /// Reads `id` as [`Session::decode`] does, and gives the seconds that each of [`Session::decode_steps`] took; without
    /// logits, and not past the session's room.
    ///
    /// # Errors
    /// As [`Session::decode`]; also if the session's room is used up.
    pub async fn profile(&mut self, id: u32) -> Result<Vec<f64>> {
        check_ids(&[id], self.model.spec().vocab_size)?;
        let position = self.ids.len();
        if position >= self.max_seq_len {
            return Err(Error::input("cannot profile past the session's room")
                .detail(format!("found {position} tokens, expected less than {}", self.max_seq_len)));
        }
        let batch = self.prompt.write(&[id], position, 0);
        let seconds = self.decode.profile(batch).await?;
        self.ids.push(id);
        Ok(seconds)
    }

    /// What the last [`Session::prefill`] or [`Session::decode`] captured: a row for each token that it read. Rows of
    /// attention weights are as long as the text so far.
    pub fn capture(&self) -> Option<&Capture> {
        self.watch.as_ref().map(|watch| &watch.capture)
    }

    /// Forgets the text.
    pub fn reset(&mut self) {
        self.ids.clear();
        self.num_dropped = 0;
    }

    /// Reads `ids` on top of what is there and gives the logits, `[vocab_size]`, of the token after the last.
    ///
    /// # Errors
    /// If `ids` is empty, has an id outside the vocabulary, or does not fit into the session's room; if the device fails.
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

    /// Reads one more token and gives the logits, `[vocab_size]`, of the next.
    ///
    /// Past the session's room, the start of the text is dropped, as the session's [`Window`] says, and the rest is read again at its
    /// new positions.
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
        // The last pass has the logits; of one token it is a decoded one.
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
            self.decode.run(batch, &mut recorder);
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
