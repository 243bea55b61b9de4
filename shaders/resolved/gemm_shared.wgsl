// Made of shaders/gemm_shared.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

const TILE: u32 = 64u;

const VECTORS: u32 = 8u;

const ROW_STEP: u32 = 8u;

const TOKENS: u32 = 4u;

var<workgroup> weight_tile: array<array<vec4<f32>, 64>, 8>;

var<workgroup> x_tile: array<array<vec4<f32>, 128>, TOKENS>;

@group(0) @binding(5)
var<storage, read_write> y: array<f32>;

struct Sums {
    row0: vec4<f32>,
    row1: vec4<f32>,
    row2: vec4<f32>,
    row3: vec4<f32>,
    row4: vec4<f32>,
    row5: vec4<f32>,
    row6: vec4<f32>,
    row7: vec4<f32>
}

fn place(line: u32, vector: u32) -> u32 {
    return line * VECTORS + (vector ^ (line % VECTORS));
}

fn products(w: vec4<f32>, x0: vec4<f32>, x1: vec4<f32>, x2: vec4<f32>, x3: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(w, x0), dot(w, x1), dot(w, x2), dot(w, x3));
}

fn finish(row: u32, first_token: u32, sums: vec4<f32>) {
    if row >= params.out_features {
        return;
    }
    var offset = 0.0;
    if params.has_bias != 0u {
        offset = bias[params.first_row + row];
    }
    for (var i = 0u; i < TOKENS; i++) {
        let token = first_token + i;
        if token < batch.num_tokens {
            y[token * params.y_stride + params.first_row + row] = sums[i] + offset;
        }
    }
}

@compute @workgroup_size(128)
fn gemm_shared(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row_tiles = (params.out_features + TILE - 1u) / TILE;
    let group = workgroup.x + workgroup.y * workgroups.x;
    let tile_row = group % row_tiles * TILE;
    let tile_token = group / row_tiles * TILE;
    if tile_token >= batch.num_tokens {
        return;
    }
    let half = local % 2u;
    let brought_row = local / 2u;
    let row_start = min(tile_row + brought_row, params.out_features - 1u) * row_words(params.x_stride);
    let brought_vector = local % VECTORS;
    let row = local % ROW_STEP;
    let token = local / ROW_STEP * TOKENS;
    let has_tokens = tile_token + token < batch.num_tokens;
    var sums = Sums();
    for (var block = 0u; block < params.x_stride / 32u; block++) {
        workgroupBarrier();
        let w = weights(row_start, params.x_stride, block, half);
        let first_vector = 4u * half;
        let line = brought_row % ROW_STEP;
        weight_tile[brought_row / ROW_STEP][place(line, first_vector)] = w[0];
        weight_tile[brought_row / ROW_STEP][place(line, first_vector + 1u)] = w[1];
        weight_tile[brought_row / ROW_STEP][place(line, first_vector + 2u)] = w[2];
        weight_tile[brought_row / ROW_STEP][place(line, first_vector + 3u)] = w[3];
        for (var brought = local / VECTORS; brought < TILE; brought += 16u) {
            let x_start = min(tile_token + brought, batch.num_tokens - 1u) * (params.x_stride / 4u);
            x_tile[brought % TOKENS][place(brought / TOKENS, brought_vector)] = x[x_start + VECTORS * block + brought_vector];
        }
        workgroupBarrier();
        if has_tokens {
            for (var vector = 0u; vector < VECTORS; vector++) {
                let x_place = place(token / TOKENS, vector);
                let x0 = x_tile[0][x_place];
                let x1 = x_tile[1][x_place];
                let x2 = x_tile[2][x_place];
                let x3 = x_tile[3][x_place];
                let w_place = place(row, vector);
                sums.row0 += products(weight_tile[0][w_place], x0, x1, x2, x3);
                sums.row1 += products(weight_tile[1][w_place], x0, x1, x2, x3);
                sums.row2 += products(weight_tile[2][w_place], x0, x1, x2, x3);
                sums.row3 += products(weight_tile[3][w_place], x0, x1, x2, x3);
                sums.row4 += products(weight_tile[4][w_place], x0, x1, x2, x3);
                sums.row5 += products(weight_tile[5][w_place], x0, x1, x2, x3);
                sums.row6 += products(weight_tile[6][w_place], x0, x1, x2, x3);
                sums.row7 += products(weight_tile[7][w_place], x0, x1, x2, x3);
            }
        }
    }
    let first_row = tile_row + row;
    let first_token = tile_token + token;
    finish(first_row, first_token, sums.row0);
    finish(first_row + ROW_STEP, first_token, sums.row1);
    finish(first_row + 2u * ROW_STEP, first_token, sums.row2);
    finish(first_row + 3u * ROW_STEP, first_token, sums.row3);
    finish(first_row + 4u * ROW_STEP, first_token, sums.row4);
    finish(first_row + 5u * ROW_STEP, first_token, sums.row5);
    finish(first_row + 6u * ROW_STEP, first_token, sums.row6);
    finish(first_row + 7u * ROW_STEP, first_token, sums.row7);
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

