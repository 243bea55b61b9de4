// qk_norm: each query head and each key head of qkv[t] becomes rms_norm of itself, in place
//
// Shapes    qkv: [num_tokens, stride] f32, num_heads query heads, then num_kv_heads key heads, then values, head_dim
//           channels each; q_weight, k_weight: [head_dim] f32
// Dispatch  num_heads + num_kv_heads workgroups per token
// Requires  WORKGROUP_SIZE a power of two
// Twin      src/cpu/qk_norm.rs
// Source    Henry et al. 2020, arXiv:2010.04245 (with RMSNorm, as Gemma 3 and Qwen 3)

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    num_heads: u32,
    num_kv_heads: u32,
    head_dim: u32,
    stride: u32,
    eps: f32,
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> batch: Batch;
@group(0) @binding(2) var<storage, read> q_weight: array<f32>; // [head_dim]
@group(0) @binding(3) var<storage, read> k_weight: array<f32>; // [head_dim]
@group(0) @binding(4) var<storage, read_write> qkv: array<f32>; // [num_tokens, stride]

var<workgroup> partial: array<f32, WORKGROUP_SIZE>;

// Sum of `value` over the workgroup, the same for every thread.
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

@compute @workgroup_size(WORKGROUP_SIZE)
fn qk_norm(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let heads = params.num_heads + params.num_kv_heads;
    let token = group / heads;
    if token >= batch.num_tokens {
        return;
    }
    let head = group % heads;
    let start = token * params.stride + head * params.head_dim;

    var squares = 0.0;
    for (var channel = local; channel < params.head_dim; channel += WORKGROUP_SIZE) {
        squares += qkv[start + channel] * qkv[start + channel];
    }
    let scale = 1.0 / sqrt(workgroup_sum(local, squares) / f32(params.head_dim) + params.eps);

    for (var channel = local; channel < params.head_dim; channel += WORKGROUP_SIZE) {
        let weight = select(k_weight[channel], q_weight[channel], head < params.num_heads);
        qkv[start + channel] *= scale * weight;
    }
}
