//! Kernels with a mistake put in: the sweep finds each of them on every device.

use std::cmp::Reverse;

use sukashi::Device;
use sukashi::dispatch::{Call, Kernel};
use sukashi::kernels::REGISTRY;
use sukashi::verify::{self, AttentionCase, Case};

use crate::skip::skip;

/// Kernel, text of its shader, what replaces the text, and what the mistake is. The shader stays valid.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    ("add", "x[index] += y[index]", "x[index] -= y[index]", "another operator"),
    ("add", "column >= params.columns", "column >= params.stride", "padding written"),
    ("add_norm", "z[row + channel] = sum;", "", "unwritten"),
    ("add_norm", "z[row + channel] = sum;", "z[row + channel] = x[row + channel];", "nothing added"),
    ("add_norm", "* update_scale", "", "the update as it is"),
    ("add_norm", "squares += sum * sum", "squares += sum", "squares"),
    ("add_norm", "* weight[channel]", "* post_weight[channel]", "the other norm's weight"),
    ("argmax", "id < ids[local]", "id > ids[local]", "the highest id of equals"),
    ("argmax", "if magnitude == 0u", "if false", "minus zero below zero"),
    ("argmax", "magnitude > 2139095040u ||", "", "NaN for a number"),
    ("argmax", "4286578689u - bits", "bits", "the least of what is below zero"),
    ("argmax", "params.part_size, params.num_columns", "params.part_size, params.x_stride", "padding read"),
    (
        "attention",
        "vec4<u32>(first_position + 1u) + low / shared_by",
        "vec4<u32>(first_position + 2u) + low / shared_by",
        "sees the next token",
    ),
    (
        "attention",
        "vec4<u32>(first_position + 1u) + high / shared_by",
        "vec4<u32>(first_position) + high / shared_by",
        "does not see itself",
    ),
    ("attention", "vec4<u32>(kv_head * shared_by) + low", "vec4<u32>(kv_head) + low", "heads"),
    ("attention", "cache_rows[first_token]", "cache_rows[0]", "every token in the first one's place"),
    ("attention", "text_start + kv_head", "kv_head", "the first text's keys and values"),
    (
        "attention",
        "(token * params.num_heads + head) * params.max_splits + split)",
        "head * params.max_splits + split)",
        "splits of one token for all",
    ),
    ("attention", "sums.low * low_rescale", "sums.low", "the sum of earlier chunks not rescaled"),
    ("attention", "sum.row5 *= high_rescale.y;", "", "the values of earlier chunks not rescaled"),
    (
        "attention",
        "min(kv_len, vec4<u32>(params.window))",
        "min(kv_len, vec4<u32>(params.window + 1u))",
        "a window that is one too wide",
    ),
    ("attention", "params.window > 0u", "false", "no window"),
    ("attention", "if params.softcap > 0.0", "if false", "no cap"),
    ("attention", "(tile_end - 1u) / params.split_len", "tile_end / params.split_len", "a split too many"),
    ("attention", "min(tile_end, split_start + params.split_len)", "tile_end", "splits that overlap"),
    ("attention", "partials[end - 2u] = max_score", "partials[end - 2u] = 0.0", "a split's maximum"),
    ("attention_merge", "(token * params.num_heads + head)", "head", "the first token's splits"),
    ("attention_merge", "token * params.y_stride + head", "head", "into the first token's row"),
    ("attention_merge", "- first / params.split_len", "", "splits before the window"),
    ("attention_merge", "if num_splits == 1u", "if false", "one split merged"),
    (
        "attention_merge",
        "rescale * partials[of_split + channel]",
        "partials[of_split + channel]",
        "not rescaled",
    ),
    (
        "attention_probs",
        "min(kv_len, params.window)",
        "min(kv_len, params.window - 1u)",
        "a window that is one too narrow",
    ),
    ("attention_probs", "j < first || j >= kv_len", "j >= kv_len", "unwritten before the window"),
    ("attention_probs", "return params.softcap * tanh", "return tanh", "capped at 1"),
    ("attention_probs", "probs[row + j] = 0.0;", "", "unwritten"),
    ("attention_probs", "product * params.scale", "product", "scale"),
    (
        "attention_subgroups",
        "subgroupBroadcast(mine, 6u)",
        "subgroupBroadcast(mine, 5u)",
        "another lane's query",
    ),
    ("attention_subgroups", "subgroupMax(new_max.low)", "new_max.low", "a maximum for each lane"),
    ("attention_subgroups", "subgroupAdd(sums.high)", "sums.high", "a sum for each lane"),
    (
        "attention_subgroups",
        "values[vectors + mine] * low_rescale.y",
        "values[vectors + mine]",
        "not rescaled",
    ),
    (
        "attention_subgroups",
        "subgroupBroadcast(mine.high, 3u), v3",
        "subgroupBroadcast(mine.high, 3u), v2",
        "values",
    ),
    ("attention_subgroups", "max(chunk, start / STEP * STEP)", "chunk + STEP", "positions left out"),
    ("choose", "< found[first + taken].x", "> found[first + taken].x", "the last share past the draw"),
    ("choose", "ends[rank] > draw", "ends[rank] < draw", "a share before the draw"),
    ("choose", "found[first + other].x <= id", "other <= rank", "shares in another order"),
    ("choose", "- greatest) / bitcast<f32>(how.z)", "- greatest)", "temperature"),
    ("choose", "reached >= bitcast<f32>(how.w) * whole", "reached > bitcast<f32>(how.w)", "top-p of 1"),
    ("choose", "weight < bitcast<f32>(more.x)", "weight * whole < bitcast<f32>(more.x)", "min-p of another"),
    ("choose", "sum = reached", "sum = whole", "a draw from what was cut"),
    ("choose", "min(how.y, num_left) - 1u", "min(how.y, count) - 1u", "what was cut picked"),
    ("choose", "ids[token] = found[first + taken].x", "ids[token] = found[first].x", "the greatest"),
    ("choose", "taken = 0u;\n        }", "}", "weights of what is no number"),
    ("embedding", "id - params.first_row >= params.num_rows", "false", "ids outside a part"),
    ("embedding", "first / 16u % 2u", "1u - first / 16u % 2u", "halves of a block exchanged"),
    ("embedding", "half == 1u", "half == 0u", "halves of a block of quants exchanged"),
    ("geglu", "x[start + params.columns]", "x[start]", "the gate for the value"),
    ("geglu", "0.044715", "0.0447", "a coefficient"),
    ("gelu_erf", "0.254829592", "0.254929592", "a coefficient"),
    ("gelu_tanh", "0.044715", "0.0447", "a coefficient"),
    ("gemm", "if token >= batch.num_tokens {", "if token > batch.num_tokens {", "a token too many"),
    ("gemm", "sums[i][j]", "sums[j][i]", "exchanged"),
    ("gemm", "sum += bias[params.first_row + row];", "sum += bias[row];", "bias of a part"),
    ("gemm_matrix", "f16(low.z);", "f16(0.0);", "an element without its second part"),
    ("gemm_matrix", "sum10 = coopMultiplyAdd(high_tokens1, low_rows0, sum10);", "", "weights without theirs"),
    ("gemm_matrix", "sum01 = coopMultiplyAdd(low_tokens0, high_rows1, sum01);", "", "tokens without theirs"),
    ("gemm_matrix", "coopStoreT(sum11,", "coopStoreT(sum01,", "another matrix"),
    ("gemm_matrix", "min(TOP + 127u - exponent, 253u)", "127u", "nothing scaled"),
    ("gemm_matrix", "* inverse(scales[row_line])", "", "a row that stays scaled"),
    ("gemm_matrix", "inverse(scales[TILE + token_line])", "inverse(scales[TILE])", "another token's scale"),
    ("gemm_matrix", "token < batch.num_tokens", "token <= batch.num_tokens", "a token too many"),
    ("gemm_matrix", "bias[params.first_row + row]", "bias[row]", "bias of a part"),
    ("gemm_rows", "subgroupBroadcast(mine, 6u)", "subgroupBroadcast(mine, 5u)", "another lane's part of x"),
    ("gemm_rows", "x[at + 3u * token_vectors]", "x[at + 2u * token_vectors]", "another token"),
    ("gemm_rows", "first_token + index, first_row", "index, first_row", "always the first tokens"),
    (
        "gemm_rows",
        "sums.token2 += dot_block(low, high,",
        "sums.token2 += dot_block(low, low,",
        "half a block twice",
    ),
    ("gemm_shared", "place(token + 3u, vector)", "place(token + 2u, vector)", "another token"),
    (
        "gemm_shared",
        "place(row + 5u * ROW_STEP, vector)",
        "place(row + 4u * ROW_STEP, vector)",
        "another row",
    ),
    ("gemm_shared", "let first_vector = 4u * half;", "let first_vector = 0u;", "half a block over the other"),
    ("gemm_shared", "if token < batch.num_tokens {", "if token <= batch.num_tokens {", "a token too many"),
    ("gemm_shared", "if row >= params.out_features {", "if row > params.out_features {", "a row too many"),
    ("gemm_shared", "bias[params.first_row + row]", "bias[row]", "bias of a part"),
    ("gemv", "block < blocks;", "block + 1u < blocks;", "the last block left out"),
    ("gemv", "s.y * part.sum", "-s.y * part.sum", "an offset's sign"),
    ("gemv", "return 16;", "return 8;", "the bias of five bits"),
    ("gemv", "vec4<u32>(0u, 2u, 4u, 6u)", "vec4<u32>(0u, 2u, 4u, 4u)", "upper bits of six"),
    ("gemv", "vec4<u32>(0u, 1u, 2u, 3u)", "vec4<u32>(0u, 1u, 2u, 2u)", "the upper bit of five"),
    ("gemv", "start + 3u", "start + 1u", "a scale for a minimum"),
    ("gemv", "if params.has_bias != 0u", "if params.has_bias == 0u", "bias"),
    (
        "gemv",
        "if NORM == RMS_NORM {\n        sums *=",
        "if false {\n        sums *=",
        "an RMS norm without its scale",
    ),
    ("gemv", "+ params.eps", "", "epsilon"),
    ("gemv", "value * norm_weight[vector]", "value", "the norm's weight"),
    ("gemv", "columns < vec4<u32>(params.in_features)", "vec4<bool>(true)", "padding in the variance"),
    ("gemv", "/ f32(params.in_features)", "/ f32(params.x_stride)", "padding in the mean"),
    ("gemv", "* norm_weight[vector] + norm_bias[vector]", "* norm_weight[vector]", "no bias of the norm"),
    (
        "gemv",
        "index / COLUMNS_PER_THREAD * params.out_features",
        "index / COLUMNS_PER_THREAD",
        "a gate for a value",
    ),
    ("gemv", "bias_of(column + params.out_features)", "bias_of(column)", "a gate's bias for a value's"),
    ("gemv", "y[at] += sum;", "y[at] = sum;", "nothing added"),
    ("gemv", "y[at] = gelu_erf_of(sum);", "y[at] = gelu_tanh_of(sum);", "another activation"),
    ("gemv", "silu_of(sum) *", "gelu_tanh_of(sum) *", "another gate"),
    ("gemv_residual", "z[at] = sum;", "", "unwritten"),
    ("gemv_residual", "* update_scale", "", "the update as it is"),
    ("gemv_residual", "sums *= scale_of(sums.w);", "", "no scale"),
    ("gemv_residual", "* post_weight[vector]", "* norm_weight[vector]", "the other norm's weight"),
    ("gemv_rows", "subgroupBroadcast(mine, 6u)", "subgroupBroadcast(mine, 5u)", "another lane's part of x"),
    ("gemv_rows", "row_start(first_column, 1u)", "row_start(first_column, 0u)", "a row twice"),
    ("gemv_rows", "s.y * part.sum", "s.y", "an offset that is not multiplied"),
    ("gemv_tokens", "high_starts.z + vector", "high_starts.y + vector", "another token"),
    ("gemv_tokens", "high_sums = row_sum(local, high_sums);", "", "a thread's part of the row"),
    ("gemv_tokens", "if token < batch.num_tokens {", "if token <= batch.num_tokens {", "a token too many"),
    ("kv_write", "cache_rows[token]", "cache_rows[0]", "all tokens in the first one's row"),
    ("layer_norm", "+ params.eps", "", "epsilon"),
    ("norm_rope_write", "+ params.eps", "", "epsilon"),
    (
        "norm_rope_write",
        "select(k_weight[i], q_weight[i], is_query)",
        "q_weight[i]",
        "a key head with the queries' weight",
    ),
    ("norm_rope_write", "if params.has_norm != 0u", "if true", "normed without weights"),
    ("norm_rope_write", "b * cosine + a * sine", "b * cosine - a * sine", "a reflection"),
    ("norm_rope_write", "cache_rows[token]", "(cache_rows[0] + token)", "as if in one text"),
    (
        "norm_rope_write",
        "(head - params.num_heads) * params.head_dim",
        "head * params.head_dim",
        "another head's place",
    ),
    ("norm_rope_write", "k_cache[k_start + half + i] = high;", "", "unwritten"),
    ("probe_f32", "vec4<f32>(-0.5)", "vec4<f32>(0.5)", "the factor"),
    ("probe_f32", "round < params.rounds", "round <= params.rounds", "a round too many"),
    ("probe_read", "turn < count", "turn + 1u < count", "the last turn left out"),
    ("probe_read", "select(thread * turns, thread,", "select(thread, thread,", "stretches that overlap"),
    ("qk_norm", "head < params.num_heads", "head <= params.num_heads", "a key head with the queries' weight"),
    ("qk_norm", "+ params.eps", "", "epsilon"),
    ("rms_norm", "+ params.eps", "", "epsilon"),
    ("rms_norm", "f32(params.hidden_size)", "f32(params.stride)", "padding in the mean"),
    ("rope", "b * cosine + a * sine", "b * cosine - a * sine", "a reflection"),
    ("rope", "angles[token * params.angles_stride + i]", "angles[i]", "the first token's angle"),
    ("select_rows", "batch.first_row + token", "token", "row"),
    ("softcap", "-15.0, 15.0", "-1.0, 1.0", "clamped where it still bends"),
    ("softcap", "params.cap * tanh", "tanh", "capped at 1"),
    ("swiglu", "exp(-clamp", "exp(clamp", "sign"),
    ("swiglu", "column >= params.columns", "column >= params.y_stride", "padding written"),
    ("top_k", "key == found_key && id > found_id", "false", "one of equals"),
    ("top_k", "id < ids[local]", "id > ids[local]", "the highest id of equals"),
    ("top_k", "if magnitude == 0u", "if false", "minus zero below zero"),
    ("top_k", "head_keys[part] = keys[0]", "head_keys[part] = 0u", "one of each part"),
    ("top_k", "params.part_size, params.num_columns", "params.part_size, params.x_stride", "padding read"),
    ("top_k", "1u + rank] =", "rank] =", "in the place of the choice"),
    ("top_k", "if found_key > 0u", "if true", "a number where nothing is left"),
    ("zero_columns", "params.first_column + column", "column", "the row's first columns"),
    ("zero_columns", "column >= params.num_columns", "column > params.num_columns", "a column too many"),
];

