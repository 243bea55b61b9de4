//! The checks for all machine code from AMD's compiler.

use std::collections::BTreeMap;

use naga::{AddressSpace, ArraySize, Module, TypeInner, VectorSize};
use sukashi::dispatch::Kernel;

use crate::loads::{Loads, loads};
use crate::vulkan::Report;

/// A chip for which Mesa's driver for AMD compiles without the hardware.
#[derive(Debug, Clone, Copy)]
pub struct Chip {
    /// The name in `RADV_FORCE_FAMILY`. The device's name has it in capitals.
    pub name: &'static str,
    /// The fewest subgroups that have to fit on a SIMD together, so that some compute while others wait for memory.
    pub subgroups: f64,
    /// Kernels with fewer subgroups.
    pub crowded: &'static [(&'static str, f64)],
}

/// Kernels that only have to compile, each with the reason.
const ONLY_COMPILED: [(&str, &str); 1] = [(
    "attention_subgroups",
    "it is chosen on software adapters only, whose registers lie in the CPU's cache; `sukashi verify` runs it on GPUs, too",
)];

/// The bindings that products and attention read most. Each has to be an array of vectors of four words, and kernels
/// have to load whole vectors.
const HOT: [&str; 5] = ["x", "weight", "qkv", "k_cache", "v_cache"];

/// Such bindings of which a kernel reads single words, each with the reason.
const WORDS: [(&str, &str, &str); 3] = [
    ("choose", "choosing", "a vector is four settings of a token, which are read once"),
    ("top_k", "choosing", "a vector is four settings of a token, which are read once"),
    ("probe_f32", "x", "it computes with one number of each vector"),
];

/// A part of the label of attention with heads whose channels are not a multiple of four. Such heads begin anywhere in
/// a vector.
const ODD_HEADS: &str = " alignment=1 ";

/// The most loads of single words of weights for each load of 16 bytes. High bits and scales are in planes of their
/// own, of which a block of 32 weights has 1 to 10 bytes. `gemm_matrix` has the most, since its threads take half a
/// block.
const NARROW_LOADS: [(&str, usize); 11] = [
    ("f32", 0),
    ("f16", 0),
    ("bf16", 0),
    ("q8_0", 2),
    ("q4_0", 2),
    ("q4_1", 2),
    ("q5_0", 3),
    ("q5_1", 3),
    ("q4_k", 6),
    ("q5_k", 7),
    ("q6_k", 5),
];

/// The faults of a compiled variant.
pub fn faults(
    chip: &Chip,
    kernel: &Kernel,
    label: &str,
    result: &Result<Vec<Report>, String>,
) -> Vec<String> {
    let report = match result {
        Ok(reports) if reports.len() == 1 => &reports[0],
        Ok(reports) => return vec![format!("{label}: {} programs, expected one", reports.len())],
        Err(error) => return vec![format!("{label}: {error}")],
    };
    if ONLY_COMPILED.iter().any(|(name, _)| *name == kernel.name) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    faults.extend(spills(report));
    faults.extend(crowds(chip, kernel, report));
    faults.extend(loads_in_pieces(kernel, label, report));
    faults.into_iter().map(|fault| format!("{label}: {fault}")).collect()
}

/// A statistic by the driver's name. If the driver does not report it, it must not count as zero.
pub fn statistic(report: &Report, name: &str) -> f64 {
    *report
        .statistics
        .get(name)
        .unwrap_or_else(|| panic!("no statistic {name:?} among {:?}", report.statistics.keys()))
}

fn spills(report: &Report) -> Option<String> {
    let found =
        ["Spilled VGPRs", "Spilled SGPRs", "Scratch size"].map(|name| (name, statistic(report, name)));
    let spilled: Vec<String> = found
        .iter()
        .filter(|(_, count)| *count > 0.0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    (!spilled.is_empty()).then(|| format!("values do not fit into registers: {}", spilled.join(", ")))
}

fn crowds(chip: &Chip, kernel: &Kernel, report: &Report) -> Option<String> {
    let subgroups = statistic(report, "Subgroups per SIMD");
    let own = chip.crowded.iter().find(|(name, _)| *name == kernel.name);
    let least = own.map_or(chip.subgroups, |(_, least)| *least);
    (subgroups < least).then(|| format!("{subgroups} subgroups on a SIMD, expected at least {least}"))
}

fn loads_in_pieces(kernel: &Kernel, label: &str, report: &Report) -> Vec<String> {
    let Ok(module) = naga::front::wgsl::parse_str(kernel.wgsl) else { return Vec::new() };
    let has = |name: &str| module.overrides.iter().any(|(_, found)| found.name.as_deref() == Some(name));
    let is_hot = has("FORMAT") || has("ALIGNMENT");
    let found = loads(&report.assembly);
    let mut faults = Vec::new();
    if let Some(Loads { narrow: 1.., .. }) = found.get(&None) {
        faults.push("loads of less than 16 bytes through a descriptor that cannot be told".to_owned());
    }
    for (binding, (name, is_vectors)) in arrays(&module) {
        if is_hot && HOT.contains(&name.as_str()) && !is_vectors {
            faults.push(format!("`{name}` is no array of vectors of four words"));
        }
        let reads_words = WORDS.iter().any(|(of, other, _)| *of == kernel.name && *other == name);
        if !is_vectors || reads_words || label.contains(ODD_HEADS) {
            continue;
        }
        let Loads { wide, narrow } = found.get(&Some(binding)).copied().unwrap_or_default();
        // A kernel without a norm does not read the norm's weights.
        let format = if name == "weight" { label.split(' ').nth(1).unwrap_or_default() } else { "f32" };
        let (_, allowed) = NARROW_LOADS.iter().find(|(other, _)| *other == format).unwrap_or(&("", 0));
        if narrow > allowed * wide {
            faults.push(format!(
                "`{name}` is loaded in pieces: {narrow} loads of less than 16 bytes beside {wide} of 16, expected at most {}",
                allowed * wide
            ));
        }
    }
    faults
}

/// The names of the bindings that are read-only arrays of storage, and whether their elements are vectors of four
/// words.
fn arrays(module: &Module) -> BTreeMap<usize, (String, bool)> {
    let of_variable = |variable: &naga::GlobalVariable| {
        let binding = variable.binding.filter(|_| matches!(variable.space, AddressSpace::Storage { .. }))?;
        let TypeInner::Array { base, size: ArraySize::Dynamic, .. } = module.types[variable.ty].inner else {
            return None;
        };
        let is_vectors = matches!(module.types[base].inner, TypeInner::Vector { size: VectorSize::Quad, .. });
        Some((binding.binding as usize, (variable.name.clone().unwrap_or_default(), is_vectors)))
    };
    module.global_variables.iter().filter_map(|(_, variable)| of_variable(variable)).collect()
}
