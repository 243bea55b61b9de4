//! Buffers of words on a device.

use crate::{cpu, gpu};

/// 32-bit words on a device. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Buffer(pub(super) Storage);

#[derive(Debug, Clone)]
pub(super) enum Storage {
    Gpu(gpu::Buffer),
    Cpu(cpu::Buffer),
}

impl Buffer {
    /// Returns the number of words.
    pub fn len(&self) -> usize {
        match &self.0 {
            Storage::Gpu(buffer) => (buffer.size() / 4) as usize,
            Storage::Cpu(words) => words.len(),
        }
    }

    /// Returns whether there are no words.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether both are the same memory.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Storage::Gpu(one), Storage::Gpu(other)) => one == other,
            (Storage::Cpu(one), Storage::Cpu(other)) => one.is(other),
            _ => false,
        }
    }

    /// # Panics
    /// If the CPU made it.
    pub(super) fn gpu(&self) -> &gpu::Buffer {
        match &self.0 {
            Storage::Gpu(buffer) => buffer,
            Storage::Cpu(_) => panic!("a buffer belongs to the device that made it"),
        }
    }

    /// # Panics
    /// If a GPU made it.
    pub(super) fn cpu(&self) -> &cpu::Buffer {
        match &self.0 {
            Storage::Cpu(words) => words,
            Storage::Gpu(_) => panic!("a buffer belongs to the device that made it"),
        }
    }
}
