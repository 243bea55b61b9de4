//! A text continued by a sampler; where few logits decide, without the chosen ids on the way to the host and back.

use super::Session;
use crate::device::{Buffer, Device, Program, Readback, Tensor};
use crate::dispatch::Batch;
use crate::error::Result;
use crate::kernels::{self, DeviceSampling, FOUND_WORDS, MAX_CANDIDATES, Plan, SearchShape};
use crate::model::Model;
use crate::sampling::{Choice, Generator, Sampler};
use crate::text::check_ids;

/// Passes that are submitted before the first of them is back: one computes, one is ready to, and one is being recorded.
const IN_FLIGHT: usize = 3;

/// Chooses on the device, so that the next pass can go on.
#[derive(Debug)]
pub(super) struct Chooser {
    program: Program,
    /// How it chooses, a [`DeviceSampling`].
    choosing: Buffer,
    /// What it has chosen, and from which candidates.
    found: Buffer,
    /// One for each pass in flight.
    readbacks: Vec<Readback>,
}

impl Chooser {
    /// For one token's `logits`; the choice goes into `ids`, where the next pass reads it.
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

/// A text continued by a sampler, token by token. [`Session::pipelined`] makes it.
#[derive(Debug)]
pub struct PipelinedDecode<'a> {
    session: &'a mut Session,
    sampler: &'a mut Sampler,
    /// The token that is to be read, or is being read.
    id: u32,
    /// Where the sampler looks at them: the tokens so far.
    previous: Option<Vec<u32>>,
    /// Tokens that may still be asked for.
    num_left: usize,
    /// How the device chooses; `None` where nothing is chosen there.
    choosing: Option<DeviceSampling>,
    /// Of the sampler, as it will be when it comes to the next pass that is submitted.
    generator: Generator,
    /// Passes in flight; the first of them reads `id`.
    num_in_flight: usize,
    /// The first of them among the read-backs.
    first_in_flight: usize,
    num_corrected: usize,
}

impl Session {
    /// Reads `id` as [`Session::decode`] does, then the token that `sampler` takes after it, and so on:
    /// [`PipelinedDecode::next`] gives each of these tokens, up to `num_tokens` of them.
    ///
    /// Where few logits decide ([`Sampler::num_deciding`], up to [`MAX_CANDIDATES`]), an adapter finds these, keeps the others, and
    /// chooses one itself, by sums in f32 and the number that the sampler is going to draw: so several passes are under way
    /// when the first is back. What counts is what the sampler takes from the logits that come back, the same as from all of
    /// them. Where that is another token than the device's, and where the sampler needs all logits after all, the passes that
    /// went on from that are given up; so the tokens never depend on the device's choice.
    ///
    /// A caller that stops early drops the [`PipelinedDecode`], and passes that were computed too far are discarded. After a call that gave a
    /// token, the session has read `id` and what was given before that token, so that the text goes on with it: in
    /// [`Session::decode`] or here. The sampler has then drawn for each token given. After an error, and after a call whose future
    /// was dropped, [`Session::ids`] says what was read.
    ///
    /// With other samplers, on the CPU, in a session that captures, or past its room, tokens are computed one by one, as by
    /// [`Session::decode`]. Of the tokens before `id`, penalties count those that are still in [`Session::ids`].
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
    /// If `id` is outside the vocabulary, or the device has no room for what chooses there or cannot compile it: that is made at
    /// the first call.
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

    /// Submits the pass that decodes the token at `position`, and the choice of the token after it. `id` is `None` where the device has
    /// written it itself.
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
        self.decode.run(batch, &mut recorder);
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

    /// Lets the text go on with `id`, which the pass of a choice has read.
    fn accept_choice(&mut self, id: u32) {
        self.ids.push(id);
    }

    /// Whether the device may go on without `sampler`: a capture is of one token, and the CPU has nothing to wait for.
    fn chooses_with(&self, sampler: &Sampler) -> bool {
        self.watch.is_none()
            && !matches!(self.model.device(), Device::Cpu)
            && sampler.vocab_size() == self.model.spec().vocab_size
    }
}

/// How the device chooses what `sampler` takes, as nearly as f32 allows; `None` where it cannot.
fn choosing(sampler: &Sampler) -> Option<DeviceSampling> {
    let count = sampler.num_deciding().filter(|count| *count <= MAX_CANDIDATES)?;
    let settings = sampler.settings();
    // What is 0 for an f32 divides nothing; of one candidate the temperature does not matter.
    let temperature = (settings.temperature as f32).clamp(f32::MIN_POSITIVE, f32::MAX);
    Some(DeviceSampling {
        count: count as u32,
        pick: match settings.choice {
            Choice::Sample => 0,
            Choice::Greedy => 1,
            Choice::Pick(n) => u32::try_from(n).unwrap_or(u32::MAX),
        },
        temperature,
        // Above 1, nothing is cut.
        top_p: settings.top_p.filter(|p| *p < 1.0).map_or(2.0, |p| p as f32),
        min_p: settings.min_p.map_or(0.0, |p| p as f32),
        draw: 0.0,
        unused: [0; 2],
    })
}

impl PipelinedDecode<'_> {
    /// The next token; `None` after as many as were asked for.
    ///
    /// # Errors
    /// As [`Session::decode`] and [`Sampler::sample`]. After an error, and after a call whose future was dropped, there is no
    /// further token.
    pub async fn next(&mut self) -> Result<Option<u32>> {
        // What is left when this one is there; nothing, should it never be.
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

    /// How many times so far what the device went on from was not what the sampler took.
    pub fn num_corrected(&self) -> usize {
        self.num_corrected
    }

    /// Submits passes until enough are in flight, of which `num_wanted` tokens come.
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

    /// Waits for the first pass in flight and gives the token that the sampler takes from what it found. Where it needs all
    /// logits, it is `None`, and the session as before that pass.
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
            // What is in flight has read another token.
            self.num_in_flight = 0;
            self.num_corrected += 1;
        }
        Ok(taken)
    }
}

/// Words of what is found, as far as it is wanted.
fn words_of(how: &DeviceSampling) -> usize {
    2 * (1 + how.count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::Settings;

    /// The twins, and every adapter.
    fn devices() -> Vec<Device> {
        let count = pollster::block_on(crate::gpu::adapters()).len();
        let selectors = (0..count).map(|index| index.to_string()).chain(["twins".to_owned()]);
        selectors.map(|selector| pollster::block_on(Device::request(&selector)).unwrap()).collect()
    }

    fn settings(seed: u64) -> Settings {
        Settings { top_k: Some(20), temperature: 1.2, seed, ..Settings::default() }
    }

    /// Continues with `mislead` called before each token, and gives the tokens and how many were corrected.
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

    /// Holds the tokens of a device that is misled against those that are chosen one by one, and gives how many were corrected.
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
