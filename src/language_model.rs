//! What continues a text, token by token: a transformer, or counts of pairs.

use std::future::Future;

use crate::model::{Model, Session};
use crate::sampling::Settings;
use crate::text::Tokenizer;
use crate::trace::{Token, Trace};
use crate::{Error, Result};

/// A language model: it reads tokens and gives logits for the next one.
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
    /// A text being read.
    type Session;

    /// An empty text, with room for `max_seq_len` tokens, or as many as the model can look back at.
    ///
    /// # Errors
    /// If there is no room for it.
    fn session(&self, max_seq_len: usize) -> Result<Self::Session>;

    /// Reads `ids` on top of what is there and gives the logits, `[vocab_size]`, of the token after the last; −∞ is
    /// impossible.
    ///
    /// # Errors
    /// If `ids` is empty or has an id outside the vocabulary, if there is no room for it, or the device fails.
    fn read<'a>(session: &'a mut Self::Session, ids: &[u32]) -> impl Future<Output = Result<&'a [f32]>>;

    /// How many tokens have left the model's view because the text outgrew it.
    fn num_dropped(session: &Self::Session) -> usize;

    /// How many tokens there are.
    fn vocab_size(&self) -> usize;

    /// How many tokens a text can have.
    fn max_seq_len(&self) -> usize;

    /// Its tokenizer, if it has one.
    fn tokenizer(&self) -> Option<&Tokenizer>;

    /// Whether `id` marks the end of a text.
    fn ends_text(&self, id: u32) -> bool;

    /// A trace after the prompt `ids`, with no steps yet and no final text.
    ///
    /// # Errors
    /// If the model's files cannot be read any more.
    fn trace(&self, ids: &[u32], sampling: &Settings) -> Result<Trace>;

    /// Token ids of `text`, with what the tokenizer puts around it.
    ///
    /// # Errors
    /// If the model has no tokenizer, or the text has a character that its vocabulary lacks.
    fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let missing = || Error::input("the model has no tokenizer, so it cannot read text");
        self.tokenizer().ok_or_else(missing)?.encode(text, Default::default())
    }

    /// What an id stands for; without a tokenizer only the id.
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
            // Past its room, a session slides for single tokens.
            &[id] if !session.ids().is_empty() => session.decode(id).await,
            _ => session.prefill(ids).await,
        }
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

    fn trace(&self, ids: &[u32], sampling: &Settings) -> Result<Trace> {
        Model::trace(self, ids, sampling)
    }
}
