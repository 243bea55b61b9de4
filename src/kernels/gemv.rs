//! `gemv`: `y = weight x + bias`, one token at a time; what decoding spends its time in.

use crate::cpu::{self, Call};
use crate::kernels::{Access, Constants, Dispatch, GemvShape, Kernel, Plan, Tolerance};
use crate::tensor::{Format, Matrix, MatrixPart, Tensor};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Params {
    out_features: u32,
    x_stride: u32,
    y_stride: u32,
    first_row: u32,
    has_bias: u32,
    format: u32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemv",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/gemv.wgsl")),
    params_bytes: size_of::<Params>(),
    min_subgroup_size: 0,
    buffers: &[Access::Read, Access::Read, Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::gemv),
    fast: |call| compute(call, cpu::fast::gemv),
    tolerance: TOLERANCE,
};

// f32 sums of up to a few thousand products of numbers around 1, in any order. Measured on llvmpipe through Vulkan and GL:
// 2.8e-5 in a sum of 17 out of 2948 products.
pub(crate) const TOLERANCE: Tolerance = Tolerance { atol: 1e-4, rtol: 5e-6 };

pub(super) fn compute(
    call: &mut Call<'_>,
    product: impl Fn(usize, cpu::Weight<'_>, (&[f32], usize), (&mut [f32], usize, usize)),
) {
    let params: Params = call.params();
    let [x, weight, bias, y, ..] = &mut call.slots;
    let weight = cpu::Weight {
        words: weight.words(),
        format: Format::from_code(params.format),
        bias: if params.has_bias == 0 { &[] } else { &bias.floats()[params.first_row as usize..] },
        out_features: params.out_features as usize,
    };
    product(
        call.batch.num_tokens as usize,
        weight,
        (x.floats(), params.x_stride as usize),
        (y.floats_mut(), params.y_stride as usize, params.first_row as usize),
    );
}

/// Records `y = weight x + bias`; `x`: `[max_tokens, in_features]`, `weight`: `[out_features, in_features]`, `bias`:
/// `[1, out_features]`, `y`: `[max_tokens, out_features]`. Threads share rows as the device is tuned.
///
/// # Panics
/// If the shapes disagree.
pub fn gemv(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    let device = plan.device().clone();
    let shape = |part: &MatrixPart| device.gemv_shape(Product::of_part(part, x.stride()));
    record_shaped(plan, shape, (x, weight, bias, y));
}

/// As [`gemv`], with threads shared out as `shape` says.
///
/// # Panics
/// As [`gemv`].
pub fn gemv_shaped(
    plan: &mut Plan,
    shape: GemvShape,
    x: &Tensor,
    weight: &Matrix,
    bias: Option<&Tensor>,
    y: &Tensor,
) {
    record_shaped(plan, |_| shape, (x, weight, bias, y));
}

fn record_shaped(
    plan: &mut Plan,
    shape: impl Fn(&MatrixPart) -> GemvShape,
    operands: (&Tensor, &Matrix, Option<&Tensor>, &Tensor),
) {
    record(plan, operands, |part| {
        let shape = shape(part);
        assert!(!shape.shares_x || shape.threads_per_row == 1, "gemv_rows: threads of a row");
        let mut constants = vec![
            ("WORKGROUP_SIZE", f64::from(shape.workgroup_size)),
            ("ROWS_PER_THREAD", f64::from(shape.rows_per_thread)),
        ];
        if !shape.shares_x {
            constants.push(("THREADS_PER_ROW", f64::from(shape.threads_per_row)));
        }
        let rows = (shape.workgroup_size / shape.threads_per_row * shape.rows_per_thread) as usize;
        (shape.kernel(), constants, (rows, 1))
    });
}

/// What a product reads and computes for each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Product {
    /// Rows of these weights.
    pub out_features: usize,
    /// Columns, padding included.
    pub in_features: usize,
    /// How they are stored.
    pub format: Format,
    /// Bytes of the weights.
    pub weight_bytes: usize,
}

impl Product {
    /// Of weights whose rows are padded to `stride`.
    pub(crate) fn of_part(part: &MatrixPart, stride: usize) -> Self {
        Self::new(part.num_rows, stride, part.format)
    }

    /// Of `[out_features, in_features]` weights, padded, in `format`.
    pub fn new(out_features: usize, in_features: usize, format: Format) -> Self {
        let weight_bytes = 4 * out_features * format.words_per_row(in_features);
        Self { out_features, in_features, format, weight_bytes }
    }

    /// Of a dispatch; `None` if it is no product.
    pub(crate) fn of(dispatch: &Dispatch) -> Option<Self> {
        if !["gemv", "gemv_rows", "gemm"].contains(&dispatch.kernel.name) {
            return None;
        }
        let params: Params = bytemuck::pod_read_unaligned(&dispatch.params);
        let format = Format::from_code(params.format);
        Some(Self::new(params.out_features as usize, params.x_stride as usize, format))
    }

    /// Multiply-adds for a token.
    pub fn multiply_adds(&self) -> usize {
        self.out_features * self.in_features
    }
}

/// Records a product, part by part of the weights; `choose` gives the kernel for a part, its constants, and how many (rows,
/// tokens) a workgroup of it computes.
pub(super) fn record(
    plan: &mut Plan,
    (x, weight, bias, y): (&Tensor, &Matrix, Option<&Tensor>, &Tensor),
    choose: impl Fn(&MatrixPart) -> (&'static Kernel, Constants, (usize, usize)),
) {
    assert_eq!(x.columns(), weight.columns, "product: in_features");
    assert_eq!(y.columns(), weight.rows, "product: out_features");
    assert!(x.rows() >= plan.max_tokens() && y.rows() >= plan.max_tokens(), "product: tokens");
    if let Some(bias) = bias {
        assert_eq!(bias.columns(), weight.rows, "product: bias");
    }
    for part in &weight.parts {
        let (kernel, mut constants, (rows, tokens)) = choose(part);
        let params = Params {
            out_features: part.num_rows as u32,
            x_stride: x.stride() as u32,
            y_stride: y.stride() as u32,
            first_row: part.first_row as u32,
            has_bias: u32::from(bias.is_some()),
            format: part.format.code(),
        };
        constants.push(("FORMAT", f64::from(part.format.code())));
        plan.dispatch(Dispatch {
            kernel,
            params: bytemuck::bytes_of(&params).to_vec(),
            constants,
            buffers: vec![
                x.buffer().clone(),
                part.buffer.clone(),
                // A binding cannot be empty; without a bias nothing of it is read.
                bias.map_or_else(|| x.buffer().clone(), |bias| bias.buffer().clone()),
                y.buffer().clone(),
            ],
            groups_per_block: part.num_rows.div_ceil(rows) as u32,
            tokens_per_block: tokens as u32,
            beyond: 0,
        });
    }
}
