//! Continues a sequence with a sampler. If few logits decide, the device chooses a token itself and does not wait for
//! the host.

use super::Session;
use crate::device::{Buffer, Device, Program, Readback, Tensor};
use crate::dispatch::Batch;
use crate::error::Result;
use crate::kernels::{self, DeviceSampling, FOUND_WORDS, MAX_CANDIDATES, Plan, SearchShape};
use crate::model::Model;
use crate::sampling::{Choice, Generator, Sampler};
use crate::text::check_ids;

/// The most passes in flight: one computes, one is ready, and one is being recorded.
const IN_FLIGHT: usize = 3;

/// Chooses tokens on the device, so that the next pass can begin.
#[derive(Debug)]
pub(super) struct Chooser {
    program: Program,
    /// The settings of the choice, a [`DeviceSampling`].
    choosing: Buffer,
    /// The chosen token and its candidates.
    found: Buffer,
    /// A read-back for each pass in flight.
    readbacks: Vec<Readback>,
}

impl Chooser {
    /// Makes a chooser for one token's `logits`. The choice goes into `ids`, where the next pass reads it.
    fn new(model: &Model, logits: &Tensor, ids: &Buffer) -> Result<Self> {
        let device = model.device();
        let shape = SearchShape::of(device, logits.columns());
        let parts = device.zeros("parts", shape.num_parts(logits.columns()))?;
        let choosing = device.zeros("choosing", size_of::<DeviceSampling>() / 4)?;
        let found = device.zeros("found", FOUND_WORDS)?;
        let mut plan = Plan::new(device, model.choices(), 1);
        kernels::top_k(&mut plan, shape, logits, &choosing, &parts, &found);
        kernels::choose(&mut plan, &choosing, &found, ids);
        let readbacks = (0..IN_FLIGHT).map(|_| Readback::new(device, FOUND_WORDS));
        let program = device.compile(&plan.lower()?.recording)?;
        Ok(Self { program, choosing, found, readbacks: readbacks.collect::<Result<_>>()? })
    }
}

/// Continues a sequence with a sampler, token by token. [`Session::pipelined`] makes it.
#[derive(Debug)]
pub struct PipelinedDecode<'a> {
    session: &'a mut Session,
    sampler: &'a mut Sampler,
    /// The token that the next pass reads, or that the first pass in flight reads.
    id: u32,
    /// The tokens so far, if the sampler looks at them.
    previous: Option<Vec<u32>>,
    /// The number of tokens that the caller may still request.
    num_left: usize,
    /// The settings of the device's choice; `None` if the device does not choose.
    choosing: Option<DeviceSampling>,
    /// The state of the sampler's generator at the next pass to submit.
    generator: Generator,
    /// The number of passes in flight. The first of them reads `id`.
    num_in_flight: usize,
    /// The index of the first pass in flight among the read-backs.
    first_in_flight: usize,
    num_corrected: usize,
}

