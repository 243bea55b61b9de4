//! How the files of a family name and store tensors.

/// A tensor's two names, without `.weight` or `.bias`, prefix and layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    /// In Hugging Face's files.
    pub file: &'static str,
    /// In GGUF files.
    pub gguf: &'static str,
}

/// Shortens the tables of names.
pub(crate) const fn name(file: &'static str, gguf: &'static str) -> Name {
    Name { file, gguf }
}

/// The projection to logits. It has no prefix in any family.
pub(crate) const HEAD: Name = name("lm_head", "output");

/// The projections to queries, keys and values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Qkv {
    /// One matrix, whose rows are all queries, then all keys, then all values.
    Joined(Name),
    /// One matrix each.
    Separate([Name; 3]),
}

/// The layout of a projection in a file. GGUF always has [`Layout::AsIs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `[out_features, in_features]`
    AsIs,
    /// `[in_features, out_features]`, as GPT-2's Conv1D.
    Transposed,
}

/// The tensors of norms in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NormKind {
    /// LayerNorm.
    WeightAndBias,
    /// RMSNorm.
    Weight,
    /// RMSNorm whose weight safetensors store less 1. GGUF adds the 1 itself.
    WeightLessOne,
}

/// The names of a family's tensors, and how they are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming {
    /// The prefixes of all names but the head's. A file has one of these. GGUF's names get the first.
    pub prefixes: &'static [&'static str],
    pub embedding: Name,
    /// The learned positions; `None` if positions rotate.
    pub positions: Option<Name>,
    pub final_norm: Name,
    /// The prefix of a layer's index.
    pub layers: &'static str,
    pub attn_norm: Name,
    pub qkv: Qkv,
    /// The norms of query heads and key heads, if the model has them.
    pub qk_norm: Option<[Name; 2]>,
    pub o_proj: Name,
    pub post_attn_norm: Option<Name>,
    pub mlp_norm: Name,
    /// The gate, if the model has one, and the projection that it multiplies.
    pub up_proj: &'static [Name],
    pub down_proj: Name,
    pub post_mlp_norm: Option<Name>,
    pub layout: Layout,
    pub norms: NormKind,
    /// Whether the logits do not depend on the tensor of this full name.
    pub carries_nothing: fn(&str) -> bool,
}

impl Naming {
    /// Hugging Face's name of GGUF's tensor `name`; `None` if the family has no such tensor.
    pub fn of_gguf(&self, name: &str) -> Option<String> {
        let prefix = self.prefixes.first().copied().unwrap_or("");
        if let Some((index, part, kind)) = layer(name) {
            let part = self.of_layer().find(|known| known.gguf == part)?.file;
            return Some(format!("{prefix}{}.{index}.{part}.{kind}", self.layers));
        }
        let (part, kind) = name.rsplit_once('.')?;
        if part == HEAD.gguf {
            return Some(format!("{}.{kind}", HEAD.file));
        }
        let mut outer = [self.embedding, self.final_norm].into_iter().chain(self.positions);
        Some(format!("{prefix}{}.{kind}", outer.find(|known| known.gguf == part)?.file))
    }

    /// All names of a layer's tensors.
    fn of_layer(&self) -> impl Iterator<Item = Name> {
        let qkv = match &self.qkv {
            Qkv::Joined(name) => std::slice::from_ref(name),
            Qkv::Separate(names) => names,
        };
        let norms = [Some(self.attn_norm), self.post_attn_norm, Some(self.mlp_norm), self.post_mlp_norm];
        let projections = [qkv, self.up_proj, &[self.o_proj, self.down_proj]].concat();
        norms.into_iter().flatten().chain(projections).chain(self.qk_norm.into_iter().flatten())
    }
}

/// Parses `blk.3.attn_q.weight` as 3, `attn_q` and `weight`.
fn layer(name: &str) -> Option<(usize, &str, &str)> {
    let (index, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    // `blk.03` is not accepted as a name of layer 3.
    let number: usize = index.parse().ok()?;
    (number.to_string() == index).then_some((number, part, kind))
}
