// Made of shaders/gemv_tokens.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override TOKENS: u32 = 8u;

@group(0) @binding(5)
var<storage, read_write> y: array<f32>;

fn dot_half(w: array<vec4<f32>, 4>, x_start: u32) -> f32 {
    return dot(w[0], x[x_start]) + dot(w[1], x[x_start + 1u]) + dot(w[2], x[x_start + 2u]) + dot(w[3], x[x_start + 3u]);
}

fn dot_block(low: array<vec4<f32>, 4>, high: array<vec4<f32>, 4>, x_start: u32) -> f32 {
    return dot_half(low, x_start) + dot_half(high, x_start + 4u);
}

fn finish(token: u32, row: u32, sum: f32) {
    if token < batch.num_tokens {
        y[token * params.y_stride + params.first_row + row] = sum;
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn gemv_tokens(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let rows_per_group = WORKGROUP_SIZE / THREADS_PER_ROW;
    let row_groups = (params.out_features + rows_per_group - 1u) / rows_per_group;
    let group = workgroup.x + workgroup.y * workgroups.x;
    let first_token = group / row_groups * TOKENS;
    let row = (group % row_groups) * rows_per_group + local / THREADS_PER_ROW;
    let lane = local % THREADS_PER_ROW;
    let blocks = params.x_stride / 32u;
    var low_sums = vec4<f32>(0.0);
    var high_sums = vec4<f32>(0.0);
    if first_token < batch.num_tokens && row < params.out_features {
        let last = vec4<u32>(batch.num_tokens - 1u);
        let four = vec4<u32>(first_token) + vec4<u32>(0u, 1u, 2u, 3u);
        let low_starts = min(four, last) * blocks * 8u;
        let high_starts = min(four + vec4<u32>(4u), last) * blocks * 8u;
        let row_start = row * row_words(params.x_stride);
        for (var block = lane; block < blocks; block += THREADS_PER_ROW) {
            let low = weights(row_start, params.x_stride, block, 0u);
            let high = weights(row_start, params.x_stride, block, 1u);
            let vector = 8u * block;
            low_sums.x += dot_block(low, high, low_starts.x + vector);
            if TOKENS > 1u {
                low_sums.y += dot_block(low, high, low_starts.y + vector);
            }
            if TOKENS > 2u {
                low_sums.z += dot_block(low, high, low_starts.z + vector);
            }
            if TOKENS > 3u {
                low_sums.w += dot_block(low, high, low_starts.w + vector);
            }
            if TOKENS > 4u {
                high_sums.x += dot_block(low, high, high_starts.x + vector);
            }
            if TOKENS > 5u {
                high_sums.y += dot_block(low, high, high_starts.y + vector);
            }
            if TOKENS > 6u {
                high_sums.z += dot_block(low, high, high_starts.z + vector);
            }
            if TOKENS > 7u {
                high_sums.w += dot_block(low, high, high_starts.w + vector);
            }
        }
    }
    low_sums = row_sum(local, low_sums);
    if TOKENS > 4u {
        workgroupBarrier();
        high_sums = row_sum(local, high_sums);
    }
    if lane == 0u && row < params.out_features {
        var row_bias = 0.0;
        if params.has_bias != 0u {
            row_bias = bias[params.first_row + row];
        }
        for (var index = 0u; index < min(TOKENS, 4u); index++) {
            finish(first_token + index, row, low_sums[index] + row_bias);
        }
        for (var index = 4u; index < TOKENS; index++) {
            finish(first_token + index, row, high_sums[index - 4u] + row_bias);
        }
    }
}

override WORKGROUP_SIZE: u32 = 64u;

override THREADS_PER_ROW: u32 = 32u;

var<workgroup> partial: array<vec4<f32>, WORKGROUP_SIZE>;

fn row_sum(local: u32, value: vec4<f32>) -> vec4<f32> {
    if THREADS_PER_ROW == 1u {
        return value;
    }
    partial[local] = value;
    for (var half = THREADS_PER_ROW / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local % THREADS_PER_ROW < half {
            partial[local] += partial[local + half];
        }
    }
    return partial[local];
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

