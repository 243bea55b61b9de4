//! Computes one attention head on a few given vectors, with the kernels of models.

use crate::device::{Matrix, Tensor};
use crate::dispatch::Batch;
use crate::format::Format;
use crate::kernels::{self, AttentionShape, AttentionTile, Caches, Choices, Plan};
use crate::trace::Mixing;
use crate::{Device, Error, Result};

/// The input of an attention head. Each matrix has a row for each token.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Head {
    /// The names of the tokens.
    pub names: Vec<String>,
    /// Queries, `[num_tokens, d]`.
    pub q: Vec<Vec<f32>>,
    /// Keys, `[num_tokens, d]`.
    pub k: Vec<Vec<f32>>,
    /// Values, `[num_tokens, d_v]`.
    pub v: Vec<Vec<f32>>,
    /// Whether a token sees only itself and those before it.
    pub causal: bool,
}

impl Head {
    /// Checks the matrices without a device.
    ///
    /// # Errors
    /// If [`mix`] refuses the matrices.
    pub fn check(&self) -> Result<()> {
        check(self).map(|_| ())
    }
}

/// The most tokens and the most channels of an experiment.
const MAX_SIZE: usize = 64;

/// Computes the scores, the weights and the output of one attention head: `softmax(Q Kᵀ / √d) V`.
///
/// ```
/// # pollster::block_on(async {
/// use sukashi::Device;
/// use sukashi::model::{Head, mix};
///
/// let x = vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 1.0]];
/// let names = ["a", "b", "c"].map(str::to_owned).to_vec();
/// let mixing = mix(&Device::Cpu, Head { names, q: x.clone(), k: x.clone(), v: x, causal: false }).await?;
/// assert!((mixing.weights[2][2] - 0.503).abs() < 1e-3);
/// # Ok::<(), sukashi::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// If a matrix is empty or ragged, has more than 64 rows or columns, or has a number that is not finite; if the shapes
/// do not fit together; if the device fails.
pub async fn mix(device: &Device, head: Head) -> Result<Mixing> {
    let num_tokens = head.names.len();
    let [d, _, d_v] = check(&head)?;
    // Kernels need heads of one size. Channels of zeros change neither products nor sums.
    let head_dim = d.max(d_v);
    let padded = |matrix: &[Vec<f32>]| -> Vec<f32> {
        matrix
            .iter()
            .flat_map(|row| row.iter().copied().chain(std::iter::repeat(0.0)).take(head_dim))
            .collect()
    };
    let (q, k, v) = (padded(&head.q), padded(&head.k), padded(&head.v));
    let scale = 1.0 / (d as f32).sqrt();
    let shape =
        AttentionShape { num_heads: 1, num_kv_heads: 1, head_dim, scale, window: None, softcap: None };

    let row_words = Format::F32.words_per_row(head_dim);
    let mut words = vec![0; num_tokens * row_words];
    for (row, values) in words.chunks_mut(row_words).zip(k.chunks(head_dim)) {
        row.iter_mut().zip(values).for_each(|(word, value)| *word = value.to_bits());
    }
    let keys = Matrix::upload(device, "k", &words, (num_tokens, head_dim), Format::F32)?;
    let queries = Tensor::from_slice(device, "q", &q, num_tokens, head_dim)?;
    let products = Tensor::zeros(device, "products", num_tokens, num_tokens)?;
    let choices = Choices::of(device);
    let mut plan = Plan::new(device, &choices, num_tokens);
    kernels::gemm(&mut plan, &queries, &keys, None, &products);
    run(device, plan, Batch { num_tokens: num_tokens as u32, ..Batch::default() })?;
    let mut scores = rows(products.read(device).await?, num_tokens, num_tokens);
    scores.iter_mut().flatten().for_each(|score| *score *= scale);

    let k_cache = Tensor::from_slice(device, "k", &k, num_tokens, head_dim)?;
    let v_cache = Tensor::from_slice(device, "v", &v, num_tokens, head_dim)?;
    let partials = AttentionTile::partials(device, 1, head_dim, num_tokens);
    let partials = Tensor::zeros(device, "partials", 1, partials)?;
    let (mut weights, mut output) = (Vec::new(), Vec::new());
    for (token, query) in q.chunks(head_dim).enumerate() {
        // A token sees its own position and those before. At the last position it sees all tokens.
        let position = if head.causal { token } else { num_tokens - 1 };
        let row = [query, &vec![0.0; 2 * head_dim]].concat();
        let qkv = Tensor::from_slice(device, "qkv", &row, 1, row.len())?;
        let probs = Tensor::zeros(device, "probs", 1, num_tokens)?;
        let y = Tensor::zeros(device, "y", 1, head_dim)?;
        let mut plan = Plan::new(device, &choices, 1);
        kernels::attention_probs(&mut plan, &shape, &qkv, &k_cache, num_tokens, &probs);
        let cache_rows = device.upload("cache_rows", &[position as u32])?;
        let caches =
            Caches { k_cache: &k_cache, v_cache: &v_cache, cache_rows: &cache_rows, max_seq_len: num_tokens };
        kernels::attention(&mut plan, &shape, &qkv, caches, &partials, &y);
        run(device, plan, Batch { position: position as u32, num_tokens: 1, ..Batch::default() })?;
        weights.push(probs.read(device).await?);
        output.push(y.read(device).await?[..d_v].to_vec());
    }
    let Head { names, q, k, v, causal } = head;
    Ok(Mixing { adapter: device.info(), names, q, k, v, scores, weights, output, causal })
}