impl Session {
    /// Reads `id` as [`Session::decode`] does, then the token that `sampler` takes after it, and so on.
    /// [`PipelinedDecode::next`] returns each of these tokens, up to `num_tokens` of them.
    ///
    /// If few logits decide ([`Sampler::num_deciding`], up to [`MAX_CANDIDATES`]), an adapter finds and keeps them. It
    /// chooses one of them with sums in f32 and with the number that the sampler is going to draw. So several passes
    /// are in flight when the first result arrives. The sampler then takes a token from the candidates, which gives the
    /// same token as all logits. If the device chose another token, or if the sampler needs all logits, the passes
    /// after it are discarded. So the tokens never depend on the device's choice.
    ///
    /// A caller that stops early drops the [`PipelinedDecode`], which discards the passes in flight. After a call that
    /// returned a token, the session has read `id` and the tokens before the returned one. [`Session::decode`] or this
    /// function can continue the sequence with the returned token. The sampler has drawn once for each returned token.
    /// After an error, or if the future of a call was dropped, [`Session::ids`] has the tokens that were read.
    ///
    /// With other samplers, on the CPU, in a session that captures, or with a full window, tokens are computed one by
    /// one as by [`Session::decode`]. Penalties count those tokens before `id` that are still in [`Session::ids`].
    ///
    /// ```
    /// # pollster::block_on(async {
    /// use sukashi::sampling::{Sampler, Settings};
    /// use sukashi::{Device, Model, Session};
    ///
    /// let model = Model::embedded(&Device::request("auto").await?)?;
    /// let mut session = Session::with_max_seq_len(&model, 32)?;
    /// session.prefill(&model.encode("吾輩は")?).await?;
    /// let settings = Settings { top_k: Some(40), seed: 7, ..Settings::default() };
    /// let mut sampler = Sampler::new(settings, model.spec().vocab_size)?;
    /// let mut text = model.encode("猫")?;
    /// let mut continuation = session.pipelined(text[0], 8, &mut sampler)?;
    /// while let Some(id) = continuation.next().await? {
    ///     text.push(id);
    /// }
    /// assert_eq!(text.len(), 1 + 8);
    /// assert_eq!(session.ids()[3..], text[..8]);
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If `id` is outside the vocabulary, or if the device has no room for the chooser or cannot compile it. The first
    /// call makes the chooser.
    pub fn pipelined<'a>(
        &'a mut self,
        id: u32,
        num_tokens: usize,
        sampler: &'a mut Sampler,
    ) -> Result<PipelinedDecode<'a>> {
        check_ids(&[id], self.model.spec().vocab_size)?;
        let choosing = choosing(sampler).filter(|_| self.chooses_with(sampler));
        if choosing.is_some() && self.chooser.is_none() {
            self.chooser = Some(Chooser::new(&self.model, &self.logits, &self.prompt.activations().ids)?);
        }
        let previous = sampler.num_deciding().is_none().then(|| {
            let mut previous = Vec::with_capacity(self.ids.len() + 1 + num_tokens.min(self.max_seq_len));
            previous.extend_from_slice(&self.ids);
            previous.push(id);
            previous
        });
        Ok(PipelinedDecode {
            id,
            previous,
            num_left: num_tokens,
            choosing,
            generator: sampler.generator(),
            num_in_flight: 0,
            first_in_flight: 0,
            num_corrected: 0,
            session: self,
            sampler,
        })
    }

    /// Submits the pass that decodes the token at `position`, and the choice of the token after it. `id` is `None` if
    /// the device has written it.
    fn submit_choice(
        &mut self,
        id: Option<u32>,
        position: usize,
        how: &DeviceSampling,
        slot: usize,
    ) -> Result<()> {
        let Some(chooser) = &mut self.chooser else { return Ok(()) };
        let device = self.model.device();
        device.write(&chooser.choosing, bytemuck::cast_slice(std::slice::from_ref(how)));
        if let Some(id) = id {
            self.prompt.write_ids(&[id]);
        }
        self.prompt.write_places(std::iter::once((position as u32, position as u32)));
        let batch = Batch { position: position as u32, num_tokens: 1, ..Batch::default() };
        let mut recorder = device.record();
        self.decode.get(device)?.run(batch, &mut recorder);
        chooser.program.run(batch, &mut recorder);
        chooser.readbacks[slot].submit(recorder, &chooser.found, words_of(how))
    }

    /// Waits for the choice in `slot`.
    async fn read_choice(&mut self, how: &DeviceSampling, slot: usize) -> Result<&[u32]> {
        match &mut self.chooser {
            Some(chooser) => chooser.readbacks[slot].read(words_of(how)).await,
            None => Ok(&[]),
        }
    }

    /// Continues the sequence with `id`, which the pass of a choice has read.
    fn accept_choice(&mut self, id: u32) {
        self.ids.push(id);
    }

    /// Whether the device may choose for `sampler`. A capture needs each token on the host, and the CPU waits for
    /// nothing.
    fn chooses_with(&self, sampler: &Sampler) -> bool {
        self.watch.is_none()
            && !matches!(self.model.device(), Device::Cpu)
            && sampler.vocab_size() == self.model.spec().vocab_size
    }
}

/// The settings with which the device chooses as `sampler` does, up to the precision of f32; `None` if it cannot.
fn choosing(sampler: &Sampler) -> Option<DeviceSampling> {
    let count = sampler.num_deciding().filter(|count| *count <= MAX_CANDIDATES)?;
    let settings = sampler.settings();
    // A temperature that is 0 in f32 cannot divide. With one candidate, the temperature does not matter.
    let temperature = (settings.temperature as f32).clamp(f32::MIN_POSITIVE, f32::MAX);
    Some(DeviceSampling {
        count: count as u32,
        pick: match settings.choice {
            Choice::Sample => 0,
            Choice::Greedy => 1,
            Choice::Pick(n) => u32::try_from(n).unwrap_or(u32::MAX),
        },
        temperature,
        // A value above 1 cuts no candidate.
        top_p: settings.top_p.filter(|p| *p < 1.0).map_or(2.0, |p| p as f32),
        min_p: settings.min_p.map_or(0.0, |p| p as f32),
        draw: 0.0,
        unused: [0; 2],
    })
}

