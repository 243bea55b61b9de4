// Made of shaders/rms_norm.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

struct Params {
    hidden_size: u32,
    stride: u32,
    eps: f32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> x: array<f32>;

@group(0) @binding(3)
var<storage, read> weight: array<f32>;

@group(0) @binding(4)
var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn rms_norm(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
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

