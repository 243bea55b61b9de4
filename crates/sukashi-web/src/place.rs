//! A place in a text, with the logits of the token that follows.

use sukashi::sampling::Sampler;
use sukashi::{Model, Result, Session};
use wasm_bindgen::prelude::*;

use crate::failure::{JsResult, given};
use crate::run_options::{Options, Prompted, RunOptions};

/// A place in a text. It keeps the logits of the token that follows, so other settings of the sampler need no other pass
/// through the model.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Place {
    model: Model,
    prompt: Prompted,
    logits: Vec<f32>,
}

#[wasm_bindgen]
impl Place {
    /// The most probable next tokens: the record that `sukashi next --format json` writes.
    ///
    /// # Errors
    /// If an option is invalid.
    pub fn look(&self, options: Option<RunOptions>) -> JsResult<String> {
        let options = Options::of(options)?;
        given(self.record(options, false))
    }

    /// The same record with the token that the sampler chooses: that of the first step of a writer.
    ///
    /// # Errors
    /// As [`Place::look`].
    pub fn choose(&self, options: Option<RunOptions>) -> JsResult<String> {
        let options = Options::of(options)?;
        given(self.record(options, true))
    }
}

impl Place {
    pub(crate) async fn new(model: &Model, prompt: Prompted) -> Result<Self> {
        let mut session = Session::prompt_first(model, prompt.ids.len() + 1)?;
        let logits = session.prefill(&prompt.ids).await?.to_vec();
        Ok(Self { model: model.clone(), prompt, logits })
    }

    pub(crate) fn record(&self, options: Options, is_chosen: bool) -> Result<String> {
        let Self { model, prompt, logits } = self;
        let recorder = options.recorder()?;
        let mut sampler = Sampler::new(options.sampling, model.spec().vocab_size)?;
        let step = if is_chosen {
            recorder.sample(&mut sampler, logits, &prompt.ids, |id| model.token(id))?
        } else {
            recorder.look(&mut sampler, logits, &prompt.ids, |id| model.token(id))?
        };
        let mut trace = model.trace(&prompt.ids, sampler.settings(), vec![step])?;
        if let Some(typed) = &prompt.typed {
            trace.prompt.text = Some(typed.clone());
            if !is_chosen {
                trace.text = model.tokenizer().map(|_| typed.clone());
            }
        }
        trace.to_json()
    }
}
