//! Converts GGUF's names of tensors to Hugging Face's.

/// Names that Llama and its relatives share, without `.weight` or `.bias`.
const LLAMA: &[(&str, &str)] = &[
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

const GPT2: &[(&str, &str)] = &[
    ("attn_norm", "ln_1"),
    ("attn_qkv", "attn.c_attn"),
    ("attn_output", "attn.c_proj"),
    ("ffn_norm", "ln_2"),
    ("ffn_up", "mlp.c_fc"),
    ("ffn_down", "mlp.c_proj"),
];

/// A tensor's name in Hugging Face's files of this architecture. Unknown names stay unchanged.
pub(super) fn hugging_face(architecture: &str, name: &str) -> String {
    let known = if architecture == "gpt2" { gpt2(name) } else { llama(architecture, name) };
    known.unwrap_or_else(|| name.to_owned())
}

fn gpt2(name: &str) -> Option<String> {
    if let Some((index, part, kind)) = layer(name) {
        return Some(format!("h.{index}.{}.{kind}", find(GPT2, part)?));
    }
    let (part, kind) = name.rsplit_once('.')?;
    let outer =
        [("token_embd", "wte"), ("position_embd", "wpe"), ("output_norm", "ln_f"), ("output", "lm_head")];
    Some(format!("{}.{kind}", find(&outer, part)?))
}

fn llama(architecture: &str, name: &str) -> Option<String> {
    if let Some((index, part, kind)) = layer(name) {
        // Gemma has a norm before and after both the attention and the MLP.
        let part = match part {
            "ffn_norm" if architecture == "gemma3" => "pre_feedforward_layernorm",
            "post_attention_norm" if architecture == "gemma3" => "post_attention_layernorm",
            "post_ffw_norm" if architecture == "gemma3" => "post_feedforward_layernorm",
            "ffn_norm" => "post_attention_layernorm",
            _ => find(LLAMA, part)?,
        };
        return Some(format!("model.layers.{index}.{part}.{kind}"));
    }
    let (part, kind) = name.rsplit_once('.')?;
    let outer = [("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head")];
    Some(format!("{}.{kind}", find(&outer, part)?))
}

/// Parses `blk.3.attn_q.weight` as 3, `attn_q` and `weight`.
fn layer(name: &str) -> Option<(usize, &str, &str)> {
    let (index, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    // `blk.03` is not accepted as a name of layer 3.
    let number: usize = index.parse().ok()?;
    (number.to_string() == index).then_some((number, part, kind))
}

fn find(table: &[(&str, &'static str)], part: &str) -> Option<&'static str> {
    table.iter().find(|(own, _)| *own == part).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::hugging_face;

    #[test]
    fn names_are_those_of_the_other_files() {
        for (architecture, name, want) in [
            ("llama", "token_embd.weight", "model.embed_tokens.weight"),
            ("llama", "blk.12.attn_q.weight", "model.layers.12.self_attn.q_proj.weight"),
            ("llama", "blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight"),
            ("gemma3", "blk.0.ffn_norm.weight", "model.layers.0.pre_feedforward_layernorm.weight"),
            ("gemma3", "blk.0.post_attention_norm.weight", "model.layers.0.post_attention_layernorm.weight"),
            ("qwen2", "blk.1.attn_v.bias", "model.layers.1.self_attn.v_proj.bias"),
            ("gpt2", "blk.2.attn_qkv.bias", "h.2.attn.c_attn.bias"),
            ("gpt2", "position_embd.weight", "wpe.weight"),
            ("llama", "rope_freqs.weight", "rope_freqs.weight"),
        ] {
            assert_eq!(hugging_face(architecture, name), want);
        }
    }
}
