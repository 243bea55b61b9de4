// Made of shaders/probe_read.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override IN_TURNS: u32 = 1u;

@group(0) @binding(2)
var<storage, read> x: array<vec4<u32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn probe_read(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let thread = thread_of(workgroup, workgroups, local);
    if thread >= params.num_threads {
        return;
    }
    let turns = (params.num_vectors + params.num_threads - 1u) / params.num_threads;
    let first = select(thread * turns, thread, IN_TURNS == 1u);
    let step = select(1u, params.num_threads, IN_TURNS == 1u);
    let left = params.num_vectors - min(first, params.num_vectors);
    let count = min(turns, (left + step - 1u) / step);
    var words = vec4<u32>(0u);
    for (var turn = 0u; turn < count; turn++) {
        words ^= x[first + turn * step];
    }
    let word = words.x ^ words.y ^ words.z ^ words.w;
    y[thread] = f32(i32(word & 65535u));
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

