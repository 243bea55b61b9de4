//! A text that grows token by token.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Promise;
use sukashi::sampling::Sampler;
use sukashi::trace::{Step, StepRecorder};
use sukashi::{Error, LanguageModel as _, Model, Result, Session};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::failure::{JsResult, given, object};
use crate::run_options::{Options, Prompted};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "Step | undefined")]
    pub type MaybeStep;

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(call: &js_sys::Function, milliseconds: i32);
}

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface Candidate {
  rank: number; id: number; text: string | null; bytes: number[] | null;
  logit: number; prob: number; prob_scaled: number; prob_final: number;
}
/** The distribution over the next token, and the choice: a step of `sukashi.trace/1`. */
export interface Step {
  position: number; candidates: Candidate[]; other_prob: number; entropy_bits: number; vocab_size: number;
  chosen: { id: number; text: string | null; prob: number; prob_scaled: number; prob_final: number } | null;
}
"#;

/// A text, the record of each token after its prompt, and the session that continues it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Writer {
    model: Model,
    /// Shared with the task that compiles what the first token does not need.
    session: Rc<RefCell<Session>>,
    sampler: Sampler,
    recorder: StepRecorder,
    prompt: Prompted,
    /// The prompt and the tokens after it.
    ids: Vec<u32>,
    steps: Vec<Step>,
}

#[wasm_bindgen]
impl Writer {
    /// Chooses the next token, and gives its record. `undefined` after the token that ends a text.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn step(&mut self) -> JsResult<MaybeStep> {
        match given(self.next_step().await)? {
            Some(step) => object(step).map(JsCast::unchecked_into),
            None => Ok(JsValue::UNDEFINED.unchecked_into()),
        }
    }

    /// Continues the text by up to `count` tokens without a record of them, which is faster: the device chooses tokens itself
    /// where it can. Gives their ids. A writer that did this has no record any more.
    ///
    /// # Errors
    /// If no step came before, or if the device fails.
    pub async fn advance(&mut self, count: usize) -> JsResult<Vec<u32>> {
        given(self.continue_by(count).await)
    }

    /// The prompt and the tokens after it as text. `undefined` without a tokenizer.
    #[wasm_bindgen(getter)]
    pub fn text(&self) -> Option<String> {
        self.model.decode(&self.ids)
    }

    /// The ids of the prompt and of the tokens after it.
    #[wasm_bindgen(getter)]
    pub fn ids(&self) -> Vec<u32> {
        self.ids.clone()
    }

    /// The record of the text so far: the JSON text that `sukashi trace --format json` writes.
    ///
    /// # Errors
    /// If tokens were not recorded.
    pub fn trace(&self) -> JsResult<String> {
        given(self.record())
    }
}

impl Writer {
    pub(crate) fn new(model: Model, prompt: Prompted, options: Options) -> Result<Self> {
        let recorder = options.recorder()?;
        let session = Session::prompt_first(&model, model.spec().max_seq_len)?;
        let sampler = Sampler::new(options.sampling, model.spec().vocab_size)?;
        let (ids, steps) = (prompt.ids.clone(), Vec::new());
        Ok(Self { model, session: Rc::new(RefCell::new(session)), sampler, recorder, prompt, ids, steps })
    }

    async fn next_step(&mut self) -> Result<Option<&Step>> {
        let last = self.ids.last().copied().filter(|_| self.ids.len() > self.prompt.ids.len());
        if last.is_some_and(|id| self.model.ends_text(id)) {
            return Ok(None);
        }
        let session = Rc::clone(&self.session);
        let mut session = session.try_borrow_mut().map_err(|_| busy())?;
        let logits = match last {
            Some(id) => session.decode(id).await?,
            None => session.prefill(&self.prompt.ids).await?,
        };
        let model = &self.model;
        let step = self.recorder.sample(&mut self.sampler, logits, &self.ids, |id| model.token(id))?;
        drop(session);
        if last.is_none() {
            compile_rest_soon(Rc::clone(&self.session));
        }
        self.ids.extend(step.chosen_id());
        self.steps.push(step);
        Ok(self.steps.last())
    }

    async fn continue_by(&mut self, count: usize) -> Result<Vec<u32>> {
        let Some(&last) = self.ids.last().filter(|_| self.ids.len() > self.prompt.ids.len()) else {
            return Err(Error::input("cannot continue a text before its first step"));
        };
        let mut session = self.session.try_borrow_mut().map_err(|_| busy())?;
        let mut continuation = session.pipelined(last, count, &mut self.sampler)?;
        let start = self.ids.len();
        while let Some(id) = continuation.next().await? {
            self.ids.push(id);
            if self.model.ends_text(id) {
                break;
            }
        }
        Ok(self.ids[start..].to_vec())
    }

    fn record(&self) -> Result<String> {
        if self.ids.len() != self.prompt.ids.len() + self.steps.len() {
            return Err(Error::input("cannot record a text whose tokens were not recorded")
                .hint("step records each token, advance does not"));
        }
        let mut trace = self.model.trace(&self.prompt.ids, self.sampler.settings(), self.steps.clone())?;
        if let Some(typed) = &self.prompt.typed {
            trace.prompt.text = Some(typed.clone());
        }
        trace.to_json()
    }
}

fn busy() -> Error {
    Error::input("cannot use a writer while another call of it is not done")
        .hint("await the promise of that call")
}

/// Compiles what the first token did not need, after the page has had the time to show that token.
fn compile_rest_soon(session: Rc<RefCell<Session>>) {
    spawn_local(async move {
        let later = Promise::new(&mut |done, _| set_timeout(&done, 0));
        // It is never rejected.
        let _ = JsFuture::from(later).await;
        if let Ok(mut session) = session.try_borrow_mut() {
            // The next step compiles it again, and reports the error.
            let _ = session.compile_rest();
        }
    });
}
