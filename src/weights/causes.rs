//! Why files cannot be used, where their names and those of their tensors say it.

use std::path::Path;

use serde_json::Value;

use super::{Dtype, Weights, excerpt, json};
use crate::{Error, Result};

/// `adapter_config.json` has a few kilobytes.
const MAX_ADAPTER_BYTES: u64 = 1 << 20;

const QUANTISED: &str =
    "take the model in F32, F16 or BF16, or a GGUF file, whose quantised types are supported";
const ADAPTER: &str = "merge the adapter into its base model first";
const EXPERTS: &str = "take a model whose feed-forward layers have no experts";

/// What tensors of a name show: a part of the name, what the model is, and a hint.
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

/// Names the cause where tensors of these names or types can belong to no model that is supported.
///
/// # Errors
/// Bad input where they do.
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
        // MLX has both beside a weight whose values are packed into whole numbers.
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

/// An error about a folder without a `config.json`, by what is there instead.
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

/// An error about a folder that has a `config.json` but no safetensors, by what is there instead.
pub(super) fn no_weights(folder: &Path, single: &str, index: &str) -> Error {
    let error = Error::input(format!("cannot load weights from {}", folder.display()))
        .detail(format!("found neither {single} nor {index}"));
    let adapter = folder.join("adapter_config.json");
    if adapter.exists() {
        return of_adapter(error, &adapter);
    }
    if let Some(name) = first_named(folder, is_pickle) {
        return error.hint(format!("{name} runs code when it is read; convert it to safetensors first"));
    }
    match first_named(folder, |name| name.ends_with(".safetensors")) {
        Some(name) => match part_of(&name) {
            Some((part, count)) => error
                .detail(format!("found {name}, part {part} of {count}"))
                .hint(format!("{index} says which tensor is in which part; is the download complete?")),
            None => error.hint(format!("there is {name}; a model in one file is called {single}")),
        },
        None => error,
    }
}

fn of_adapter(error: Error, path: &Path) -> Error {
    let base = json::read(path, MAX_ADAPTER_BYTES).ok().and_then(|bytes| {
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

/// Whether a file's name is that of a checkpoint of PyTorch, which is a program for Python's pickle machine.
pub(super) fn is_pickle(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    matches!(ending, "bin" | "pth" | "pt" | "ckpt") || name == "pytorch_model.bin.index.json"
}

/// `model-00002-of-00003.safetensors` as 2 and 3.
fn part_of(name: &str) -> Option<(u64, u64)> {
    let (rest, count) = name.strip_suffix(".safetensors")?.rsplit_once("-of-")?;
    let (_, part) = rest.rsplit_once('-')?;
    Some((part.parse().ok()?, count.parse().ok()?))
}

/// The first file of a folder, by name, that `is` wants.
fn first_named(folder: &Path, is: impl Fn(&str) -> bool) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is(name)).min()
}
