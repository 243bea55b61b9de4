// Made of shaders/gelu_tanh.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    columns: u32,
    stride: u32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> x: array<f32>;

@group(0) @binding(3)
var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn gelu_tanh(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let groups_per_token = (params.columns + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let token = group / groups_per_token;
    let column = (group % groups_per_token) * WORKGROUP_SIZE + local;
    if token >= batch.num_tokens || column >= params.columns {
        return;
    }
    let index = token * params.stride + column;
    y[index] = gelu_tanh_of(x[index]);
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

fn gelu_tanh_of(value: f32) -> f32 {
    let argument = 0.7978845608 * (value + 0.044715 * value * value * value);
    return 0.5 * value * (1.0 + tanh(clamp(argument, -15.0, 15.0)));
}

