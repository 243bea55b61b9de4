//! Cases with more workgroups than one dimension of a dispatch holds. Here the limit is 300.

use sukashi::kernels::{AttentionTile, GemvShape, KernelSweep};
use sukashi::verify::{AttentionCase, Case};

/// The first of a kernel's cases of each kind. Its size has at least 301 workgroups.
pub fn cases(sweep: &KernelSweep) -> Vec<Case> {
    let mut cases = (sweep.cases)();
    // For a product without a shape, a device may choose another kernel.
    cases.sort_by_key(|case| matches!(case, Case::Product { shape: None, .. }));
    let mut folded: Vec<Case> = Vec::new();
    for case in cases {
        let case = fold(case);
        if !folded.iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(&case)) {
            folded.push(case);
        }
    }
    folded
}

fn fold(case: Case) -> Case {
    // Tiles have up to 64 rows and 64 tokens.
    const OUT_FEATURES: usize = 64 * 151;
    let shape = |shape: GemvShape| if shape.shares_x { shape } else { GemvShape::GPU };
    match case {
        Case::Rows { values, .. } => Case::Rows { num_tokens: 303, columns: 65, values },
        Case::Lookup { format, .. } => Case::Lookup {
            num_tokens: 303,
            vocab_size: 20,
            hidden_size: 70_usize.next_multiple_of(format.block_columns()),
            format,
            rows_per_part: None,
            added: false,
        },
        Case::Product { in_features, format, shape: of, values, .. } => Case::Product {
            num_tokens: if of.is_some() { 3 } else { 65 },
            out_features: OUT_FEATURES,
            in_features,
            format,
            bias: true,
            rows_per_part: None,
            shape: of.map(shape),
            values,
        },
        Case::Projection { in_features, format, before, epilogue, shape: of, values, .. } => {
            Case::Projection {
                num_tokens: 7,
                out_features: if of.shares_x { 64 * 50 } else { 101 },
                in_features,
                format,
                bias: true,
                before,
                epilogue,
                shape: shape(of),
                values,
            }
        }
        Case::Attention(AttentionCase { values, tile: AttentionTile { split_len: Some(_), .. }, .. }) => {
            let tile = AttentionTile { rows: 1, split_len: Some(64), subgroups: false };
            Case::Attention(AttentionCase { tile, values, ..AttentionCase::new((200, 1), (303, 3, 6)) })
        }
        Case::Attention(AttentionCase { values, .. }) => {
            let tile = AttentionTile { rows: 1, split_len: None, subgroups: false };
            let plain = AttentionCase::new((1, 101), (3, 3, 66));
            Case::Attention(AttentionCase { window: Some(70), tile, values, ..plain })
        }
        Case::Probe { .. } => Case::Probe { num_blocks: 3, num_threads: 64 * 301, rounds: 1 },
    }
}
