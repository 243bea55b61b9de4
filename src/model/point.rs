//! The points of the forward pass where values can be captured.

use std::fmt;

use super::spec::DecoderSpec;

/// A point of the forward pass. Points are ordered as the pass meets them.
///
/// `T` is the number of captured positions, and `S` is the number of tokens of the sequence.
///
/// | Point | Shape | What it is |
/// |---|---|---|
/// | `embed` | `[T, hidden_size]` | the residual stream before the first layer |
/// | `embed.lens` | `[T, vocab_size]` | the logits that the final norm and the head make of `embed` |
/// | `layers.N.attn.q` | `[T, num_heads, head_dim]` | queries, after their norm and rotation |
/// | `layers.N.attn.k`, `.v` | `[T, num_kv_heads, head_dim]` | keys, after their norm and rotation; values |
/// | `layers.N.attn.probs` | `[num_heads, T, S]` | attention weights; rows are queries |
/// | `layers.N.attn.heads` | `[T, num_heads, head_dim]` | output of each head, before the output projection |
/// | `layers.N.attn.out` | `[T, hidden_size]` | the update that attention adds to the residual stream |
/// | `layers.N.mlp.out` | `[T, hidden_size]` | the update that the feed-forward layer adds to it |
/// | `layers.N.resid` | `[T, hidden_size]` | the residual stream after layer N |
/// | `layers.N.lens` | `[T, vocab_size]` | the logits that the final norm and the head make of `layers.N.resid` |
/// | `final_norm` | `[T, hidden_size]` | the input of the head |
/// | `logits` | `[T, vocab_size]` | row `t` predicts the token after token `t` |
///
/// ```
/// use sukashi::Model;
/// use sukashi::model::Point;
///
/// let model = Model::embedded(&sukashi::Device::Cpu)?;
/// let names: Vec<String> = Point::all(model.spec()).iter().map(Point::to_string).collect();
/// assert_eq!(names[..3], ["embed", "embed.lens", "layers.0.attn.q"]);
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the table above names them")]
pub enum Point {
    Embed,
    EmbedLens,
    /// A part of the layer with this index.
    Layer(usize, Part),
    FinalNorm,
    Logits,
}

/// A [`Point`] in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the table of Point names them")]
pub enum Part {
    Q,
    K,
    V,
    Probs,
    Heads,
    AttnOut,
    MlpOut,
    Resid,
    Lens,
}

impl Part {
    const ALL: [Self; 9] = [
        Self::Q,
        Self::K,
        Self::V,
        Self::Probs,
        Self::Heads,
        Self::AttnOut,
        Self::MlpOut,
        Self::Resid,
        Self::Lens,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Q => "attn.q",
            Self::K => "attn.k",
            Self::V => "attn.v",
            Self::Probs => "attn.probs",
            Self::Heads => "attn.heads",
            Self::AttnOut => "attn.out",
            Self::MlpOut => "mlp.out",
            Self::Resid => "resid",
            Self::Lens => "lens",
        }
    }
}

impl Point {
    /// Lists every point of such a model in the order of the forward pass.
    pub fn all(spec: &DecoderSpec) -> Vec<Self> {
        let mut points = vec![Self::Embed, Self::EmbedLens];
        for layer in 0..spec.num_layers {
            points.extend(Part::ALL.map(|part| Self::Layer(layer, part)));
        }
        points.extend([Self::FinalNorm, Self::Logits]);
        points
    }

    /// The shape of the values at this point, for `num_positions` rows of a sequence of `num_tokens` tokens.
    pub fn shape(self, spec: &DecoderSpec, num_positions: usize, num_tokens: usize) -> Vec<usize> {
        match self {
            Self::Layer(_, Part::Probs) => vec![spec.num_heads, num_positions, num_tokens],
            Self::Layer(_, Part::Q | Part::Heads) => vec![num_positions, spec.num_heads, spec.head_dim],
            Self::Layer(_, Part::K | Part::V) => vec![num_positions, spec.num_kv_heads, spec.head_dim],
            Self::EmbedLens | Self::Layer(_, Part::Lens) | Self::Logits => {
                vec![num_positions, spec.vocab_size]
            }
            Self::Embed | Self::Layer(_, Part::AttnOut | Part::MlpOut | Part::Resid) | Self::FinalNorm => {
                vec![num_positions, spec.hidden_size]
            }
        }
    }

    /// The point whose copy the pass has to keep for this one. `None` if the last residual stream gives the value.
    pub(super) fn tap(self) -> Option<Self> {
        match self {
            Self::EmbedLens => Some(Self::Embed),
            // Queries, keys and values are in one tensor.
            Self::Layer(layer, Part::K | Part::V) => Some(Self::Layer(layer, Part::Q)),
            Self::Layer(layer, Part::Lens) => Some(Self::Layer(layer, Part::Resid)),
            Self::FinalNorm | Self::Logits => None,
            other => Some(other),
        }
    }

    /// Whether the values are logits, with a row as long as the vocabulary.
    pub(super) fn is_logits(self) -> bool {
        matches!(self, Self::EmbedLens | Self::Layer(_, Part::Lens) | Self::Logits)
    }

    /// The number of layers that have to run for this point.
    pub(super) fn num_layers(self, spec: &DecoderSpec) -> usize {
        match self {
            Self::Embed | Self::EmbedLens => 0,
            Self::Layer(layer, _) => layer + 1,
            Self::FinalNorm | Self::Logits => spec.num_layers,
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embed => f.write_str("embed"),
            Self::EmbedLens => f.write_str("embed.lens"),
            Self::Layer(layer, part) => write!(f, "layers.{layer}.{}", part.name()),
            Self::FinalNorm => f.write_str("final_norm"),
            Self::Logits => f.write_str("logits"),
        }
    }
}

/// Whether `name` fits `pattern`, in which each `*` stands for any characters.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    // The list has at least one part, the one after the last `*`.
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        // The first place that fits leaves the most characters for the rest.
        let Some(at) = name.find(part) else { return false };
        name = &name[at + part.len()..];
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_anything() {
        for pattern in ["*", "layers.*.attn.probs", "layers.3.*", "*.probs", "l*.3*a*.probs", "**probs*"] {
            assert!(matches(pattern, "layers.3.attn.probs"), "{pattern}");
        }
        for pattern in [
            "",
            "layers",
            "layers.*.attn",
            "*.prob",
            "layers.4.*",
            "probs*",
            "*s.s*",
            "layers.3.attn.probs.*",
        ] {
            assert!(!matches(pattern, "layers.3.attn.probs"), "{pattern}");
        }
        // Two parts of the pattern do not match the same characters.
        assert!(!matches("a*a", "a"));
        assert!(matches("a*a", "aa"));
    }
}
