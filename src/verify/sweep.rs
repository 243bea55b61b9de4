//! The cases of each kernel: sizes 1 and 2, those around a workgroup, odd ones, and those of real models.

use super::case::{Case, Values};
use crate::kernels::GemvShape;
use crate::tensor::Format;

/// 1, 2, workgroup ± 1, what is no multiple of 4 or 8, and real models' sizes.
const COLUMNS: [usize; 11] = [1, 2, 7, 12, 63, 64, 65, 129, 192, 768, 2948];

/// One, two, and around a tile of 32.
const TOKENS: [usize; 6] = [1, 2, 31, 32, 33, 64];

const FORMATS: [Format; 3] = [Format::F32, Format::F16, Format::Bf16];

/// 25129 workgroups of two rows for each token, so that three tokens need the second dimension.
const GPT2_VOCABULARY: Case = Case::Product {
    num_tokens: 3,
    out_features: 50257,
    in_features: 16,
    format: Format::F16,
    bias: false,
    rows_per_part: None,
    shape: Some(GemvShape::GPU),
    values: Values::Ordinary,
};

/// The cases that the kernel of this name is tried with; none if there is no such kernel.
pub fn cases(kernel: &str) -> Vec<Case> {
    match kernel {
        "add" | "gelu_erf" | "gelu_tanh" | "select_rows" => rows(&[Values::Ordinary, Values::Large]),
        "layer_norm" => rows(&[Values::Ordinary, Values::Large, Values::Small, Values::MeanHeavy]),
        "embedding" => lookups(),
        "gemv" => {
            let shapes = [None, Some(GemvShape::GPU), Some(GemvShape::SOFTWARE)];
            let mut cases = products(&[(1, 1), (1, 2), (1, 31), (2, 33)], &shapes);
            cases.push(GPT2_VOCABULARY);
            cases
        }
        "gemm" => products(&[(2, 1), (31, 31), (32, 32), (33, 33), (64, 65)], &[None]),
        "attention" | "attention_probs" | "kv_write" => attention(),
        _ => Vec::new(),
    }
}

fn rows(all_values: &[Values]) -> Vec<Case> {
    let mut cases = Vec::new();
    for &values in all_values {
        cases.extend(COLUMNS.map(|columns| Case::Rows { num_tokens: 2, columns, values }));
        cases.extend(TOKENS.map(|num_tokens| Case::Rows { num_tokens, columns: 65, values }));
    }
    cases
}

fn lookups() -> Vec<Case> {
    let mut cases = Vec::new();
    for format in FORMATS {
        for added in [false, true] {
            let tables = [
                (1, 1, 1, None),
                (7, 5, 7, None),
                (33, 65, 63, Some(16)),
                (64, 2948, 192, Some(1000)),
                (31, 100, 65, Some(1)),
                (2, 11, 768, None),
            ];
            cases.extend(tables.map(|(num_tokens, vocab_size, hidden_size, rows_per_part)| Case::Lookup {
                num_tokens,
                vocab_size,
                hidden_size,
                format,
                rows_per_part,
                added,
            }));
        }
    }
    cases
}

/// `(num_tokens, in_features)` pairs beside those of real models.
fn products(tokens: &[(usize, usize)], shapes: &[Option<GemvShape>]) -> Vec<Case> {
    let many = tokens.iter().map(|(num_tokens, _)| *num_tokens).max().unwrap_or(1);
    // (num_tokens, out_features, in_features, rows_per_part, values)
    let mut sizes: Vec<(usize, usize, usize, Option<usize>, Values)> = Vec::new();
    for &(num_tokens, in_features) in tokens {
        for out_features in [1, 2, 63, 64, 65] {
            sizes.push((num_tokens, out_features, in_features, None, Values::Ordinary));
        }
    }
    sizes.extend([
        (many, 33, 5, Some(16), Values::Ordinary),
        (many, 192, 768, None, Values::Ordinary),
        (many, 768, 192, Some(100), Values::Large),
        (many.min(3), 129, 2948, None, Values::Ordinary),
        (many.min(3), 2948, 192, Some(1000), Values::Ordinary),
    ]);
    let mut cases = Vec::new();
    for &shape in shapes {
        for format in FORMATS {
            for (index, &(num_tokens, out_features, in_features, rows_per_part, values)) in
                sizes.iter().enumerate()
            {
                cases.push(Case::Product {
                    num_tokens,
                    out_features,
                    in_features,
                    format,
                    bias: rows_per_part.is_some() || index % 2 == 0,
                    rows_per_part,
                    shape,
                    values,
                });
            }
        }
    }
    cases
}

fn attention() -> Vec<Case> {
    let mut cases = Vec::new();
    // (num_heads, num_kv_heads, head_dim)
    let heads = [(1, 1, 1), (2, 1, 5), (4, 2, 80), (6, 6, 32), (1, 1, 272), (3, 1, 64), (8, 2, 65)];
    // (position, num_tokens): alone, and with a length that meets or crosses a multiple of the workgroup.
    let spans = [(0, 1), (0, 2), (62, 1), (63, 1), (64, 1), (61, 5), (127, 3), (255, 1), (0, 33)];
    for (num_heads, num_kv_heads, head_dim) in heads {
        for (position, num_tokens) in spans {
            cases.push(Case::Attention {
                position,
                num_tokens,
                num_heads,
                num_kv_heads,
                head_dim,
                values: Values::Ordinary,
            });
        }
    }
    for (position, num_tokens) in [(0, 64), (65, 7), (700, 2)] {
        cases.push(Case::Attention {
            position,
            num_tokens,
            num_heads: 6,
            num_kv_heads: 3,
            head_dim: 32,
            values: Values::Large,
        });
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::cases;
    use crate::kernels::REGISTRY;

    #[test]
    fn every_kernel_has_cases() {
        for kernel in REGISTRY {
            assert!(cases(kernel.name).len() > 10, "{}", kernel.name);
        }
        assert!(cases("no such kernel").is_empty());
    }
}
