// gemm: y[t, first_row + r] = bias[first_row + r] + sum_c weight[r, c] * x[t, c], many tokens at once
//
// Shapes    as gemv
// Dispatch  ceil(out_features / 32) workgroups per 32 tokens
// Requires  64 threads. Each computes 4 rows for 4 tokens in registers, so that a loaded element serves 4 products
// Twin      src/cpu/gemv.rs

// How weights are stored: 0 f32, 1 f16, 2 bf16.
override FORMAT: u32 = 0u;

const TILE: u32 = 32u; // rows, and tokens, of a workgroup
const PER_THREAD: u32 = 4u; // rows, and tokens, of a thread

struct Params {
    out_features: u32,
    x_stride: u32,
    y_stride: u32,
    first_row: u32, // of these weights in the whole matrix
    has_bias: u32,
    format: u32, // of the weights, for the twin
}

struct Batch {
    position: u32,
    num_tokens: u32,
    first_row: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> batch: Batch;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>; // [num_tokens, x_stride]
@group(0) @binding(3) var<storage, read> weight: array<vec4<u32>>; // [out_features, x_stride] in FORMAT
@group(0) @binding(4) var<storage, read> bias: array<f32>; // [rows of the whole matrix]
@group(0) @binding(5) var<storage, read_write> y: array<f32>; // [num_tokens, y_stride]

// Weights 8 * block .. 8 * block + 8 of the stored matrix.
fn weight_block(block: u32) -> array<vec4<f32>, 2> {
    if FORMAT == 0u {
        return array<vec4<f32>, 2>(
            bitcast<vec4<f32>>(weight[2u * block]),
            bitcast<vec4<f32>>(weight[2u * block + 1u]),
        );
    }
    let words = weight[block];
    if FORMAT == 1u {
        return array<vec4<f32>, 2>(
            vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y)),
            vec4<f32>(unpack2x16float(words.z), unpack2x16float(words.w)),
        );
    }
    let even = bitcast<vec4<f32>>(words << vec4<u32>(16u));
    let odd = bitcast<vec4<f32>>(words & vec4<u32>(0xffff0000u));
    return array<vec4<f32>, 2>(
        vec4<f32>(even.x, odd.x, even.y, odd.y),
        vec4<f32>(even.z, odd.z, even.w, odd.w),
    );
}

fn dot_block(w: array<vec4<f32>, 2>, x_block: u32) -> f32 {
    return dot(w[0], x[x_block]) + dot(w[1], x[x_block + 1u]);
}

@compute @workgroup_size(64)
fn gemm(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row_tiles = (params.out_features + TILE - 1u) / TILE;
    let group = workgroup.x + workgroup.y * workgroups.x;
    let first_row = (group % row_tiles) * TILE + (local % 8u) * PER_THREAD;
    let first_token = (group / row_tiles) * TILE + (local / 8u) * PER_THREAD;
    if first_row >= params.out_features || first_token >= batch.num_tokens {
        return;
    }

    // Rows and tokens past the edge repeat the last one and are not written.
    let blocks = params.x_stride / 8u;
    let last_row = params.out_features - 1u;
    let last_token = batch.num_tokens - 1u;
    var weight_start: array<u32, 4>;
    var x_start: array<u32, 4>;
    for (var i = 0u; i < PER_THREAD; i++) {
        weight_start[i] = min(first_row + i, last_row) * blocks;
        x_start[i] = min(first_token + i, last_token) * blocks * 2u;
    }

    // sums[t][r], one token a vector.
    var sums: array<vec4<f32>, 4>;
    for (var block = 0u; block < blocks; block++) {
        let w0 = weight_block(weight_start[0] + block);
        let w1 = weight_block(weight_start[1] + block);
        let w2 = weight_block(weight_start[2] + block);
        let w3 = weight_block(weight_start[3] + block);
        for (var i = 0u; i < PER_THREAD; i++) {
            let x_block = x_start[i] + 2u * block;
            sums[i] += vec4<f32>(
                dot_block(w0, x_block),
                dot_block(w1, x_block),
                dot_block(w2, x_block),
                dot_block(w3, x_block),
            );
        }
    }

    for (var i = 0u; i < PER_THREAD; i++) {
        let token = first_token + i;
        if token >= batch.num_tokens {
            break;
        }
        for (var j = 0u; j < PER_THREAD; j++) {
            let row = first_row + j;
            if row >= params.out_features {
                break;
            }
            var sum = sums[i][j];
            if params.has_bias != 0u {
                sum += bias[params.first_row + row];
            }
            y[token * params.y_stride + params.first_row + row] = sum;
        }
    }
}
