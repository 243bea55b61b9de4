// Made of shaders/gemm_matrix.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

enable f16;
enable wgpu_cooperative_matrix;
diagnostic (off, derivative_uniformity);

const SIZE: u32 = 16u;

alias OfTokens = coop_mat16x16<f16, A>;

alias OfWeights = coop_mat16x16<f16, B>;

alias OfSums = coop_mat16x16<f32, C>;

const TILE: u32 = 4u * SIZE;

const WORKERS: u32 = 4u;

const DEPTH: u32 = 16u;

const STRIDE: u32 = 2u * DEPTH + 8u;

const TOP: u32 = 127u + 14u;

override WORKGROUP_SIZE: u32 = 128u;

var<workgroup> tile: array<array<f16, STRIDE>, 2 * TILE>;

var<workgroup> scales: array<f32, 2 * TILE>;

var<workgroup> sums: array<f32, WORKERS * SIZE * SIZE>;

@group(0) @binding(5)
var<storage, read_write> y: array<f32>;

fn greatest_of_line(local: u32, value: f32) -> f32 {
    workgroupBarrier();
    sums[local] = value;
    workgroupBarrier();
    let parts = WORKGROUP_SIZE / TILE;
    let first = local / parts * parts;
    var greatest = 0.0;
    for (var part = 0u; part < parts; part++) {
        greatest = max(greatest, sums[first + part]);
    }
    return greatest;
}

fn scale_of(greatest: f32) -> f32 {
    let exponent = (bitcast<u32>(greatest) >> 23u) & 255u;
    return bitcast<f32>(min(TOP + 127u - exponent, 253u) << 23u);
}

fn inverse(power_of_two: f32) -> f32 {
    return bitcast<f32>((254u << 23u) - bitcast<u32>(power_of_two));
}

fn greatest_element(value: vec4<f32>) -> f32 {
    let pair = max(abs(value.xy), abs(value.zw));
    return max(pair.x, pair.y);
}

fn bring(line: u32, vector: u32, value: vec4<f32>) {
    let high = bitcast<vec4<f32>>(bitcast<vec4<u32>>(value) & vec4<u32>(4294959104u));
    let low = value - high;
    let first = 4u * vector;
    tile[line][first] = f16(high.x);
    tile[line][first + 1u] = f16(high.y);
    tile[line][first + 2u] = f16(high.z);
    tile[line][first + 3u] = f16(high.w);
    tile[line][first + DEPTH] = f16(low.x);
    tile[line][first + DEPTH + 1u] = f16(low.y);
    tile[line][first + DEPTH + 2u] = f16(low.z);
    tile[line][first + DEPTH + 3u] = f16(low.w);
}

