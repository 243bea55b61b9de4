//! The cases of each kernel: sizes 1 and 2, sizes around a workgroup, odd sizes, and sizes of real models.

use super::case::{AttentionCase, Before, Case, Values};
use crate::format::Format;
use crate::kernels::{AttentionTile, Epilogue, GemvShape};

/// 1, 2, the workgroup ± 1, sizes that are not multiples of 4 or 8, and sizes of real models.
const COLUMNS: [usize; 14] = [1, 2, 7, 12, 63, 64, 65, 129, 192, 640, 768, 1152, 2048, 2948];

/// One token, two, and numbers around a tile of 32.
const TOKENS: [usize; 6] = [1, 2, 31, 32, 33, 64];

/// The formats of products with a norm or an epilogue.
pub(in crate::kernels) const FORMATS: [Format; 4] = [Format::F32, Format::F16, Format::Q8_0, Format::Q4K];
pub(in crate::kernels) const NORMS: [Before; 3] = [Before::Nothing, Before::RmsNorm, Before::LayerNorm];

/// A product with 25129 workgroups of two rows for each token. Three tokens need the second dimension of the dispatch.
pub(in crate::kernels) const GPT2_VOCABULARY: Case = Case::Product {
    num_tokens: 3,
    out_features: 50257,
    in_features: 16,
    format: Format::F16,
    bias: false,
    rows_per_part: None,
    shape: Some(GemvShape::GPU),
    values: Values::Ordinary,
};

/// The cases of kernels that find the greatest logits.
pub(in crate::kernels) fn searches() -> Vec<Case> {
    let mut cases = rows(&[
        Values::Ordinary,
        Values::Large,
        Values::Equal,
        Values::Zeros,
        Values::Broken,
        Values::Impossible,
    ]);
    // The columns of about a part, of several parts, and of Gemma's vocabulary.
    for (num_tokens, columns) in [(2, 1023), (2, 1024), (2, 1025), (3, 50257), (1, 262_144)] {
        let sizes = [Values::Ordinary, Values::Equal, Values::Zeros, Values::Broken];
        cases.extend(sizes.map(|values| Case::Rows { num_tokens, columns, values }));
    }
    cases
}

/// The cases of kernels that compute attention. `partials` adds those of a split sequence.
pub(in crate::kernels) fn attended(partials: bool) -> Vec<Case> {
    let mut cases = attention();
    cases.extend(windows());
    cases.extend(softcaps());
    if partials {
        cases.extend(splits());
        cases.extend(texts());
    }
    // Each size of heads has two of the tiles. Each pair of tile and size is a pipeline, which takes a second to
    // compile.
    let tiles = [(8, None), (1, Some(64)), (4, None), (2, None), (8, Some(128))];
    for (index, case) in cases.iter_mut().enumerate() {
        if let Case::Attention(AttentionCase { tile, head_dim, .. }) = case
            && *tile == AttentionCase::TILE
        {
            (tile.rows, tile.split_len) = tiles[(*head_dim + index % 2) % tiles.len()];
        }
    }
    cases
}

pub(in crate::kernels) fn probes() -> Vec<Case> {
    let mut cases = Vec::new();
    for (num_blocks, num_threads) in [(1, 1), (1, 7), (2, 64), (3, 65), (40, 63), (100, 700)] {
        cases.extend([0, 1, 9].map(|rounds| Case::Probe { num_blocks, num_threads, rounds }));
    }
    cases
}

pub(in crate::kernels) fn rows(all_values: &[Values]) -> Vec<Case> {
    let mut cases = Vec::new();
    for &values in all_values {
        cases.extend(COLUMNS.map(|columns| Case::Rows { num_tokens: 2, columns, values }));
        cases.extend(TOKENS.map(|num_tokens| Case::Rows { num_tokens, columns: 65, values }));
    }
    cases
}

pub(in crate::kernels) fn lookups() -> Vec<Case> {
    let mut cases = Vec::new();
    for format in Format::ALL {
        for added in [false, true] {
            let tables: [(usize, usize, usize, Option<usize>); 6] = [
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
                hidden_size: hidden_size.next_multiple_of(format.block_columns()),
                format,
                rows_per_part,
                added,
            }));
        }
    }
    cases
}

