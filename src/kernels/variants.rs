//! Lists every pipeline that a GPU may have to compile, for tools that compile kernels without running them.
//!
//! The constants are those that the wrappers record for the cases below, so no constant is listed twice.

use super::gemm_matrix;
use crate::device::Device;
use crate::dispatch::{Constants, Entry, Kernel};
use crate::error::Result;
use crate::format::Format;
use crate::kernels::sweep::cases::{FORMATS, NORMS};
use crate::kernels::sweep::{AttentionCase, Before, Case, Values};
use crate::kernels::{AttentionShape, AttentionTile, Choices, Epilogue, GemvShape, KernelSweep, REGISTRY};

/// The features of an adapter that decide about its pipelines. It is not a software adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardware {
    /// The fewest lanes of a subgroup.
    pub min_subgroup_size: u32,
    /// The most lanes of a subgroup.
    pub max_subgroup_size: u32,
    /// The size of its matrices, as in [`crate::Gpu::matrix_size`].
    pub matrix_size: u32,
}

/// A kernel with values for its constants.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// The values of the constants, as in [`crate::dispatch::Dispatch::constants`].
    pub constants: Constants,
}

/// The channels of a head: those of real models, and an odd number, which no kernel reads four at a time.
const HEAD_DIMS: [usize; 7] = [32, 64, 65, 80, 96, 128, 256];
/// The number of query heads for a key-value head. Attention has as many rows in a tile.
const SHARED_BY: [usize; 4] = [1, 2, 4, 8];
/// The columns of logits: those of a small model, of GPT-2 (rounded), Llama 3, Qwen and Gemma. They have different
/// numbers of parts.
const VOCABULARIES: [usize; 5] = [4000, 50_256, 128_256, 151_936, 262_144];
/// The numbers of tokens in products that share their reads of weights. No kernel has constants for more.
const TOKENS: [usize; 7] = [2, 3, 4, 5, 6, 7, 8];

/// How many variants of products to list. Other kernels always have all variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// The default shape has every format, and in some formats every norm and epilogue. Every other shape and number of
    /// tokens has one format.
    Some,
    /// Every shape and number of tokens has every format, and in one format every norm and epilogue. All combinations
    /// would be five times as many.
    Most,
}

/// Lists the pipelines that defaults or tuning may choose on `hardware`, by kernel. Each appears once.
///
/// # Errors
/// If there is no memory for the cases.
pub fn variants(hardware: &Hardware, coverage: Coverage) -> Result<Vec<Variant>> {
    let mut variants: Vec<Variant> = Vec::new();
    for sweep in REGISTRY.iter().filter(|sweep| hardware.runs(sweep.kernel)) {
        let first = variants.len();
        for case in cases(sweep, coverage) {
            let variant = variant(sweep, hardware, &case)?;
            if variants[first..].iter().all(|other| other.constants != variant.constants) {
                variants.push(variant);
            }
        }
    }
    Ok(variants)
}

impl Hardware {
    fn runs(&self, kernel: &Kernel) -> bool {
        let Self { min_subgroup_size, matrix_size, .. } = *self;
        let requires = kernel.requires;
        min_subgroup_size >= requires.min_subgroup_size
            && (requires.matrix_size == 0 || requires.matrix_size == matrix_size)
    }
}

/// Records the kernel for a case, and returns its variant.
fn variant(sweep: &KernelSweep, hardware: &Hardware, case: &Case) -> Result<Variant> {
    // The CPU device gets the same variants as GPUs if the case leaves no choice.
    let recorded = sweep.set_up(&Device::Cpu, &Choices::of(&Device::Cpu), case)?;
    let recording = recorded.plan.lower()?.recording;
    let mut dispatches = recording.entries.iter().filter_map(Entry::dispatch);
    let Some(dispatch) = dispatches.find(|dispatch| std::ptr::eq(dispatch.kernel, sweep.kernel)) else {
        panic!("{}: not recorded for {case}", sweep.kernel.name)
    };
    let mut constants = dispatch.constants.clone();
    if sweep.kernel.requires.matrix_size > 0 {
        let size = gemm_matrix::workgroup_size(hardware.max_subgroup_size);
        for (_, value) in constants.iter_mut().filter(|(name, _)| *name == "WORKGROUP_SIZE") {
            *value = f64::from(size);
        }
    }
    Ok(Variant { kernel: sweep.kernel, constants })
}

fn cases(sweep: &KernelSweep, coverage: Coverage) -> Vec<Case> {
    let own = (sweep.cases)();
    let has = |is: fn(&Case) -> bool| own.iter().any(is);
    if has(|case| matches!(case, Case::Projection { .. })) {
        return projections(sweep, has(|case| matches!(case, Case::Product { .. })), coverage);
    }
    match own.first() {
        Some(Case::Rows { .. }) => VOCABULARIES.map(row).to_vec(),
        Some(Case::Lookup { .. }) => Format::ALL.map(lookup).to_vec(),
        Some(Case::Product { .. }) => products(coverage),
        Some(Case::Attention(_)) => {
            // Rotation needs pairs of channels.
            let takes_odd = has(|case| matches!(case, Case::Attention(of) if !of.head_dim.is_multiple_of(2)));
            let head_dims = HEAD_DIMS.into_iter().filter(|head_dim| takes_odd || head_dim.is_multiple_of(2));
            head_dims.flat_map(|head_dim| SHARED_BY.map(|shared_by| attention(head_dim, shared_by))).collect()
        }
        _ => own,
    }
}