fn finish(tile_row: u32, tile_token: u32, rows: u32, tokens: u32, local: u32) {
    for (var index = local; index < WORKERS * SIZE * SIZE; index += WORKGROUP_SIZE) {
        let worker = index / (SIZE * SIZE);
        let row_line = worker % 2u * 2u * SIZE + rows + index % SIZE;
        let token_line = worker / 2u * 2u * SIZE + tokens + index / SIZE % SIZE;
        let row = tile_row + row_line;
        let token = tile_token + token_line;
        if row < params.out_features && token < batch.num_tokens {
            var sum = sums[index] * inverse(scales[TILE + token_line]) * inverse(scales[row_line]);
            if params.has_bias != 0u {
                sum += bias[params.first_row + row];
            }
            y[token * params.y_stride + params.first_row + row] = sum;
        }
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn gemm_matrix(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32, @builtin(subgroup_id) subgroup: u32) {
    let row_tiles = (params.out_features + TILE - 1u) / TILE;
    let group = workgroup.x + workgroup.y * workgroups.x;
    let tile_row = group % row_tiles * TILE;
    let tile_token = group / row_tiles * TILE;
    if tile_token >= batch.num_tokens {
        return;
    }
    let last_row = params.out_features - 1u;
    let last_token = batch.num_tokens - 1u;
    let words = row_words(params.x_stride);
    let vectors = params.x_stride / 4u;
    let halves = params.x_stride / DEPTH;
    let parts = WORKGROUP_SIZE / TILE;
    let line = local / parts;
    let part = local % parts;
    var greatest = 0.0;
    if !IS_F16 {
        let row = min(tile_row + line, last_row) * words;
        for (var half = part; half < halves; half += parts) {
            greatest = max(greatest, bound(row, params.x_stride, half / 2u, half % 2u));
        }
    }
    let of_row = greatest_of_line(local, greatest);
    greatest = 0.0;
    let x_row = min(tile_token + line, last_token) * vectors;
    for (var vector = part; vector < vectors; vector += parts) {
        greatest = max(greatest, greatest_element(x[x_row + vector]));
    }
    let of_token = greatest_of_line(local, greatest);
    if part == 0u {
        scales[line] = select(scale_of(of_row), 1.0, IS_F16);
        scales[TILE + line] = scale_of(of_token);
    }
    let token = TILE + subgroup / 2u * 2u * SIZE;
    let row = subgroup % 2u * 2u * SIZE;
    var sum00 = OfSums();
    var sum01 = OfSums();
    var sum10 = OfSums();
    var sum11 = OfSums();
    for (var half = 0u; half < halves; half++) {
        workgroupBarrier();
        for (var brought = local; brought < 2u * TILE; brought += WORKGROUP_SIZE) {
            if brought < TILE {
                let row = min(tile_row + brought, last_row) * words;
                let w = weights(row, params.x_stride, half / 2u, half % 2u);
                bring(brought, 0u, w[0] * scales[brought]);
                bring(brought, 1u, w[1] * scales[brought]);
                bring(brought, 2u, w[2] * scales[brought]);
                bring(brought, 3u, w[3] * scales[brought]);
            }
            else {
                let start = min(tile_token + brought - TILE, last_token) * vectors + 4u * half;
                bring(brought, 0u, x[start] * scales[brought]);
                bring(brought, 1u, x[start + 1u] * scales[brought]);
                bring(brought, 2u, x[start + 2u] * scales[brought]);
                bring(brought, 3u, x[start + 3u] * scales[brought]);
            }
        }
        workgroupBarrier();
        if subgroup < WORKERS {
            for (var column = 0u; column < DEPTH; column += SIZE) {
                let high_tokens0 = coopLoadT<OfTokens>(&tile[token][column], STRIDE);
                let high_tokens1 = coopLoadT<OfTokens>(&tile[token + SIZE][column], STRIDE);
                let low_tokens0 = coopLoadT<OfTokens>(&tile[token][column + DEPTH], STRIDE);
                let low_tokens1 = coopLoadT<OfTokens>(&tile[token + SIZE][column + DEPTH], STRIDE);
                let high_rows0 = coopLoad<OfWeights>(&tile[row][column], STRIDE);
                let high_rows1 = coopLoad<OfWeights>(&tile[row + SIZE][column], STRIDE);
                sum00 = coopMultiplyAdd(low_tokens0, high_rows0, sum00);
                sum01 = coopMultiplyAdd(low_tokens0, high_rows1, sum01);
                sum10 = coopMultiplyAdd(low_tokens1, high_rows0, sum10);
                sum11 = coopMultiplyAdd(low_tokens1, high_rows1, sum11);
                if !FITS_F16 {
                    let low_rows0 = coopLoad<OfWeights>(&tile[row][column + DEPTH], STRIDE);
                    let low_rows1 = coopLoad<OfWeights>(&tile[row + SIZE][column + DEPTH], STRIDE);
                    sum00 = coopMultiplyAdd(high_tokens0, low_rows0, sum00);
                    sum01 = coopMultiplyAdd(high_tokens0, low_rows1, sum01);
                    sum10 = coopMultiplyAdd(high_tokens1, low_rows0, sum10);
                    sum11 = coopMultiplyAdd(high_tokens1, low_rows1, sum11);
                }
                sum00 = coopMultiplyAdd(high_tokens0, high_rows0, sum00);
                sum01 = coopMultiplyAdd(high_tokens0, high_rows1, sum01);
                sum10 = coopMultiplyAdd(high_tokens1, high_rows0, sum10);
                sum11 = coopMultiplyAdd(high_tokens1, high_rows1, sum11);
            }
        }
    }
    let mine = subgroup * SIZE * SIZE;
    if subgroup < WORKERS {
        coopStoreT(sum00, &sums[mine], SIZE);
    }
    workgroupBarrier();
    finish(tile_row, tile_token, 0u, 0u, local);
    workgroupBarrier();
    if subgroup < WORKERS {
        coopStoreT(sum01, &sums[mine], SIZE);
    }
    workgroupBarrier();
    finish(tile_row, tile_token, SIZE, 0u, local);
    workgroupBarrier();
    if subgroup < WORKERS {
        coopStoreT(sum10, &sums[mine], SIZE);
    }
    workgroupBarrier();
    finish(tile_row, tile_token, 0u, SIZE, local);
    workgroupBarrier();
    if subgroup < WORKERS {
        coopStoreT(sum11, &sums[mine], SIZE);
    }
    workgroupBarrier();
    finish(tile_row, tile_token, SIZE, SIZE, local);
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

override IS_F16: bool = FORMAT == F16;

override FITS_F16: bool = FORMAT == F16 || FORMAT == BF16;

fn bound(row: u32, columns: u32, block: u32, half: u32) -> f32 {
    if is_float() {
        let w = unscaled(row, columns, block, half);
        let greatest = max(max(abs(w[0]), abs(w[1])), max(abs(w[2]), abs(w[3])));
        return max(max(greatest.x, greatest.y), max(greatest.z, greatest.w));
    }
    let s = scale(row, columns, block, half);
    return 128.0 * abs(s.x) + abs(s.y);
}

