//! Loads a decoder's tensors by the names of its family.

use super::loader::{Files, Loader};
use super::spec::DecoderSpec;
use super::weights::{DecoderWeights, LayerWeights};
use crate::weights::{Layout, Name, Qkv};
use crate::{Device, Result};

/// Reads all tensors of a model.
///
/// # Errors
/// If a tensor is missing or has another shape than the spec's; if the model does not use a tensor; if the device has
/// no room.
pub(super) async fn load(
    device: &Device,
    spec: &DecoderSpec,
    files: Files<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<DecoderWeights> {
    let naming = spec.family.naming;
    let mut loader = Loader::new(device, files, spec.head_dim, naming, progress);
    let parts = spec.parts;
    let hidden_size = ("hidden_size", spec.hidden_size);
    let intermediate_size = ("intermediate_size", spec.intermediate_size);
    let vocab_size = ("vocab_size", spec.vocab_size);
    let max_seq_len = ("max_seq_len", spec.max_seq_len);
    let head_dim = ("head_dim", spec.head_dim);
    let q_size = ("num_heads * head_dim", spec.num_heads * spec.head_dim);
    let kv_size = ("num_kv_heads * head_dim", spec.num_kv_heads * spec.head_dim);
    let qkv_size = ("3 * hidden_size", 3 * spec.hidden_size);

    let embedding = loader.matrix(naming.embedding, vocab_size, hidden_size, Layout::AsIs).await?;
    let positions = match naming.positions {
        Some(name) => Some(loader.matrix(name, max_seq_len, hidden_size, Layout::AsIs).await?),
        None => None,
    };
    let mut layers = Vec::with_capacity(spec.num_layers);
    for index in 0..spec.num_layers {
        let of_layer = |name: Name| format!("{}.{index}.{}", naming.layers, name.file);
        let attn_norm = loader.norm(&of_layer(naming.attn_norm), hidden_size).await?;
        let qkv = match naming.qkv {
            Qkv::Joined(name) => vec![(of_layer(name), qkv_size)],
            Qkv::Separate([q, k, v]) => {
                vec![(of_layer(q), q_size), (of_layer(k), kv_size), (of_layer(v), kv_size)]
            }
        };
        let qkv_proj = loader.linear(&qkv, hidden_size, parts.qkv_bias).await?;
        let qk_norm = match naming.qk_norm.filter(|_| parts.qk_norm) {
            Some([q_norm, k_norm]) => {
                let q_norm = loader.norm_weight(&of_layer(q_norm), head_dim).await?;
                Some((q_norm, loader.norm_weight(&of_layer(k_norm), head_dim).await?))
            }
            None => None,
        };
        let o_proj = loader.linear(&[(of_layer(naming.o_proj), hidden_size)], q_size, parts.o_bias).await?;
        let mut post_norms = [None, None];
        for (norm, name) in post_norms.iter_mut().zip([naming.post_attn_norm, naming.post_mlp_norm]) {
            if let Some(name) = name.filter(|_| parts.post_norms) {
                *norm = Some(loader.norm(&of_layer(name), hidden_size).await?);
            }
        }
        let [post_attn_norm, post_mlp_norm] = post_norms;
        let mlp_norm = loader.norm(&of_layer(naming.mlp_norm), hidden_size).await?;
        let up = Vec::from_iter(naming.up_proj.iter().map(|&name| (of_layer(name), intermediate_size)));
        let up_proj = loader.linear(&up, hidden_size, parts.mlp_bias).await?;
        let down = [(of_layer(naming.down_proj), hidden_size)];
        let down_proj = loader.linear(&down, intermediate_size, parts.mlp_bias).await?;
        layers.push(LayerWeights {
            attn_norm,
            qkv_proj,
            qk_norm,
            o_proj,
            post_attn_norm,
            mlp_norm,
            up_proj,
            down_proj,
            post_mlp_norm,
        });
    }
    let final_norm = loader.norm(naming.final_norm.file, hidden_size).await?;
    let lm_head = loader.head(&embedding, naming.embedding, spec.tied_head, vocab_size, hidden_size).await?;
    loader.finish()?;
    Ok(DecoderWeights { embedding, positions, layers, final_norm, lm_head })
}
