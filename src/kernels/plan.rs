//! A plan: the dispatches of one pass, recorded once and run for every token.

use crate::device::{Buffer, Device};
use crate::error::Result;
use crate::kernels::{Access, Batch, Fusion, Kernel, Product};
use crate::tensor::Tensor;
use crate::{cpu, gpu};

/// Values for a shader's `override` constants.
pub type Constants = Vec<(&'static str, f64)>;

/// One kernel on its buffers.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// What runs.
    pub kernel: &'static Kernel,
    /// The uniform `params`, as bytes.
    pub params: Vec<u8>,
    /// The shader's constants; they change speed, never meaning, so the twin does not see them.
    pub constants: Constants,
    /// Bindings 2 and up.
    pub buffers: Vec<Buffer>,
    /// Workgroups for each block of tokens.
    pub groups_per_block: u32,
    /// Tokens in such a block.
    pub tokens_per_block: u32,
    /// There is something to do only where a token sees more positions than this; shorter passes leave it out. 0 for
    /// what every pass needs.
    pub beyond: u32,
}

/// An entry of a plan.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A kernel on its buffers.
    Dispatch(Dispatch),
    /// A copy of whole buffers, for captured values. It interrupts the pass, so a decode loop has none.
    Copy {
        /// Read.
        from: Buffer,
        /// Written; at least as long.
        to: Buffer,
    },
}

impl Entry {
    /// The kernel on its buffers, if it is one.
    pub fn dispatch(&self) -> Option<&Dispatch> {
        match self {
            Self::Dispatch(dispatch) => Some(dispatch),
            Self::Copy { .. } => None,
        }
    }
}

/// The dispatches of one pass, in order.
///
/// Shapes are fixed; the number of tokens, up to `max_tokens`, and their position are given at each run.
#[derive(Debug)]
pub struct Plan {
    device: Device,
    max_tokens: usize,
    tokens_of_text: usize,
    fusion: Fusion,
    entries: Vec<Entry>,
}

impl Plan {
    /// An empty plan for passes of up to `max_tokens` tokens that stand one after the other in a text.
    pub fn new(device: &Device, max_tokens: usize) -> Self {
        let (device, tokens_of_text) = (device.clone(), max_tokens);
        Self { device, max_tokens, tokens_of_text, fusion: Fusion::None, entries: Vec::new() }
    }

    /// An empty plan for a token at a time, whose dispatches do what `fusion` brings together.
    pub fn fused(device: &Device, fusion: Fusion) -> Self {
        Self { fusion, ..Self::new(device, 1) }
    }

    /// An empty plan for passes of one token of each of up to `num_texts` texts.
    pub fn of_texts(device: &Device, num_texts: usize) -> Self {
        Self { tokens_of_text: 1, ..Self::new(device, num_texts) }
    }

    /// What dispatches bring together.
    pub fn fusion(&self) -> Fusion {
        self.fusion
    }

    /// The device whose buffers the plan uses.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The most tokens that a run may have.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// The most tokens of one text that a run may have.
    pub fn tokens_of_text(&self) -> usize {
        self.tokens_of_text
    }

    /// How many kernels a run dispatches.
    pub fn num_dispatches(&self) -> usize {
        self.entries.iter().filter_map(Entry::dispatch).count()
    }

    /// Adds a dispatch; the wrappers in [`crate::kernels`] call it.
    ///
    /// # Panics
    /// If the buffers or parameters are not those of the kernel, or a buffer that is written is bound twice: a caller's
    /// bug.
    pub fn dispatch(&mut self, dispatch: Dispatch) {
        let kernel = dispatch.kernel;
        assert_eq!(dispatch.params.len(), kernel.params_bytes, "{}: size of params", kernel.name);
        assert_eq!(dispatch.buffers.len(), kernel.buffers.len(), "{}: number of buffers", kernel.name);
        for (index, (buffer, access)) in dispatch.buffers.iter().zip(kernel.buffers).enumerate() {
            let others = dispatch.buffers.iter().enumerate().filter(|(other, _)| *other != index);
            assert!(
                *access == Access::Read || !others.into_iter().any(|(_, other)| other.is(buffer)),
                "{}: buffer {index} is written and bound twice",
                kernel.name
            );
        }
        self.entries.push(Entry::Dispatch(dispatch));
    }

