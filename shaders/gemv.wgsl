// gemv: y[t, first_row + r] = bias[first_row + r] + sum_c weight[r, c] * x[t, c]
//
// Shapes    x: [num_tokens, x_stride] f32; weight: [out_features, x_stride] in FORMAT; both
//           zero beyond in_features; bias: [rows of the whole matrix] f32, read where has_bias;
//           y: [num_tokens, y_stride] f32
// Dispatch  ceil(out_features / (WORKGROUP_SIZE / THREADS_PER_ROW)) workgroups per token
// Requires  WORKGROUP_SIZE and THREADS_PER_ROW powers of two, THREADS_PER_ROW <= WORKGROUP_SIZE
// Twin      src/cpu/gemv.rs
//
// A GPU wants neighbouring threads on one row, so that a wave reads one stretch of memory (THREADS_PER_ROW = 32); a
// software adapter, whose lanes gather anyway, wants a row per thread and no barrier (THREADS_PER_ROW = 1).

override WORKGROUP_SIZE: u32 = 64u;
override THREADS_PER_ROW: u32 = 32u;
// How weights are stored: 0 f32, 1 f16, 2 bf16.
override FORMAT: u32 = 0u;

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

var<workgroup> partial: array<f32, WORKGROUP_SIZE>;

// Eight products: weights 8 * block .. 8 * block + 8 of the stored matrix with two vectors of x.
fn dot_block(block: u32, x_low: vec4<f32>, x_high: vec4<f32>) -> f32 {
    if FORMAT == 0u {
        return dot(bitcast<vec4<f32>>(weight[2u * block]), x_low)
            + dot(bitcast<vec4<f32>>(weight[2u * block + 1u]), x_high);
    }
    let words = weight[block];
    if FORMAT == 1u {
        return dot(vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y)), x_low)
            + dot(vec4<f32>(unpack2x16float(words.z), unpack2x16float(words.w)), x_high);
    }
    let even = bitcast<vec4<f32>>(words << vec4<u32>(16u));
    let odd = bitcast<vec4<f32>>(words & vec4<u32>(0xffff0000u));
    return dot(vec4<f32>(even.x, odd.x, even.y, odd.y), x_low) + dot(vec4<f32>(even.z, odd.z, even.w, odd.w), x_high);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn gemv(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let rows_per_group = WORKGROUP_SIZE / THREADS_PER_ROW;
    let groups_per_token = (params.out_features + rows_per_group - 1u) / rows_per_group;
    let group = workgroup.x + workgroup.y * workgroups.x;
    let token = group / groups_per_token;
    let row = (group % groups_per_token) * rows_per_group + local / THREADS_PER_ROW;
    let in_range = token < batch.num_tokens && row < params.out_features;

    var sum = 0.0;
    if in_range {
        let blocks = params.x_stride / 8u;
        let x_start = token * blocks * 2u;
        let weight_start = row * blocks;
        for (var block = local % THREADS_PER_ROW; block < blocks; block += THREADS_PER_ROW) {
            let x_block = x_start + 2u * block;
            sum += dot_block(weight_start + block, x[x_block], x[x_block + 1u]);
        }
    }

    if THREADS_PER_ROW > 1u {
        partial[local] = sum;
        for (var half = THREADS_PER_ROW / 2u; half > 0u; half /= 2u) {
            workgroupBarrier();
            if local % THREADS_PER_ROW < half {
                partial[local] += partial[local + half];
            }
        }
        sum = partial[local];
    }

    if in_range && local % THREADS_PER_ROW == 0u {
        if params.has_bias != 0u {
            sum += bias[params.first_row + row];
        }
        y[token * params.y_stride + params.first_row + row] = sum;
    }
}
