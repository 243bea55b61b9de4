// Made of shaders/swiglu.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    columns: u32,
    x_stride: u32,
    y_stride: u32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> x: array<f32>;

@group(0) @binding(3)
var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn swiglu(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let groups_per_token = (params.columns + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let token = group / groups_per_token;
    let column = (group % groups_per_token) * WORKGROUP_SIZE + local;
    if token >= batch.num_tokens || column >= params.columns {
        return;
    }
    let start = token * params.x_stride + column;
    y[token * params.y_stride + column] = silu_of(x[start]) * x[start + params.columns];
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

fn silu_of(value: f32) -> f32 {
    return value / (1.0 + exp(-clamp(value, -80.0, 80.0)));
}