fn run(device: &Device, plan: Plan, batch: Batch) -> Result<()> {
    let program = device.compile(&plan.lower()?.recording)?;
    let mut recorder = device.record();
    program.run(batch, &mut recorder);
    device.submit(recorder)
}

fn rows(values: Vec<f32>, num_rows: usize, num_columns: usize) -> Vec<Vec<f32>> {
    values.chunks(num_columns).take(num_rows).map(<[f32]>::to_vec).collect()
}

/// Checks the shapes, and returns the number of columns of Q, K and V.
fn check(head: &Head) -> Result<[usize; 3]> {
    let refused = |what: String, expected: String| {
        Err(Error::input(format!("cannot mix: {what}")).detail(format!("expected {expected}")))
    };
    let num_tokens = head.names.len();
    if num_tokens == 0 || num_tokens > MAX_SIZE {
        return refused(format!("{num_tokens} tokens"), format!("1 to {MAX_SIZE}"));
    }
    let mut columns = [0; 3];
    for ((name, matrix), columns) in
        [("Q", &head.q), ("K", &head.k), ("V", &head.v)].into_iter().zip(&mut columns)
    {
        if matrix.len() != num_tokens {
            return refused(
                format!("{name} has {} rows", matrix.len()),
                format!("one for each of {num_tokens} tokens"),
            );
        }
        *columns = matrix[0].len();
        if *columns == 0 || *columns > MAX_SIZE {
            return refused(format!("{name} has {columns} columns"), format!("1 to {MAX_SIZE}"));
        }
        for (index, row) in matrix.iter().enumerate() {
            if row.len() != *columns {
                let found = format!("row {} of {name} has {} numbers", index + 1, row.len());
                return refused(found, format!("{columns}, as in row 1"));
            }
            if let Some(bad) = row.iter().find(|value| !value.is_finite() || value.abs() > 1e6) {
                let found = format!("row {} of {name} holds {bad}", index + 1);
                return refused(found, "finite numbers of at most 1000000".to_owned());
            }
        }
    }
    if columns[0] != columns[1] {
        let found = format!("Q has {} columns and K has {}", columns[0], columns[1]);
        return refused(found, "the same number".to_owned());
    }
    Ok(columns)
}
