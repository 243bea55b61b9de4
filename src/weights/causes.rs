//! Recognises unsupported models by the names of their files and tensors, and explains why they cannot be
//! used.

use std::path::Path;

use serde_json::Value;

use super::{Dtype, Weights, excerpt};
use crate::{Error, Result, file};

/// `adapter_config.json` has a few kilobytes.
const MAX_ADAPTER_BYTES: u64 = 1 << 20;

const QUANTISED: &str =
    "use the model in F32, F16 or BF16, or a GGUF file, whose quantised types are supported";
const ADAPTER: &str = "merge the adapter into its base model first";
const EXPERTS: &str = "use a model whose feed-forward layers have no experts";

/// A part of a tensor's name, why a model with such a tensor cannot be used, and a hint.
const TENSORS: &[(&str, &str, &str)] = &[
    (".lora_A", "it is a LoRA adapter, not a model", ADAPTER),
    (".lora_B", "it is a LoRA adapter, not a model", ADAPTER),
    (".lora_a", "it is a LoRA adapter, not a model", ADAPTER),
    (".lora_embedding_", "it is a LoRA adapter, not a model", ADAPTER),
    (".block_sparse_moe.", "mixture of experts is not supported", EXPERTS),
    (".mlp.experts.", "mixture of experts is not supported", EXPERTS),
    (".ffn_gate_exps", "mixture of experts is not supported", EXPERTS),
    (".ffn_gate_inp", "mixture of experts is not supported", EXPERTS),
    (".qweight", "weights quantised by GPTQ or AWQ are not supported", QUANTISED),
    (".weight.absmax", "weights quantised by bitsandbytes are not supported", QUANTISED),
    (".SCB", "weights quantised by bitsandbytes are not supported", QUANTISED),
    (".weight_packed", "weights quantised by compressed-tensors are not supported", QUANTISED),
    (".weight_scale", "weights quantised by compressed-tensors or to FP8 are not supported", QUANTISED),
];

/// Refuses tensors whose names or types belong to an unsupported kind of model.
///
/// # Errors
/// Bad input that names the kind.
pub(crate) fn check_tensors(weights: &Weights) -> Result<()> {
    let names = weights.names();
    let refused = |what: &str, name: &str, found: String, hint: &str| {
        Err(Error::input(format!("cannot load {}: {what}", weights.file_of(name))).detail(found).hint(hint))
    };
    for name in &names {
        if let Some((_, what, hint)) = TENSORS.iter().find(|(part, ..)| name.contains(part)) {
            return refused(what, name, format!("found the tensor {}", excerpt(name)), hint);
        }
        let dtype = weights.info(name).map(|info| info.dtype);
        if let Some(Dtype::Other(float @ ("F8_E4M3" | "F8_E5M2"))) = dtype {
            let found = format!("found type {float} of {}", excerpt(name));
            return refused("weights in FP8 are not supported", name, found, QUANTISED);
        }
        // MLX stores both next to a weight whose values are packed into integers.
        if let Some(stem) = name.strip_suffix(".scales")
            && dtype.is_some_and(|dtype| dtype.format().is_some())
            && weights.info(&format!("{stem}.biases")).is_some()
        {
            let found = format!("found the tensors {} and {stem}.biases", excerpt(name));
            return refused("weights quantised by MLX are not supported", name, found, QUANTISED);
        }
    }
    Ok(())
}

/// An error about a folder without a `config.json`, with a hint from what it contains.
pub(super) fn no_config(folder: &Path, expected: &str) -> Error {
    let failed = |what: &str| Error::input(format!("cannot open model {}: {what}", folder.display()));
    let adapter = folder.join("adapter_config.json");
    if adapter.exists() {
        return of_adapter(failed("it is a LoRA adapter, not a model"), &adapter);
    }
    let error = failed("it has no config.json");
    match first_named(folder, |name| name.to_ascii_lowercase().ends_with(".gguf")) {
        Some(name) => error.hint(format!("give one of its files instead: {}", folder.join(name).display())),
        None => error.hint(expected),
    }
}

/// An error about a folder that has a `config.json` but no safetensors, with a hint from what it contains.
pub(super) fn no_weights(folder: &Path, single: &str, index: &str) -> Error {
    let error = Error::input(format!("cannot load weights from {}", folder.display()))
        .detail(format!("found neither {single} nor {index}"));
    let adapter = folder.join("adapter_config.json");
    if adapter.exists() {
        return of_adapter(error, &adapter);
    }
    if let Some(name) = first_named(folder, is_pickle) {
        return error.hint(format!("{name} can run code when it is read; convert it to safetensors first"));
    }
    match first_named(folder, |name| name.ends_with(".safetensors")) {
        Some(name) => match part_of(&name) {
            Some((part, count)) => error
                .detail(format!("found {name}, part {part} of {count}"))
                .hint(format!("{index} says which tensor is in which part; is the download complete?")),
            None => error.hint(format!("found {name}; rename it to {single} if it is the whole model")),
        },
        None => error,
    }
}

fn of_adapter(error: Error, path: &Path) -> Error {
    let base = file::read(path, MAX_ADAPTER_BYTES).ok().and_then(|bytes| {
        let config: Value = serde_json::from_slice(&bytes).ok()?;
        Some(format!("{:?}", excerpt(config.get("base_model_name_or_path")?.as_str()?)))
    });
    let error = match base {
        Some(base) => {
            error.detail(format!("found adapter_config.json with base_model_name_or_path = {base}"))
        }
        None => error.detail("found adapter_config.json"),
    };
    error.hint(ADAPTER)
}

/// Whether a file's name is that of a PyTorch checkpoint. Python's pickle format can run code when it is
/// read.
pub(super) fn is_pickle(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    matches!(ending, "bin" | "pth" | "pt" | "ckpt") || name == "pytorch_model.bin.index.json"
}

/// Parses `model-00002-of-00003.safetensors` as 2 and 3.
fn part_of(name: &str) -> Option<(u64, u64)> {
    let (rest, count) = name.strip_suffix(".safetensors")?.rsplit_once("-of-")?;
    let (_, part) = rest.rsplit_once('-')?;
    Some((part.parse().ok()?, count.parse().ok()?))
}

/// The alphabetically first file name in a folder that `is` accepts.
fn first_named(folder: &Path, is: impl Fn(&str) -> bool) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is(name)).min()
}
