//! Leaves parts of a model out, which shows what they contribute.

use std::collections::BTreeSet;
use std::ops::Range;

use super::spec::DecoderSpec;
use crate::error::{Error, Result};

/// The parts that a model leaves out. A head that is left out gives zeros to the output projection, whose bias stays. A
/// feed-forward part that is left out adds nothing to the residual stream.
///
/// ```
/// use sukashi::model::Ablation;
/// use sukashi::{Device, Model};
///
/// let model = Model::embedded(&Device::Cpu)?;
/// let mut ablation = Ablation::default();
/// ablation.heads.insert((3, 2));
/// let without = model.without(ablation)?;
/// assert_eq!(without.info()?.left_out, ["head 3.2"]);
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ablation {
    /// Attention heads as (layer, head). Both count from 0.
    pub heads: BTreeSet<(usize, usize)>,
    /// Layers without their feed-forward part. They count from 0.
    pub mlps: BTreeSet<usize>,
}

impl Ablation {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.mlps.is_empty()
    }

    /// The name of each part: `head 3.2`, `mlp 4`.
    pub fn names(&self) -> Vec<String> {
        let heads = self.heads.iter().map(|(layer, head)| format!("head {layer}.{head}"));
        heads.chain(self.mlps.iter().map(|layer| format!("mlp {layer}"))).collect()
    }

    /// Checks that a model of this kind has these parts.
    ///
    /// # Errors
    /// Bad input that names the part and the limit.
    pub fn check(&self, spec: &DecoderSpec) -> Result<()> {
        let refused = |part: String, what: &str, found: usize, count: usize| {
            Err(Error::input(format!("cannot leave out {part}: the model has no {what} {found}"))
                .detail(format!("expected 0 to {}", count - 1)))
        };
        for &(layer, head) in &self.heads {
            let part = format!("head {layer}.{head}");
            if layer >= spec.num_layers {
                return refused(part, "layer", layer, spec.num_layers);
            }
            if head >= spec.num_heads {
                return refused(part, "head", head, spec.num_heads);
            }
        }
        match self.mlps.iter().find(|layer| **layer >= spec.num_layers) {
            Some(&layer) => refused(format!("mlp {layer}"), "layer", layer, spec.num_layers),
            None => Ok(()),
        }
    }

    /// The columns of a layer's heads that are zero, neighbours as one.
    pub(super) fn head_columns(&self, layer: usize, head_dim: usize) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for &(_, head) in self.heads.range((layer, 0)..=(layer, usize::MAX)) {
            let start = head * head_dim;
            match ranges.last_mut() {
                Some(last) if last.end == start => last.end += head_dim,
                _ => ranges.push(start..start + head_dim),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::Ablation;

    #[test]
    fn neighbouring_heads_are_one_range() {
        let ablation = Ablation { heads: [(1, 0), (2, 1), (2, 2), (2, 5)].into(), mlps: [7].into() };
        assert_eq!(ablation.head_columns(2, 10), [10..30, 50..60]);
        assert!(ablation.head_columns(0, 10).is_empty());
        assert_eq!(ablation.names(), ["head 1.0", "head 2.1", "head 2.2", "head 2.5", "mlp 7"]);
    }
}
