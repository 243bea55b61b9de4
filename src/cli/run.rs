//! From arguments to a model that is ready, and from there to tokens.

use std::time::{Duration, Instant};

use sukashi::figure::Lang;
use sukashi::model::{Ablation, DecoderSpec, spec};
use sukashi::sampling::{Sampler, Settings};
use sukashi::weights::ModelFiles;
use sukashi::{Error, LanguageModel, Model, Result};

use super::args::{RunArgs, at_least_one};
use super::device::DeviceArgs;
use super::failure::Outcome;
use super::output::note;
use super::progress::Progress;
use super::prompt::{Prompt, Said};
use super::terminal::Terminal;
use super::tuning;

/// Tokens of a prompt that are read between two steps of a progress bar.
const PROMPT_PART: usize = 256;

/// A model's files, of which is read what the model is, and where it is to run.
pub struct Opened {
    files: ModelFiles,
    spec: DecoderSpec,
    device: DeviceArgs,
    no_tune: bool,
}

/// Everything checked that can be without a device: bad input is told before a long load.
pub struct Input {
    opened: Opened,
    prompt: Prompt,
    ablation: Ablation,
}

/// A model on its device, and the prompt.
pub struct Run<M = Model> {
    pub model: M,
    pub prompt: Prompt,
    /// From the first look at the files until the weights were on the device.
    pub load_time: Duration,
}

impl Opened {
    pub fn open(args: &RunArgs, terminal: &Terminal) -> Result<Self> {
        if args.bigram.is_some() {
            return Err(Error::input("cannot use --bigram here: it takes a model")
                .hint("next, trace, and the figures of their records take --bigram"));
        }
        let files = args.files(terminal)?;
        let spec = spec::from_files(&files)?;
        Ok(Self { files, spec, device: args.device.clone(), no_tune: args.no_tune })
    }

    /// A prompt for the model: what was said, or these ids.
    pub fn prompt(
        &self,
        args: &RunArgs,
        said: Said,
        ids: Option<Vec<u32>>,
        terminal: &Terminal,
    ) -> Result<Prompt> {
        Prompt::new(args, said, ids, (&self.files, &self.spec), terminal)
    }

    /// The model's sizes and choices.
    pub fn spec(&self) -> &DecoderSpec {
        &self.spec
    }

    /// Whether the model can turn tokens into text.
    pub fn has_tokenizer(&self) -> bool {
        self.files.tokenizer.is_some()
    }

    /// Opens the device and puts the model there; gives how long that took, too.
    pub fn load(self, terminal: &Terminal) -> Result<(Model, Duration)> {
        let started = Instant::now();
        let device = self.device.open(terminal)?;
        let mut progress = Progress::new(terminal.words("読み込み中", "loading"));
        let model = Model::from_files(&device, self.files, &mut |done, total| progress.set(done, total))?;
        drop(progress);
        tuning::prepare(&model, self.no_tune, terminal)?;
        Ok((model, started.elapsed()))
    }
}

impl Input {
    pub fn read(args: &RunArgs, terminal: &Terminal) -> Result<Self> {
        let opened = Opened::open(args, terminal)?;
        let prompt = Prompt::read(args, &opened.files, &opened.spec, terminal)?;
        Ok(Self { opened, prompt, ablation: Ablation::default() })
    }

    /// Leaves parts of the model out.
    pub fn without(self, ablation: Ablation) -> Result<Self> {
        ablation.check(&self.opened.spec)?;
        Ok(Self { ablation, ..self })
    }

    /// What the model will be given.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// The model's sizes and choices.
    pub fn spec(&self) -> &DecoderSpec {
        &self.opened.spec
    }

    /// Another prompt for the same model.
    pub fn other_prompt(&self, args: &RunArgs, prompt: &str, terminal: &Terminal) -> Result<Prompt> {
        let args = RunArgs { prompt: Some(prompt.to_owned()), ids: None, ..args.clone() };
        Prompt::read(&args, &self.opened.files, &self.opened.spec, terminal)
    }

    /// A sampler for the model's vocabulary.
    pub fn sampler(&self, settings: Settings) -> Result<Sampler> {
        Sampler::new(settings, self.opened.spec.vocab_size)
    }

    /// Whether the model can turn tokens into text.
    pub fn has_tokenizer(&self) -> bool {
        self.opened.has_tokenizer()
    }

