//! `gemv`: `y = weight x + bias`, one token at a time; what decoding spends its time in.

use crate::cpu::{self, Call};
use crate::device::Device;
use crate::kernels::{Access, Constants, Dispatch, Kernel, Plan, Tolerance, gemv_rows};
use crate::tensor::{Format, Matrix, Tensor};

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
pub(super) const TOLERANCE: Tolerance = Tolerance { atol: 1e-4, rtol: 5e-6 };

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

/// How threads share the rows of [`gemv`]; see the shaders' headers. It changes speed, never meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GemvShape {
    /// Threads of a workgroup; a power of two.
    pub workgroup_size: u32,
    /// Threads that sum one row; a power of two, at most `workgroup_size`.
    pub threads_per_row: u32,
    /// Rows of each such group of threads; from 1 to 4.
    pub rows_per_thread: u32,
    /// Whether the lanes of a subgroup share what they read of `x`: the shader `gemv_rows`, with one thread a row.
    pub shares_x: bool,
}

impl GemvShape {
    /// Neighbouring threads read one stretch of memory.
    pub const GPU: Self = Self::new(64, 32, 1);
    /// A row per thread and no barrier.
    pub const SOFTWARE: Self = Self::new(16, 1, 2);
    /// The same where there are subgroups.
    pub const SOFTWARE_SUBGROUPS: Self = Self { shares_x: true, ..Self::new(32, 1, 2) };
    /// What [`GemvShape::of`] gives where nothing is tuned.
    pub const ALL: [Self; 3] = [Self::GPU, Self::SOFTWARE, Self::SOFTWARE_SUBGROUPS];

    /// Threads of a workgroup, threads of a row, rows of these.
    pub const fn new(workgroup_size: u32, threads_per_row: u32, rows_per_thread: u32) -> Self {
        Self { workgroup_size, threads_per_row, rows_per_thread, shares_x: false }
    }

    /// The kernel that has this shape.
    pub fn kernel(self) -> &'static Kernel {
        if self.shares_x { &gemv_rows::KERNEL } else { &KERNEL }
    }

    /// What suits `device`.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Gpu(gpu) if !gpu.is_software() => Self::GPU,
            Device::Gpu(_) if device.runs(&gemv_rows::KERNEL) => Self::SOFTWARE_SUBGROUPS,
            _ => Self::SOFTWARE,
        }
    }
}

/// Records `y = weight x + bias`; `x`: `[max_tokens, in_features]`, `weight`: `[out_features, in_features]`, `bias`:
/// `[1, out_features]`, `y`: `[max_tokens, out_features]`.
///
/// # Panics
/// If the shapes disagree.
pub fn gemv(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    gemv_shaped(plan, GemvShape::of(plan.device()), x, weight, bias, y);
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
    if shape.shares_x {
        return gemv_rows::gemv_rows(plan, shape, x, weight, bias, y);
    }
    let constants = vec![
        ("WORKGROUP_SIZE", f64::from(shape.workgroup_size)),
        ("THREADS_PER_ROW", f64::from(shape.threads_per_row)),
        ("ROWS_PER_THREAD", f64::from(shape.rows_per_thread)),
    ];
    let rows_per_group = (shape.workgroup_size / shape.threads_per_row * shape.rows_per_thread) as usize;
    record(plan, &KERNEL, (x, weight, bias, y), constants, (rows_per_group, 1));
}

/// What a product reads and computes for each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Of a dispatch; `None` if it is no product.
    pub(crate) fn of(dispatch: &Dispatch) -> Option<Self> {
        if !["gemv", "gemv_rows", "gemm"].contains(&dispatch.kernel.name) {
            return None;
        }
        let params: Params = bytemuck::pod_read_unaligned(&dispatch.params);
        let (out_features, in_features) = (params.out_features as usize, params.x_stride as usize);
        let format = Format::from_code(params.format);
        let weight_bytes = 4 * out_features * format.words_per_row(in_features);
        Some(Self { out_features, in_features, format, weight_bytes })
    }

    /// Multiply-adds for a token.
    pub fn multiply_adds(&self) -> usize {
        self.out_features * self.in_features
    }
}

/// Records a product whose workgroups compute `tile` = (rows, tokens) each, part by part of the weights.
pub(super) fn record(
    plan: &mut Plan,
    kernel: &'static Kernel,
    (x, weight, bias, y): (&Tensor, &Matrix, Option<&Tensor>, &Tensor),
    constants: Constants,
    tile: (usize, usize),
) {
    assert_eq!(x.columns(), weight.columns, "{}: in_features", kernel.name);
    assert_eq!(y.columns(), weight.rows, "{}: out_features", kernel.name);
    assert!(x.rows() >= plan.max_tokens() && y.rows() >= plan.max_tokens(), "{}: tokens", kernel.name);
    if let Some(bias) = bias {
        assert_eq!(bias.columns(), weight.rows, "{}: bias", kernel.name);
    }
    for part in &weight.parts {
        let params = Params {
            out_features: part.num_rows as u32,
            x_stride: x.stride() as u32,
            y_stride: y.stride() as u32,
            first_row: part.first_row as u32,
            has_bias: u32::from(bias.is_some()),
            format: part.format.code(),
        };
        let mut constants = constants.clone();
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
            groups_per_block: part.num_rows.div_ceil(tile.0) as u32,
            tokens_per_block: tile.1 as u32,
        });
    }
}
