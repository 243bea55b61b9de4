//! The common part of products with weights: their parameters, the norm before, the epilogue after, and the recording.

use crate::cpu::{self, Epilogue};
use crate::device::{Buffer, Matrix, MatrixPart, Tensor};
use crate::dispatch::{Access, Call, Constants, Dispatch, Kernel, Requires, Tolerance};
use crate::format::Format;
use crate::kernels::Plan;

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Params {
    pub out_features: u32,
    pub in_features: u32,
    pub x_stride: u32,
    pub y_stride: u32,
    pub first_row: u32,
    pub has_bias: u32,
    pub eps: f32,
    pub format: u32,
    pub norm: u32,
    pub epilogue: u32,
}

// f32 sums of up to a few thousand products of numbers around 1, in any order. Measured on llvmpipe through Vulkan and GL:
// 2.8e-5 in a sum of 17 out of 2948 products.
pub(crate) const TOLERANCE: Tolerance = Tolerance { atol: 1e-4, rtol: 5e-6 };

/// The norm of a product's input: [`crate::kernels::layer_norm`] with a bias, [`crate::kernels::rms_norm`] without one.
#[derive(Debug, Clone)]
pub struct InputNorm {
    /// The weight, `[1, in_features]`.
    pub weight: Tensor,
    /// The bias, `[1, in_features]`.
    pub bias: Option<Tensor>,
    /// The number that is added to the variance or the mean square.
    pub eps: f32,
}

