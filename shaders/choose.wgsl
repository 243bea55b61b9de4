// choose: takes one of the candidates that top_k found, as a sampler does after top-k: those that top-p and min-p leave stand
//         in the order of their ids, each with a share of 0..1 as its weight exp((x - max) / temperature) says, and the one
//         whose share has the draw in it is taken; or, where pick is not 0, the pick-th greatest. Where the greatest is NaN or
//         infinity, that is taken.
//
// Shapes    choosing: [num_tokens, 2] vec4 of bits: count, pick, temperature, top_p; min_p, draw, unused;
//           found: [num_tokens, 1 + MAX_CANDIDATES, 2] u32: what is taken, then the candidates, greatest first, each as its id
//           and its bits; ids: [num_tokens] u32, what is taken, for the next pass
// Dispatch  one workgroup per token
// Requires  at least one candidate of each token, the greatest first
// Twin      src/cpu/choose.rs

override WORKGROUP_SIZE: u32 = 64u;
// The most candidates.
override MAX_CANDIDATES: u32 = 128u;

const MINUS_INFINITY: u32 = 0xff800000u;
// exp of it adds nothing to 1, and is no special number.
const LEAST_EXPONENT: f32 = -80.0;

struct Params {
    // 1 + MAX_CANDIDATES
    row_pairs: u32,
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> batch: Batch;
@group(0) @binding(2) var<storage, read> choosing: array<vec4<u32>>; // [num_tokens, 2]
@group(0) @binding(3) var<storage, read_write> found: array<vec2<u32>>; // [num_tokens, 1 + MAX_CANDIDATES]
@group(0) @binding(4) var<storage, read_write> ids: array<u32>; // [num_tokens]

var<workgroup> weights: array<f32, MAX_CANDIDATES>;
// Where the share of each candidate ends, not yet divided by the sum.
var<workgroup> ends: array<f32, MAX_CANDIDATES>;
// How many are left, and the sum of their weights.
var<workgroup> num_left: u32;
var<workgroup> sum: f32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn choose(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let token = workgroup.x + workgroup.y * workgroups.x;
    if token >= batch.num_tokens {
        return;
    }
    let how = choosing[2u * token];
    let more = choosing[2u * token + 1u];
    let count = min(how.x, MAX_CANDIDATES);
    let row = token * params.row_pairs;
    let first = row + 1u;

    let greatest = bitcast<f32>(found[first].y);
    for (var rank = local; rank < count; rank += WORKGROUP_SIZE) {
        let bits = found[first + rank].y;
        var weight = 0.0;
        if bits != MINUS_INFINITY {
            weight = exp(max(LEAST_EXPONENT, (bitcast<f32>(bits) - greatest) / bitcast<f32>(how.z)));
        }
        weights[rank] = weight;
    }
    workgroupBarrier();
    if local == 0u {
        var whole = 0.0;
        for (var rank = 0u; rank < count; rank++) {
            whole += weights[rank];
        }
        // Weights fall, so that a beginning is left.
        var left = 0u;
        var reached = 0.0;
        for (var rank = 0u; rank < count; rank++) {
            let weight = weights[rank];
            let is_cut = weight == 0.0 || weight < bitcast<f32>(more.x) || reached >= bitcast<f32>(how.w) * whole;
            if rank > 0u && is_cut {
                break;
            }
            reached += weight;
            left += 1u;
        }
        num_left = left;
        sum = reached;
    }
    workgroupBarrier();
    for (var rank = local; rank < num_left; rank += WORKGROUP_SIZE) {
        let id = found[first + rank].x;
        var end = 0.0;
        for (var other = 0u; other < num_left; other++) {
            if found[first + other].x <= id {
                end += weights[other];
            }
        }
        ends[rank] = end;
    }
    workgroupBarrier();
    if local == 0u {
        let draw = bitcast<f32>(more.y) * sum;
        // The first id whose share ends past the draw, or the last one, should rounding leave none.
        var taken = 0u;
        var is_past = false;
        for (var rank = 0u; rank < num_left; rank++) {
            let is_lower = found[first + rank].x < found[first + taken].x;
            if ends[rank] > draw {
                if !is_past || is_lower {
                    taken = rank;
                }
                is_past = true;
            } else if !is_past && !is_lower {
                taken = rank;
            }
        }
        if how.y > 0u {
            taken = min(how.y, num_left) - 1u;
        }
        let bits = found[first].y;
        if (bits & 0x7fffffffu) > 0x7f800000u || bits == 0x7f800000u {
            taken = 0u;
        }
        found[row] = found[first + taken];
        ids[token] = found[first + taken].x;
    }
}
