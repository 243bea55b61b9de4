//! The merges that build a text.

use std::collections::HashMap;

use serde::Deserialize;
use tokenizers::models::ModelWrapper;
use tokenizers::tokenizer::{OffsetReferential, OffsetType};

use super::Tokenizer;
use crate::trace::{Merge, MergeTree, Node};
use crate::{Error, ErrorKind, Result};

/// What of a BPE's serialised form is used here: the crate shows its merges in no other way.
#[derive(Deserialize)]
struct Written {
    merges: Vec<(String, String)>,
}

/// A tokenizer's merges in their order, and the place of each pair of ids among them.
struct Merges {
    list: Vec<(String, String)>,
    ranks: HashMap<(u32, u32), usize>,
}

/// A longer text is no word, and its tree no picture.
const MAX_CHARS: usize = 2_000;

impl Tokenizer {
    /// The merges that build `text` from its characters or bytes; the record calls the tokenizer `name`.
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
    /// Bad input where the tokenizer's model is no BPE, where the text is empty or longer than 2,000 characters, has a
    /// character that the vocabulary lacks, or has tokens that come from no merges: special ones, and words that some
    /// tokenizers look up first.
    pub fn merge_tree(&self, name: &str, text: &str) -> Result<MergeTree> {
        let ModelWrapper::BPE(bpe) = self.inner.get_model() else {
            return Err(Error::input(format!("cannot show the merges of {name}: it has none"))
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

    /// A word's characters as tokens; bytes or the unknown token where the vocabulary lacks one.
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

    /// Merges the neighbours of the lowest rank, the first ones of several, until no two can be merged.
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

    /// The tree, if its tokens are those of the text.
    fn check_roots(&self, text: &str, name: &str, tree: MergeTree) -> Result<MergeTree> {
        let cut = self.cut(name, text, false)?;
        if let Some(lost) = cut.lost().next() {
            return Err(Error::input(format!(
                "cannot show the merges of {name}: its vocabulary lacks a character"
            ))
            .detail(format!("found {lost:?} in {text:?}")));
        }
        let of_tree = tree.roots.iter().map(|&root| tree.nodes[root].token.id);
        if !of_tree.eq(cut.pieces.iter().map(|piece| piece.token.id)) {
            return Err(Error::input(format!(
                "cannot show the merges of {name}: not all of its tokens come from some"
            ))
            .hint("special tokens, and words that a tokenizer looks up first, have no merges"));
        }
        Ok(tree)
    }
}
