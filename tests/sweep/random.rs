//! Cases of random shapes.

use proptest::prelude::*;
use sukashi::format::Format;
use sukashi::kernels::{AttentionTile, Epilogue, GemvShape};
use sukashi::verify::{AttentionCase, Before, Case, Values};

/// The cases of a kernel.
pub fn cases(kernel: &str) -> BoxedStrategy<Case> {
    match kernel {
        "embedding" => any_lookup().boxed(),
        "gemm" | "gemm_matrix" | "gemm_rows" | "gemm_shared" | "gemv_tokens" => {
            any_product(Just(None)).boxed()
        }
        "gemv" => {
            let shape = prop_oneof![Just(None), Just(Some(GemvShape::GPU)), Just(Some(GemvShape::SOFTWARE))];
            prop_oneof![any_product(shape), any_projection("gemv")].boxed()
        }
        "gemv_residual" => any_projection("gemv_residual").boxed(),
        "gemv_rows" => {
            let shape = (3..8_u32, 1..5_u32).prop_map(move |(size, rows)| {
                Some(GemvShape { shares_x: true, ..GemvShape::new(1 << size, 1, rows) })
            });
            prop_oneof![any_product(shape), any_projection("gemv_rows")].boxed()
        }
        "probe_f32" | "probe_read" => any_probe().boxed(),
        "attention" | "attention_subgroups" => {
            let alone = any_attention(1, false, 1..100_usize);
            let texts = any_attention(9, true, 1..100_usize);
            prop_oneof![alone, any_attention(39, false, 1..100_usize), texts].boxed()
        }
        "attention_merge" => any_attention(9, true, 1..100_usize).boxed(),
        "kv_write" => any_attention(39, true, 1..100_usize).boxed(),
        "attention_probs" | "qk_norm" => any_attention(39, false, 1..100_usize).boxed(),
        // Its heads have two halves.
        "norm_rope_write" | "rope" => {
            any_attention(39, true, (1..70_usize).prop_map(|half| 2 * half)).boxed()
        }
        _ => any_rows().boxed(),
    }
}

fn any_values() -> impl Strategy<Value = Values> {
    prop_oneof![Just(Values::Ordinary), Just(Values::Large)]
}

fn any_format() -> impl Strategy<Value = Format> {
    proptest::sample::select(&Format::ALL[..])
}

fn any_rows() -> impl Strategy<Value = Case> {
    (1..70_usize, 1..300_usize, any_values()).prop_map(|(num_tokens, columns, values)| Case::Rows {
        num_tokens,
        columns,
        values,
    })
}

fn any_lookup() -> impl Strategy<Value = Case> {
    let parts = proptest::option::of(1..200_usize);
    (1..70_usize, 1..200_usize, 1..200_usize, any_format(), parts, any::<bool>()).prop_map(
        |(num_tokens, vocab_size, hidden_size, format, rows_per_part, added)| Case::Lookup {
            num_tokens,
            vocab_size,
            hidden_size: hidden_size.next_multiple_of(format.block_columns()),
            format,
            rows_per_part,
            added,
        },
    )
}

fn any_probe() -> impl Strategy<Value = Case> {
    (1..200_usize, 1..300_usize, 0..20_usize).prop_map(|(num_blocks, num_threads, rounds)| Case::Probe {
        num_blocks,
        num_threads,
        rounds,
    })
}

fn any_product(shape: impl Strategy<Value = Option<GemvShape>>) -> impl Strategy<Value = Case> {
    let parts = proptest::option::of(1..200_usize);
    let sizes = (1..70_usize, 1..200_usize, 1..200_usize);
    (sizes, any_format(), any::<bool>(), parts, shape, any_values()).prop_map(
        |((num_tokens, out_features, in_features), format, bias, rows_per_part, shape, values)| {
            Case::Product {
                num_tokens,
                out_features,
                in_features: in_features.next_multiple_of(format.block_columns()),
                format,
                bias,
                rows_per_part,
                shape,
                values,
            }
        },
    )
}

fn any_projection(kernel: &'static str) -> impl Strategy<Value = Case> {
    let befores = match kernel {
        "gemv_residual" => vec![Before::RmsNorm],
        _ => vec![Before::Nothing, Before::RmsNorm, Before::LayerNorm],
    };
    let what = (proptest::sample::select(befores), proptest::sample::select(&Epilogue::ALL[..]));
    let sizes = (1..5_usize, 1..200_usize, 1..300_usize);
    let shape = (3..8_u32, 0..6_u32, 1..5_u32).prop_map(move |(size, threads, rows)| {
        let shares_x = kernel.ends_with("_rows");
        let threads = if shares_x { 1 } else { 1 << threads.min(size) };
        GemvShape { shares_x, ..GemvShape::new(1 << size, threads, rows) }
    });
    let format = any_format();
    (sizes, format, any::<bool>(), what, shape).prop_map(
        |((num_tokens, out_features, in_features), format, bias, (before, epilogue), shape)| {
            Case::Projection {
                num_tokens,
                out_features,
                in_features: in_features.next_multiple_of(format.block_columns()),
                format,
                bias,
                before,
                epilogue,
                shape,
                values: Values::Ordinary,
            }
        },
    )
}

fn any_attention(
    max_tokens: usize,
    own_texts: bool,
    head_dim: impl Strategy<Value = usize>,
) -> impl Strategy<Value = Case> {
    let window = proptest::option::of(1..200_usize);
    let softcap = proptest::option::of(1..60_u8);
    let span = (0..150_usize, 1..max_tokens + 1);
    let tile = (0..4_u32, proptest::option::of(1..100_u32)).prop_map(|(log, split_len)| AttentionTile {
        rows: 1 << log,
        split_len,
        subgroups: false,
    });
    let heads = (1..4_usize, 1..10_usize, head_dim);
    (span, heads, window, softcap, tile, any_values()).prop_map(
        move |(span, (num_kv_heads, per_kv_head, head_dim), window, softcap, tile, values)| {
            let heads = (num_kv_heads * per_kv_head, num_kv_heads, head_dim);
            let softcap = softcap.map(f32::from);
            let plain = AttentionCase::new(span, heads);
            Case::Attention(AttentionCase { window, softcap, tile, own_texts, values, ..plain })
        },
    )
}
