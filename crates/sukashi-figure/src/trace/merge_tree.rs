//! The merges by which a BPE builds a text from its characters.

use serde::{Deserialize, Serialize};

use super::Token;

/// The merges that build a text, as a forest: one tree for each token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeTree {
    /// The name of the tokenizer.
    pub tokenizer: String,
    /// The number of the tokenizer's tokens.
    pub vocab_size: usize,
    /// The number of the tokenizer's merges.
    pub num_merges: usize,
    /// The text that the merges build.
    pub text: String,
    /// The leaves in the text's order, then the merges in the order in which the tokenizer makes them.
    pub nodes: Vec<Node>,
    /// The roots of the trees in the text's order. They are the tokens of the text.
    pub roots: Vec<usize>,
}

/// A character or byte, or a merge of two neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The node's own token.
    pub token: Token,
    /// The merge that made the node. `None` for a leaf.
    pub merge: Option<Merge>,
}

/// A merge of two neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// The left neighbour: an index of [`MergeTree::nodes`] below the node's own.
    pub left: usize,
    /// The right neighbour: an index of [`MergeTree::nodes`] below the node's own.
    pub right: usize,
    /// The place of the merge among all merges, counted from 1. The lowest is made first.
    pub rank: usize,
}

impl MergeTree {
    /// Returns whether every index is in its range, every node but the roots has one parent, and the roots have none.
    pub(crate) fn is_sound(&self) -> bool {
        let mut parents = vec![0_usize; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for child in node.merge.into_iter().flat_map(|merge| [merge.left, merge.right]) {
                if child >= index {
                    return false;
                }
                parents[child] += 1;
            }
        }
        for &root in &self.roots {
            match parents.get_mut(root) {
                Some(count) => *count += 1,
                None => return false,
            }
        }
        !self.roots.is_empty() && parents.iter().all(|&count| count == 1)
    }
}
