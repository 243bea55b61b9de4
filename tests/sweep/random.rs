//! Cases of random sizes.

use proptest::prelude::*;
use sukashi::format::Format;
use sukashi::kernels::{AttentionTile, Epilogue, GemvShape, KernelSweep};
use sukashi::verify::{AttentionCase, Before, Case, Values};

/// Random cases of the same kinds as the kernel's own cases.
pub fn cases(sweep: &KernelSweep) -> BoxedStrategy<Case> {
    let mut strategies = Vec::new();
    let (mut befores, mut product_shapes, mut attention) = (Vec::new(), Vec::new(), Vec::new());
    let mut shares_x = false;
    for case in (sweep.cases)() {
        match case {
            Case::Rows { .. } if strategies.is_empty() => strategies.push(any_rows().boxed()),
            Case::Lookup { .. } if strategies.is_empty() => strategies.push(any_lookup().boxed()),
            Case::Probe { .. } if strategies.is_empty() => strategies.push(any_probe().boxed()),
            Case::Rows { .. } | Case::Lookup { .. } | Case::Probe { .. } => {}
            Case::Product { shape, .. } => product_shapes.push(shape),
            Case::Projection { before, shape, .. } => {
                shares_x |= shape.shares_x;
                if !befores.contains(&before) {
                    befores.push(before);
                }
            }
            Case::Attention(case) => attention.push(case),
        }
    }
    if !product_shapes.is_empty() {
        let shape = if shares_x {
            let shape = move |(size, rows): (u32, u32)| GemvShape {
                shares_x,
                ..GemvShape::new(1_u32 << size, 1, rows)
            };
            (3..8_u32, 1..5_u32).prop_map(move |sizes| Some(shape(sizes))).boxed()
        } else {
            proptest::sample::select(product_shapes).boxed()
        };
        strategies.push(any_product(shape).boxed());
    }
    if !befores.is_empty() {
        strategies.push(any_projection(befores, shares_x).boxed());
    }
    if !attention.is_empty() {
        let head_dim = if attention.iter().all(|case| case.head_dim % 2 == 0) {
            (1..70_usize).prop_map(|half| 2 * half).boxed()
        } else {
            (1..100_usize).boxed()
        };
        if attention.iter().any(|case| case.tile.split_len.is_some()) {
            strategies.push(any_attention(1, false, head_dim.clone()).boxed());
        }
        if attention.iter().any(|case| case.own_texts) {
            strategies.push(any_attention(9, true, head_dim.clone()).boxed());
        }
        if attention.iter().any(|case| case.num_tokens > 1 && !case.own_texts) {
            strategies.push(any_attention(39, false, head_dim).boxed());
        }
    }
    proptest::strategy::Union::new(strategies).boxed()
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

fn any_projection(befores: Vec<Before>, shares_x: bool) -> impl Strategy<Value = Case> {
    let what = (proptest::sample::select(befores), proptest::sample::select(&Epilogue::ALL[..]));
    let sizes = (1..5_usize, 1..200_usize, 1..300_usize);
    let shape = (3..8_u32, 0..6_u32, 1..5_u32).prop_map(move |(size, threads, rows)| {
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
