// gelu_tanh: y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
//
// Shapes    x, y: [num_tokens, stride] f32
// Dispatch  ceil(columns / WORKGROUP_SIZE) workgroups per token
// Requires  nothing. The argument of tanh is clamped: some drivers return NaN where its exponential overflows
// Twin      src/cpu/gelu_tanh.rs
// Source    Hendrycks & Gimpel 2016, arXiv:1606.08415

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    columns: u32,
    stride: u32,
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
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [num_tokens, stride]

@compute @workgroup_size(WORKGROUP_SIZE)
fn gelu_tanh(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let groups_per_token = (params.columns + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let token = group / groups_per_token;
    let column = (group % groups_per_token) * WORKGROUP_SIZE + local;
    if token >= batch.num_tokens || column >= params.columns {
        return;
    }
    let index = token * params.stride + column;
    let value = x[index];
    let argument = 0.7978845608 * (value + 0.044715 * value * value * value);
    y[index] = 0.5 * value * (1.0 + tanh(clamp(argument, -15.0, 15.0)));
}
