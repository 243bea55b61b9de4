//! The most probable token, again and again, without its id on the way to the host and back.

use super::Session;
use crate::device::{Buffer, Device, Readback};
use crate::error::Result;
use crate::kernels::{self, Batch, Plan, Program};
use crate::model::DecoderSpec;
use crate::sampling::{greatest, impossible_logit, no_possible_token};
use crate::tensor::Tensor;
use crate::text::check_ids;

/// Passes that are submitted before the id of the first of them is back: one computes, one is ready to, and one is being
/// recorded.
const IN_FLIGHT: usize = 3;

/// Words of a choice: its id, and why it is none.
const CHOICE_WORDS: usize = 2;

/// Chooses on the device.
#[derive(Debug)]
pub(super) struct Chooser {
    program: Program,
    /// One for each pass in flight.
    readbacks: Vec<Readback>,
}

impl Chooser {
    /// For one token's `logits`; the choice goes into `ids`, where the next pass reads it.
    fn new(device: &Device, logits: &Tensor, ids: &Buffer) -> Result<Self> {
        let parts = device.zeros("parts", kernels::argmax_words(1, logits.columns()))?;
        let mut plan = Plan::new(device, 1);
        kernels::argmax(&mut plan, logits, &parts, ids);
        let readbacks = (0..IN_FLIGHT).map(|_| Readback::new(device, CHOICE_WORDS));
        Ok(Self { program: plan.compile()?, readbacks: readbacks.collect::<Result<_>>()? })
    }
}

/// The most probable continuation of a text, token by token. [`Session::greedy`] makes it.
#[derive(Debug)]
pub struct Greedy<'a> {
    session: &'a mut Session,
    /// The token that is to be read, or is being read.
    id: u32,
    /// Tokens that may still be asked for.
    num_left: usize,
    /// Passes in flight; the first of them reads `id`.
    num_in_flight: usize,
    /// The first of them among the read-backs.
    first_in_flight: usize,
}

impl Session {
    /// Reads `id` as [`Session::decode`] does, then the most probable token after it, and so on: [`Greedy::next`] gives each of
    /// these tokens, up to `num_tokens` of them. Of equally probable tokens it is the one with the lowest id, as with
    /// [`Choice::Greedy`](crate::sampling::Choice::Greedy).
    ///
    /// Logits stay on the device, and so does the id as far as the next pass is concerned: several passes are under way when
    /// the first id is back. Whoever stops early drops the [`Greedy`]; what was computed too far counts for nothing. In any case
    /// the session has then read `id` and what was given, except for the last token given, so that the text goes on with that:
    /// in [`Session::decode`] or here.
    ///
    /// In a session that captures, or past its room, tokens are computed one by one, as by [`Session::decode`].
    ///
    /// ```
    /// # pollster::block_on(async {
    /// use sukashi::{Device, Model, Session};
    ///
    /// let model = Model::embedded(&Device::Cpu)?;
    /// let mut session = Session::with_max_seq_len(&model, 32)?;
    /// session.prefill(&model.encode("吾輩は")?).await?;
    /// let mut text = model.encode("猫")?;
    /// let mut greedy = session.greedy(text[0], 8)?;
    /// while let Some(id) = greedy.next().await? {
    ///     text.push(id);
    /// }
    /// assert_eq!(text.len(), 1 + 8);
    /// assert_eq!(session.ids()[3..], text[..8]);
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If `id` is outside the vocabulary, or the device has no room for what chooses there or cannot compile it: that is made at
    /// the first call.
    pub fn greedy(&mut self, id: u32, num_tokens: usize) -> Result<Greedy<'_>> {
        check_ids(&[id], self.model.spec().vocab_size)?;
        if self.chooser.is_none() && self.watch.is_none() {
            self.chooser = Some(Chooser::new(self.model.device(), &self.logits, &self.activations.ids)?);
        }
        Ok(Greedy { session: self, id, num_left: num_tokens, num_in_flight: 0, first_in_flight: 0 })
    }
}

impl Greedy<'_> {
    /// The next token; `None` after as many as were asked for.
    ///
    /// # Errors
    /// If a logit is NaN or infinite, or all are minus infinity; if the device fails. After an error, and after a call whose
    /// future was dropped, there is no further token.
    pub async fn next(&mut self) -> Result<Option<u32>> {
        // What is left when this one is there; nothing, should it never be.
        let Some(num_left) = std::mem::take(&mut self.num_left).checked_sub(1) else { return Ok(None) };
        self.submit(1 + num_left)?;
        self.id = if self.num_in_flight > 0 {
            check_choice(self.receive().await?, self.session.model.spec())?
        } else {
            greatest(self.session.decode(self.id).await?)?
        };
        self.num_left = num_left;
        Ok(Some(self.id))
    }

    /// Submits passes until enough are in flight, of which `num_wanted` tokens come.
    fn submit(&mut self, num_wanted: usize) -> Result<()> {
        let Session { model, ids, max_seq_len, activations, decode, scratch, chooser, .. } =
            &mut *self.session;
        let Some(Chooser { program, readbacks }) = chooser else { return Ok(()) };
        let (device, spec) = (model.device(), model.spec());
        while self.num_in_flight < IN_FLIGHT.min(num_wanted) {
            let position = ids.len() + self.num_in_flight;
            if position >= *max_seq_len {
                break;
            }
            if self.num_in_flight == 0 {
                device.write(&activations.ids, &[self.id]);
            }
            activations.write_positions(device, spec, (position, 1), scratch);
            let batch = Batch { position: position as u32, num_tokens: 1, ..Batch::default() };
            let mut recorder = device.record();
            decode.run(batch, &mut recorder);
            program.run(batch, &mut recorder);
            let readback = &mut readbacks[(self.first_in_flight + self.num_in_flight) % IN_FLIGHT];
            readback.submit(recorder, &activations.ids, CHOICE_WORDS)?;
            self.num_in_flight += 1;
        }
        Ok(())
    }

    /// Waits for the first pass in flight.
    async fn receive(&mut self) -> Result<[u32; CHOICE_WORDS]> {
        let Session { ids, chooser, .. } = &mut *self.session;
        let mut choice = [0; CHOICE_WORDS];
        if let Some(Chooser { readbacks, .. }) = chooser {
            choice.copy_from_slice(readbacks[self.first_in_flight].read(CHOICE_WORDS).await?);
        }
        self.first_in_flight = (self.first_in_flight + 1) % IN_FLIGHT;
        self.num_in_flight -= 1;
        ids.push(self.id);
        Ok(choice)
    }
}

fn check_choice([id, reason]: [u32; CHOICE_WORDS], spec: &DecoderSpec) -> Result<u32> {
    match reason {
        0 => Ok(id),
        1 => Err(impossible_logit(id, f32::NAN)),
        2 => Err(impossible_logit(id, f32::INFINITY)),
        _ => Err(no_possible_token(spec.vocab_size)),
    }
}
