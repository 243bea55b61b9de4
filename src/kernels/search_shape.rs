//! How a workgroup looks for the greatest.

use crate::device::Device;

/// How `argmax` and `top_k` share out their work. It changes speed, never meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchShape {
    /// Columns that `argmax` finds one of: 1 or more.
    pub part_size: usize,
    /// Threads that find it together: a power of two.
    pub workgroup_size: u32,
}

impl SearchShape {
    /// The most parts: two words of workgroup memory each, of which every adapter has 16 KiB.
    const MAX_PARTS: usize = 1024;
    /// Threads that read 16 columns each.
    const GPU: Self = Self { part_size: 1024, workgroup_size: 64 };
    /// Threads of a software adapter's subgroup: they are at a barrier together.
    const SOFTWARE_WORKGROUP_SIZE: u32 = 8;

    /// What suits `device` for rows of so many columns.
    pub fn of(device: &Device, columns: usize) -> Self {
        let least = columns.div_ceil(Self::MAX_PARTS);
        match device {
            Device::Gpu(gpu) if gpu.is_software() => Self {
                // As many parts as columns in each: each candidate after the first is the greatest of both.
                part_size: columns.isqrt().next_power_of_two().max(least),
                workgroup_size: Self::SOFTWARE_WORKGROUP_SIZE,
            },
            _ => Self { part_size: Self::GPU.part_size.max(least), ..Self::GPU },
        }
    }

    /// How many parts there are.
    pub fn num_parts(self, columns: usize) -> usize {
        columns.div_ceil(self.part_size)
    }
}
