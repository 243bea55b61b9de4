// geglu: y[t, c] = gelu_tanh(x[t, c]) * x[t, columns + c]
//
// Shapes    x: [num_tokens, x_stride] f32, columns gates, then as many values; y: [num_tokens, y_stride] f32
// Dispatch  ceil(columns / WORKGROUP_SIZE) workgroups per token
// Requires  nothing. The argument of tanh is clamped: some drivers return NaN where its exponential overflows
// Twin      src/cpu/geglu.rs
// Source    Shazeer 2020, arXiv:2002.05202

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    columns: u32,
    x_stride: u32,
    y_stride: u32,
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> batch: Batch;
@group(0) @binding(2) var<storage, read> x: array<f32>; // [num_tokens, x_stride]
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [num_tokens, y_stride]

@compute @workgroup_size(WORKGROUP_SIZE)
fn geglu(
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
    let start = token * params.x_stride + column;
    let gate = x[start];
    let argument = 0.7978845608 * (gate + 0.044715 * gate * gate * gate);
    let activated = 0.5 * gate * (1.0 + tanh(clamp(argument, -15.0, 15.0)));
    y[token * params.y_stride + column] = activated * x[start + params.columns];
}
