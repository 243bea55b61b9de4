// Made of shaders/attention.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override WORKGROUP_SIZE: u32 = 64u;

override THREADS_PER_POSITION: u32 = 64u;

override QUERIES: u32 = 512u;

override HIGH: u32 = select(1u, WORKGROUP_SIZE, ROWS > 4u);

override LOADS: u32 = select(1u, 4u, ALIGNMENT >= 32u && ROWS <= 4u);

override APART: u32 = WORKGROUP_SIZE / THREADS_PER_POSITION;

override STEP: u32 = LOADS * APART;

var<workgroup> queries: array<vec4<f32>, QUERIES>;

var<workgroup> weights_low: array<vec4<f32>, WORKGROUP_SIZE>;

var<workgroup> weights_high: array<vec4<f32>, HIGH>;

var<workgroup> partial_low: array<vec4<f32>, WORKGROUP_SIZE>;

var<workgroup> partial_high: array<vec4<f32>, HIGH>;

fn store_partial(local: u32, mine: Rows) {
    partial_low[local] = mine.low;
    if ROWS > 4u {
        partial_high[local] = mine.high;
    }
}

fn first_partial() -> Rows {
    var first = Rows(partial_low[0], vec4<f32>(0.0));
    if ROWS > 4u {
        first.high = partial_high[0];
    }
    return first;
}

fn workgroup_max(local: u32, mine: Rows) -> Rows {
    workgroupBarrier();
    store_partial(local, mine);
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local < half {
            partial_low[local] = max(partial_low[local], partial_low[local + half]);
            if ROWS > 4u {
                partial_high[local] = max(partial_high[local], partial_high[local + half]);
            }
        }
    }
    workgroupBarrier();
    return first_partial();
}

fn workgroup_sum(local: u32, mine: Rows) -> Rows {
    workgroupBarrier();
    store_partial(local, mine);
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local < half {
            partial_low[local] += partial_low[local + half];
            if ROWS > 4u {
                partial_high[local] += partial_high[local + half];
            }
        }
    }
    workgroupBarrier();
    return first_partial();
}

fn sum_of_threads(local: u32, mine: vec4<f32>) -> vec4<f32> {
    if WORKGROUP_SIZE == THREADS_PER_POSITION {
        return mine;
    }
    workgroupBarrier();
    partial_low[local] = mine;
    for (var half = WORKGROUP_SIZE / 2u; half >= THREADS_PER_POSITION; half /= 2u) {
        workgroupBarrier();
        if local < half {
            partial_low[local] += partial_low[local + half];
        }
    }
    workgroupBarrier();
    return partial_low[local];
}

fn product(row: u32, vector: u32, four: vec4<f32>) -> f32 {
    return dot(queries[row * THREADS_PER_POSITION + vector], four);
}

fn add_products(products: ptr<function, Rows>, vector: u32, k: vec4<f32>) {
    (*products).low.x += product(0u, vector, k);
    if ROWS > 1u {
        (*products).low.y += product(1u, vector, k);
    }
    if ROWS > 2u {
        (*products).low.z += product(2u, vector, k);
        (*products).low.w += product(3u, vector, k);
    }
    if ROWS > 4u {
        (*products).high.x += product(4u, vector, k);
        (*products).high.y += product(5u, vector, k);
        (*products).high.z += product(6u, vector, k);
        (*products).high.w += product(7u, vector, k);
    }
}

fn add_value(sums: ptr<function, Sums>, j: u32, v: vec4<f32>) {
    add_low(sums, weights_low[j], v);
    if ROWS > 4u {
        add_high(sums, weights_high[j], v);
    }
}

