// embedding: y[t, c] = table[ids[t], c] * scale, or += where accumulate is set (learned positions on top of tokens)
//
// Shapes    ids: [num_tokens] u32; table: rows first_row .. first_row + num_rows of [vocab_size, hidden_size] in
//           FORMAT, stride elements a row; y: [num_tokens, stride] f32
// Dispatch  ceil(hidden_size / WORKGROUP_SIZE) workgroups per token
// Requires  nothing. A table larger than a binding is looked up part by part: a token is written by the dispatch
//           that holds its row
// Twin      src/cpu/embedding.rs

override WORKGROUP_SIZE: u32 = 64u;
// How table elements are stored: 0 f32, 1 f16, 2 bf16.
override FORMAT: u32 = 0u;

struct Params {
    hidden_size: u32,
    first_row: u32,
    num_rows: u32,
    stride: u32,
    scale: f32,
    accumulate: u32,
    format: u32, // of the table, for the twin
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> batch: Batch;
@group(0) @binding(2) var<storage, read> ids: array<u32>; // [num_tokens]
@group(0) @binding(3) var<storage, read> table: array<u32>; // [num_rows, stride] in FORMAT
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [num_tokens, stride]

fn element(index: u32) -> f32 {
    if FORMAT == 0u {
        return bitcast<f32>(table[index]);
    }
    let word = table[index >> 1u];
    if FORMAT == 1u {
        let pair = unpack2x16float(word);
        return select(pair.x, pair.y, (index & 1u) == 1u);
    }
    return bitcast<f32>(select(word << 16u, word & 0xffff0000u, (index & 1u) == 1u));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn embedding(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.x + workgroup.y * workgroups.x;
    let groups_per_token = (params.hidden_size + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let token = group / groups_per_token;
    let channel = (group % groups_per_token) * WORKGROUP_SIZE + local;
    if token >= batch.num_tokens || channel >= params.hidden_size {
        return;
    }
    let id = ids[token];
    if id < params.first_row || id - params.first_row >= params.num_rows {
        return;
    }
    let index = token * params.stride + channel;
    let value = element((id - params.first_row) * params.stride + channel) * params.scale;
    if params.accumulate != 0u {
        y[index] += value;
    } else {
        y[index] = value;
    }
}
