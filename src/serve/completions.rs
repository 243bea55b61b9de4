//! `/v1/completions`.

use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::answer::{self, Answer, Usage};
use super::engine::Ready;
use super::error::{ApiError, ErrorBody};
use super::follow::{PlacedToken, spelling};
use super::generation::{StreamOptions, Texts, choices, generation_request, num_top, stops};
use super::json::{self, RequestBody};
use super::order::{PromptTokens, Recording, Wanted, check_model, check_room, encode, place};
use super::state::State;
use crate::Model;
use crate::text::EncodeOptions;

/// The tokens of an answer if a request does not say.
const DEFAULT_MAX_TOKENS: usize = 16;

/// One prompt or several, as text or as token ids.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "expected a text, an array of texts, an array of token ids, or an array of such arrays"
)]
pub enum Prompts {
    /// A text.
    Text(String),
    /// The ids of a text's tokens.
    Ids(Vec<u32>),
    /// Several texts.
    Texts(Vec<String>),
    /// The ids of several texts' tokens.
    ManyIds(Vec<Vec<u32>>),
}

generation_request! {
    /// A request to continue texts.
    pub struct CompletionRequest {
        /// The texts to continue.
        pub prompt: Prompts,
        /// The most tokens of each answer. 0 answers with the prompt alone, for its log-probabilities.
        #[serde(default)]
        #[schema(minimum = 0)]
        pub max_tokens: Option<usize>,
        /// Whether the answer begins with the prompt.
        #[serde(default)]
        pub echo: Option<bool>,
        /// Scores each token, those of the prompt included with `echo`, and this many alternatives, from 0 to 20.
        #[serde(default)]
        #[schema(minimum = 0, maximum = 20)]
        pub logprobs: Option<usize>,
        /// The number of texts for each prompt, from 1 to 16.
        #[serde(default)]
        #[schema(minimum = 1, maximum = 16)]
        pub n: Option<usize>,
        /// Texts before which the answer ends.
        #[serde(default)]
        pub stop: Option<Texts>,
        /// Whether the answer is a stream of events.
        #[serde(default)]
        pub stream: Option<bool>,
        /// What the stream ends with.
        #[serde(default)]
        pub stream_options: Option<StreamOptions>,
        /// Whether special tokens such as a text's start are put around the prompt, as the tokenizer says.
        #[serde(default)]
        pub add_special_tokens: Option<bool>,
        /// Whether characters that the vocabulary lacks become its unknown token.
        #[serde(default)]
        pub allow_unknown: Option<bool>,
    }
}

impl CompletionRequest {
    /// The fields that do not depend on the model but on the size of its vocabulary.
    ///
    /// # Errors
    /// If a value is out of range.
    pub fn checked(&self, vocab_size: usize) -> Result<Wanted, ApiError> {
        Ok(Wanted {
            sampling: self.sampling(vocab_size)?,
            num_choices: choices(self.n)?,
            stops: stops(self.stop.clone())?,
        })
    }
}

impl RequestBody for CompletionRequest {
    const UNSUPPORTED: &'static [&'static str] = &["best_of", "suffix", "response_format", "prompt_logprobs"];
}

/// The answer to a request for completions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Completion {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    choices: Vec<CompletionChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

/// One of the texts.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompletionChoice {
    index: usize,
    text: String,
    logprobs: Option<CompletionLogprobs>,
    finish_reason: Option<&'static str>,
    /// The seed that gives this text again.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

/// The scores of a text's tokens.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct CompletionLogprobs {
    /// The texts of the tokens.
    tokens: Vec<String>,
    /// The natural logarithms of their probabilities. A text's first token has none.
    token_logprobs: Vec<Option<f64>>,
    /// The most probable tokens in the place of each token, and the token itself.
    #[schema(value_type = Vec<Option<std::collections::BTreeMap<String, f64>>>)]
    top_logprobs: Vec<Option<Map<String, Value>>>,
    /// The number of characters before each token.
    text_offset: Vec<usize>,
}

impl CompletionLogprobs {
    fn push(&mut self, model: &Model, token: &PlacedToken) {
        let PlacedToken { scored, offset } = token;
        let (text, _) = spelling(model, scored.id);
        let top = scored.log_prob.map(|log_prob| {
            let mut top = Map::new();
            for &(id, log_prob) in scored.top() {
                // Of tokens with the same text, the most probable one counts.
                top.entry(spelling(model, id).0).or_insert_with(|| log_prob.into());
            }
            top.entry(text.clone()).or_insert_with(|| log_prob.into());
            top
        });
        self.tokens.push(text);
        self.token_logprobs.push(scored.log_prob);
        self.top_logprobs.push(top);
        self.text_offset.push(*offset);
    }

    fn of(model: &Model, tokens: &[PlacedToken]) -> Self {
        let mut logprobs = Self::default();
        tokens.iter().for_each(|token| logprobs.push(model, token));
        logprobs
    }
}