    /// Puts `kernel` in the place of its namesake, so that a changed shader can be held against the twin.
    pub(crate) fn substitute(&mut self, kernel: &'static Kernel) {
        for entry in &mut self.entries {
            if let Entry::Dispatch(dispatch) = entry
                && dispatch.kernel.name == kernel.name
            {
                dispatch.kernel = kernel;
            }
        }
    }

    /// Adds a copy of all of `from` into `to`, for a captured value.
    ///
    /// # Panics
    /// If `to` is smaller than `from`.
    pub fn copy(&mut self, from: &Tensor, to: &Tensor) {
        assert!(to.buffer().len() >= from.buffer().len(), "copy into a smaller tensor");
        self.entries.push(Entry::Copy { from: from.buffer().clone(), to: to.buffer().clone() });
    }

    /// Makes every pipeline and bind group, so that running makes none.
    ///
    /// # Errors
    /// If a shader does not compile on the device, or its memory is used up.
    pub fn compile(self) -> Result<Program> {
        let max_tokens = self.max_tokens;
        let dispatches = self.entries.iter().filter_map(Entry::dispatch);
        let steps = dispatches.map(|d| Step { kernel: d.kernel.name, product: Product::of(d) }).collect();
        let inner = match &self.device {
            Device::Gpu(gpu) => Inner::Gpu(gpu::Program::new(gpu, &self.entries)?),
            Device::Cpu => Inner::Cpu(cpu::Program::new(self.entries, |kernel| kernel.fast)),
            Device::Twins => Inner::Cpu(cpu::Program::new(self.entries, |kernel| kernel.twin)),
        };
        Ok(Program { max_tokens, steps, inner })
    }
}

/// What a dispatch of a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The kernel's name.
    pub kernel: &'static str,
    /// What it reads and computes, if it is a product of weights.
    pub product: Option<Product>,
}

/// A compiled plan.
#[derive(Debug)]
pub struct Program {
    max_tokens: usize,
    steps: Vec<Step>,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Gpu(gpu::Program),
    Cpu(cpu::Program),
}

impl Program {
    /// How many kernels a run dispatches.
    pub fn num_dispatches(&self) -> usize {
        self.steps.len()
    }

    /// The dispatches, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Computes `batch` dispatch by dispatch and gives the seconds that each of [`Program::steps`] took: by the adapter's
    /// timestamps, where it has them, otherwise by the clock from its submission until it is done. Makes what it measures with
    /// each time.
    ///
    /// # Errors
    /// If the device fails or is lost meanwhile.
    ///
    /// # Panics
    /// As [`Program::run`].
    pub async fn profile(&self, batch: Batch) -> Result<Vec<f64>> {
        assert!(batch.num_tokens as usize <= self.max_tokens, "a batch larger than the plan");
        match &self.inner {
            Inner::Gpu(program) => program.profile(batch).await,
            Inner::Cpu(program) => Ok(program.profile(batch)),
        }
    }

    /// Computes `batch`. On a GPU the work is recorded in `pass` and runs when that is submitted.
    ///
    /// # Panics
    /// If the batch has more tokens than the plan was made for, or `pass` belongs to another kind of device.
    pub fn run(&self, batch: Batch, pass: &mut Recorder) {
        assert!(batch.num_tokens as usize <= self.max_tokens, "a batch larger than the plan");
        match (&self.inner, &mut pass.0) {
            (Inner::Gpu(program), Some(encoder)) => program.record(batch, encoder),
            (Inner::Cpu(program), None) => program.run(batch),
            _ => panic!("a program runs on the device that it was compiled for"),
        }
    }
}

/// What programs record into before they are submitted together; on the CPU they run at once.
#[derive(Debug)]
pub struct Recorder(pub(crate) Option<gpu::Encoder>);
