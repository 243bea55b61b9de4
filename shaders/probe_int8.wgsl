// probe_int8: y[i] = lower 16 bits of the exclusive or of 32 words that go rounds times through
// w = dot(bytes of w, bytes of s) + s, where s = words of x[i mod num_vectors], and word 4 k + j starts as s[j] + k
//
// Shapes    x: [num_vectors] vec4<u32>; y: [num_threads] f32
// Dispatch  ceil(num_threads / WORKGROUP_SIZE) workgroups
// Requires  nothing
// Twin      src/cpu/probe_int8.rs
//
// What products of signed bytes cost where nothing is read: 128 multiply-adds a round and thread, in chains that do not
// wait for each other. Integers wrap around, so the result is exact.

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    num_vectors: u32,
    num_threads: u32,
    rounds: u32,
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

fn turn(word: vec4<u32>, start: vec4<u32>) -> vec4<u32> {
    let products = vec4<i32>(
        dot4I8Packed(word.x, start.x),
        dot4I8Packed(word.y, start.y),
        dot4I8Packed(word.z, start.z),
        dot4I8Packed(word.w, start.w),
    );
    return bitcast<vec4<u32>>(products) + start;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn probe_int8(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let thread = (workgroup.x + workgroup.y * workgroups.x) * WORKGROUP_SIZE + local;
    if thread >= params.num_threads || batch.num_tokens == 0u {
        return;
    }
    let start = x[thread % params.num_vectors];
    var w0 = start;
    var w1 = start + 1u;
    var w2 = start + 2u;
    var w3 = start + 3u;
    var w4 = start + 4u;
    var w5 = start + 5u;
    var w6 = start + 6u;
    var w7 = start + 7u;
    for (var round = 0u; round < params.rounds; round++) {
        w0 = turn(w0, start);
        w1 = turn(w1, start);
        w2 = turn(w2, start);
        w3 = turn(w3, start);
        w4 = turn(w4, start);
        w5 = turn(w5, start);
        w6 = turn(w6, start);
        w7 = turn(w7, start);
    }
    let words = w0 ^ w1 ^ w2 ^ w3 ^ w4 ^ w5 ^ w6 ^ w7;
    y[thread] = f32(i32((words.x ^ words.y ^ words.z ^ words.w) & 0xffffu));
}
