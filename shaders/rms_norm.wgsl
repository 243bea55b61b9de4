// rms_norm: y[t, c] = x[t, c] * weight[c] / sqrt(mean_c(x[t, c]^2) + eps)
//
// Shapes    x, y: [num_tokens, stride] f32; weight: [hidden_size] f32
// Dispatch  one workgroup per token
// Requires  WORKGROUP_SIZE a power of two
// Twin      src/cpu/rms_norm.rs
// Source    Zhang & Sennrich 2019, arXiv:1910.07467

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    hidden_size: u32,
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
@group(0) @binding(2) var<storage, read> x: array<f32>; // [num_tokens, stride]
@group(0) @binding(3) var<storage, read> weight: array<f32>; // [hidden_size]
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [num_tokens, stride]

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
fn rms_norm(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let token = group;
    if token >= batch.num_tokens {
        return;
    }
    let row = token * params.stride;

    var squares = 0.0;
    for (var channel = local; channel < params.hidden_size; channel += WORKGROUP_SIZE) {
        squares += x[row + channel] * x[row + channel];
    }
    let scale = 1.0 / sqrt(workgroup_sum(local, squares) / f32(params.hidden_size) + params.eps);

    for (var channel = local; channel < params.hidden_size; channel += WORKGROUP_SIZE) {
        y[row + channel] = x[row + channel] * scale * weight[channel];
    }
}
