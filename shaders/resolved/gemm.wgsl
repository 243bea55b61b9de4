// Made of shaders/gemm.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

const TILE: u32 = 32u;

const PER_THREAD: u32 = 4u;

@group(0) @binding(5)
var<storage, read_write> y: array<f32>;

fn dot_half(w: array<vec4<f32>, 4>, x_start: u32) -> f32 {
    return dot(w[0], x[x_start]) + dot(w[1], x[x_start + 1u]) + dot(w[2], x[x_start + 2u]) + dot(w[3], x[x_start + 3u]);
}

fn finish(token: u32, first_row: u32, sums: vec4<f32>) {
    if token >= batch.num_tokens {
        return;
    }
    for (var i = 0u; i < PER_THREAD && first_row + i < params.out_features; i++) {
        let row = first_row + i;
        var sum = sums[i];
        if params.has_bias != 0u {
            sum += bias[params.first_row + row];
        }
        y[token * params.y_stride + params.first_row + row] = sum;
    }
}

@compute @workgroup_size(64)
fn gemm(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row_tiles = (params.out_features + TILE - 1u) / TILE;
    let group = workgroup.x + workgroup.y * workgroups.x;
    let first_row = (group % row_tiles) * TILE + (local % 8u) * PER_THREAD;
    let first_token = (group / row_tiles) * TILE + (local / 8u) * PER_THREAD;
    if first_row >= params.out_features || first_token >= batch.num_tokens {
        return;
    }
    let last_row = params.out_features - 1u;
    let last_token = batch.num_tokens - 1u;
    let words = row_words(params.x_stride);
    let row0 = first_row * words;
    let row1 = min(first_row + 1u, last_row) * words;
    let row2 = min(first_row + 2u, last_row) * words;
    let row3 = min(first_row + 3u, last_row) * words;
    let blocks = params.x_stride / 32u;
    var x_start: array<u32, 4>;
    for (var i = 0u; i < PER_THREAD; i++) {
        x_start[i] = min(first_token + i, last_token) * blocks * 8u;
    }
    var sums: array<vec4<f32>, 4>;
    for (var index = 0u; index < 2u * blocks; index++) {
        let block = index / 2u;
        let half = index % 2u;
        let w0 = weights(row0, params.x_stride, block, half);
        let w1 = weights(row1, params.x_stride, block, half);
        let w2 = weights(row2, params.x_stride, block, half);
        let w3 = weights(row3, params.x_stride, block, half);
        for (var i = 0u; i < PER_THREAD; i++) {
            let x_half = x_start[i] + 4u * index;
            sums[i] += vec4<f32>(dot_half(w0, x_half), dot_half(w1, x_half), dot_half(w2, x_half), dot_half(w3, x_half));
        }
    }
    finish(first_token, first_row, sums[0]);
    finish(first_token + 1u, first_row, sums[1]);
    finish(first_token + 2u, first_row, sums[2]);
    finish(first_token + 3u, first_row, sums[3]);
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

