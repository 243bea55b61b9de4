// Made of shaders/attention_subgroups.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override VALUES: u32 = 256u;

const LANES: u32 = 8u;

const CHUNK: u32 = 128u;

const STEP: u32 = 16u;

var<workgroup> weights: array<vec4<f32>, 2u * CHUNK>;

var<workgroup> values: array<vec4<f32>, VALUES>;

struct Block {
    four0: vec4<f32>,
    four1: vec4<f32>,
    four2: vec4<f32>,
    four3: vec4<f32>,
    four4: vec4<f32>,
    four5: vec4<f32>,
    four6: vec4<f32>,
    four7: vec4<f32>
}

fn key_block(start: u32, channel: u32) -> Block {
    return Block(key(start, channel), key(start, channel + 4u), key(start, channel + 8u), key(start, channel + 12u), key(start, channel + 16u), key(start, channel + 20u), key(start, channel + 24u), key(start, channel + 28u));
}

fn dot_block(a: Block, b: Block) -> f32 {
    return dot(a.four0, b.four0) + dot(a.four1, b.four1) + dot(a.four2, b.four2) + dot(a.four3, b.four3) + dot(a.four4, b.four4) + dot(a.four5, b.four5) + dot(a.four6, b.four6) + dot(a.four7, b.four7);
}

fn products(mine: vec4<f32>, a: Block, b: Block) -> vec2<f32> {
    let all = Block(subgroupBroadcast(mine, 0u), subgroupBroadcast(mine, 1u), subgroupBroadcast(mine, 2u), subgroupBroadcast(mine, 3u), subgroupBroadcast(mine, 4u), subgroupBroadcast(mine, 5u), subgroupBroadcast(mine, 6u), subgroupBroadcast(mine, 7u));
    return vec2<f32>(dot_block(all, a), dot_block(all, b));
}

fn add(sums: ptr<function, Sums>, mine: Rows, position: u32, last: u32, kv_start: u32, channel: u32) {
    let stride = params.kv_stride;
    let v0 = value(min(position, last) * stride + kv_start, channel);
    let v1 = value(min(position + 1u, last) * stride + kv_start, channel);
    let v2 = value(min(position + 2u, last) * stride + kv_start, channel);
    let v3 = value(min(position + 3u, last) * stride + kv_start, channel);
    let v4 = value(min(position + 4u, last) * stride + kv_start, channel);
    let v5 = value(min(position + 5u, last) * stride + kv_start, channel);
    let v6 = value(min(position + 6u, last) * stride + kv_start, channel);
    let v7 = value(min(position + 7u, last) * stride + kv_start, channel);
    add_low(sums, subgroupBroadcast(mine.low, 0u), v0);
    add_low(sums, subgroupBroadcast(mine.low, 1u), v1);
    add_low(sums, subgroupBroadcast(mine.low, 2u), v2);
    add_low(sums, subgroupBroadcast(mine.low, 3u), v3);
    add_low(sums, subgroupBroadcast(mine.low, 4u), v4);
    add_low(sums, subgroupBroadcast(mine.low, 5u), v5);
    add_low(sums, subgroupBroadcast(mine.low, 6u), v6);
    add_low(sums, subgroupBroadcast(mine.low, 7u), v7);
    if ROWS > 4u {
        add_high(sums, subgroupBroadcast(mine.high, 0u), v0);
        add_high(sums, subgroupBroadcast(mine.high, 1u), v1);
        add_high(sums, subgroupBroadcast(mine.high, 2u), v2);
        add_high(sums, subgroupBroadcast(mine.high, 3u), v3);
        add_high(sums, subgroupBroadcast(mine.high, 4u), v4);
        add_high(sums, subgroupBroadcast(mine.high, 5u), v5);
        add_high(sums, subgroupBroadcast(mine.high, 6u), v6);
        add_high(sums, subgroupBroadcast(mine.high, 7u), v7);
    }
}