/// The sweep's cases, in the order of their pipelines, the pipeline with the most cases first: a broken shader is compiled
/// for each pipeline, and attention's take seconds.
fn cases(kernel: &str) -> Vec<Case> {
    let pipeline = |case: &Case| match case {
        Case::Attention(AttentionCase { tile, head_dim, .. }) => format!("{tile:?} {head_dim}"),
        _ => String::new(),
    };
    let mut cases = verify::cases(kernel);
    let names: Vec<String> = cases.iter().map(pipeline).collect();
    cases.sort_by_cached_key(|case| {
        let name = pipeline(case);
        (Reverse(names.iter().filter(|other| **other == name).count()), name)
    });
    cases
}

/// The kernels with a mistake.
pub fn kernels() -> impl Iterator<Item = &'static str> {
    let mut names: Vec<_> = MISTAKES.iter().map(|(kernel, ..)| *kernel).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}

/// Puts each mistake of a kernel into its shader.
pub fn are_found_in_shaders(kernel_name: &str, devices: &[(String, Device)]) {
    let mut accepted = Vec::new();
    for (label, device) in devices.iter().filter(|(_, device)| matches!(device, Device::Gpu(_))) {
        for (_, right, wrong, mistake) in MISTAKES.iter().filter(|(kernel, ..)| *kernel == kernel_name) {
            let mut kernels = REGISTRY.into_iter().filter(|kernel| kernel.name == kernel_name).peekable();
            assert!(kernels.peek().is_some_and(|kernel| kernel.wgsl.contains(right)), "no `{right}`");
            let Some(kernel) = kernels.find(|kernel| device.runs(kernel)) else {
                skip(format_args!("{label} does not run {kernel_name}"));
                break;
            };
            let wgsl = kernel.wgsl.replace(right, wrong).leak();
            let broken: &'static Kernel = Box::leak(Box::new(Kernel { wgsl, ..*kernel }));
            // The first case that fails is enough.
            let failed = cases(kernel_name).into_iter().find_map(|case| {
                let worst = pollster::block_on(verify::check(device, broken, &case)).unwrap();
                (worst.error > 1.0).then(|| format!("{case}: {}", worst.place))
            });
            match failed {
                Some(case) => println!("{label}, {mistake}: {case}"),
                None => accepted.push(format!("{mistake}, on {label}")),
            }
        }
    }
    assert!(accepted.is_empty(), "the sweep accepts {accepted:#?}");
}

/// Puts another function in the place of the one that the CPU device runs.
pub fn are_found_on_the_cpu(kernel_name: &str) {
    let kernel = |name: &str| *REGISTRY.iter().find(|kernel| kernel.name == name).unwrap();
    let nothing: fn(&mut Call<'_>) = |_| {};
    let mut mistakes = vec![(nothing, "nothing")];
    for (name, other) in
        [("geglu", "swiglu"), ("swiglu", "geglu"), ("gelu_erf", "gelu_tanh"), ("gelu_tanh", "gelu_erf")]
    {
        if name == kernel_name {
            mistakes.push((kernel(other).fast, other));
        }
    }
    for (fast, mistake) in mistakes {
        let broken: &'static Kernel = Box::leak(Box::new(Kernel { fast, ..*kernel(kernel_name) }));
        let fails = verify::cases(kernel_name)
            .iter()
            .any(|case| pollster::block_on(verify::check(&Device::Cpu, broken, case)).unwrap().error > 1.0);
        assert!(fails, "{mistake}");
    }
}
