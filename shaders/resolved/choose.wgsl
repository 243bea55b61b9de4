// Made of shaders/choose.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override WORKGROUP_SIZE: u32 = 64u;

override MAX_CANDIDATES: u32 = 128u;

const MINUS_INFINITY: u32 = 4286578688u;

const LEAST_EXPONENT: f32 = -80.0;

struct Params {
    row_pairs: u32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> choosing: array<vec4<u32>>;

@group(0) @binding(3)
var<storage, read_write> found: array<vec2<u32>>;

@group(0) @binding(4)
var<storage, read_write> ids: array<u32>;

var<workgroup> weights: array<f32, MAX_CANDIDATES>;

var<workgroup> ends: array<f32, MAX_CANDIDATES>;

var<workgroup> num_left: u32;

var<workgroup> sum: f32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn choose(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
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
        var taken = 0u;
        var is_past = false;
        for (var rank = 0u; rank < num_left; rank++) {
            let is_lower = found[first + rank].x < found[first + taken].x;
            if ends[rank] > draw {
                if !is_past || is_lower {
                    taken = rank;
                }
                is_past = true;
            }
            else if !is_past && !is_lower {
                taken = rank;
            }
        }
        if how.y > 0u {
            taken = min(how.y, num_left) - 1u;
        }
        let bits = found[first].y;
        if (bits & 2147483647u) > 2139095040u || bits == 2139095040u {
            taken = 0u;
        }
        found[row] = found[first + taken];
        ids[token] = found[first + taken].x;
    }
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