@compute @workgroup_size(LANES)
fn attention_subgroups(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let shared_by = params.num_heads / params.num_kv_heads;
    let tiles_per_block = (params.block_tokens * shared_by + ROWS - 1u) / ROWS;
    let split = group % params.max_splits;
    let kv_head = group / params.max_splits % params.num_kv_heads;
    let tile = group / params.max_splits / params.num_kv_heads;
    let first_token = tile / tiles_per_block * params.block_tokens;
    if first_token >= batch.num_tokens {
        return;
    }
    let first_row = tile % tiles_per_block * ROWS;
    let num_rows = min(params.block_tokens, batch.num_tokens - first_token) * shared_by;
    if first_row >= num_rows {
        return;
    }
    let last_row = min(first_row + ROWS, num_rows) - 1u;
    let first_position = cache_rows[first_token] % params.max_seq_len;
    let text_start = (cache_rows[first_token] - first_position) * params.kv_stride;
    let first_len = first_position + first_row / shared_by + 1u;
    let tile_start = select(0u, first_len - min(first_len, params.window), params.window > 0u);
    let tile_end = first_position + last_row / shared_by + 1u;
    let first_split = tile_start / params.split_len;
    let num_splits = select(1u, (tile_end - 1u) / params.split_len - first_split + 1u, params.max_splits > 1u);
    if split >= num_splits {
        return;
    }
    let split_start = (first_split + split) * params.split_len;
    let start = select(tile_start, max(tile_start, split_start), num_splits > 1u);
    let end = select(tile_end, min(tile_end, split_start + params.split_len), num_splits > 1u);
    let four = vec4<u32>(0u, 1u, 2u, 3u);
    let low = min(vec4<u32>(first_row) + four, vec4<u32>(last_row));
    let high = min(vec4<u32>(first_row + 4u) + four, vec4<u32>(last_row));
    let low_tokens = vec4<u32>(first_token) + low / shared_by;
    let high_tokens = vec4<u32>(first_token) + high / shared_by;
    let low_heads = vec4<u32>(kv_head * shared_by) + low % shared_by;
    let high_heads = vec4<u32>(kv_head * shared_by) + high % shared_by;
    let low_len = vec4<u32>(first_position + 1u) + low / shared_by;
    let high_len = vec4<u32>(first_position + 1u) + high / shared_by;
    let low_first = max(first_seen(low_len), vec4<u32>(start));
    let high_first = max(first_seen(high_len), vec4<u32>(start));
    let low_end = min(low_len, vec4<u32>(end));
    let high_end = min(high_len, vec4<u32>(end));
    let low_starts = low_tokens * params.qkv_stride + low_heads * params.head_dim;
    let high_starts = high_tokens * params.qkv_stride + high_heads * params.head_dim;
    let kv_start = text_start + kv_head * params.head_dim;
    let blocks = (params.head_dim + 31u) / 32u;
    let last = end - 1u;
    var max_scores = Rows(vec4<f32>(LOWEST), vec4<f32>(LOWEST));
    var sums = Rows(vec4<f32>(0.0), vec4<f32>(0.0));
    let first_chunk = start / CHUNK * CHUNK;
    for (var chunk = first_chunk; chunk < end; chunk += CHUNK) {
        let chunk_end = min(end, chunk + CHUNK);
        let first_step = max(chunk, start / STEP * STEP);
        var new_max = max_scores;
        for (var step = first_step; step < chunk_end; step += STEP) {
            let position = step + lane;
            let start0 = min(position, last) * params.kv_stride + kv_start;
            let start1 = min(position + LANES, last) * params.kv_stride + kv_start;
            for (var block = 0u; block < blocks; block++) {
                let channel = 32u * block;
                let a = key_block(start0, channel);
                let b = key_block(start1, channel);
                for (var r = 0u; r < ROWS; r++) {
                    let row_start = select(low_starts[r % 4u], high_starts[r % 4u], r >= 4u);
                    var sum = products(query(row_start, channel + 4u * lane), a, b);
                    let index = 2u * (position - chunk) + r / 4u;
                    if block > 0u {
                        sum += vec2<f32>(weights[index][r % 4u], weights[index + 2u * LANES][r % 4u]);
                    }
                    weights[index][r % 4u] = sum.x;
                    weights[index + 2u * LANES][r % 4u] = sum.y;
                }
            }
            for (var i = 0u; i < 2u; i++) {
                let j = position + i * LANES;
                let index = 2u * (j - chunk);
                let low_scores = scores_of(weights[index], j, low_first, low_end);
                new_max.low = max(new_max.low, low_scores);
                weights[index] = low_scores;
                if ROWS > 4u {
                    let high_scores = scores_of(weights[index + 1u], j, high_first, high_end);
                    new_max.high = max(new_max.high, high_scores);
                    weights[index + 1u] = high_scores;
                }
            }
        }
        new_max.low = subgroupMax(new_max.low);
        let low_rescale = exp(max_scores.low - new_max.low);
        sums.low *= low_rescale;
        var high_rescale = vec4<f32>(1.0);
        if ROWS > 4u {
            new_max.high = subgroupMax(new_max.high);
            high_rescale = exp(max_scores.high - new_max.high);
            sums.high *= high_rescale;
        }
        max_scores = new_max;
        for (var step = first_step; step < chunk_end; step += STEP) {
            for (var i = 0u; i < 2u; i++) {
                let index = 2u * (step + lane + i * LANES - chunk);
                let low_weights = weights_of(weights[index], max_scores.low);
                sums.low += low_weights;
                weights[index] = low_weights;
                if ROWS > 4u {
                    let high_weights = weights_of(weights[index + 1u], max_scores.high);
                    sums.high += high_weights;
                    weights[index + 1u] = high_weights;
                }
            }
        }
        workgroupBarrier();
        for (var block = 0u; block < blocks; block++) {
            let channel = 32u * block + 4u * lane;
            let mine = channel / 4u;
            let vectors = 8u * blocks;
            var sum = Sums();
            if chunk > first_chunk {
                sum.row0 = values[mine] * low_rescale.x;
                if ROWS > 1u {
                    sum.row1 = values[vectors + mine] * low_rescale.y;
                }
                if ROWS > 2u {
                    sum.row2 = values[2u * vectors + mine] * low_rescale.z;
                    sum.row3 = values[3u * vectors + mine] * low_rescale.w;
                }
                if ROWS > 4u {
                    sum.row4 = values[4u * vectors + mine] * high_rescale.x;
                    sum.row5 = values[5u * vectors + mine] * high_rescale.y;
                    sum.row6 = values[6u * vectors + mine] * high_rescale.z;
                    sum.row7 = values[7u * vectors + mine] * high_rescale.w;
                }
            }
            for (var j = max(chunk, start / LANES * LANES); j < chunk_end; j += LANES) {
                let index = 2u * (j - chunk + lane);
                add(&sum, Rows(weights[index], weights[index + 1u]), j, last, kv_start, channel);
            }
            values[mine] = sum.row0;
            if ROWS > 1u {
                values[vectors + mine] = sum.row1;
            }
            if ROWS > 2u {
                values[2u * vectors + mine] = sum.row2;
                values[3u * vectors + mine] = sum.row3;
            }
            if ROWS > 4u {
                values[4u * vectors + mine] = sum.row4;
                values[5u * vectors + mine] = sum.row5;
                values[6u * vectors + mine] = sum.row6;
                values[7u * vectors + mine] = sum.row7;
            }
        }
        workgroupBarrier();
    }
    sums.low = subgroupAdd(sums.low);
    if ROWS > 4u {
        sums.high = subgroupAdd(sums.high);
    }
    for (var r = 0u; r < ROWS && r <= last_row - first_row; r++) {
        let row = first_row + r;
        let token = first_token + row / shared_by;
        let head = kv_head * shared_by + row % shared_by;
        let sum = select(sums.low[r % 4u], sums.high[r % 4u], r >= 4u);
        for (var block = 0u; block < blocks; block++) {
            let channel = 32u * block + 4u * lane;
            write(token, head, channel, split, num_splits, values[8u * r * blocks + channel / 4u], sum);
        }
        if num_splits > 1u && lane == 0u {
            write_scale(token, head, split, select(max_scores.low[r % 4u], max_scores.high[r % 4u], r >= 4u), sum);
        }
    }
}

