//! The trait that transformers and bigram models share.

use std::future::Future;

use crate::model::{Model, Session, Window};
use crate::sampling::Settings;
use crate::text::Tokenizer;
use crate::trace::{Step, Token, Trace};
use crate::{Error, Result};

/// A language model: it reads tokens and computes logits for the next one.
///
/// ```
/// # pollster::block_on(async {
/// use sukashi::bigram::{Bigram, Unit};
/// use sukashi::{Device, LanguageModel, Model, Result};
///
/// async fn most_probable<M: LanguageModel>(model: &M, text: &str) -> Result<Option<String>> {
///     let mut session = model.session(64)?;
///     let logits = M::read(&mut session, &model.encode(text)?).await?;
///     let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(0);
///     Ok(model.token(best as u32).text)
/// }
///
/// let pairs = Bigram::count("pairs", "吾輩は猫である。名前はまだ無い。猫である。", Unit::Char)?;
/// assert_eq!(most_probable(&pairs, "吾輩は猫").await?.as_deref(), Some("で"));
/// let transformer = Model::embedded(&Device::Cpu)?;
/// assert!(most_probable(&transformer, "吾輩は猫").await?.is_some());
/// # Ok::<(), sukashi::Error>(()) }).unwrap();
/// ```
pub trait LanguageModel {
    /// The state of a model while it reads a text.
    type Session;

    /// Creates a session with room for `max_seq_len` tokens, or for the model's context if that is shorter.
    ///
    /// # Errors
    /// If there is not enough memory.
    fn session(&self, max_seq_len: usize) -> Result<Self::Session>;

    /// Reads `ids` after the previous ones, and returns the logits of the next token, `[vocab_size]`. −∞
    /// means impossible.
    ///
    /// # Errors
    /// If `ids` is empty, has an id that is not in the vocabulary, or is too long, or if the device fails.
    fn read<'a>(session: &'a mut Self::Session, ids: &[u32]) -> impl Future<Output = Result<&'a [f32]>>;

    /// Sets which tokens a session keeps of a text that outgrows the context. A model that reads only the last token
    /// ignores it.
    fn set_window(_session: &mut Self::Session, _window: Window) {}

    /// How many tokens were dropped from the start because the text outgrew the context.
    fn num_dropped(session: &Self::Session) -> usize;

    /// The number of tokens in the vocabulary.
    fn vocab_size(&self) -> usize;

    /// The largest number of tokens in a text.
    fn max_seq_len(&self) -> usize;

    /// The model's tokenizer, if it has one.
    fn tokenizer(&self) -> Option<&Tokenizer>;

    /// Whether `id` marks the end of a text.
    fn ends_text(&self, id: u32) -> bool;

    /// The trace of a run: the prompt `ids`, and the steps after it.
    ///
    /// # Errors
    /// If the model's files can no longer be read.
    fn trace(&self, ids: &[u32], sampling: &Settings, steps: Vec<Step>) -> Result<Trace>;

    /// The token ids of `text`, including the special tokens that the tokenizer adds.
    ///
    /// # Errors
    /// If the model has no tokenizer, or if a character is not in its vocabulary.
    fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let missing = || Error::input("the model has no tokenizer, so it cannot read text");
        self.tokenizer().ok_or_else(missing)?.encode(text, Default::default())
    }

    /// The token with this id. Without a tokenizer, only the id is set.
    fn token(&self, id: u32) -> Token {
        match self.tokenizer() {
            Some(tokenizer) => tokenizer.token(id),
            None => Token { id, text: None, bytes: None },
        }
    }
}

impl LanguageModel for Model {
    type Session = Session;

    fn session(&self, max_seq_len: usize) -> Result<Session> {
        Session::with_max_seq_len(self, max_seq_len)
    }

    async fn read<'a>(session: &'a mut Session, ids: &[u32]) -> Result<&'a [f32]> {
        match ids {
            // A session drops tokens only if it reads single ones.
            &[id] if !session.ids().is_empty() => session.decode(id).await,
            _ => session.prefill(ids).await,
        }
    }

    fn set_window(session: &mut Session, window: Window) {
        session.set_window(window);
    }

    fn num_dropped(session: &Session) -> usize {
        session.num_dropped()
    }

    fn vocab_size(&self) -> usize {
        self.spec().vocab_size
    }

    fn max_seq_len(&self) -> usize {
        self.spec().max_seq_len
    }

    fn tokenizer(&self) -> Option<&Tokenizer> {
        Model::tokenizer(self)
    }

    fn ends_text(&self, id: u32) -> bool {
        self.spec().eos_token_ids.contains(&id)
    }

    fn trace(&self, ids: &[u32], sampling: &Settings, steps: Vec<Step>) -> Result<Trace> {
        Model::trace(self, ids, sampling, steps)
    }
}
