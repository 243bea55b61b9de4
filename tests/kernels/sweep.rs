//! The sweep of `sukashi::verify`, shapes out of proptest, and more workgroups than one dimension holds.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sukashi::kernels::{AttentionTile, Epilogue, GemvShape, REGISTRY};
use sukashi::tensor::Format;
use sukashi::verify::{self, AttentionCase, Before, Case, Report, Values};
use sukashi::{Device, Gpu};

use crate::adapters::{device, gpus, name};

/// The CPU and every adapter.
fn devices() -> Vec<(String, Device)> {
    let mut devices = vec![("cpu".to_owned(), Device::Cpu)];
    devices.extend(gpus().iter().map(|gpu| (name(gpu), device(gpu))));
    devices
}

fn print(label: &str, report: &Report) {
    println!("{label}");
    for row in &report.rows {
        println!("  {:26} {:4} cases {:6.1}%  {}", row.kernel, row.cases, row.worst_percent, row.worst_case);
    }
}

#[test]
fn every_device_agrees_with_the_twins() {
    for (name, device) in devices() {
        let mut steps = Vec::new();
        let mut progress = |done: usize, total: usize, _: &str| steps.push((done, total));
        let report = pollster::block_on(verify::run(&device, &mut progress)).unwrap();
        print(&name, &report);
        assert!(report.passed(), "{name}: see the table above");
        let total = report.rows.len();
        assert!(
            REGISTRY
                .iter()
                .filter(|kernel| device.runs(kernel))
                .all(|kernel| report.rows.iter().any(|row| row.kernel == kernel.name))
        );
        assert_eq!(steps.first(), Some(&(0, total)));
        assert_eq!(steps.last(), Some(&(total, total)));
    }
}

/// A dimension of 300 workgroups makes an affordable case fold, for every kernel.
#[test]
fn workgroups_fold_into_the_second_dimension() {
    for index in 0..gpus().len() {
        let limits = wgpu::Limits { max_compute_workgroups_per_dimension: 300, ..wgpu::Limits::default() };
        let gpu = pollster::block_on(Gpu::request_with_limits(&index.to_string(), limits)).unwrap().unwrap();
        let device = Device::from(gpu);
        for kernel in REGISTRY.into_iter().filter(|kernel| device.runs(kernel)) {
            for case in fold_cases(kernel.name) {
                let worst = pollster::block_on(verify::check(&device, kernel, &case)).unwrap();
                assert!(worst.error <= 1.0, "{} {case}: {}", kernel.name, worst.place);
            }
        }
    }
}

/// At least 301 workgroups each.
fn fold_cases(kernel: &str) -> Vec<Case> {
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

#[test]
fn every_device_agrees_on_any_shape() {
    for (name, device) in devices() {
        for kernel in REGISTRY.into_iter().filter(|kernel| device.runs(kernel)) {
            let strategy = match kernel.name {
                "embedding" => any_lookup().boxed(),
                "gemm" | "gemm_matrix" | "gemm_rows" | "gemm_shared" | "gemv_tokens" => {
                    any_product(Just(None)).boxed()
                }
                "gemv" => {
                    let shape =
                        prop_oneof![Just(None), Just(Some(GemvShape::GPU)), Just(Some(GemvShape::SOFTWARE))];
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
            };
            let config = Config { cases: 12, failure_persistence: None, ..Config::default() };
            TestRunner::new(config)
                .run(&strategy, |case| {
                    let worst = pollster::block_on(verify::check(&device, kernel, &case)).unwrap();
                    prop_assert!(
                        worst.error <= 1.0,
                        "{} on {}, {case}: {} ({:.0}%)",
                        kernel.name,
                        name,
                        worst.place,
                        100.0 * worst.error
                    );
                    Ok(())
                })
                .unwrap();
        }
    }
}
