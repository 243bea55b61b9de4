// Made of shaders/top_k.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

override NUM_PARTS: u32 = 256u;

override MAX_CANDIDATES: u32 = 128u;

const NONE: u32 = 4294967295u;

const MINUS_INFINITY: u32 = 4286578688u;

struct Params {
    num_columns: u32,
    x_stride: u32,
    part_size: u32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> x: array<u32>;

@group(0) @binding(3)
var<storage, read> heads: array<u32>;

@group(0) @binding(4)
var<storage, read> choosing: array<vec4<u32>>;

@group(0) @binding(5)
var<storage, read_write> found: array<vec2<u32>>;

var<workgroup> head_keys: array<u32, NUM_PARTS>;

var<workgroup> head_ids: array<u32, NUM_PARTS>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn top_k(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let token = workgroup.x + workgroup.y * workgroups.x;
    if token >= batch.num_tokens {
        return;
    }
    let row = token * params.x_stride;
    for (var part = local; part < NUM_PARTS; part += WORKGROUP_SIZE) {
        let id = heads[token * NUM_PARTS + part];
        head_keys[part] = key_of(x[row + id]);
        head_ids[part] = id;
    }
    let count = min(choosing[2u * token].x, MAX_CANDIDATES);
    for (var rank = 0u; rank < count; rank++) {
        var best_key = 0u;
        var best_id = NONE;
        for (var part = local; part < NUM_PARTS; part += WORKGROUP_SIZE) {
            if head_keys[part] > best_key {
                best_key = head_keys[part];
                best_id = head_ids[part];
            }
        }
        gather(local, best_key, best_id);
        let found_key = keys[0];
        let found_id = ids[0];
        if local == 0u {
            var bits = MINUS_INFINITY;
            if found_key > 0u {
                bits = x[row + found_id];
            }
            found[token * (1u + MAX_CANDIDATES) + 1u + rank] = vec2<u32>(found_id, bits);
        }
        let part = min(found_id / params.part_size, NUM_PARTS - 1u);
        let first = part * params.part_size;
        let end = min(first + params.part_size, params.num_columns);
        best_key = 0u;
        best_id = NONE;
        for (var id = first + local; id < end; id += WORKGROUP_SIZE) {
            let key = key_of(x[row + id]);
            let is_left = key < found_key || (key == found_key && id > found_id);
            if is_left && key > best_key {
                best_key = key;
                best_id = id;
            }
        }
        gather(local, best_key, best_id);
        if local == 0u {
            head_keys[part] = keys[0];
            head_ids[part] = ids[0];
        }
        workgroupBarrier();
    }
}

override WORKGROUP_SIZE: u32 = 64u;

var<workgroup> keys: array<u32, WORKGROUP_SIZE>;

var<workgroup> ids: array<u32, WORKGROUP_SIZE>;

fn key_of(bits: u32) -> u32 {
    let magnitude = bits & 2147483647u;
    if magnitude > 2139095040u || bits == 2139095040u {
        return 4294967295u;
    }
    if magnitude == 0u {
        return 2147483648u;
    }
    if bits != magnitude {
        return 4286578689u - bits;
    }
    return 2147483648u + bits;
}

fn gather(local: u32, own_key: u32, own_id: u32) {
    workgroupBarrier();
    keys[local] = own_key;
    ids[local] = own_id;
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local < half {
            let key = keys[local + half];
            let id = ids[local + half];
            if key > keys[local] || (key == keys[local] && id < ids[local]) {
                keys[local] = key;
                ids[local] = id;
            }
        }
    }
    workgroupBarrier();
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32
}

@group(0) @binding(1)
var<uniform> batch: Batch;