/// The cases of products, with these `(num_tokens, in_features)` pairs beside those of real models.
pub(in crate::kernels) fn products(
    formats: &[Format],
    tokens: &[(usize, usize)],
    shapes: &[Option<GemvShape>],
) -> Vec<Case> {
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
        (many, 65, 129, None, Values::Huge),
        (many, 65, 129, None, Values::Tiny),
        (many.min(3), 129, 2948, None, Values::Ordinary),
        (many.min(3), 2948, 192, Some(1000), Values::Ordinary),
    ]);
    let mut cases = Vec::new();
    for &shape in shapes {
        for &format in formats {
            for (index, &(num_tokens, out_features, in_features, rows_per_part, values)) in
                sizes.iter().enumerate()
            {
                cases.push(Case::Product {
                    num_tokens,
                    out_features,
                    in_features: in_features.next_multiple_of(format.block_columns()),
                    format,
                    // A bias would hide the error of tiny values.
                    bias: values != Values::Tiny && (rows_per_part.is_some() || index % 2 == 0),
                    rows_per_part,
                    shape,
                    values,
                });
            }
        }
    }
    cases
}

/// Every norm before every epilogue. Formats, shapes and sizes take turns, since each combination is a pipeline of its
/// own.
pub(in crate::kernels) fn projections(
    formats: &[Format],
    norms: &[Before],
    shapes: &[GemvShape],
) -> Vec<Case> {
    // (num_tokens, out_features, in_features): one row, a part of a workgroup, several workgroups, and the size of a
    // model.
    const SIZES: [(usize, usize, usize); 7] =
        [(1, 1, 1), (2, 33, 31), (1, 65, 129), (3, 130, 33), (1, 192, 768), (2, 7, 640), (1, 300, 192)];
    let mut cases = Vec::new();
    let mut turn = 0;
    for &before in norms {
        for epilogue in Epilogue::ALL {
            // Gates and values of thousands would be multiplied with each other.
            let values: &[Values] = match before {
                Before::Nothing if epilogue.is_gated() => &[Values::Ordinary],
                Before::Nothing => &[Values::Ordinary, Values::Large],
                Before::RmsNorm => &[Values::Ordinary, Values::Large, Values::Small],
                Before::LayerNorm => &[Values::Ordinary, Values::Large, Values::Small, Values::MeanHeavy],
            };
            for _ in 0..2 {
                let format = formats[turn % formats.len()];
                let shape = shapes[turn % shapes.len()];
                for (index, &values) in values.iter().enumerate() {
                    // Seven sizes take turns.
                    for size in 0..3 {
                        let (num_tokens, out_features, in_features) =
                            SIZES[(turn + 3 * index + 2 * size) % SIZES.len()];
                        cases.push(Case::Projection {
                            num_tokens,
                            out_features,
                            in_features: in_features.next_multiple_of(format.block_columns()),
                            format,
                            bias: (index + size).is_multiple_of(2),
                            before,
                            epilogue,
                            shape,
                            values,
                        });
                    }
                }
                turn += 1;
            }
        }
    }
    cases
}

/// Attention without a window or a cap.
fn plain(span: (usize, usize), heads: (usize, usize, usize), values: Values) -> Case {
    Case::Attention(AttentionCase { values, ..AttentionCase::new(span, heads) })
}

pub(in crate::kernels) fn attention() -> Vec<Case> {
    let mut cases = Vec::new();
    // (num_heads, num_kv_heads, head_dim)
    let heads = [(1, 1, 1), (2, 1, 5), (4, 2, 80), (6, 6, 32), (1, 1, 272), (3, 1, 64), (8, 2, 65)];
    // (position, num_tokens): one token, and lengths that meet or cross a multiple of the workgroup.
    let spans = [(0, 1), (0, 2), (62, 1), (63, 1), (64, 1), (61, 5), (127, 3), (255, 1), (0, 33)];
    for heads in heads {
        cases.extend(spans.map(|span| plain(span, heads, Values::Ordinary)));
    }
    // The heads of small Gemma, Qwen and Llama models, and heads of two channels.
    for heads in [(4, 1, 256), (16, 8, 128), (32, 4, 64), (6, 2, 10), (4, 4, 2)] {
        cases.extend([(0, 1), (61, 5)].map(|span| plain(span, heads, Values::Ordinary)));
    }
    cases.extend([(0, 64), (65, 7), (700, 2)].map(|span| plain(span, (6, 3, 32), Values::Large)));
    cases
}