fn products(coverage: Coverage) -> Vec<Case> {
    let most = TOKENS[TOKENS.len() - 1];
    let is_wanted = |&(format, tokens): &(Format, usize)| {
        coverage == Coverage::Most || tokens == most || format == Format::Q4K
    };
    let all = Format::ALL.into_iter().flat_map(|format| TOKENS.map(|tokens| (format, tokens)));
    all.filter(is_wanted).map(|(format, tokens)| product(tokens, format)).collect()
}

/// The cases of `gemv` and `gemv_rows`, which also run without a norm or an epilogue, and of `gemv_residual`.
fn projections(sweep: &KernelSweep, alone: bool, coverage: Coverage) -> Vec<Case> {
    let fits = |shape: &GemvShape| {
        if alone { std::ptr::eq(shape.kernel(), sweep.kernel) } else { !shape.shares_x }
    };
    let shapes: Vec<GemvShape> = GemvShape::candidates(&Device::Cpu).into_iter().filter(fits).collect();
    let default = shapes.iter().copied().find(|&shape| shape == GemvShape::GPU).unwrap_or(shapes[0]);
    let norms = if alone { NORMS.to_vec() } else { vec![Before::RmsNorm] };
    let mut cases = Vec::new();
    for format in Format::ALL {
        for &shape in &shapes {
            let is_default = shape == default;
            for &norm in &norms {
                for epilogue in Epilogue::ALL {
                    let is_alone = norm == norms[0] && epilogue == Epilogue::Store;
                    let is_wanted = match coverage {
                        Coverage::Some if is_alone => is_default || format == Format::Q4K,
                        Coverage::Some => is_default && FORMATS.contains(&format),
                        Coverage::Most => is_alone || is_default || format == Format::Q4K,
                    };
                    if is_wanted {
                        cases.push(projection(format, norm, epilogue, shape));
                    }
                }
            }
        }
    }
    cases
}

fn projection(format: Format, before: Before, epilogue: Epilogue, shape: GemvShape) -> Case {
    Case::Projection {
        num_tokens: 1,
        out_features: 1,
        in_features: format.block_columns(),
        format,
        bias: false,
        before,
        epilogue,
        shape,
        values: Values::Ordinary,
    }
}

fn product(num_tokens: usize, format: Format) -> Case {
    Case::Product {
        num_tokens,
        out_features: 1,
        in_features: format.block_columns(),
        format,
        bias: false,
        rows_per_part: None,
        shape: None,
        values: Values::Ordinary,
    }
}

fn lookup(format: Format) -> Case {
    let hidden_size = format.block_columns();
    Case::Lookup { num_tokens: 1, vocab_size: 1, hidden_size, format, rows_per_part: None, added: false }
}

fn row(columns: usize) -> Case {
    Case::Rows { num_tokens: 1, columns, values: Values::Ordinary }
}

fn attention(head_dim: usize, shared_by: usize) -> Case {
    let case = AttentionCase::new((0, 1), (shared_by, 1, head_dim));
    let shape = AttentionShape {
        num_heads: shared_by,
        num_kv_heads: 1,
        head_dim,
        scale: 1.0,
        window: None,
        softcap: None,
    };
    Case::Attention(AttentionCase { tile: AttentionTile::of(&Device::Cpu, &shape, 1), ..case })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMD: Hardware = Hardware { min_subgroup_size: 32, max_subgroup_size: 64, matrix_size: 16 };

    #[test]
    fn every_kernel_that_the_hardware_runs_has_variants() {
        let variants = variants(&AMD, Coverage::Some).unwrap();
        for sweep in REGISTRY {
            let has = variants.iter().any(|variant| std::ptr::eq(variant.kernel, sweep.kernel));
            assert_eq!(has, AMD.runs(sweep.kernel), "{}", sweep.kernel.name);
        }
        assert!(
            !AMD.runs(REGISTRY.iter().find(|sweep| sweep.kernel.requires.matrix_size == 8).unwrap().kernel)
        );
    }

    #[test]
    fn the_defaults_of_gpus_are_among_them() {
        let variants = variants(&AMD, Coverage::Some).unwrap();
        let has = |name: &str, constants: &[(&str, f64)]| {
            variants.iter().any(|variant| {
                variant.kernel.name == name
                    && constants.iter().all(|wanted| variant.constants.contains(wanted))
            })
        };
        let GemvShape { workgroup_size, threads_per_row, rows_per_thread, .. } = GemvShape::GPU;
        let shape = [
            ("WORKGROUP_SIZE", f64::from(workgroup_size)),
            ("THREADS_PER_ROW", f64::from(threads_per_row)),
            ("ROWS_PER_THREAD", f64::from(rows_per_thread)),
        ];
        for format in Format::ALL {
            let constants = [shape.as_slice(), &[("FORMAT", f64::from(format.code()))]].concat();
            assert!(has("gemv", &constants) && has("gemv_residual", &constants), "{}", format.name());
        }
        // The workgroup has four subgroups of the largest size.
        assert!(has("gemm_matrix", &[("WORKGROUP_SIZE", 256.0)]));
        assert!(has("attention", &[("ROWS", 8.0), ("ALIGNMENT", 32.0), ("THREADS_PER_POSITION", 64.0)]));
        assert!(has("top_k", &[("NUM_PARTS", 256.0), ("WORKGROUP_SIZE", 64.0)]));
        assert!(has("gemv_tokens", &[("TOKENS", 8.0)]) && has("gemv_tokens", &[("TOKENS", 2.0)]));
    }
}
