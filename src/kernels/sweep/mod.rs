//! Compares a kernel with its CPU twin: the cases, and the inputs and the plan of each case.

mod attention;
mod case;
pub(super) mod cases;
pub(super) mod choice;
mod inputs;
mod product;

pub use case::{AttentionCase, Before, Case, Values};
pub(crate) use inputs::Inputs;
pub(crate) use inputs::POISON;
pub(super) use inputs::Padding;
pub(super) use product::Product;

use crate::device::{Device, Tensor};
use crate::dispatch::{Batch, Entry, Kernel, Tolerance};
use crate::error::Result;
use crate::format::BLOCK;
use crate::kernels::{Choices, Plan};

/// The rows of tensors past the tokens of a case. Kernels must not touch them.
pub(super) const SPARE_ROWS: usize = 3;

/// The epsilon of the RMS norms. It counts beside the square of a small value.
pub(super) const EPS: f32 = 1e-6;

/// A kernel of the registry, and the comparison with its twin.
#[derive(Debug, Clone, Copy)]
pub struct KernelSweep {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// The cases that `verify` computes.
    pub cases: fn() -> Vec<Case>,
    /// Makes a case's inputs, records the kernel into the scene's plan, and returns what the kernel writes.
    pub(super) set_up: SetUp,
    /// The factor of the absolute tolerance for a case.
    pub(super) atol_factor: fn(&Case) -> f32,
    /// Mistakes that the cases have to find.
    pub mistakes: &'static [Mistake],
}

/// The type of [`KernelSweep::set_up`]. The function panics if the case is of another kind of kernel.
pub(super) type SetUp = fn(&mut Scene<'_>, &Case) -> Result<Vec<Output>>;

/// A text of a shader, the text that replaces it, and the mistake that results. The shader stays valid.
pub type Mistake = (&'static str, &'static str, &'static str);

impl KernelSweep {
    /// The same sweep for another kernel of this name, such as one with a mistake.
    pub fn with_kernel(&self, kernel: &'static Kernel) -> Self {
        Self { kernel, ..*self }
    }

    /// The largest difference between a result of the case and the twin's.
    pub(crate) fn tolerance(&self, case: &Case) -> Tolerance {
        let Tolerance { atol, rtol } = self.kernel.tolerance;
        Tolerance { atol: (self.atol_factor)(case) * atol, rtol }
    }

    /// The number of workgroups of the kernel for a case. Of several dispatches, the largest counts.
    ///
    /// # Errors
    /// If the device has no room for the case.
    ///
    /// # Panics
    /// If the case is of another kind of kernel.
    pub fn num_workgroups(&self, device: &Device, case: &Case) -> Result<u32> {
        let Setup { plan, batch, .. } = self.set_up(device, &Choices::of(device), case)?;
        let recording = plan.lower()?.recording;
        let dispatches = recording.entries.iter().filter_map(Entry::dispatch);
        let own = dispatches.filter(|dispatch| dispatch.kernel.name == self.kernel.name);
        let groups = own.map(|own| own.groups_per_block * batch.num_tokens.div_ceil(own.tokens_per_block));
        Ok(groups.max().unwrap_or(0))
    }

    /// Sets up a case on a device. `choices` are for products whose case has no shape.
    ///
    /// # Panics
    /// If the case is of another kind of kernel.
    pub(crate) fn set_up(&self, device: &Device, choices: &Choices, case: &Case) -> Result<Setup> {
        let mut scene = Scene::new(device, choices, case);
        let outputs = (self.set_up)(&mut scene, case)?;
        scene.plan.substitute(self.kernel);
        Ok(Setup { plan: scene.plan, batch: scene.batch, outputs })
    }
}

/// A recorded case.
pub(crate) struct Setup {
    pub plan: Plan,
    pub batch: Batch,
    pub outputs: Vec<Output>,
}

/// A tensor that the kernel writes.
pub(crate) struct Output {
    pub label: &'static str,
    pub tensor: Tensor,
    /// Its words before the run.
    pub initial: Vec<u32>,
}

/// The inputs and the plan of a case that is being recorded.
pub(super) struct Scene<'a> {
    pub device: &'a Device,
    pub inputs: Inputs<'a>,
    pub plan: Plan,
    pub batch: Batch,
}

/// The sizes of a [`Case::Rows`].
pub(super) struct Rows {
    pub num_tokens: usize,
    pub columns: usize,
    pub values: Values,
}

impl Rows {
    /// The number of rows of a tensor, of rows with values, and of columns.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.num_tokens + SPARE_ROWS, self.num_tokens, self.columns)
    }
}

impl<'a> Scene<'a> {
    fn new(device: &'a Device, choices: &Choices, case: &Case) -> Self {
        let num_tokens = case.num_tokens();
        let plan = match case {
            Case::Attention(AttentionCase { own_texts: true, .. }) => {
                Plan::of_texts(device, choices, num_tokens)
            }
            _ => Plan::new(device, choices, num_tokens),
        };
        let batch = Batch { num_tokens: num_tokens as u32, ..Batch::default() };
        Self { device, inputs: Inputs::new(device), plan, batch }
    }

    /// The sizes of a case of rows.
    pub fn rows(case: &Case) -> Rows {
        match *case {
            Case::Rows { num_tokens, columns, values } => Rows { num_tokens, columns, values },
            _ => panic!("not rows: {case}"),
        }
    }

    /// Makes a row of values for `x` and the output of each thread, and returns them with the number of rounds.
    pub fn probe(&mut self, case: &Case) -> Result<(Tensor, Output, usize)> {
        let Case::Probe { num_blocks, num_threads, rounds } = *case else { panic!("no probe: {case}") };
        let x = self.inputs.tensor("x", (1, 1, num_blocks * BLOCK), Padding::Zero, |value| value)?;
        Ok((x, self.inputs.output("y", 1, num_threads)?, rounds))
    }
}