/// Windows that are narrower than the sequence, as long, longer or shorter by one, and wider; and windows that begin
/// inside a workgroup's positions.
fn windows() -> Vec<Case> {
    let mut cases = Vec::new();
    // (position, num_tokens, windows)
    let spans: [(usize, usize, &[usize]); 6] = [
        (0, 1, &[1, 2]),
        (0, 33, &[1, 2, 31, 32, 33, 34]),
        (61, 5, &[1, 61, 62, 63, 65, 66, 1 << 24]),
        (127, 3, &[63, 64, 65, 127, 128, 129]),
        (200, 1, &[7, 64, 100, 200, 201]),
        (1000, 2, &[1, 63, 512]),
    ];
    for (position, num_tokens, windows) in spans {
        for &window in windows {
            cases.extend([(4, 2, 10), (2, 1, 64)].map(|heads| {
                let plain = AttentionCase::new((position, num_tokens), heads);
                Case::Attention(AttentionCase { window: Some(window), ..plain })
            }));
        }
    }
    cases
}

/// One token whose positions are in one split, in two, and in as many as fit, also with a window that begins within a
/// split.
pub(in crate::kernels) fn splits() -> Vec<Case> {
    let mut cases = Vec::new();
    // (position, split_len, window)
    let spans = [
        (0, 1, None),
        (4, 1, None),
        (63, 64, None),
        (64, 64, None),
        (128, 64, None),
        (300, 7, None),
        (700, 128, None),
        (300, 64, Some(65)),
        (300, 64, Some(100)),
        (319, 64, Some(128)),
        (320, 64, Some(129)),
        (50, 64, Some(100)),
        (1000, 256, Some(512)),
        (330, 64, Some(5)),
    ];
    for (position, split_len, window) in spans {
        let heads = [(1, (3, 3, 32)), (2, (4, 2, 10)), (4, (4, 1, 256)), (8, (8, 1, 65)), (8, (12, 1, 64))];
        cases.extend(heads.map(|(rows, heads)| {
            let tile = AttentionTile { rows, split_len: Some(split_len), subgroups: false };
            let plain = AttentionCase::new((position, 1), heads);
            Case::Attention(AttentionCase { window, tile, values: Values::Large, ..plain })
        }));
    }
    cases
}

/// Tokens in sequences of their own. Some cases have as few as a batch, with and without splits that some sequences
/// reach. Others have more tokens than a workgroup has threads.
pub(in crate::kernels) fn texts() -> Vec<Case> {
    let mut cases = Vec::new();
    // (position, num_tokens, split_len, window)
    let spans = [
        (0, 2, None, None),
        (40, 8, None, None),
        (100, 65, None, Some(30)),
        (70, 3, Some(64), None),
        (70, 5, Some(64), Some(20)),
        (300, 8, Some(7), None),
        (320, 4, Some(64), Some(129)),
    ];
    for (position, num_tokens, split_len, window) in spans {
        let heads = [(8, (3, 3, 32)), (2, (4, 2, 10)), (4, (4, 1, 256)), (8, (12, 1, 64))];
        cases.extend(heads.map(|(rows, heads)| {
            let tile = AttentionTile { rows, split_len, subgroups: false };
            let plain = AttentionCase::new((position, num_tokens), heads);
            Case::Attention(AttentionCase { window, tile, own_texts: true, ..plain })
        }));
    }
    cases
}

/// Caps that scores stay below, meet, or exceed many times; with and without a window.
fn softcaps() -> Vec<Case> {
    let mut cases = Vec::new();
    for (cap, values) in [
        (50.0, Values::Ordinary),
        (1.0, Values::Ordinary),
        (50.0, Values::Large),
        (10.0, Values::Large),
        (0.5, Values::Large),
    ] {
        for (position, num_tokens, window) in
            [(0, 1, None), (0, 33, None), (61, 5, None), (127, 3, Some(65)), (700, 2, Some(100))]
        {
            cases.extend([(4, 2, 10), (4, 1, 256)].map(|heads| {
                let plain = AttentionCase::new((position, num_tokens), heads);
                Case::Attention(AttentionCase { window, softcap: Some(cap), values, ..plain })
            }));
        }
    }
    cases
}

/// The cases of kernels that treat each head alone. They have these odd widths beside the even ones.
pub(in crate::kernels) fn heads(all_values: &[Values], odd: &[usize]) -> Vec<Case> {
    let mut cases = Vec::new();
    let even = [2, 10, 62, 64, 66, 80, 126, 128, 130, 256];
    for &values in all_values {
        for &head_dim in even.iter().chain(odd) {
            for (num_heads, num_kv_heads) in [(1, 1), (4, 1), (6, 3), (3, 3)] {
                cases.push(plain((5, 2), (num_heads, num_kv_heads, head_dim), values));
            }
        }
        cases.extend(TOKENS.map(|num_tokens| plain((70, num_tokens), (6, 2, 10), values)));
        cases.extend([(4, 1, 256), (16, 8, 128), (32, 8, 64)].map(|heads| plain((0, 33), heads, values)));
    }
    cases
}
