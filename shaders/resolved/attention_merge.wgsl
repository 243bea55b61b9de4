// Made of shaders/attention_merge.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    num_heads: u32,
    head_dim: u32,
    window: u32,
    split_len: u32,
    max_splits: u32,
    y_stride: u32,
    max_seq_len: u32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> partials: array<f32>;

@group(0) @binding(3)
var<storage, read> cache_rows: array<u32>;

@group(0) @binding(4)
var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_merge(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let groups_per_head = (params.head_dim + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let token = group / groups_per_head / params.num_heads;
    let head = group / groups_per_head % params.num_heads;
    let channel = (group % groups_per_head) * WORKGROUP_SIZE + local;
    if token >= batch.num_tokens || channel >= params.head_dim {
        return;
    }
    let position = cache_rows[token] % params.max_seq_len;
    let kv_len = position + 1u;
    let first = select(0u, kv_len - min(kv_len, params.window), params.window > 0u);
    let num_splits = position / params.split_len - first / params.split_len + 1u;
    if num_splits == 1u {
        return;
    }
    let stride = params.head_dim + 2u;
    let start = (token * params.num_heads + head) * params.max_splits * stride;
    var max_score = -3e38;
    for (var split = 0u; split < num_splits; split++) {
        max_score = max(max_score, partials[start + split * stride + params.head_dim]);
    }
    var value = 0.0;
    var sum = 0.0;
    for (var split = 0u; split < num_splits; split++) {
        let of_split = start + split * stride;
        let rescale = exp(partials[of_split + params.head_dim] - max_score);
        value += rescale * partials[of_split + channel];
        sum += rescale * partials[of_split + params.head_dim + 1u];
    }
    y[token * params.y_stride + head * params.head_dim + channel] = value / sum;
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

