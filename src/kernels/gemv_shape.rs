//! The ways in which threads share the rows of a product.

use std::fmt;
use std::str::FromStr;

use crate::device::Device;
use crate::dispatch::{Constants, Kernel};
use crate::error::{Error, Result};
use crate::kernels::{Matmul, gemv, gemv_rows};

/// The largest workgroup within WebGPU's lowest limits.
const MAX_WORKGROUP_SIZE: u32 = 256;
/// The most rows of a thread.
const MAX_ROWS: u32 = 4;

/// The way in which threads share the rows of [`crate::kernels::gemv`]. The shaders' headers explain it. It changes
/// speed and the order of sums, but never the meaning.
///
/// Its text has the kernel, the threads of a workgroup, the threads of a row, and the rows of these threads:
/// `gemv:64x32x1`.
///
/// ```
/// use sukashi::kernels::GemvShape;
///
/// let shape: GemvShape = "gemv_rows:32x1x2".parse()?;
/// assert!(shape.shares_x);
/// assert_eq!(shape.to_string(), "gemv_rows:32x1x2");
/// assert!("gemv:64x128x1".parse::<GemvShape>().is_err());
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GemvShape {
    /// The threads of a workgroup, a power of two.
    pub workgroup_size: u32,
    /// The threads that sum one row, a power of two and at most `workgroup_size`.
    pub threads_per_row: u32,
    /// The rows of each such group of threads, from 1 to 4.
    pub rows_per_thread: u32,
    /// Whether the lanes of a subgroup share their reads of `x`. This is the shader `gemv_rows`, with one thread for
    /// each row.
    pub shares_x: bool,
}

impl GemvShape {
    /// The default of GPUs. Neighbouring threads read neighbouring memory.
    pub const GPU: Self = Self::new(64, 32, 1);
    /// The default of software adapters without subgroups. Each thread sums whole rows, without a barrier.
    pub const SOFTWARE: Self = Self::new(16, 1, 2);
    /// The default of software adapters with subgroups.
    pub const SOFTWARE_SUBGROUPS: Self = Self { shares_x: true, ..Self::new(32, 1, 2) };
    /// The defaults that [`GemvShape::of`] chooses from.
    pub const ALL: [Self; 3] = [Self::GPU, Self::SOFTWARE, Self::SOFTWARE_SUBGROUPS];

    /// The shape with these numbers of threads of a workgroup, threads of a row, and rows of these threads.
    pub const fn new(workgroup_size: u32, threads_per_row: u32, rows_per_thread: u32) -> Self {
        Self { workgroup_size, threads_per_row, rows_per_thread, shares_x: false }
    }

