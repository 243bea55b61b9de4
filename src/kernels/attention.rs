//! `attention`: causal attention of new tokens over the KV cache.

use crate::cpu::{self, Call};
use crate::kernels::{Access, Dispatch, Kernel, Plan, Tolerance};
use crate::tensor::Tensor;

/// Threads of a workgroup, and the channels that it computes: the shader's default.
const WORKGROUP_SIZE: usize = 64;

/// How heads lie in rows, and what scores are multiplied with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionShape {
    /// Query heads.
    pub num_heads: usize,
    /// Key and value heads; a divisor of `num_heads`.
    pub num_kv_heads: usize,
    /// Channels of a head.
    pub head_dim: usize,
    /// Multiplies the scores, `1 / sqrt(head_dim)` as a rule.
    pub scale: f32,
    /// Positions that a token sees, itself included: 1 or more; `None` for all.
    pub window: Option<usize>,
    /// What scores are soft-capped at, a number above 0; `None` for not at all.
    pub softcap: Option<f32>,
}

impl AttentionShape {
    /// Columns of the rows that hold queries, keys and values.
    pub fn qkv_size(&self) -> usize {
        (self.num_heads + 2 * self.num_kv_heads) * self.head_dim
    }

    /// Columns of a cache.
    pub fn kv_size(&self) -> usize {
        self.num_kv_heads * self.head_dim
    }

    /// The uniforms `window` and `softcap`, of which 0 stands for none.
    ///
    /// # Panics
    /// If either is 0 itself, or the cap is no positive number.
    pub(super) fn window_and_softcap(&self, kernel: &str) -> (u32, f32) {
        assert!(self.window != Some(0), "{kernel}: window");
        assert!(self.softcap.is_none_or(|cap| cap > 0.0), "{kernel}: softcap");
        // A window that u32 does not hold is wider than any text.
        let window = self.window.map_or(0, |window| u32::try_from(window).unwrap_or(u32::MAX));
        (window, self.softcap.unwrap_or(0.0))
    }
}

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    num_heads: u32,
    num_kv_heads: u32,
    head_dim: u32,
    qkv_stride: u32,
    kv_stride: u32,
    y_stride: u32,
    scale: f32,
    window: u32,
    softcap: f32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "attention",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/attention.wgsl")),
    params_bytes: size_of::<Params>(),
    min_subgroup_size: 0,
    buffers: &[Access::Read, Access::Read, Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::attention),
    fast: |call| compute(call, cpu::fast::attention),
    // An average of values around 1 with weights whose exp argument is off by an f32 product's error. Measured on
    // llvmpipe through Vulkan and GL: 2.5e-6, where large queries make scores of tens, and 3.9e-6, where these are capped at
    // 50, which multiplies the rounding of tanh; far less otherwise.
    tolerance: Tolerance { atol: 2e-5, rtol: 1e-6 },
};

fn compute(
    call: &mut Call<'_>,
    attention: impl Fn((usize, usize), cpu::Heads, (&[f32], &[f32], &[f32]), (&mut [f32], usize)),
) {
    let params: Params = call.params();
    let [qkv, k_cache, v_cache, y, ..] = &mut call.slots;
    let heads = cpu::Heads {
        num_heads: params.num_heads as usize,
        num_kv_heads: params.num_kv_heads as usize,
        head_dim: params.head_dim as usize,
        qkv_stride: params.qkv_stride as usize,
        kv_stride: params.kv_stride as usize,
        scale: params.scale,
        window: params.window as usize,
        softcap: params.softcap,
    };
    attention(
        (call.batch.position as usize, call.batch.num_tokens as usize),
        heads,
        (qkv.floats(), k_cache.floats(), v_cache.floats()),
        (y.floats_mut(), params.y_stride as usize),
    );
}

/// Records attention of `qkv`, `[max_tokens, qkv_size]`, over `k_cache` and `v_cache`, `[max_seq_len, kv_size]`, whose
/// rows `..= batch.position + t` are written, into `y`, `[max_tokens, num_heads * head_dim]`.
///
/// # Panics
/// If the shapes disagree, or the window or the cap is not above 0.
pub fn attention(
    plan: &mut Plan,
    shape: &AttentionShape,
    qkv: &Tensor,
    (k_cache, v_cache): (&Tensor, &Tensor),
    y: &Tensor,
) {
    assert_eq!(shape.num_heads % shape.num_kv_heads, 0, "attention: heads");
    assert_eq!(qkv.columns(), shape.qkv_size(), "attention: columns of qkv");
    assert_eq!(k_cache.columns(), shape.kv_size(), "attention: columns of k_cache");
    assert_eq!(v_cache.columns(), shape.kv_size(), "attention: columns of v_cache");
    assert_eq!(y.columns(), shape.num_heads * shape.head_dim, "attention: columns of y");
    assert!(qkv.rows() >= plan.max_tokens() && y.rows() >= plan.max_tokens(), "attention: tokens");
    let (window, softcap) = shape.window_and_softcap("attention");
    let params = Params {
        num_heads: shape.num_heads as u32,
        num_kv_heads: shape.num_kv_heads as u32,
        head_dim: shape.head_dim as u32,
        qkv_stride: qkv.stride() as u32,
        kv_stride: k_cache.stride() as u32,
        y_stride: y.stride() as u32,
        scale: shape.scale,
        window,
        softcap,
    };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![
            qkv.buffer().clone(),
            k_cache.buffer().clone(),
            v_cache.buffer().clone(),
            y.buffer().clone(),
        ],
        groups_per_block: (shape.num_heads * shape.head_dim.div_ceil(WORKGROUP_SIZE)) as u32,
        tokens_per_block: 1,
    });
}