/// A kernel of a product, its constants, and the numbers of (columns of `y`, tokens) of a workgroup.
pub(super) type Tiling = (&'static Kernel, Constants, (usize, usize));

/// A product, the norm before it and the epilogue after it: `y = epilogue(weight norm(x) + bias)`.
#[derive(Debug, Clone)]
pub struct Matmul {
    /// The input, `[max_tokens, in_features]`.
    pub x: Tensor,
    /// The norm of the input.
    pub norm: Option<InputNorm>,
    /// The weights, `[out_features, in_features]`. For an epilogue with gates they are `[2 * out_features,
    /// in_features]`, in one part.
    pub weight: Matrix,
    /// The bias, `[1, rows of the weight]`.
    pub bias: Option<Tensor>,
    /// The last operation before the output is written.
    pub epilogue: Epilogue,
    /// The output, `[max_tokens, out_features]`.
    pub y: Tensor,
}

impl Matmul {
    /// A product without a norm or an epilogue.
    pub fn new(x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) -> Self {
        let (x, weight, bias, y) = (x.clone(), weight.clone(), bias.cloned(), y.clone());
        Self { x, norm: None, weight, bias, epilogue: Epilogue::Store, y }
    }

    /// Whether the product has neither a norm nor an epilogue.
    pub fn is_alone(&self) -> bool {
        self.norm.is_none() && self.epilogue == Epilogue::Store
    }

    /// The value of the shaders' constant `NORM`.
    pub(super) fn norm_code(&self) -> u32 {
        match &self.norm {
            None => 0,
            Some(InputNorm { bias: None, .. }) => 1,
            Some(InputNorm { bias: Some(_), .. }) => 2,
        }
    }

    fn check(&self, max_tokens: usize) {
        let Self { x, norm, weight, bias, epilogue, y } = self;
        assert_eq!(x.columns(), weight.columns, "product: in_features");
        let rows = if epilogue.is_gated() { 2 * y.columns() } else { y.columns() };
        assert_eq!(rows, weight.rows, "product: out_features");
        assert!(!epilogue.is_gated() || weight.parts.len() == 1, "product: gates and values in one part");
        assert!(x.rows() >= max_tokens && y.rows() >= max_tokens, "product: tokens");
        if let Some(bias) = bias {
            assert_eq!(bias.columns(), weight.rows, "product: bias");
        }
        if let Some(norm) = norm {
            for tensor in std::iter::once(&norm.weight).chain(&norm.bias) {
                assert_eq!(tensor.columns(), weight.columns, "product: columns of the norm");
            }
        }
    }

    fn params(&self, part: &MatrixPart) -> Params {
        let columns = if self.epilogue.is_gated() { part.num_rows / 2 } else { part.num_rows };
        Params {
            out_features: columns as u32,
            in_features: self.x.columns() as u32,
            x_stride: self.x.stride() as u32,
            y_stride: self.y.stride() as u32,
            first_row: part.first_row as u32,
            has_bias: u32::from(self.bias.is_some()),
            eps: self.norm.as_ref().map_or(0.0, |norm| norm.eps),
            format: part.format.code(),
            norm: self.norm_code(),
            epilogue: self.epilogue.code(),
        }
    }

    /// Records a product without a norm or an epilogue. `choose` is that of [`Matmul::record`].
    pub(super) fn record_alone(&self, plan: &mut Plan, choose: impl Fn(&MatrixPart) -> Tiling) {
        let Self { x, bias, y, .. } = self;
        self.record(plan, choose, |part| {
            // A binding cannot be empty. Without a bias, the kernel does not read it.
            vec![
                x.buffer().clone(),
                part.buffer.clone(),
                bias.as_ref().unwrap_or(x).buffer().clone(),
                y.buffer().clone(),
            ]
        });
    }

    /// Records the product, part by part of the weights. `choose` gives the kernel for a part, and `buffers` gives its
    /// bindings.
    pub(super) fn record(
        &self,
        plan: &mut Plan,
        choose: impl Fn(&MatrixPart) -> Tiling,
        buffers: impl Fn(&MatrixPart) -> Vec<Buffer>,
    ) {
        self.check(plan.max_tokens());
        for part in &self.weight.parts {
            let params = self.params(part);
            let (kernel, mut constants, (columns, tokens)) = choose(part);
            constants.push(("FORMAT", f64::from(params.format)));
            let dispatch = Dispatch {
                kernel,
                params: bytemuck::bytes_of(&params).to_vec(),
                constants,
                buffers: buffers(part),
                groups_per_block: (params.out_features as usize).div_ceil(columns) as u32,
                tokens_per_block: tokens as u32,
                min_kv_len: 0,
            };
            plan.dispatch_matmul(dispatch, MatmulShape::of_part(part, self.x.stride()));
        }
    }
}

/// The bindings of a product without a norm or an epilogue: `x`, weights, bias, `y`.
pub(super) const BUFFERS: [Access; 4] = [Access::Read, Access::Read, Access::Read, Access::ReadWrite];

/// The kernel of a product with several tokens, without a norm or an epilogue.
pub(super) const fn kernel(name: &'static str, wgsl: &'static str, requires: Requires) -> Kernel {
    Kernel {
        name,
        wgsl,
        params_bytes: size_of::<Params>(),
        requires,
        buffers: &BUFFERS,
        twin: |call| compute(call, cpu::gemv),
        fast: |call| compute(call, cpu::fast::gemm),
        tolerance: TOLERANCE,
    }
}

/// Computes such a product from `x`, weights and bias into `y`.
fn compute(call: &mut Call<'_>, product: impl cpu::Gemv) {
    let params: Params = call.params();
    let [x, weight, bias, y, ..] = &mut call.slots;
    product(
        call.batch.num_tokens as usize,
        params.weight(weight.words(), bias.floats()),
        (x.floats(), params.x_stride as usize),
        (y.floats_mut(), params.y_stride as usize, params.first_row as usize),
    );
}

impl Params {
    /// The weights of a dispatch in the form for the twins.
    pub(super) fn weight<'a>(&self, words: &'a [u32], bias: &'a [f32]) -> cpu::Weight<'a> {
        let gated = Epilogue::from_code(self.epilogue).is_gated();
        cpu::Weight {
            words,
            format: Format::from_code(self.format),
            bias: if self.has_bias == 0 { &[] } else { &bias[self.first_row as usize..] },
            out_features: self.out_features as usize * if gated { 2 } else { 1 },
        }
    }

    pub(super) fn epilogue(&self) -> Epilogue {
        Epilogue::from_code(self.epilogue)
    }
}

/// The shape of a product's weights, on which its work for each token depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MatmulShape {
    /// The rows of the weights.
    pub out_features: usize,
    /// The columns of the weights, padding included.
    pub in_features: usize,
    /// The format of the weights.
    pub format: Format,
    /// Bytes of the weights.
    pub weight_bytes: usize,
}

impl MatmulShape {
    /// The shape of weights whose rows are padded to `stride`.
    pub(crate) fn of_part(part: &MatrixPart, stride: usize) -> Self {
        Self::new(part.num_rows, stride, part.format)
    }

    /// The shape of padded weights `[out_features, in_features]` in `format`.
    pub fn new(out_features: usize, in_features: usize, format: Format) -> Self {
        let weight_bytes = 4 * out_features * format.words_per_row(in_features);
        Self { out_features, in_features, format, weight_bytes }
    }

    /// The multiply-adds for a token.
    pub fn multiply_adds(&self) -> usize {
        self.out_features * self.in_features
    }
}