    /// The kernel of this shape.
    pub fn kernel(self) -> &'static Kernel {
        if self.shares_x { &gemv_rows::KERNEL } else { &gemv::KERNEL }
    }

    /// The same shape in which every thread reads `x` itself.
    pub fn without_sharing(self) -> Self {
        if self.shares_x { Self::SOFTWARE } else { self }
    }

    /// The default for the kind of `device`.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Gpu(gpu) if !gpu.is_software() => Self::GPU,
            Device::Gpu(_) if device.runs(&gemv_rows::KERNEL) => Self::SOFTWARE_SUBGROUPS,
            _ => Self::SOFTWARE,
        }
    }

    /// The same shape with the rows that fit `matmul`. An RMS norm takes the place of the fourth row, and gates and
    /// values come in pairs.
    fn with_rows_for(self, matmul: &Matmul) -> Self {
        let sums_squares = !self.shares_x && matmul.norm.is_some();
        let rows = if sums_squares { self.rows_per_thread.min(3) } else { self.rows_per_thread };
        let rows_per_thread = if matmul.epilogue.is_gated() { (rows & !1).max(2) } else { rows };
        Self { rows_per_thread, ..self }
    }

    /// The shaders' constants, and the number of columns of `y` that a workgroup computes.
    ///
    /// # Panics
    /// If threads share both `x` and a row.
    pub(super) fn of_matmul(self, matmul: &Matmul) -> (Constants, usize) {
        let shape = self.with_rows_for(matmul);
        assert!(!shape.shares_x || shape.threads_per_row == 1, "gemv_rows: threads of a row");
        let mut constants = vec![
            ("WORKGROUP_SIZE", f64::from(shape.workgroup_size)),
            ("ROWS_PER_THREAD", f64::from(shape.rows_per_thread)),
            ("EPILOGUE", f64::from(matmul.epilogue.code())),
        ];
        if !shape.shares_x {
            constants.push(("THREADS_PER_ROW", f64::from(shape.threads_per_row)));
        }
        let rows = (shape.workgroup_size / shape.threads_per_row * shape.rows_per_thread) as usize;
        (constants, if matmul.epilogue.is_gated() { rows / 2 } else { rows })
    }

    /// The shapes that tuning tries on `device`. The most promising comes first, and [`GemvShape::of`] is among them.
    pub fn candidates(device: &Device) -> Vec<Self> {
        let is_software = matches!(device, Device::Gpu(gpu) if gpu.is_software());
        let default = Self::of(device);
        let rows = |sizes: &[u32]| -> Vec<Self> {
            sizes.iter().flat_map(|&size| [1, 2, 4].map(|rows| Self::new(size, 1, rows))).collect()
        };
        let mut candidates = vec![default];
        if is_software {
            let shapes = rows(&[32, 16, 64, 8]);
            candidates.extend(shapes.iter().map(|&shape| Self { shares_x: true, ..shape }));
            candidates.extend(shapes);
        } else {
            for threads in [32, 16, 64, 8] {
                for size in [64, 128, 256, 32] {
                    candidates.extend([1, 2, 4].map(|rows| Self::new(size, threads.min(size), rows)));
                }
            }
            candidates.extend(rows(&[64]).iter().map(|&shape| Self { shares_x: true, ..shape }));
        }
        let mut seen = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            if device.runs(candidate.kernel()) && !seen.contains(&candidate) {
                seen.push(candidate);
            }
        }
        seen
    }
}

impl fmt::Display for GemvShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workgroup_size, threads_per_row, rows_per_thread, .. } = self;
        write!(f, "{}:{workgroup_size}x{threads_per_row}x{rows_per_thread}", self.kernel().name)
    }
}

impl FromStr for GemvShape {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::input("cannot read the shape of a product").detail(format!(
                "found {text:?}, expected gemv:WxTxR or gemv_rows:Wx1xR: W threads (a power of two up to \
                  {MAX_WORKGROUP_SIZE}), T of them a row (a power of two up to W), R rows (1 to {MAX_ROWS})"
            ))
        };
        let (kernel, sizes) = text.split_once(':').ok_or_else(wrong)?;
        let sizes: Vec<u32> =
            sizes.split('x').map(|size| size.parse().map_err(|_| wrong())).collect::<Result<_>>()?;
        let &[workgroup_size, threads_per_row, rows_per_thread] = sizes.as_slice() else {
            return Err(wrong());
        };
        let shares_x = match kernel {
            "gemv" => false,
            "gemv_rows" => true,
            _ => return Err(wrong()),
        };
        let is_possible = workgroup_size.is_power_of_two()
            && workgroup_size <= MAX_WORKGROUP_SIZE
            && threads_per_row.is_power_of_two()
            && threads_per_row <= workgroup_size
            && (1..=MAX_ROWS).contains(&rows_per_thread)
            && !(shares_x && threads_per_row != 1);
        if is_possible {
            Ok(Self { workgroup_size, threads_per_row, rows_per_thread, shares_x })
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_written() {
        for shape in GemvShape::ALL {
            assert_eq!(shape.to_string().parse::<GemvShape>().unwrap(), shape);
        }
        for bad in [
            "",
            "gemv",
            "gemv:64",
            "gemv:64x32",
            "gemv:0x0x1",
            "gemv:48x16x1",
            "gemv:512x32x1",
            "gemv:64x32x5",
            "gemv:64x32x1x1",
            "gemv_rows:64x2x1",
            "gemm:64x32x1",
            "gemv:-1x1x1",
            "gemv:99999999999x1x1",
        ] {
            assert!(bad.parse::<GemvShape>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_default_comes_first() {
        assert_eq!(GemvShape::candidates(&Device::Cpu)[0], GemvShape::of(&Device::Cpu));
    }
}
