// Made of shaders/attention_probs.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

struct Params {
    num_heads: u32,
    num_kv_heads: u32,
    head_dim: u32,
    qkv_stride: u32,
    kv_stride: u32,
    columns: u32,
    scale: f32,
    window: u32,
    softcap: f32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> qkv: array<f32>;

@group(0) @binding(3)
var<storage, read> k_cache: array<f32>;

@group(0) @binding(4)
var<storage, read_write> probs: array<f32>;

fn score_of(product: f32) -> f32 {
    let score = product * params.scale;
    if params.softcap > 0.0 {
        return params.softcap * tanh(clamp(score / params.softcap, -15.0, 15.0));
    }
    return score;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_probs(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let token = group / params.num_heads;
    if token >= batch.num_tokens {
        return;
    }
    let head = group % params.num_heads;
    let kv_head = head / (params.num_heads / params.num_kv_heads);
    let q_start = token * params.qkv_stride + head * params.head_dim;
    let kv_len = batch.position + token + 1u;
    let first = select(0u, kv_len - min(kv_len, params.window), params.window > 0u);
    let row = group * params.columns;
    var max_score = -3e38;
    for (var j = first + local; j < kv_len; j += WORKGROUP_SIZE) {
        let k_start = j * params.kv_stride + kv_head * params.head_dim;
        var product = 0.0;
        for (var c = 0u; c < params.head_dim; c++) {
            product += qkv[q_start + c] * k_cache[k_start + c];
        }
        let score = score_of(product);
        probs[row + j] = score;
        max_score = max(max_score, score);
    }
    max_score = workgroup_max(local, max_score);
    var sum = 0.0;
    for (var j = first + local; j < kv_len; j += WORKGROUP_SIZE) {
        let weight = exp(probs[row + j] - max_score);
        probs[row + j] = weight;
        sum += weight;
    }
    sum = workgroup_sum(local, sum);
    for (var j = first + local; j < kv_len; j += WORKGROUP_SIZE) {
        probs[row + j] /= sum;
    }
    for (var j = local; j < params.columns; j += WORKGROUP_SIZE) {
        if j < first || j >= kv_len {
            probs[row + j] = 0.0;
        }
    }
}

override WORKGROUP_SIZE: u32 = 64u;

var<workgroup> partial: array<f32, WORKGROUP_SIZE>;

fn workgroup_sum(local: u32, value: f32) -> f32 {
    workgroupBarrier();
    partial[local] = value;
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local < half {
            partial[local] += partial[local + half];
        }
    }
    workgroupBarrier();
    return partial[0];
}

fn workgroup_max(local: u32, value: f32) -> f32 {
    workgroupBarrier();
    partial[local] = value;
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local < half {
            partial[local] = max(partial[local], partial[local + half]);
        }
    }
    workgroupBarrier();
    return partial[0];
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

