// Made of shaders/gemm_rows.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override WORKGROUP_SIZE: u32 = 32u;

override ROWS_PER_THREAD: u32 = 2u;

override TOKENS: u32 = 4u;

@group(0) @binding(5)
var<storage, read_write> y: array<f32>;

struct Half {
    row0: array<vec4<f32>, 4>,
    row1: array<vec4<f32>, 4>,
    row2: array<vec4<f32>, 4>,
    row3: array<vec4<f32>, 4>
}

struct Sums {
    token0: vec4<f32>,
    token1: vec4<f32>,
    token2: vec4<f32>,
    token3: vec4<f32>
}

fn half_of(rows: vec4<u32>, block: u32, half: u32) -> Half {
    var of_rows = Half();
    of_rows.row0 = weights(rows.x, params.x_stride, block, half);
    if ROWS_PER_THREAD > 1u {
        of_rows.row1 = weights(rows.y, params.x_stride, block, half);
    }
    if ROWS_PER_THREAD > 2u {
        of_rows.row2 = weights(rows.z, params.x_stride, block, half);
    }
    if ROWS_PER_THREAD > 3u {
        of_rows.row3 = weights(rows.w, params.x_stride, block, half);
    }
    return of_rows;
}

fn dot_row(w: array<vec4<f32>, 4>, x0: vec4<f32>, x1: vec4<f32>, x2: vec4<f32>, x3: vec4<f32>) -> f32 {
    return dot(w[0], x0) + dot(w[1], x1) + dot(w[2], x2) + dot(w[3], x3);
}

fn dot_half(w: Half, x0: vec4<f32>, x1: vec4<f32>, x2: vec4<f32>, x3: vec4<f32>) -> vec4<f32> {
    var sums = vec4<f32>(0.0);
    sums.x = dot_row(w.row0, x0, x1, x2, x3);
    if ROWS_PER_THREAD > 1u {
        sums.y = dot_row(w.row1, x0, x1, x2, x3);
    }
    if ROWS_PER_THREAD > 2u {
        sums.z = dot_row(w.row2, x0, x1, x2, x3);
    }
    if ROWS_PER_THREAD > 3u {
        sums.w = dot_row(w.row3, x0, x1, x2, x3);
    }
    return sums;
}

fn dot_block(low: Half, high: Half, mine: vec4<f32>) -> vec4<f32> {
    let of_low = dot_half(low, subgroupBroadcast(mine, 0u), subgroupBroadcast(mine, 1u), subgroupBroadcast(mine, 2u), subgroupBroadcast(mine, 3u));
    let of_high = dot_half(high, subgroupBroadcast(mine, 4u), subgroupBroadcast(mine, 5u), subgroupBroadcast(mine, 6u), subgroupBroadcast(mine, 7u));
    return of_low + of_high;
}

