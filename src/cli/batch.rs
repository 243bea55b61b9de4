//! `sukashi generate --batch`: generates several texts together.

use std::path::Path;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde::Serialize;
use sukashi::sampling::Sampler;
use sukashi::text::StopTexts;
use sukashi::{BatchSession, Error, LanguageModel, Model, Result};

use super::batch_line::{self, Defaults, Request, at};
use super::failure::Outcome;
use super::output::{note, print_data};
use super::progress::Progress;
use super::prompt::read_stdin;
use super::run::OpenedModel;
use super::stop::push_token;
use super::terminal::Terminal;
use super::text::GrowingText;
use super::text_file;

/// A line of the output: one generated text.
#[derive(Debug, Serialize)]
struct Answer {
    /// The line of the file, counted from 1.
    line: usize,
    /// The prompt as the line gives it.
    prompt: Option<String>,
    prompt_tokens: usize,
    /// The generated text after the prompt; `None` without a tokenizer.
    text: Option<String>,
    /// The chosen tokens. The last ones may be an end of text or belong to a stop text.
    ids: Vec<u32>,
    finish_reason: &'static str,
    /// How many tokens the model's context lost on the way.
    num_dropped: usize,
}

/// Generates a text for each line of `file`, up to `batch_size` at a time.
pub fn run(
    (file, batch_size): (&Path, usize),
    defaults: &Defaults<'_>,
    with_stats: bool,
    terminal: &Terminal,
) -> Outcome {
    if batch_size == 0 || batch_size > BatchSession::MAX_TEXTS {
        return Err(Error::input(format!("cannot work with --batch-size {batch_size}"))
            .detail(format!("expected 1 to {}", BatchSession::MAX_TEXTS))
            .into());
    }
    let (label, text) = match file.to_str() {
        Some("-") => ("stdin".to_owned(), read_stdin("the prompts")?),
        _ => (file.display().to_string(), text_file::read(file)?),
    };
    let opened = OpenedModel::open(defaults.run, terminal)?;
    let requests = batch_line::read((&label, &text), defaults, &opened, terminal)?;
    drop(text);
    let (model, load_time) = opened.load(terminal)?;
    let mut batch = Batch::new(&model, &label, &requests, batch_size)?;
    batch.session.set_window(defaults.run.window.window());
    let started = Instant::now();
    let mut progress = Progress::new(terminal.words("生成中", "generating"));
    let mut answers = Answers { waiting: requests.iter().map(|_| None).collect(), next: 0 };
    let num_tokens = pollster::block_on(batch.run(&mut |index, answer| {
        answers.take(index, answer)?;
        progress.set(answers.next, requests.len());
        Ok(())
    }))?;
    drop(progress);
    if with_stats {
        note(&stats(load_time, started.elapsed(), requests.len(), num_tokens));
    }
    Ok(())
}

fn stats(load: Duration, generation: Duration, num_texts: usize, num_tokens: usize) -> String {
    let seconds = generation.as_secs_f64();
    format!(
        "load {:.0} ms, {num_texts} texts, {num_tokens} tokens in {seconds:.1} s, {:.1} tokens/s",
        1e3 * load.as_secs_f64(),
        num_tokens as f64 / seconds.max(1e-9)
    )
}

/// Prints answers in the order of the lines. Answers may arrive in any order.
struct Answers {
    waiting: Vec<Option<Answer>>,
    next: usize,
}

impl Answers {
    fn take(&mut self, index: usize, answer: Answer) -> Outcome {
        self.waiting[index] = Some(answer);
        while let Some(answer) = self.waiting.get_mut(self.next).and_then(Option::take) {
            let line = serde_json::to_string(&answer)
                .map_err(|cause| Error::input("cannot write a text as JSON").caused_by(cause))?;
            print_data(&(line + "\n"))?;
            self.next += 1;
        }
        Ok(())
    }
}

/// The texts in progress, each in a place of the session.
struct Batch<'a> {
    model: &'a Model,
    label: &'a str,
    requests: &'a [Request],
    session: BatchSession,
    places: Vec<Option<Writing<'a>>>,
}

impl<'a> Batch<'a> {
    fn new(model: &'a Model, label: &'a str, requests: &'a [Request], batch_size: usize) -> Result<Self> {
        let num_texts = batch_size.min(requests.len());
        let room = |request: &Request| request.prompt.ids.len().saturating_add(request.max_new_tokens);
        let max_seq_len = requests.iter().map(room).max().unwrap_or(1);
        let session = BatchSession::new(model, num_texts, max_seq_len)?;
        let places = (0..num_texts).map(|_| None).collect();
        Ok(Self { model, label, requests, session, places })
    }

