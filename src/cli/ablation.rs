//! `--zero-head`, `--zero-mlp`: parts of the model that are left out.

use sukashi::model::Ablation;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Model")]
pub struct AblationArgs {
    /// Leave out head H of layer L, both counted from 0; may be repeated
    #[arg(long, value_name = "L.H", value_parser = layer_and_head, hide_short_help = true)]
    zero_head: Vec<(usize, usize)>,
    /// Leave out the feed-forward part of layer L, counted from 0; may be repeated
    #[arg(long, value_name = "L", hide_short_help = true)]
    zero_mlp: Vec<usize>,
}

impl AblationArgs {
    /// Whether the model stays whole.
    pub fn is_empty(&self) -> bool {
        self.ablation().is_empty()
    }

    pub fn ablation(&self) -> Ablation {
        let (heads, mlps) = (self.zero_head.iter().copied(), self.zero_mlp.iter().copied());
        Ablation { heads: heads.collect(), mlps: mlps.collect() }
    }
}

fn layer_and_head(text: &str) -> Result<(usize, usize), String> {
    let parsed =
        text.split_once('.').and_then(|(layer, head)| Some((layer.parse().ok()?, head.parse().ok()?)));
    parsed.ok_or_else(|| "expected LAYER.HEAD, such as 3.0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::layer_and_head;

    #[test]
    fn a_head_is_named_by_its_layer_and_its_number() {
        assert_eq!(layer_and_head("3.10"), Ok((3, 10)));
        for bad in ["", "3", "3.", ".1", "3.1.2", "-1.0", "a.b"] {
            assert!(layer_and_head(bad).is_err(), "{bad}");
        }
    }
}
