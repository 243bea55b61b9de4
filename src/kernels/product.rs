//! What products of weights share: their parameters, what may be done before and after, and how they are recorded.

use crate::cpu;
use crate::kernels::{Constants, Dispatch, Kernel, Plan, Tolerance};
use crate::tensor::{Format, Matrix, MatrixPart, Tensor};

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
pub(super) const TOLERANCE: Tolerance = Tolerance { atol: 1e-4, rtol: 5e-6 };

/// What is made of a product before it is written: the shaders' constant `EPILOGUE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Epilogue {
    /// Nothing.
    Store,
    /// It is added to what is there.
    Add,
    /// [`crate::kernels::gelu_tanh`]
    GeluTanh,
    /// [`crate::kernels::gelu_erf`]
    GeluErf,
    /// [`crate::kernels::geglu`]: two rows of weights make one column.
    GeGlu,
    /// [`crate::kernels::swiglu`], likewise.
    SwiGlu,
}

impl Epilogue {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Store, Self::Add, Self::GeluTanh, Self::GeluErf, Self::GeGlu, Self::SwiGlu];

    /// Whether the first half of the rows are gates for the second.
    pub fn is_gated(self) -> bool {
        matches!(self, Self::GeGlu | Self::SwiGlu)
    }

    /// The value of the shaders' constant.
    pub fn code(self) -> u32 {
        self as u32
    }

    fn from_code(code: u32) -> Self {
        Self::ALL[code as usize]
    }
}

/// A norm of what a product reads: with a bias [`crate::kernels::layer_norm`], without [`crate::kernels::rms_norm`].
#[derive(Debug, Clone, Copy)]
pub struct InputNorm<'a> {
    /// `[1, in_features]`
    pub weight: &'a Tensor,
    /// `[1, in_features]`
    pub bias: Option<&'a Tensor>,
    /// Next to the variance or the mean square.
    pub eps: f32,
}

/// A product with what comes before and after: `y = epilogue(weight norm(x) + bias)`.
#[derive(Debug, Clone, Copy)]
pub struct Projection<'a> {
    /// `[max_tokens, in_features]`
    pub x: &'a Tensor,
    /// Of `x`.
    pub norm: Option<InputNorm<'a>>,
    /// `[out_features, in_features]`; where the epilogue gates, `[2 * out_features, in_features]` in one part.
    pub weight: &'a Matrix,
    /// `[1, rows of the weight]`
    pub bias: Option<&'a Tensor>,
    /// Before it is written.
    pub epilogue: Epilogue,
    /// `[max_tokens, out_features]`
    pub y: &'a Tensor,
}

impl<'a> Projection<'a> {
    /// A product alone.
    pub fn new(x: &'a Tensor, weight: &'a Matrix, bias: Option<&'a Tensor>, y: &'a Tensor) -> Self {
        Self { x, norm: None, weight, bias, epilogue: Epilogue::Store, y }
    }

    /// The value of the shaders' constant `NORM`.
    pub(super) fn norm_code(&self) -> u32 {
        match self.norm {
            None => 0,
            Some(InputNorm { bias: None, .. }) => 1,
            Some(InputNorm { bias: Some(_), .. }) => 2,
        }
    }

    fn check(&self, kernel: &Kernel, max_tokens: usize) {
        let Self { x, norm, weight, bias, epilogue, y } = self;
        let name = kernel.name;
        assert_eq!(x.columns(), weight.columns, "{name}: in_features");
        let rows = if epilogue.is_gated() { 2 * y.columns() } else { y.columns() };
        assert_eq!(rows, weight.rows, "{name}: out_features");
        assert!(!epilogue.is_gated() || weight.parts.len() == 1, "{name}: gates and values in one part");
        assert!(x.rows() >= max_tokens && y.rows() >= max_tokens, "{name}: tokens");
        if let Some(bias) = bias {
            assert_eq!(bias.columns(), weight.rows, "{name}: bias");
        }
        if let Some(norm) = norm {
            for tensor in [Some(norm.weight), norm.bias].into_iter().flatten() {
                assert_eq!(tensor.columns(), weight.columns, "{name}: columns of the norm");
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
            eps: self.norm.map_or(0.0, |norm| norm.eps),
            format: part.format.code(),
            norm: self.norm_code(),
            epilogue: self.epilogue.code(),
        }
    }

    /// Records a product whose workgroups make `tile` = (columns of `y`, tokens) each, part by part of the weights. `buffers` gives those
    /// that the kernel binds for a part.
    pub(super) fn record(
        &self,
        plan: &mut Plan,
        kernel: &'static Kernel,
        constants: &Constants,
        tile: (usize, usize),
        buffers: impl Fn(&MatrixPart) -> Vec<crate::device::Buffer>,
    ) {
        self.check(kernel, plan.max_tokens());
        for part in &self.weight.parts {
            let params = self.params(part);
            let mut constants = constants.clone();
            constants.push(("FORMAT", f64::from(params.format)));
            plan.dispatch(Dispatch {
                kernel,
                params: bytemuck::bytes_of(&params).to_vec(),
                constants,
                buffers: buffers(part),
                groups_per_block: (params.out_features as usize).div_ceil(tile.0) as u32,
                tokens_per_block: tile.1 as u32,
            });
        }
    }
}

impl Params {
    /// The weights of a dispatch as the twins take them.
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
        if !["gemv", "gemv_residual", "gemv_rows", "gemm"].contains(&dispatch.kernel.name) {
            return None;
        }
        let params: Params = bytemuck::pod_read_unaligned(&dispatch.params);
        let weight = Params { has_bias: 0, ..params }.weight(&[], &[]);
        let (out_features, in_features) = (weight.out_features, params.x_stride as usize);
        let weight_bytes = 4 * out_features * weight.format.words_per_row(in_features);
        Some(Self { out_features, in_features, format: weight.format, weight_bytes })
    }

    /// Multiply-adds for a token.
    pub fn multiply_adds(&self) -> usize {
        self.out_features * self.in_features
    }
}
