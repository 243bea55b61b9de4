// Made of shaders/argmax.wesl by: UPDATE_SHADERS=1 cargo test --test shaders

struct Params {
    num_columns: u32,
    x_stride: u32,
    part_size: u32,
    num_parts: u32
}

@group(0) @binding(0)
var<uniform> params: Params;

@group(0) @binding(2)
var<storage, read> x: array<u32>;

@group(0) @binding(3)
var<storage, read_write> heads: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn argmax(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let token = group / params.num_parts;
    if token >= batch.num_tokens {
        return;
    }
    let first = (group % params.num_parts) * params.part_size;
    let end = min(first + params.part_size, params.num_columns);
    var best_key = 0u;
    var best_column = first;
    for (var column = first + local; column < end; column += WORKGROUP_SIZE) {
        let key = key_of(x[token * params.x_stride + column]);
        if key > best_key {
            best_key = key;
            best_column = column;
        }
    }
    gather(local, best_key, best_column);
    if local == 0u {
        heads[group] = ids[0];
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