    /// Opens the device and puts the model there.
    pub fn load(self, terminal: &Terminal) -> Result<Run> {
        let (model, load_time) = self.opened.load(terminal)?;
        Ok(Run { model: model.without(self.ablation)?, prompt: self.prompt, load_time })
    }
}

impl Run {
    /// As [`Self::generate`], without anybody to see the logits: `take` is given each token that `sampler` takes, and says
    /// whether the text goes on.
    pub fn continue_text(
        &self,
        max_new_tokens: usize,
        terminal: &Terminal,
        sampler: &mut Sampler,
        mut take: impl FnMut(u32) -> Outcome<bool>,
    ) -> Outcome<usize> {
        let mut session = self.session(max_new_tokens)?;
        pollster::block_on(async {
            let logits = self.read_prompt(&mut session, terminal).await?;
            let id = sampler.next_id(logits, &self.prompt.ids)?;
            if take(id)? {
                let mut continuation = session.continuation(id, max_new_tokens - 1, sampler)?;
                while let Some(id) = continuation.next().await? {
                    if !take(id)? {
                        break;
                    }
                }
            }
            Outcome::Ok(())
        })?;
        Ok(session.num_dropped())
    }
}

impl<M: LanguageModel> Run<M> {
    /// Reads the prompt and then up to `max_new_tokens` tokens that `choose` gives for the logits and the tokens
    /// so far; ends early where it gives none, or one that ends the text. Gives the number of tokens that left the
    /// model's context on the way, for [`Self::say_if_dropped`].
    pub fn generate(
        &self,
        max_new_tokens: usize,
        terminal: &Terminal,
        mut choose: impl FnMut(&[f32], &[u32]) -> Outcome<Option<u32>>,
    ) -> Outcome<usize> {
        let mut session = self.session(max_new_tokens)?;
        let mut ids = self.prompt.ids.clone();
        pollster::block_on(async {
            let mut logits = self.read_prompt(&mut session, terminal).await?;
            for number in 1..=max_new_tokens {
                let Some(id) = choose(logits, &ids)? else { break };
                ids.push(id);
                if number == max_new_tokens || self.ends_text(id) {
                    break;
                }
                logits = M::read(&mut session, &[id]).await?;
            }
            Outcome::Ok(())
        })?;
        Ok(M::num_dropped(&session))
    }

    /// With room for the prompt and `max_new_tokens` tokens, as far as the model has positions.
    fn session(&self, max_new_tokens: usize) -> Result<M::Session> {
        at_least_one("--max-new-tokens", max_new_tokens)?;
        self.model.session(self.prompt.ids.len().saturating_add(max_new_tokens))
    }

    /// Reads the prompt and gives the logits after it.
    async fn read_prompt<'a>(&self, session: &'a mut M::Session, terminal: &Terminal) -> Result<&'a [f32]> {
        let ids = &self.prompt.ids;
        let (first, last) = ids.split_at((ids.len() - 1) / PROMPT_PART * PROMPT_PART);
        let mut progress = Progress::new(terminal.words("プロンプトを読み込み中", "reading the prompt"));
        for (index, part) in first.chunks(PROMPT_PART).enumerate() {
            progress.set(index * PROMPT_PART, ids.len());
            M::read(session, part).await?;
        }
        M::read(session, last).await
    }

    /// A sampler for the model's vocabulary.
    pub fn sampler(&self, settings: Settings) -> Result<Sampler> {
        Sampler::new(settings, self.model.vocab_size())
    }

    /// Whether `id` is one of the model's marks for the end of a text, or of an answer in a chat.
    pub fn ends_text(&self, id: u32) -> bool {
        self.model.ends_text(id) || self.prompt.turn_ends.contains(&id)
    }

    /// Says that the text outgrew the model's context, if it did.
    pub fn say_if_dropped(&self, num_dropped: usize, terminal: &Terminal) {
        let max_seq_len = self.model.max_seq_len();
        if num_dropped > 0 {
            note(&match terminal.lang {
                Lang::Ja => format!(
                    "注意: 文脈の上限 {max_seq_len} トークンを超えたため、先頭の {num_dropped} トークンを外して続けました"
                ),
                Lang::En => format!(
                    "note: the text outgrew the model's context of {max_seq_len} tokens; \
                     the first {num_dropped} were dropped on the way"
                ),
            });
        }
    }
}
