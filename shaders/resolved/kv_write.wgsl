// Made of shaders/kv_write.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    q_size: u32,
    kv_size: u32,
    qkv_stride: u32,
    kv_stride: u32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> qkv: array<f32>;

@group(0) @binding(3)
var<storage, read> cache_rows: array<u32>;

@group(0) @binding(4)
var<storage, read_write> k_cache: array<f32>;

@group(0) @binding(5)
var<storage, read_write> v_cache: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn kv_write(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let groups_per_token = (params.kv_size + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let token = group / groups_per_token;
    let channel = (group % groups_per_token) * WORKGROUP_SIZE + local;
    if token >= batch.num_tokens || channel >= params.kv_size {
        return;
    }
    let k = token * params.qkv_stride + params.q_size + channel;
    let cached = cache_rows[token] * params.kv_stride + channel;
    k_cache[cached] = qkv[k];
    v_cache[cached] = qkv[k + params.kv_size];
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

