//! Times the reading of a prompt, and decoding.

use web_time::{Duration, Instant};

use super::report::{Chosen, Cost, KernelTime, Report, Roofline, Spread, Together};
use super::{Rates, SCHEMA};
use crate::error::{Error, Result};
use crate::model::{BatchSession, Model, Session};

/// The settings of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BenchSettings {
    /// The number of tokens of the prompt, 1 or more.
    pub prompt_tokens: usize,
    /// The number of decoded tokens after the prompt, 1 or more.
    pub new_tokens: usize,
    /// The number of runs, 1 or more.
    pub runs: usize,
    /// Whether decoded tokens are also timed by kernel.
    pub profile: bool,
    /// The number of sequences that are also decoded together, up to [`BatchSession::MAX_TEXTS`]. 0 stands for none.
    pub texts: usize,
}

impl Default for BenchSettings {
    fn default() -> Self {
        Self { prompt_tokens: 128, new_tokens: 64, runs: 5, profile: false, texts: 0 }
    }
}

/// The number of tokens from which a profile takes its medians.
const PROFILED_TOKENS: usize = 5;

/// Reads a prompt of some tokens and decodes some more, `settings.runs` times, and probes the device.
///
/// The ids of the tokens do not change the work, so they are spread over the vocabulary. All logits are read back for
/// each decoded token, as for a sampler. `load_time` is the time for making `model`. `progress` gets the number of
/// finished runs and of all runs.
///
/// # Errors
/// If a number is 0, if the model's context is too short, or if the device fails.
pub async fn run(
    model: &Model,
    load_time: Duration,
    settings: BenchSettings,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Report> {
    let BenchSettings { prompt_tokens, new_tokens, runs, profile, texts } = settings;
    for (name, value) in [("prompt_tokens", prompt_tokens), ("new_tokens", new_tokens), ("runs", runs)] {
        if value == 0 {
            return Err(Error::input("cannot measure nothing")
                .detail(format!("found {name} = 0, expected 1 or more")));
        }
    }
    let room = prompt_tokens.saturating_add(new_tokens);
    let max_seq_len = model.spec().max_seq_len;
    if room > max_seq_len {
        return Err(Error::input("cannot measure past the model's context")
            .detail(format!("found {room} tokens, expected at most {max_seq_len}"))
            .hint("take fewer tokens for the prompt, or decode fewer"));
    }
    if texts > BatchSession::MAX_TEXTS {
        return Err(Error::input("cannot measure so many texts together")
            .detail(format!("found texts = {texts}, expected at most {}", BatchSession::MAX_TEXTS)));
    }
    let total = if texts > 0 { 2 * runs } else { runs };
    let (device, vocab_size) = (model.device(), model.spec().vocab_size);
    let rates = Rates::probe(device).await?;
    let start = Instant::now();
    let mut session = Session::with_max_seq_len(model, room)?;
    let compile_ms = ms(start.elapsed());
    let ids: Vec<u32> =
        (0..room).map(|index| ((index * index * 311 + 17 * index + 5) % vocab_size) as u32).collect();
    let (prompt, rest) = ids.split_at(prompt_tokens);

    let (mut first_tokens, mut prefills, mut decodes) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..runs {
        progress(run, total);
        session.reset();
        let start = Instant::now();
        session.prefill(prompt).await?;
        let time = start.elapsed();
        first_tokens.push(ms(time));
        prefills.push(prompt.len() as f64 / time.as_secs_f64());
        let start = Instant::now();
        for &id in rest {
            session.decode(id).await?;
        }
        decodes.push(rest.len() as f64 / start.elapsed().as_secs_f64());
    }
    let profile = if profile {
        session.reset();
        session.prefill(prompt).await?;
        let mut profiles = Vec::new();
        for &id in rest.iter().take(PROFILED_TOKENS) {
            profiles.push(session.profile(id).await?);
        }
        Some(KernelTime::table(session.decode_steps(), &profiles))
    } else {
        None
    };
    let cost = Cost::of(session.decode_steps());
    let decode_tokens_per_second = Spread::of(decodes);
    let together = match texts {
        0 => None,
        _ => {
            let progress = &mut |run| progress(runs + run, total);
            let together = together(model, (texts, runs), (prompt, rest), progress).await?;
            let gain = together.median / decode_tokens_per_second.median;
            Some(Together { texts, decode_tokens_per_second: together, gain })
        }
    };
    progress(total, total);

    Ok(Report {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        model: model.name().to_owned(),
        precision: model.weights().precision(),
        adapter: device.info(),
        prompt_tokens,
        new_tokens,
        runs,
        load_ms: ms(load_time),
        compile_ms,
        first_token_ms: Spread::of(first_tokens),
        prefill_tokens_per_second: Spread::of(prefills),
        decode_tokens_per_second,
        choices: Chosen::of(model.choices(), &model.matmul_shapes()),
        together,
        cost,
        rates,
        roofline: Roofline::of(cost, rates, decode_tokens_per_second.median),
        profile,
    })
}

/// The tokens of all sequences per second. Each sequence has read the prompt, and then reads the rest together with the
/// others.
async fn together(
    model: &Model,
    (texts, runs): (usize, usize),
    (prompt, rest): (&[u32], &[u32]),
    progress: &mut dyn FnMut(usize),
) -> Result<Spread> {
    let mut session = BatchSession::new(model, texts, prompt.len() + rest.len())?;
    let mut rates = Vec::with_capacity(runs);
    let mut tokens = Vec::with_capacity(texts);
    for run in 0..runs {
        progress(run);
        for text in 0..texts {
            session.reset(text);
            session.prefill(text, prompt).await?;
        }
        let start = Instant::now();
        for &id in rest {
            tokens.clear();
            tokens.extend((0..texts).map(|text| (text, id)));
            let _rows = session.decode(&tokens).await?;
        }
        rates.push((texts * rest.len()) as f64 / start.elapsed().as_secs_f64());
    }
    Ok(Spread::of(rates))
}

fn ms(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}
