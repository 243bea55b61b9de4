// Made of shaders/add_norm.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

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
var<storage, read> update: array<f32>;

@group(0) @binding(4)
var<storage, read> post_weight: array<f32>;

@group(0) @binding(5)
var<storage, read> weight: array<f32>;

@group(0) @binding(6)
var<storage, read_write> z: array<f32>;

@group(0) @binding(7)
var<storage, read_write> y: array<f32>;

fn scale_of(squares: f32) -> f32 {
    return 1.0 / sqrt(squares / f32(params.hidden_size) + params.eps);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn add_norm(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let token = workgroup.x + workgroup.y * workgroups.x;
    if token >= batch.num_tokens {
        return;
    }
    let row = token * params.stride;
    var update_squares = 0.0;
    for (var channel = local; channel < params.hidden_size; channel += WORKGROUP_SIZE) {
        update_squares += update[row + channel] * update[row + channel];
    }
    let update_scale = scale_of(workgroup_sum(local, update_squares));
    var squares = 0.0;
    for (var channel = local; channel < params.hidden_size; channel += WORKGROUP_SIZE) {
        let sum = x[row + channel] + update[row + channel] * update_scale * post_weight[channel];
        z[row + channel] = sum;
        squares += sum * sum;
    }
    let norm_scale = scale_of(workgroup_sum(local, squares));
    for (var channel = local; channel < params.hidden_size; channel += WORKGROUP_SIZE) {
        y[row + channel] = z[row + channel] * norm_scale * weight[channel];
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