fn finish(token: u32, first_row: u32, sums: vec4<f32>) {
    for (var index = 0u; index < ROWS_PER_THREAD; index++) {
        let row = first_row + index;
        if row >= params.out_features {
            break;
        }
        var sum = sums[index];
        if params.has_bias != 0u {
            sum += bias[params.first_row + row];
        }
        y[token * params.y_stride + params.first_row + row] = sum;
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn gemm_rows(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) lane: u32) {
    let rows_per_group = WORKGROUP_SIZE * ROWS_PER_THREAD;
    let row_groups = (params.out_features + rows_per_group - 1u) / rows_per_group;
    let group = workgroup.x + workgroup.y * workgroups.x;
    let first_token = group / row_groups * TOKENS;
    if first_token >= batch.num_tokens {
        return;
    }
    let num_tokens = min(TOKENS, batch.num_tokens - first_token);
    let first_row = (group % row_groups) * rows_per_group + local * ROWS_PER_THREAD;
    let rows = min(vec4<u32>(first_row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.out_features - 1u));
    let starts = rows * row_words(params.x_stride);
    let blocks = params.x_stride / 32u;
    let token_vectors = 8u * blocks;
    var at = first_token * token_vectors + (lane & 7u);
    var sums = Sums();
    for (var block = 0u; block < blocks; block++) {
        let low = half_of(starts, block, 0u);
        let high = half_of(starts, block, 1u);
        sums.token0 += dot_block(low, high, x[at]);
        if TOKENS > 1u && num_tokens > 1u {
            sums.token1 += dot_block(low, high, x[at + token_vectors]);
        }
        if TOKENS > 2u && num_tokens > 2u {
            sums.token2 += dot_block(low, high, x[at + 2u * token_vectors]);
        }
        if TOKENS > 3u && num_tokens > 3u {
            sums.token3 += dot_block(low, high, x[at + 3u * token_vectors]);
        }
        at += 8u;
    }
    let of_tokens = array(sums.token0, sums.token1, sums.token2, sums.token3);
    for (var index = 0u; index < num_tokens; index++) {
        finish(first_token + index, first_row, of_tokens[index]);
    }
}

struct Params {
    out_features: u32,
    in_features: u32,
    x_stride: u32,
    y_stride: u32,
    first_row: u32,
    has_bias: u32,
    eps: f32,
    format: u32,
    norm: u32,
    epilogue: u32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> x: array<vec4<f32>>;

@group(0) @binding(4)
var<storage, read> bias: array<f32>;

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

override FORMAT: u32 = 0u;

const F32: u32 = 0u;

const F16: u32 = 1u;

const BF16: u32 = 2u;

override IS_FLOAT: bool = FORMAT <= BF16;

override QUANT_BITS: u32 = FORMAT & 15u;

override QUANT_SCALES: u32 = (FORMAT >> 4u) & 15u;

override QUANT_BIAS: i32 = i32(FORMAT >> 8u);

const SINGLE_SCALES: u32 = 0u;

const PAIR_SCALES: u32 = 1u;

const SIGNED_SCALES: u32 = 3u;

const BLOCK: u32 = 32u;

const SUPER_BLOCK: u32 = 256u;

const SUPER_BLOCK_SCALE_WORDS: u32 = 5u;

@group(0) @binding(3)
var<storage, read> weight: array<vec4<u32>>;

fn is_float() -> bool {
    return IS_FLOAT;
}

fn low_words(columns: u32) -> u32 {
    if QUANT_BITS == 8u {
        return columns / 4u;
    }
    return columns / 8u;
}

fn high_words(columns: u32) -> u32 {
    if QUANT_BITS == 5u {
        return columns / 32u;
    }
    if QUANT_BITS == 6u {
        return columns / 16u;
    }
    return 0u;
}

fn scale_words(columns: u32) -> u32 {
    if QUANT_SCALES == SINGLE_SCALES {
        return (columns + 2u * BLOCK - 1u) / (2u * BLOCK);
    }
    if QUANT_SCALES == PAIR_SCALES {
        return columns / BLOCK;
    }
    return columns / SUPER_BLOCK * SUPER_BLOCK_SCALE_WORDS;
}

fn row_words(columns: u32) -> u32 {
    if FORMAT == F32 {
        return columns;
    }
    if is_float() {
        return columns / 2u;
    }
    return (low_words(columns) + high_words(columns) + scale_words(columns) + 3u) & ~3u;
}

fn word(index: u32) -> u32 {
    return weight[index >> 2u][index & 3u];
}

fn scale(row: u32, columns: u32, block: u32, half: u32) -> vec2<f32> {
    let plane = row + low_words(columns) + high_words(columns);
    if QUANT_SCALES == SINGLE_SCALES {
        let pair = unpack2x16float(word(plane + (block >> 1u)));
        return vec2<f32>(select(pair.x, pair.y, (block & 1u) == 1u), 0.0);
    }
    if QUANT_SCALES == PAIR_SCALES {
        return unpack2x16float(word(plane + block));
    }
    let start = plane + block / (SUPER_BLOCK / BLOCK) * SUPER_BLOCK_SCALE_WORDS;
    let factors = unpack2x16float(word(start));
    if QUANT_SCALES == SIGNED_SCALES {
        let index = (block & 7u) * 2u + half;
        let byte = bitcast<i32>(word(start + 1u + (index >> 2u)) << (24u - 8u * (index & 3u))) >> 24u;
        return vec2<f32>(factors.x * f32(byte), 0.0);
    }
    let index = block & 7u;
    let shift = 8u * (index & 3u);
    let byte = (word(start + 1u + (index >> 2u)) >> shift) & 255u;
    let minimum = (word(start + 3u + (index >> 2u)) >> shift) & 255u;
    return vec2<f32>(factors.x * f32(i32(byte)), -factors.y * f32(i32(minimum)));
}

fn quants(row: u32, columns: u32, block: u32, half: u32) -> vec4<u32> {
    if QUANT_BITS == 8u {
        return weight[(row >> 2u) + 2u * block + half];
    }
    let words = weight[(row >> 2u) + block];
    let pair = select(words.xy, words.zw, half == 1u);
    let low = (pair.xxyy >> vec4<u32>(0u, 4u, 0u, 4u)) & vec4<u32>(252645135u);
    let plane = row + low_words(columns);
    if QUANT_BITS == 5u {
        let bits = word(plane + block) >> (4u * half);
        return low | (((vec4<u32>(bits) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(16843009u)) << vec4<u32>(4u));
    }
    if QUANT_BITS == 6u {
        let bits = word(plane + 2u * block + half);
        return low | (((vec4<u32>(bits) >> vec4<u32>(0u, 2u, 4u, 6u)) & vec4<u32>(50529027u)) << vec4<u32>(4u));
    }
    return low;
}

fn numbers(bytes: u32) -> vec4<f32> {
    if QUANT_BITS == 8u {
        return vec4<f32>((bitcast<vec4<i32>>(vec4<u32>(bytes) << vec4<u32>(24u, 16u, 8u, 0u))) >> vec4<u32>(24u));
    }
    let quants = vec4<i32>((vec4<u32>(bytes) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
    return vec4<f32>(quants - vec4<i32>(QUANT_BIAS));
}

fn floats(words: vec4<u32>) -> array<vec4<f32>, 2> {
    if FORMAT == F16 {
        return array<vec4<f32>, 2>(vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y)), vec4<f32>(unpack2x16float(words.z), unpack2x16float(words.w)));
    }
    let even = bitcast<vec4<f32>>(words << vec4<u32>(16u));
    let odd = bitcast<vec4<f32>>(words & vec4<u32>(4294901760u));
    return array<vec4<f32>, 2>(vec4<f32>(even.x, odd.x, even.y, odd.y), vec4<f32>(even.z, odd.z, even.w, odd.w));
}

fn unscaled(row: u32, columns: u32, block: u32, half: u32) -> array<vec4<f32>, 4> {
    if FORMAT == F32 {
        let first = (row >> 2u) + 8u * block + 4u * half;
        return array<vec4<f32>, 4>(bitcast<vec4<f32>>(weight[first]), bitcast<vec4<f32>>(weight[first + 1u]), bitcast<vec4<f32>>(weight[first + 2u]), bitcast<vec4<f32>>(weight[first + 3u]));
    }
    if is_float() {
        let first = (row >> 2u) + 4u * block + 2u * half;
        let low = floats(weight[first]);
        let high = floats(weight[first + 1u]);
        return array<vec4<f32>, 4>(low[0], low[1], high[0], high[1]);
    }
    let bytes = quants(row, columns, block, half);
    return array<vec4<f32>, 4>(numbers(bytes.x), numbers(bytes.y), numbers(bytes.z), numbers(bytes.w));
}

fn weights(row: u32, columns: u32, block: u32, half: u32) -> array<vec4<f32>, 4> {
    let w = unscaled(row, columns, block, half);
    if is_float() {
        return w;
    }
    let s = scale(row, columns, block, half);
    let offset = vec4<f32>(s.y);
    return array<vec4<f32>, 4>(s.x * w[0] + offset, s.x * w[1] + offset, s.x * w[2] + offset, s.x * w[3] + offset);
}

