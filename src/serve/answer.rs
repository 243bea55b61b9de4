//! Answers: texts that are collected, and texts that are streamed as server-sent events.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use http_body::Frame;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use utoipa::ToSchema;

use super::error::ApiError;
use super::follow::{Follower, Part, PlacedToken};
use super::json;
use super::order::{Order, PromptTokens};
use crate::Model;

/// The events that wait for a client which reads slowly. The engine never waits for it.
const WAITING_EVENTS: usize = 32;

/// The tokens of a request and its answer.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct Usage {
    prompt_tokens: usize,
    completion_tokens: usize,
    total_tokens: usize,
    prompt_tokens_details: PromptDetails,
}

/// What is known of the prompt's tokens.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct PromptDetails {
    /// The tokens that were not read again, because earlier texts had left them in the KV cache.
    cached_tokens: usize,
}

impl Usage {
    /// Adds a text. The prompt counts once for all of its texts.
    fn add(&mut self, prompt_tokens: usize, follower: &Follower<'_>) {
        self.prompt_tokens += prompt_tokens;
        self.completion_tokens += follower.num_tokens;
        self.total_tokens = self.prompt_tokens + self.completion_tokens;
        if prompt_tokens > 0 {
            self.prompt_tokens_details.cached_tokens += follower.num_reused;
        }
    }

    fn join(&mut self, other: Self) {
        self.prompt_tokens += other.prompt_tokens;
        self.completion_tokens += other.completion_tokens;
        self.total_tokens += other.total_tokens;
        self.prompt_tokens_details.cached_tokens += other.prompt_tokens_details.cached_tokens;
    }
}

/// A finished text.
#[derive(Debug)]
pub struct Text {
    pub index: usize,
    pub prompt: PromptTokens,
    pub text: String,
    pub tokens: Vec<PlacedToken>,
    pub finish: Option<&'static str>,
    pub seed: u64,
}

/// The texts of an answer.
pub struct Answer {
    pub orders: Vec<Order>,
    pub scores_prompt: bool,
    pub has_usage: bool,
}

/// How a streamed answer is written.
pub trait Stream: Clone + Send + Sync + 'static {
    /// The event before a text.
    fn begin(&self, index: usize, prompt: &PromptTokens) -> Option<Vec<u8>>;
    /// The event of a part of a text.
    fn part(&self, index: usize, part: &Part) -> Option<Vec<u8>>;
    /// The event that counts the tokens.
    fn usage(&self, usage: Usage) -> Option<Vec<u8>>;
    /// The model that writes the texts.
    fn model(&self) -> &Model;
}

impl Answer {
    /// Waits for all texts. If the caller stops waiting, so does the engine.
    ///
    /// # Errors
    /// If a text cannot be finished.
    pub async fn collect(self, model: &Model) -> Result<(Vec<Text>, Usage), ApiError> {
        let mut tasks = JoinSet::new();
        for (order, prompt_tokens) in counted(self.orders) {
            let (model, scores_prompt) = (model.clone(), self.scores_prompt);
            tasks.spawn(async move { one(&model, order, scores_prompt, prompt_tokens).await });
        }
        let (mut texts, mut usage) = (Vec::new(), Usage::default());
        while let Some(done) = tasks.join_next().await {
            let (text, own) = done.map_err(|_| bug())??;
            texts.push(text);
            usage.join(own);
        }
        texts.sort_by_key(|text| text.index);
        Ok((texts, usage))
    }

    /// Answers with a stream of events. If the client goes away, the engine stops.
    pub fn stream(self, form: impl Stream) -> Response {
        let (sender, receiver) = mpsc::channel(WAITING_EVENTS);
        tokio::spawn(async move {
            // Nobody is left to be told.
            let _ = self.send(form, sender).await;
        });
        let mut response = json::answer(StatusCode::OK, "text/event-stream", Body::new(EventBody(receiver)));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }

    async fn send(self, form: impl Stream, sender: mpsc::Sender<Bytes>) -> Result<(), Closed> {
        let mut tasks = JoinSet::new();
        for (order, prompt_tokens) in counted(self.orders) {
            let (form, sender, scores_prompt) = (form.clone(), sender.clone(), self.scores_prompt);
            tasks.spawn(async move { forward(form, order, (scores_prompt, prompt_tokens), sender).await });
        }
        let mut usage = Usage::default();
        while let Some(done) = tokio::select! {
            done = tasks.join_next() => done,
            // Dropping the tasks closes their channels, so the engine frees their slots.
            () = sender.closed() => return Err(Closed),
        } {
            match done {
                Ok(Ok(own)) => usage.join(own),
                Ok(Err(None)) => return Err(Closed),
                Ok(Err(Some(error))) => {
                    return send(&sender, event(&error.body())).await;
                }
                Err(_) => return send(&sender, event(&bug().body())).await,
            }
        }
        if self.has_usage {
            send(&sender, form.usage(usage)).await?;
        }
        send(&sender, Some(b"data: [DONE]\n\n".to_vec())).await
    }
}

/// The client has gone away.
#[derive(Debug)]
struct Closed;

async fn send(sender: &mpsc::Sender<Bytes>, event: Option<Vec<u8>>) -> Result<(), Closed> {
    match event {
        None => Ok(()),
        Some(event) => sender.send(event.into()).await.map_err(|_| Closed),
    }
}

/// Sends the events of a text. The error is `None` if the client has gone away.
async fn forward(
    form: impl Stream,
    order: Order,
    (scores_prompt, prompt_tokens): (bool, usize),
    sender: mpsc::Sender<Bytes>,
) -> Result<Usage, Option<ApiError>> {
    let (model, index) = (form.model().clone(), order.index);
    send(&sender, form.begin(index, &order.prompt)).await.map_err(|Closed| None)?;
    let mut follower = Follower::new(&model, order, scores_prompt);
    while let Some(part) = follower.next().await? {
        send(&sender, form.part(index, &part)).await.map_err(|Closed| None)?;
    }
    let mut usage = Usage::default();
    usage.add(prompt_tokens, &follower);
    Ok(usage)
}

async fn one(
    model: &Model,
    order: Order,
    scores_prompt: bool,
    prompt_tokens: usize,
) -> Result<(Text, Usage), ApiError> {
    let Order { index, seed, .. } = order;
    let prompt = order.prompt.clone();
    let mut text = Text { index, prompt, text: String::new(), tokens: Vec::new(), finish: None, seed };
    let mut follower = Follower::new(model, order, scores_prompt);
    while let Some(part) = follower.next().await? {
        text.text += &part.text;
        text.tokens.extend(part.tokens);
        text.finish = part.finish.or(text.finish);
    }
    let mut usage = Usage::default();
    usage.add(prompt_tokens, &follower);
    Ok((text, usage))
}

/// Each text with the number of tokens that its prompt counts: those of the first text of each prompt.
fn counted(orders: Vec<Order>) -> Vec<(Order, usize)> {
    let mut last: Option<Arc<[u32]>> = None;
    let count = |order: Order| {
        let ids = order.prompt.ids.clone();
        let is_first = !last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &ids));
        let count = if is_first { ids.len() } else { 0 };
        last = Some(ids);
        (order, count)
    };
    orders.into_iter().map(count).collect()
}

/// A server-sent event of JSON, which has no line breaks.
pub fn event(value: &impl Serialize) -> Option<Vec<u8>> {
    let mut event = b"data: ".to_vec();
    serde_json::to_writer(&mut event, value).ok()?;
    event.extend_from_slice(b"\n\n");
    Some(event)
}

/// Runs a function that computes for a while beside the server's threads.
///
/// # Errors
/// If it panics.
pub async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(run).await.map_err(|_| bug())
}

/// An answer after a panic.
pub fn bug() -> ApiError {
    ApiError::with_status(
        StatusCode::INTERNAL_SERVER_ERROR,
        "bug",
        "the server has a bug: a request made it panic",
    )
}

/// The text of tokens; their ids if the model has no tokenizer.
pub fn text_of(model: &Model, ids: &[u32]) -> String {
    model.decode(ids).unwrap_or_else(|| Vec::from_iter(ids.iter().map(u32::to_string)).join(" "))
}

/// The body of a stream of events.
struct EventBody(mpsc::Receiver<Bytes>);

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
