//! `embedding`: `y[t] = table[ids[t]] * scale`, or `y[t] += table[ids[t]]`.

use crate::cpu;
use crate::device::{Buffer, Matrix, Tensor};
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::format::Format;
use crate::kernels::Plan;
use crate::kernels::elementwise::groups_per_row;
use crate::kernels::sweep::{Case, KernelSweep, SPARE_ROWS, cases};

/// The elements that a thread looks up.
const ELEMENTS_PER_THREAD: usize = 16;

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    hidden_size: u32,
    first_row: u32,
    num_rows: u32,
    stride: u32,
    scale: f32,
    accumulate: u32,
    format: u32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "embedding",
    wgsl: include_str!("../../shaders/resolved/embedding.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::embedding),
    fast: |call| compute(call, cpu::fast::embedding),
    // One f32 product or one sum, for which WGSL allows either neighbour: 2^-23. Measured: equal.
    tolerance: Tolerance { atol: f32::MIN_POSITIVE, rtol: f32::EPSILON },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: cases::lookups,
    set_up: |scene, case| {
        let Case::Lookup { num_tokens, vocab_size, hidden_size, format, rows_per_part, added } = *case else {
            panic!("no look-up: {case}")
        };
        let inputs = &mut scene.inputs;
        // The ids name the first row, the last row, rows in between, and rows past the end.
        let ids: Vec<u32> = (0..num_tokens)
            .map(|token| match token % 6 {
                0 => 0,
                1 => vocab_size as u32 - 1,
                3 => vocab_size as u32,
                5 => u32::MAX,
                _ => inputs.index(vocab_size),
            })
            .collect();
        let ids = scene.device.upload("ids", &ids)?;
        let table = inputs.matrix((vocab_size, hidden_size), format, rows_per_part)?;
        let rows = num_tokens + SPARE_ROWS;
        let (y, lookup) = if added {
            (inputs.in_place("y", (rows, num_tokens, hidden_size), |value| value)?, Lookup::Added)
        } else {
            (inputs.output("y", rows, hidden_size)?, Lookup::Scaled(1.7))
        };
        embedding(&mut scene.plan, &ids, &table, lookup, &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("id - params.first_row >= params.num_rows", "false", "ids outside a part"),
        ("first / 16u % 2u", "1u - first / 16u % 2u", "halves of a block exchanged"),
        ("half == 1u", "half == 0u", "halves of a block of quants exchanged"),
    ],
};

fn compute(
    call: &mut Call<'_>,
    embedding: impl Fn(&[u32], cpu::Table<'_>, f32, bool, (usize, usize), &mut [f32]),
) {
    let params: Params = call.params();
    let [ids, table, y, ..] = &mut call.slots;
    let table = cpu::Table {
        words: table.words(),
        format: Format::from_code(params.format),
        first_row: params.first_row as usize,
        num_rows: params.num_rows as usize,
    };
    embedding(
        &ids.words()[..call.batch.num_tokens as usize],
        table,
        params.scale,
        params.accumulate != 0,
        (params.hidden_size as usize, params.stride as usize),
        y.floats_mut(),
    );
}

/// The use of the looked-up rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lookup {
    /// `y = table[id] * scale`.
    Scaled(f32),
    /// `y += table[id]`. Learned positions are added to tokens.
    Added,
}

/// Records the look-up of `ids`, words `[max_tokens]`, in `table`, `[vocab_size, hidden_size]`. The result goes into
/// `y`, `[max_tokens, hidden_size]`. An id outside the table leaves its row unchanged. Callers check ids.
///
/// # Panics
/// If the shapes disagree.
pub fn embedding(plan: &mut Plan, ids: &Buffer, table: &Matrix, lookup: Lookup, y: &Tensor) {
    assert_eq!(table.columns, y.columns(), "embedding: hidden_size");
    assert!(ids.len() >= plan.max_tokens() && y.rows() >= plan.max_tokens(), "embedding: tokens");
    let (scale, accumulate) = match lookup {
        Lookup::Scaled(scale) => (scale, 0),
        Lookup::Added => (1.0, 1),
    };
    for part in &table.parts {
        let params = Params {
            hidden_size: table.columns as u32,
            first_row: part.first_row as u32,
            num_rows: part.num_rows as u32,
            stride: y.stride() as u32,
            scale,
            accumulate,
            format: part.format.code(),
        };
        plan.dispatch(Dispatch {
            kernel: &KERNEL,
            params: bytemuck::bytes_of(&params).to_vec(),
            constants: vec![("FORMAT", f64::from(part.format.code()))],
            buffers: vec![ids.clone(), part.buffer.clone(), y.buffer().clone()],
            groups_per_block: groups_per_row(table.columns.div_ceil(ELEMENTS_PER_THREAD)),
            tokens_per_block: 1,
            min_kv_len: 0,
        });
    }
}
