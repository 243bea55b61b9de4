//! Keys and values of texts, and where a pass's tokens stand among them.

use crate::device::{Buffer, Tensor};
use crate::kernels::Plan;

/// The caches of a layer, which several texts may share, and the rows that a pass's tokens have there.
#[derive(Debug, Clone, Copy)]
pub struct Caches<'a> {
    /// Keys, `[num_texts * max_seq_len, kv_size]`: the positions of the first text, then those of the second, and so on.
    pub k_cache: &'a Tensor,
    /// The values, in the same form.
    pub v_cache: &'a Tensor,
    /// Of each token the row of its keys and values, `[max_tokens]` words: its text's index times `max_seq_len`, and its position.
    /// Another one for each token of a pass.
    pub cache_rows: &'a Buffer,
    /// Rows of a text.
    pub max_seq_len: usize,
}

impl Caches<'_> {
    /// # Panics
    /// If the caches do not have these columns, or no whole number of texts, or `plan` may have more tokens than there are rows.
    pub(super) fn check(&self, kernel: &str, plan: &Plan, kv_size: usize) {
        let Self { k_cache, v_cache, cache_rows, max_seq_len } = *self;
        assert_eq!(k_cache.columns(), kv_size, "{kernel}: columns of k_cache");
        assert_eq!(v_cache.columns(), kv_size, "{kernel}: columns of v_cache");
        assert!(max_seq_len > 0 && k_cache.rows().is_multiple_of(max_seq_len), "{kernel}: rows of k_cache");
        assert_eq!(v_cache.rows(), k_cache.rows(), "{kernel}: rows of v_cache");
        assert!(cache_rows.len() >= plan.max_tokens(), "{kernel}: cache_rows");
    }
}
