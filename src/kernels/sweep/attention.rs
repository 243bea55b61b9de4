//! Makes the cases of attention and of the kernels that prepare it.

use super::{AttentionCase, Case, Output, Padding, SPARE_ROWS, Scene, Values};
use crate::device::{Buffer, Tensor};
use crate::error::Result;
use crate::kernels::{AttentionShape, AttentionTile, Caches};

/// The places of a case's tokens in the caches of several sequences. The first sequence is empty.
struct Places {
    /// The number of tokens of each sequence.
    lens: Vec<usize>,
    /// The rows of each sequence.
    max_seq_len: usize,
    /// The row of each token.
    cache_rows: Vec<u32>,
}

impl Places {
    fn new(position: usize, num_tokens: usize, own_texts: bool) -> Self {
        let kv_len = position + num_tokens;
        let max_seq_len = kv_len + SPARE_ROWS;
        if !own_texts {
            let first = (max_seq_len + position) as u32;
            let cache_rows = (first..).take(num_tokens).collect();
            return Self { lens: vec![0, kv_len], max_seq_len, cache_rows };
        }
        // The first token is in the last sequence, and all sequences have different lengths.
        let mut lens = vec![0; 1 + num_tokens];
        let row = |token: usize| {
            let (text, position) = (num_tokens - token, (position + 13 * token) % kv_len);
            lens[text] = position + 1;
            (text * max_seq_len + position) as u32
        };
        let cache_rows = (0..num_tokens).map(row).collect();
        Self { lens, max_seq_len, cache_rows }
    }

    fn longest(&self) -> usize {
        self.lens.iter().copied().max().unwrap_or(0)
    }
}

/// The sizes of a [`Case::Attention`].
pub(in crate::kernels) struct Attention {
    pub shape: AttentionShape,
    pub tile: AttentionTile,
    pub num_tokens: usize,
    /// The rows of a tensor with a row for each token.
    pub rows: usize,
    pub kv_len: usize,
    pub max_seq_len: usize,
    pub cache_rows: Buffer,
    values: Values,
    lens: Vec<usize>,
}

impl Attention {
    /// Makes a value of the case from an ordinary one.
    pub fn value(&self, ordinary: f32) -> f32 {
        match self.values {
            Values::Large => 16.0 * ordinary,
            _ => self.values.of(ordinary),
        }
    }

    /// The number of rows, of rows with values, and of columns of the queries, keys and values.
    pub fn qkv(&self) -> (usize, usize, usize) {
        (self.rows, self.num_tokens, self.shape.qkv_size())
    }

    /// The caches that a kernel uses.
    pub fn caches<'a>(&'a self, k_cache: &'a Tensor, v_cache: &'a Tensor) -> Caches<'a> {
        Caches { k_cache, v_cache, cache_rows: &self.cache_rows, max_seq_len: self.max_seq_len }
    }
}

impl Scene<'_> {
    pub fn attention(&mut self, case: &Case) -> Result<Attention> {
        let Case::Attention(case) = case else { panic!("no attention: {case}") };
        let AttentionCase { position, num_tokens, num_heads, num_kv_heads, head_dim, .. } = *case;
        let AttentionCase { window, softcap, tile, own_texts, values, .. } = *case;
        let scale = 1.0 / (head_dim as f32).sqrt();
        let shape = AttentionShape { num_heads, num_kv_heads, head_dim, scale, window, softcap };
        let places = Places::new(position, num_tokens, own_texts);
        let last = if own_texts { places.longest() - 1 } else { position };
        self.batch.position = last as u32;
        let cache_rows = self.device.upload("cache_rows", &places.cache_rows)?;
        Ok(Attention {
            shape,
            tile,
            num_tokens,
            rows: num_tokens + SPARE_ROWS,
            kv_len: position + num_tokens,
            max_seq_len: places.max_seq_len,
            cache_rows,
            values,
            lens: places.lens,
        })
    }

    /// Makes a cache that the kernel reads.
    pub fn filled_cache(&mut self, label: &str, of: &Attention) -> Result<Tensor> {
        self.inputs.cache(label, (&of.lens, of.max_seq_len), of.shape.kv_size())
    }

    /// Makes a cache that the kernel writes.
    pub fn empty_cache(&mut self, label: &'static str, of: &Attention) -> Result<Output> {
        self.inputs.output(label, of.lens.len() * of.max_seq_len, of.shape.kv_size())
    }

    /// Makes cosines and sines. Any numbers will do.
    pub fn angles(&mut self, of: &Attention) -> Result<Tensor> {
        let sizes = (of.rows, of.num_tokens, of.shape.head_dim);
        self.inputs.tensor("angles", sizes, Padding::Poison, |value| value)
    }

    /// Makes the weights of the norms of queries and keys.
    pub fn qk_weights(&mut self, of: &Attention) -> Result<(Tensor, Tensor)> {
        let q_weight = self.inputs.vector("q_weight", of.shape.head_dim)?;
        Ok((q_weight, self.inputs.vector("k_weight", of.shape.head_dim)?))
    }
}
