//! Removes the name prefixes that training wrappers add to tensors.

use std::collections::BTreeMap;

use super::excerpt;
use crate::{Error, Result};

/// The names that torch.compile, activation checkpointing and FSDP give to the module that they wrap. They
/// may wrap any part of a model.
const ANYWHERE: [&str; 3] = ["_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"];
/// The same for DataParallel and DeepSpeed, which wrap the whole model.
const IN_FRONT: [&str; 2] = ["module", "_forward_module"];

/// Renames the tensors to their names without wrappers.
///
/// # Errors
/// Bad input if two tensors would then have the same name; error messages call the file `label`.
pub(super) fn unwrapped<T>(tensors: BTreeMap<String, T>, label: &str) -> Result<BTreeMap<String, T>> {
    let mut plain = renamed(tensors, label, |name| {
        let parts = name.split('.').filter(|part| !ANYWHERE.contains(part));
        Vec::from_iter(parts.skip_while(|part| IN_FRONT.contains(part))).join(".")
    })?;
    // A wrapper module may hold the whole model in its attribute `model`.
    let all = plain.keys().all(|name| name.starts_with("model."));
    if all && plain.keys().any(|name| name.starts_with("model.model.")) {
        plain = renamed(plain, label, |name| name.strip_prefix("model.").unwrap_or(name).to_owned())?;
    }
    Ok(plain)
}

fn renamed<T>(
    tensors: BTreeMap<String, T>,
    label: &str,
    plain: impl Fn(&str) -> String,
) -> Result<BTreeMap<String, T>> {
    let mut renamed = BTreeMap::new();
    let mut example = None;
    for (name, tensor) in tensors {
        let own = plain(&name);
        if own != name && example.is_none() {
            example = Some(format!("{} as {}", excerpt(&name), excerpt(&own)));
        }
        if renamed.insert(own, tensor).is_some() {
            return Err(Error::input(format!(
                "cannot read {label}: two tensors have the same name without wrapper prefixes"
            ))
            .detail(format!("found {} and another tensor with the rest of its name", excerpt(&name))));
        }
    }
    if let Some(example) = example {
        tracing::info!("{label}: wrapper prefixes are removed from the names of tensors: {example}");
    }
    Ok(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Result<Vec<String>> {
        let tensors = names.iter().map(|name| ((*name).to_owned(), ())).collect();
        Ok(unwrapped(tensors, "file")?.into_keys().collect())
    }

    #[test]
    fn wrappers_are_taken_off() {
        for (wrapped, plain) in [
            ("_orig_mod.model.norm.weight", "model.norm.weight"),
            ("module._orig_mod.lm_head.weight", "lm_head.weight"),
            ("_orig_mod.module.lm_head.weight", "lm_head.weight"),
            ("module.module.lm_head.weight", "lm_head.weight"),
            ("model.layers.0._orig_mod.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"),
            ("_orig_mod._orig_mod.a", "a"),
            ("model.x_orig_mod.a", "model.x_orig_mod.a"),
            ("a.module.b", "a.module.b"),
        ] {
            assert_eq!(names(&[wrapped]).unwrap(), [plain]);
        }
        assert_eq!(names(&["model.lm_head.w", "model.model.norm.w"]).unwrap(), ["lm_head.w", "model.norm.w"]);
        // The model's own prefix stays.
        assert_eq!(names(&["lm_head.w", "model.norm.w"]).unwrap(), ["lm_head.w", "model.norm.w"]);
        assert!(names(&["a.w", "module.a.w"]).is_err());
    }
}
