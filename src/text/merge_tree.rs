//! The merges that build a text's tokens.

use std::collections::HashMap;

use serde::Deserialize;
use tokenizers::models::ModelWrapper;
use tokenizers::tokenizer::{OffsetReferential, OffsetType};

use super::Tokenizer;
use crate::trace::{Merge, MergeTree, Node};
use crate::{Error, ErrorKind, Result};

/// The part of a serialised BPE that is needed here. The crate exposes merges in no other way.
#[derive(Deserialize)]
struct Written {
    merges: Vec<(String, String)>,
}

/// A tokenizer's merges in order, and the rank of each pair of ids.
struct Merges {
    list: Vec<(String, String)>,
    ranks: HashMap<(u32, u32), usize>,
}

/// The tree of a longer text would not be readable as a figure.
const MAX_CHARS: usize = 2_000;

impl Tokenizer {
    /// Finds the merges that build `text` from its characters or bytes. `name` is the tokenizer's name in the
    /// record.
    ///
    /// ```
    /// use sukashi::text::Training;
    ///
    /// let tokenizer = Training { vocab_size: 20, ..Training::default() }.run(["low lower lowest"])?;
    /// let tree = tokenizer.merge_tree("tiny", "low")?;
    /// assert_eq!((tree.nodes.len(), tree.roots.len()), (5, 1));
    /// # Ok::<(), sukashi::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Bad input if the tokenizer's model is not a BPE, or if the text is empty, is longer than 2,000
    /// characters, has a character that is not in the vocabulary, or has tokens that merges do not build.
    /// Those are special tokens, and words that some tokenizers look up whole.
    pub fn merge_tree(&self, name: &str, text: &str) -> Result<MergeTree> {
        let ModelWrapper::BPE(bpe) = self.inner.get_model() else {
            return Err(Error::input(format!("cannot show the merges of {name}: it is not a BPE"))
                .detail("expected a tokenizer whose model is a BPE"));
        };
        let num_chars = text.chars().count();
        if num_chars == 0 || num_chars > MAX_CHARS {
            return Err(Error::input(format!(
                "cannot show the merges that build a text of {num_chars} characters"
            ))
            .detail(format!("expected 1 to {MAX_CHARS}")));
        }
        let failed = |why: String| {
            Error::new(ErrorKind::Computation, format!("cannot read the merges of {name}")).detail(why)
        };
        let written = serde_json::to_value(bpe).and_then(serde_json::from_value::<Written>);
        let list = written.map_err(|error| failed(error.to_string()))?.merges;
        let ids = |(left, right): &(String, String)| Some((self.id_of(left)?, self.id_of(right)?));
        let ranks = list.iter().enumerate().filter_map(|(rank, pair)| Some((ids(pair)?, rank))).collect();
        let merges = Merges { list, ranks };

        let mut tree = MergeTree {
            tokenizer: name.to_owned(),
            vocab_size: self.vocab_size(),
            num_merges: merges.list.len(),
            text: text.to_owned(),
            nodes: Vec::new(),
            roots: Vec::new(),
        };
        let words = self.prepare(text).map_err(|failure| self.failed(text, failure))?;
        let mut leaves = Vec::new();
        for (word, ..) in words.get_splits(OffsetReferential::Normalized, OffsetType::None) {
            let first = tree.nodes.len();
            for id in self.symbols(bpe, word) {
                tree.nodes.push(Node { token: self.token(id), merge: None });
            }
            leaves.push(Vec::from_iter(first..tree.nodes.len()));
        }
        for leaves in leaves {
            self.merge(leaves, &merges, &mut tree);
        }
        self.check_roots(text, name, tree)
    }

    fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// A word's characters as tokens. A character that is not in the vocabulary becomes bytes or the unknown
    /// token.
    fn symbols(&self, bpe: &tokenizers::models::bpe::BPE, word: &str) -> Vec<u32> {
        let mut symbols = Vec::new();
        for character in word.chars() {
            let own = character.encode_utf8(&mut [0; 4]).to_owned();
            let bytes =
                || own.bytes().map(|byte| self.id_of(&format!("<0x{byte:02X}>"))).collect::<Option<Vec<_>>>();
            match self.id_of(&own) {
                Some(id) => symbols.push(id),
                None => match bytes().filter(|_| bpe.byte_fallback) {
                    Some(bytes) => symbols.extend(bytes),
                    None => symbols.extend(self.unknown.as_ref().map(|unknown| unknown.id)),
                },
            }
        }
        symbols
    }

    /// Merges the neighbours with the lowest rank until none can be merged. Of equal ranks, the first goes
    /// first.
    fn merge(&self, mut left: Vec<usize>, merges: &Merges, tree: &mut MergeTree) {
        loop {
            let rank_of = |pair: &[usize]| {
                let id = |index: usize| tree.nodes[index].token.id;
                merges.ranks.get(&(id(pair[0]), id(pair[1]))).copied()
            };
            let best = left.windows(2).enumerate().filter_map(|(at, pair)| Some((rank_of(pair)?, at))).min();
            let merged = best.and_then(|(rank, at)| {
                let (a, b) = &merges.list[rank];
                Some((rank, at, self.id_of(&format!("{a}{b}"))?))
            });
            let Some((rank, at, id)) = merged else { break };
            let merge = Merge { left: left[at], right: left[at + 1], rank: rank + 1 };
            left[at] = tree.nodes.len();
            left.remove(at + 1);
            tree.nodes.push(Node { token: self.token(id), merge: Some(merge) });
        }
        tree.roots.extend(left);
    }

    /// Returns the tree if its roots are the tokens of the text.
    fn check_roots(&self, text: &str, name: &str, tree: MergeTree) -> Result<MergeTree> {
        let cut = self.cut(name, text, false)?;
        if let Some(lost) = cut.lost().next() {
            return Err(Error::input(format!(
                "cannot show the merges of {name}: a character is not in the vocabulary"
            ))
            .detail(format!("found {lost:?} in {text:?}")));
        }
        let of_tree = tree.roots.iter().map(|&root| tree.nodes[root].token.id);
        if !of_tree.eq(cut.pieces.iter().map(|piece| piece.token.id)) {
            return Err(Error::input(format!(
                "cannot show the merges of {name}: merges do not build all tokens of this text"
            ))
            .hint("special tokens, and words that a tokenizer looks up whole, have no merges"));
        }
        Ok(tree)
    }
}