fn sum_of_row(sums: Sums, row: u32) -> vec4<f32> {
    var four = sums.row0;
    if ROWS > 1u {
        four = select(four, sums.row1, row == 1u);
    }
    if ROWS > 2u {
        four = select(four, sums.row2, row == 2u);
        four = select(four, sums.row3, row == 3u);
    }
    if ROWS > 4u {
        four = select(four, sums.row4, row == 4u);
        four = select(four, sums.row5, row == 5u);
        four = select(four, sums.row6, row == 6u);
        four = select(four, sums.row7, row == 7u);
    }
    return four;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
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
    let vectors = (params.head_dim + 3u) / 4u;
    let last = end - 1u;
    for (var index = local; index < ROWS * THREADS_PER_POSITION; index += WORKGROUP_SIZE) {
        let r = index / THREADS_PER_POSITION;
        let row_start = select(low_starts[r % 4u], high_starts[r % 4u], r >= 4u);
        if index % THREADS_PER_POSITION < vectors {
            queries[index] = query(row_start, 4u * (index % THREADS_PER_POSITION));
        }
    }
    workgroupBarrier();
    let channel = 4u * (local % THREADS_PER_POSITION);
    var max_scores = Rows(vec4<f32>(LOWEST), vec4<f32>(LOWEST));
    var sums = Rows(vec4<f32>(0.0), vec4<f32>(0.0));
    var sum = Sums();
    for (var chunk = start / WORKGROUP_SIZE * WORKGROUP_SIZE; chunk < end; chunk += WORKGROUP_SIZE) {
        let position = chunk + local;
        let k_start = min(position, last) * params.kv_stride + kv_start;
        var products = Rows(vec4<f32>(0.0), vec4<f32>(0.0));
        if LOADS == 4u {
            for (var vector = 0u; vector < vectors; vector += 4u) {
                let k0 = key(k_start, 4u * vector);
                let k1 = key(k_start, 4u * vector + 4u);
                let k2 = key(k_start, 4u * vector + 8u);
                let k3 = key(k_start, 4u * vector + 12u);
                add_products(&products, vector, k0);
                add_products(&products, vector + 1u, k1);
                add_products(&products, vector + 2u, k2);
                add_products(&products, vector + 3u, k3);
            }
        }
        else {
            for (var vector = 0u; vector < vectors; vector++) {
                add_products(&products, vector, key(k_start, 4u * vector));
            }
        }
        let low_scores = scores_of(products.low, position, low_first, low_end);
        var high_scores = vec4<f32>(LOWEST);
        if ROWS > 4u {
            high_scores = scores_of(products.high, position, high_first, high_end);
        }
        let chunk_max = workgroup_max(local, Rows(low_scores, high_scores));
        let new_max = Rows(max(max_scores.low, chunk_max.low), max(max_scores.high, chunk_max.high));
        let low_rescale = exp(max_scores.low - new_max.low);
        let low_weights = weights_of(low_scores, new_max.low);
        sums.low = sums.low * low_rescale + low_weights;
        weights_low[local] = low_weights;
        sum.row0 *= low_rescale.x;
        sum.row1 *= low_rescale.y;
        sum.row2 *= low_rescale.z;
        sum.row3 *= low_rescale.w;
        if ROWS > 4u {
            let high_rescale = exp(max_scores.high - new_max.high);
            let high_weights = weights_of(high_scores, new_max.high);
            sums.high = sums.high * high_rescale + high_weights;
            weights_high[local] = high_weights;
            sum.row4 *= high_rescale.x;
            sum.row5 *= high_rescale.y;
            sum.row6 *= high_rescale.z;
            sum.row7 *= high_rescale.w;
        }
        max_scores = new_max;
        workgroupBarrier();
        if channel < params.head_dim {
            let in_chunk = min(WORKGROUP_SIZE, end - chunk);
            if LOADS == 4u {
                for (var j = local / THREADS_PER_POSITION; j < in_chunk; j += STEP) {
                    let j1 = j + APART;
                    let j2 = j + 2u * APART;
                    let j3 = j + 3u * APART;
                    let v0 = value((chunk + j) * params.kv_stride + kv_start, channel);
                    let v1 = value(min(chunk + j1, last) * params.kv_stride + kv_start, channel);
                    let v2 = value(min(chunk + j2, last) * params.kv_stride + kv_start, channel);
                    let v3 = value(min(chunk + j3, last) * params.kv_stride + kv_start, channel);
                    add_value(&sum, j, v0);
                    add_value(&sum, j1, v1);
                    add_value(&sum, j2, v2);
                    add_value(&sum, j3, v3);
                }
            }
            else {
                for (var j = local / THREADS_PER_POSITION; j < in_chunk; j += STEP) {
                    add_value(&sum, j, value((chunk + j) * params.kv_stride + kv_start, channel));
                }
            }
        }
    }
    sums = workgroup_sum(local, sums);
    sum.row0 = sum_of_threads(local, sum.row0);
    if ROWS > 1u {
        sum.row1 = sum_of_threads(local, sum.row1);
    }
    if ROWS > 2u {
        sum.row2 = sum_of_threads(local, sum.row2);
        sum.row3 = sum_of_threads(local, sum.row3);
    }
    if ROWS > 4u {
        sum.row4 = sum_of_threads(local, sum.row4);
        sum.row5 = sum_of_threads(local, sum.row5);
        sum.row6 = sum_of_threads(local, sum.row6);
        sum.row7 = sum_of_threads(local, sum.row7);
    }
    if local >= THREADS_PER_POSITION {
        return;
    }
    for (var r = 0u; r < ROWS && r <= last_row - first_row; r++) {
        let row = first_row + r;
        let token = first_token + row / shared_by;
        let head = kv_head * shared_by + row % shared_by;
        let sum_of_weights = select(sums.low[r % 4u], sums.high[r % 4u], r >= 4u);
        write(token, head, channel, split, num_splits, sum_of_row(sum, r), sum_of_weights);
        if num_splits > 1u && local == 0u {
            let max_score = select(max_scores.low[r % 4u], max_scores.high[r % 4u], r >= 4u);
            write_scale(token, head, split, max_score, sum_of_weights);
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

