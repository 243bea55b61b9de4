// Made of shaders/gelu_erf.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

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
fn gelu_erf(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let groups_per_token = (params.columns + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let token = group / groups_per_token;
    let column = (group % groups_per_token) * WORKGROUP_SIZE + local;
    if token >= batch.num_tokens || column >= params.columns {
        return;
    }
    let index = token * params.stride + column;
    y[index] = gelu_erf_of(x[index]);
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

fn erf(value: f32) -> f32 {
    let magnitude = abs(value);
    let t = 1.0 / (1.0 + 0.3275911 * magnitude);
    let polynomial = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    let result = 1.0 - polynomial * exp(-magnitude * magnitude);
    return select(result, -result, value < 0.0);
}

fn gelu_erf_of(value: f32) -> f32 {
    return 0.5 * value * (1.0 + erf(value * 0.7071067812));
}

