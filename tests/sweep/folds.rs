//! Cases of more workgroups than one dimension of a dispatch holds, where that is 300.

use sukashi::format::Format;
use sukashi::kernels::{AttentionTile, Epilogue, GemvShape};
use sukashi::verify::{AttentionCase, Before, Case, Values};

/// At least 301 workgroups each.
pub fn cases(kernel: &str) -> Vec<Case> {
    let rows = Case::Rows { num_tokens: 303, columns: 65, values: Values::Ordinary };
    let product = |num_tokens, out_features| Case::Product {
        num_tokens,
        out_features,
        in_features: 9,
        format: Format::F32,
        bias: true,
        rows_per_part: None,
        shape: Some(match kernel {
            "gemv_rows" => GemvShape { shares_x: true, ..GemvShape::new(8, 1, 1) },
            _ => GemvShape::GPU,
        }),
        values: Values::Ordinary,
    };
    match kernel {
        "embedding" => vec![Case::Lookup {
            num_tokens: 201,
            vocab_size: 20,
            hidden_size: 70,
            format: Format::F32,
            rows_per_part: None,
            added: false,
        }],
        "gemv" => vec![product(1, 701), product(7, 101)],
        "gemv_rows" => vec![product(1, 8 * 301), product(7, 500)],
        "gemv_residual" => vec![Case::Projection {
            num_tokens: 7,
            out_features: 101,
            in_features: 9,
            format: Format::F32,
            bias: true,
            before: Before::RmsNorm,
            epilogue: Epilogue::Add,
            shape: GemvShape::GPU,
            values: Values::Ordinary,
        }],
        "gemm" => vec![product(33, 32 * 151)],
        "gemm_matrix" => vec![product(65, 32 * 151)],
        "gemm_rows" => vec![product(9, 64 * 151)],
        "gemm_shared" => vec![product(65, 64 * 151)],
        "gemv_tokens" => vec![product(9, 2 * 151)],
        "attention_merge" => vec![Case::Attention(AttentionCase {
            tile: AttentionTile { rows: 1, split_len: Some(64), subgroups: false },
            ..AttentionCase::new((200, 1), (303, 3, 6))
        })],
        "attention"
        | "attention_probs"
        | "attention_subgroups"
        | "kv_write"
        | "norm_rope_write"
        | "qk_norm"
        | "rope" => vec![Case::Attention(AttentionCase {
            window: Some(70),
            tile: AttentionTile { rows: 1, split_len: None, subgroups: false },
            ..AttentionCase::new((1, 101), (3, 3, 66))
        })],
        "probe_f32" | "probe_read" => {
            vec![Case::Probe { num_blocks: 3, num_threads: 64 * 301, rounds: 1 }]
        }
        _ => vec![rows],
    }
}
