// Made of shaders/probe_f32.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

@group(0) @binding(2)
var<storage, read> x: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn probe_f32(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let thread = thread_of(workgroup, workgroups, local);
    if thread >= params.num_threads {
        return;
    }
    let index = thread % (4u * params.num_vectors);
    let start = vec4<f32>(x[index / 4u][index % 4u]) + vec4<f32>(0.0, 1.0, 2.0, 3.0);
    let factor = vec4<f32>(-0.5);
    var v0 = start;
    var v1 = start + 4.0;
    var v2 = start + 8.0;
    var v3 = start + 12.0;
    var v4 = start + 16.0;
    var v5 = start + 20.0;
    var v6 = start + 24.0;
    var v7 = start + 28.0;
    for (var round = 0u; round < params.rounds; round++) {
        v0 = v0 * factor + start;
        v1 = v1 * factor + start;
        v2 = v2 * factor + start;
        v3 = v3 * factor + start;
        v4 = v4 * factor + start;
        v5 = v5 * factor + start;
        v6 = v6 * factor + start;
        v7 = v7 * factor + start;
    }
    let sum = ((v0 + v1) + (v2 + v3)) + ((v4 + v5) + (v6 + v7));
    y[thread] = (sum.x + sum.y) + (sum.z + sum.w);
}

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    num_vectors: u32,
    num_threads: u32,
    rounds: u32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(3)
var<storage, read_write> y: array<f32>;

fn thread_of(workgroup: vec3<u32>, workgroups: vec3<u32>, local: u32) -> u32 {
    let thread = (workgroup.x + workgroup.y * workgroups.x) * WORKGROUP_SIZE + local;
    return select(min(thread, params.num_threads), params.num_threads, batch.num_tokens == 0u);
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

