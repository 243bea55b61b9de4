//! The KV cache of a layer, and the rows of a pass's tokens in it.

use crate::device::{Buffer, Tensor};
use crate::kernels::Plan;

/// The KV cache of a layer, which several sequences may share, and the rows of a pass's tokens in it.
#[derive(Debug, Clone, Copy)]
pub struct Caches<'a> {
    /// The keys, `[num_texts * max_seq_len, kv_size]`: first the positions of the first sequence, then those of the
    /// second, and so on.
    pub k_cache: &'a Tensor,
    /// The values, in the same form.
    pub v_cache: &'a Tensor,
    /// The row of each token's keys and values, `[max_tokens]` words. It is the index of the sequence times
    /// `max_seq_len`, plus the position. No two tokens of a pass share a row.
    pub cache_rows: &'a Buffer,
    /// The rows of a sequence.
    pub max_seq_len: usize,
}

impl Caches<'_> {
    /// # Panics
    /// If the caches have other columns or no whole number of sequences, or if `plan` may have more tokens than there
    /// are rows.
    pub(super) fn check(&self, kernel: &str, plan: &Plan, kv_size: usize) {
        let Self { k_cache, v_cache, cache_rows, max_seq_len } = *self;
        assert_eq!(k_cache.columns(), kv_size, "{kernel}: columns of k_cache");
        assert_eq!(v_cache.columns(), kv_size, "{kernel}: columns of v_cache");
        assert!(max_seq_len > 0 && k_cache.rows().is_multiple_of(max_seq_len), "{kernel}: rows of k_cache");
        assert_eq!(v_cache.rows(), k_cache.rows(), "{kernel}: rows of v_cache");
        assert!(cache_rows.len() >= plan.max_tokens(), "{kernel}: cache_rows");
    }
}
