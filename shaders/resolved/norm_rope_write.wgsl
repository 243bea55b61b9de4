// Made of shaders/norm_rope_write.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

struct Params {
    num_heads: u32,
    num_kv_heads: u32,
    head_dim: u32,
    qkv_stride: u32,
    angles_stride: u32,
    kv_stride: u32,
    has_norm: u32,
    eps: f32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> angles: array<f32>;

@group(0) @binding(3)
var<storage, read> q_weight: array<f32>;

@group(0) @binding(4)
var<storage, read> k_weight: array<f32>;

@group(0) @binding(5)
var<storage, read> cache_rows: array<u32>;

@group(0) @binding(6)
var<storage, read_write> qkv: array<f32>;

@group(0) @binding(7)
var<storage, read_write> k_cache: array<f32>;

@group(0) @binding(8)
var<storage, read_write> v_cache: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn norm_rope_write(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let rotating_heads = params.num_heads + params.num_kv_heads;
    let heads = rotating_heads + params.num_kv_heads;
    let token = group / heads;
    if token >= batch.num_tokens {
        return;
    }
    let head = group % heads;
    let start = token * params.qkv_stride + head * params.head_dim;
    let cached = cache_rows[token] * params.kv_stride;
    if head >= rotating_heads {
        for (var channel = local; channel < params.head_dim; channel += WORKGROUP_SIZE) {
            v_cache[cached + (head - rotating_heads) * params.head_dim + channel] = qkv[start + channel];
        }
        return;
    }
    var scale = 1.0;
    if params.has_norm != 0u {
        var squares = 0.0;
        for (var channel = local; channel < params.head_dim; channel += WORKGROUP_SIZE) {
            squares += qkv[start + channel] * qkv[start + channel];
        }
        scale = 1.0 / sqrt(workgroup_sum(local, squares) / f32(params.head_dim) + params.eps);
    }
    let half = params.head_dim / 2u;
    let is_query = head < params.num_heads;
    for (var i = local; i < half; i += WORKGROUP_SIZE) {
        var a = qkv[start + i];
        var b = qkv[start + half + i];
        if params.has_norm != 0u {
            a *= scale * select(k_weight[i], q_weight[i], is_query);
            b *= scale * select(k_weight[half + i], q_weight[half + i], is_query);
        }
        let cosine = angles[token * params.angles_stride + i];
        let sine = angles[token * params.angles_stride + half + i];
        let low = a * cosine - b * sine;
        let high = b * cosine + a * sine;
        qkv[start + i] = low;
        qkv[start + half + i] = high;
        if !is_query {
            let k_start = cached + (head - params.num_heads) * params.head_dim;
            k_cache[k_start + i] = low;
            k_cache[k_start + half + i] = high;
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

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

