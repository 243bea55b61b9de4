// argmax: ids[t, p] = the id of the greatest of x[t], the lowest of equals, among part_size candidates from p * part_size
//         on; the rest of ids, in the same order, why nothing can be chosen there: 0 for no reason, 1 for NaN,
//         2 for infinity, whose first id is then given, 3 where all are minus infinity
//
// Shapes    x: [num_tokens, x_stride] f32; candidates: [num_tokens, num_candidates] u32, ids of x, where is_listed is
//           set, and otherwise the ids are 0 .. num_candidates; ids: [2, num_tokens, num_parts] u32
// Dispatch  num_parts = ceil(num_candidates / part_size) workgroups per token
// Requires  WORKGROUP_SIZE a power of two; candidates in rising order
// Twin      src/cpu/argmax.rs

override WORKGROUP_SIZE: u32 = 64u;

struct Params {
    num_candidates: u32,
    x_stride: u32,
    part_size: u32,
    num_parts: u32,
    is_listed: u32,
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> batch: Batch;
@group(0) @binding(2) var<storage, read> x: array<u32>; // [num_tokens, x_stride], the bits of f32
@group(0) @binding(3) var<storage, read> candidates: array<u32>; // [num_tokens, num_candidates]
@group(0) @binding(4) var<storage, read_write> ids: array<u32>; // [2, num_tokens, num_parts]

// The best candidate of each thread: its key, and its place among the candidates.
var<workgroup> keys: array<u32, WORKGROUP_SIZE>;
var<workgroup> places: array<u32, WORKGROUP_SIZE>;

// Orders numbers by their bits, as arithmetic may take NaN and infinity for impossible: minus infinity is 1, both
// zeros are equal, and the greatest is what nobody can choose from, so that it is found.
fn key_of(bits: u32) -> u32 {
    let magnitude = bits & 0x7fffffffu;
    if magnitude > 0x7f800000u || bits == 0x7f800000u {
        return 0xffffffffu;
    }
    if magnitude == 0u {
        return 0x80000000u;
    }
    if bits != magnitude {
        return 0xff800001u - bits;
    }
    return 0x80000000u + bits;
}

// Why a choice that came to this is none.
fn reason_of(bits: u32) -> u32 {
    if (bits & 0x7fffffffu) > 0x7f800000u {
        return 1u;
    }
    if bits == 0x7f800000u {
        return 2u;
    }
    return select(0u, 3u, bits == 0xff800000u);
}

fn candidate(token: u32, place: u32) -> u32 {
    if params.is_listed != 0u {
        return candidates[token * params.num_candidates + place];
    }
    return place;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn argmax(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let token = group / params.num_parts;
    if token >= batch.num_tokens {
        return;
    }
    let first = (group % params.num_parts) * params.part_size;
    let end = min(first + params.part_size, params.num_candidates);

    // A thread's places rise, so that the first of equals stays.
    var best_key = 0u;
    var best_place = first;
    for (var place = first + local; place < end; place += WORKGROUP_SIZE) {
        let key = key_of(x[token * params.x_stride + candidate(token, place)]);
        if key > best_key {
            best_key = key;
            best_place = place;
        }
    }
    keys[local] = best_key;
    places[local] = best_place;
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local < half {
            let key = keys[local + half];
            let place = places[local + half];
            if key > keys[local] || (key == keys[local] && place < places[local]) {
                keys[local] = key;
                places[local] = place;
            }
        }
    }
    if local == 0u {
        let id = candidate(token, places[0]);
        ids[group] = id;
        ids[batch.num_tokens * params.num_parts + group] = reason_of(x[token * params.x_stride + id]);
    }
}
