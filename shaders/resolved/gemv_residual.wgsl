// Made of shaders/gemv_residual.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

@group(0) @binding(7)
var<storage, read> post_weight: array<vec4<f32>>;

@group(0) @binding(8)
var<storage, read> update: array<vec4<f32>>;

@group(0) @binding(9)
var<storage, read_write> z: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn gemv_residual(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let columns_per_group = WORKGROUP_SIZE / THREADS_PER_ROW * COLUMNS_PER_THREAD;
    let groups_per_token = (params.out_features + columns_per_group - 1u) / columns_per_group;
    let group = workgroup.x + workgroup.y * workgroups.x;
    let token = group / groups_per_token;
    let first_column = (group % groups_per_token) * columns_per_group + local / THREADS_PER_ROW * COLUMNS_PER_THREAD;
    let lane = local % THREADS_PER_ROW;
    let blocks = params.x_stride / 32u;
    let x_start = min(token, batch.num_tokens - 1u) * blocks * 8u;
    var update_squares = 0.0;
    for (var block = lane; block < blocks; block += THREADS_PER_ROW) {
        for (var index = 0u; index < 8u; index++) {
            let part = update[x_start + 8u * block + index];
            update_squares += dot(part, part);
        }
    }
    let update_scale = scale_of(row_sum_for_all(local, update_squares));
    var sums = vec4<f32>(0.0);
    var squares = 0.0;
    if token < batch.num_tokens && first_column < params.out_features {
        let writes = params.first_row + first_column == 0u;
        let rows = row_starts(first_column);
        for (var block = lane; block < blocks; block += THREADS_PER_ROW) {
            var scaled: array<vec4<f32>, 8>;
            for (var index = 0u; index < 8u; index++) {
                let vector = 8u * block + index;
                let at = x_start + vector;
                let sum = x[at] + update[at] * update_scale * post_weight[vector];
                if writes {
                    z[at] = sum;
                }
                squares += dot(sum, sum);
                scaled[index] = sum * norm_weight[vector];
            }
            let low = half_of(scaled[0], scaled[1], scaled[2], scaled[3]);
            let high = half_of(scaled[4], scaled[5], scaled[6], scaled[7]);
            sums += dot_rows(rows, block, low, high);
        }
    }
    sums.w = squares;
    sums = row_sum(local, sums);
    sums *= scale_of(sums.w);
    if token < batch.num_tokens && lane == 0u {
        finish(token, first_column, sums);
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

fn row_sum_for_all(local: u32, value: f32) -> f32 {
    if THREADS_PER_ROW == 1u {
        return value;
    }
    _ = row_sum(local, vec4<f32>(value));
    workgroupBarrier();
    let sum = partial[local - local % THREADS_PER_ROW].x;
    workgroupBarrier();
    return sum;
}

const ADD: u32 = 1u;

const GELU_TANH: u32 = 2u;

const GELU_ERF: u32 = 3u;

const GEGLU: u32 = 4u;

const SWIGLU: u32 = 5u;

override ROWS_PER_THREAD: u32 = 2u;

override EPILOGUE: u32 = 0u;

override COLUMNS_PER_THREAD: u32 = ROWS_PER_THREAD / (1u + u32(EPILOGUE >= GEGLU));

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

@group(0) @binding(5)
var<storage, read_write> y: array<f32>;

@group(0) @binding(6)
var<storage, read> norm_weight: array<vec4<f32>>;

struct Half {
    x0: vec4<f32>,
    x1: vec4<f32>,
    x2: vec4<f32>,
    x3: vec4<f32>,
    sum: f32
}

fn half_of(x0: vec4<f32>, x1: vec4<f32>, x2: vec4<f32>, x3: vec4<f32>) -> Half {
    return Half(x0, x1, x2, x3, dot(x0 + x1 + x2 + x3, vec4<f32>(1.0)));
}

fn dot_half(row: u32, block: u32, half: u32, part: Half) -> f32 {
    let w = unscaled(row, params.x_stride, block, half);
    let sum = dot(w[0], part.x0) + dot(w[1], part.x1) + dot(w[2], part.x2) + dot(w[3], part.x3);
    if is_float() {
        return sum;
    }
    let s = scale(row, params.x_stride, block, half);
    if has_offset() {
        return s.x * sum + s.y * part.sum;
    }
    return s.x * sum;
}

fn dot_block(row: u32, block: u32, low: Half, high: Half) -> f32 {
    return dot_half(row, block, 0u, low) + dot_half(row, block, 1u, high);
}

fn dot_rows(rows: vec4<u32>, block: u32, low: Half, high: Half) -> vec4<f32> {
    var sums = vec4<f32>(0.0);
    sums.x = dot_block(rows.x, block, low, high);
    if ROWS_PER_THREAD > 1u {
        sums.y = dot_block(rows.y, block, low, high);
    }
    if ROWS_PER_THREAD > 2u {
        sums.z = dot_block(rows.z, block, low, high);
    }
    if ROWS_PER_THREAD > 3u {
        sums.w = dot_block(rows.w, block, low, high);
    }
    return sums;
}

fn row_start(first_column: u32, index: u32) -> u32 {
    let column = min(first_column + index % COLUMNS_PER_THREAD, params.out_features - 1u);
    return (column + index / COLUMNS_PER_THREAD * params.out_features) * row_words(params.x_stride);
}

fn row_starts(first_column: u32) -> vec4<u32> {
    return vec4<u32>(row_start(first_column, 0u), row_start(first_column, 1u), row_start(first_column, 2u), row_start(first_column, 3u));
}

fn scale_of(squares: f32) -> f32 {
    return 1.0 / sqrt(squares / f32(params.in_features) + params.eps);
}

fn bias_of(row: u32) -> f32 {
    if params.has_bias != 0u {
        return bias[params.first_row + row];
    }
    return 0.0;
}

fn finish(token: u32, first_column: u32, sums: vec4<f32>) {
    for (var index = 0u; index < COLUMNS_PER_THREAD; index++) {
        let column = first_column + index;
        if column >= params.out_features {
            break;
        }
        let at = token * params.y_stride + params.first_row + column;
        let sum = sums[index] + bias_of(column);
        if EPILOGUE == ADD {
            y[at] += sum;
        }
        else if EPILOGUE == GELU_TANH {
            y[at] = gelu_tanh_of(sum);
        }
        else if EPILOGUE == GELU_ERF {
            y[at] = gelu_erf_of(sum);
        }
        else if EPILOGUE == GEGLU {
            y[at] = gelu_tanh_of(sum) * (sums[index + COLUMNS_PER_THREAD] + bias_of(column + params.out_features));
        }
        else if EPILOGUE == SWIGLU {
            y[at] = silu_of(sum) * (sums[index + COLUMNS_PER_THREAD] + bias_of(column + params.out_features));
        }
        else {
            y[at] = sum;
        }
    }
}

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

const MINIMUM_SCALES: u32 = 2u;

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

fn has_offset() -> bool {
    return !IS_FLOAT && (QUANT_SCALES == PAIR_SCALES || QUANT_SCALES == MINIMUM_SCALES);
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

fn gelu_tanh_of(value: f32) -> f32 {
    let argument = 0.7978845608 * (value + 0.044715 * value * value * value);
    return 0.5 * value * (1.0 + tanh(clamp(argument, -15.0, 15.0)));
}

fn erf(value: f32) -> f32 {
    let magnitude = abs(value);
    let t = 1.0 / (1.0 + 0.3275911 * magnitude);
    let polynomial = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    let result = 1.0 - polynomial * exp(-magnitude * magnitude);
    return select(result, -result, value < 0.0);
}

fn gelu_erf_of(value: f32) -> f32 {
    return 0.5 * value * (1.0 + erf(value * 0.7071067812));
}

fn silu_of(value: f32) -> f32 {
    return value / (1.0 + exp(-clamp(value, -80.0, 80.0)));
}

