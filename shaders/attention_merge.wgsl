// attention_merge: y[0, h] = sum_s exp(max[h, s] - max) * sums[h, s] / sum_s exp(max[h, s] - max) * sum[h, s]
//                  where max = max_s max[h, s], over the splits s that the token's positions lie in
//
// Shapes    partials: [num_heads, max_splits, head_dim + 2] f32, as attention leaves it: sums, max, sum;
//           y: [1, y_stride] f32
// Dispatch  num_heads * ceil(head_dim / WORKGROUP_SIZE) workgroups
// Requires  one token. Where its positions lie in one split, y is left alone: attention has written it
// Twin      src/cpu/attention_merge.rs
// Source    Dao et al. 2023, crfm.stanford.edu/2023/10/12/flashdecoding.html

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    num_heads: u32,
    head_dim: u32,
    window: u32, // positions that a token sees, itself included; 0 for all
    split_len: u32, // positions of a split
    max_splits: u32,
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> batch: Batch;
@group(0) @binding(2) var<storage, read> partials: array<f32>; // [num_heads, max_splits, head_dim + 2]
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [1, y_stride]

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_merge(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let groups_per_head = (params.head_dim + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let head = group / groups_per_head;
    let channel = (group % groups_per_head) * WORKGROUP_SIZE + local;
    if head >= params.num_heads || channel >= params.head_dim {
        return;
    }
    let kv_len = batch.position + 1u;
    let first = select(0u, kv_len - min(kv_len, params.window), params.window > 0u);
    let num_splits = batch.position / params.split_len - first / params.split_len + 1u;
    if num_splits == 1u {
        return;
    }
    let stride = params.head_dim + 2u;
    let start = head * params.max_splits * stride;
    var max_score = -3.0e38;
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
    y[head * params.head_dim + channel] = value / sum;
}