/// Continues texts.
#[utoipa::path(
    post,
    path = "/v1/completions",
    request_body = CompletionRequest,
    responses(
        (status = 200, description = "the texts; a stream of events with `stream`", content(
            (Completion = "application/json"), (String = "text/event-stream")
        )),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn completions(Shared(state): Shared<Arc<State>>, request: Request) -> Result<Response, ApiError> {
    let request: CompletionRequest = json::read(request).await?;
    let ready = check_model(&state, request.model.as_deref())?;
    let wanted = request.checked(ready.model.spec().vocab_size)?;
    let is_stream = request.stream.unwrap_or(false);
    let has_usage = request.stream_options.as_ref().is_some_and(|options| options.include_usage);
    let is_echoed = request.echo.unwrap_or(false);
    let recording = Recording {
        num_top: request.logprobs.map(|count| num_top("logprobs", count)).transpose()?,
        scores_prompt: is_echoed && request.logprobs.is_some(),
        recorder: None,
    };
    let max_tokens = request.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
    let prompts = {
        let ready = ready.clone();
        answer::blocking(move || prompts(&ready, &request, max_tokens)).await??
    };
    let ends = if wanted.sampling.ignores_end { &[][..] } else { &ready.model.spec().eos_token_ids };
    let orders = place(&state, &prompts, &wanted, ends, &recording)?;
    let form = Form {
        id: state.answer_id("cmpl"),
        created: super::state::seconds(),
        model_id: state.model_id(&ready).to_owned(),
        model: ready.model.clone(),
        is_echoed,
        has_logprobs: recording.num_top.is_some(),
    };
    let answer = Answer { orders, scores_prompt: recording.scores_prompt, has_usage };
    if is_stream {
        return Ok(answer.stream(form));
    }
    let (texts, usage) = answer.collect(&form.model).await?;
    let choices = texts.into_iter().map(|text| form.choice(text)).collect();
    Ok(json::respond(StatusCode::OK, &form.completion(choices, Some(usage))))
}

/// The prompts as tokens, and the most tokens after each.
fn prompts(
    ready: &Ready,
    request: &CompletionRequest,
    max_tokens: usize,
) -> Result<Vec<(PromptTokens, usize)>, ApiError> {
    let add_special_tokens = request.add_special_tokens.unwrap_or(true);
    let allow_unknown = request.allow_unknown.unwrap_or(false);
    let options = EncodeOptions { add_special_tokens, allow_unknown };
    let encoded = |text: &String| encode(ready, "prompt", text, options);
    let of_ids = |ids: &Vec<u32>| PromptTokens { ids: ids.as_slice().into(), typed: None };
    let prompts = match &request.prompt {
        Prompts::Text(text) => vec![encoded(text)?],
        Prompts::Texts(texts) => texts.iter().map(encoded).collect::<Result<_, _>>()?,
        Prompts::Ids(ids) => vec![of_ids(ids)],
        Prompts::ManyIds(many) => many.iter().map(of_ids).collect(),
    };
    for prompt in &prompts {
        check_room(ready, "prompt", &prompt.ids, max_tokens)?;
    }
    Ok(prompts.into_iter().map(|prompt| (prompt, max_tokens)).collect())
}

/// How an answer is written.
#[derive(Debug, Clone)]
struct Form {
    id: String,
    created: u64,
    model_id: String,
    model: Model,
    is_echoed: bool,
    has_logprobs: bool,
}

impl Form {
    fn completion(&self, choices: Vec<CompletionChoice>, usage: Option<Usage>) -> Completion {
        Completion {
            id: self.id.clone(),
            object: "text_completion",
            created: self.created,
            model: self.model_id.clone(),
            choices,
            usage,
        }
    }

    fn logprobs(&self, tokens: &[PlacedToken]) -> Option<CompletionLogprobs> {
        self.has_logprobs.then(|| CompletionLogprobs::of(&self.model, tokens))
    }

    fn echoed(&self, prompt: &PromptTokens) -> String {
        match (self.is_echoed, &prompt.typed) {
            (false, _) => String::new(),
            (true, Some(typed)) => typed.to_string(),
            (true, None) => answer::text_of(&self.model, &prompt.ids),
        }
    }

    fn choice(&self, text: answer::Text) -> CompletionChoice {
        CompletionChoice {
            index: text.index,
            logprobs: self.logprobs(&text.tokens),
            text: self.echoed(&text.prompt) + &text.text,
            finish_reason: text.finish,
            seed: Some(text.seed),
        }
    }
}

impl answer::Stream for Form {
    fn begin(&self, index: usize, prompt: &PromptTokens) -> Option<Vec<u8>> {
        let text = self.echoed(prompt);
        if text.is_empty() {
            return None;
        }
        let choice = CompletionChoice { index, text, logprobs: None, finish_reason: None, seed: None };
        answer::event(&self.completion(vec![choice], None))
    }

    fn part(&self, index: usize, part: &super::follow::Part) -> Option<Vec<u8>> {
        let logprobs = self.logprobs(&part.tokens).filter(|logprobs| !logprobs.tokens.is_empty());
        let (text, finish_reason) = (part.text.clone(), part.finish);
        if text.is_empty() && logprobs.is_none() && finish_reason.is_none() {
            return None;
        }
        let choice = CompletionChoice { index, text, logprobs, finish_reason, seed: None };
        answer::event(&self.completion(vec![choice], None))
    }

    fn usage(&self, usage: Usage) -> Option<Vec<u8>> {
        answer::event(&self.completion(Vec::new(), Some(usage)))
    }

    fn model(&self) -> &Model {
        &self.model
    }
}
