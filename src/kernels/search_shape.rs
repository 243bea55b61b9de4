//! The ways in which a workgroup searches for the greatest elements.

use crate::device::Device;

/// The way in which `argmax` and `top_k` share their work among threads. It changes speed, but never the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchShape {
    /// The columns of a part, 1 or more. `argmax` finds the greatest of each part.
    pub part_size: usize,
    /// The threads that search a part together, a power of two.
    pub workgroup_size: u32,
}

impl SearchShape {
    /// The most parts. Each takes two words of workgroup memory, of which every adapter has 16 KiB.
    const MAX_PARTS: usize = 1024;
    /// The shape for GPUs. A thread reads 16 columns.
    const GPU: Self = Self { part_size: 1024, workgroup_size: 64 };
    /// The threads of a software adapter's subgroup, which reach a barrier together.
    const SOFTWARE_WORKGROUP_SIZE: u32 = 8;

    /// The default for the kind of `device`, for rows of so many columns.
    pub fn of(device: &Device, columns: usize) -> Self {
        let least = columns.div_ceil(Self::MAX_PARTS);
        match device {
            Device::Gpu(gpu) if gpu.is_software() => Self {
                // The parts are as many as the columns of a part. Each candidate after the first is the greatest of a
                // search over both numbers.
                part_size: columns.isqrt().next_power_of_two().max(least),
                workgroup_size: Self::SOFTWARE_WORKGROUP_SIZE,
            },
            _ => Self { part_size: Self::GPU.part_size.max(least), ..Self::GPU },
        }
    }

    /// The number of parts.
    pub fn num_parts(self, columns: usize) -> usize {
        columns.div_ceil(self.part_size)
    }
}
