// Made of shaders/rope.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    num_heads: u32,
    head_dim: u32,
    stride: u32,
    angles_stride: u32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> angles: array<f32>;

@group(0) @binding(3)
var<storage, read_write> qkv: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn rope(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
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

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