override ROWS: u32 = 4u;

override ALIGNMENT: u32 = 1u;

const LOWEST: f32 = -3e38;

struct Params {
    num_heads: u32,
    num_kv_heads: u32,
    head_dim: u32,
    qkv_stride: u32,
    kv_stride: u32,
    y_stride: u32,
    scale: f32,
    window: u32,
    softcap: f32,
    split_len: u32,
    max_splits: u32,
    block_tokens: u32,
    max_seq_len: u32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> qkv: array<vec4<f32>>;

@group(0) @binding(3)
var<storage, read> k_cache: array<vec4<f32>>;

@group(0) @binding(4)
var<storage, read> v_cache: array<vec4<f32>>;

@group(0) @binding(5)
var<storage, read> cache_rows: array<u32>;

@group(0) @binding(6)
var<storage, read_write> partials: array<f32>;

@group(0) @binding(7)
var<storage, read_write> y: array<f32>;

struct Rows {
    low: vec4<f32>,
    high: vec4<f32>
}

fn is_within(channel: u32) -> bool {
    return ALIGNMENT >= 32u || (ALIGNMENT >= 4u && channel < params.head_dim);
}

fn query(start: u32, channel: u32) -> vec4<f32> {
    if is_within(channel) {
        return qkv[(start + channel) / 4u];
    }
    var four = vec4<f32>(0.0);
    if ALIGNMENT < 4u {
        for (var i = 0u; i < 4u && channel + i < params.head_dim; i++) {
            let element = start + channel + i;
            four[i] = qkv[element / 4u][element % 4u];
        }
    }
    return four;
}

fn key(start: u32, channel: u32) -> vec4<f32> {
    if is_within(channel) {
        return k_cache[(start + channel) / 4u];
    }
    var four = vec4<f32>(0.0);
    if ALIGNMENT < 4u {
        for (var i = 0u; i < 4u && channel + i < params.head_dim; i++) {
            let element = start + channel + i;
            four[i] = k_cache[element / 4u][element % 4u];
        }
    }
    return four;
}

fn value(start: u32, channel: u32) -> vec4<f32> {
    if is_within(channel) {
        return v_cache[(start + channel) / 4u];
    }
    var four = vec4<f32>(0.0);
    if ALIGNMENT < 4u {
        for (var i = 0u; i < 4u && channel + i < params.head_dim; i++) {
            let element = start + channel + i;
            four[i] = v_cache[element / 4u][element % 4u];
        }
    }
    return four;
}

fn scores_of(product: vec4<f32>, position: u32, first: vec4<u32>, kv_len: vec4<u32>) -> vec4<f32> {
    var scores = product * params.scale;
    if params.softcap > 0.0 {
        scores = params.softcap * tanh(clamp(scores / params.softcap, vec4<f32>(-15.0), vec4<f32>(15.0)));
    }
    let sees = (vec4<u32>(position) >= first) & (vec4<u32>(position) < kv_len);
    return select(vec4<f32>(LOWEST), scores, sees);
}

fn weights_of(scores: vec4<f32>, max_scores: vec4<f32>) -> vec4<f32> {
    return select(vec4<f32>(0.0), exp(scores - max_scores), scores > vec4<f32>(LOWEST));
}

fn first_seen(kv_len: vec4<u32>) -> vec4<u32> {
    return select(vec4<u32>(0u), kv_len - min(kv_len, vec4<u32>(params.window)), params.window > 0u);
}

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

fn add_low(sums: ptr<function, Sums>, weights: vec4<f32>, four: vec4<f32>) {
    (*sums).row0 += weights.x * four;
    if ROWS > 1u {
        (*sums).row1 += weights.y * four;
    }
    if ROWS > 2u {
        (*sums).row2 += weights.z * four;
        (*sums).row3 += weights.w * four;
    }
}

fn add_high(sums: ptr<function, Sums>, weights: vec4<f32>, four: vec4<f32>) {
    (*sums).row4 += weights.x * four;
    (*sums).row5 += weights.y * four;
    (*sums).row6 += weights.z * four;
    (*sums).row7 += weights.w * four;
}

fn write(token: u32, head: u32, channel: u32, split: u32, num_splits: u32, four: vec4<f32>, sum: f32) {
    var start = token * params.y_stride + head * params.head_dim;
    if num_splits > 1u {
        start = ((token * params.num_heads + head) * params.max_splits + split) * (params.head_dim + 2u);
    }
    for (var i = 0u; i < 4u && channel + i < params.head_dim; i++) {
        if num_splits > 1u {
            partials[start + channel + i] = four[i];
        }
        else {
            y[start + channel + i] = four[i] / sum;
        }
    }
}

fn write_scale(token: u32, head: u32, split: u32, max_score: f32, sum: f32) {
    let end = ((token * params.num_heads + head) * params.max_splits + split + 1u) * (params.head_dim + 2u);
    partials[end - 2u] = max_score;
    partials[end - 1u] = sum;
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

