// attention: y[t, h] = sum_j softmax_j(scale * q[t, h] . k_cache[j, g]) * v_cache[j, g] over j = first ..= position + t
//            where first = max(0, position + t + 1 - window), g = h / (num_heads / num_kv_heads)
//
// Shapes    qkv: [num_tokens, qkv_stride] f32, q first;
//           k_cache, v_cache: [max_seq_len, kv_stride] f32, rows up to position + num_tokens
//           written; y: [num_tokens, y_stride] f32
// Dispatch  num_heads * ceil(head_dim / WORKGROUP_SIZE) workgroups per token, each for WORKGROUP_SIZE channels of one
//           head
// Requires  WORKGROUP_SIZE a power of two
// Twin      src/cpu/attention.rs
// Source    the softmax is accumulated on the way: Milakov & Gimelshein 2018, arXiv:1805.02867

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    num_heads: u32,
    num_kv_heads: u32,
    head_dim: u32,
    qkv_stride: u32,
    kv_stride: u32,
    y_stride: u32,
    scale: f32,
    window: u32, // positions that a token sees, itself included; 0 for all
    softcap: f32, // 0 for none
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> batch: Batch;
@group(0) @binding(2) var<storage, read> qkv: array<f32>; // [num_tokens, qkv_stride]
@group(0) @binding(3) var<storage, read> k_cache: array<f32>; // [max_seq_len, kv_stride]
@group(0) @binding(4) var<storage, read> v_cache: array<f32>; // [max_seq_len, kv_stride]
@group(0) @binding(5) var<storage, read_write> y: array<f32>; // [num_tokens, y_stride]

// exp(score - max) of the positions at hand, one a thread.
var<workgroup> weights: array<f32, WORKGROUP_SIZE>;
var<workgroup> partial: array<f32, WORKGROUP_SIZE>;

// Maximum of `value` over the workgroup, the same for every thread.
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

// A score before the softmax, from a product of query and key.
fn score_of(product: f32) -> f32 {
    let score = product * params.scale;
    if params.softcap > 0.0 {
        return params.softcap * tanh(clamp(score / params.softcap, -15.0, 15.0));
    }
    return score;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let blocks_per_head = (params.head_dim + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let token = group / (params.num_heads * blocks_per_head);
    if token >= batch.num_tokens {
        return;
    }
    let head = (group / blocks_per_head) % params.num_heads;
    let kv_head = head / (params.num_heads / params.num_kv_heads);
    let channel = (group % blocks_per_head) * WORKGROUP_SIZE + local;

    let q_start = token * params.qkv_stride + head * params.head_dim;
    let kv_start = kv_head * params.head_dim;
    let kv_len = batch.position + token + 1u;
    let first = select(0u, kv_len - min(kv_len, params.window), params.window > 0u);

    // A finite lowest score: with fast math an infinity would turn the first rescaling into NaN.
    var max_score = -3.0e38;
    var sum = 0.0;
    var value = 0.0;
    for (var chunk = first; chunk < kv_len; chunk += WORKGROUP_SIZE) {
        let in_chunk = min(WORKGROUP_SIZE, kv_len - chunk);
        var score = -3.0e38;
        if local < in_chunk {
            let k_start = (chunk + local) * params.kv_stride + kv_start;
            var product = 0.0;
            for (var c = 0u; c < params.head_dim; c++) {
                product += qkv[q_start + c] * k_cache[k_start + c];
            }
            score = score_of(product);
        }
        let new_max = max(max_score, workgroup_max(local, score));
        weights[local] = select(0.0, exp(score - new_max), local < in_chunk);
        workgroupBarrier();

        let rescale = exp(max_score - new_max);
        sum *= rescale;
        value *= rescale;
        max_score = new_max;
        let has_channel = channel < params.head_dim;
        for (var j = 0u; j < in_chunk; j++) {
            let weight = weights[j];
            sum += weight;
            if has_channel {
                value += weight * v_cache[(chunk + j) * params.kv_stride + kv_start + channel];
            }
        }
    }
    if channel < params.head_dim {
        y[token * params.y_stride + head * params.head_dim + channel] = value / sum;
    }
}
