// rope: channels i and i + head_dim / 2 of each query head and each key head of qkv[t] turn by the token's i-th angle,
//       in place: (a, b) becomes (a cos - b sin, b cos + a sin)
//
// Shapes    qkv: [num_tokens, stride] f32, num_heads query heads, then num_kv_heads key heads, then values, head_dim
//           channels each; angles: [num_tokens, angles_stride] f32, head_dim / 2 cosines, then as many sines
// Dispatch  ceil((num_heads + num_kv_heads) * head_dim / 2 / WORKGROUP_SIZE) workgroups per token
// Requires  head_dim even. Angles come from the host: sin and cos of large numbers differ from driver to driver
// Twin      src/cpu/rope.rs
// Source    Su et al. 2021, arXiv:2104.09864, with the halves of a head paired, as Hugging Face stores weights

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    num_heads: u32, // that turn: queries and keys
    head_dim: u32,
    stride: u32,
    angles_stride: u32,
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> batch: Batch;
@group(0) @binding(2) var<storage, read> angles: array<f32>; // [num_tokens, angles_stride]
@group(0) @binding(3) var<storage, read_write> qkv: array<f32>; // [num_tokens, stride]

@compute @workgroup_size(WORKGROUP_SIZE)
fn rope(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let half = params.head_dim / 2u;
    let pairs = params.num_heads * half;
    let groups_per_token = (pairs + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let token = group / groups_per_token;
    let pair = (group % groups_per_token) * WORKGROUP_SIZE + local;
    if token >= batch.num_tokens || pair >= pairs {
        return;
    }
    let i = pair % half;
    let low = token * params.stride + (pair / half) * params.head_dim + i;
    let cosine = angles[token * params.angles_stride + i];
    let sine = angles[token * params.angles_stride + half + i];
    let a = qkv[low];
    let b = qkv[low + half];
    qkv[low] = a * cosine - b * sine;
    qkv[low + half] = b * cosine + a * sine;
}
