// Made of shaders/select_rows.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

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
fn select_rows(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let groups_per_token = (params.columns + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let token = group / groups_per_token;
    let column = (group % groups_per_token) * WORKGROUP_SIZE + local;
    if token >= batch.num_tokens || column >= params.columns {
        return;
    }
    y[token * params.stride + column] = x[(batch.first_row + token) * params.stride + column];
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

