//! From flags to a model that is ready, and from there to tokens.

use std::time::{Duration, Instant};

use sukashi::figure::Lang;
use sukashi::model::{Ablation, DecoderSpec, UnloadedModel, Window};
use sukashi::sampling::{Sampler, Settings};
use sukashi::{LanguageModel, Model, Result};

use super::args::{at_least_one, of_flag};
use super::bigram::BigramArgs;
use super::chat::ChatArgs;
use super::device::DeviceArgs;
use super::failure::Outcome;
use super::model::ModelArgs;
use super::output::note;
use super::progress::Progress;
use super::prompt::{Prompt, PromptArgs, PromptSource};
use super::terminal::Terminal;
use super::tuning::{self, TuningArgs};
use super::window::WindowArgs;

/// The flags of every command that gives a prompt to a model.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub chat: ChatArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[command(flatten)]
    pub tuning: TuningArgs,
    #[command(flatten)]
    pub window: WindowArgs,
    #[command(flatten)]
    pub bigram: BigramArgs,
}

/// The groups of [`RunArgs`], which have no effect on a figure of a record.
pub const RUN_GROUPS: [&str; 7] =
    ["PromptArgs", "ChatArgs", "ModelArgs", "DeviceArgs", "TuningArgs", "WindowArgs", "BigramArgs"];

/// Tokens of a prompt between two steps of a progress bar.
const PROMPT_PART: usize = 256;

/// A model that is not loaded yet, and the device that it will run on.
pub struct OpenedModel {
    model: UnloadedModel,
    device: DeviceArgs,
    tuning: TuningArgs,
}

/// A model that is not loaded yet, and a prompt that was checked against it: bad input ends a run before a long load.
pub struct Input {
    opened: OpenedModel,
    prompt: Prompt,
    window: Window,
    ablation: Ablation,
}

/// A model on its device, and the prompt.
pub struct Run<M = Model> {
    pub model: M,
    pub prompt: Prompt,
    /// What is kept of a text past the model's context.
    pub window: Window,
    /// The time from the first look at the files until the weights were on the device.
    pub load_time: Duration,
}

impl OpenedModel {
    pub fn open(args: &RunArgs, terminal: &Terminal) -> Result<Self> {
        args.bigram.refuse()?;
        Self::of(&args.model, &args.device, &args.tuning, terminal)
    }

    /// Opens the model's files for a command that takes no prompt.
    pub fn of(
        model: &ModelArgs,
        device: &DeviceArgs,
        tuning: &TuningArgs,
        terminal: &Terminal,
    ) -> Result<Self> {
        let model = UnloadedModel::read(model.open(terminal)?)?;
        Ok(Self { model, device: device.clone(), tuning: tuning.clone() })
    }

    /// A prompt for the model.
    pub fn prompt(&self, args: &RunArgs, source: PromptSource, terminal: &Terminal) -> Result<Prompt> {
        Prompt::new(args, source, &self.model, terminal)
    }

    /// The model's sizes and choices.
    pub fn spec(&self) -> &DecoderSpec {
        self.model.spec()
    }

    /// Whether the model can turn tokens into text.
    pub fn has_tokenizer(&self) -> bool {
        self.model.files().tokenizer.is_some()
    }

    /// Opens the device and puts the model there; gives how long that took, too.
    pub fn load(self, terminal: &Terminal) -> Result<(Model, Duration)> {
        let started = Instant::now();
        let device = self.device.open(terminal)?;
        let mut progress = Progress::new(terminal.words("読み込み中", "loading"));
        let model = self.model.load(&device, &mut |done, total| progress.set(done, total))?;
        drop(progress);
        let model = tuning::prepare(model, &self.tuning, terminal)?;
        Ok((model, started.elapsed()))
    }
}

impl Input {
    pub fn read(args: &RunArgs, terminal: &Terminal) -> Result<Self> {
        let opened = OpenedModel::open(args, terminal)?;
        let prompt = opened.prompt(args, args.prompt.source()?, terminal)?;
        Ok(Self { opened, prompt, window: args.window.window(), ablation: Ablation::default() })
    }

    /// Leaves parts of the model out when it is loaded.
    pub fn without(self, ablation: Ablation) -> Result<Self> {
        ablation.check(self.spec())?;
        Ok(Self { ablation, ..self })
    }

    /// The tokens that the model will read.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// The model's sizes and choices.
    pub fn spec(&self) -> &DecoderSpec {
        self.opened.spec()
    }

    /// Another prompt for the same model.
    pub fn other_prompt(&self, args: &RunArgs, source: PromptSource, terminal: &Terminal) -> Result<Prompt> {
        self.opened.prompt(args, source, terminal)
    }

    /// A sampler for the model's vocabulary.
    pub fn sampler(&self, settings: Settings) -> Result<Sampler> {
        checked_sampler(settings, self.spec().vocab_size)
    }

    /// Whether the model can turn tokens into text.
    pub fn has_tokenizer(&self) -> bool {
        self.opened.has_tokenizer()
    }

    /// Opens the device and puts the model there.
    pub fn load(self, terminal: &Terminal) -> Result<Run> {
        let (model, load_time) = self.opened.load(terminal)?;
        Ok(Run { model: model.without(self.ablation)?, prompt: self.prompt, window: self.window, load_time })
    }
}

/// The settings were checked when they were parsed; only the vocabulary can still refuse a bias.
fn checked_sampler(settings: Settings, vocab_size: usize) -> Result<Sampler> {
    let ids = Vec::from_iter(settings.logit_bias.keys().map(u32::to_string)).join(", ");
    of_flag("--logit-bias", ids, Sampler::new(settings, vocab_size))
}

impl Run {
    /// Reads the prompt and gives each token that `sampler` chooses to `take`, which says whether the text goes on. Unlike
    /// [`Self::generate`], it shows no logits, so that a device may choose tokens itself.
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
                let mut continuation = session.pipelined(id, max_new_tokens - 1, sampler)?;
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
    /// As [`Run::continue_text`], for any model: reads all logits of each token.
    pub fn sample_text(
        &self,
        max_new_tokens: usize,
        terminal: &Terminal,
        sampler: &mut Sampler,
        mut take: impl FnMut(u32) -> Outcome<bool>,
    ) -> Outcome<usize> {
        self.generate(max_new_tokens, terminal, |logits, ids| {
            let id = sampler.next_id(logits, ids)?;
            Ok(take(id)?.then_some(id))
        })
    }

    /// Reads the prompt, then up to `max_new_tokens` tokens that `choose` gives for the logits and the tokens so far. Ends
    /// early where `choose` gives none, or one that ends the text. Gives the number of tokens that left the model's context
    /// on the way, for [`Self::say_if_dropped`].
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

    /// A session with room for the prompt and `max_new_tokens` tokens, as far as the model has positions.
    fn session(&self, max_new_tokens: usize) -> Result<M::Session> {
        at_least_one("--max-new-tokens", max_new_tokens)?;
        let mut session = self.model.session(self.prompt.ids.len().saturating_add(max_new_tokens))?;
        M::set_window(&mut session, self.window);
        Ok(session)
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
        checked_sampler(settings, self.model.vocab_size())
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
                    "注意: 文脈の上限 {max_seq_len} トークンを超えたため、古い {num_dropped} トークンを外して続けました（--window で選べます）"
                ),
                Lang::En => format!(
                    "note: the text outgrew the model's context of {max_seq_len} tokens; {num_dropped} tokens were dropped \
                     on the way (--window chooses which)"
                ),
            });
        }
    }
}