impl PipelinedDecode<'_> {
    /// Returns the next token; `None` after the requested number of tokens.
    ///
    /// # Errors
    /// As [`Session::decode`] and [`Sampler::sample`]. After an error, and after a call whose future was dropped, all
    /// calls return `None`.
    pub async fn next(&mut self) -> Result<Option<u32>> {
        // The count is zero until this call succeeds, so that no token follows an error or a dropped future.
        let Some(num_left) = std::mem::take(&mut self.num_left).checked_sub(1) else { return Ok(None) };
        self.submit(1 + num_left)?;
        let received = if self.num_in_flight > 0 { self.receive().await? } else { None };
        self.id = match received {
            Some(id) => id,
            None => {
                let logits = self.session.decode(self.id).await?;
                self.sampler.next_id(logits, self.previous.as_deref().unwrap_or_default())?
            }
        };
        if let Some(previous) = &mut self.previous {
            previous.push(self.id);
        }
        self.num_left = num_left;
        Ok(Some(self.id))
    }

    /// The number of times that the device chose another token than the sampler.
    pub fn num_corrected(&self) -> usize {
        self.num_corrected
    }

    /// Submits passes until enough are in flight for `num_wanted` tokens.
    fn submit(&mut self, num_wanted: usize) -> Result<()> {
        let Some(how) = &mut self.choosing else { return Ok(()) };
        while self.num_in_flight < IN_FLIGHT.min(num_wanted) {
            let position = self.session.ids().len() + self.num_in_flight;
            if position >= self.session.max_seq_len() {
                break;
            }
            // The chooser has written the id of every pass but the first.
            let id = (self.num_in_flight == 0).then_some(self.id);
            if id.is_some() {
                self.generator = self.sampler.generator();
            }
            how.draw = self.generator.uniform() as f32;
            let slot = (self.first_in_flight + self.num_in_flight) % IN_FLIGHT;
            self.session.submit_choice(id, position, how, slot)?;
            self.num_in_flight += 1;
        }
        Ok(())
    }

    /// Waits for the first pass in flight, and returns the token that the sampler takes from its candidates. If the
    /// sampler needs all logits, the result is `None` and the session is in its state before that pass.
    async fn receive(&mut self) -> Result<Option<u32>> {
        let Some(how) = &self.choosing else { return Ok(None) };
        let found = self.session.read_choice(how, self.first_in_flight).await?;
        self.first_in_flight = (self.first_in_flight + 1) % IN_FLIGHT;
        self.num_in_flight -= 1;
        let mut pairs = found.chunks_exact(2).map(|pair| (pair[0], f32::from_bits(pair[1])));
        let device_s = pairs.next().map(|(id, _)| id);
        let taken = self.sampler.choose_among(pairs)?;
        if taken.is_some() {
            self.session.accept_choice(self.id);
        }
        if taken != device_s {
            // The passes in flight have read another token.
            self.num_in_flight = 0;
            self.num_corrected += 1;
        }
        Ok(taken)
    }
}

/// The number of words to read back for a choice.
fn words_of(how: &DeviceSampling) -> usize {
    2 * (1 + how.count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::Settings;

    /// The CPU twins and every adapter.
    fn devices() -> Vec<Device> {
        let count = pollster::block_on(crate::gpu::adapters()).len();
        let selectors = (0..count).map(|index| index.to_string()).chain(["twins".to_owned()]);
        selectors.map(|selector| pollster::block_on(Device::request(&selector)).unwrap()).collect()
    }

    fn settings(seed: u64) -> Settings {
        Settings { top_k: Some(20), temperature: 1.2, seed, ..Settings::default() }
    }

    /// Continues a sequence, with a call of `mislead` before each token. Returns the tokens and the number of
    /// corrections.
    fn continued(
        session: &mut Session,
        settings: Settings,
        mislead: impl Fn(&mut PipelinedDecode<'_>),
    ) -> (Vec<u32>, usize) {
        let vocab_size = session.model.spec().vocab_size;
        let mut sampler = Sampler::new(settings, vocab_size).unwrap();
        let mut ids = Vec::new();
        let mut continuation = session.pipelined(2, 12, &mut sampler).unwrap();
        loop {
            mislead(&mut continuation);
            let Some(id) = pollster::block_on(continuation.next()).unwrap() else { break };
            ids.push(id);
        }
        (ids, continuation.num_corrected())
    }

    /// Compares the tokens of a misled device with those that are chosen one by one. Returns the number of corrections.
    fn num_corrected(
        device: &Device,
        settings: Settings,
        mislead: impl Fn(&mut PipelinedDecode<'_>),
    ) -> usize {
        let name = device.info().name;
        let model = Model::embedded(device).unwrap();
        let mut sessions = [(); 2].map(|()| Session::with_max_seq_len(&model, 32).unwrap());
        for session in &mut sessions {
            pollster::block_on(session.prefill(&[1, 5, 3])).unwrap();
        }
        let [one_by_one, misled] = &mut sessions;
        let (want, _) = continued(one_by_one, settings.clone(), |continuation| continuation.choosing = None);
        let (got, num_corrected) = continued(misled, settings, mislead);
        assert_eq!(got, want, "{name}");
        assert_eq!(misled.ids(), one_by_one.ids(), "{name}");
        let [want, got] =
            sessions.each_mut().map(|session| pollster::block_on(session.decode(9)).unwrap().to_vec());
        assert_eq!(got, want, "{name}: what was given up has left a trace");
        num_corrected
    }

    #[test]
    fn a_device_that_chooses_other_tokens_is_corrected() {
        for device in devices() {
            let far_colder = |continuation: &mut PipelinedDecode<'_>| {
                if let Some(how) = &mut continuation.choosing {
                    how.temperature = 1e-3;
                }
            };
            let corrected = |seed| num_corrected(&device, settings(seed), far_colder);
            let all: usize = (0..4).map(corrected).sum();
            assert!(all > 10, "{all} on {}", device.info().name);
        }
    }
}