    /// Generates all texts. `take` gets each finished text with its number, and the next text starts in the free place at once.
    /// Returns the number of chosen tokens.
    async fn run(&mut self, take: &mut impl FnMut(usize, Answer) -> Outcome) -> Outcome<usize> {
        let Self { model, label, requests, session, places } = self;
        let mut num_tokens = 0;
        let mut next = 0;
        let mut tokens = Vec::with_capacity(places.len());
        loop {
            for (place, writing) in places.iter_mut().enumerate() {
                while writing.is_none() && next < requests.len() {
                    let mut new = Writing::new(model, next, &requests[next])?;
                    next += 1;
                    session.reset(place);
                    let logits = session.prefill(place, &new.request.prompt.ids).await?;
                    new.choose(logits).map_err(|error| at(label, new.request.line, error))?;
                    num_tokens += 1;
                    match new.finish_reason {
                        None => *writing = Some(new),
                        Some(_) => take(new.index, new.answer(session.num_dropped(place)))?,
                    }
                }
            }
            tokens.clear();
            let last = |(place, writing): (usize, &Option<Writing<'_>>)| {
                Some((place, writing.as_ref()?.ids.last().copied()?))
            };
            tokens.extend(places.iter().enumerate().filter_map(last));
            if tokens.is_empty() {
                return Ok(num_tokens);
            }
            let rows = session.decode(&tokens).await?;
            // In parallel: sampling from a large vocabulary takes long beside decoding a token.
            let mut chosen: Vec<_> = places.iter_mut().flatten().zip(rows).collect();
            chosen.par_iter_mut().try_for_each(|(writing, logits)| {
                writing.choose(logits).map_err(|error| at(label, writing.request.line, error))
            })?;
            num_tokens += tokens.len();
            for (place, writing) in places.iter_mut().enumerate() {
                if let Some(done) = writing.take_if(|writing| writing.finish_reason.is_some()) {
                    take(done.index, done.answer(session.num_dropped(place)))?;
                }
            }
        }
    }
}

/// A text in progress.
struct Writing<'a> {
    index: usize,
    request: &'a Request,
    model: &'a Model,
    sampler: Sampler,
    /// The tokens of the prompt, then the chosen ones.
    ids: Vec<u32>,
    growing: GrowingText<'a>,
    stop: StopTexts,
    text: String,
    finish_reason: Option<&'static str>,
}

impl<'a> Writing<'a> {
    fn new(model: &'a Model, index: usize, request: &'a Request) -> Result<Self> {
        Ok(Self {
            index,
            request,
            model,
            sampler: Sampler::new(request.settings.clone(), model.spec().vocab_size)?,
            ids: request.prompt.ids.clone(),
            growing: GrowingText::new(model, &request.prompt),
            stop: StopTexts::new(&request.stop.texts),
            text: String::new(),
            finish_reason: None,
        })
    }

    /// Chooses the next token, and sets the finish reason if it ends the text.
    fn choose(&mut self, logits: &[f32]) -> Result<()> {
        let id = self.sampler.next_id(logits, &self.ids)?;
        self.ids.push(id);
        if self.request.stop.ids.contains(&id) {
            self.end("stop");
            return Ok(());
        }
        let is_end = self.model.ends_text(id) || self.request.prompt.turn_ends.contains(&id);
        let (shown, is_stopped) = push_token(&mut self.stop, &mut self.growing, id, is_end);
        self.text += &shown;
        if is_stopped {
            self.finish_reason = Some("stop");
        } else if is_end {
            self.end("end");
        } else if self.ids.len() - self.request.prompt.ids.len() >= self.request.max_new_tokens {
            self.end("length");
        }
        Ok(())
    }

    /// Adds the rest of an incomplete character, and the text that was held back as a possible stop text.
    fn end(&mut self, reason: &'static str) {
        let (shown, is_stopped) = self.stop.push(self.growing.finish());
        self.text += &shown;
        self.finish_reason = Some(if is_stopped { "stop" } else { reason });
        if !is_stopped {
            self.text += &self.stop.finish();
        }
    }

    fn answer(self, num_dropped: usize) -> Answer {
        let prompt_tokens = self.request.prompt.ids.len();
        Answer {
            line: self.request.line,
            prompt: self.request.typed.clone(),
            prompt_tokens,
            text: self.model.tokenizer().map(|_| self.text),
            ids: self.ids[prompt_tokens..].to_vec(),
            finish_reason: self.finish_reason.unwrap_or("length"),
            num_dropped,
        }
    }
}
