// probe_read: y[i] = lower 16 bits of the exclusive or of every word that thread i reads of x; all of x is read once
//
// Shapes    x: [num_vectors] vec4<u32>; y: [num_threads] f32
// Dispatch  ceil(num_threads / WORKGROUP_SIZE) workgroups
// Requires  nothing
// Twin      src/cpu/probe_read.rs
//
// What reading costs where nothing is computed. Threads take turns at vectors (IN_TURNS = 1), so that a wave reads one stretch
// of memory, or have a stretch each (0). The order of an exclusive or does not matter, so the result is exact.

override WORKGROUP_SIZE: u32 = 64u;
override IN_TURNS: u32 = 1u;

struct Params {
    num_vectors: u32,
    num_threads: u32,
    rounds: u32, // IN_TURNS, for the twin
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> batch: Batch;
@group(0) @binding(2) var<storage, read> x: array<vec4<u32>>; // [num_vectors]
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [num_threads]

@compute @workgroup_size(WORKGROUP_SIZE)
fn probe_read(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let thread = (workgroup.x + workgroup.y * workgroups.x) * WORKGROUP_SIZE + local;
    if thread >= params.num_threads || batch.num_tokens == 0u {
        return;
    }
    // The turns of a thread; the last ones may be missing.
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
    y[thread] = f32(i32(word & 0xffffu));
}
